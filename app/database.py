"""What talking to a database is, whichever engine runs: questions in autocommit, transactions for changes.

The engines are in `postgresql` and `sqlite`, the choice between them in `engines`; nothing above knows which one runs.
Statements come from `statements`, changes go through `writing`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, cast

from sqlalchemy import Dialect, select

from app.settings import ClockMode, Settings
from app.statements import DomainNow, Row, Statement
from app.time import monotonic

FRESH_SECONDS = 2.0
NOW = Statement(select(DomainNow().label("now")))


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
    """An answer as it was first given to an idempotency key; no body where it held a secret, an empty one where too long."""

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
    commit); `changes` collects what `writing` did for the audit, `touched` whose tables it concerns. Services take it
    first and never commit.
    """

    def __init__(self, database: "Database", actor: Actor) -> None:
        self.database = database
        self.actor = actor
        self.pending: dict[Any, list[dict[str, Any]]] = {}
        self.held: list[Any] = []
        self.changes: list[Any] = []
        self.notes: dict[str, Any] = {}
        self.touched: set[Any] = set()
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
            self.touched.update(change.table for change in self.changes)
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

    async def copy_in(
        self, table: str, names: Sequence[str], records: Sequence[Sequence[Any]]
    ) -> None:
        """Load many rows that `writing` made, where the engine has a way of its own for that."""
        raise NotImplementedError

    async def next_key(self, table: Any) -> int:
        """Return a new integer key for a row of `table`, known before the insert."""
        raise NotImplementedError

    async def next_number(self, table: Any) -> int:
        """Return the next human-readable number of `table`'s rows (its `number` column); gaps are possible."""
        raise NotImplementedError

    async def reserve_numbers(self, table: Any, count: int) -> None:
        """Ask for many numbers at once, for `next_number` to give; what is not given is a gap."""
        del table, count

    async def lock_name(self, key: int, *, wait: bool = False) -> bool:
        """Take the transaction-long lock numbered `key`; False when another transaction holds it (unless it is to `wait`)."""
        raise NotImplementedError

    async def beside(self, statement: Statement, values: Row) -> list[Row]:
        """Change counters at once and for everybody to see, as a sequence does (for `writing`).

        PostgreSQL: in a transaction of its own, so that nobody waits for this one's commit. SQLite has one writer: in
        this transaction.
        """
        raise NotImplementedError

    async def afterwards(self, statement: Statement, values: Row) -> None:
        """The same when this transaction has been committed."""
        raise NotImplementedError

    def on_failure(self, statement: Statement, values: Row) -> None:
        """The same when this transaction fails, unless what ran beside it fails with it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Copy:
    """What some tables said a moment ago."""

    value: Any
    of: frozenset[Any]
    read_at: float


class Database(_Asking):
    """An engine: questions in autocommit, transactions for changes. Open it before use, close it at the end.

    `memory` is for what a process may remember of the database for ever (versions that never change); what changes is
    kept with `remember` for two seconds.
    """

    kind: ClassVar[str] = ""

    def __init__(self, settings: Settings, dialect: Dialect) -> None:
        self.settings = settings
        self.dialect = dialect
        self.hooks = Hooks()
        self.memory: dict[str, Any] = {}
        self.copies: dict[str, Copy] = {}

    def remember(self, key: str, value: Any, *, of: Iterable[Any]) -> None:
        """Keep a copy of what the tables `of` say: for two seconds, or until this process changes one of them."""
        self.copies[key] = Copy(value, frozenset(of), monotonic())

    def recall(self, key: str) -> Any:
        """Return a fresh copy, None where there is none."""
        copy = self.copies.get(key)
        if copy is None or monotonic() - copy.read_at > FRESH_SECONDS:
            return None
        return copy.value

    def forget(self, tables: Iterable[Any]) -> None:
        """Drop the copies of what these tables say."""
        changed = frozenset(tables)
        for key in [key for key, copy in self.copies.items() if copy.of & changed]:
            del self.copies[key]

    def committed(self, tx: Transaction) -> None:
        """Forget what a committed transaction changed, and call whom it concerns."""
        if tx.touched and self.copies:
            self.forget(tx.touched)
        for call in tx.after_commit:
            call()

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


def is_virtual(database: Database) -> bool:
    """Return whether promises run on the rehearsal's clock."""
    return database.settings.clock is ClockMode.virtual
