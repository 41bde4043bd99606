"""Keeps uploaded files until they are purged, and asks for their import; `applying` does it."""

import zlib
from collections.abc import Mapping
from datetime import timedelta
from typing import IO, Any

import orjson

from app import writing
from app.audit.service import write_entry
from app.auth.principal import Principal
from app.database import Database, Reader, Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.imports import queries
from app.imports.fields import custom_titles, is_field
from app.imports.headers import SEVERAL, plain, suggest
from app.imports.models import Import, ImportPiece
from app.imports.reading.reader import ReadFile
from app.imports.schemas import ImportStart, UpsertKey
from app.operations import service as operations
from app.statements import Row
from app.time import FAR_END, real_now

IMPORT = "customers.import"
KEPT = timedelta(days=30)
PIECE_BYTES = 256 * 1024
PIECES_AT_ONCE = 16
SAMPLES = 3
SAMPLE_LENGTH_MAX = 100
_KEY_FIELDS = {
    UpsertKey.NUMBER: "customer.number",
    UpsertKey.PHONE: "contact.phones",
    UpsertKey.EMAIL: "contact.emails",
}


async def suggested(
    reader: Reader, principal: Principal, headers: list[str | None]
) -> list[dict[str, Any]]:
    """Return what columns of these headers mean: as one's kept mappings say, newest first, else as the words do."""
    saved: dict[str, tuple[str, int]] = {}
    for row in await reader.all(queries.KEPT_COLUMNS, user_key=principal.user_id):
        saved |= {plain(one["header"]): (one["field"], one["scale"]) for one in row["columns"]}
    found = suggest(headers, saved=saved, custom=await custom_titles(reader))
    return [{"column": one.column, "field": one.field, "scale": one.scale} for one in found]


async def store(
    tx: Transaction, principal: Principal, file: IO[bytes], file_name: str, read: ReadFile
) -> dict[str, Any]:
    """Keep a file with its rows as they were read, and return its row."""
    size = file.seek(0, 2)
    about = read.about
    row = await writing.insert(
        tx,
        Import,
        user_id=principal.user_id,
        file_name=file_name,
        file_size=size,
        row_count=about["row_count"],
        about=about,
        samples=samples_of(read),
        suggested=await suggested(tx, principal, about["headers"]),
        created_at=real_now(),
        purge_at=real_now() + KEPT,
    )
    file.seek(0)
    number = 0
    while content := file.read(PIECE_BYTES):
        await _keep(tx, row, "file", number, content)
        number += 1
    for number, frame in enumerate(read.frames):
        await _keep(tx, row, "rows", number, frame)
    await _tell(
        tx, "import.upload", row, {"file_size": [None, size], "rows": [None, row["row_count"]]}
    )
    return row


async def _keep(tx: Transaction, row: Row, kind: str, number: int, content: bytes) -> None:
    await writing.insert(
        tx, ImportPiece, import_id=row["id"], kind=kind, number=number, content=content
    )
    if number % PIECES_AT_ONCE == PIECES_AT_ONCE - 1:
        await tx.flush()


def samples_of(read: ReadFile) -> list[list[str]]:
    """Return a few cells of each column, cut short."""
    columns: list[list[str]] = [[] for _ in read.about["headers"]]
    for _, cells, _ in unpacked(read.frames[0]) if read.frames else ():
        for column, cell in zip(columns, cells, strict=False):
            if cell is not None and len(column) < SAMPLES:
                column.append(cell[:SAMPLE_LENGTH_MAX])
    return columns


def unpacked(frame: bytes) -> list[Any]:
    """Return the rows of a frame: [number, cells, faults by column]."""
    rows: list[Any] = orjson.loads(zlib.decompress(frame))
    return rows


async def piece(reader: Reader, import_key: int, kind: str, number: int) -> bytes | None:
    """Return a piece's content, None behind the last."""
    content: bytes | None = await reader.value(
        queries.PIECE, import_key=import_key, kind=kind, number=number
    )
    return content


# --- asking


async def find(reader: Reader, principal: Principal, public_id: str) -> Row:
    """Return an import's row; raises `NotFound`, and `Conflict` where its file is gone."""
    row = await reader.one(queries.ROW, public_id=public_id, **queries.visible_to(principal))
    return _kept(row)


async def lock(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return an import's row held for writing, with `run_ended_at`; raises as `find` does."""
    row = await tx.one(queries.ROW_LOCKED, public_id=public_id, **queries.visible_to(principal))
    return _kept(row)


def _kept(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    if row["purged_at"] != FAR_END:
        raise Conflict("import_purged")
    return row


async def start(
    tx: Transaction, principal: Principal, public_id: str, command: ImportStart
) -> dict[str, Any]:
    """Ask for an import and return its operation; what an earlier dry run refused is forgotten.

    Raises `Invalid` for a mapping that cannot be, `Conflict` while a run is going on and once the file was applied.
    """
    row = await lock(tx, principal, public_id)
    if row["is_applied"]:
        raise Conflict("import_applied")
    if row["run_ended_at"] == FAR_END:
        raise Conflict("import_running")
    await _check_columns(tx, row, command)
    await writing.change_set(tx, ImportPiece, queries.DELETE_REFUSED, import_key=row["id"])
    options = command.model_dump(mode="json")
    total = row["row_count"]
    operation = await operations.start(
        tx, IMPORT, {"import_id": public_id, "mode": options["mode"]}, total=total
    )
    await tx.flush()
    values = {
        "options": options,
        "operation_id": operation["id"],
        "version": row["version"] + 1,
    }
    applied = command.mode.value == "real"
    await writing.update_many(tx, Import, [{"id": row["id"], "is_applied": applied, **values}])
    await _tell(tx, "import.start", row, {"mode": [None, options["mode"]]})
    return operation


async def _check_columns(tx: Transaction, row: Row, command: ImportStart) -> None:
    known = await custom_titles(tx)
    width, taken, columns = len(row["about"]["headers"]), set[str](), set[int]()
    errors = []
    for number, one in enumerate(command.columns):
        if one.column >= width or one.column in columns:
            errors.append(FieldError(f"/columns/{number}/column", "column_unknown"))
        if not is_field(one.field, known):
            errors.append(FieldError(f"/columns/{number}/field", "field_unknown"))
        elif one.field in taken and one.field not in SEVERAL:
            errors.append(FieldError(f"/columns/{number}/field", "field_twice"))
        taken.add(one.field)
        columns.add(one.column)
    key = None if command.upsert_by is None else _KEY_FIELDS[command.upsert_by]
    if key is not None and key not in taken:
        errors.append(FieldError("/upsert_by", "upsert_unmapped"))
    if not taken & {"customer.name", *({key} if key else ())}:
        errors.append(FieldError("/columns", "name_unmapped"))
    if errors:
        raise Invalid(errors=errors[:50])


# --- purging


async def purge(tx: Transaction, row: Row) -> None:
    """Delete every piece of an import and what its row tells of cells; raises `Conflict` while it is running."""
    if row.get("run_ended_at") == FAR_END:
        raise Conflict("import_running")
    await _purge(tx, row)


async def _purge(tx: Transaction, row: Row) -> None:
    await writing.change_set(tx, ImportPiece, queries.DELETE_PIECES, import_key=row["id"])
    values = {"samples": [], "purged_at": real_now(), "version": row["version"] + 1}
    await writing.update_many(tx, Import, [{"id": row["id"], **values}])
    await _tell(tx, "import.purge", row, {"file_name": [row["file_name"], None]})


async def purge_imports(database: Database) -> int:
    """Purge files whose time is over, one in a transaction; returns how many."""
    count = 0
    while True:
        async with database.transaction() as tx:
            rows = await tx.all(queries.TO_PURGE, real_now=real_now())
            if not rows:
                return count
            await _purge(tx, rows[0])
        count += 1


async def _tell(tx: Transaction, action: str, row: Row, changes: Mapping[str, Any]) -> None:
    await write_entry(
        tx,
        action,
        entity="import",
        entity_key=row["id"],
        entity_id=row["public_id"],
        changes=changes,
    )
