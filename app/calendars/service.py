"""Stored calendars: seeding the shipped ones, and giving compiled versions to whoever computes with them.

Editing is in `edits`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app import writing
from app.calendars import edits, queries
from app.calendars.document import parse_calendar
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.revision import with_year
from app.calendars.shipped import SHIPPED_NAMES, shipped_document, statutory_exceptions
from app.calendars.working_time import Calendar, compile_calendar
from app.database import Database, Transaction
from app.errors import NotFound, invalid_field
from app.statements import Row

Reference = tuple[str, int]
Ask = Callable[..., Awaitable[list[Row]]]
WORKING_NAME = "office"
_NO_ID = str(UUID(int=0))


@dataclass(frozen=True, slots=True)
class CalendarsInForce:
    """Every stored version compiled, and which version new promises use by name; `working` names the working one."""

    versions: Mapping[Reference, Calendar]
    current: Mapping[str, int]
    working: Reference


async def ensure_shipped(tx: Transaction) -> None:
    """Store the shipped calendars where they are missing; `office` becomes the deployment's working calendar.

    A stored `office` is given the years that were published since.
    """
    known = {row["name"] for row in await tx.all(queries.NAMES)}
    now = await tx.now()
    for name in SHIPPED_NAMES:
        if name in known:
            continue
        document = shipped_document(name)
        row = await writing.insert(
            tx,
            CalendarRow,
            name=name,
            title=document["title"],
            is_working=name == WORKING_NAME,
            created_at=now,
        )
        await writing.insert(
            tx, CalendarVersion, calendar_id=row["id"], number=1, document=document, created_at=now
        )
    if WORKING_NAME in known:
        await _load_shipped_years(tx)


async def _load_shipped_years(tx: Transaction) -> None:
    """Load what follows the last loaded year; a calendar that was taken out of the shipped years is left alone."""
    row = await edits.lock_calendar(tx, identified(WORKING_NAME))
    document, shipped = row["document"], statutory_exceptions()
    loaded = document.get("exceptions_loaded")
    if not loaded or document["timezone"] != shipped_document(WORKING_NAME)["timezone"]:
        return
    for year in shipped["exceptions_loaded"]:
        if year > max(loaded):
            days = [one for one in shipped["exceptions"] if one["date"].startswith(f"{year}-")]
            document = with_year(document, year, days)
    await edits.store(tx, row, document)


def identified(calendar: str) -> dict[str, str]:
    """Return the parameters that name a calendar by its name or its id; raises `NotFound` for what can be neither."""
    if "\x00" in calendar:
        raise NotFound
    try:
        public_id = str(UUID(calendar))
    except ValueError:
        public_id = _NO_ID
    return {"name": calendar, "public_id": public_id}


async def find_version(
    database: Database, calendar: str, number: int | None
) -> tuple[Reference, Calendar]:
    """Return a calendar's version, the current one if None; raises `NotFound`, or `Invalid` for an unknown number."""
    row = await database.one(queries.REFERENCE, **identified(calendar))
    if row is None:
        raise NotFound
    reference = (row["name"], number or row["current_version"])
    known = _remembered(database).get(reference)
    if known is not None:
        return reference, known
    found = await database.one(queries.DOCUMENT, number=reference[1], **identified(row["name"]))
    if found is None:
        raise invalid_field("/query/version", "unknown_reference")
    return reference, _compile(database, reference, found["document"])


async def read_in_force(database: Database, ask: Ask) -> CalendarsInForce:
    """Return every stored version; only the documents that this process has not yet compiled are read."""
    names, rows = await ask(queries.NAMES), await ask(queries.REFERENCES)
    known = _remembered(database)
    missing = {row["id"]: (row["name"], row["number"]) for row in rows}
    missing = {key: reference for key, reference in missing.items() if reference not in known}
    if missing:
        for row in await ask(queries.DOCUMENTS, keys=list(missing)):
            _compile(database, missing[row["id"]], row["document"])
    working = next((row["name"] for row in names if row["is_working"]), WORKING_NAME)
    current = {row["name"]: row["current_version"] for row in names}
    return CalendarsInForce(dict(known), current, (working, current.get(working, 1)))


def _remembered(database: Database) -> dict[Reference, Calendar]:
    """Return the versions that the process has compiled: they never change."""
    remembered: dict[Reference, Calendar] = database.memory.setdefault("calendars", {})
    return remembered


def _compile(database: Database, reference: Reference, document: Mapping[str, Any]) -> Calendar:
    compiled = compile_calendar(parse_calendar(document))
    _remembered(database)[reference] = compiled
    return compiled
