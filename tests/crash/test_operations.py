"""A real worker killed in the middle of a retarget: its batch is lost whole, another worker goes on, nothing is done twice."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from app import writing
from app.database import Actor, Database
from app.jobs import run_operations
from app.operations.models import OperationRow
from app.sla import policies, retargeting
from app.sla.models import FactRow
from app.sla.plans import Mode
from app.sla.rebuild import check_deadlines
from app.sla.shipped import pack_document
from app.statements import Statement
from app.time import real_now
from tests.conftest import SECRET
from tests.factories import make_rules, make_subject
from tests.sla.world import MONDAY

COUNT = 180
FACTS = Statement(select(FactRow.subject_key).where(FactRow.kind == "policy_assigned"))
LAST = Statement(select(*OperationRow.__table__.columns).order_by(OperationRow.id.desc()).limit(1))


async def begin(database: Database) -> None:
    """Open many tickets and publish a policy over them, as its retarget waits to be run."""
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        for number in range(1, COUNT + 1):
            await make_subject(tx, number=number)
    shipped = pack_document("toolkit")
    clocks = {**shipped["clocks"], "resolve": {"target": {"hours": 8}}}
    async with database.transaction() as tx:
        known = await policies.lock_policies(tx)
        document = {**shipped, "clocks": clocks}
        await policies.put_draft(tx, known, known.named("toolkit"), document)
    async with database.transaction() as tx:
        known = await policies.lock_policies(tx)
        await policies.publish(tx, known, known.named("toolkit"), Mode.NEW, None)
    async with database.transaction(Actor(name="test")) as tx:
        known = await policies.lock_policies(tx)
        plan = policies._retarget_plan(known.book, Mode.OPEN_FROM_NOW, "toolkit", None)
        await retargeting.start(tx, retargeting.RETARGET, plan)


def killed_worker(url: str, folder: Path) -> int:
    """Run a worker that kills itself in its second batch, and return how it ended."""
    environment = {
        **os.environ,
        "HUIYING_DATABASE_URL": url,
        "HUIYING_DATA_DIR": str(folder),
        "HUIYING_CLOCK": "virtual",
        "HUIYING_SECRET_KEY": SECRET,
        "HUIYING_FAULTS": "operation.after:2",
    }
    command = [sys.executable, "-m", "app.cli", "worker"]
    return subprocess.run(
        command, env=environment, timeout=60, check=False, capture_output=True
    ).returncode


async def test_a_killed_worker_loses_its_batch_and_nothing_else(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await begin(database)
    assert killed_worker(database_url, tmp_path) == -signal.SIGKILL
    row = await database.one(LAST)
    assert row is not None
    assert row["state"] == "running"
    written = Counter(one["subject_key"] for one in await database.all(FACTS))
    assert 0 < len(written) == row["done_count"] < COUNT
    assert await run_operations(database) == 0  # its lease has not run out
    async with database.transaction() as tx:
        await writing.update_many(tx, OperationRow, [{"id": row["id"], "lease_until": real_now()}])
    while await run_operations(database):
        pass
    row = await database.one(LAST)
    assert row is not None
    assert (row["state"], row["done_count"], row["result"]["moved"]) == ("done", COUNT, COUNT)
    written = Counter(one["subject_key"] for one in await database.all(FACTS))
    assert (len(written), set(written.values())) == (COUNT, {1})
    assert await check_deadlines(database) == []
