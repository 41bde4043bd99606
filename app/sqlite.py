"""SQLite straight in the event loop: one writer a process, nothing may suspend between `BEGIN IMMEDIATE` and `COMMIT`."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from app.database import SYSTEM, Actor, Database, Transaction
from app.errors import Unavailable
from app.faults import pass_by
from app.settings import Settings
from app.statements import Row, Statement, sqlite_dialect
from app.time import format_instant, from_micros, real_now, to_micros


class SuspendedInTransaction(RuntimeError):
    """Code awaited something foreign between `BEGIN IMMEDIATE` and `COMMIT`; the process would stall."""


class SqliteTransaction(Transaction):
    """The process's one write transaction."""

    def __init__(self, database: "SqliteDatabase", actor: Actor) -> None:
        super().__init__(database, actor)
        self.connection = database.writer
        self.keys: dict[str, int] = {}
        self.numbers: dict[str, int] = {}

    async def run(self, statement: Statement, values: Row) -> list[Row]:
        """Run it in place."""
        plan = statement.plan(self.database.dialect)
        rows = self.connection.execute(plan.sql, plan.values(values)).fetchall()
        return [plan.convert(row) for row in rows]

    async def run_many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run it for each row."""
        plan = statement.plan(self.database.dialect)
        self.connection.executemany(plan.sql, [plan.values(row) for row in rows])

    async def run_text(self, sql: str, arguments: Sequence[Any]) -> None:
        """Run driver text."""
        self.connection.execute(sql, arguments)

    async def next_key(self, table: Any) -> int:
        """Count on from the table's greatest key: nobody else can write before this transaction ends."""
        name = table.__table__.name
        if name not in self.keys:
            last = self.connection.execute(f'SELECT max(id) FROM "{name}"').fetchone()[0]
            self.keys[name] = last or 0
        self.keys[name] += 1
        return self.keys[name]

    async def next_number(self, table: Any) -> int:
        """Count on from the newest row's number."""
        name = table.__table__.name
        if name not in self.numbers:
            row = self.connection.execute(
                f'SELECT number FROM "{name}" ORDER BY id DESC LIMIT 1'
            ).fetchone()
            self.numbers[name] = int(row[0].lstrip("CT")) if row else 0
        self.numbers[name] += 1
        return self.numbers[name]

    async def lock_name(self, key: int, *, wait: bool = False) -> bool:
        """Nothing to take: there is one writer."""
        del key, wait
        return True

    async def beside(self, statement: Statement, values: Row) -> list[Row]:
        """Run it in place: nobody else can write before this transaction ends."""
        return await self.run(statement, values)

    async def afterwards(self, statement: Statement, values: Row) -> None:
        """Run it in place."""
        await self.run(statement, values)

    def on_failure(self, statement: Statement, values: Row) -> None:
        """Do nothing: what ran in place is rolled back."""


@dataclass(slots=True)
class _Suspension:
    """Notices that the event loop turned while a transaction was open."""

    turned: bool = field(default=False)

    def turn(self) -> None:
        self.turned = True


class SqliteDatabase(Database):
    """SQLite in WAL mode: one connection for questions, one for changes."""

    kind = "sqlite"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, sqlite_dialect(settings.clock))
        self.path = sqlite_path(settings.resolved_database_url)
        self.writer: sqlite3.Connection = cast(Any, None)
        self.reader: sqlite3.Connection = cast(Any, None)

    async def open(self) -> None:
        """Open both connections."""
        if self.path != ":memory:":
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self.writer = connect_sqlite(self.path, self.settings.sqlite_busy_timeout_ms)
        self.reader = connect_sqlite(self.path, self.settings.sqlite_busy_timeout_ms)

    async def close(self) -> None:
        """Close both connections."""
        for connection in (self.reader, self.writer):
            if connection is not None:
                connection.close()

    async def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Ask in autocommit."""
        if statement.writes:
            raise TypeError("changes go through app.writing")
        plan = statement.plan(self.dialect)
        try:
            rows = self.reader.execute(plan.sql, plan.values(values)).fetchall()
        except sqlite3.OperationalError as error:
            raise _sqlite_refusal(error) from error
        return [plan.convert(row) for row in rows]

    @asynccontextmanager
    async def transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Transaction]:
        """Begin, give the transaction to the block, flush and commit, or roll everything back."""
        tx = SqliteTransaction(self, actor)
        suspension = _Suspension()
        try:
            self.writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise _sqlite_refusal(error) from error
        asyncio.get_running_loop().call_soon(suspension.turn)
        try:
            yield tx
            await tx.flush()
            if suspension.turned:
                raise SuspendedInTransaction
            pass_by("commit.before")
            self.writer.execute("COMMIT")
            pass_by("commit.after")
        except BaseException:
            if self.writer.in_transaction:
                self.writer.execute("ROLLBACK")
            raise
        self.committed(tx)


def _sqlite_refusal(error: sqlite3.OperationalError) -> Exception:
    if "locked" in str(error) or "busy" in str(error):
        return Unavailable(headers={"Retry-After": "1"})
    return error


def connect_sqlite(path: str, busy_timeout_ms: int) -> sqlite3.Connection:
    """Return a connection with the pragmas every process uses, in autocommit, with the `real_now` function."""
    connection = sqlite3.connect(
        path,
        timeout=busy_timeout_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=1024,
    )
    for pragma in (
        "foreign_keys=ON",
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={busy_timeout_ms}",
        "temp_store=MEMORY",
        "cache_size=-65536",
        "mmap_size=268435456",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function(
        "real_now", 1, lambda shift: format_instant(from_micros(to_micros(real_now()) + shift))
    )
    return connection


def sqlite_path(url: str) -> str:
    """Return the file of a `sqlite:///path` URL (`sqlite:////abs` is absolute)."""
    parts = urlsplit(url)
    return unquote(parts.path[1:]) or ":memory:"
