"""Changes of what a ticket says of itself: its texts and dates, and what it is after all (reclassifying).

Priority and tags choose policies too, so a change of them is a fact wherever it is made.
"""

from typing import Any

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, invalid_field
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.tickets.assigning import dispatch_anew, handling_desk
from app.tickets.desks import read_desks
from app.tickets.lifecycle import ENDED, Move, TicketStatus
from app.tickets.move_schemas import Reclassify
from app.tickets.opening import CLOCKS_APART
from app.tickets.schemas import TicketPatch
from app.tickets.service import Check, Held, contact_key, give, hold, leave, unchecked
from app.time import FAR_END

CLASSES = ("type", "complexity", "priority", "tags")


async def patch_ticket(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: TicketPatch,
    *,
    check: Check = unchecked,
) -> None:
    """Change texts, dates, contact, priority, tags; an ended ticket stays as it is. Publishes `ticket.changed`."""
    held = await hold(tx, principal, ticket_id, check=check)
    if TicketStatus(held.row["status"]) in ENDED:
        raise Conflict("ticket_ended", state=held.row["status"])
    given = _given(command)
    for name in ("happened_at", "wished_at"):
        if name in given:
            given[name] = getattr(command, name) or FAR_END
    happened_at = command.happened_at
    if happened_at is not None and happened_at > held.now + CLOCKS_APART:
        raise invalid_field("/happened_at", "in_future")
    if "contact_id" in given:
        given["contact_id"] = await contact_key(tx, held, command.contact_id)
    changes = _differing(held, given)
    if changes:
        await leave(tx, held, "ticket.changed", *_reclassified(changes), **changes)


async def reclassify(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Reclassify,
    *,
    check: Check = unchecked,
) -> None:
    """Say what the ticket is after all. Publishes `ticket.reclassified`.

    The owner stays, also where the type belongs to another department, unless `redispatch` is asked for.
    """
    given = _given(command)
    redispatch = given.pop("redispatch", False)
    if not given:
        raise invalid_field("/type", "missing")
    held = await hold(tx, principal, ticket_id, move=Move.RECLASSIFY, check=check)
    code: str = given["type"] if "type" in given else held.row["type"]
    desks = await read_desks(tx)
    kind = desks.types.get(code) or (await read_desks(tx, at_once=True)).types.get(code)
    if kind is None or not (kind["is_active"] or kind["code"] == held.row["type"]):
        raise invalid_field("/type", "unknown_reference")
    changes = _differing(held, given)
    if changes:
        await leave(tx, held, "ticket.reclassified", *_reclassified(changes), **changes)
    if redispatch:
        desk = await handling_desk(tx, held, kind["code"])
        decision = await dispatch_anew(tx, held, desk, kind["code"])
        await give(tx, held, decision, counted=True)
        await leave(tx, held, "ticket.assigned", payload={"owner_id": decision.owner_public_id})


def _given(command: TicketPatch | Reclassify) -> dict[str, Any]:
    """Return the fields that the caller named, as columns keep them."""
    return command.model_dump(include=command.model_fields_set, mode="json")


def _differing(held: Held, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if held.row[name] != value}


def _reclassified(changes: dict[str, Any]) -> list[NewFact]:
    """Return the fact of those changes that say what the ticket is, none if there are none."""
    data = {name: changes[name] for name in CLASSES if name in changes}
    return [NewFact(FactKind.RECLASSIFIED, data)] if data else []
