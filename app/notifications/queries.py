"""What is asked of the inbox. Only lines released to the caller himself are there: everybody else's do not exist."""

from sqlalchemy import Boolean, bindparam, case, func, select, update

from app.notifications.models import Notification
from app.reading import Listing, one_statement
from app.statements import Statement
from app.time import FAR_END

_n = Notification.__table__.c
_english = bindparam("english", type_=Boolean())
_MINE = (_n.user_id == bindparam("user_key"), _n.delivered_at < FAR_END)
_UNREAD = _n.read_at == FAR_END
_FIELDS = (
    ("id", _n.public_id),
    ("kind", _n.kind),
    ("title", case((_english, _n.title_en), else_=_n.title_zh)),
    ("body", case((_english, _n.body_en), else_=_n.body_zh)),
    ("data", _n.data),
    ("created_at", _n.created_at),
    ("delivered_at", _n.delivered_at),
    ("read_at", _n.read_at),
)

ONE = one_statement(Notification.__table__, _FIELDS, *_MINE, _n.public_id == bindparam("public_id"))
INBOX = Listing(
    name="notifications",
    source=Notification.__table__,
    fields=_FIELDS,
    key=_n.id,
    sorts={"created_at": _n.created_at},
    filters={
        "unread": _UNREAD,
        "read": _n.read_at < FAR_END,
        "kind": _n.kind == bindparam("kind"),
    },
    always=_MINE,
)
UNREAD_COUNT = Statement(
    select(func.count()).select_from(Notification.__table__).where(*_MINE, _UNREAD)
)
DELIVERED_AT = Statement(
    select(_n.delivered_at).where(*_MINE, _n.public_id == bindparam("public_id"))
)

_read = (
    update(Notification).values(read_at=bindparam("now", type_=_n.read_at.type)).returning(_n.id)
)
READ_ONE = Statement(_read.where(*_MINE, _UNREAD, _n.public_id == bindparam("one_id")))
READ_UP_TO = Statement(
    _read.where(*_MINE, _UNREAD, _n.delivered_at <= bindparam("up_to", type_=_n.read_at.type))
)
