"""What is asked of imports: the list, one of them, its pieces; somebody else's are invisible to who does not see all."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam, delete, or_, select

from app.auth.models import User
from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.columns import UtcDateTime, table_columns
from app.imports.models import Import, ImportMapping, ImportPiece
from app.operations.models import OperationRow
from app.reading import Listing, one_statement
from app.statements import Statement
from app.time import FAR_END

_i, _p, _m = Import.__table__.c, ImportPiece.__table__.c, ImportMapping.__table__.c
_SOURCE = (
    Import.__table__.join(User.__table__, User.id == _i.user_id)
    .outerjoin(OperationRow.__table__, OperationRow.id == _i.operation_id)
)  # fmt: skip
_VISIBLE = or_(_i.user_id == bindparam("user_key"), bindparam("sees_all", type_=Boolean()))
_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _i.public_id),
    ("file_name", _i.file_name),
    ("file_size", _i.file_size),
    ("row_count", _i.row_count),
    ("user_id", User.__table__.c.public_id),
    ("operation_id", OperationRow.__table__.c.public_id),
    ("is_applied", _i.is_applied),
    ("version", _i.version),
    ("created_at", _i.created_at),
    ("purge_at", _i.purge_at),
    ("purged_at", _i.purged_at),
)
IMPORTS = Listing(
    name="imports",
    source=_SOURCE,
    fields=_FIELDS,
    key=_i.id,
    sorts={"created_at": _i.created_at},
    always=(_VISIBLE,),
)
IMPORT = one_statement(
    _SOURCE,
    (
        *_FIELDS,
        ("about", _i.about),
        ("samples", _i.samples),
        ("suggested", _i.suggested),
        ("options", _i.options),
    ),
    _i.public_id == bindparam("public_id"),
    _VISIBLE,
    version=_i.version,
)
ROW = Statement(
    select(*table_columns(Import)).where(_i.public_id == bindparam("public_id"), _VISIBLE)
)
ROW_LOCKED = Statement(
    select(*table_columns(Import), OperationRow.finished_at.label("run_ended_at"))
    .outerjoin_from(Import, OperationRow, OperationRow.id == Import.operation_id)
    .where(_i.public_id == bindparam("public_id"), _VISIBLE)
    .with_for_update(of=Import.__table__)
)
BY_PUBLIC_ID = Statement(
    select(*table_columns(Import)).where(_i.public_id == bindparam("public_id"))
)
TO_PURGE = Statement(
    select(*table_columns(Import))
    .where(_i.purge_at <= bindparam("real_now", type_=UtcDateTime()), _i.purged_at == FAR_END)
    .order_by(_i.purge_at, _i.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
PIECE = Statement(
    select(_p.content).where(
        _p.import_id == bindparam("import_key"),
        _p.kind == bindparam("kind"),
        _p.number == bindparam("number"),
    )
)
DELETE_PIECES = Statement(
    delete(ImportPiece)
    .where(_p.import_id == bindparam("import_key"))
    .returning(_p.id)
)  # fmt: skip
DELETE_REFUSED = Statement(
    delete(ImportPiece)
    .where(_p.import_id == bindparam("import_key"), _p.kind == "refused")
    .returning(_p.id)
)

_OWN = or_(_m.created_by == bindparam("user_key"), bindparam("sees_all", type_=Boolean()))
MAPPINGS = Listing(
    name="import_mappings",
    source=ImportMapping.__table__.join(User.__table__, User.id == _m.created_by),
    fields=(
        ("id", _m.public_id),
        ("name", _m.name),
        ("columns", _m.columns),
        ("version", _m.version),
        ("created_by", User.__table__.c.public_id),
        ("created_at", _m.created_at),
        ("updated_at", _m.updated_at),
    ),
    key=_m.id,
    sorts={"name": _m.name_key},
    always=(_OWN,),
)
MAPPING = one_statement(
    MAPPINGS.source,
    MAPPINGS.fields,
    _m.public_id == bindparam("public_id"),
    _OWN,
    version=_m.version,
)
MAPPING_LOCKED = Statement(
    select(*table_columns(ImportMapping))
    .where(_m.public_id == bindparam("public_id"), _OWN)
    .with_for_update()
)
MAPPING_NAMED = Statement(
    select(_m.id).where(
        _m.created_by == bindparam("user_key"), _m.name_key == bindparam("name_key")
    )
)
KEPT_COLUMNS = Statement(
    select(_m.columns)
    .where(_m.created_by == bindparam("user_key"))
    .order_by(_m.updated_at, _m.id)
    .limit(200)
)


def visible_to(principal: Principal) -> dict[str, Any]:
    """Return the parameters of what a caller sees: his own imports, or all."""
    sees_all = principal.scope(Permission.CUSTOMERS_IMPORT) is RowScope.ALL
    return {"user_key": principal.user_id, "sees_all": sees_all}
