"""Routes of calendars."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.calendars import queries
from app.calendars.schemas import CalendarFilter, CalendarPage, CalendarRead
from app.dispatch import Route
from app.errors import NotFound
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/calendars", tags=["calendars"], route_class=Route)
Reader = Annotated[Call, permits("calendars:read")]


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
    """A calendar by its name or id, with every version's document, newest first."""
    if "\x00" in calendar:
        raise NotFound
    try:
        public_id = str(UUID(calendar))
    except ValueError:
        return await call.read(queries.BY_NAME, name=calendar)
    return await call.read(queries.BY_ID, public_id=public_id)
