"""What is asked of operations. Somebody else's are invisible to whoever does not see all."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam, or_, select, text

from app.auth.models import User
from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.operations.models import OperationRow
from app.reading import Listing, one_statement
from app.statements import Statement, any_of, json_row
from app.time import FAR_END

_o = OperationRow.__table__.c
_COLUMNS = list(OperationRow.__table__.columns)
_SOURCE = OperationRow.__table__.outerjoin(User.__table__, User.id == _o.user_id)
_VISIBLE = or_(_o.user_id == bindparam("user_key"), bindparam("sees_all", type_=Boolean()))
# Spelled as the partial index is, so that it serves whatever plan the engine keeps.
_UNFINISHED = text("operations.state IN ('queued', 'running')")
_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _o.public_id),
    ("kind", _o.kind),
    ("state", _o.state),
    ("done", _o.finished_at < FAR_END),
    ("progress", json_row([("done", _o.done_count), ("total", _o.total_count)])),
    ("cancel_requested", _o.cancel_requested),
    ("asked_by", User.__table__.c.public_id),
    ("created_at", _o.created_at),
    ("started_at", _o.started_at),
    ("finished_at", _o.finished_at),
)

OPERATIONS = Listing(
    name="operations",
    source=_SOURCE,
    fields=_FIELDS,
    key=_o.id,
    sorts={"created_at": _o.created_at},
    filters={"state": _o.state == bindparam("state"), "kind": _o.kind == bindparam("kind")},
    always=(_VISIBLE,),
)
OPERATION = one_statement(
    _SOURCE,
    (*_FIELDS, ("parameters", _o.parameters), ("result", _o.result), ("error", _o.error)),
    _o.public_id == bindparam("public_id"),
    _VISIBLE,
)
VISIBLE_ROW = Statement(
    select(*_COLUMNS).where(_o.public_id == bindparam("public_id"), _VISIBLE).with_for_update()
)
CLAIM = Statement(
    select(*_COLUMNS, User.name.label("user_name"))
    .select_from(_SOURCE)
    .where(
        _UNFINISHED,
        any_of(_o.kind, "kinds"),
        _o.lease_until <= bindparam("real_now", type_=_o.lease_until.type),
    )
    .order_by(_o.lease_until, _o.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=OperationRow.__table__)
)
BY_PUBLIC_ID = Statement(select(*_COLUMNS).where(_o.public_id == bindparam("public_id")))
HELD = Statement(
    select(_o.cancel_requested, _o.failure_count)
    .where(_o.id == bindparam("key"), _o.lease == bindparam("lease_seen"))
    .with_for_update()
)


def visible_to(principal: Principal) -> dict[str, Any]:
    """Return the parameters of what a caller sees: his own operations, or all."""
    sees_all = principal.scope(Permission.OPERATIONS_READ) is RowScope.ALL
    return {"user_key": principal.user_id, "sees_all": sees_all}
