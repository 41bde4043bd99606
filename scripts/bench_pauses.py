"""How fast the report of pauses answers, which folds the facts of every ticket that waited in the period.

Usage: python -m scripts.bench_pauses [--engine postgres|sqlite] [--waits 10000]
"""

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from app import writing
from app.columns import new_public_id
from app.database import Database
from app.engines import create_database
from app.reports.pause_queries import waits
from app.reports.pause_schemas import PauseGroupBy, PauseScope
from app.reports.pauses import read_report, resolve_pauses
from app.settings import ClockMode, Settings
from app.sla.book import DEFAULT_PACK
from app.sla.models import FactRow, Subject
from app.subscribers import compose
from app.time import FAR_END
from scripts.bench import SECRET, migrate, own_database
from scripts.bench_scorecard import timed
from scripts.bench_sweep import fill, freeze

START = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)
DAYS = 300
NOW = START + timedelta(days=DAYS + 30)
WAITS_A_TICKET = 2
REASONS = [f"等客户提供资料 {number}" for number in range(80)]
CALENDARS = {"working": ["office", 1], "24x7": ["24x7", 1]}
INPUTS = {"type": "technical", "complexity": "normal", "channel": "phone", "priority": "normal"}


def told(by: str, **said: Any) -> tuple[str, dict[str, Any]]:
    """Return a message by staff or customer."""
    flags = {"public": True, "automatic": False, "vague": False, "courtesy": False}
    return "message", {"by": by, **flags, **said}


def life(chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the facts of a ticket that waits twice: for an answer, and then for whatever comes first."""
    opening = {"inputs": {**INPUTS, "tier": chance.choice("ABC")}, "calendars": CALENDARS}
    yield "opened", {**opening, "policy": [DEFAULT_PACK, 1]}
    yield "accepted", {}
    for _ in range(WAITS_A_TICKET):
        yield told("staff", question=True)
        yield "waiting", {"reason": chance.choice(REASONS)}
        yield told("customer") if chance.random() < 0.7 else ("resumed", {})
        yield told("staff")
    yield "resolved", {}


async def fill_waits(database: Database, count: int) -> None:
    """Store tickets by their subjects and facts."""
    await fill(database, 1, 1)
    chance = random.Random(1)
    tickets = count // WAITS_A_TICKET
    for first in range(0, tickets, 500):
        async with database.transaction() as tx:
            for number in range(first, min(first + 500, tickets)):
                subject = await writing.insert(
                    tx, Subject, subject_type="ticket", subject_id=10**9 + number, label=f"T{number}",
                    subject_public_id=new_public_id(), next_fire_at=FAR_END,
                )  # fmt: skip
                at, actor = (
                    START + timedelta(minutes=chance.randrange(DAYS * 1440)),
                    chance.randrange(50),
                )
                for sequence, (kind, data) in enumerate(life(chance), 1):
                    at += timedelta(minutes=chance.randrange(600))
                    await writing.insert(
                        tx, FactRow, subject_key=subject["id"], sequence=sequence, kind=kind, occurred_at=at,
                        recorded_at=at, actor_id=actor, data=data,
                    )  # fmt: skip


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Fill, ask."""
    settings = Settings(
        database_url=url, secret_key=SecretStr(SECRET), clock=ClockMode.virtual, log_level="WARNING",
        postgres_statement_timeout_ms=120_000,
    )  # fmt: skip
    database = compose(create_database(settings))
    await database.open()
    began = time.perf_counter()
    await fill_waits(database, arguments.waits)
    await freeze(database, NOW)
    print(
        f"{arguments.engine} {arguments.waits:,} waits: filled in {time.perf_counter() - began:.0f} s"
    )
    both = (PauseGroupBy.PERSON, PauseGroupBy.REASON)
    for what, first, last in (
        ("all of them", "2025-07-01", "2026-07-30"),
        ("a month", "2025-10-01", "2025-10-31"),
    ):
        scope = PauseScope.model_validate({"from": first, "to": last})
        asked = await resolve_pauses(database, None, scope)
        counted = (await read_report(database, asked, both)).total.waits

        async def light(asked: Any = asked) -> None:
            await database.all(
                waits(tuple(sorted(asked.filters))), wait_limit=20_001, **asked.filters
            )

        async def whole(asked: Any = asked) -> None:
            await read_report(database, asked, both)

        print(
            f"  {what} ({len(counted):,}): found in {await timed(light, 3):.0f} ms, "
            f"told by person and reason in {await timed(whole, 3):.0f} ms"
        )
    await database.close()


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--waits", type=int, default=10_000)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
