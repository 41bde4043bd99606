"""Stored calendars: seeding the shipped ones, and giving compiled versions to whoever computes with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app import writing
from app.calendars.document import parse_calendar
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.shipped import SHIPPED_NAMES, shipped_document
from app.calendars.working_time import Calendar, compile_calendar
from app.database import Database, Transaction
from app.statements import Row, Statement

Reference = tuple[str, int]
WORKING_NAME = "office"
CURRENT = Statement(
    select(
        CalendarRow.id, CalendarRow.name, CalendarRow.is_working, CalendarVersion.number,
        CalendarVersion.document,
    ).join_from(CalendarRow, CalendarVersion, CalendarVersion.calendar_id == CalendarRow.id)
)  # fmt: skip
NAMES = Statement(select(CalendarRow.name, CalendarRow.current_version, CalendarRow.is_working))


@dataclass(frozen=True, slots=True)
class CalendarsInForce:
    """Every stored version compiled, and which version new promises use by name; `working` names the working one."""

    versions: Mapping[Reference, Calendar]
    current: Mapping[str, int]
    working: Reference


async def ensure_shipped(tx: Transaction) -> None:
    """Store the shipped calendars where they are missing; `office` becomes the deployment's working calendar."""
    known = {row["name"] for row in await tx.all(NAMES)}
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


def compile_version(
    database: Database, name: str, number: int, document: Mapping[str, Any]
) -> Calendar:
    """Return the compiled version, remembered by the process: versions never change."""
    compiled: dict[Reference, Calendar] = database.memory.setdefault("calendars", {})
    if (name, number) not in compiled:
        compiled[name, number] = compile_calendar(parse_calendar(document))
    return compiled[name, number]


def in_force(database: Database, versions: list[Row], names: list[Row]) -> CalendarsInForce:
    """Return what rows of `CURRENT` and `NAMES` say."""
    working = next((row["name"] for row in names if row["is_working"]), WORKING_NAME)
    current = {row["name"]: row["current_version"] for row in names}
    compiled = {
        (row["name"], row["number"]): compile_version(
            database, row["name"], row["number"], row["document"]
        )
        for row in versions
    }
    return CalendarsInForce(compiled, current, (working, current.get(working, 1)))
