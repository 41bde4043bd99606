"""What the scorecard asks: cells where a period's count holds, the deadlines themselves where it does not, in one statement.

So an answer is exact whenever it is asked, whatever jobs have run; the rollup only makes it fast.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    String,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)

from app.auth.models import Department, User
from app.columns import Json, UtcDateTime
from app.reports.figures import BUCKET_COUNT, EDGES, FIGURES, STATES
from app.reports.models import MonthClosing, ScorecardCell, ScorecardPeriod
from app.sla.engine.deadline import State
from app.sla.models import DeadlineChange, DeadlineRow
from app.sla.views import NOW, STATE
from app.statements import Statement, any_of
from app.time import FAR_END

_deadline = DeadlineRow.__table__.c
_period = ScorecardPeriod.__table__.c
_cell = ScorecardCell.__table__.c
_mark = DeadlineChange.__table__.c
_user = User.__table__.c
_department = Department.__table__.c
_read_as: ColumnElement[Any] = STATE

# What a figure is grouped by: the name in the API -> the column of a cell.
DIMENSIONS = {
    "rule": "rule", "clock": "clock", "policy": "policy", "owner": "owner_id", "team": "department_id",
    "tier": "tier",
}  # fmt: skip
_CHARGED = {
    "rule": _deadline.rule, "clock": _deadline.clock, "policy": _deadline.policy,
    "owner_id": _deadline.charged_owner_id, "department_id": _deadline.charged_department_id,
    "tier": _deadline.charged_tier,
}  # fmt: skip


# --- counting deadlines themselves


_FIGURED = ("early_seconds", "early_elapsed_seconds", "late_seconds", "late_elapsed_seconds")


def _class_of(seconds: ColumnElement[Any]) -> ColumnElement[Any]:
    """The number of the bucket that the seconds fall into, null for none."""
    classes = [(seconds < edge, number) for number, edge in enumerate(EDGES)]
    return case((seconds.is_(None), None), *classes, else_=len(EDGES))


def _read(*beside: Any) -> Any:
    """Columns of a deadline as it reads now: to whom it is charged, its state, what it adds to the figures."""
    margin = func.coalesce(_deadline.early_seconds, _deadline.late_seconds)
    return select(
        *beside,
        *(column_.label(name) for name, column_ in _CHARGED.items()),
        _read_as.label("state"),
        _class_of(margin).label("class"),
        case((_deadline.adjustment.is_not(None), 1), else_=0).label("corrected"),
        *(_deadline[name] for name in _FIGURED),
        _deadline.due_at,
        _deadline.ended_at,
        _deadline.pause_ends_at,
    )


def _by_state(read: Any, *beside: str) -> Any:
    """Count rows of `_read` by charge, state and bucket: few groups, each expression looked at once a row."""
    rows = read.subquery("read_rows")
    keys = [rows.c[name] for name in (*beside, *_CHARGED, "state", "class")]
    waits = rows.c.state == State.PAUSED.value
    runs = or_(waits, rows.c.state == State.RUNNING.value)
    return (
        select(
            *keys,
            func.count().label("number"),
            func.sum(rows.c.corrected).label("corrected"),
            *(func.sum(rows.c[name]).label(name) for name in _FIGURED),
            func.min(case((runs, rows.c.due_at))).label("next_due_at"),
            func.min(case((waits, rows.c.pause_ends_at))).label("next_resume_at"),
        )
        .group_by(*keys)
        .subquery("by_state")
    )


def _figures(by_state: Any) -> dict[str, ColumnElement[int]]:
    """The figures of groups counted by state."""

    def added(value: Any, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
        picked = case((and_(*conditions), value), else_=0) if conditions else value
        return cast(func.coalesce(func.sum(picked), 0), BigInteger)

    states = {name: State.MET.value if name == "kept" else name for name in STATES}
    is_late = by_state.c.state == State.LATE.value
    found = {
        name: added(by_state.c.number, by_state.c.state == state) for name, state in states.items()
    }
    found["corrected"] = added(by_state.c.corrected)
    for name in _FIGURED:
        found[name] = added(by_state.c[name], *((is_late,) if name.startswith("late") else ()))
    for number in range(BUCKET_COUNT):
        in_class = by_state.c["class"] == number
        is_kept = by_state.c.state == State.MET.value
        found[f"early_{number}"] = added(by_state.c.number, is_kept, in_class)
        found[f"late_{number}"] = added(by_state.c.number, is_late, in_class)
    return {name: found[name].label(name) for name in FIGURES}


_IS_OPEN = _deadline.ended_at == FAR_END
_SPAN = {
    name: bindparam(name, type_=UtcDateTime()) for name in ("begins_at", "ends_at", "dead_end")
}
# One period as of now, with the first instants at which time alone makes a row of it read otherwise.
_period_counted = _by_state(
    _read().where(_deadline.due_at >= _SPAN["begins_at"], _deadline.due_at < _SPAN["ends_at"])
)
COUNT_PERIOD = Statement(
    select(
        *(_period_counted.c[name] for name in _CHARGED),
        *_figures(_period_counted).values(),
        func.min(_period_counted.c.next_due_at).label("next_due_at"),
        func.min(_period_counted.c.next_resume_at).label("next_resume_at"),
        func.max(NOW).label("now"),
    ).group_by(*(_period_counted.c[name] for name in _CHARGED))
)

# --- the rollup's own bookkeeping

MARKS = Statement(
    select(_mark.id, _mark.due_at)
    .order_by(_mark.id)
    .limit(bindparam("mark_limit", type_=_mark.id.type))
)
DROP_MARKS = Statement(delete(DeadlineChange).where(any_of(_mark.id, "keys")).returning(_mark.id))
PERIODS = Statement(select(*ScorecardPeriod.__table__.columns).order_by(_period.begins_at))
STALE = Statement(
    select(*ScorecardPeriod.__table__.columns)
    .where(_period.valid_until <= NOW)
    .order_by(_period.begins_at)
)
PERIOD = Statement(
    select(*ScorecardPeriod.__table__.columns).where(
        _period.begins_at == _SPAN["begins_at"], _period.ends_at == _SPAN["ends_at"]
    )
)
CLOSED = Statement(
    select(_period.begins_at, _period.ends_at, _period.month, _period.counted_at)
    .where(_period.is_closed == true())
    .order_by(_period.begins_at)
)
COUNTED_AGAIN = Statement(
    update(ScorecardPeriod)
    .values(
        serial=_period.serial + 1,
        counted_at=bindparam("new_counted_at", type_=_period.counted_at.type),
        valid_until=bindparam("new_valid_until", type_=_period.valid_until.type),
    )
    .where(_period.id == bindparam("period_key"), _period.serial == bindparam("serial_seen"))
    .returning(_period.id)
)
DROP_CELLS = Statement(
    delete(ScorecardCell)
    .where(
        any_of(_cell.period_id, "periods"), _cell.is_adjustment == bindparam("adjusting", type_=Boolean())
    )
    .returning(_cell.id)
)  # fmt: skip
DROP_PERIODS = Statement(
    delete(ScorecardPeriod).where(any_of(_period.id, "periods")).returning(_period.id)
)
CELLS = Statement(
    select(*ScorecardCell.__table__.columns).where(
        _cell.period_id == bindparam("period_key"), _cell.is_adjustment == false()
    )
)
CLOSING = Statement(select(*MonthClosing.__table__.columns).where(MonthClosing.id == 1))
NEXT_CLOSING = Statement(select(func.min(MonthClosing.closes_at).label("at")))
FIRST_DUE = Statement(select(func.min(_deadline.due_at).label("at")))
LAST_DUE = Statement(
    select(func.max(_deadline.due_at).label("at")).where(_deadline.due_at < _SPAN["dead_end"])
)

# --- the answer

# The asked days and closed months come as JSON: [[begins_at, ends_at, month], ...].
_SPANS = {
    "postgresql": (
        "SELECT CAST(s ->> 0 AS timestamptz) AS begins_at, CAST(s ->> 1 AS timestamptz) AS ends_at, "
        "s ->> 2 AS month FROM json_array_elements(CAST(:spans AS json)) AS t(s)"
    ),
    "sqlite": (
        "SELECT json_extract(value, '$[0]') AS begins_at, json_extract(value, '$[1]') AS ends_at, "
        "json_extract(value, '$[2]') AS month FROM json_each(:spans)"
    ),
}


def _seen(kind: str) -> Any:
    """The asked periods, each with its count and whether that still holds."""
    spans = (
        text(_SPANS[kind])
        .bindparams(bindparam("spans", type_=Json()))
        .columns(
            column("begins_at", UtcDateTime()), column("ends_at", UtcDateTime()), column("month", String())
        )
        .cte("spans")
    )  # fmt: skip
    marked = exists().where(_mark.due_at >= spans.c.begins_at, _mark.due_at < spans.c.ends_at)
    holds = and_(_period.id.is_not(None), _period.valid_until > NOW, not_(marked))
    return (
        select(
            *spans.c,
            _period.id.label("period_id"),
            func.coalesce(_period.is_closed, false()).label("is_closed"),
            case((holds, literal(1)), else_=literal(0)).label("holds"),
        )
        .select_from(
            spans.outerjoin(
                ScorecardPeriod.__table__,
                and_(_period.begins_at == spans.c.begins_at, _period.ends_at == spans.c.ends_at),
            )
        )
        .cte("seen")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _parts(kind: str) -> Any:
    """Cells where they hold; else the deadlines, which for a closed month are an adjustment of its frozen cells."""
    seen = _seen(kind)
    frozen = and_(seen.c.is_closed == true(), _cell.is_adjustment == false())
    joined = seen.join(ScorecardCell.__table__, _cell.period_id == seen.c.period_id)
    names = list(_CHARGED)
    cells = (
        select(
            seen.c.month,
            case((_cell.is_adjustment, 1), else_=0).label("adjusts"),
            *(_cell[name] for name in (*names, *FIGURES)),
        )
        .select_from(joined)
        .where(or_(seen.c.holds == 1, frozen))
    )
    adjusts = case((seen.c.is_closed, 1), else_=0).label("adjusts")
    by_state = _by_state(
        _read(seen.c.month, adjusts)
        .select_from(
            seen.join(
                DeadlineRow.__table__,
                and_(_deadline.due_at >= seen.c.begins_at, _deadline.due_at < seen.c.ends_at),
            )
        )
        .where(seen.c.holds + 0 == 0),  # no index of its own: periods first, then their deadlines
        "month",
        "adjusts",
    )
    keys = [by_state.c[name] for name in ("month", "adjusts", *names)]
    counted = select(*keys, *_figures(by_state).values()).group_by(*keys)
    taken = (
        select(
            seen.c.month,
            literal(1).label("adjusts"),
            *(_cell[name] for name in names),
            *((-_cell[name]).label(name) for name in FIGURES),
        )
        .select_from(joined)
        .where(seen.c.holds == 0, frozen)
    )
    return union_all(cells, counted, taken).subquery("parts")


@lru_cache(maxsize=512)
def scorecard(kind: str, groups: tuple[str, ...], filters: tuple[str, ...]) -> Statement:
    """Return the statement of a scorecard: sums of every figure by `adjusts` and the groups' columns.

    `groups` are names of `DIMENSIONS`, or `month`; `filters` names of its conditions, each with its parameter.
    """
    parts = _parts(kind)
    columns = [parts.c[DIMENSIONS.get(name, name)] for name in groups]
    sums = [cast(func.sum(parts.c[name]), BigInteger).label(name) for name in FIGURES]
    conditions = {
        **{name: parts.c[name] == bindparam(name) for name in ("rule", "clock", "policy", "tier")},
        "owner_id": parts.c.owner_id == bindparam("owner_id", type_=BigInteger()),
        "departments": any_of(parts.c.department_id, "departments"),
    }
    core = select(parts.c.adjusts, *columns, *sums).group_by(parts.c.adjusts, *columns)
    return Statement(core.where(*(conditions[name] for name in filters)))


@lru_cache(maxsize=256)
def matters(which: str, filters: tuple[str, ...]) -> Statement:
    """Return the statement of single deadlines for the page, `matter_limit` of them, with whom they are charged to.

    `which`: the longest `late` and the oldest `missed` of a period, or the open ones (`running`) due next.
    """
    named = {
        "late": (
            _read_as == State.LATE.value, _deadline.late_elapsed_seconds.desc(),
        ),
        "missed": (_read_as == State.MISSED.value, _deadline.due_at),
        "running": (and_(_IS_OPEN, _deadline.due_at >= NOW), _deadline.due_at),
    }  # fmt: skip
    condition, order = named[which]
    conditions = [condition]
    if which != "running":
        conditions += [_deadline.due_at >= _SPAN["begins_at"], _deadline.due_at < _SPAN["ends_at"]]
    scope = {
        **{name: _CHARGED[name] == bindparam(name) for name in ("rule", "clock", "policy", "tier")},
        "owner_id": _CHARGED["owner_id"] == bindparam("owner_id", type_=BigInteger()),
        "departments": any_of(_CHARGED["department_id"], "departments"),
    }
    return Statement(
        select(
            _deadline.public_id, _deadline.label, _deadline.rule, _deadline.clock, _read_as.label("state"),
            _deadline.due_at, _deadline.answered_at, _deadline.ended_at, _user.name.label("owner"),
            _department.name.label("team"),
        )
        .select_from(
            DeadlineRow.__table__.outerjoin(User.__table__, _user.id == _deadline.charged_owner_id)
            .outerjoin(Department.__table__, _department.id == _deadline.charged_department_id)
        )
        .where(*conditions, *(scope[name] for name in filters))
        .order_by(order, _deadline.id)
        .limit(bindparam("matter_limit", type_=_deadline.id.type))
    )  # fmt: skip


# --- names

USERS = Statement(select(_user.id, _user.public_id, _user.name).where(any_of(_user.id, "keys")))
DEPARTMENTS = Statement(
    select(_department.id, _department.public_id, _department.name).where(
        any_of(_department.id, "keys")
    )
)
USER_KEY = Statement(select(_user.id).where(_user.public_id == bindparam("public_id")))
_top = Department.__table__.alias("top")
SUBTREE = Statement(
    select(_department.id, _department.public_id)
    .select_from(Department.__table__.join(_top, true()))
    .where(
        _top.c.public_id == bindparam("public_id"),
        _department.path >= _top.c.path,
        _department.path < _top.c.path + "~",
    )
)
