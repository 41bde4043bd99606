"""Measures the sweep: due deadlines a second with all effects, and the claim alone, in one process.

`python -m scripts.bench_sweep [--engine postgres|sqlite] [--due 20000] [--open 50000] [--beside 0]`: opens `--open`
subjects through the service, makes `--due` of them due by moving the virtual clock, and sweeps until quiet. `--beside`
adds open subjects of later hours by SQL (PostgreSQL); each has two deadlines.
"""

import argparse
import asyncio
import time
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import func, select

from app import writing
from app.auth.models import Department, User
from app.calendars import service as calendars
from app.database import Database
from app.engines import create_database
from app.observability import spare_collector
from app.rehearsal.models import VirtualClock
from app.settings import ClockMode, Settings
from app.sla import enforcement, queries
from app.sla import service as sla
from app.sla.models import Subject
from app.statements import Statement
from app.subscribers import compose
from scripts.bench import SECRET, migrate, own_database
from scripts.bench_fill import multiply

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
INPUTS = {
    "type": "technical", "complexity": "normal", "tier": "B", "channel": "phone", "priority": "normal",
    "department": "技术支持部", "tags": [],
}  # fmt: skip
LAST_OPENED = Statement(select(func.max(Subject.id)))


async def freeze(database: Database, at: datetime) -> None:
    """Set the virtual clock."""
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def fill(database: Database, due: int, opened: int) -> None:
    """Open `due` subjects at nine and the rest an hour later."""
    await freeze(database, MONDAY)
    common = {"created_at": MONDAY, "updated_at": MONDAY}
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        department = await writing.insert(
            tx, Department, name="d", name_key="d", path="/1/", **common
        )
        people: list[int] = []
        for name in ("head", "supervisor", "owner"):
            row = await writing.insert(
                tx, User, email=f"{name}@example.cn", name=name, name_key=name, role="support",
                department_id=department["id"], manager_id=people[-1] if people else None, **common,
            )  # fmt: skip
            people.append(row["id"])
        await writing.update(tx, Department, department, head_id=people[0])
    for first in range(0, opened, 500):
        async with database.transaction() as tx:
            for number in range(first, min(first + 500, opened)):
                at = MONDAY if number < due else MONDAY + timedelta(hours=1)
                await sla.open_subject(
                    tx, subject_type="ticket", subject_id=number, public_id=f"p{number}", label=f"T{number}",
                    customer_id=number % 1000, owner_id=people[2], department_id=department["id"],
                    inputs=INPUTS, at=at,
                )  # fmt: skip


async def add_beside(database: Database, url: str, count: int) -> None:
    """Add open subjects that come due over the days after."""
    last = await database.value(LAST_OPENED)
    began = time.perf_counter()
    multiply(url, last, count, "interval '1 day' + g * interval '0.2 seconds'")
    print(f"  and {count:,} beside them in {time.perf_counter() - began:.0f} s")


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Fill, move the clock to the first warning, then to due, and time the sweeps."""
    settings = Settings(
        database_url=url, secret_key=SecretStr(SECRET), clock=ClockMode.virtual, log_level="WARNING"
    )
    database = compose(create_database(settings))
    await database.open()
    began = time.perf_counter()
    await fill(database, arguments.due, arguments.open)
    print(
        f"{arguments.engine}: opened {arguments.open:,} subjects in {time.perf_counter() - began:.1f} s"
    )
    if arguments.beside:
        await add_beside(database, url, arguments.beside)
    spare_collector()  # as the worker does
    for name, at in (
        ("warning", timedelta(minutes=22, seconds=30)),
        ("due", timedelta(minutes=30)),
    ):
        await freeze(database, MONDAY + at)
        began = time.perf_counter()
        result = await enforcement.sweep(database)
        seconds = time.perf_counter() - began
        print(
            f"  {name}: {result.level_count:,} levels with all effects in {seconds:.2f} s = "
            f"{result.level_count / seconds:,.0f}/s, longest batch {result.longest_seconds * 1000:.0f} ms"
        )
    await freeze(database, MONDAY + timedelta(days=2))
    statement = queries.CLAIM_POSTGRESQL if database.kind == "postgresql" else queries.CLAIM_SQLITE
    began, count = time.perf_counter(), 0
    async with database.transaction() as tx:
        while time.perf_counter() - began < 3:
            count += len(await tx.run(statement, {"batch_size": 500}))
    print(f"  claim alone: {count / (time.perf_counter() - began):,.0f} subjects/s")
    await database.close()


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--due", type=int, default=20_000)
    parser.add_argument("--open", type=int, default=50_000)
    parser.add_argument("--beside", type=int, default=0)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
