"""Job: forgets long work that ended long ago and that nothing points at any more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, bindparam, delete, exists, select

from app import writing
from app.columns import Base
from app.database import Database, Transaction
from app.operations.models import OperationRow
from app.statements import Statement
from app.time import real_now

KEPT = timedelta(days=90)  # a quarter: as long as anybody asks what a publication moved
BATCH_SIZE = 1000
BATCHES_MAX = 200
PAUSE_SECONDS = 0.02  # in which others get at the one writer of SQLite
Forget = Callable[[Transaction, datetime], Awaitable[int]]
_o = OperationRow.__table__.c


def ended_long_ago() -> ColumnElement[bool]:
    """Return the condition that an operation ended before the parameter `ended_before`; an index serves it."""
    before = bindparam("ended_before", type_=_o.finished_at.type)
    return (_o.created_at < before) & (_o.finished_at < before)


@cache
def _purge() -> Statement:
    """Return the deletion of a batch; what an escalation or an inbox line points at stays as its proof."""
    pointing = [
        key.parent
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column is _o.id
    ]
    unused = [~exists(select(1).where(column == _o.id)) for column in pointing]
    old = (
        select(_o.id)
        .where(ended_long_ago(), *unused)
        .order_by(_o.id)
        .limit(bindparam("batch_size", type_=_o.id.type))
        .with_for_update(skip_locked=True)
    )
    return Statement(delete(OperationRow).where(_o.id.in_(old)).returning(_o.id))


async def purge_operations(database: Database) -> int:
    """Forget operations that ended 90 days ago, batch by batch; returns how many."""

    async def forget(tx: Transaction, ended_before: datetime) -> int:
        values = {"ended_before": ended_before, "batch_size": BATCH_SIZE}
        return len(await writing.change_set(tx, OperationRow, _purge(), **values))

    return await in_batches(database, forget)


async def in_batches(database: Database, forget: Forget) -> int:
    """Forget what is of operations that ended 90 days ago until nothing is left, or enough is done; returns how many.

    `forget(tx, ended_before)` forgets `BATCH_SIZE` rows at most and returns how many.
    """
    total, ended_before = 0, real_now() - KEPT
    for _ in range(BATCHES_MAX):
        async with database.transaction() as tx:
            count = await forget(tx, ended_before)
        total += count
        if count < BATCH_SIZE:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return total
