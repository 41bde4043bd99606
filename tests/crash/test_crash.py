"""Real processes, killed where it hurts: nothing acknowledged is lost, no level is missing or doubled.

`HUIYING_KILLS` (20 in CI, 200 in `scripts/prove`) processes die by SIGKILL, at fault points and at random.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import column, text

from app import writing
from app.auth.models import Department
from app.calendars import service as calendars
from app.database import Database
from app.engines import create_database
from app.rehearsal.models import VirtualClock
from app.sla import rebuild
from app.sla import service as sla
from app.statements import Statement
from app.subscribers import compose
from app.tickets import defaults
from app.time import format_instant, real_now
from tests.conftest import ENGINE, SECRET, make_settings
from tests.crash.fleet import Acknowledged, Fleet, work
from tests.factories import bearer, make_customer, make_department, make_session, make_user

KILLS = int(os.environ.get("HUIYING_KILLS", "20"))
SEED = int(os.environ.get("HUIYING_CRASH_SEED", "1"))


async def prepare(database: Database) -> tuple[str, str]:
    """A company with one department; returns the admin's token and a customer's id."""
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        # A Monday morning, so that promises run in working time while the clock is pushed on.
        monday = real_now().replace(hour=1, minute=0) + timedelta(days=7 - real_now().weekday())
        shift = (monday - real_now()) // timedelta(microseconds=1)
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=shift, frozen_at=None)
        department = await make_department(tx, name="技术支持部")
        admin = await make_user(tx, role="admin", department_id=department["id"])
        for number in range(4):
            await make_user(
                tx,
                role="support",
                department_id=department["id"],
                manager_id=admin["id"],
                email=f"s{number}@example.cn",
            )
        await writing.update(tx, Department, department, head_id=admin["id"])
        await defaults.ensure_ticket_types(tx, {"technical": department["id"]})
        session = await make_session(tx, admin)
        customer = await make_customer(tx, owner_id=admin["id"])
    return bearer(SECRET.encode(), admin, session)["Authorization"].split()[1], str(
        customer["public_id"]
    )


async def push_clock(database: Database, by: timedelta) -> None:
    """Let virtual time jump forward."""
    async with database.transaction() as tx:
        row = await tx.one(
            _statement("SELECT offset_micros FROM virtual_clock WHERE id = 1", "offset_micros")
        )
        assert row is not None
        shift = row["offset_micros"] + by // timedelta(microseconds=1)
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=shift, frozen_at=None)


def _statement(sql: str, *names: str) -> Statement:
    return Statement(text(sql).columns(*(column(name) for name in names)))


async def count(database: Database, sql: str) -> int:
    return int(await database.value(_statement(f"SELECT count(*) AS n FROM {sql}", "n")))


@pytest.mark.scaled
async def test_nothing_acknowledged_is_lost_and_every_level_fires_once(
    crash_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    database = compose(create_database(make_settings(crash_url, tmp_path)))
    await database.open()
    token, customer_id = await prepare(database)
    many = ENGINE != "sqlite"
    fleet = Fleet.make(
        crash_url, SECRET, SEED, api_count=2 if many else 1, worker_count=3 if many else 1
    )
    said, stop = Acknowledged(), asyncio.Event()
    try:
        fleet.ensure(armed=False)
        await fleet.wait_ready()
        lanes = [
            asyncio.create_task(work(fleet, (token, customer_id), lane, said, stop))
            for lane in range(4 if many else 2)
        ]
        async with asyncio.timeout(60 + KILLS * 8):
            while fleet.death_count < KILLS:
                await asyncio.sleep(1.2)
                fleet.kill_one()
                fleet.ensure(armed=True)
                await push_clock(database, timedelta(minutes=11))
        fleet.ensure(armed=False)
        for (
            one
        ) in fleet.processes:  # those still armed may die once more; make every survivor harmless
            one.kill()
        fleet.ensure(armed=False)
        await fleet.wait_ready()
        stop.set()
        await asyncio.gather(*lanes)
        await push_clock(database, timedelta(minutes=30))
        await until_quiet(database)
    finally:
        stop.set()
        fleet.end()
    await check(database, said)
    figures = {
        "kills": fleet.death_count,
        "tickets": len(said.tickets),
        "escalations": await count(database, "escalations"),
    }
    record_property("crash", figures)
    sys.stderr.write(f"{figures}\n")
    await database.close()


async def until_quiet(database: Database) -> None:
    """Wait until nothing is due, neither levels nor messages: the workers have caught up."""
    left: dict[str, int] = {}
    for _ in range(400):
        now = await database.now()
        at = f"'{now:%Y-%m-%d %H:%M:%S}+00'" if ENGINE != "sqlite" else f"'{format_instant(now)}'"
        left = {
            "due": await count(database, f"sla_subjects WHERE next_fire_at <= {at}"),
            "waiting": await count(
                database, f"outbox_messages WHERE state = 'pending' AND attempt_at <= {at}"
            ),
        }
        if not any(left.values()):
            return
        await asyncio.sleep(0.3)
    pytest.fail(f"the workers have not caught up: {left}")


async def check(database: Database, said: Acknowledged) -> None:
    """Compare what was acknowledged with what is there."""
    tickets = await database.all(
        _statement("SELECT public_id, accepted_at FROM tickets", "public_id", "accepted_at")
    )
    there: dict[str, Any] = {str(row["public_id"]): row for row in tickets}
    assert set(said.tickets.values()) <= set(there), "an acknowledged ticket is lost"
    assert len(set(said.tickets.values())) == len(said.tickets), "two keys made one ticket"
    assert all(str(there[one]["accepted_at"])[:4] != "9999" for one in said.accepted), (
        "an acknowledged move is lost"
    )
    assert await count(database, "tickets") == await count(
        database, "audit_entries WHERE action = 'ticket.create'"
    ), "a ticket without its audit entry"
    fired = await count(database, "deadline_levels WHERE fired_at < '9999-01-01'")
    assert fired > 0
    assert fired == await count(database, "escalations"), "levels and escalations differ"
    for kind in (
        "audit_entries WHERE action = 'deadline.escalate'",
        "outbox_messages WHERE event = 'deadline.escalated'",
    ):
        assert fired == await count(database, kind), f"escalations and {kind} differ"
    assert await count(database, "outbox_messages WHERE state = 'dead'") == 0
    assert await rebuild.check_deadlines(database) == []
