"""How fast files become customers and customers a file: imports a CSV, exports it again, and says rates and memory.

Usage: python -m scripts.bench_import [ROWS [URL]]; PostgreSQL's URL names a server whose user may create databases,
`sqlite` takes a file of its own. Rows have a name, a contact, a number, an address and six more fields. Rates are end to
end: reading the file, matching, writing with audit and events. Memory is what this process and its readers take beyond
their rest.
"""

import asyncio
import cProfile
import os
import pstats
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config

from app import writing
from app.auth.models import User
from app.auth.permissions import Role, permissions_of, row_scope
from app.auth.principal import Principal
from app.database import Actor, Database
from app.engines import create_database
from app.exports import service as exports
from app.exports.schemas import ExportCreate
from app.imports import service as imports
from app.imports.reading.reader import read_file
from app.imports.reading.table import Asked
from app.imports.schemas import ImportStart
from app.operations import runner
from app.settings import Settings
from app.subscribers import OPERATIONS, compose

ROOT = Path(__file__).parent.parent
HEADERS = "客户名称,联系人,职务,手机,邮箱,行业,地区,员工人数,年营业额(万元),标签"
CITIES = ("上海", "北京", "广州", "深圳", "杭州", "成都", "武汉", "西安")
TRADES = ("精密仪器", "自动化", "医疗器械", "新材料", "信息技术", "环保科技", "食品", "纺织")


def line(number: int) -> str:
    """Return a row of the file; no two name the same firm."""
    city, trade = CITIES[number % 8], TRADES[number // 8 % 8]
    sign = "".join(
        chr(0x4E00 + 97 * (number // 64 ** (place + 1) * 31 + place * 411) % 6000)
        for place in range(3)
    )
    return (
        f"{city}{sign}{number}{trade}有限公司,联系人{number},经理,{13000000000 + number},c{number}@example.com,"
        f"{trade},{city},{number % 900 + 10},{number % 5000},重点"
    )  # fmt: skip


def resident(who: int = resource.RUSAGE_SELF) -> float:
    """Return the greatest resident memory so far, in MiB."""
    return resource.getrusage(who).ru_maxrss / 1024


def resident_now() -> float:
    """Return the resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


async def admin(database: Database) -> Principal:
    """Make an admin and return him as a caller."""
    async with database.transaction() as tx:
        now = await tx.now()
        row = await writing.insert(
            tx, User, email="bench@example.com", name="bench", name_key="bench", role="admin", created_at=now,
            updated_at=now,
        )  # fmt: skip
    grants = {one: row_scope(Role.ADMIN, one) for one in permissions_of(Role.ADMIN)}
    known = {one: scope for one, scope in grants.items() if scope is not None}
    return Principal(row["id"], row["public_id"], "bench", Role.ADMIN, known)


async def run_import(database: Database, caller: Principal, file: Any, rows: int) -> None:
    """Read, store and import a file."""
    began, idle = time.monotonic(), resident_now()
    read = await read_file(file, Asked())
    told = time.monotonic()
    async with database.transaction(Actor(caller.user_id, caller.name)) as tx:
        row = await imports.store(tx, caller, file, "bench.csv", read)
    async with database.transaction(Actor(caller.user_id, caller.name)) as tx:
        asked = {"mode": "real", "columns": row["suggested"], "duplicates": "allow"}
        await imports.start(tx, caller, row["public_id"], ImportStart.model_validate(asked))
    stored, processor, batches = time.monotonic(), time.process_time(), 0
    while done := await runner.run(database, OPERATIONS, seconds=30):
        batches += done
    seconds, spent = time.monotonic() - began, time.process_time() - processor
    applied = time.monotonic() - stored
    print(
        f"import: {rows} rows in {seconds:.1f} s, {rows / seconds:.0f} rows/s end to end (read {told - began:.1f} s,"
        f" stored {stored - told:.1f} s, applied {applied:.1f} s in {batches} batches of"
        f" {1000 * applied / max(batches, 1):.0f} ms, our CPU {spent:.1f} s); memory {resident() - idle:.0f} MiB over"
        f" idle, reader {resident(resource.RUSAGE_CHILDREN):.0f} MiB"
    )


async def run_export(database: Database, caller: Principal, rows: int) -> None:
    """Export everything as CSV."""
    idle, began, processor, size, most = (
        resident_now(),
        time.monotonic(),
        time.process_time(),
        0,
        0.0,
    )
    async with database.transaction(Actor(caller.user_id, caller.name)) as tx:
        export = await exports.begin(tx, caller, ExportCreate(), "zh-CN")
    async for chunk in exports.stream_csv(database, export):
        size += len(chunk)
        most = max(most, resident_now())
    seconds, spent = time.monotonic() - began, time.process_time() - processor
    print(
        f"export: {rows} rows, {size / 1e6:.0f} MB in {seconds:.1f} s, {rows / seconds:.0f} rows/s (our CPU"
        f" {spent:.1f} s); memory {most - idle:.0f} MiB over idle"
    )


async def measure(settings: Settings, rows: int) -> None:
    """Import, export, and print the rates."""
    database = compose(create_database(settings))
    await database.open()
    caller = await admin(database)
    with tempfile.TemporaryFile() as file:
        file.write(f"{HEADERS}\n".encode())
        file.writelines(f"{line(number)}\n".encode() for number in range(rows))
        profile = cProfile.Profile() if os.environ.get("PROFILE") else None
        if profile is not None:
            profile.enable()
        await run_import(database, caller, file, rows)
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    await run_export(database, caller, rows)
    await database.close()


def migrated(url: str, folder: Path) -> Settings:
    """Return settings of a migrated database."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")
    return Settings(database_url=url, data_dir=folder)


def main() -> None:
    """Make a database, measure, and remove it."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    server = sys.argv[2] if len(sys.argv) > 2 else "postgresql://postgres@127.0.0.1:5432/postgres"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if server == "sqlite":
            asyncio.run(measure(migrated(f"sqlite:///{folder / 'bench.sqlite3'}", folder), rows))
            return
        made = f"huiying_bench_import_{time.time_ns()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made}"'.encode())
        try:
            url = f"{server.rpartition('/')[0]}/{made}"
            asyncio.run(measure(migrated(url, folder), rows))
        finally:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{made}" WITH (FORCE)'.encode())


if __name__ == "__main__":
    main()
