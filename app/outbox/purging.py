"""Job: forgets messages that were handed on long ago. What is pending or dead stays, however old it is.

`done` is a message only when every handler had it in one transaction, or its sender sent it.
"""

import asyncio
from datetime import timedelta

from sqlalchemy import bindparam, delete, select

from app import writing
from app.database import Database
from app.outbox.models import OutboxMessage
from app.outbox.relay import DONE
from app.statements import Statement

KEPT = timedelta(days=30)  # as long as anybody looks into why something was, or was not, delivered
BATCH_SIZE = 1000
BATCHES_MAX = 200
PAUSE_SECONDS = 0.02  # in which others get at the one writer of SQLite
_m = OutboxMessage.__table__.c
_old = (
    select(_m.id)
    .where(DONE, _m.settled_at < bindparam("settled_before", type_=_m.settled_at.type))
    .order_by(_m.settled_at)
    .limit(bindparam("batch_size", type_=_m.id.type))
    .with_for_update(skip_locked=True)
)
PURGE = Statement(delete(OutboxMessage).where(_m.id.in_(_old)).returning(_m.id))


async def purge_messages(database: Database) -> int:
    """Forget messages settled 30 days ago, batch by batch; returns how many."""
    total, before = 0, await database.now() - KEPT
    for _ in range(BATCHES_MAX):
        async with database.transaction() as tx:
            values = {"settled_before": before, "batch_size": BATCH_SIZE}
            count = len(await writing.change_set(tx, OutboxMessage, PURGE, **values))
        total += count
        if count < BATCH_SIZE:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return total
