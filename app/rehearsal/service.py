"""Moves the virtual clock: through every due instant in order, so that what fires, fires at its own time.

The clock's row holds an offset that ticks or a frozen instant; it goes forward only. While a rehearsal runs it
holds a lease in the row, and the worker's jobs on domain time wait.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app import writing
from app.customers.history_queries import NEXT_OVERRIDE_END
from app.database import Database, Transaction
from app.errors import Conflict
from app.jobs import JOBS
from app.outbox.models import OutboxMessage
from app.rehearsal.models import VirtualClock
from app.reports.queries import NEXT_CLOSING
from app.service_plans.models import ServiceSeries
from app.sla.models import Subject
from app.statements import Statement
from app.tickets.models import Ticket
from app.time import FAR_END, MICROSECOND, real_now, to_micros

STEPS_MAX = 10_000
ADVANCE_MAX = timedelta(days=366)
LEASE = timedelta(seconds=30)
CLOCK = Statement(select(*VirtualClock.__table__.columns).where(VirtualClock.id == 1))
NEXT_DUE = (
    Statement(select(func.min(Subject.next_fire_at).label("at"))),
    Statement(
        select(func.min(OutboxMessage.attempt_at).label("at")).where(
            OutboxMessage.state == "pending"
        )
    ),
    Statement(select(func.min(Ticket.close_due_at).label("at"))),
    Statement(select(func.min(ServiceSeries.opens_at).label("at"))),
    NEXT_CLOSING,
    NEXT_OVERRIDE_END,
)


@dataclass(slots=True)
class Rehearsal:
    """What an advance of the clock did: from, to, how often each job did something."""

    began_at: datetime
    ended_at: datetime
    step_count: int = 0
    fired: dict[str, int] = field(default_factory=dict)


async def freeze(tx: Transaction, at: datetime) -> None:
    """Freeze the clock at an instant, not earlier than now; raises `Conflict` for going back."""
    if at < await tx.now():
        raise Conflict("clock_goes_forward")
    await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def let_tick(tx: Transaction) -> None:
    """Let the clock tick on from where it stands."""
    shift = to_micros(await tx.now()) - to_micros(real_now())
    await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=shift, frozen_at=None)


async def next_due(database: Database) -> datetime:
    """Return the earliest instant at which any job has something to do, the far end of time when none."""
    found = [await database.value(statement) for statement in NEXT_DUE]
    return min((at for at in found if at is not None), default=FAR_END)


async def advance(database: Database, to: datetime, *, steps_max: int = STEPS_MAX) -> Rehearsal:
    """Step the clock to `to`, stopping at every due instant for the jobs; ticks on afterwards if it ticked before.

    Raises `Conflict` when `to` lies behind, when another rehearsal runs, or after more than `steps_max` stops.
    """
    async with database.transaction() as tx:
        began, ticking = await tx.now(), await _take_lease(tx)
        if to < began:
            raise Conflict("clock_goes_forward")
        await writing.upsert(tx, VirtualClock, ("id",), id=1, frozen_at=began, offset_micros=0)
    done = Rehearsal(began, to)
    try:
        await _step_through(database, to, done, steps_max)
    finally:
        async with database.transaction() as tx:
            if ticking:
                await let_tick(tx)
            await _end_lease(tx)
    return done


async def _step_through(database: Database, to: datetime, done: Rehearsal, steps_max: int) -> None:
    await _run_jobs(database, done)
    while (due := await next_due(database)) <= to:
        if done.step_count >= steps_max:
            raise Conflict("too_many_steps", steps_max=steps_max)
        done.step_count += 1
        # A microsecond later a miss is certain: exactly at due an answer would still be in time.
        await _stand_at(database, min(due + MICROSECOND, to))
        await _run_jobs(database, done)
        await asyncio.sleep(0)  # other requests of this process get their turn
    await _stand_at(database, to)
    await _run_jobs(database, done)


async def _stand_at(database: Database, at: datetime) -> None:
    async with database.transaction() as tx:
        now = await tx.now()
        await writing.upsert(
            tx,
            VirtualClock,
            ("id",),
            id=1,
            offset_micros=0,
            frozen_at=max(at, now),
            held_until=real_now() + LEASE,
        )


async def _run_jobs(database: Database, done: Rehearsal) -> None:
    """Run every job on domain time until none has anything left to do."""
    busy = True
    while busy:
        counts: Mapping[str, int] = {
            job.name: await job.run(database) for job in JOBS if job.on_domain_time
        }
        for name, count in counts.items():
            if count:
                done.fired[name] = done.fired.get(name, 0) + count
        busy = any(counts.values())


async def _take_lease(tx: Transaction) -> bool:
    """Take the rehearsal's lease and return whether the clock ticked; raises `Conflict` while another holds it."""
    if not await tx.lock_name(_LEASE_LOCK):
        raise Conflict("rehearsal_running")
    row = await tx.one(CLOCK)
    if row is None:
        return True
    if row["held_until"] is not None and row["held_until"] > real_now():
        raise Conflict("rehearsal_running")
    await writing.upsert(tx, VirtualClock, ("id",), id=1, held_until=real_now() + LEASE)
    return row["frozen_at"] is None


async def _end_lease(tx: Transaction) -> None:
    await writing.upsert(tx, VirtualClock, ("id",), id=1, held_until=None)


async def is_held(database: Database) -> bool:
    """Return whether a rehearsal holds the clock, so that the worker's jobs wait."""
    row = await database.one(CLOCK)
    return row is not None and row["held_until"] is not None and row["held_until"] > real_now()


_LEASE_LOCK = 7_105_201
