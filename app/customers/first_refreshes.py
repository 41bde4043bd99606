"""Promises a monthly refresh to files that have none, page by page, spread over the month: a kind of long work.

Asked for when an import has ended, and once by a migration, for the files that were there before.
"""

from app.customers import freshness
from app.customers.freshness_queries import PAGE_END, WITHOUT
from app.database import Transaction
from app.operations.runner import Kind, Operation, Step

KIND = "customers.first_refreshes"
PAGE_SIZE = 200


async def step(tx: Transaction, operation: Operation, prepared: None) -> Step:
    """Promise the next files a refresh."""
    del prepared
    after = operation.cursor or 0
    page_end = await tx.value(PAGE_END, after=after, page_size=PAGE_SIZE)
    if page_end is None:
        return Step(done=operation.done, cursor=after, finished=True)
    rows = await tx.all(WITHOUT, after=after, page_end=page_end)
    await freshness.begin_imported(tx, rows, at=await tx.now())
    return Step(done=operation.done + len(rows), cursor=page_end)


KINDS = {KIND: Kind(step)}
