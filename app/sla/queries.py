"""The heart's questions: locking a subject, its whole state in one answer, and what the sweep claims."""

from sqlalchemy import bindparam, select

from app.sla.models import DeadlineLevel, DeadlineRow, FactRow, Subject
from app.statements import DomainNow, Statement, json_list
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

STATE = Statement(
    select(
        json_list(
            select(FactRow.id).where(FactRow.subject_key == Subject.id).order_by(FactRow.sequence),
            [
                ("sequence", FactRow.sequence),
                ("kind", FactRow.kind),
                ("occurred_at", FactRow.occurred_at),
                ("recorded_at", FactRow.recorded_at),
                ("data", FactRow.data),
            ],
            Subject,
        ).label("facts"),
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
    ).where(Subject.id == bindparam("subject_key"))
)

OPEN_SUBJECTS_OF_CUSTOMER = Statement(
    select(Subject.subject_type, Subject.subject_id)
    .where(
        Subject.customer_id == bindparam("customer_id"),
        select(DeadlineRow.id)
        .where(DeadlineRow.subject_key == Subject.id, DeadlineRow.ended_at == FAR_END)
        .exists(),
    )
    .order_by(Subject.id)
)
