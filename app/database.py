"""The two engines behind one way of talking to them; nothing above knows which one runs.

PostgreSQL: an asyncpg pool, reads in autocommit, one transaction a write. SQLite: sqlite3 straight in the event
loop, one writer a process, nothing may suspend between `BEGIN IMMEDIATE` and `COMMIT`. Statements come from
`statements`, changes go through `writing`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast
from urllib.parse import unquote, urlsplit

import asyncpg
import orjson
from sqlalchemy import Dialect, select, text

from app.errors import Conflict, Unavailable
from app.faults import pass_by
from app.settings import ClockMode, Settings
from app.statements import DomainNow, Row, Statement, postgresql_dialect, sqlite_dialect
from app.time import format_instant, from_micros, real_now, to_micros

KEY_BLOCK = 1000
NOW = Statement(select(DomainNow().label("now")))
NEXT_KEYS = Statement(select(text("nextval('huiying_keys') AS first")))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, for the audit: a user (`user_id`), an API key, or a part of the system by name."""

    user_id: int | None = None
    name: str = "system"
    api_key_id: int | None = None
    request_id: str | None = None
    address: str | None = None


SYSTEM = Actor()


class Reader(Protocol):
    """What can be asked questions: the database in autocommit, or a transaction."""

    async def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Return every row."""
        ...

    async def one(self, statement: Statement, **values: Any) -> Row | None:
        """Return the first row, or None."""
        ...

    async def value(self, statement: Statement, **values: Any) -> Any:
        """Return the first column of the first row, or None."""
        ...


class _Asking:
    """`one` and `value` on top of `all`."""

    async def all(self, statement: Statement, **values: Any) -> list[Row]:
        raise NotImplementedError

    async def one(self, statement: Statement, **values: Any) -> Row | None:
        rows = await self.all(statement, **values)
        return rows[0] if rows else None

    async def value(self, statement: Statement, **values: Any) -> Any:
        row = await self.one(statement, **values)
        return None if row is None else next(iter(row.values()))


Flush = Callable[["Transaction"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was first given to an idempotency key."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(slots=True)
class Hooks:
    """What composition plugs in, since it lives higher up than its use.

    `audit` makes audit rows of a transaction's changes before they leave. `claim(tx, scope_hash, request_hash)`
    claims an idempotency key inside the write's transaction and returns the answer kept for it, if any;
    `keep(tx, scope_hash, request_hash, answer)` keeps one.
    """

    audit: Callable[["Transaction"], Awaitable[None]] | None = None
    claim: Callable[["Transaction", str, str], Awaitable[KeptAnswer | None]] | None = None
    keep: Callable[["Transaction", str, str, KeptAnswer], Awaitable[None]] | None = None


class Transaction(_Asking):
    """One unit of work: everything in it is committed together with its audit entries and outbox messages.

    `pending` holds inserts back, `held` sets of updates, until something must see them (a question, an update, the
    commit); `changes` collects what `writing` did for the audit. Services take it first and never commit.
    """

    def __init__(self, database: "Database", actor: Actor) -> None:
        self.database = database
        self.actor = actor
        self.pending: dict[Any, list[dict[str, Any]]] = {}
        self.held: list[Any] = []
        self.changes: list[Any] = []
        self.notes: dict[str, Any] = {}
        self.after_commit: list[Callable[[], None]] = []
        self.flush_pending: Flush | None = None

    async def flush(self) -> None:
        """Send held inserts, with the audit rows of everything changed so far, in one statement."""
        if self.changes:
            if self.database.hooks.audit is None:
                raise RuntimeError(
                    "changes to audited tables need the audit hook; compose it first"
                )
            await self.database.hooks.audit(self)
            self.changes.clear()
        if (self.pending or self.held) and self.flush_pending is not None:
            await self.flush_pending(self)

    async def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Return every row of a question; held inserts leave first, so that it sees them."""
        if statement.writes:
            raise TypeError("changes go through app.writing")
        await self.flush()
        return await self.run(statement, values)

    async def peek(self, statement: Statement, **values: Any) -> list[Row]:
        """Return rows without letting held inserts leave first: for questions that cannot concern them."""
        return await self.run(statement, values)

    async def now(self) -> datetime:
        """Return the domain's instant as the database reads it now (deadlines 1.5): call it after the lock."""
        return cast(datetime, (await self.run(NOW, {}))[0]["now"])

    async def run(self, statement: Statement, values: Row) -> list[Row]:
        """Run a statement on the engine (for `writing` and the questions above)."""
        raise NotImplementedError

    async def run_many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run one statement for many rows."""
        raise NotImplementedError

    async def run_text(self, sql: str, arguments: Sequence[Any]) -> None:
        """Run driver text that `writing` made."""
        raise NotImplementedError

    async def next_key(self, table: Any) -> int:
        """Return a new integer key for a row of `table`, known before the insert."""
        raise NotImplementedError

    async def next_number(self, table: Any) -> int:
        """Return the next human-readable number of `table`'s rows (its `number` column); gaps are possible."""
        raise NotImplementedError

    async def lock_name(self, key: int) -> bool:
        """Try to take the transaction-long lock numbered `key`; False when another transaction holds it."""
        raise NotImplementedError


class Database(_Asking):
    """An engine: questions in autocommit, transactions for changes. Open it before use, close it at the end.

    `memory` is for what a process may remember of the database (versions that never change, short-lived copies).
    """

    kind: ClassVar[str] = ""

    def __init__(self, settings: Settings, dialect: Dialect) -> None:
        self.settings = settings
        self.dialect = dialect
        self.hooks = Hooks()
        self.memory: dict[str, Any] = {}

    async def open(self) -> None:
        """Connect."""
        raise NotImplementedError

    async def close(self) -> None:
        """Disconnect."""
        raise NotImplementedError

    def transaction(self, actor: Actor = SYSTEM) -> Any:
        """Return an async context manager that yields a `Transaction` and commits when the block ends well."""
        raise NotImplementedError

    async def now(self) -> datetime:
        """Return the domain's instant for a question that derives a state from it."""
        return cast(datetime, await self.value(NOW))


# --- PostgreSQL


class _Resetless(asyncpg.Connection):
    """A pooled connection without the reset query: nothing here changes a session's state."""

    def get_reset_query(self) -> str:
        return ""


class PostgresTransaction(Transaction):
    """A transaction on one pooled connection."""

    def __init__(self, database: "PostgresDatabase", actor: Actor, connection: Any) -> None:
        super().__init__(database, actor)
        self.connection = connection
        self.keys = database.keys

    async def run(self, statement: Statement, values: Row) -> list[Row]:
        """Run it."""
        plan = statement.plan(self.database.dialect)
        return cast(list[Row], await self.connection.fetch(plan.sql, *plan.values(values)))

    async def run_many(self, statement: Statement, rows: Sequence[Row]) -> None:
        """Run it for each row, in one pipelined call."""
        plan = statement.plan(self.database.dialect)
        await self.connection.executemany(plan.sql, [plan.values(row) for row in rows])

    async def run_text(self, sql: str, arguments: Sequence[Any]) -> None:
        """Run driver text."""
        await self.connection.execute(sql, *arguments)

    async def next_key(self, table: Any) -> int:
        """Take from the process's block of keys."""
        del table
        if self.keys.next >= self.keys.end:
            first = cast(int, (await self.run(NEXT_KEYS, {}))[0]["first"])
            self.keys.next, self.keys.end = first, first + KEY_BLOCK
        key = self.keys.next
        self.keys.next += 1
        return key

    async def next_number(self, table: Any) -> int:
        """Ask the table's sequence; no transaction waits for another."""
        return cast(
            int, await self.connection.fetchval(f"SELECT nextval('{table.__table__.name}_numbers')")
        )

    async def lock_name(self, key: int) -> bool:
        """Take an advisory lock that ends with the transaction."""
        return cast(
            bool, await self.connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", key)
        )


@dataclass(slots=True)
class _Keys:
    next: int = 0
    end: int = 0


class PostgresDatabase(Database):
    """PostgreSQL through asyncpg."""

    kind = "postgresql"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, postgresql_dialect(settings.clock))
        self.keys = _Keys()
        self.pool: Any = None

    async def open(self) -> None:
        """Open the pool."""
        milliseconds = {
            "statement_timeout": self.settings.postgres_statement_timeout_ms,
            "lock_timeout": self.settings.postgres_lock_timeout_ms,
            "idle_in_transaction_session_timeout": self.settings.postgres_statement_timeout_ms,
        }
        self.pool = await asyncpg.create_pool(
            postgres_dsn(self.settings.resolved_database_url),
            min_size=1,
            max_size=self.settings.postgres_pool_size,
            connection_class=_Resetless,
            statement_cache_size=1024,
            max_cacheable_statement_size=0,
            init=_prepare_connection,
            server_settings={
                "timezone": "UTC",
                "jit": "off",
                "application_name": "huiying",
                **{name: str(value) for name, value in milliseconds.items()},
            },
        )

    async def close(self) -> None:
        """Close the pool."""
        if self.pool is not None:
            await self.pool.close()

    async def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Ask in autocommit."""
        if statement.writes:
            raise TypeError("changes go through app.writing")
        plan = statement.plan(self.dialect)
        try:
            async with self.pool.acquire() as connection:
                return cast(list[Row], await connection.fetch(plan.sql, *plan.values(values)))
        except _POSTGRES_DOWN as error:
            raise Unavailable(headers={"Retry-After": "1"}) from error

    @asynccontextmanager
    async def transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Transaction]:
        """Begin, give the transaction to the block, flush and commit, or roll everything back."""
        try:
            async with self.pool.acquire() as connection:
                tx = PostgresTransaction(self, actor, connection)
                async with connection.transaction():
                    yield tx
                    await tx.flush()
                    pass_by("commit.before")
                pass_by("commit.after")
        except _POSTGRES_BUSY as error:
            raise Conflict("busy_try_again", headers={"Retry-After": "1"}) from error
        except _POSTGRES_DOWN as error:
            raise Unavailable(headers={"Retry-After": "1"}) from error
        for call in tx.after_commit:
            call()


_POSTGRES_BUSY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
_POSTGRES_DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
)


async def _prepare_connection(connection: Any) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=str, decoder=orjson.loads, format="text"
    )
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )


def postgres_dsn(url: str) -> str:
    """Return the driver's form of a database URL: `postgresql+asyncpg://` and the like lose their driver."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.split('+')[0]}://{rest}"


# --- SQLite


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

    async def lock_name(self, key: int) -> bool:
        """Nothing to take: there is one writer."""
        del key
        return True


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
        for call in tx.after_commit:
            call()


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


def create_database(settings: Settings) -> Database:
    """Return the engine that the settings name; it is not opened yet."""
    url = settings.resolved_database_url
    if url.startswith("sqlite"):
        return SqliteDatabase(settings)
    if url.startswith("postgresql"):
        return PostgresDatabase(settings)
    raise ValueError("HUIYING_DATABASE_URL starts with sqlite:/// or postgresql://")


def is_virtual(database: Database) -> bool:
    """Return whether promises run on the rehearsal's clock."""
    return database.settings.clock is ClockMode.virtual
