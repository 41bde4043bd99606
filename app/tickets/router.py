"""Routes of tickets: the list, opening, reading, changing, and a ticket's own lists. The moves are in `moves_router`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.permissions import Permission, RowScope
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.errors import NotFound
from app.reading import Listing, PageRequest, json_response
from app.sla.schemas import DeadlinePage
from app.sla.views import deadlines_of
from app.tickets import editing, lists, opening, queries
from app.tickets.history import history_page
from app.tickets.move_schemas import MessagePage
from app.tickets.schemas import (
    DispatchPage,
    HistoryPage,
    PageFilter,
    TicketCreate,
    TicketFilter,
    TicketPage,
    TicketPatch,
    TicketRead,
    WaitingRead,
)
from app.tickets.waiting import waiting_of

PREFIX = "/api/v1/tickets"
router = APIRouter(prefix=PREFIX, tags=["tickets"], route_class=Route)
Reader = Annotated[Call, permits("tickets:read")]
Writer = Annotated[Call, permits("tickets:write")]


async def _answer(call: Call, tx: Transaction, public_id: str, *, status: int = 200) -> Response:
    return await call.answer(
        tx,
        queries.ONE,
        status=status,
        location=f"{PREFIX}/{public_id}" if status == 201 else None,
        public_id=public_id,
        **queries.visible_to(call.principal),
    )


def _asked(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list):
        return [getattr(one, "value", one) for one in value]
    return value


# --- tickets


@router.get("", operation_id="tickets_list", summary="List tickets", response_model=TicketPage)
async def list_tickets(asked: Annotated[TicketFilter, Query()], call: Reader) -> Response:
    """Newest first unless asked otherwise; several values of one filter are alternatives."""
    values = asked.model_dump(exclude={"sort", "limit", "cursor", "total"})
    filters = {name: _asked(value) for name, value in values.items()}
    if call.principal.scope(Permission.TICKETS_READ) is not RowScope.ALL:
        filters["in_scope"] = True
    body = await reading.page(
        call.database,
        queries.LISTING,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters=filters,
        values=queries.visible_to(call.principal),
    )
    return json_response(body)


@router.post(
    "",
    operation_id="tickets_create",
    summary="Open a ticket",
    status_code=201,
    response_model=TicketRead,
)
async def create_ticket(command: TicketCreate, call: Writer) -> Response:
    """Without `owner_id` the ticket is dispatched; `for_myself` opens and accepts it in one step."""
    async with call.write() as tx:
        row = await opening.open_ticket(tx, call.principal, command)
        return await _answer(call, tx, row["public_id"], status=201)


@router.get(
    "/{ticket_id}",
    operation_id="tickets_read",
    summary="Read a ticket",
    response_model=TicketRead,
)
async def read_ticket(ticket_id: UUID, call: Reader) -> Response:
    """The ticket whole, with customer, owner and task force."""
    return await call.read(
        queries.ONE, public_id=str(ticket_id), **queries.visible_to(call.principal)
    )


@router.patch(
    "/{ticket_id}",
    operation_id="tickets_change",
    summary="Change a ticket",
    response_model=TicketRead,
)
async def change_ticket(ticket_id: UUID, command: TicketPatch, call: Writer) -> Response:
    """What is absent stays, null empties; an ended ticket stays as it is. Honours `If-Match`."""
    async with call.write() as tx:
        await editing.patch_ticket(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


# --- a ticket's own lists


async def _visible_key(call: Call, ticket_id: UUID) -> int:
    key = await call.database.value(
        queries.VISIBLE_KEY, public_id=str(ticket_id), **queries.visible_to(call.principal)
    )
    if key is None:
        raise NotFound
    return int(key)


async def _page_of(
    call: Call, ticket_id: UUID, listing: Listing, asked: PageFilter, sort: str
) -> Response:
    key = await _visible_key(call, ticket_id)
    body = await reading.page(
        call.database,
        listing,
        PageRequest(sort, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        values={"ticket_key": key},
    )
    return json_response(body)


@router.get(
    "/{ticket_id}/messages",
    operation_id="tickets_messages_list",
    summary="List a ticket's messages",
    response_model=MessagePage,
)
async def list_messages(
    ticket_id: UUID, asked: Annotated[PageFilter, Query()], call: Reader
) -> Response:
    """Public and internal ones, of staff and customer, oldest first, with what the judges said of them."""
    return await _page_of(call, ticket_id, lists.MESSAGES, asked, "sent_at")


@router.get(
    "/{ticket_id}/history",
    operation_id="tickets_history",
    summary="List what happened to a ticket",
    response_model=HistoryPage,
)
async def list_history(
    ticket_id: UUID, asked: Annotated[PageFilter, Query()], call: Reader
) -> Response:
    """The facts that its deadlines are computed from, who recorded them and when, newest last."""
    key = await _visible_key(call, ticket_id)
    request = PageRequest("sequence", asked.limit, asked.cursor, asked.total)
    return json_response(await history_page(call.database, key, request, secret=call.secret))


@router.get(
    "/{ticket_id}/deadlines",
    operation_id="tickets_deadlines",
    summary="List a ticket's deadlines",
    response_model=DeadlinePage,
)
async def list_deadlines(
    ticket_id: UUID, asked: Annotated[PageFilter, Query()], call: Reader
) -> Response:
    """Every promise of this ticket, oldest first, with its state at this moment."""
    key = await _visible_key(call, ticket_id)
    request = PageRequest("started_at", asked.limit, asked.cursor, asked.total)
    return json_response(
        await deadlines_of(call.database, "ticket", key, request, secret=call.secret)
    )


@router.get(
    "/{ticket_id}/waiting",
    operation_id="tickets_waiting",
    summary="Show how a ticket has waited",
    response_model=WaitingRead,
)
async def read_waiting(ticket_id: UUID, call: Reader) -> Response:
    """Every wait for the customer and how it ended, and how much of the time for waiting is used (SOP TK-5, TK-6)."""
    return json_response(await waiting_of(call.database, await _visible_key(call, ticket_id)))


@router.get(
    "/{ticket_id}/dispatch",
    operation_id="tickets_dispatch",
    summary="Show how owners were chosen",
    response_model=DispatchPage,
)
async def list_dispatches(
    ticket_id: UUID, asked: Annotated[PageFilter, Query()], call: Reader
) -> Response:
    """Each decision with its rule, the candidates, their loads, and how each fared, oldest first (SOP TK-3)."""
    return await _page_of(call, ticket_id, lists.DISPATCHES, asked, "decided_at")
