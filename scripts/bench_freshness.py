"""Measures the monthly refresh: promising it to files that were imported, and the sweep over a whole month of dues.

`python -m scripts.bench_freshness [--engine postgres|sqlite] [--customers 100000]`: makes the files by rows, promises
each a refresh in transactions of 500, then moves the virtual clock through the month, a sweep every working hour.
"""

import argparse
import asyncio
import time
from datetime import timedelta

from pydantic import SecretStr

from app import writing
from app.auth.models import Department, User
from app.calendars import service as calendars
from app.customers import freshness
from app.customers.models import Customer
from app.database import Database
from app.engines import create_database
from app.observability import spare_collector
from app.settings import ClockMode, Settings
from app.sla import enforcement
from app.sla import service as sla
from app.subscribers import compose
from scripts.bench import SECRET, migrate, own_database
from scripts.bench_sweep import MONDAY, freeze

BATCH = 500
DAYS = 36
OWNERS = 50


async def fill(database: Database) -> tuple[int, list[int]]:
    """Store the rules and the people; returns the department's key and the owners'."""
    await freeze(database, MONDAY)
    common = {"created_at": MONDAY, "updated_at": MONDAY}
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        department = await writing.insert(
            tx, Department, name="d", name_key="d", path="/1/", **common
        )
        people: list[int] = []
        for number in range(OWNERS + 1):
            row = await writing.insert(
                tx, User, email=f"u{number}@example.cn", name="u", name_key="u", role="sales",
                department_id=department["id"], manager_id=people[0] if people else None, **common,
            )  # fmt: skip
            people.append(row["id"])
        await writing.update(tx, Department, department, head_id=people[0])
    return department["id"], people[1:]


async def promise(database: Database, count: int) -> float:
    """Make `count` files and promise each a refresh; returns the seconds that promising took."""
    department_id, owners = await fill(database)
    seconds = 0.0
    for first in range(0, count, BATCH):
        async with database.transaction() as tx:
            rows = [
                await writing.insert(
                    tx, Customer, number=f"C{number:06d}", name=f"n{number}", name_key=f"n{number}",
                    source_channel="import", owner_id=owners[number % OWNERS],
                    department_id=department_id, created_at=MONDAY, updated_at=MONDAY,
                )
                for number in range(first, min(first + BATCH, count))
            ]  # fmt: skip
            await tx.flush()
            began = time.perf_counter()
            await freshness.begin_imported(tx, rows, at=MONDAY)
            await tx.flush()
            seconds += time.perf_counter() - began
    return seconds


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Promise, then sweep the month, and print what each took."""
    settings = Settings(
        database_url=url, secret_key=SecretStr(SECRET), clock=ClockMode.virtual, log_level="WARNING"
    )
    database = compose(create_database(settings))
    await database.open()
    count = arguments.customers
    seconds = await promise(database, count)
    print(
        f"{arguments.engine}: promised {count:,} files in {seconds:.1f} s = {count / seconds:,.0f}/s"
    )
    spare_collector()  # as the worker does
    levels, spent, longest, busiest = 0, 0.0, 0.0, 0
    for hour in range(DAYS * 24):
        await freeze(database, MONDAY + timedelta(hours=hour))
        began = time.perf_counter()
        result = await enforcement.sweep(database)
        spent += time.perf_counter() - began
        levels += result.level_count
        busiest = max(busiest, result.level_count)
        longest = max(longest, result.longest_seconds)
    print(
        f"  a month of dues: {levels:,} levels in {spent:.1f} s of sweeping = {levels / spent:,.0f}/s, "
        f"longest batch {longest * 1000:.0f} ms, busiest hour {busiest:,} levels"
    )
    await database.close()


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--customers", type=int, default=100_000)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
