"""How fast a backtest judges closed tickets, and what the worker's loop and the sweep notice of it.

Usage: python -m scripts.bench_backtest [--engine postgres|sqlite] [--count 100000] [--due 1500]: fills a database of its
own, lets a backtest run as the worker does, while `--due` other tickets come due one after another and are swept.
"""

import argparse
import asyncio
import resource
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select, update

from app import writing
from app.calendars import service as calendars
from app.columns import new_public_id
from app.database import Database, Transaction
from app.engines import create_database
from app.jobs import run_operations, sweep_deadlines
from app.observability import spare_collector
from app.operations import service as operations
from app.operations.models import OperationRow
from app.rehearsal.models import VirtualClock
from app.settings import ClockMode, Settings
from app.sla import backtests, service
from app.sla.backtest_schemas import BacktestStart
from app.sla.backtesting import BACKTEST
from app.sla.book import read_current_book
from app.sla.engine.facts import FactKind
from app.sla.models import Escalation, Subject
from app.sla.service import NewFact
from app.sla.shipped import pack_document
from app.statements import Statement
from app.subscribers import compose
from scripts.bench import SECRET, migrate, own_database

MARCH = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SAID = {"by": "staff", "public": True, "automatic": False, "vague": False}
ASKED = {"by": "customer", "public": True, "automatic": False, "courtesy": False}
CHUNK = 500
CLOSE = Statement(
    update(Subject).where(Subject.is_open).values(is_open=False).returning(Subject.id)
)
LAST = Statement(select(*OperationRow.__table__.columns).order_by(OperationRow.id.desc()).limit(1))
LAGS = Statement(select(Escalation.fire_at, Escalation.detected_at))


async def tick(database: Database) -> None:
    """Let the clock run with the wall's."""
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=None)


async def ticket(tx: Transaction, number: int, opened: datetime, *, closed: bool) -> None:
    """Open one; a closed one was accepted, told of progress twice, asked about, solved, confirmed and closed."""
    step = timedelta(minutes=3 + number % 40)
    moves: tuple[tuple[FactKind, dict[str, Any]], ...] = (
        (FactKind.ACCEPTED, {}), (FactKind.MESSAGE, SAID), (FactKind.MESSAGE, ASKED),
        (FactKind.MESSAGE, SAID), (FactKind.RESOLVED, {}),
        (FactKind.CONFIRMED, {"answer": "solved"}), (FactKind.CLOSED, {}),
    )  # fmt: skip
    inputs = {
        "type": "technical", "complexity": "normal", "tier": "ABCCC"[number % 5] if closed else "A",
        "channel": "phone", "priority": "normal", "department": "技术支持部", "tags": [],
    }  # fmt: skip
    await service.open_subject(
        tx,
        subject_type="ticket",
        subject_id=number,
        public_id=new_public_id(),
        label=f"T{number:06d} 系统无法登录",
        customer_id=None,
        owner_id=None,
        department_id=None,
        inputs=inputs,
        at=opened,
        facts=[NewFact(k, data, opened + n * step) for n, (k, data) in enumerate(moves, 1)]
        if closed
        else (),
    )


async def fill(database: Database, count: int) -> None:
    """Store closed tickets of a year."""
    for first in range(0, count, CHUNK):
        async with database.transaction() as tx:
            for number in range(first, min(first + CHUNK, count)):
                opened = (
                    MARCH - timedelta(days=1) * (number % 365) + timedelta(seconds=number % 7200)
                )
                await ticket(tx, number, opened, closed=True)
    async with database.transaction() as tx:
        await writing.change_set(tx, Subject, CLOSE)


async def come_due(database: Database, count: int, first: int) -> None:
    """Open tickets of which one after another comes due to be accepted, a hundred a second."""
    now = await database.now()
    async with database.transaction() as tx:
        for number in range(count):
            opened = now - timedelta(minutes=30) + timedelta(seconds=2 + number / 100)
            await ticket(tx, first + number, opened, closed=False)


async def lag(stop: asyncio.Event) -> float:
    """Return the longest time that the loop was held."""
    longest = 0.0
    while not stop.is_set():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began - 0.01)
    return longest


async def sweeping(database: Database, stop: asyncio.Event) -> None:
    """Sweep as the worker does."""
    while not stop.is_set():
        await sweep_deadlines(database)
        await asyncio.sleep(0.5)


async def prepare(url: str, arguments: argparse.Namespace) -> Database:
    """Return an open database with its closed tickets, and nothing due."""
    settings = Settings(
        database_url=url, secret_key=SecretStr(SECRET), clock=ClockMode.virtual, log_level="WARNING"
    )
    database = compose(create_database(settings))
    await database.open()
    await tick(database)
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await service.ensure_packs(tx)
    began = time.monotonic()
    await fill(database, arguments.count)
    while await sweep_deadlines(database):  # what the past left is not what is measured
        pass
    print(f"{arguments.engine}: filled {arguments.count:,} in {time.monotonic() - began:.0f} s")
    spare_collector()
    return database


async def ask(database: Database, count: int) -> None:
    """Ask for the backtest of a stricter toolkit over all of it."""
    document = dict(pack_document("toolkit"))
    document["clocks"] = {**document["clocks"], "resolve": {"target": {"minutes": 90}}}
    asked = BacktestStart.model_validate(
        {
            "policy": {"document": document},
            "from": "2025-01-01T00:00:00Z",
            "to": "2027-01-01T00:00:00Z",
        }
    )
    async with database.transaction() as tx:
        question = await backtests.backtest_of(tx, await read_current_book(tx), asked)
        await operations.start(tx, BACKTEST, question.parameters, total=count)


async def judge(database: Database) -> None:
    """Run the operation to its end and tell how it went."""
    began, processor = time.monotonic(), time.process_time()
    while not await finished(database):
        await run_operations(database)
    seconds, spent = time.monotonic() - began, time.process_time() - processor
    await asyncio.sleep(1)  # for the judges to go
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    judging = used.ru_utime + used.ru_stime
    row = (await database.all(LAST))[0]
    result = row["result"]
    print(
        f"  {row['state']}: {result['subjects']:,} tickets in {seconds:.1f} s = {result['subjects'] / seconds:,.0f}/s, "
        f"of our own CPU {spent:.1f} s, the judges' {judging:.1f} s; {result['changed_subjects']:,} changed, {result['faults']} faults, "
        f"result {len(str(result)):,} characters"
    )


async def tell_lags(database: Database) -> None:
    """Tell how late the levels were that fired since the operation began."""
    began = (await database.all(LAST))[0]["started_at"]
    lags = sorted(
        (one["detected_at"] - one["fire_at"]).total_seconds()
        for one in await database.all(LAGS)
        if one["fire_at"] > began
    )
    if lags:
        print(
            f"  {len(lags)} levels fired meanwhile, median {lags[len(lags) // 2]:.2f} s, at most {lags[-1]:.2f} s late"
        )


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Fill, ask, and tell how it went."""
    database = await prepare(url, arguments)
    await ask(database, arguments.count)
    if arguments.due:
        await come_due(database, arguments.due, arguments.count)
    stop = asyncio.Event()
    watching = asyncio.create_task(lag(stop)), asyncio.create_task(sweeping(database, stop))
    await judge(database)
    stop.set()
    longest = await watching[0]
    await watching[1]
    print(f"  loop held for at most {1000 * longest:.0f} ms")
    await tell_lags(database)
    await database.close()


async def finished(database: Database) -> bool:
    """Say whether the operation has ended."""
    return (await database.all(LAST))[0]["state"] in ("done", "failed")


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=1500)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
