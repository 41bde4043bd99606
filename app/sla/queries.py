"""The heart's questions: locking a subject, its whole state in one answer, and what the sweep claims."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, func, select, text

from app.auth.models import Department
from app.sla.models import DeadlineLevel, DeadlineRow, Escalation, FactRow, Subject
from app.statements import DomainNow, Statement, any_of, json_list
from app.time import FAR_END

_SUBJECT = list(Subject.__table__.columns)
_THIS = (
    Subject.subject_type == bindparam("subject_type"),
    Subject.subject_id == bindparam("subject_id"),
)

# The instant is read outside the locking CTE, hence after the lock was had, however long that took.
_locked = (
    select(*_SUBJECT).where(*_THIS).with_for_update().cte("locked").prefix_with("MATERIALIZED")
)
LOCK_POSTGRESQL = Statement(select(*_locked.c, DomainNow().label("now")))
LOCK_SQLITE = Statement(select(*_SUBJECT, DomainNow().label("now")).where(*_THIS))

_FACTS = json_list(
    select(FactRow.id).where(FactRow.subject_key == Subject.id).order_by(FactRow.sequence),
    [
        ("sequence", FactRow.sequence),
        ("kind", FactRow.kind),
        ("occurred_at", FactRow.occurred_at),
        ("recorded_at", FactRow.recorded_at),
        ("data", FactRow.data),
    ],
    Subject,
).label("facts")
_whole = select(
    Subject.id,
    _FACTS,
    json_list(
        select(DeadlineRow.id).where(DeadlineRow.subject_key == Subject.id),
        [
            ("id", DeadlineRow.id),
            ("clock", DeadlineRow.clock),
            ("cycle", DeadlineRow.cycle),
            ("revision", DeadlineRow.revision),
        ],
        Subject,
    ).label("deadlines"),
    json_list(
        select(DeadlineLevel.id).where(DeadlineLevel.subject_key == Subject.id),
        [
            ("id", DeadlineLevel.id),
            ("deadline_id", DeadlineLevel.deadline_id),
            ("level", DeadlineLevel.level),
            ("fire_at", DeadlineLevel.fire_at),
            ("fired_at", DeadlineLevel.fired_at),
        ],
        Subject,
    ).label("levels"),
)
STATE = Statement(_whole.where(Subject.id == bindparam("subject_key")))
STATES = Statement(_whole.where(any_of(Subject.id, "keys")))
# The same rows as they are: of many subjects the database writes them far faster than as JSON.
DEADLINES_OF = Statement(
    select(
        DeadlineRow.subject_key,
        DeadlineRow.id,
        DeadlineRow.clock,
        DeadlineRow.cycle,
        DeadlineRow.revision,
    ).where(any_of(DeadlineRow.subject_key, "keys"))
)
LEVELS_OF = Statement(
    select(
        DeadlineLevel.subject_key,
        DeadlineLevel.id,
        DeadlineLevel.deadline_id,
        DeadlineLevel.level,
        DeadlineLevel.fire_at,
        DeadlineLevel.fired_at,
    ).where(any_of(DeadlineLevel.subject_key, "keys"))
)

OPEN_SUBJECTS_OF_CUSTOMER = Statement(
    select(Subject.subject_type, Subject.subject_id)
    .where(Subject.customer_id == bindparam("customer_id"), Subject.is_open.is_(True))
    .order_by(Subject.id)
)

# Spelled as the partial index is, so that it serves on both engines; an expression would become `= 1` on SQLite.
_OPEN = text("sla_subjects.is_open")
_PROVISIONAL = exists(
    select(DeadlineRow.id).where(
        DeadlineRow.subject_key == Subject.id,
        DeadlineRow.ended_at == FAR_END,
        DeadlineRow.provisional.is_(True),
        DeadlineRow.calendar == bindparam("calendar"),
    )
)


@dataclass(frozen=True, slots=True)
class OpenSubjects:
    """Questions about open subjects in the order of their keys: how many, a page to look at, those of `keys` locked."""

    count: Statement
    page: Statement
    lock_postgresql: Statement
    lock_sqlite: Statement


def _open_subjects(*conditions: ColumnElement[bool]) -> OpenSubjects:
    here: tuple[Any, ...] = (_OPEN, *conditions)
    after = Subject.id > bindparam("after", type_=Subject.id.type)
    limit = bindparam("batch_size", type_=Subject.id.type)
    chosen = select(*_SUBJECT).where(*here, any_of(Subject.id, "keys")).order_by(Subject.id)
    locked = chosen.with_for_update(of=Subject.__table__).cte("locked").prefix_with("MATERIALIZED")
    return OpenSubjects(
        count=Statement(select(func.count()).select_from(Subject.__table__).where(*here)),
        page=Statement(
            select(
                Subject.id,
                Subject.subject_type,
                Subject.subject_public_id,
                Subject.label,
                DomainNow().label("now"),
                _FACTS,
            )
            .where(*here, after)
            .order_by(Subject.id)
            .limit(limit)
        ),
        lock_postgresql=Statement(select(*locked.c, DomainNow().label("now"))),
        lock_sqlite=Statement(chosen.add_columns(DomainNow().label("now"))),
    )


OPEN = _open_subjects()
OPEN_AND_PROVISIONAL = _open_subjects(_PROVISIONAL)

_DUE = Subject.next_fire_at <= DomainNow()
# In the index's own order: a tie-breaker would sort everything that is due at one instant for every batch.
_claimed = (
    select(*_SUBJECT)
    .where(_DUE)
    .order_by(Subject.next_fire_at)
    .limit(bindparam("batch_size", type_=Subject.id.type))
)
_locked_due = _claimed.with_for_update(skip_locked=True).cte("due").prefix_with("MATERIALIZED")
CLAIM_POSTGRESQL = Statement(select(*_locked_due.c, DomainNow().label("now")))
_listed_due = _claimed.cte("due")
CLAIM_SQLITE = Statement(select(*_listed_due.c, DomainNow().label("now")))

_told = json_list(
    select(Escalation.id)
    .where(Escalation.deadline_id == DeadlineRow.id)
    .order_by(Escalation.level),
    [("told", Escalation.told)],
    DeadlineRow,
)
_unfired = (
    any_of(DeadlineLevel.subject_key, "keys"),
    DeadlineLevel.fired_at == FAR_END,
    DeadlineLevel.fire_at < FAR_END,
)
DUE_LEVELS = Statement(
    select(
        DeadlineLevel.id, DeadlineLevel.subject_key, DeadlineLevel.deadline_id, DeadlineLevel.level,
        DeadlineLevel.fire_at, DeadlineRow.public_id.label("deadline_public_id"), DeadlineRow.owner_id,
        DeadlineRow.department_id, DeadlineRow.rule, DeadlineRow.clock, DeadlineRow.state,
        DeadlineRow.started_at, DeadlineRow.due_at, DeadlineRow.ended_at, DeadlineRow.detected_at,
        DeadlineRow.policy, DeadlineRow.policy_version, _told.label("told_before"),
    )
    .join_from(DeadlineLevel, DeadlineRow, DeadlineRow.id == DeadlineLevel.deadline_id)
    .where(*_unfired, DeadlineLevel.fire_at <= bindparam("now"))
    .order_by(DeadlineLevel.fire_at, DeadlineLevel.level, DeadlineLevel.id)
)  # fmt: skip
# When each subject's next level fires, once what is due now has fired.
NEXT_LEVELS = Statement(
    select(DeadlineLevel.subject_key, func.min(DeadlineLevel.fire_at).label("fire_at"))
    .where(*_unfired, DeadlineLevel.fire_at > bindparam("now"))
    .group_by(DeadlineLevel.subject_key)
)
OLDEST_DUE = Statement(select(func.min(Subject.next_fire_at)))

DEPARTMENT_NAME = Statement(
    select(Department.name).where(Department.id == bindparam("department_id"))
)
