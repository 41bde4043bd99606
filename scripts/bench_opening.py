"""What the promises that run already cost whoever opens another ticket: the same load on a small and a large database.

Usage: python -m scripts.bench_opening [--few 10000] [--many 2000000] [--rounds 5] [--seconds 3]: open deadlines of two
databases on one PostgreSQL, a server process each, loaded in turns.
"""

import argparse
import asyncio
import statistics
import time
from contextlib import ExitStack
from datetime import timedelta

from app.database import Database
from app.engines import create_database
from app.sla import service as sla
from app.subscribers import compose
from scripts.bench import (
    Measured,
    Server,
    Stage,
    measure,
    migrate,
    own_database,
    prepare,
    requests_of,
    serving,
    settings_for,
)
from scripts.bench_fill import multiply
from scripts.bench_sweep import INPUTS

CUSTOMERS, TICKETS, CONNECTIONS = 20_000, 5_000, 8
DEADLINES_EACH = 2  # accept and resolve


async def pattern(database: Database) -> int:
    """Open the subject that is multiplied and return its key; its promises lie in the days to come."""
    async with database.transaction() as tx:
        subject = await sla.open_subject(
            tx, subject_type="pattern", subject_id=1, public_id="pattern", label="T1", customer_id=1,
            owner_id=None, department_id=None, inputs=INPUTS, at=await tx.now() + timedelta(days=1),
        )  # fmt: skip
    return subject.key


async def fill(url: str, deadlines: int) -> Stage:
    """Make a company with so many open deadlines."""
    began = time.perf_counter()
    stage = await prepare(url, CUSTOMERS, TICKETS)
    database = compose(create_database(settings_for(url)))
    await database.open()
    key = await pattern(database)
    await database.close()
    multiply(url, key, deadlines // DEADLINES_EACH, "g * interval '0.5 seconds'")
    print(f"{deadlines:,} open deadlines in {time.perf_counter() - began:.0f} s", flush=True)
    return stage


async def compare(sides: dict[int, tuple[Stage, Server]], arguments: argparse.Namespace) -> None:
    """Load the two in turns and print what a ticket costs on each."""
    found: dict[int, list[Measured]] = {count: [] for count in sides}
    for number in range(arguments.rounds):
        order = list(sides.items())
        for count, (stage, server) in order if number % 2 else reversed(order):
            make = requests_of(stage, bare=False)["open a ticket"]
            found[count].append(await measure(server, make, arguments.seconds, CONNECTIONS))
    costs = {}
    for count, done in found.items():
        costs[count] = statistics.median(1000 / one.load.rate for one in done)
        own = statistics.median(one.cpu_per_request * 1000 for one in done)
        p50 = statistics.median(one.load.percentile(0.5) for one in done)
        refused = sum(n for one in done for s, n in one.load.statuses.items() if s != 201)
        print(
            f"  {count:>9,} open deadlines: {costs[count]:.3f} ms a ticket ({1000 / costs[count]:.0f}/s), "
            f"p50 {p50:.2f} ms, server CPU {own:.2f} ms, {refused} refused"
        )
    print(f"  ratio {costs[arguments.many] / costs[arguments.few]:.2f}")


def main() -> None:
    """Fill two databases and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        sides: dict[int, tuple[Stage, Server]] = {}
        for port, count in ((18703, arguments.few), (18704, arguments.many)):
            url = stack.enter_context(own_database("postgres"))
            migrate(url)
            stage = asyncio.run(fill(url, count))
            served = serving("app.main:serve_application", port, url, factory=True)
            sides[count] = stage, stack.enter_context(served)
        asyncio.run(compare(sides, arguments))


if __name__ == "__main__":
    main()
