"""What is asked of needs: the list, one whole with its plan and clocks, and the rows that changes need."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from app.auth.models import User
from app.customers.models import Customer
from app.needs.models import CustomerNeed, NeedPlan, NeedResponsibility
from app.reading import Listing, one_statement
from app.sla.models import DeadlineRow, Subject
from app.sla.views import STATE
from app.statements import Statement, any_of, json_list

Fields = tuple[tuple[str, ColumnElement[Any]], ...]
NEED, RESPONSIBILITY = "customer_need", "need_responsibility"

_NEEDS, _PLANS, _TASKS = CustomerNeed.__table__, NeedPlan.__table__, NeedResponsibility.__table__
_CUSTOMERS, _USERS, _DEADLINES = Customer.__table__, User.__table__, DeadlineRow.__table__
_OWNERS, _CREATORS, _DOERS = (_USERS.alias(name) for name in ("first", "creator", "doer"))
_SUBJECTS = Subject.__table__
_need, _plan, _task, _deadline = _NEEDS.c, _PLANS.c, _TASKS.c, _DEADLINES.c

_SOURCE = _NEEDS.join(_CUSTOMERS, _CUSTOMERS.c.id == _need.customer_id).outerjoin(
    _OWNERS, _OWNERS.c.id == _need.first_owner_id
)
_SUMMARY: Fields = (
    ("id", _need.public_id),
    ("customer_id", _CUSTOMERS.c.public_id),
    ("kind", _need.kind),
    ("title", _need.title),
    ("priority", _need.priority),
    ("is_complex", _need.is_complex),
    ("first_owner_id", _OWNERS.c.public_id),
    ("status", _need.status),
    ("version", _need.version),
    ("created_at", _need.created_at),
    ("updated_at", _need.updated_at),
)


def _clocks(subject: str, key: ColumnElement[int], parent: Any) -> ColumnElement[Any]:
    return json_list(
        select()
        .select_from(_SUBJECTS.join(_DEADLINES, _deadline.subject_key == _SUBJECTS.c.id))
        .where(_SUBJECTS.c.subject_type == subject, _SUBJECTS.c.subject_id == key)
        .order_by(_deadline.id),
        (
            ("id", _deadline.public_id),
            ("state", STATE),
            ("due_at", _deadline.due_at),
            ("answered_at", _deadline.answered_at),
        ),
        parent,
    )


_PLANS_SHOWN = json_list(
    select().select_from(_PLANS).where(_plan.need_id == _need.id).order_by(_plan.id),
    (
        ("meeting_at", _plan.meeting_at),
        ("attendee_ids", _plan.attendee_ids),
        ("minutes", _plan.minutes),
        ("solution", _plan.solution),
        ("status", _plan.status),
        ("agreed_at", _plan.agreed_at),
        ("done_at", _plan.done_at),
        ("updated_at", _plan.updated_at),
    ),
    _NEEDS,
)
_TASKS_SHOWN = json_list(
    select()
    .select_from(_TASKS.join(_DOERS, _DOERS.c.id == _task.owner_id))
    .where(_task.need_id == _need.id)
    .order_by(_task.id),
    (
        ("id", _task.public_id),
        ("task", _task.task),
        ("owner_id", _DOERS.c.public_id),
        ("due_on", _task.due_on),
        ("status", _task.status),
        ("note", _task.note),
        ("ended_at", _task.ended_at),
        ("deadlines", _clocks(RESPONSIBILITY, _task.id, _TASKS)),
    ),
    _NEEDS,
)
ONE = one_statement(
    _SOURCE.outerjoin(_CREATORS, _CREATORS.c.id == _need.created_by),
    (
        *_SUMMARY,
        ("details", _need.details),
        ("priority_reasons", _need.priority_reasons),
        ("suggestion", _need.suggestion),
        ("override_reason", _need.override_reason),
        ("outcome", _need.outcome),
        ("ended_at", _need.ended_at),
        ("created_by", _CREATORS.c.public_id),
        ("plans", _PLANS_SHOWN),
        ("responsibilities", _TASKS_SHOWN),
        ("deadlines", _clocks(NEED, _need.id, _NEEDS)),
    ),
    _need.public_id == bindparam("public_id"),
    version=_need.version,
)


def _key_of(table: Any, name: str) -> ColumnElement[int]:
    """Return the key behind a public id, looked up once, so that the table's own indexes serve."""
    other = table.alias(f"asked_{name}")
    return select(other.c.id).where(other.c.public_id == bindparam(name)).scalar_subquery()


LISTING = Listing(
    name="needs",
    source=_SOURCE,
    fields=_SUMMARY,
    key=_need.id,
    sorts={"created_at": _need.created_at},
    filters={
        "customer_id": _need.customer_id == _key_of(_CUSTOMERS, "customer_id"),
        "first_owner_id": _need.first_owner_id == _key_of(_USERS, "first_owner_id"),
        "kind": _need.kind == bindparam("kind"),
        "priority": _need.priority == bindparam("priority"),
        "status": _need.status == bindparam("status"),
        "is_complex": _need.is_complex == bindparam("is_complex"),
    },
)

# --- rows that changes need; the customer's row, locked first, is what writers of a file wait for

FOUND = Statement(
    select(_need.id, _CUSTOMERS.c.public_id.label("customer"))
    .select_from(_SOURCE)
    .where(_need.public_id == bindparam("public_id"))
)
NEED_ROW = Statement(select(*_need).where(_need.id == bindparam("key")))
PLAN = Statement(select(*_plan).where(_plan.need_id == bindparam("key")))
TASK = Statement(
    select(*_task).where(_task.need_id == bindparam("key"), _task.public_id == bindparam("task"))
)
TASKS = Statement(select(*_task).where(_task.need_id == bindparam("key")).order_by(_task.id))
_PERSON = (_USERS.c.id, _USERS.c.public_id, _USERS.c.role, _USERS.c.is_active)
PEOPLE = Statement(
    select(*_PERSON, _USERS.c.department_id).where(any_of(_USERS.c.id, "keys"), _USERS.c.is_active)
)
BY_PUBLIC_IDS = Statement(
    select(*_PERSON, _USERS.c.department_id).where(any_of(_USERS.c.public_id, "public_ids"))
)
PROMISED = Statement(
    select(_SUBJECTS.c.id).where(
        _SUBJECTS.c.subject_type == NEED, _SUBJECTS.c.subject_id == bindparam("key")
    )
)
