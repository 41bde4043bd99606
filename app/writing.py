"""The one way in: insert, update, delete and many rows at once, over the declarative models' tables.

Every verb collects old and new values on the transaction, so no change can escape the audit. Inserts are held
back and leave together with audit and outbox rows (`flushing` says how). Derived tables (`__audited__ = False`:
deadlines, levels, outbox, inbox ...) are not audited row by row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import delete as core_delete
from sqlalchemy.dialects import postgresql, sqlite

from app.database import Transaction
from app.errors import StaleVersion
from app.flushing import Held, Table, flush, points_at_rows, shape_of, update_statement
from app.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class Change:
    """One row's change as the audit sees it; `old` is empty for an insert, `new` for a delete."""

    table: Table
    old: Row
    new: Row


def is_audited(table: Table) -> bool:
    """Return whether the rows of `table` are audited one by one (`__audited__`, true unless declared false)."""
    return bool(getattr(table, "__audited__", True))


# --- inserting


async def insert(tx: Transaction, table: Table, **values: Any) -> dict[str, Any]:
    """Hold one row back for the flush and return it whole: with its key, public id, version and defaults."""
    shape = shape_of(table)
    row = shape.complete(values)
    if shape.has_key and row["id"] is None:
        row["id"] = await tx.next_key(table)
    tx.flush_pending = flush
    tx.pending.setdefault(table, []).append(row)
    if is_audited(table):
        tx.changes.append(Change(table, {}, row))
    return row


async def insert_many(
    tx: Transaction, table: Table, rows: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Hold many rows back and return them whole, in their order."""
    shape = shape_of(table)
    complete = [shape.complete(values) for values in rows]
    if shape.has_key:
        for row in complete:
            if row["id"] is None:
                row["id"] = await tx.next_key(table)
    if complete:
        tx.flush_pending = flush
        tx.pending.setdefault(table, []).extend(complete)
        if is_audited(table):
            tx.changes += [Change(table, {}, row) for row in complete]
    return complete


# --- changing


async def update(tx: Transaction, table: Table, old: Row, **values: Any) -> Row:
    """Change the row that `old` is (its `id`, and its `version` where the table has one) and return it as it is now.

    Only values that differ are written; nothing differing writes nothing. Raises `StaleVersion` when the row has
    moved on since `old` was read. `old` holds every column that is changed.
    """
    before = dict(old)
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return before
    versioned = "version" in table.__table__.columns
    if versioned:
        changed["version"] = before["version"] + 1
    names_rows = any(points_at_rows(table, name) for name in changed)
    if _touches(tx, table) or (names_rows and tx.pending):
        await tx.flush()
    statement = update_statement(table, tuple(sorted(changed)), versioned=versioned)
    given = {f"new_{name}": value for name, value in changed.items()} | {"key": before["id"]}
    if versioned:
        given["version_before"] = before["version"]
    if not await tx.run(statement, given):
        raise StaleVersion
    new = {**old, **changed}
    if is_audited(table):
        tx.changes.append(Change(table, dict(old), new))
    return new


async def update_many(tx: Transaction, table: Table, rows: Sequence[Row]) -> None:
    """Hold back new values of many rows of a derived table, each by its `id`; all rows name the same columns.

    They leave with the held inserts; a row stands in one such set at most. Audited tables are refused: their old
    values would be lost.
    """
    if is_audited(table):
        raise TypeError(f"{table.__name__} is audited; update its rows one by one")
    if not rows:
        return
    held = Held(table, tuple(sorted(rows[0])), rows)
    if _touches(tx, table):
        await tx.flush()
    tx.flush_pending = flush
    tx.held.append(held)


def _touches(tx: Transaction, table: Table) -> bool:
    """Say whether held changes concern the table: rows of one statement do not see each other's changes."""
    return table in tx.pending or any(one.table is table for one in tx.held)


async def delete(tx: Transaction, table: Table, old: Row) -> None:
    """Delete the row that `old` is; `old` is what the audit keeps of it."""
    await tx.flush()
    if not await tx.run(_delete(table), {"key": old["id"]}):
        raise StaleVersion
    if is_audited(table):
        tx.changes.append(Change(table, dict(old), {}))


@cache
def _delete(table: Table) -> Statement:
    columns = table.__table__.columns
    return Statement(
        core_delete(table).where(columns["id"] == bindparam("key")).returning(columns["id"])
    )


async def change_set(
    tx: Transaction, table: Table, statement: Statement, **values: Any
) -> list[Row]:
    """Run a set-based UPDATE or DELETE ... RETURNING of a derived table and return its rows."""
    _refuse_audited(table)
    await tx.flush()
    return await tx.run(statement, values)


async def count(tx: Transaction, table: Table, statement: Statement, **values: Any) -> list[Row]:
    """Change counters of a derived table beside the transaction, and return the statement's rows.

    The change is seen at once and stays, as a sequence's does. Whoever keeps counters takes them back with
    `count_on_failure`, and counts anew now and then: a crash may leave a difference.
    """
    _refuse_audited(table)
    return await tx.beside(statement, values)


async def count_after(tx: Transaction, table: Table, statement: Statement, **values: Any) -> None:
    """Change counters when the transaction has been committed."""
    _refuse_audited(table)
    await tx.afterwards(statement, values)


def count_on_failure(tx: Transaction, table: Table, statement: Statement, **values: Any) -> None:
    """Change counters when the transaction fails; where it takes them back itself, nothing is done."""
    _refuse_audited(table)
    tx.on_failure(statement, values)


def _refuse_audited(table: Table) -> None:
    if is_audited(table):
        raise TypeError(f"{table.__name__} is audited; change its rows one by one")


async def upsert(
    tx: Transaction, table: Table, keys: tuple[str, ...], *, beside: bool = False, **values: Any
) -> None:
    """Insert a row of a derived table, or set its other columns where one with the same `keys` exists.

    `beside` the transaction it is there at once for everybody, and stays.
    """
    _refuse_audited(table)
    if not beside:
        await tx.flush()
    row = shape_of(table).complete(values)
    if "id" in row and row["id"] is None:
        row["id"] = await tx.next_key(table)
    run = tx.beside if beside else tx.run
    await run(_upsert(table, tx.database.kind, keys, tuple(sorted(values))), row)


async def insert_new(
    tx: Transaction, table: Table, keys: tuple[str, ...], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert rows of a derived table; where one with the same `keys` is there already, it stays as it is."""
    _refuse_audited(table)
    await tx.flush()
    shape, complete = shape_of(table), []
    for values in rows:
        row = shape.complete(values)
        if shape.has_key and row["id"] is None:
            row["id"] = await tx.next_key(table)
        complete.append(row)
    if complete:
        await tx.run_many(_upsert(table, tx.database.kind, keys, keys), complete)


@cache
def _upsert(table: Table, kind: str, keys: tuple[str, ...], names: tuple[str, ...]) -> Statement:
    make: Any = postgresql.insert if kind == "postgresql" else sqlite.insert
    columns = table.__table__.columns
    core = make(table).values({c.name: bindparam(c.name, type_=c.type) for c in columns})
    rest = {name: core.excluded[name] for name in names if name not in keys}
    if not rest:
        return Statement(core.on_conflict_do_nothing(index_elements=list(keys)))
    return Statement(core.on_conflict_do_update(index_elements=list(keys), set_=rest))
