"""One table of background jobs: a name, what runs, how often. APScheduler only ticks; no domain state is in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.auth import service as auth
from app.database import Database
from app.idempotency import service as idempotency
from app.outbox.relay import relay
from app.outbox.sending import send
from app.sla.enforcement import sweep
from app.subscribers import SUBSCRIPTIONS
from app.tickets.closing import close_unconfirmed


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the worker. `on_domain_time` jobs are stepped through by a rehearsal, and wait while it runs."""

    name: str
    run: Callable[[Database], Awaitable[int]]
    every_seconds: float
    on_domain_time: bool = True


async def sweep_deadlines(database: Database) -> int:
    """Fire what is due; returns how many levels fired."""
    return (await sweep(database)).level_count


async def relay_messages(database: Database) -> int:
    """Hand messages to their handlers; returns how many were settled or put off."""
    result = await relay(database, SUBSCRIPTIONS)
    return result.settled_count + result.failed_count


async def send_messages(database: Database) -> int:
    """Send messages to the outside; returns how many were settled or put off."""
    result = await send(database, SUBSCRIPTIONS)
    return result.settled_count + result.failed_count


async def purge_answers(database: Database) -> int:
    """Forget old idempotent answers; returns how many."""
    return await idempotency.purge(database, database.settings.idempotency_hours)


JOBS: tuple[Job, ...] = (
    Job("sweep_deadlines", sweep_deadlines, every_seconds=0.5),
    Job("close_unconfirmed", close_unconfirmed, every_seconds=30),
    Job("relay_messages", relay_messages, every_seconds=0.5),
    Job("send_messages", send_messages, every_seconds=0.5),
    Job("purge_answers", purge_answers, every_seconds=3600, on_domain_time=False),
    Job(
        "purge_refresh_tokens",
        auth.purge_refresh_tokens,
        every_seconds=3600,
        on_domain_time=False,
    ),
)
