"""What is asked and changed of heartbeats and outages; instants are the database's own real time."""

from sqlalchemy import bindparam, delete, func, select, update

from app.auth.models import User
from app.auth.permissions import Role
from app.heartbeats.models import Heartbeat, Outage
from app.notifications.models import Notification
from app.statements import RealNow, Statement, any_of
from app.time import FAR_END

_beat = Heartbeat.__table__.c
_outage = Outage.__table__.c
_note = Notification.__table__.c

REAL_NOW = Statement(select(RealNow().label("now")))
BEATS = Statement(select(*Heartbeat.__table__.columns).order_by(_beat.id))
BEAT = Statement(
    update(Heartbeat)
    .values(beat_at=RealNow(), jobs=bindparam("job_runs", type_=_beat.jobs.type))
    .where(_beat.public_id == bindparam("worker_id"))
    .returning(_beat.id)
)
STOP = Statement(
    update(Heartbeat)
    .values(beat_at=RealNow(), stopped_at=RealNow())
    .where(_beat.public_id == bindparam("worker_id"))
    .returning(_beat.id)
)
# The newest row stays, whatever its age: it says since when nobody has been there.
PURGE = Statement(
    delete(Heartbeat)
    .where(
        _beat.beat_at < bindparam("dead_before", type_=_beat.beat_at.type),
        _beat.beat_at < select(func.max(Heartbeat.beat_at)).scalar_subquery(),
    )
    .returning(_beat.id)
)

TOLD = Statement(select(_outage.id).where(_outage.silent_since == bindparam("silent_since")))
ONGOING = Statement(select(*Outage.__table__.columns).where(_outage.ended_at == FAR_END))
ADMINS = Statement(
    select(User.id, User.email, User.language, User.zone, User.is_active)
    .where(User.role == Role.ADMIN.value, User.is_active.is_(True))
    .order_by(User.id)
)
LINES = Statement(
    select(_note.id, _note.data, User.email, User.language, User.zone, User.is_active)
    .join_from(Notification, User, User.id == _note.user_id)
    .where(any_of(_note.id, "keys"))
    .order_by(_note.id)
)
