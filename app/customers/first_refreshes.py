"""Promises a monthly refresh to files that have none, batch by batch, spread over the month: a kind of long work.

A migration asks for it once, for the files that were there before.
"""

from app.customers import freshness
from app.customers.freshness_queries import WITHOUT
from app.database import Transaction
from app.operations.runner import Kind, Operation, Step

KIND = "customers.first_refreshes"
BATCH_SIZE = 100


async def step(tx: Transaction, operation: Operation, prepared: None) -> Step:
    """Promise the next files a refresh."""
    del prepared
    rows = await tx.all(WITHOUT, after=operation.cursor or 0, batch_size=BATCH_SIZE)
    await freshness.begin_imported(tx, rows, at=await tx.now())
    last = rows[-1]["id"] if rows else operation.cursor
    return Step(done=operation.done + len(rows), cursor=last, finished=len(rows) < BATCH_SIZE)


KINDS = {KIND: Kind(step)}
