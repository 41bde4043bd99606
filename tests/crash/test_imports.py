"""A real worker killed in the middle of an import: its batch is lost whole, another goes on, no row is written twice."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from sqlalchemy import select

from app import writing
from app.customers.models import Customer
from app.database import Actor, Database
from app.imports import service
from app.imports.reading.reader import read_file
from app.imports.reading.table import Asked
from app.imports.schemas import ImportStart
from app.jobs import run_operations
from app.operations.models import OperationRow
from app.statements import Statement
from app.time import real_now
from tests.conftest import SECRET
from tests.factories import make_principal, make_user

COUNT = 900
NAMES = Statement(select(Customer.name).order_by(Customer.id))
OPERATION = Statement(select(*OperationRow.__table__.columns))


async def begin(database: Database) -> None:
    """Upload a file of many customers, every tenth of them wrong, and ask for its import."""
    lines = (f"公司{n},{'x' if n % 10 == 0 else f'c{n}@example.com'}" for n in range(COUNT))
    async with database.transaction() as tx:
        user = await make_user(tx, role="admin")
    caller, actor = make_principal(user), Actor(user_id=user["id"], name=user["name"])
    with tempfile.TemporaryFile() as file:
        file.write("\n".join(["客户名称,邮箱", *lines]).encode())
        read = await read_file(file, Asked())
        async with database.transaction(actor) as tx:
            row = await service.store(tx, caller, file, "a.csv", read)
            asked = {"mode": "real", "columns": row["suggested"], "duplicates": "allow"}
            await service.start(tx, caller, row["public_id"], ImportStart.model_validate(asked))


def killed_worker(url: str, folder: Path) -> int:
    """Run a worker that kills itself in its second batch, and return how it ended."""
    environment = {
        **os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_DATA_DIR": str(folder), "HUIYING_CLOCK": "virtual",
        "HUIYING_SECRET_KEY": SECRET, "HUIYING_FAULTS": "operation.after:2",
    }  # fmt: skip
    command = [sys.executable, "-m", "app.cli", "worker"]
    return subprocess.run(
        command, env=environment, timeout=120, check=False, capture_output=True
    ).returncode


async def test_a_killed_worker_loses_its_batch_and_nothing_else(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await begin(database)
    assert killed_worker(database_url, tmp_path) == -signal.SIGKILL
    row = await database.one(OPERATION)
    assert row is not None
    assert row["state"] == "running"
    written = await database.all(NAMES)
    assert 0 < row["done_count"] < COUNT
    assert len(written) == row["result"]["created"] < COUNT
    async with database.transaction() as tx:
        await writing.update_many(tx, OperationRow, [{"id": row["id"], "lease_until": real_now()}])
    while await run_operations(database):
        pass
    row = await database.one(OPERATION)
    assert row is not None
    result = row["result"]
    assert (row["state"], result["created"], result["refused"]) == (
        "done",
        COUNT * 9 // 10,
        COUNT // 10,
    )
    names = sorted(one["name"] for one in await database.all(NAMES))
    assert names == sorted(f"公司{n}" for n in range(COUNT) if n % 10)
