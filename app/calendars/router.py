"""Routes of calendars: reading and asking, and the edits, each of which makes a new version."""

from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.calendars import edits, queries
from app.calendars.document import FIRST_YEAR, LAST_YEAR, parse_calendar
from app.calendars.edits import Edit
from app.calendars.local_time import InstantOutOfRange
from app.calendars.preview import DAYS_MAX, preview, reckon
from app.calendars.preview_schemas import (
    AddFilter,
    CalendarPreview,
    CalendarSum,
    PreviewFilter,
)
from app.calendars.schemas import (
    CalendarDocument,
    CalendarEdit,
    CalendarFilter,
    CalendarPage,
    CalendarPatch,
    CalendarRead,
    CalendarVersionRead,
    Day,
    ExceptionsPut,
    VersionNumber,
    YearLoad,
)
from app.calendars.service import find_version, identified
from app.calendars.target import Target
from app.calendars.working_time import NoWorkingTime, compile_calendar
from app.database import Transaction
from app.dispatch import Route
from app.errors import Invalid, invalid_field
from app.reading import PageRequest, json_response, resource_headers
from app.time import format_instant

router = APIRouter(prefix="/api/v1/calendars", tags=["calendars"], route_class=Route)
Reader = Annotated[Call, permits("calendars:read")]
Writer = Annotated[Call, permits("calendars:write")]
DATES_LISTED_MAX = 500


# --- reading


@router.get(
    "", operation_id="calendars_list", summary="List calendars", response_model=CalendarPage
)
async def list_calendars(asked: Annotated[CalendarFilter, Query()], call: Reader) -> Response:
    """Calendars by name, with the document of their current version."""
    page = PageRequest(sort="name", limit=asked.limit, cursor=asked.cursor, total=asked.total)
    return json_response(
        await reading.page(call.database, queries.CALENDARS, page, secret=call.secret)
    )


@router.get(
    "/{calendar}",
    operation_id="calendars_read",
    summary="Read a calendar",
    response_model=CalendarRead,
)
async def read_calendar(calendar: str, call: Reader) -> Response:
    """A calendar by its name or id, with the document of its current version."""
    return await call.read(queries.ONE, **identified(calendar))


@router.get(
    "/{calendar}/versions/{number}",
    operation_id="calendars_read_version",
    summary="Read a version of a calendar",
    response_model=CalendarVersionRead,
)
async def read_version(calendar: str, number: VersionNumber, call: Reader) -> Response:
    """The document as it was written: versions never change, and promises pinned to one stay with it."""
    return await call.read(queries.VERSION, number=number, **identified(calendar))


@router.get(
    "/{calendar}/preview",
    operation_id="calendars_preview",
    summary="Show when a calendar is open",
    response_model=CalendarPreview,
)
async def preview_calendar(
    calendar: str, asked: Annotated[PreviewFilter, Query()], call: Reader
) -> Response:
    """Open intervals in UTC, and every local date with its exception; at most 366 dates."""
    if asked.last < asked.first:
        raise invalid_field("/query/to", "range_reversed")
    if (asked.last - asked.first).days >= DAYS_MAX:
        raise invalid_field("/query/to", "range_too_long", days_max=DAYS_MAX)
    (_, number), compiled = await find_version(call.database, calendar, asked.version)
    try:
        return _json(preview(compiled, number, asked.first, asked.last))
    except InstantOutOfRange as error:
        raise _beyond("/query/to") from error


@router.get(
    "/{calendar}/add",
    operation_id="calendars_add",
    summary="Add working time to an instant",
    response_model=CalendarSum,
)
async def add(calendar: str, asked: Annotated[AddFilter, Query()], call: Reader) -> Response:
    """When a promise of this length would be due, counted as the engine counts it, and why."""
    (_, number), compiled = await find_version(call.database, calendar, asked.version)
    try:
        told = reckon(compiled, number, asked.start, Target(asked.amount, asked.unit))
    except InstantOutOfRange as error:
        raise _beyond("/query/amount") from error
    except NoWorkingTime as error:
        raise invalid_field("/query/start", "no_working_time") from error
    sentence = told["sentence"]["en" if call.language == "en" else "zh"]
    return _json({**told, "sentence": sentence})


# --- editing


@router.post(
    "",
    operation_id="calendars_create",
    summary="Create a calendar",
    status_code=201,
    response_model=CalendarEdit,
)
async def create_calendar(command: CalendarDocument, call: Writer) -> Response:
    """The document becomes version 1."""
    async with call.write() as tx:
        edit = await edits.create_calendar(tx, command.document)
        return await _answer(call, tx, edit, status=201)


@router.put(
    "/{calendar}",
    operation_id="calendars_replace",
    summary="Change a calendar's document",
    response_model=CalendarEdit,
)
async def replace_calendar(calendar: str, command: CalendarDocument, call: Writer) -> Response:
    """The whole document becomes the next version, used by promises made from now on; an equal one changes nothing."""
    async with call.write() as tx:
        row = await edits.lock_calendar(tx, identified(calendar))
        call.check_version(row)
        return await _answer(call, tx, await edits.replace_document(tx, row, command.document))


@router.patch(
    "/{calendar}",
    operation_id="calendars_patch",
    summary="Make a calendar the working-day calendar",
    response_model=CalendarEdit,
)
async def patch_calendar(calendar: str, command: CalendarPatch, call: Writer) -> Response:
    """The deployment has exactly one; the one before gives way. Promises already made keep theirs."""
    async with call.write() as tx:
        row = await edits.lock_calendar(tx, identified(calendar))
        call.check_version(row)
        edit = await edits.set_working(tx, row, is_working=command.is_working)
        return await _answer(call, tx, edit)


@router.post(
    "/{calendar}/exceptions",
    operation_id="calendars_put_exceptions",
    summary="Give dates exceptions",
    responses={412: {}},
    response_model=CalendarEdit,
)
async def put_exceptions(calendar: str, command: ExceptionsPut, call: Writer) -> Response:
    """Up to 500 dates, all or none; each takes the place of what its date had. One new version."""
    async with call.write() as tx:
        row = await edits.lock_calendar(tx, identified(calendar))
        call.check_version(row)
        given = command.model_dump(mode="json", exclude_unset=True)["exceptions"]
        return await _answer(call, tx, await edits.put_exceptions(tx, row, given))


@router.delete(
    "/{calendar}/exceptions/{date}",
    operation_id="calendars_delete_exception",
    summary="Make a date an ordinary one",
    response_model=CalendarEdit,
)
async def delete_exception(
    calendar: str, on: Annotated[Day, Path(alias="date")], call: Writer
) -> Response:
    """The week's hours hold on it again, in a new version; earlier versions keep their exception."""
    async with call.write() as tx:
        row = await edits.lock_calendar(tx, identified(calendar))
        call.check_version(row)
        return await _answer(call, tx, await edits.remove_exception(tx, row, on))


@router.post(
    "/{calendar}/years",
    operation_id="calendars_load_year",
    summary="Load a year's public holidays",
    responses={412: {}},
    response_model=CalendarEdit,
)
async def load_year(calendar: str, command: YearLoad, call: Writer) -> Response:
    """Holidays and make-up days as published; from then on nothing due in that year is provisional.

    Years are loaded without a gap. What was pinned provisionally is pinned anew, never to before the load.
    """
    async with call.write() as tx:
        row = await edits.lock_calendar(tx, identified(calendar))
        call.check_version(row)
        days = command.model_dump(mode="json")["days"]
        edit = await edits.load_year(tx, row, command.year, days, anew=command.replace)
        return await _answer(call, tx, edit)


# --- answers


async def _answer(call: Call, tx: Transaction, edit: Edit, status: int = 200) -> Response:
    row = edit.row
    location = f"{router.prefix}/{row['public_id']}" if status == 201 else None
    headers = resource_headers(row, location)
    return await call.answer_json(tx, _written(_edit(edit)), status=status, headers=headers)


def _edit(edit: Edit) -> dict[str, Any]:
    row, differs = edit.row, edit.difference
    return {
        "id": row["public_id"],
        "name": row["name"],
        "is_working": row["is_working"],
        "from_version": edit.from_version,
        "current_version": row["current_version"],
        "version": row["version"],
        "provisional_from": compile_calendar(parse_calendar(row["document"])).provisional_from(),
        "changes": {
            "keys": differs.keys,
            "added": _dates(differs.added),
            "changed": _dates(differs.changed),
            "removed": _dates(differs.removed),
            "years_loaded": differs.years_loaded,
            "years_unloaded": differs.years_unloaded,
        },
    }


def _dates(dates: tuple[str, ...]) -> dict[str, Any]:
    return {"count": len(dates), "dates": dates[:DATES_LISTED_MAX]}


def _beyond(pointer: str) -> Invalid:
    return invalid_field(pointer, "beyond_served_years", first=FIRST_YEAR, last=LAST_YEAR)


def _json(told: dict[str, Any]) -> Response:
    return json_response(_written(told))


def _written(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: date) -> str:
    return format_instant(value) if isinstance(value, datetime) else value.isoformat()
