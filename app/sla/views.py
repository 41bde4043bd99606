"""What the API shows of deadlines: the projection, its lists, and what an explanation is made of.

States are read from the instant of the statement, never from a worker's mark. The heart's own questions (locking,
sweeping) are in `queries`, escalations in `escalation_views`, what an explanation says in `explain`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    column,
    literal_column,
    or_,
    select,
    table,
)

from app.auth.models import Department, User
from app.columns import PublicId
from app.database import Reader
from app.reading import Listing, PageRequest, one_statement, page
from app.sla.engine.deadline import State
from app.sla.models import DeadlineLevel, DeadlineRow, Escalation, FactRow, Subject
from app.statements import DomainNow, Statement, any_of, json_list
from app.time import FAR_END

_deadline = DeadlineRow.__table__.c
_level = DeadlineLevel.__table__.c
_escalation = Escalation.__table__.c
_fact = FactRow.__table__.c
_subject = Subject.__table__.c
_user = User.__table__.c
_department = Department.__table__.c
_CHARGED_USER = User.__table__.alias("charged_user")
_CHARGED_DEPARTMENT = Department.__table__.alias("charged_department")
_TOP = Department.__table__.alias("top_department")
_top = _TOP.c
_charged_user, _charged_department = _CHARGED_USER.c, _CHARGED_DEPARTMENT.c

# Customers live above the heart, which carries their keys; only their public ids are looked up here.
CUSTOMERS = table("customers", column("id", BigInteger), column("public_id", PublicId()))

# One instant a statement, however often it is named.
_instant = select(DomainNow().label("now")).cte("instant").prefix_with("MATERIALIZED")
NOW = select(_instant.c.now).scalar_subquery()


# --- deadlines

CHARGES = ("charged_owner_id", "charged_department_id", "charged_tier")
_OPEN = _deadline.ended_at == FAR_END
_DUE_PASSED = _deadline.due_at < NOW
_PAUSED = and_(_deadline.pause_ends_at != FAR_END, _deadline.pause_ends_at > NOW)
_READ_MISSED = and_(_OPEN, _DUE_PASSED)
# As `Deadline.state_at` says: what time alone brings about is read from the instant, not from a worker's mark.
STATE = case(
    (_deadline.ended_at != FAR_END, _deadline.state),
    (_DUE_PASSED, State.MISSED.value),
    (_PAUSED, State.PAUSED.value),
    else_=State.RUNNING.value,
)


def _ended_as(state: State) -> ColumnElement[bool]:
    return and_(_deadline.ended_at != FAR_END, _deadline.state == state.value)


_UNKEPT_STATES = frozenset({State.RUNNING, State.PAUSED, State.MISSED})
# Rows that read as one of these are stored as one of these; in literals, as a partial index can match it.
_UNKEPT = literal_column("deadlines.state IN ('running', 'paused', 'missed')", Boolean())
# The same as comparing STATE, in the form an index can serve.
_STATE_FILTERS: Mapping[State, ColumnElement[bool]] = {
    State.RUNNING: and_(_UNKEPT, _OPEN, _deadline.due_at >= NOW, ~_PAUSED),
    State.PAUSED: and_(_UNKEPT, _OPEN, _deadline.due_at >= NOW, _PAUSED),
    State.MISSED: and_(_UNKEPT, _deadline.due_at < NOW),
    State.MET: _ended_as(State.MET),
    State.LATE: _ended_as(State.LATE),
    State.SUPERSEDED: _ended_as(State.SUPERSEDED),
    State.CANCELLED: _ended_as(State.CANCELLED),
}


def _once_ended(figure: Any) -> ColumnElement[Any]:
    return case((_deadline.ended_at != FAR_END, figure))


def _key_of(key: Any, public_id: Any, name: str) -> ColumnElement[Any]:
    """The key of the row whose public id is the parameter `name`; `correlate(None)`: a row of its own."""
    return select(key).where(public_id == bindparam(name)).correlate(None).scalar_subquery()


_LEVELS = json_list(
    select(_level.id)
    .where(
        _level.deadline_id == _deadline.id,
        or_(_level.fire_at != FAR_END, _level.fired_at != FAR_END),
    )
    .order_by(_level.level),
    [
        ("level", _level.level),
        ("fire_at", _level.fire_at),
        ("fired_at", _level.fired_at),
    ],
    DeadlineRow.__table__,
)
_DEADLINE_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _deadline.public_id),
    ("subject_type", _deadline.subject_type),
    ("subject_id", _deadline.subject_public_id),
    ("label", _deadline.label),
    ("customer_id", CUSTOMERS.c.public_id),
    ("owner_id", _user.public_id),
    ("department_id", _department.public_id),
    ("charged_owner_id", _charged_user.public_id),
    ("charged_department_id", _charged_department.public_id),
    ("charged_tier", _deadline.charged_tier),
    ("clock", _deadline.clock),
    ("rule", _deadline.rule),
    ("cycle", _deadline.cycle),
    ("revision", _deadline.revision),
    ("state", STATE),
    ("started_at", _deadline.started_at),
    ("due_at", _deadline.due_at),
    (
        "pause_ends_at",
        case((and_(_OPEN, _deadline.due_at >= NOW, _PAUSED), _deadline.pause_ends_at)),
    ),
    ("answered_at", _deadline.answered_at),
    ("ended_at", _deadline.ended_at),
    ("missed_at", case((_READ_MISSED, _deadline.due_at), else_=_deadline.missed_at)),
    ("detected_at", _deadline.detected_at),
    ("target_amount", _deadline.target_amount),
    ("target_unit", _deadline.target_unit),
    ("calendar", _deadline.calendar),
    ("calendar_version", _deadline.calendar_version),
    ("policy", _deadline.policy),
    ("policy_version", _deadline.policy_version),
    ("on_retarget", _deadline.on_retarget),
    ("provisional", _deadline.provisional),
    ("intervals_skipped", _once_ended(_deadline.intervals_skipped)),
    ("used_seconds", _once_ended(_deadline.used_seconds)),
    ("early_seconds", _deadline.early_seconds),
    ("early_elapsed_seconds", _deadline.early_elapsed_seconds),
    ("late_seconds", _deadline.late_seconds),
    ("late_elapsed_seconds", _deadline.late_elapsed_seconds),
    ("adjustment", _deadline.adjustment),
    ("levels", _LEVELS),
)
_DEADLINE_SOURCE = (
    DeadlineRow.__table__.outerjoin(CUSTOMERS, CUSTOMERS.c.id == _deadline.customer_id)
    .outerjoin(User.__table__, _user.id == _deadline.owner_id)
    .outerjoin(Department.__table__, _department.id == _deadline.department_id)
    .outerjoin(_CHARGED_USER, _charged_user.id == _deadline.charged_owner_id)
    .outerjoin(_CHARGED_DEPARTMENT, _charged_department.id == _deadline.charged_department_id)
)
_DEADLINE_SORTS: Mapping[str, ColumnElement[Any]] = {
    "due_at": _deadline.due_at,
    "started_at": _deadline.started_at,
}
DEADLINES = Listing(
    name="deadlines",
    source=_DEADLINE_SOURCE,
    fields=_DEADLINE_FIELDS,
    key=_deadline.id,
    sorts=_DEADLINE_SORTS,
    filters={
        "states": any_of(STATE, "states"),
        "unkept": _UNKEPT,
        **{f"state_{state.value}": condition for state, condition in _STATE_FILTERS.items()},
        "rule": _deadline.rule == bindparam("rule"),
        "clock": _deadline.clock == bindparam("clock"),
        "owner_id": _deadline.owner_id == _key_of(_user.id, _user.public_id, "owner_id"),
        "department_id": _deadline.department_id
        == _key_of(_department.id, _department.public_id, "department_id"),
        "customer_id": _deadline.customer_id
        == _key_of(CUSTOMERS.c.id, CUSTOMERS.c.public_id, "customer_id"),
        "subject_type": _deadline.subject_type == bindparam("subject_type"),
        "subject_id": _deadline.subject_key.in_(
            select(_subject.id).where(_subject.subject_public_id == bindparam("subject_id"))
        ),
        "due_from": _deadline.due_at >= bindparam("due_from"),
        "due_before": _deadline.due_at < bindparam("due_before"),
        "policy": _deadline.policy == bindparam("policy"),
        "charged_owner_id": _deadline.charged_owner_id
        == _key_of(_user.id, _user.public_id, "charged_owner_id"),
        "charged_department_id": _deadline.charged_department_id
        == _key_of(_department.id, _department.public_id, "charged_department_id"),
        "charged_within_id": _deadline.charged_department_id.in_(
            select(_department.id)
            .select_from(
                Department.__table__.join(_TOP, _top.public_id == bindparam("charged_within_id"))
            )
            .where(_department.path >= _top.path, _department.path < _top.path + "~")
            .correlate(None)
        ),
        "charged_tier": _deadline.charged_tier == bindparam("charged_tier"),
        **{f"no_{name}": _deadline[name].is_(None) for name in CHARGES},
    },
)
DEADLINES_OF_SUBJECT = Listing(
    name="deadlines_of_subject",
    source=_DEADLINE_SOURCE,
    fields=_DEADLINE_FIELDS,
    key=_deadline.id,
    sorts=_DEADLINE_SORTS,
    always=(
        _deadline.subject_key
        == select(_subject.id)
        .where(
            _subject.subject_type == bindparam("subject_type"),
            _subject.subject_id == bindparam("subject_id"),
        )
        .scalar_subquery(),
    ),
)
# Its version counts the subject's facts: a correction is refused when something happened meanwhile.
DEADLINE = one_statement(
    _DEADLINE_SOURCE.join(Subject.__table__, _subject.id == _deadline.subject_key),
    _DEADLINE_FIELDS,
    _deadline.public_id == bindparam("public_id"),
    version=_subject.sequence,
)
DEADLINE_ROW = Statement(
    select(*DeadlineRow.__table__.columns).where(_deadline.public_id == bindparam("public_id"))
)


def state_filters(states: list[State] | None) -> dict[str, Any]:
    """Return the filters of `DEADLINES` for the states asked for: one has its own, several are compared."""
    if not states:
        return {}
    if len(set(states)) == 1:
        return {f"state_{states[0].value}": True}
    unkept = {"unkept": True} if _UNKEPT_STATES.issuperset(states) else {}
    return {"states": sorted({state.value for state in states}), **unkept}


def charge_filters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters of `DEADLINES` for whom rows are charged to; `none` asks for rows charged to nobody."""
    return {
        f"no_{name}" if asked[name] == "none" else name: str(asked[name])
        for name in CHARGES
        if asked[name] is not None
    }


async def deadlines_of(
    reader: Reader,
    subject_type: str,
    subject_id: int,
    request: PageRequest | None = None,
    *,
    secret: bytes,
) -> bytes:
    """Return the deadlines of one subject (its type and key) as a page in JSON, oldest first unless asked otherwise."""
    return await page(
        reader,
        DEADLINES_OF_SUBJECT,
        request or PageRequest(sort="started_at", limit=200),
        secret=secret,
        values={"subject_type": subject_type, "subject_id": subject_id},
    )


# --- what an explanation is made of, in one answer

EXPLANATION = Statement(
    select(
        _deadline.public_id,
        _deadline.subject_type,
        _deadline.subject_public_id,
        _deadline.label,
        _deadline.clock,
        _deadline.cycle,
        _deadline.revision,
        _deadline.started_at,
        NOW.label("now"),
        json_list(
            select(_fact.id)
            .select_from(FactRow.__table__.outerjoin(User.__table__, _user.id == _fact.actor_id))
            .where(_fact.subject_key == _deadline.subject_key)
            .order_by(_fact.sequence),
            [
                ("sequence", _fact.sequence),
                ("kind", _fact.kind),
                ("occurred_at", _fact.occurred_at),
                ("recorded_at", _fact.recorded_at),
                ("data", _fact.data),
                ("actor_id", _user.public_id),
                ("actor", _user.name),
            ],
            DeadlineRow,
        ).label("facts"),
        json_list(
            select(_escalation.id)
            .where(_escalation.deadline_id == _deadline.id)
            .order_by(_escalation.level),
            [
                ("id", _escalation.public_id),
                ("level", _escalation.level),
                ("detected_at", _escalation.detected_at),
                ("told", _escalation.told),
            ],
            DeadlineRow,
        ).label("escalations"),
    ).where(_deadline.public_id == bindparam("public_id"))
)
