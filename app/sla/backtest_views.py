"""What backtests ask of the database: pages of closed subjects with their facts and what is stored of their deadlines."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, cast, func, or_, select

from app.auth.models import Department
from app.sla.models import DeadlineRow, FactRow, Subject
from app.statements import Statement, any_of, json_list

_subject, _fact, _deadline = Subject.__table__.c, FactRow.__table__.c, DeadlineRow.__table__.c
_opened = FactRow.__table__.alias("opened")
_type = bindparam("subject_type", type_=Text())
_within = and_(
    _opened.c.occurred_at >= bindparam("opened_from", type_=_fact.occurred_at.type),
    _opened.c.occurred_at < bindparam("opened_before", type_=_fact.occurred_at.type),
)
_FACTS = json_list(
    select(_fact.id).where(_fact.subject_key == _subject.id).order_by(_fact.sequence),
    [(name, _fact[name]) for name in ("sequence", "kind", "occurred_at", "recorded_at", "data")],
    Subject.__table__,
)
_DEADLINES = json_list(
    select(_deadline.id).where(_deadline.subject_key == _subject.id).order_by(_deadline.id),
    [
        (name, _deadline[name])
        for name in (
            "clock", "rule", "cycle", "revision", "state", "due_at", "ended_at", "early_seconds",
            "late_seconds", "charged_department_id", "charged_tier",
        )
    ],
    Subject.__table__,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClosedSubjects:
    """How many there are to look at, and a page of them after a key; `subject_type` None means any.

    Those opened outside of the period come without facts: a page is so many rows looked at, whatever it finds.
    """

    count: Statement
    page: Statement


def _closed(*conditions: ColumnElement[bool]) -> ClosedSubjects:
    closed = (
        _subject.is_open.is_(False),
        or_(_type.is_(None), _subject.subject_type == _type),
        *conditions,
    )
    keys = (
        select(_subject.id)
        .where(*closed, _subject.id > bindparam("after"))
        .order_by(_subject.id)
        .limit(bindparam("page_size", type_=_subject.id.type))
        .subquery()
    )
    first = and_(_opened.c.subject_key == _subject.id, _opened.c.sequence == 1)
    source = keys.join(Subject.__table__, _subject.id == keys.c.id).join(
        _opened, first, isouter=True
    )
    page = select(
        _subject.id,
        _subject.subject_type,
        _subject.subject_public_id,
        _subject.label,
        _subject.department_id,
        _subject.tier,
        case((_within, cast(_FACTS, Text)), else_=None).label("facts"),
        case((_within, cast(_DEADLINES, Text)), else_=None).label("deadlines"),
    )
    return ClosedSubjects(
        Statement(select(func.count()).select_from(Subject.__table__).where(*closed)),
        Statement(page.select_from(source).order_by(_subject.id)),
    )


CLOSED = _closed()
CLOSED_OF_DEPARTMENTS = _closed(any_of(_subject.department_id, "departments"))
TEAMS = Statement(
    select(Department.id, Department.public_id, Department.name).where(
        any_of(Department.__table__.c.id, "keys")
    )
)
