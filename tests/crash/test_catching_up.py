"""Workers that die with a batch claimed and uncommitted: every due deadline escalates once, and soon.

`HUIYING_KILLS` workers die (20 in CI, 200 over 50,000 due deadlines in `scripts/prove`), each by SIGKILL
between the claim of 50 subjects and its commit. On PostgreSQL the server crashes in the middle as well.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import writing
from app.auth.models import Department
from app.database import Database
from app.engines import create_database
from app.errors import Unavailable
from app.sla import rebuild
from app.statements import Row
from app.subscribers import compose
from tests.conftest import ENGINE, SECRET, make_settings
from tests.crash.cluster import Cluster
from tests.crash.fleet import Fleet
from tests.crash.test_crash import KILLS, SEED, count
from tests.factories import freeze, make_department, make_rules, make_subject, make_user

DUE_DEADLINES = KILLS * (100 if KILLS < 200 else 250)
BATCH = 50
# A claim lives as long as its transaction; what else a dead worker had taken is free after this lease.
LEASE_SECONDS = 60
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in Shanghai
LOOKED_AT = MONDAY + timedelta(minutes=45)  # each acceptance is warned of and missed
LEVELS_DUE = 2


async def prepare(database: Database) -> None:
    """A department whose people have accepted nothing for three quarters of an hour."""
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        department = await make_department(tx)
        head = await make_user(tx, role="manager", name="李雷", department=department)
        await writing.update(tx, Department, department, head_id=head["id"])
        owners = [
            await make_user(tx, name=f"owner {n}", department=department, manager=head)
            for n in range(5)
        ]
    for first in range(0, DUE_DEADLINES, 500):
        await _open(database, department, owners, first, min(first + 500, DUE_DEADLINES))
    await freeze(database, LOOKED_AT)


async def _open(
    database: Database, department: Row, owners: Sequence[Row], first: int, end: int
) -> None:
    async with database.transaction() as tx:
        for number in range(first + 1, end + 1):
            owner = owners[number % len(owners)]
            await make_subject(tx, number=number, owner=owner, department=department)


def make_fleet(url: str) -> Fleet:
    """Three workers on PostgreSQL, two on SQLite; each claims fifty subjects at a time."""
    fleet = Fleet.make(url, SECRET, SEED, api_count=0, worker_count=2 if ENGINE == "sqlite" else 3)
    for worker in fleet.workers:
        worker.environment["HUIYING_SWEEP_BATCH_MAX"] = str(BATCH)
    return fleet


@pytest.mark.scaled
@pytest.mark.sop("TK-9")
async def test_workers_that_die_over_claimed_batches_double_and_lose_nothing(
    crash_url: str,
    cluster: Cluster | None,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    database = compose(create_database(make_settings(crash_url, tmp_path)))
    await database.open()
    await prepare(database)
    fleet, chance, restarted = make_fleet(crash_url), random.Random(SEED), False
    try:
        async with asyncio.timeout(60 + KILLS * 60):
            while fleet.kill_count < KILLS:
                for worker in fleet.workers:
                    worker.ensure(f"sweep.claimed:{chance.randint(1, 3 if KILLS < 200 else 8)}")
                if cluster is not None and not restarted and fleet.kill_count >= KILLS // 2:
                    cluster.stop("immediate")
                    cluster.start()
                    restarted = True
                await asyncio.sleep(0.05)
        assert await left_over(database) > 0, "there was nothing left to die over"
        for worker in fleet.workers:
            worker.kill()
            worker.ensure("")
        began = time.monotonic()
        while await left_over(database):
            assert time.monotonic() - began < 2 * LEASE_SECONDS, "not caught up within two leases"
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - began
    finally:
        fleet.end()
    await check(database)
    figures = {
        "kills": fleet.kill_count,
        "due deadlines": DUE_DEADLINES,
        "server crashes": int(restarted),
        "seconds to catch up": round(seconds, 1),
    }
    record_property("catching up", figures)
    sys.stderr.write(f"{figures}\n")
    await database.close()


async def left_over(database: Database) -> int:
    """How many subjects wait for a sweep; a server that is just coming back is asked again."""
    for _ in range(100):
        try:
            now = await database.now()
            at = f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"
            return await count(database, f"sla_subjects WHERE next_fire_at <= '{at}'")
        except Unavailable:
            await asyncio.sleep(0.2)
    raise AssertionError("the database does not come back")


async def check(database: Database) -> None:
    """Every level that was due has its one escalation, and each of those its witnesses."""
    wanted = DUE_DEADLINES * LEVELS_DUE
    assert await count(database, "deadline_levels WHERE fired_at < '9999-01-01'") == wanted
    assert await count(database, "escalations") == wanted
    each = "(SELECT DISTINCT deadline_id, level FROM escalations) AS distinct_levels"
    assert await count(database, each) == wanted
    for witness in (
        "audit_entries WHERE action = 'deadline.escalate'",
        "outbox_messages WHERE event = 'deadline.escalated'",
    ):
        assert await count(database, witness) == wanted, witness
    assert await count(database, "deadlines WHERE state = 'missed'") == DUE_DEADLINES
    told = "(SELECT DISTINCT escalation_id, user_id FROM notifications) AS lines"
    assert await count(database, told) == await count(database, "notifications")
    assert await rebuild.check_deadlines(database) == []
