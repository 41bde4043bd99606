"""How fast the scorecard answers: from the rollup and by counting, over a year of deadlines of fifty people.

Usage: python -m scripts.bench_scorecard [--engine postgres|sqlite] [--deadlines 200000]
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from pydantic import SecretStr

from app import writing
from app.columns import new_public_id
from app.database import Database
from app.engines import create_database
from app.reports.rollup import close_months, refresh_scorecard
from app.reports.schemas import GroupBy, ScorecardScope
from app.reports.service import read_scorecard, resolve_scope
from app.settings import ClockMode, Settings
from app.sla.models import DeadlineChange, DeadlineRow, Subject
from app.subscribers import compose
from app.time import FAR_END
from scripts.bench import SECRET, migrate, own_database
from scripts.bench_fill import FAR, FIRST_KEY
from scripts.bench_sweep import fill, freeze

START = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)
DAYS = 365
NOW = START + timedelta(days=DAYS - 10)
PATTERN_COUNT = 20_000  # rows made one by one, which PostgreSQL then multiplies
CLOCKS = (
    ("accept", "TK-2"), ("resolve", "TK-5"), ("progress", "TK-6"), ("next_reply", "TK-6b"), ("confirm", "TK-7"),
)  # fmt: skip


def deadline(chance: random.Random, number: int, subject_key: int) -> dict[str, Any]:
    """Return one random row: nine of ten kept, a few late or missed; what is due later still runs."""
    clock, rule = chance.choice(CLOCKS)
    due = START + timedelta(seconds=chance.randrange(DAYS * 86_400))
    owner, left = chance.randrange(1, 51), chance.randrange(30_000)
    row = {
        "subject_key": subject_key, "subject_type": "ticket", "subject_id": number, "label": f"T{number}",
        "subject_public_id": new_public_id(), "clock": clock, "rule": rule, "cycle": number, "revision": 1,
        "state": "running", "started_at": due - timedelta(hours=4), "due_at": due, "policy": "toolkit",
        "policy_version": 1, "owner_id": owner, "charged_owner_id": owner, "charged_department_id": owner % 8 + 1,
        "charged_tier": chance.choice("ABC"),
    }  # fmt: skip
    if due < NOW and chance.random() > 0.02:
        late = chance.random() < 0.08
        at = due + timedelta(seconds=left) if late else due - timedelta(seconds=left)
        figures = (
            ("late_seconds", "late_elapsed_seconds")
            if late
            else ("early_seconds", "early_elapsed_seconds")
        )
        row |= {"state": "late" if late else "met", "answered_at": at, "ended_at": at}
        row |= dict.fromkeys(figures, left)
    return row


def multiply_deadlines(url: str, count: int) -> None:
    """Add random rows like `deadline`'s by SQL, until there are `count`."""
    columns = [column.name for column in DeadlineRow.__table__.columns]
    fresh = {
        "id": f"{FIRST_KEY} + g * 100000 + t.cycle", "public_id": "gen_random_uuid()",
        "cycle": "g * 100000 + t.cycle",
        "started_at": "t.started_at + d.shift", "due_at": "t.due_at + d.shift",
    }  # fmt: skip
    for name in ("answered_at", "ended_at"):
        fresh[name] = f"CASE WHEN t.{name} = {FAR} THEN {FAR} ELSE t.{name} + d.shift END"
    chosen = ", ".join(fresh.get(name, f't."{name}"') for name in columns)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            f"INSERT INTO deadlines ({', '.join(columns)}) SELECT {chosen} "
            f"FROM generate_series(1, {count // PATTERN_COUNT - 1}) g "
            "CROSS JOIN LATERAL (SELECT ((g % 13) - 6) * interval '10 minutes' AS shift) d "
            "CROSS JOIN deadlines t WHERE t.cycle > 0 AND t.subject_id = t.cycle".encode()
        )
        connection.execute("VACUUM ANALYZE")


async def fill_deadlines(database: Database, count: int) -> None:
    """Store the company and its deadlines, as a migrated old table has them: without any mark."""
    await fill(database, 1, 1)
    chance = random.Random(1)
    async with database.transaction() as tx:
        subject = await writing.insert(
            tx,
            Subject,
            subject_type="ticket",
            subject_id=10**9,
            subject_public_id="p",
            next_fire_at=FAR_END,
        )
    for first in range(0, count, 5000):
        async with database.transaction() as tx:
            for number in range(first, min(first + 5000, count)):
                await writing.insert(tx, DeadlineRow, **deadline(chance, number + 1, subject["id"]))


async def timed(work: Callable[[], Awaitable[Any]], repeats: int = 7) -> float:
    """Return the median milliseconds."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


async def ask(
    database: Database, first: str, last: str, *by: GroupBy
) -> Callable[[], Awaitable[Any]]:
    """Return a question to be timed."""
    scope = ScorecardScope.model_validate({"from": first, "to": last})

    async def run() -> None:
        await read_scorecard(database, await resolve_scope(database, None, scope), by)

    return run


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Fill, count, roll up, count again."""
    settings = Settings(
        database_url=url, secret_key=SecretStr(SECRET), clock=ClockMode.virtual, log_level="WARNING",
        postgres_statement_timeout_ms=120_000,
    )  # fmt: skip
    database = compose(create_database(settings))
    await database.open()
    began = time.perf_counter()
    bulk = database.kind == "postgresql" and arguments.deadlines > PATTERN_COUNT
    await fill_deadlines(database, PATTERN_COUNT if bulk else arguments.deadlines)
    if bulk:
        multiply_deadlines(url, arguments.deadlines)
    await freeze(database, NOW)
    name = f"{arguments.engine} {arguments.deadlines:,}"
    print(f"{name}: filled in {time.perf_counter() - began:.0f} s")
    questions = {
        "a year by rule": await ask(database, "2025-07-01", "2026-06-30", GroupBy.RULE),
        "a year by owner and month": await ask(database, "2025-07-01", "2026-06-30", GroupBy.OWNER, GroupBy.MONTH),
        "a month by rule": await ask(database, "2026-05-01", "2026-05-31", GroupBy.RULE),
        "the present month by team": await ask(database, "2026-06-01", "2026-06-30", GroupBy.TEAM),
    }  # fmt: skip
    counted = {what: await timed(question, 3) for what, question in questions.items()}
    began, days = time.perf_counter(), 0
    while done := await refresh_scorecard(database):
        days += done
    seconds = time.perf_counter() - began
    print(f"  {days} days counted, {seconds / max(days, 1) * 1000:.1f} ms a day")
    rolled = {what: await timed(question) for what, question in questions.items()}
    began = time.perf_counter()
    months = await close_months(database)
    print(
        f"  {months} months closed, {(time.perf_counter() - began) / max(months, 1) * 1000:.0f} ms a month"
    )
    closed = {what: await timed(question) for what, question in questions.items()}
    for what, milliseconds in counted.items():
        print(
            f"  {what}: counted {milliseconds:.0f} ms, from days {rolled[what]:.1f} ms, "
            f"with closed months {closed[what]:.1f} ms"
        )

    async def dirty(at: datetime) -> None:
        async with database.transaction() as tx:
            await writing.insert(tx, DeadlineChange, due_at=at)
        await refresh_scorecard(database)

    for what, at in (
        ("an open day", NOW - timedelta(days=1)),
        ("a closed month", NOW - timedelta(days=90)),
    ):
        milliseconds = await timed(lambda at=at: dirty(at))  # type: ignore[misc]
        print(f"  {what} counted again: {milliseconds:.1f} ms")
    await database.close()


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--deadlines", type=int, default=200_000)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
