"""The instant that staff agree to with the customer (SOP TK-1), and the supervisor's word on a later one."""

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotPermitted, invalid_field
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.tickets.lifecycle import Move
from app.tickets.move_schemas import Agree
from app.tickets.service import Check, Held, hold, leave, unchecked
from app.time import FAR_END, format_instant


async def agree(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Agree,
    *,
    check: Check = unchecked,
    replay: bool = False,
) -> None:
    """Agree to an instant in the future. Later than promised it waits for approval and needs the customer's wish.

    A replay takes a log's own instants as they are. Publishes `ticket.agreed` or `ticket.agreement_requested`.
    """
    held = await hold(tx, principal, ticket_id, move=Move.AGREE, check=check)
    if command.due_at <= held.now and not replay:
        raise invalid_field("/due_at", "not_in_future")
    later = not replay and _is_later(held, command)
    wished = command.wish_recorded or _is_wished(held, command)
    if later and not wished:
        raise invalid_field("/due_at", "wish_not_recorded")
    data = {
        "due_at": format_instant(command.due_at),
        "wish_recorded": wished,
        "approved": False,
        "replay": replay,
    }
    event = "ticket.agreement_requested" if later else "ticket.agreed"
    wished_at = command.due_at if command.wish_recorded else held.row["wished_at"]
    fact = NewFact(FactKind.AGREED, data)
    await leave(tx, held, event, fact, agreed_at=command.due_at, wished_at=wished_at)


def _is_later(held: Held, command: Agree) -> bool:
    """Whether the instant lies after what is promised now: the solution's due, or what was agreed instead."""
    promised = held.subject.open_deadline("resolve") or held.subject.open_deadline("agreed")
    return promised is not None and command.due_at > promised.due_at


def _is_wished(held: Held, command: Agree) -> bool:
    """Whether the customer's recorded wish leaves that much time; none recorded wishes nothing."""
    wished_at = held.row["wished_at"]
    return bool(wished_at != FAR_END and command.due_at <= wished_at)


async def approve(
    tx: Transaction, principal: Principal, ticket_id: str, *, check: Check = unchecked
) -> None:
    """Approve an agreement later than promised; the owner himself cannot. Publishes `ticket.agreement_approved`."""
    held = await hold(tx, principal, ticket_id, move=Move.APPROVE_AGREEMENT, check=check)
    if not held.row["agreement_pending"]:
        raise Conflict("agreement_absent")
    if held.row["owner_id"] == principal.user_id:
        raise NotPermitted("own_agreement")
    if held.row["agreed_at"] <= held.now:
        raise Conflict("agreement_lapsed")
    fact = NewFact(FactKind.AGREEMENT_APPROVED)
    await leave(tx, held, "ticket.agreement_approved", fact)
