"""PostgreSQL through asyncpg: a pool, reads in autocommit, one transaction a write, keys in blocks from one sequence."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import orjson
from sqlalchemy import select, text

from app.database import SYSTEM, Actor, Database, Transaction
from app.errors import Conflict, Unavailable
from app.faults import pass_by
from app.settings import Settings
from app.statements import Row, Statement, postgresql_dialect

KEY_BLOCK = 1000
NEXT_KEYS = Statement(select(text("nextval('huiying_keys') AS first")))


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
