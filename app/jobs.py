"""One table of background jobs: a name, what runs, how often. APScheduler only ticks; no domain state is in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.auth import service as auth
from app.customers.tier_computing import compute_tiers
from app.database import Database
from app.heartbeats.service import purge_heartbeats
from app.idempotency import service as idempotency
from app.imports.service import purge_imports
from app.operations import purging, runner
from app.outbox.purging import purge_messages
from app.outbox.relay import relay
from app.outbox.sending import send
from app.reports.rollup import close_months, refresh_scorecard
from app.segments.counting import recount_figures
from app.segments.evaluation import evaluate_due
from app.service_plans.turning import open_due_turns
from app.sla.enforcement import sweep
from app.sla.purging import purge_moves
from app.subscribers import OPERATIONS, SUBSCRIPTIONS
from app.tickets.closing import close_unconfirmed
from app.tickets.loads import recount_loads


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


async def run_operations(database: Database) -> int:
    """Go on with long work; returns how many batches were written."""
    return await runner.run(database, OPERATIONS)


async def purge_answers(database: Database) -> int:
    """Forget old idempotent answers; returns how many."""
    return await idempotency.purge(database, database.settings.idempotency_hours)


async def purge_operations(database: Database) -> int:
    """Forget long work of long ago and what it moved; returns how many rows."""
    return await purge_moves(database) + await purging.purge_operations(database)


JOBS: tuple[Job, ...] = (
    Job("sweep_deadlines", sweep_deadlines, every_seconds=0.5),
    Job("close_unconfirmed", close_unconfirmed, every_seconds=30),
    Job("open_service_turns", open_due_turns, every_seconds=30),
    Job("close_months", close_months, every_seconds=60),
    Job("refresh_scorecard", refresh_scorecard, every_seconds=15, on_domain_time=False),
    Job("relay_messages", relay_messages, every_seconds=0.5),
    Job("send_messages", send_messages, every_seconds=0.5),
    Job("compute_tiers", compute_tiers, every_seconds=1),
    Job("run_operations", run_operations, every_seconds=0.5),
    Job("recount_loads", recount_loads, every_seconds=600, on_domain_time=False),
    Job("evaluate_segments", evaluate_due, every_seconds=15),
    Job("recount_figures", recount_figures, every_seconds=21_600, on_domain_time=False),
    Job("purge_answers", purge_answers, every_seconds=3600, on_domain_time=False),
    Job(
        "purge_refresh_tokens",
        auth.purge_refresh_tokens,
        every_seconds=3600,
        on_domain_time=False,
    ),
    Job("purge_operations", purge_operations, every_seconds=3600, on_domain_time=False),
    Job("purge_messages", purge_messages, every_seconds=3600, on_domain_time=False),
    Job("purge_imports", purge_imports, every_seconds=3600, on_domain_time=False),
    Job("purge_heartbeats", purge_heartbeats, every_seconds=3600, on_domain_time=False),
)
