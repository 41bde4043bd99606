"""Routes of the configurable list of ticket types (SOP TK-13)."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import PageRequest, json_response
from app.tickets import lists, ticket_types
from app.tickets.schemas import TypeCode
from app.tickets.type_schemas import (
    TicketTypeCreate,
    TicketTypeFilter,
    TicketTypePage,
    TicketTypePatch,
    TicketTypeRead,
)

PREFIX = "/api/v1/ticket-types"
router = APIRouter(prefix=PREFIX, tags=["ticket-types"], route_class=Route)
Reader = Annotated[Call, permits("tickets:read")]
# Which department handles what is part of the organisation, and set up by whoever sets that up.
Organiser = Annotated[Call, permits("departments:write")]


@router.get(
    "", operation_id="ticket_types_list", summary="List ticket types", response_model=TicketTypePage
)
async def list_types(asked: Annotated[TicketTypeFilter, Query()], call: Reader) -> Response:
    """In the order of their codes."""
    body = await reading.page(
        call.database,
        lists.TYPES,
        PageRequest("code", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"is_active": asked.is_active},
    )
    return json_response(body)


@router.post(
    "",
    operation_id="ticket_types_create",
    summary="Add a ticket type",
    status_code=201,
    response_model=TicketTypeRead,
)
async def create_type(command: TicketTypeCreate, call: Organiser) -> Response:
    """With the department that handles it and how it is dispatched there."""
    async with call.write() as tx:
        row = await ticket_types.create_type(tx, command)
        location = f"{PREFIX}/{row['code']}"
        return await call.answer(
            tx, lists.TYPE_ONE, status=201, location=location, code=row["code"]
        )


@router.get(
    "/{code}",
    operation_id="ticket_types_read",
    summary="Read a ticket type",
    response_model=TicketTypeRead,
)
async def read_type(code: TypeCode, call: Reader) -> Response:
    """Active or not."""
    return await call.read(lists.TYPE_ONE, code=code)


@router.patch(
    "/{code}",
    operation_id="ticket_types_change",
    summary="Change a ticket type",
    response_model=TicketTypeRead,
)
async def change_type(code: TypeCode, command: TicketTypePatch, call: Organiser) -> Response:
    """What is absent stays; one that is not active takes no new tickets. Honours `If-Match`."""
    async with call.write() as tx:
        row = await ticket_types.change_type(tx, code, command, check=call.check_version)
        return await call.answer(tx, lists.TYPE_ONE, code=row["code"])
