"""Steps the clock of a database that nobody else uses yet: through every due instant, up to the next event's.

The rehearsal's own `service.advance` does the same for a deployment that others work in, with a lease.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from app import writing
from app.database import Database, Transaction
from app.rehearsal.models import VirtualClock
from app.statements import Statement
from app.time import FAR_END


async def stand_at(tx: Transaction, at: datetime) -> None:
    """Freeze the clock at an instant; the caller sees to it that it never goes back."""
    await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def step_to(
    database: Database,
    at: datetime,
    *,
    due: Sequence[Statement],
    jobs: Sequence[Callable[[Database], Awaitable[object]]],
    inclusive: bool = False,
) -> int:
    """Run the jobs at every instant that `due` names before `at` (or at it); returns how often they ran.

    What is due exactly at `at` comes after what happens then: an answer exactly at due is met.
    """
    count = 0
    while (now := await _next(database, due)) < at or (inclusive and now == at):
        async with database.transaction() as tx:
            await stand_at(tx, max(now, await tx.now()))
        for run in jobs:
            await run(database)
        count += 1
    return count


async def _next(database: Database, due: Sequence[Statement]) -> datetime:
    found = [await database.value(statement) for statement in due]
    return min((at for at in found if at is not None), default=FAR_END)
