"""Imports a file batch by batch: rows, what was refused of them, and where the next batch begins are one transaction.

A worker that dies loses the batch it was in; the next goes on behind the last one written, and no row is written twice.
A dry run does each batch in a transaction that is rolled back, so it does not see what earlier batches would have made.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from app import writing
from app.auth.permissions import Permission
from app.auth.principal import Principal
from app.customers import first_refreshes
from app.database import Actor, Database, Transaction
from app.errors import Conflict
from app.imports import queries
from app.imports.batch import Outcome, apply_rows
from app.imports.headers import Column
from app.imports.models import ImportPiece
from app.imports.people import principal_of, words_for
from app.imports.reading.limits import FRAME_ROWS
from app.imports.rows import WantedRow, wanted_rows
from app.imports.service import IMPORT, piece, unpacked
from app.operations import service as operations
from app.operations.runner import Kind, Operation, Step
from app.statements import Row
from app.time import FAR_END

BATCH_ROWS = {"postgresql": 250, "sqlite": 50}
OUTCOMES = ("created", "updated", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch before it is written: its rows as they are wanted; of a dry run, what became of them."""

    source: Row
    principal: Principal
    rows: list[WantedRow]
    tried: Outcome | None = None


class _Undone(Exception):
    """Rolls a dry run's batch back."""


async def _prepare(database: Database, operation: Operation) -> Prepared:
    source = await database.one(queries.BY_PUBLIC_ID, public_id=operation.parameters["import_id"])
    if source is None or source["purged_at"] != FAR_END:
        raise Conflict("import_purged")
    assert operation.user_id is not None
    principal = await principal_of(
        database, operation.user_id, Permission.CUSTOMERS_IMPORT, Permission.CUSTOMERS_WRITE
    )
    rows = await _next_rows(database, source, operation.done)
    if operation.parameters["mode"] != "dry_run":
        return Prepared(source, principal, rows)
    return Prepared(source, principal, rows, await _try(database, principal, source, rows))


async def _next_rows(database: Database, source: Row, done: int) -> list[WantedRow]:
    """Return the rows behind the first `done` ones; frames hold the same number each."""
    options = source["options"]
    frame = await piece(database, source["id"], "rows", done // FRAME_ROWS)
    if frame is None:
        return []
    begin = done % FRAME_ROWS
    chosen = unpacked(frame)[begin : begin + BATCH_ROWS[database.kind]]
    columns = [Column(**one) for one in options["columns"]]
    zone = ZoneInfo(database.settings.zone)
    words = await words_for(database, (one.field for one in columns), zone)
    return wanted_rows(chosen, columns, source["about"]["headers"], words)


async def _try(
    database: Database, principal: Principal, source: Row, rows: list[WantedRow]
) -> Outcome:
    outcome = Outcome()
    try:
        async with database.transaction(Actor(principal.user_id, principal.name)) as tx:
            outcome = await apply_rows(tx, principal, source, rows)
            await tx.flush()
            raise _Undone
    except _Undone:
        return outcome


async def _step(tx: Transaction, operation: Operation, prepared: Prepared) -> Step:
    source = prepared.source
    outcome = prepared.tried
    if outcome is None:
        outcome = await apply_rows(tx, prepared.principal, source, prepared.rows)
    number = operation.cursor or 0
    if outcome.refused:
        content = zlib.compress(orjson.dumps(outcome.refused))
        values = {"import_id": source["id"], "kind": "refused", "number": number}
        await writing.insert(tx, ImportPiece, **values, content=content)
        number += 1
    done = operation.done + outcome.looked
    return Step(
        done=done,
        cursor=number,
        total=source["row_count"],
        result=_result(operation, outcome),
        finished=done >= source["row_count"] or not prepared.rows,
    )


def _result(operation: Operation, outcome: Outcome) -> Mapping[str, Any]:
    before = operation.result
    counts = {one: before.get(one, 0) + outcome.counts[one] for one in OUTCOMES}
    codes = dict(before.get("refused_by_code", {}))
    for _, faults in outcome.refused:
        for code in {one["code"] for one in faults}:
            codes[code] = codes.get(code, 0) + 1
    return {
        "import_id": operation.parameters["import_id"],
        "mode": operation.parameters["mode"],
        **counts,
        "refused_by_code": codes,
    }


async def _ended(tx: Transaction, operation: Operation) -> None:
    """Have the new files promised a monthly refresh, spread over the month (SOP FU-3), whatever ended the import."""
    if operation.parameters["mode"] != "dry_run" and operation.result.get("created"):
        await operations.start(tx, first_refreshes.KIND, {})


KINDS = {IMPORT: Kind(_step, _prepare, _ended)}
