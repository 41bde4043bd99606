"""Builds the scheduler from `jobs` and runs it until it is told to stop."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from app import faults
from app.database import Database
from app.engines import create_database
from app.errors import Refusal
from app.heartbeats.service import Heart, beat_seconds
from app.jobs import JOBS, Job
from app.observability import configure_logging, spare_collector
from app.rehearsal.service import is_held
from app.settings import ClockMode, Settings, get_settings
from app.subscribers import compose
from app.time import monotonic

PARENT_POLL_SECONDS = 1.0
log = structlog.get_logger("huiying.worker")


def build_scheduler(database: Database, heart: Heart | None = None) -> AsyncIOScheduler:
    """Return the scheduler with every job and the beat: in memory, UTC, coalesced, one run of a job at a time."""
    heart = heart or Heart()
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    beat = Job("beat", heart.beat, beat_seconds(database.settings), on_domain_time=False)
    for job in (*JOBS, beat):
        scheduler.add_job(
            _guarded(database, job, heart), "interval", seconds=job.every_seconds, id=job.name
        )
    return scheduler


def _guarded(database: Database, job: Job, heart: Heart) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        began, failure = monotonic(), None
        try:
            waits = job.on_domain_time and database.settings.clock is ClockMode.virtual
            if waits and await is_held(database):
                return
            await job.run(database)
        except Exception as error:
            log.exception("job_failed", job=job.name)
            failure = error
        heart.note(job.name, monotonic() - began, failure)

    return run


async def run_worker(settings: Settings | None = None, *, parent: int | None = None) -> None:
    """Run every job until SIGTERM or SIGINT; what is running then ends first.

    With a `parent` it ends as well when that process, which started it, is gone, however and whenever that happened:
    also before we were here to ask who it is.
    """
    settings = settings or get_settings()
    configure_logging(settings.log_level)
    faults.arm(settings.faults)
    database = compose(create_database(settings))
    await database.open()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heart = Heart()
    await heart.beat(database)
    scheduler = build_scheduler(database, heart)
    spare_collector()
    scheduler.start()
    log.info("worker_started", worker=heart.name, jobs=[job.name for job in JOBS])
    while not stop.is_set() and (parent is None or os.getppid() == parent):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PARENT_POLL_SECONDS)
    scheduler.shutdown(wait=True)
    with suppress(Refusal, OSError):  # a database that is gone will hear the silence
        await heart.stop(database)
    await database.close()
    log.info("worker_stopped")
