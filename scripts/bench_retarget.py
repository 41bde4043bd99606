"""How fast a policy goes over open tickets: opens many in a scratch database, previews and publishes, and says the rates.

Usage: python -m scripts.bench_retarget [COUNT [URL]]; PostgreSQL's URL names a server whose user may create databases,
`sqlite` takes a file of its own. Tickets carry a few facts each, as an open ticket does.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from app import writing
from app.calendars import service as calendars
from app.columns import new_public_id
from app.database import Database, Transaction
from app.engines import create_database
from app.observability import spare_collector
from app.operations import runner
from app.operations.models import OperationRow
from app.rehearsal.models import VirtualClock
from app.settings import ClockMode, Settings
from app.sla import policies, retargeting, service
from app.sla.engine.facts import FactKind
from app.sla.plans import Mode
from app.sla.service import NewFact
from app.sla.shipped import pack_document
from app.statements import Statement
from app.subscribers import OPERATIONS, compose

ROOT = Path(__file__).parent.parent
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LAST = Statement(select(*OperationRow.__table__.columns).order_by(OperationRow.id.desc()).limit(1))
SAID = {"by": "staff", "public": True, "automatic": False, "vague": False}
ASKED = {"by": "customer", "public": True, "automatic": False, "courtesy": False}
CHUNK = 500


async def stand_at(database: Database, at: datetime) -> None:
    """Freeze the clock."""
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def open_tickets(database: Database, count: int) -> None:
    """Open tickets of all tiers with five facts each."""
    for first in range(1, count + 1, CHUNK):
        async with database.transaction() as tx:
            for number in range(first, min(first + CHUNK, count + 1)):
                await open_ticket(tx, number)


async def open_ticket(tx: Transaction, number: int) -> None:
    """Open one: accepted, told twice, asked once, and reclassified."""
    at = MONDAY + timedelta(seconds=number % 3600)
    inputs = {
        "type": "technical", "complexity": "complex", "tier": "ABCCC"[number % 5], "channel": "phone",
        "priority": "normal", "department": "技术支持部", "tags": [],
    }  # fmt: skip
    minutes = [timedelta(minutes=10 * n) for n in range(1, 5)]
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
        at=at,
        accepted=True,
        facts=[
            NewFact(FactKind.MESSAGE, SAID, at + minutes[0]),
            NewFact(FactKind.MESSAGE, ASKED, at + minutes[1]),
            NewFact(FactKind.MESSAGE, SAID, at + minutes[2]),
            NewFact(FactKind.RECLASSIFIED, {"complexity": "normal"}, at + minutes[3]),
        ],
    )


async def timed(database: Database, name: str, count: int) -> Any:
    """Run what waits to its end and say how fast it went; returns the operation's row."""
    began, processor, batches = time.monotonic(), time.process_time(), 0
    while done := await runner.run(database, OPERATIONS, seconds=30):
        batches += done
    seconds, spent = time.monotonic() - began, time.process_time() - processor
    row = (await database.all(LAST))[0]
    print(
        f"{name}: {row['state']} {row['done_count']} of {row['total_count']} in {seconds:.1f} s,"
        f" {count / seconds:.0f} subjects/s ({count / spent:.0f} a second of our CPU), {batches} batches,"
        f" {1000 * seconds / max(batches, 1):.0f} ms each"
    )
    print(
        {
            name: v
            for name, v in (row["result"] or {}).items()
            if name not in ("by_clock", "preview")
        }
    )
    return row


async def measure(settings: Settings, count: int) -> None:
    """Open, preview, publish, and print the rates."""
    database = compose(create_database(settings))
    await database.open()
    spare_collector()  # as the worker does
    await stand_at(database, MONDAY)
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await service.ensure_packs(tx)
    began = time.monotonic()
    await open_tickets(database, count)
    print(f"opened {count} in {time.monotonic() - began:.0f} s")
    await stand_at(database, MONDAY + timedelta(hours=2))
    document = {**pack_document("toolkit")}
    document["clocks"] = {**document["clocks"], "resolve": {"target": {"hours": 6}}}
    async with database.transaction() as tx:
        known = await policies.lock_policies(tx)
        await policies.put_draft(tx, known, known.named("toolkit"), document)
    async with database.transaction() as tx:
        known = await policies.lock_policies(tx)
        await policies.preview(tx, known, known.named("toolkit"), Mode.OPEN_FROM_NOW)
    preview = await timed(database, "preview", count)
    async with database.transaction() as tx:
        known = await policies.lock_policies(tx)
        row, mode = known.named("toolkit"), Mode.OPEN_FROM_NOW
        await policies.publish(tx, known, row, mode, preview["public_id"])
    await timed(database, "retarget", count)
    assert retargeting.RETARGET in OPERATIONS
    await database.close()


def migrated(url: str, folder: Path) -> Settings:
    """Return settings of a migrated database."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")
    return Settings(database_url=url, data_dir=folder, clock=ClockMode.virtual)


def main() -> None:
    """Make a database, measure, and remove it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    server = sys.argv[2] if len(sys.argv) > 2 else "postgresql://postgres@127.0.0.1:5432/postgres"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if server == "sqlite":
            asyncio.run(measure(migrated(f"sqlite:///{folder / 'bench.sqlite3'}", folder), count))
            return
        made = f"huiying_bench_retarget_{time.time_ns()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made}"'.encode())
            try:
                url = f"{server.rpartition('/')[0]}/{made}"
                asyncio.run(measure(migrated(url, folder), count))
            finally:
                connection.execute(f'DROP DATABASE "{made}" WITH (FORCE)'.encode())


if __name__ == "__main__":
    main()
