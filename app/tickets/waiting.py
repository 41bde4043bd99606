"""A ticket's time for waiting: how it has waited for its customer, what is used of the budget, who grants more."""

from typing import Any

import orjson

from app.auth.principal import Principal
from app.database import Database, Transaction
from app.errors import Conflict, NotPermitted
from app.sla.engine.facts import FactKind
from app.sla.engine.waiting import pause_budget
from app.sla.pauses import read_waiting
from app.sla.service import NewFact
from app.tickets import lists
from app.tickets.lifecycle import Move
from app.tickets.move_schemas import ApprovePause
from app.tickets.service import Check, Held, approvers, hold, leave, may_approve, unchecked
from app.time import format_instant


async def approve_pause(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: ApprovePause,
    *,
    check: Check = unchecked,
) -> None:
    """Grant further time for waiting, beyond the budget and earlier grants. Publishes `ticket.pause_approved`.

    Raises `Conflict` where the policy sets no budget.
    """
    held = await hold(tx, principal, ticket_id, move=Move.APPROVE_PAUSE, check=check)
    if pause_budget(held.subject.folded, held.now).budget_seconds is None:
        raise Conflict("no_pause_budget")
    data = {
        "seconds": command.working_minutes * 60,
        "reason": command.reason,
        "approved_by": principal.public_id,
    }
    await leave(tx, held, "ticket.pause_approved", NewFact(FactKind.PAUSE_APPROVED, data))


async def approval(tx: Transaction, held: Held) -> dict[str, Any]:
    """Return what the fact of a wait says of its department and, beyond the budget, of who approved it.

    Raises `NotPermitted` with the names of who can.
    """
    data = {"department_id": held.row["department_public_id"]}
    budget = pause_budget(held.subject.folded, held.now)
    if not budget.is_used_up:
        return data
    if not budget.needs_approval:
        return {**data, "approved_by": budget.granted_by}
    if may_approve(held):
        return {**data, "approved_by": held.principal.public_id}
    raise NotPermitted(
        "pause_budget_used",
        used_seconds=budget.used_seconds,
        budget_seconds=(budget.budget_seconds or 0) + budget.granted_seconds,
        approvers=await approvers(tx, held),
    )


async def waiting_of(database: Database, ticket_key: int) -> bytes:
    """Return the waits of a ticket, oldest first, and its budget, as JSON."""
    found = await read_waiting(database, "ticket", ticket_key)
    keys = {asking.actor_id for _, asking in found.pauses} - {None}
    approvers = {asking.approved_by for _, asking in found.pauses} - {None}
    rows = await database.all(lists.NAMES, keys=sorted(keys)) if keys else []
    rows += await database.all(lists.NAMES_BY_ID, public_ids=sorted(approvers)) if approvers else []
    names: dict[Any, Any] = {}
    for row in rows:
        names[row["id"]] = names[row["public_id"]] = {"id": row["public_id"], "name": row["name"]}
    waits = [
        {
            "person": names.get(asking.actor_id),
            "reason": asking.reason,
            "started_at": format_instant(pause.started_at),
            "ends_at": format_instant(pause.ends_at),
            "end": pause.end.value,
            "seconds": pause.seconds,
            "approved_by": names.get(asking.approved_by),
        }
        for pause, asking in found.pauses
    ]
    return orjson.dumps(
        {
            "waits": waits,
            "used_seconds": found.budget.used_seconds,
            "budget_seconds": found.budget.budget_seconds,
            "granted_seconds": found.budget.granted_seconds,
            "left_seconds": found.budget.left_seconds,
            "needs_approval": found.budget.needs_approval,
            "limit": {"amount": found.limit.amount, "unit": found.limit.unit.value},
        }
    )
