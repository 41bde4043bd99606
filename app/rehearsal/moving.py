"""Makes the moves of a log through the services; what a log does not tell, says that it is not told."""

from uuid import UUID

from app.auth.principal import Principal
from app.database import Transaction
from app.tickets import assigning, messages, solving
from app.tickets.lifecycle import Move
from app.tickets.move_schemas import Answer, Assign, Close, Confirm, Reason, Resolve, Wait
from app.tickets.schemas import Channel, Solution

UNTOLD = "The log does not tell."
_WAIT = Wait(question=UNTOLD, reason=UNTOLD)
_RESOLVE = Resolve(solution=Solution(steps=UNTOLD, result=UNTOLD))
_CLOSE = Close(root_cause=UNTOLD)
_REASON = Reason(reason=UNTOLD)


async def make(
    tx: Transaction,
    move: Move,
    caller: Principal,
    ticket_id: str,
    *,
    actor: Principal,
    contact_id: UUID,
) -> None:
    """Make a move as `caller`; `actor` is who did it in the log, and who gets what is assigned."""
    match move:
        case Move.ACCEPT:
            await assigning.accept(tx, caller, ticket_id)
        case Move.ASSIGN:
            await assigning.assign(tx, caller, ticket_id, Assign(owner_id=UUID(actor.public_id)))
        case Move.WAIT:
            await messages.wait(tx, caller, ticket_id, _WAIT, refuse_vague=False)
        case Move.RESUME:
            await messages.resume(tx, caller, ticket_id)
        case Move.RESOLVE:
            await solving.resolve(tx, caller, ticket_id, _RESOLVE, refuse_vague=False)
        case Move.CONFIRM:
            command = Confirm(answer=Answer.SOLVED, contact_id=contact_id, channel=Channel.ONLINE)
            await solving.confirm(tx, caller, ticket_id, command)
        case Move.REOPEN:
            await solving.reopen(tx, caller, ticket_id, _REASON)
        case Move.CLOSE:
            await solving.close(tx, caller, ticket_id, _CLOSE)
        case Move.CANCEL:
            await solving.cancel(tx, caller, ticket_id, _REASON)
        case _:
            raise ValueError(f"no log names {move.value}")
