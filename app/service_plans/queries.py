"""What is asked of service plans and their turns, and the rows that changes need."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from app.auth.models import User
from app.customers.models import Customer
from app.reading import Listing, one_statement
from app.service_plans.models import (
    ServiceOccurrence,
    ServicePlan,
    ServicePlanItem,
    ServiceSeries,
)
from app.sla.models import DeadlineRow, Subject
from app.sla.views import STATE
from app.statements import DomainNow, Statement, any_of, json_list

Fields = tuple[tuple[str, ColumnElement[Any]], ...]
SUBJECT = "service_plan_item"

_PLANS, _ITEMS = ServicePlan.__table__, ServicePlanItem.__table__
_SERIES, _TURNS = ServiceSeries.__table__, ServiceOccurrence.__table__
_CUSTOMERS, _USERS = Customer.__table__, User.__table__
_SUBJECTS, _DEADLINES = Subject.__table__, DeadlineRow.__table__
_CREATORS, _DOERS, _ENDERS, _OWNERS = (
    _USERS.alias(name) for name in ("creator", "doer", "ender", "turn_owner")
)
_plan, _item, _series, _turn = _PLANS.c, _ITEMS.c, _SERIES.c, _TURNS.c

# --- plans

_SOURCE = _PLANS.join(_CUSTOMERS, _CUSTOMERS.c.id == _plan.customer_id)
_ITEMS_SHOWN = json_list(
    select()
    .select_from(
        _ITEMS.outerjoin(_DOERS, _DOERS.c.id == _item.user_id).outerjoin(
            _SERIES, _series.item_id == _item.id
        )
    )
    .where(_item.plan_id == _plan.id)
    .order_by(_item.id),
    (
        ("id", _item.public_id),
        ("title", _item.title),
        ("assignee", _item.assignee),
        ("user_id", _DOERS.c.public_id),
        ("team_role", _item.team_role),
        ("every_amount", _item.every_amount),
        ("every_unit", _item.every_unit),
        ("starts_on", _item.starts_on),
        ("ends_on", _item.ends_on),
        ("dates", _item.dates),
        ("status", _item.status),
        ("next_opens_at", _series.opens_at),
    ),
    _PLANS,
)
_SUMMARY: Fields = (
    ("id", _plan.public_id),
    ("customer_id", _CUSTOMERS.c.public_id),
    ("title", _plan.title),
    ("status", _plan.status),
    ("items", _ITEMS_SHOWN),
    ("version", _plan.version),
    ("created_at", _plan.created_at),
    ("updated_at", _plan.updated_at),
)
ONE = one_statement(
    _SOURCE.outerjoin(_CREATORS, _CREATORS.c.id == _plan.created_by),
    (
        *_SUMMARY,
        ("description", _plan.description),
        ("end_reason", _plan.end_reason),
        ("ended_at", _plan.ended_at),
        ("created_by", _CREATORS.c.public_id),
    ),
    _plan.public_id == bindparam("public_id"),
    version=_plan.version,
)


def _key_of(table: Any, name: str) -> ColumnElement[int]:
    """Return the key behind a public id, looked up once, so that the table's own indexes serve."""
    other = table.alias(f"asked_{name}")
    return select(other.c.id).where(other.c.public_id == bindparam(name)).scalar_subquery()


LISTING = Listing(
    name="service_plans",
    source=_SOURCE,
    fields=_SUMMARY,
    key=_plan.id,
    sorts={"created_at": _plan.created_at},
    filters={
        "customer_id": _plan.customer_id == _key_of(_CUSTOMERS, "customer_id"),
        "status": _plan.status == bindparam("status"),
    },
)

# --- turns

_TURNS_SHOWN = (
    _TURNS.join(_ITEMS, _item.id == _turn.item_id)
    .join(_PLANS, _plan.id == _item.plan_id)
    .join(_CUSTOMERS, _CUSTOMERS.c.id == _turn.customer_id)
    .join(_SUBJECTS, (_SUBJECTS.c.subject_type == SUBJECT) & (_SUBJECTS.c.subject_id == _turn.id))
    .join(_DEADLINES, _DEADLINES.c.subject_key == _SUBJECTS.c.id)
    .outerjoin(_OWNERS, _OWNERS.c.id == _DEADLINES.c.owner_id)
    .outerjoin(_ENDERS, _ENDERS.c.id == _turn.ended_by)
)
_TURN: Fields = (
    ("id", _turn.public_id),
    ("plan_id", _plan.public_id),
    ("item_id", _item.public_id),
    ("title", _item.title),
    ("customer_id", _CUSTOMERS.c.public_id),
    ("owner_id", _OWNERS.c.public_id),
    ("number", _turn.number),
    ("promised_on", _turn.promised_on),
    ("due_at", _DEADLINES.c.due_at),
    ("state", STATE),
    ("status", _turn.status),
    ("note", _turn.note),
    ("opened_at", _turn.opened_at),
    ("ended_at", _turn.ended_at),
    ("ended_by", _ENDERS.c.public_id),
    ("version", _turn.version),
)
TURN = one_statement(
    _TURNS_SHOWN, _TURN, _turn.public_id == bindparam("public_id"), version=_turn.version
)
TURNS = Listing(
    name="service_occurrences",
    source=_TURNS_SHOWN,
    fields=_TURN,
    key=_turn.id,
    sorts={"opened_at": _turn.opened_at},
    filters={
        "customer_id": _turn.customer_id == _key_of(_CUSTOMERS, "customer_id"),
        "plan_id": _item.plan_id == _key_of(_PLANS, "plan_id"),
        "item_id": _turn.item_id == _key_of(_ITEMS, "item_id"),
        "status": _turn.status == bindparam("status"),
    },
)

# --- rows that changes need

PLAN_CUSTOMER = Statement(
    select(_CUSTOMERS.c.public_id.label("customer"))
    .select_from(_SOURCE)
    .where(_plan.public_id == bindparam("public_id"))
)
PLAN_LOCKED = Statement(
    select(*_plan).where(_plan.public_id == bindparam("public_id")).with_for_update()
)
ITEMS = Statement(select(*_item).where(_item.plan_id == bindparam("plan_key")).order_by(_item.id))
USER = Statement(
    select(_USERS.c.id, _USERS.c.is_active).where(_USERS.c.public_id == bindparam("public_id"))
)
FOUND = Statement(
    select(_turn.id, _turn.series_id, _CUSTOMERS.c.public_id.label("customer"))
    .select_from(_TURNS.join(_CUSTOMERS, _CUSTOMERS.c.id == _turn.customer_id))
    .where(_turn.public_id == bindparam("public_id"))
)
TURN_ROW = Statement(select(*_turn).where(_turn.id == bindparam("key")))
OPEN_TURNS = Statement(
    select(*_turn)
    .where(any_of(_turn.item_id, "items"), _turn.status == "open")
    .order_by(_turn.series_id, _turn.number)
)
OPEN_TURNS_OF_CUSTOMERS = Statement(
    select(
        _turn.id, _turn.customer_id, *(_item[n] for n in ("assignee", "user_id", "team_role")),
        *(_CUSTOMERS.c[n] for n in ("owner_id", "department_id", "account_manager_id")),
    )
    .select_from(_TURNS.join(_ITEMS, _item.id == _turn.item_id).join(_CUSTOMERS, _CUSTOMERS.c.id == _turn.customer_id))
    .where(any_of(_CUSTOMERS.c.public_id, "customers"), _turn.status == "open", _item.assignee != "user")
    .order_by(_turn.id)
)  # fmt: skip

# What opening a turn needs of its series, item and customer.
_WHOLE = (
    *(_series[name] for name in ("id", "item_id", "customer_id", "next_number", "opens_at")),
    *(
        _item[name]
        for name in ("plan_id", "title", "assignee", "user_id", "team_role", "every_amount", "every_unit", "dates", "starts_on", "ends_on")
    ),
    *(
        _CUSTOMERS.c[name]
        for name in ("number", "tier", "status", "owner_id", "department_id", "account_manager_id", "merged_into_id")
    ),
    _item.status.label("item_status"),
    _plan.public_id.label("plan"),
    _plan.status.label("plan_status"),
)  # fmt: skip
_WHOLE_SOURCE = (
    _SERIES.join(_ITEMS, _item.id == _series.item_id)
    .join(_PLANS, _plan.id == _item.plan_id)
    .join(_CUSTOMERS, _CUSTOMERS.c.id == _series.customer_id)
)
_held = select(*_WHOLE).select_from(_WHOLE_SOURCE)
SERIES_LOCKED = Statement(_held.where(_series.id == bindparam("key")).with_for_update(of=_SERIES))
SERIES_OF_ITEMS = Statement(
    _held.where(any_of(_series.item_id, "items")).order_by(_series.id).with_for_update(of=_SERIES)
)
SERIES_DUE = Statement(
    select(_series.id)
    .where(_series.opens_at <= DomainNow())
    .order_by(_series.opens_at, _series.id)
    .limit(bindparam("batch_size", type_=_series.id.type))
)
