"""What is asked of obligations: the list, one whole with its clock, and the rows that changes need."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from app.auth.models import Department, User
from app.customers.merged_ids import key_of_customer
from app.customers.models import Customer
from app.obligations.models import Obligation
from app.reading import Listing, one_statement
from app.sla.models import DeadlineRow, OwnRule
from app.sla.views import STATE
from app.statements import Statement, json_list, json_row

Fields = tuple[tuple[str, ColumnElement[Any]], ...]
SUBJECT = "obligation"

_TABLE, _RULES, _DEADLINES = Obligation.__table__, OwnRule.__table__, DeadlineRow.__table__
_CUSTOMERS, _USERS, _DEPARTMENTS = Customer.__table__, User.__table__, Department.__table__
_one, _rule, _deadline = _TABLE.c, _RULES.c, _DEADLINES.c

_SOURCE = (
    _TABLE.join(_RULES, _rule.id == _one.rule_id)
    .outerjoin(_CUSTOMERS, _CUSTOMERS.c.id == _one.customer_id)
    .outerjoin(_USERS, _USERS.c.id == _one.owner_id)
    .outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _one.department_id)
)
_SUBJECT_SHOWN = json_row(
    (
        ("type", _one.subject_type),
        ("ref", _one.subject_ref),
        ("label", _one.label),
        ("link", _one.link),
    )
)
_SUMMARY: Fields = (
    ("id", _one.public_id),
    ("clock", _rule.clock),
    ("rule", _rule.rule),
    ("title", _rule.title),
    ("subject", _SUBJECT_SHOWN),
    ("customer_id", _CUSTOMERS.c.public_id),
    ("owner_id", _USERS.c.public_id),
    ("department_id", _DEPARTMENTS.c.public_id),
    ("status", _one.status),
    ("opened_at", _one.opened_at),
    ("ended_at", _one.ended_at),
    ("version", _one.version),
)
_CLOCKS = json_list(
    select()
    .where(_deadline.subject_type == SUBJECT, _deadline.subject_id == _one.id)
    .order_by(_deadline.id),
    (
        ("id", _deadline.public_id),
        ("state", STATE),
        ("started_at", _deadline.started_at),
        ("due_at", _deadline.due_at),
        ("answered_at", _deadline.answered_at),
        ("missed_at", _deadline.missed_at),
    ),
    _TABLE,
)
ONE = one_statement(
    _SOURCE,
    (
        *_SUMMARY,
        ("data", _one.data),
        ("note", _one.note),
        ("deadlines", _CLOCKS),
        ("updated_at", _one.updated_at),
    ),
    _one.public_id == bindparam("public_id"),
    version=_one.version,
)


def _key_of(table: Any, name: str) -> ColumnElement[int]:
    """Return the key behind a public id, looked up once, so that the table's own indexes serve."""
    other = table.alias(f"asked_{name}")
    return select(other.c.id).where(other.c.public_id == bindparam(name)).scalar_subquery()


LISTING = Listing(
    name="obligations",
    source=_SOURCE,
    fields=_SUMMARY,
    key=_one.id,
    sorts={"opened_at": _one.opened_at},
    filters={
        "clock": _rule.clock == bindparam("clock"),
        "status": _one.status == bindparam("status"),
        "subject_type": _one.subject_type == bindparam("subject_type"),
        "subject_ref": _one.subject_ref == bindparam("subject_ref"),
        "owner_id": _one.owner_id == _key_of(_USERS, "owner_id"),
        "customer_id": _one.customer_id == key_of_customer("customer_id"),
    },
)

# --- rows that changes need

_COLUMNS = list(_TABLE.columns)
FOUND = Statement(select(_one.id).where(_one.public_id == bindparam("public_id")))
ROW = Statement(select(*_COLUMNS).where(_one.id == bindparam("key")))
OPEN = Statement(
    select(_one.public_id).where(
        _one.rule_id == bindparam("rule_id"),
        _one.subject_type == bindparam("subject_type"),
        _one.subject_ref == bindparam("subject_ref"),
        _one.status == "open",
    )
)
# Shared, as for a ticket: the tier cannot change before the obligation is there to be told.
CUSTOMER = Statement(
    select(_CUSTOMERS.c.id, _CUSTOMERS.c.tier, _CUSTOMERS.c.account_manager_id)
    .where(_CUSTOMERS.c.id == key_of_customer("public_id"))
    .with_for_update(read=True, of=_CUSTOMERS)
)
OWNER = Statement(
    select(_USERS.c.id, _USERS.c.role, _USERS.c.is_active, _USERS.c.department_id).where(
        _USERS.c.public_id == bindparam("public_id")
    )
)
DEPARTMENT = Statement(
    select(_DEPARTMENTS.c.id, _DEPARTMENTS.c.name).where(
        _DEPARTMENTS.c.public_id == bindparam("public_id")
    )
)
