"""Routes of a ticket's moves, one each; the table of what is possible when is in `lifecycle`.

Every one honours `If-Match`; an impossible move is a 409 that says the status and the possible ones.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.tickets import (
    agreements,
    assigning,
    editing,
    linking,
    lists,
    messages,
    queries,
    solving,
    teams,
    waiting,
)
from app.tickets.move_schemas import (
    Agree,
    ApprovePause,
    Assign,
    Close,
    Confirm,
    Merge,
    MessageCreate,
    MessagePosted,
    Plan,
    Reason,
    Reclassify,
    Resolve,
    Split,
    TakeBack,
    TaskForce,
    Wait,
)
from app.tickets.schemas import TicketRead

PREFIX = "/api/v1/tickets"
router = APIRouter(prefix=PREFIX, tags=["tickets"], route_class=Route, responses={412: {}})
Writer = Annotated[Call, permits("tickets:write")]
Approver = Annotated[Call, permits("tickets:approve")]


async def _answer(call: Call, tx: Transaction, public_id: str, *, status: int = 200) -> Response:
    return await call.answer(
        tx,
        queries.ONE,
        status=status,
        location=f"{PREFIX}/{public_id}" if status == 201 else None,
        public_id=public_id,
        **queries.visible_to(call.principal),
    )


@router.post(
    "/{ticket_id}/messages",
    operation_id="tickets_messages_create",
    summary="Write a message",
    status_code=201,
    response_model=MessagePosted,
)
async def post_message(ticket_id: UUID, command: MessageCreate, call: Writer) -> Response:
    """Public or internal, by staff or what the customer said. A vague public one is refused (SOP IN-2, TK-6).

    The customer's word ends a wait; within 7 days after closing it reopens, later it opens a new ticket.
    """
    async with call.write() as tx:
        posted = await messages.post(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await call.answer(
            tx,
            lists.POSTED,
            status=201,
            location=f"{PREFIX}/{ticket_id}/messages",
            message_key=posted.message["id"],
            opened_ticket_id=posted.opened and posted.opened["public_id"],
        )


@router.post(
    "/{ticket_id}/split",
    operation_id="tickets_split",
    summary="Split a ticket",
    status_code=201,
    response_model=TicketRead,
)
async def split_ticket(ticket_id: UUID, command: Split, call: Writer) -> Response:
    """A part becomes a ticket of its own, opened now and linked; the answer is the new one."""
    async with call.write() as tx:
        row = await linking.split(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, row["public_id"], status=201)


@router.post(
    "/{ticket_id}/accept",
    operation_id="tickets_accept",
    summary="Accept a ticket",
    response_model=TicketRead,
)
async def accept_ticket(ticket_id: UUID, call: Writer) -> Response:
    """By its owner; one without an owner becomes the caller's (SOP TK-2)."""
    async with call.write() as tx:
        await assigning.accept(tx, call.principal, str(ticket_id), check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/assign",
    operation_id="tickets_assign",
    summary="Give a ticket to an owner or a department",
    response_model=TicketRead,
)
async def assign_ticket(ticket_id: UUID, command: Assign, call: Writer) -> Response:
    """A department alone dispatches within it. Assignment does not restart the acceptance."""
    async with call.write() as tx:
        await assigning.assign(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/take-back",
    operation_id="tickets_take_back",
    summary="Take back what was not accepted in time",
    response_model=TicketRead,
)
async def take_back_ticket(
    ticket_id: UUID, call: Writer, command: TakeBack | None = None
) -> Response:
    """By a supervisor or the department's head, once the acceptance is overdue; dispatched to others (SOP TK-3)."""
    async with call.write() as tx:
        await assigning.take_back(
            tx, call.principal, str(ticket_id), command or TakeBack(), check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/no-reply-needed",
    operation_id="tickets_no_reply_needed",
    summary="Say why no reply is needed",
    response_model=TicketRead,
)
async def waive_reply(ticket_id: UUID, command: Reason, call: Writer) -> Response:
    """Answers the customer's open message (SOP TK-6b)."""
    async with call.write() as tx:
        await messages.need_no_reply(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/agree",
    operation_id="tickets_agree",
    summary="Agree to an instant",
    response_model=TicketRead,
)
async def agree_on_instant(ticket_id: UUID, command: Agree, call: Writer) -> Response:
    """In the future; later than promised it needs the customer's wish and a supervisor's approval (SOP TK-1)."""
    async with call.write() as tx:
        await agreements.agree(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/approve-agreement",
    operation_id="tickets_approve_agreement",
    summary="Approve a later agreement",
    response_model=TicketRead,
)
async def approve_agreement(ticket_id: UUID, call: Approver) -> Response:
    """By a supervisor who is not the owner; from then on the agreed instant counts (SOP TK-1)."""
    async with call.write() as tx:
        await agreements.approve(tx, call.principal, str(ticket_id), check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/task-force",
    operation_id="tickets_task_force",
    summary="Form the task force",
    response_model=TicketRead,
)
async def form_task_force(ticket_id: UUID, command: TaskForce, call: Writer) -> Response:
    """The whole of it, with duties; that of a super-complex ticket spans two departments (SOP TK-4)."""
    async with call.write() as tx:
        await teams.form_task_force(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/plan",
    operation_id="tickets_plan",
    summary="State the plan",
    response_model=TicketRead,
)
async def state_plan(ticket_id: UUID, command: Plan, call: Writer) -> Response:
    """A super-complex ticket needs its task force first (SOP TK-4)."""
    async with call.write() as tx:
        await teams.state_plan(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/wait",
    operation_id="tickets_wait",
    summary="Wait for the customer",
    response_model=TicketRead,
)
async def wait_for_customer(ticket_id: UUID, command: Wait, call: Writer) -> Response:
    """Asks a public question; its answer ends the wait. A vague question is refused."""
    async with call.write() as tx:
        await messages.wait(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/resume",
    operation_id="tickets_resume",
    summary="Go on without the customer's answer",
    response_model=TicketRead,
)
async def resume_ticket(ticket_id: UUID, call: Writer) -> Response:
    """Ends the wait now."""
    async with call.write() as tx:
        await messages.resume(tx, call.principal, str(ticket_id), check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/approve-pause",
    operation_id="tickets_approve_pause",
    summary="Grant further time for waiting",
    response_model=TicketRead,
)
async def approve_pause(ticket_id: UUID, command: ApprovePause, call: Approver) -> Response:
    """By a supervisor, with a reason: the owner may wait beyond the budget until it is used, too (SOP TK-5)."""
    async with call.write() as tx:
        await waiting.approve_pause(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/resolve",
    operation_id="tickets_resolve",
    summary="Resolve a ticket",
    response_model=TicketRead,
)
async def resolve_ticket(ticket_id: UUID, command: Resolve, call: Writer) -> Response:
    """With the solution: concrete steps and the result (SOP TK-5, TK-11)."""
    async with call.write() as tx:
        await solving.resolve(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/confirm",
    operation_id="tickets_confirm",
    summary="Record the customer's confirmation",
    response_model=TicketRead,
)
async def confirm_ticket(ticket_id: UUID, command: Confirm, call: Writer) -> Response:
    """Solved or partly, from whom and how, with a rating; partly reopens (SOP TK-7)."""
    async with call.write() as tx:
        await solving.confirm(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/reopen",
    operation_id="tickets_reopen",
    summary="Reopen a ticket",
    response_model=TicketRead,
)
async def reopen_ticket(ticket_id: UUID, command: Reason, call: Writer) -> Response:
    """A closed one within 7 days; later a new ticket follows it."""
    async with call.write() as tx:
        await solving.reopen(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/reclassify",
    operation_id="tickets_reclassify",
    summary="Reclassify a ticket",
    response_model=TicketRead,
)
async def reclassify_ticket(ticket_id: UUID, command: Reclassify, call: Writer) -> Response:
    """Type, complexity, priority, tags; the owner stays unless `redispatch` is asked for."""
    async with call.write() as tx:
        await editing.reclassify(
            tx, call.principal, str(ticket_id), command, check=call.check_version
        )
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/merge",
    operation_id="tickets_merge",
    summary="Merge a ticket into another",
    response_model=TicketRead,
)
async def merge_ticket(ticket_id: UUID, command: Merge, call: Writer) -> Response:
    """Of the same customer and still worked on; this one ends."""
    async with call.write() as tx:
        await linking.merge(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/close",
    operation_id="tickets_close",
    summary="Close a ticket",
    response_model=TicketRead,
)
async def close_ticket(ticket_id: UUID, command: Close, call: Writer) -> Response:
    """With its root cause (SOP TK-8, TK-11). Without the customer's confirmation only a supervisor may."""
    async with call.write() as tx:
        await solving.close(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))


@router.post(
    "/{ticket_id}/cancel",
    operation_id="tickets_cancel",
    summary="Cancel a ticket",
    response_model=TicketRead,
)
async def cancel_ticket(ticket_id: UUID, command: Reason, call: Writer) -> Response:
    """What needs no solution, with the reason."""
    async with call.write() as tx:
        await solving.cancel(tx, call.principal, str(ticket_id), command, check=call.check_version)
        return await _answer(call, tx, str(ticket_id))
