"""Job: closes what was resolved and never confirmed (SOP TK-7), `confirmation: none`.

When that is, is the policy's word (`waiting.closes_at`); the ticket's row carries it as `close_due_at`.
"""

from datetime import timedelta

import structlog

from app import writing
from app.auth.permissions import Permission, Role, RowScope
from app.auth.principal import Principal
from app.database import SYSTEM, Database, Transaction
from app.sla.engine.facts import FactKind
from app.sla.engine.waiting import closes_at
from app.sla.service import NewFact
from app.tickets import rows
from app.tickets.lifecycle import TicketStatus
from app.tickets.models import Ticket
from app.tickets.schemas import Confirmation
from app.tickets.service import hold, leave

BATCH_SIZE = 200
PUT_OFF = timedelta(hours=1)
log = structlog.get_logger("huiying.tickets")

# The system reaches every ticket; it is no user, so no row is its own.
_SYSTEM = Principal(
    user_id=0,
    public_id="",
    name="system",
    role=Role.ADMIN,
    grants={
        Permission.TICKETS_READ: RowScope.ALL,
        Permission.TICKETS_WRITE: RowScope.ALL,
    },
)


async def close_unconfirmed(database: Database) -> int:
    """Close every ticket whose time for confirming is over, each in its own transaction; returns how many.

    One that cannot be closed is reported, put off for an hour, and holds up no other.
    """
    closed_count = 0
    for row in await database.all(rows.CLOSE_DUE, batch_size=BATCH_SIZE):
        try:
            async with database.transaction(SYSTEM) as tx:
                closed_count += await _close(tx, str(row["public_id"]))
        except Exception:
            log.exception("ticket_not_closed", ticket_id=str(row["public_id"]))
            await _put_off(database, str(row["public_id"]))
    return closed_count


async def _put_off(database: Database, ticket_id: str) -> None:
    async with database.transaction(SYSTEM) as tx:
        row = await tx.one(rows.TICKET, public_id=ticket_id)
        if row is not None:
            await writing.update(tx, Ticket, row, close_due_at=await tx.now() + PUT_OFF)


async def _close(tx: Transaction, ticket_id: str) -> bool:
    """Close a ticket if it is still due under its lock."""
    held = await hold(tx, _SYSTEM, ticket_id)
    due_at = closes_at(held.subject.folded)
    if due_at is None or due_at > held.now:
        await leave(tx, held, None)
        return False
    held.status = TicketStatus.CLOSED
    await leave(
        tx,
        held,
        "ticket.closed",
        NewFact(FactKind.CONFIRMED, {"answer": Confirmation.NONE.value}),
        NewFact(FactKind.CLOSED, {"reason": "no confirmation"}),
        closed_at=held.now,
        confirmation=Confirmation.NONE.value,
    )
    return True
