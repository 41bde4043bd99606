"""What is asked of tickets: the list, and one ticket whole. A ticket's own lists are in `lists`.

Row scope: `visible_to` gives the parameters of the condition that stands in every question about one ticket; the
list has it as the filter `in_scope`, left out for whoever sees all. The rows that services change are in `rows`.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam, case, cast, exists, null, or_, select

from app.auth.models import Department, User
from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.columns import Json
from app.customers.models import AccountTeamMember, Contact, Customer
from app.customers.queries import HasTag
from app.reading import Listing, one_statement
from app.statements import Statement, any_of, json_list, json_row
from app.tickets.lifecycle import TicketStatus
from app.tickets.models import TaskForceMember, Ticket

Fields = tuple[tuple[str, ColumnElement[Any]], ...]

_TICKETS, _CUSTOMERS = Ticket.__table__, Customer.__table__
_CONTACTS, _DEPARTMENTS = Contact.__table__, Department.__table__
_OWNERS, _MEMBERS = User.__table__.alias("owner"), User.__table__.alias("member")
_FORCE, _TEAM = TaskForceMember.__table__, AccountTeamMember.__table__
_ticket, _customer, _owner, _department = _TICKETS.c, _CUSTOMERS.c, _OWNERS.c, _DEPARTMENTS.c
_DONE = (TicketStatus.RESOLVED.value, TicketStatus.CLOSED.value)


# --- who may see what


def in_account_team() -> ColumnElement[bool]:
    """Return whether the parameter `caller` serves the ticket's customer in its account team."""
    return exists(_TEAM.c.id).where(
        _TEAM.c.customer_id == _ticket.customer_id, _TEAM.c.user_id == bindparam("caller")
    )


def in_task_force() -> ColumnElement[bool]:
    """Return whether the parameter `caller` is in the ticket's task force."""
    return exists(_FORCE.c.id).where(
        _FORCE.c.ticket_id == _ticket.id, _FORCE.c.user_id == bindparam("caller")
    )


_IN_SCOPE = or_(
    _ticket.owner_id == bindparam("caller"),
    _ticket.created_by == bindparam("caller"),
    _customer.owner_id == bindparam("caller"),
    _customer.account_manager_id == bindparam("caller"),
    any_of(_ticket.department_id, "departments"),
    in_task_force(),
    in_account_team(),
)
_VISIBLE = or_(bindparam("sees_all", type_=Boolean()), _IN_SCOPE)


def visible_to(principal: Principal) -> dict[str, Any]:
    """Return the parameters of the row scope in which the principal reads tickets."""
    scope = principal.scope(Permission.TICKETS_READ)
    below = principal.departments if scope is RowScope.DEPARTMENT else ()
    return {
        "sees_all": scope is RowScope.ALL,
        "caller": principal.user_id,
        "departments": list(below),
    }


# --- tickets shown


def nullable_object(
    key: ColumnElement[Any], fields: Iterable[tuple[str, Any]]
) -> ColumnElement[Any]:
    """Return a JSON object, or null where `key` is null."""
    return cast(case((key.is_(None), null()), else_=json_row(fields)), Json)


def named(table: Any) -> ColumnElement[Any]:
    """Return `{id, name}` of an outer-joined user or department, or null."""
    return nullable_object(table.c.id, (("id", table.c.public_id), ("name", table.c.name)))


def public_id_of(table: Any, key: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Return the public id of the row of a model's table that `key` names, looked up under the alias `name`."""
    other = table.__table__.alias(name)
    return select(other.c.public_id).where(other.c.id == key).scalar_subquery()


_WITH_CUSTOMER = _TICKETS.join(_CUSTOMERS, _customer.id == _ticket.customer_id)
_WITH_PEOPLE = _WITH_CUSTOMER.outerjoin(_OWNERS, _owner.id == _ticket.owner_id).outerjoin(
    _DEPARTMENTS, _department.id == _ticket.department_id
)
_CUSTOMER_SHOWN = json_row(
    (
        ("id", _customer.public_id),
        ("number", _customer.number),
        ("name", _customer.name),
        ("tier", _customer.tier),
    )
)
# What staff said last; a reopened ticket shows it again.
_PROGRESS = case((or_(*(_ticket.status == done for done in _DONE)), 100), else_=_ticket.progress)

_SUMMARY: Fields = (
    ("id", _ticket.public_id),
    ("number", _ticket.number),
    ("customer", _CUSTOMER_SHOWN),
    ("type", _ticket.type),
    ("complexity", _ticket.complexity),
    ("channel", _ticket.channel),
    ("priority", _ticket.priority),
    ("subject", _ticket.subject),
    ("tags", _ticket.tags),
    ("status", _ticket.status),
    ("progress", _PROGRESS),
    ("owner", named(_OWNERS)),
    ("department", named(_DEPARTMENTS)),
    ("opened_at", _ticket.opened_at),
    ("accepted_at", _ticket.accepted_at),
    ("resolved_at", _ticket.resolved_at),
    ("closed_at", _ticket.closed_at),
    ("version", _ticket.version),
    ("updated_at", _ticket.updated_at),
)

_TASK_FORCE = json_list(
    select()
    .select_from(_FORCE.join(_MEMBERS, _MEMBERS.c.id == _FORCE.c.user_id))
    .where(_FORCE.c.ticket_id == _ticket.id)
    .order_by(_FORCE.c.id),
    (("user_id", _MEMBERS.c.public_id), ("name", _MEMBERS.c.name), ("duty", _FORCE.c.duty)),
    _TICKETS,
)
_SOLUTION = nullable_object(
    _ticket.solution, (("steps", _ticket.solution), ("result", _ticket.solution_result))
)

_WHOLE: Fields = (
    *_SUMMARY,
    ("customer_id", _customer.public_id),
    ("contact_id", public_id_of(Contact, _ticket.contact_id, "contact")),
    ("description", _ticket.description),
    ("owner_id", _owner.public_id),
    ("department_id", _department.public_id),
    ("created_by", public_id_of(User, _ticket.created_by, "creator")),
    ("task_force", _TASK_FORCE),
    ("happened_at", _ticket.happened_at),
    ("wished_at", _ticket.wished_at),
    ("agreed_at", _ticket.agreed_at),
    ("agreement_pending", _ticket.agreement_pending),
    ("dispatched_at", _ticket.dispatched_at),
    ("progress_at", _ticket.progress_at),
    ("close_due_at", _ticket.close_due_at),
    ("wait_reason", _ticket.wait_reason),
    ("plan", _ticket.plan),
    ("solution", _SOLUTION),
    ("confirmation", _ticket.confirmation),
    ("rating", _ticket.rating),
    ("confirmed_contact_id", public_id_of(Contact, _ticket.confirmed_contact_id, "confirmer")),
    ("confirmed_channel", _ticket.confirmed_channel),
    ("customer_feedback", _ticket.customer_feedback),
    ("root_cause", _ticket.root_cause),
    ("improvement_suggestion", _ticket.improvement_suggestion),
    ("merged_into_id", public_id_of(Ticket, _ticket.merged_into_id, "survivor")),
    ("split_from_id", public_id_of(Ticket, _ticket.split_from_id, "split_from")),
    ("follows_id", public_id_of(Ticket, _ticket.follows_id, "followed")),
)

ONE = one_statement(
    _WITH_PEOPLE,
    _WHOLE,
    _ticket.public_id == bindparam("public_id"),
    _VISIBLE,
    version=_ticket.version,
)


def _key_of(table: Any, name: str) -> ColumnElement[Any]:
    """Return the key behind a public id, looked up once, so that the tickets' own indexes serve."""
    other = table.__table__.alias(f"asked_{name}")
    return select(other.c.id).where(other.c.public_id == bindparam(name)).scalar_subquery()


LISTING = Listing(
    name="tickets",
    source=_WITH_PEOPLE,
    fields=_SUMMARY,
    key=_ticket.id,
    sorts={
        "opened_at": _ticket.opened_at,
        "updated_at": _ticket.updated_at,
        "number": _ticket.number,
        "status": _ticket.status,
    },
    filters={
        "status": any_of(_ticket.status, "status"),
        "type": any_of(_ticket.type, "type"),
        "complexity": any_of(_ticket.complexity, "complexity"),
        "priority": any_of(_ticket.priority, "priority"),
        "owner_id": _ticket.owner_id == _key_of(User, "owner_id"),
        "department_id": _ticket.department_id == _key_of(Department, "department_id"),
        "customer_id": _ticket.customer_id == _key_of(Customer, "customer_id"),
        "tag": HasTag(_ticket.tags, bindparam("tag", type_=_ticket.number.type)),
        "number": _ticket.number == bindparam("number"),
        "opened_from": _ticket.opened_at >= bindparam("opened_from"),
        "opened_before": _ticket.opened_at < bindparam("opened_before"),
        "in_scope": _IN_SCOPE,
    },
)

VISIBLE_KEY = Statement(
    select(_ticket.id)
    .select_from(_WITH_CUSTOMER)
    .where(_ticket.public_id == bindparam("public_id"), _VISIBLE)
)
