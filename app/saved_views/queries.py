"""What is asked of saved views: those that a caller sees, one of them, and the rows that services change."""

from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select

from app.auth.models import Department, User
from app.auth.principal import Principal
from app.columns import table_columns
from app.reading import Listing, one_statement
from app.saved_views.models import SavedView, SavedViewDefault
from app.statements import Statement, json_row

_VIEWS, _DEFAULTS, _OWNERS = SavedView.__table__, SavedViewDefault.__table__, User.__table__
_MINE, _THEIRS = Department.__table__.alias("mine"), Department.__table__.alias("theirs")
_view, _default = _VIEWS.c, _DEFAULTS.c

# A department's path begins with those of the departments above it.
_IN_DEPARTMENT = exists(_MINE.c.id).where(
    _MINE.c.id == bindparam("department"),
    _THEIRS.c.id == _view.department_id,
    func.substr(_MINE.c.path, 1, func.length(_THEIRS.c.path)) == _THEIRS.c.path,
)
_VISIBLE = or_(
    _view.owner_id == bindparam("caller"),
    _view.sharing == "all",
    (_view.sharing == "department") & _IN_DEPARTMENT,
)
_IS_DEFAULT = exists(_default.id).where(
    _default.view_id == _view.id, _default.user_id == bindparam("caller")
)
_SOURCE = _VIEWS.join(_OWNERS, _OWNERS.c.id == _view.owner_id)
_SHOWN = (
    ("id", _view.public_id),
    ("name", _view.name),
    ("resource", _view.resource),
    ("query", _view.query),
    ("sharing", _view.sharing),
    ("owner", json_row((("id", _OWNERS.c.public_id), ("name", _OWNERS.c.name)))),
    ("is_default", _IS_DEFAULT),
    ("version", _view.version),
    ("created_at", _view.created_at),
    ("updated_at", _view.updated_at),
)


def seen_by(principal: Principal) -> dict[str, Any]:
    """Return the parameters of what the principal sees."""
    return {"caller": principal.user_id, "department": principal.department_id}


LISTING = Listing(
    name="saved_views",
    source=_SOURCE,
    fields=_SHOWN,
    key=_view.id,
    sorts={"name": _view.name_key},
    filters={"resource": _view.resource == bindparam("resource")},
    always=(_VISIBLE,),
)
ONE = one_statement(
    _SOURCE,
    _SHOWN,
    _view.public_id == bindparam("public_id"),
    _VISIBLE,
    version=_view.version,
)
_OF_ID = select(*table_columns(SavedView)).where(
    _view.public_id == bindparam("public_id"), _VISIBLE
)
LOCKED = Statement(_OF_ID.with_for_update(of=_VIEWS))
# Whoever begins with it sees it stay until he has written that down.
SHARED_LOCK = Statement(_OF_ID.with_for_update(read=True, of=_VIEWS))
NAMED = Statement(
    select(_view.id).where(
        _view.owner_id == bindparam("caller"),
        _view.resource == bindparam("resource"),
        _view.name_key == bindparam("name_key"),
        _view.id != bindparam("key"),
    )
)
DEFAULT = Statement(
    select(*table_columns(SavedViewDefault)).where(
        _default.user_id == bindparam("caller"), _default.resource == bindparam("resource")
    )
)
DEFAULTS = Statement(
    select(*table_columns(SavedViewDefault)).where(_default.view_id == bindparam("key"))
)
