"""How a ticket ends, and begins again: resolving, the customer's confirmation, reopening, closing, cancelling."""

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotPermitted
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.tickets.lifecycle import Move, TicketStatus, after_closed
from app.tickets.messages import reopened_fields
from app.tickets.move_schemas import Answer, Close, Confirm, Reason, Resolve
from app.tickets.schemas import Confirmation
from app.tickets.service import (
    Check,
    contact_key,
    hold,
    judge_note,
    leave,
    may_approve,
    publish,
    unchecked,
)
from app.time import FAR_END

UNANSWERED = {
    "confirmation": None,
    "rating": None,
    "confirmed_contact_id": None,
    "confirmed_channel": None,
    "customer_feedback": None,
}


async def resolve(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Resolve,
    *,
    check: Check = unchecked,
    refuse_vague: bool = True,
) -> None:
    """Record the solution (SOP TK-5, TK-11); it answers an acceptance that is missing. Publishes `ticket.resolved`.

    Steps that say nothing are refused; the result may be short, since 已恢复 is one.
    """
    held = await hold(tx, principal, ticket_id, move=Move.RESOLVE, check=check)
    judge_note(command.solution.steps, "/solution/steps", refuse=refuse_vague)
    accepted_at = held.row["accepted_at"]
    await leave(
        tx,
        held,
        "ticket.resolved",
        NewFact(FactKind.RESOLVED),
        solution=command.solution.steps,
        solution_result=command.solution.result,
        resolved_at=held.now,
        accepted_at=held.now if accepted_at == FAR_END else accepted_at,
        wait_reason=None,
        **UNANSWERED,
    )


async def confirm(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Confirm,
    *,
    check: Check = unchecked,
) -> None:
    """Record the customer's answer (SOP TK-7); `partly` reopens. Publishes `ticket.confirmed`, `ticket.reopened`."""
    held = await hold(tx, principal, ticket_id, move=Move.CONFIRM, check=check)
    contact = await contact_key(tx, held, command.contact_id)
    answered = {
        "answer": command.answer.value,
        "contact": str(command.contact_id),
        "channel": command.channel.value,
        "rating": None if command.rating is None else command.rating.value,
    }
    facts = [NewFact(FactKind.CONFIRMED, answered)]
    changes = {}
    if command.answer is Answer.PARTLY:
        held.status = TicketStatus.ACCEPTED
        facts.append(NewFact(FactKind.REOPENED, {"reason": "partly solved"}))
        changes["resolved_at"] = FAR_END
    await leave(
        tx,
        held,
        "ticket.confirmed",
        *facts,
        payload={"answer": answered["answer"]},
        confirmation=answered["answer"],
        rating=answered["rating"],
        confirmed_contact_id=contact,
        confirmed_channel=answered["channel"],
        customer_feedback=command.feedback,
        **changes,
    )
    if command.answer is Answer.PARTLY:
        await publish(tx, held, "ticket.reopened")


async def reopen(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Reason,
    *,
    check: Check = unchecked,
) -> None:
    """Take the work up again; after closing only as long as a customer's message would. Publishes `ticket.reopened`."""
    held = await hold(tx, principal, ticket_id, move=Move.REOPEN, check=check)
    closed_at = held.row["closed_at"]
    if closed_at != FAR_END and after_closed(closed_at, held.now) == "new_ticket":
        raise Conflict("reopen_window_over")
    fact = NewFact(FactKind.REOPENED, {"reason": command.reason})
    await leave(tx, held, "ticket.reopened", fact, **reopened_fields())


async def close(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Close,
    *,
    check: Check = unchecked,
) -> None:
    """Archive what is solved, with its root cause (SOP TK-8, TK-11). Publishes `ticket.closed`.

    Without the customer's confirmation only a supervisor may, and it stays written down that there was none.
    """
    held = await hold(tx, principal, ticket_id, move=Move.CLOSE, check=check)
    confirmed = held.row["confirmation"] == Confirmation.SOLVED
    if not confirmed and not may_approve(held):
        raise NotPermitted("confirmation_needed")
    await leave(
        tx,
        held,
        "ticket.closed",
        NewFact(FactKind.CLOSED, {"reason": "confirmed" if confirmed else "not confirmed"}),
        closed_at=held.now,
        confirmation=(Confirmation.SOLVED if confirmed else Confirmation.NONE).value,
        root_cause=command.root_cause,
        improvement_suggestion=command.improvement_suggestion,
    )


async def cancel(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Reason,
    *,
    check: Check = unchecked,
) -> None:
    """End what needs no solution, with the reason. Publishes `ticket.cancelled`."""
    held = await hold(tx, principal, ticket_id, move=Move.CANCEL, check=check)
    fact = NewFact(FactKind.CANCELLED, {"reason": command.reason})
    await leave(tx, held, "ticket.cancelled", fact, wait_reason=None)
