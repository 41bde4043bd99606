"""Edits of calendars: each makes a new version, never overwrites one, and publishes `calendar.changed`.

An edit that says nothing new makes no version and publishes nothing. Calendars are neither deleted nor switched off:
promises already made are computed with them for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

from app import writing
from app.calendars import queries
from app.calendars.document import (
    CalendarInvalid,
    CalendarSpec,
    parse_calendar,
    parse_exceptions,
)
from app.calendars.events import CALENDAR_CHANGED, CalendarChanged
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.published_year import (
    PublishedDay,
    check_days,
    check_year,
    exceptions_of,
    parse_days,
)
from app.calendars.revision import (
    Difference,
    Document,
    difference,
    normalized,
    with_exceptions,
    with_year,
    without_exception,
)
from app.database import Transaction
from app.errors import Conflict, Invalid, NotFound, invalid_field
from app.outbox.service import publish
from app.statements import Row

AROUND_THE_CLOCK = "24x7"
_SETTING_UP = int.from_bytes(sha256(b"calendars").digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit did: the calendar's row as it is now with its `document`, the version before, what differs."""

    row: Row
    from_version: int
    difference: Difference


async def lock_calendar(tx: Transaction, named: Mapping[str, str]) -> Row:
    """Return a calendar's row and current `document`, held for writing; raises `NotFound`."""
    row = await tx.one(queries.LOCKED, **named)
    if row is None:
        raise NotFound
    number = row["current_version"]
    return {**row, "document": await tx.value(queries.DOCUMENT, number=number, **named)}


async def create_calendar(tx: Transaction, document: Mapping[str, Any]) -> Edit:
    """Store a new calendar's version 1; raises `Conflict` (`calendar_name_taken`) and `Invalid`."""
    checked(document)
    await _alone(tx)
    if await tx.one(queries.TAKEN, name=document["name"]) is not None:
        raise Conflict("calendar_name_taken")
    plain, now = normalized(document), await tx.now()
    row = await writing.insert(
        tx, CalendarRow, name=plain["name"], title=plain["title"], created_at=now
    )
    await writing.insert(
        tx, CalendarVersion, calendar_id=row["id"], number=1, document=plain, created_at=now
    )
    edit = Edit({**row, "document": plain}, 0, difference({}, plain))
    await _tell(tx, edit)
    return edit


async def replace_document(tx: Transaction, row: Row, document: Mapping[str, Any]) -> Edit:
    """Make a whole document the next version of a calendar that `lock_calendar` returned; raises `Invalid`.

    The name stays, for facts refer to it; `24x7` stays always open, for elapsed hours run on it.
    """
    spec = checked(document)
    if spec.name != row["name"]:
        raise invalid_field("/name", "calendar_name_fixed")
    if spec.name == AROUND_THE_CLOCK and not spec.always_open:
        raise invalid_field("/always_open", "always_open_fixed")
    return await store(tx, row, normalized(document))


async def put_exceptions(
    tx: Transaction, row: Row, exceptions: Sequence[Mapping[str, Any]]
) -> Edit:
    """Give dates exceptions in the place of what they had, all or none of them; raises `Invalid`."""
    spec = _spec_with_dates(row)
    try:
        parse_exceptions(exceptions, spec.week)
    except CalendarInvalid as error:
        raise _refusal(error) from error
    return await store(tx, row, with_exceptions(row["document"], exceptions))


async def remove_exception(tx: Transaction, row: Row, on: date) -> Edit:
    """Make a date an ordinary one again; raises `NotFound` where it is one."""
    document = without_exception(row["document"], on)
    if document is None:
        raise NotFound
    return await store(tx, row, document)


async def load_year(
    tx: Transaction, row: Row, year: int, entries: object, *, anew: bool = False
) -> Edit:
    """Lay a published year over the calendar and call it loaded; with `anew` its other exceptions go.

    `entries` are `{date, is_off_day, name}` as JSON has them. Raises `Invalid` at `/year` or `/days/...`.
    """
    try:
        days = parse_days(entries)
        check_days(year, days)
    except CalendarInvalid as error:
        raise _refusal(error) from error
    return await load_days(tx, row, year, days, anew=anew)


async def load_days(
    tx: Transaction, row: Row, year: int, days: Sequence[PublishedDay], *, anew: bool = False
) -> Edit:
    """Do the same with days that have been read and checked."""
    try:
        check_year(parse_calendar(row["document"]), year)
    except CalendarInvalid as error:
        raise _refusal(error) from error
    document = with_year(row["document"], year, exceptions_of(days), anew=anew)
    return await store(tx, row, document)


async def set_working(tx: Transaction, row: Row, *, is_working: bool) -> Edit:
    """Make a calendar the deployment's working one, in the place of the one that is; promises made keep theirs.

    There is always one: raises `Invalid` where the working one is to be it no longer.
    """
    unchanged = Edit(row, row["current_version"], difference(row["document"], row["document"]))
    if is_working == row["is_working"]:
        return unchanged
    if not is_working:
        raise invalid_field("/is_working", "working_calendar_needed")
    await _alone(tx)
    for other in await tx.all(queries.WORKING_LOCKED):
        gone = await writing.update(tx, CalendarRow, other, is_working=False)
        await _tell(tx, replace(unchanged, row=gone, from_version=gone["current_version"]))
    edit = replace(unchanged, row=await writing.update(tx, CalendarRow, row, is_working=True))
    await _tell(tx, edit)
    return edit


async def store(tx: Transaction, row: Row, document: Document) -> Edit:
    """Make a normalized document the next version, or none where it is the current one's; raises `Invalid`."""
    checked(document)
    number = row["current_version"]
    before = normalized(row["document"])
    differs = difference(before, document)
    if document == before:
        return Edit(row, number, differs)
    await writing.insert(
        tx,
        CalendarVersion,
        calendar_id=row["id"],
        number=number + 1,
        document=document,
        created_at=await tx.now(),
    )
    changed = await writing.update(
        tx, CalendarRow, row, current_version=number + 1, title=document["title"]
    )
    edit = Edit({**changed, "document": document}, number, differs)
    await _tell(tx, edit)
    return edit


def checked(document: Mapping[str, Any]) -> CalendarSpec:
    """Return what a document says; raises `Invalid` at the pointer of its first fault."""
    try:
        return parse_calendar(document)
    except CalendarInvalid as error:
        raise _refusal(error) from error


def _spec_with_dates(row: Row) -> CalendarSpec:
    spec = parse_calendar(row["document"])
    if spec.always_open:
        raise invalid_field("/exceptions", "always_open_has_none")
    return spec


def _refusal(error: CalendarInvalid) -> Invalid:
    return invalid_field(error.pointer, error.code, **error.values)


async def _alone(tx: Transaction) -> None:
    """Let one change at a time decide which names are taken and which calendar is the working one."""
    if not await tx.lock_name(_SETTING_UP):
        raise Conflict("busy_try_again", headers={"Retry-After": "1"})


async def _tell(tx: Transaction, edit: Edit) -> None:
    row = edit.row
    event = CalendarChanged(
        calendar=row["name"],
        from_version=edit.from_version,
        to_version=row["current_version"],
        loaded_years=edit.difference.years_loaded,
        is_working=row["is_working"],
    )
    await publish(
        tx,
        CALENDAR_CHANGED,
        at=await tx.now(),
        subject_type="calendar",
        subject_id=row["public_id"],
        payload=event.payload,
    )
