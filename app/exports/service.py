"""Streams customers as a table: pages by key, the next one asked for while one is written; every export is audited."""

import asyncio
import csv
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from app.audit.service import write_entry
from app.auth.principal import Principal
from app.customers.filtering import conditions_of
from app.database import Actor, Database, Reader, Transaction
from app.errors import Invalid, invalid_field
from app.exports import queries
from app.exports.columns import COLUMNS, headings, shows
from app.exports.schemas import ExportCreate
from app.imports.fields import own_fields
from app.imports.schemas import FileFormat
from app.statements import Row
from app.tabular import BYTE_ORDER_MARK, Workbook, safe_cell

PAGE_SIZE = 1_000
XLSX_ROWS_MAX = 100_000
_CHUNK_BYTES = 256 * 1024
_NOBODY: Mapping[str, Any] = defaultdict(lambda: None)
_POINTS = {"phone": ("contact.phones", "number"), "email": ("contact.emails", "address")}


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported, for whom: the fields in order, filters by name, and the values of filters, masks and scope."""

    fields: tuple[str, ...]
    own: Mapping[str, Row]
    filters: tuple[str, ...]
    values: Mapping[str, Any]
    scoped: bool
    language: str
    zone: ZoneInfo
    actor: Actor


async def begin(
    tx: Transaction, principal: Principal, command: ExportCreate, language: str
) -> Export:
    """Return what is to be exported and record who asked for what; raises `Invalid` for more than a workbook takes."""
    asked = conditions_of(command.filter)
    given = {name: value for name, value in asked.items() if value is not None}
    scoped, scope = queries.scope_of(principal)
    own = {f"custom.{row['key']}": row for row in await own_fields(tx)}
    fields = tuple(command.fields or (*COLUMNS, *own))
    for number, one in enumerate(fields):
        if one.startswith("custom.") and one not in own:
            raise invalid_field(f"/fields/{number}", "field_unknown")
    export = Export(
        fields=fields,
        own=own,
        filters=tuple(sorted(given)),
        values={**scope, **{k: _bound(v) for k, v in given.items()}},
        scoped=scoped,
        language=language,
        zone=ZoneInfo(tx.database.settings.zone),
        actor=tx.actor,
    )
    if command.format is FileFormat.XLSX:
        statement = queries.count_statement(export.filters, scoped=scoped)
        count = await tx.value(statement, count_max=XLSX_ROWS_MAX + 1, **export.values)
        if count > XLSX_ROWS_MAX:
            raise Invalid("export_too_long", rows_max=XLSX_ROWS_MAX)
    told = command.model_dump(mode="json", exclude_none=True)
    changes = {name: [None, value] for name, value in told.items()}
    await write_entry(tx, "customers.export", entity="export", changes=changes)
    return export


def _bound(value: Any) -> Any:
    return (
        [one.value if hasattr(one, "value") else one for one in value]
        if isinstance(value, list)
        else value
    )


async def stream_csv(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Yield the table as CSV in UTF-8 with a mark; no text in it is taken for a formula."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings(export.fields, export.own, export.language))
    count, ended = 0, False
    try:
        yield BYTE_ORDER_MARK.encode() + out.getvalue().encode()
        async for rows in _pages(database, export):
            out.seek(0)
            out.truncate()
            writer.writerows([[safe_cell(cell) for cell in row] for row in rows])
            count += len(rows)
            yield out.getvalue().encode()
        ended = True
    finally:
        await asyncio.shield(asyncio.ensure_future(_tell_end(database, export, count, ended)))


async def stream_xlsx(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Yield the table as a workbook; it is complete before its first byte leaves."""
    count, ended = 0, False
    try:
        with tempfile.TemporaryFile() as file:
            book = Workbook(file)
            book.write_row(headings(export.fields, export.own, export.language))
            async for rows in _pages(database, export):
                await asyncio.to_thread(book.write_rows, rows)
                count += len(rows)
            await asyncio.to_thread(book.close)
            file.seek(0)
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
        ended = True
    finally:
        await asyncio.shield(asyncio.ensure_future(_tell_end(database, export, count, ended)))


async def _tell_end(database: Database, export: Export, count: int, ended: bool) -> None:
    async with database.transaction(export.actor) as tx:
        changes = {"row_count": [None, count], "is_complete": [None, ended]}
        await write_entry(tx, "customers.export_end", entity="export", changes=changes)


async def _pages(database: Database, export: Export) -> AsyncIterator[list[list[Any]]]:
    """Yield the rows, a page at a time; while one is taken, the next is asked for."""
    show = shows(export.fields, export.own, export.language, export.zone)
    has_contacts = any(one.startswith("contact.") for one in export.fields)
    coming = asyncio.ensure_future(_page(database, export, 0))
    try:
        while customers := await coming:
            after = customers[-1]["key"]
            coming = asyncio.ensure_future(_page(database, export, after))
            people = await _people(database, export, customers) if has_contacts else _NOBODY
            if not has_contacts:
                yield [[one(row) for one in show] for row in customers]
                continue
            yield [
                [one(row) for one in show]
                for row in ({**row, **people[row["key"]]} for row in customers)
            ]
    finally:
        coming.cancel()


async def _page(reader: Reader, export: Export, after: int) -> list[Row]:
    statement = queries.page_statement(export.fields, export.filters, scoped=export.scoped)
    return await reader.all(statement, after=after, page_size=PAGE_SIZE, **export.values)


async def _people(
    reader: Reader, export: Export, customers: Sequence[Row]
) -> Mapping[int, Mapping[str, Any]]:
    """Return the main contact of each customer with his numbers and addresses, by the customer's key."""
    keys = [row["key"] for row in customers]
    people: dict[int, dict[str, Any]] = {}
    main: dict[int, dict[str, Any]] = {}
    for row in await reader.all(queries.CONTACTS, keys=keys):
        if row["customer_id"] not in people:
            people[row["customer_id"]] = main[row["id"]] = dict(row)
    asked = {"keys": keys, "reveal": export.values["reveal"]}
    for row in await reader.all(queries.POINTS, **asked):
        person = main.get(row["contact_id"])
        if person is not None:
            name, column = _POINTS[row["kind"]]
            person[name] = f"{person[name]}; {row[column]}" if name in person else row[column]
    empty = {one: None for one in export.fields if one.startswith("contact.")}
    return {key: {**empty, **people.get(key, {})} for key in keys}
