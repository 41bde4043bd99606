"""PostgreSQL through asyncpg: a pool, reads in autocommit, one transaction a write, keys in blocks from one sequence."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import orjson
import structlog
from sqlalchemy import select, text
from uuid_utils import UUID

from app.database import SYSTEM, Actor, Database, Transaction
from app.errors import Conflict, Unavailable
from app.faults import pass_by
from app.settings import Settings
from app.statements import Row, Statement, postgresql_dialect

KEY_BLOCK = 1000
log = structlog.get_logger("huiying.postgresql")
NEXT_KEYS = Statement(select(text("nextval('huiying_keys') AS first")))


class _Resetless(asyncpg.Connection):
    """A pooled connection without the reset query: nothing here changes a session's state."""

    def get_reset_query(self) -> str:
        return ""


class PostgresTransaction(Transaction):
    """A transaction on one pooled connection."""

    database: "PostgresDatabase"

    def __init__(self, database: "PostgresDatabase", actor: Actor, connection: Any) -> None:
        super().__init__(database, actor)
        self.connection = connection
        self.keys = database.keys
        self.numbers: dict[str, list[int]] = {}
        self.when_committed: list[tuple[Statement, Row]] = []
        self.when_failed: list[tuple[Statement, Row]] = []

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

    async def copy_in(
        self, table: str, names: Sequence[str], records: Sequence[Sequence[Any]]
    ) -> None:
        """Load them by COPY."""
        await self.connection.copy_records_to_table(table, columns=names, records=records)

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
        """Ask the table's sequence, unless numbers are reserved; no transaction waits for another."""
        name = table.__table__.name
        if self.numbers.get(name):
            return self.numbers[name].pop()
        return cast(int, await self.connection.fetchval(f"SELECT nextval('{name}_numbers')"))

    async def reserve_numbers(self, table: Any, count: int) -> None:
        """Ask the table's sequence once."""
        name = table.__table__.name
        rows = await self.connection.fetch(
            f"SELECT nextval('{name}_numbers') FROM generate_series(1, $1)", count
        )
        self.numbers[name] = [row[0] for row in reversed(rows)]

    async def lock_name(self, key: int, *, wait: bool = False) -> bool:
        """Take an advisory lock that ends with the transaction."""
        if wait:
            await self.connection.execute("SELECT pg_advisory_xact_lock($1)", key)
            return True
        return cast(
            bool, await self.connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", key)
        )

    async def beside(self, statement: Statement, values: Row) -> list[Row]:
        """Run it in a transaction of its own."""
        return await self.database.run_beside(statement, values)

    async def afterwards(self, statement: Statement, values: Row) -> None:
        """Run it when this transaction has been committed."""
        self.when_committed.append((statement, values))

    def on_failure(self, statement: Statement, values: Row) -> None:
        """Run it when this transaction has been rolled back."""
        self.when_failed.append((statement, values))


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
        self.counting: Any = None

    async def open(self) -> None:
        """Open the pool, and a connection for what runs beside transactions."""
        self.pool = await self._pool(self.settings.postgres_pool_size)
        # What it loses in a crash of the database is counted anew; so nobody waits for the disk.
        self.counting = await self._pool(1, synchronous_commit="off")

    async def _pool(self, size: int, **settings: str) -> Any:
        milliseconds = {
            "statement_timeout": self.settings.postgres_statement_timeout_ms,
            "lock_timeout": self.settings.postgres_lock_timeout_ms,
            "idle_in_transaction_session_timeout": self.settings.postgres_statement_timeout_ms,
        }
        return await asyncpg.create_pool(
            postgres_dsn(self.settings.resolved_database_url),
            min_size=0 if settings else 1,
            max_size=size,
            connection_class=_Resetless,
            statement_cache_size=1024,
            max_cacheable_statement_size=0,
            init=_prepare_connection,
            server_settings={
                "timezone": "UTC",
                "jit": "off",
                "application_name": "huiying",
                **{name: str(value) for name, value in milliseconds.items()},
                **settings,
            },
        )

    async def close(self) -> None:
        """Close all connections."""
        for pool in (self.pool, self.counting):
            if pool is not None:
                await pool.close()

    async def run_beside(self, statement: Statement, values: Row) -> list[Row]:
        """Run one statement on the connection beside the pool, one after the other: it never waits for a request.

        A request waits for it while it holds a connection of the pool; taking another one there could wait for ever.
        """
        plan = statement.plan(self.dialect)
        async with self.counting.acquire() as connection:
            return cast(list[Row], await connection.fetch(plan.sql, *plan.values(values)))

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
                async with self._counting_back(tx), connection.transaction():
                    yield tx
                    await tx.flush()
                    pass_by("commit.before")
                pass_by("commit.after")
            await self._count_all(tx.when_committed)
        except _POSTGRES_BUSY as error:
            raise Conflict("busy_try_again", headers={"Retry-After": "1"}) from error
        except _POSTGRES_DOWN as error:
            raise Unavailable(headers={"Retry-After": "1"}) from error
        self.committed(tx)

    @asynccontextmanager
    async def _counting_back(self, tx: PostgresTransaction) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self._count_all(tx.when_failed)
            raise

    async def _count_all(self, changes: Sequence[tuple[Statement, Row]]) -> None:
        """Run what counts: the transaction is over, and what fails here is counted anew later."""
        for statement, values in changes:
            try:
                await self.run_beside(statement, values)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                log.exception("count_failed")


_POSTGRES_BUSY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    # A twin was quicker, or what is named was deleted just now: asked again, the service says what is the matter.
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
)
_POSTGRES_DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
)


async def _prepare_connection(connection: Any) -> None:
    """Let JSON and UUIDs be text here, and go over the wire in the binary form, without which there is no COPY."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=str.encode, decoder=orjson.loads, format="binary"
    )
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=_uuid_bytes, decoder=_uuid_text, format="binary"
    )


def _uuid_bytes(text_form: str) -> bytes:
    return UUID(text_form).bytes


def _uuid_text(stored: bytes) -> str:
    return str(UUID(bytes=stored))


def postgres_dsn(url: str) -> str:
    """Return the driver's form of a database URL: `postgresql+asyncpg://` and the like lose their driver."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.split('+')[0]}://{rest}"
