"""How late escalations are behind their instants, with a worker process of its own on the real clock.

Usage: python -m scripts.bench_lag [--minutes 3] [--per-minute 1000]: lets so many levels come due a minute, spread
evenly, on PostgreSQL.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta

from sqlalchemy import func, select

from app.auth.models import User
from app.customers.models import Customer
from app.database import Database
from app.engines import create_database
from app.sla import service as sla
from app.sla.models import Escalation
from app.statements import Statement
from app.subscribers import compose
from app.time import real_now
from scripts.bench import SECRET, migrate, own_database, prepare, settings_for
from scripts.bench_fill import multiply
from scripts.bench_sweep import INPUTS

LEAD = timedelta(seconds=15)  # in which the worker starts
LAGS = Statement(
    select(Escalation.fire_at, Escalation.detected_at).where(Escalation.overtaken.is_(False))
)
SOMEBODY = Statement(
    select(
        User.id.label("owner_id"),
        User.department_id,
        select(func.min(Customer.id)).scalar_subquery().label("customer_id"),
    ).where(User.role == "support")
)
FIRED = Statement(select(func.count()).select_from(Escalation))


async def fill(url: str, count: int, gap_seconds: float) -> None:
    """Open tickets whose first warnings come due one after another, from a few seconds on."""
    await prepare(url, 100, 10)
    database = compose(create_database(settings_for(url)))
    await database.open()
    people = await database.one(SOMEBODY)
    assert people is not None
    async with database.transaction() as tx:
        subject = await sla.open_subject(
            tx, subject_type="ticket", subject_id=1, public_id="p", label="T1",
            customer_id=people["customer_id"], owner_id=people["owner_id"],
            department_id=people["department_id"], at=await tx.now(),
            inputs={**INPUTS, "tier": "A"},
        )  # fmt: skip
    wait = subject.row["next_fire_at"] - real_now() - LEAD
    shift = f"g * interval '{gap_seconds} seconds' - interval '{wait.total_seconds()} seconds'"
    multiply(url, subject.key, count, shift)
    await database.close()


async def watch(database: Database, count: int, seconds: float) -> None:
    """Wait until all have fired, or for that long; then print the lags."""
    until = real_now() + timedelta(seconds=seconds)
    while await database.value(FIRED) < count and real_now() < until:  # noqa: ASYNC110 - the worker is another process
        await asyncio.sleep(1)
    rows = await database.all(LAGS)
    lags = sorted((row["detected_at"] - row["fire_at"]).total_seconds() for row in rows)
    if not lags:
        raise SystemExit("nothing fired")
    found = {
        name: lags[min(len(lags) - 1, int(share * len(lags)))]
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    said = ", ".join(f"{name} {lag:.2f} s" for name, lag in found.items())
    print(f"{len(lags):,} of {count:,} levels fired: {said}, at most {lags[-1]:.2f} s late")


def main() -> None:
    """Fill, run a worker, and watch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--per-minute", type=int, default=1000)
    arguments = parser.parse_args()
    count = int(arguments.minutes * arguments.per_minute)
    with own_database("postgres") as url:
        migrate(url)
        asyncio.run(fill(url, count, 60 / arguments.per_minute))
        environment = {
            **os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_SECRET_KEY": SECRET,
            "HUIYING_CLOCK": "real", "HUIYING_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        worker = subprocess.Popen([sys.executable, "-m", "app.cli", "worker"], env=environment)
        try:
            asyncio.run(_watch(url, count, 60 * arguments.minutes + 60))
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)


async def _watch(url: str, count: int, seconds: float) -> None:
    database = compose(create_database(settings_for(url)))
    await database.open()
    await watch(database, count, seconds)
    await database.close()


if __name__ == "__main__":
    main()
