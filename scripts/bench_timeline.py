"""How long a page of a timeline takes: of a short one, of a very long one, and deep inside it.

Usage: python -m scripts.bench_timeline [--engine postgres|sqlite] [--entries 1000000] [--long 200000]
"""

import argparse
import asyncio
import sqlite3
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
from sqlalchemy import bindparam, select

from app import reading
from app.customers.models import Customer
from app.database import Database
from app.engines import create_database
from app.reading import PageRequest
from app.statements import Statement
from app.subscribers import compose
from app.time import format_instant
from app.timeline.queries import LISTING
from scripts.bench import SECRET, fill, migrate, own_database, settings_for

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = 10_000
FIRST_KEY = 1_000_001
PUBLIC_ID = Statement(select(Customer.public_id).where(Customer.id == bindparam("key")))
ROUNDS = 300

_COLUMNS = (
    "INSERT INTO customer_timeline (id, public_id, customer_id, at, kind, subject_type, subject_id, data, source, "
    "source_key) "
)
# The first entries are all of one customer, the others go round.
_VALUES = (
    "CASE WHEN g <= {wide} THEN {first} ELSE {first} + g % {customers} END, {at}, "
    "CASE g % 1000 WHEN 0 THEN 'ticket.closed' ELSE 'ticket.message' END, 'ticket', {uuid}, "
    "'{{\"number\": \"T000017\"}}', 'fact', g "
)


def fill_timeline(url: str, entries: int, wide: int) -> None:
    """Store entries by one statement of the engine's own: `wide` of the first customer, the others spread evenly."""
    given = {"wide": wide, "first": FIRST_KEY, "customers": CUSTOMERS}
    if url.startswith("postgresql"):
        values = _VALUES.format(
            **given, at=f"timestamptz '{START}' + g * interval '1 minute'", uuid="gen_random_uuid()"
        )
        sql = (
            f"{_COLUMNS} SELECT g, gen_random_uuid(), {values} FROM generate_series(1, {entries}) g"
        )
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.encode())
            connection.execute("VACUUM ANALYZE customer_timeline")
        return
    uuid = "'01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e'"
    at = f"strftime('%Y-%m-%dT%H:%M:%f000Z', '{START:%Y-%m-%d}', '+' || g || ' minutes')"
    series = f"WITH RECURSIVE s(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM s WHERE g < {entries})"
    values = _VALUES.format(**given, at=at, uuid=uuid)
    embedded = sqlite3.connect(url.removeprefix("sqlite:///"))
    embedded.execute(f"{_COLUMNS} {series} SELECT g, {uuid}, {values} FROM s")
    embedded.commit()
    embedded.execute("ANALYZE")
    embedded.close()


async def page(database: Database, filters: Mapping[str, Any], cursor: str | None = None) -> bytes:
    """Return a page of 50."""
    request = PageRequest("-at", 50, cursor)
    return await reading.page(
        database, LISTING, request, secret=SECRET.encode(), filters=dict(filters)
    )


async def measure(database: Database, what: str, filters: Mapping[str, Any]) -> None:
    """Print the median and the 99th percentile of a first page and of the one after it."""
    following = orjson.loads(await page(database, filters))["next_cursor"]
    for name, cursor in (("first", None), ("next", following)):
        taken = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await page(database, filters, cursor)
            taken.append((time.perf_counter() - began) * 1000)
        taken.sort()
        print(
            f"  {what}, {name} page: p50 {statistics.median(taken):.2f} ms, p99 {taken[int(0.99 * ROUNDS)]:.2f} ms"
        )


async def run(url: str, arguments: argparse.Namespace) -> None:
    """Fill, ask."""
    fill(url, CUSTOMERS, 1)
    fill_timeline(url, arguments.entries, arguments.long)
    database = compose(create_database(settings_for(url)))
    await database.open()
    print(f"{arguments.engine}: {arguments.entries:,} entries, {arguments.long:,} of one customer")
    long = {"customer_id": str(await database.value(PUBLIC_ID, key=FIRST_KEY))}
    short = {"customer_id": str(await database.value(PUBLIC_ID, key=FIRST_KEY + 5))}
    await measure(database, "a short timeline", short)
    await measure(database, "a long one", long)
    middle = START + timedelta(minutes=arguments.long // 2)
    await measure(
        database, f"a long one before {format_instant(middle)}", {**long, "before": middle}
    )
    await measure(database, "a rare kind in it", {**long, "kind": "ticket.closed"})
    await database.close()


def main() -> None:
    """Run on the engine the arguments name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=200_000)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        asyncio.run(run(url, arguments))


if __name__ == "__main__":
    main()
