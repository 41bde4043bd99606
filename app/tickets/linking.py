"""One matter in two tickets, two matters in one: merging and splitting."""

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, invalid_field
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.tickets import rows
from app.tickets.lifecycle import Move, TicketStatus, accepts_merge
from app.tickets.move_schemas import Merge, Split
from app.tickets.opening import Links, open_in_context, read_context
from app.tickets.schemas import Channel, TicketCreate
from app.tickets.service import Check, Held, find, hold_found, leave, publish, unchecked


async def merge(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Merge,
    *,
    check: Check = unchecked,
) -> None:
    """End a ticket in favour of another of the same customer, which is still worked on.

    The caller may write both; they are locked in the order of their subjects. Publishes `ticket.merged`.
    """
    found = await find(tx, ticket_id)
    into = await tx.one(rows.FOUND, public_id=str(command.into_id))
    if into is None:
        raise invalid_field("/into_id", "unknown_reference")
    if into["id"] == found["id"]:
        raise invalid_field("/into_id", "same_ticket")
    if into["customer_id"] != found["customer_id"]:
        raise invalid_field("/into_id", "another_customer")
    held, survivor = await _hold_both(tx, principal, found, into, check)
    if not accepts_merge(TicketStatus(survivor.row["status"])):
        raise Conflict("survivor_not_open", state=survivor.row["status"])
    data = {"into": survivor.public_id, "reason": command.reason}
    await leave(
        tx,
        held,
        "ticket.merged",
        NewFact(FactKind.MERGED, data),
        payload={"into_id": survivor.public_id},
        merged_into_id=survivor.key,
        wait_reason=None,
    )


async def _hold_both(
    tx: Transaction, principal: Principal, found: Row, into: Row, check: Check
) -> tuple[Held, Held]:
    if found["subject_key"] < into["subject_key"]:
        held = await hold_found(tx, principal, found, move=Move.MERGE, check=check)
        return held, await hold_found(tx, principal, into)
    survivor = await hold_found(tx, principal, into)
    return await hold_found(tx, principal, found, move=Move.MERGE, check=check), survivor


async def split(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Split,
    *,
    check: Check = unchecked,
) -> Row:
    """Open a ticket of its own for a part of another, starting now, and return its row.

    It is dispatched as any new ticket. Publishes `ticket.opened` of the new and `ticket.split` of the old one.
    """
    found = await find(tx, ticket_id)
    intake = TicketCreate(
        customer_id=found["customer_public_id"],
        type=command.type or found["type"],
        channel=Channel(found["channel"]),
        subject=command.subject,
        description=command.description,
        contact_id=found["contact_public_id"],
        priority=command.priority,
        complexity=command.complexity,
        tags=command.tags,
        owner_id=command.owner_id,
    )
    # The customer before the ticket, as a change of tier locks them.
    context = await read_context(tx, principal, intake, linked=command.type is None)
    held = await hold_found(tx, principal, found, move=Move.SPLIT, check=check)
    row = await open_in_context(tx, principal, intake, context, Links(split_from_id=held.key))
    await publish(tx, held, "ticket.split", {"into_id": str(row["public_id"])})
    return row
