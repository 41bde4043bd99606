"""The one way in: insert, update, delete and many rows at once, over the declarative models' tables.

Every verb collects old and new values on the transaction, so no change can escape the audit. Inserts are held
back and leave together with audit and outbox rows in one statement (PostgreSQL: one CTE; SQLite: row by row, in
place). Derived tables (`__audited__ = False`: deadlines, levels, outbox, inbox ...) are not audited row by row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import Column, bindparam
from sqlalchemy import delete as core_delete
from sqlalchemy import insert as core_insert
from sqlalchemy import update as core_update
from sqlalchemy.dialects import postgresql, sqlite

from app.columns import Base, new_public_id
from app.database import Transaction
from app.errors import StaleVersion
from app.settings import ClockMode
from app.statements import Convert, Row, Statement, postgresql_dialect

Table = type[Base]
_POSTGRES = postgresql_dialect(ClockMode.real)
# Above about this many rows a COPY of its own costs less than its turn at the database.
COPIED_FROM = 32


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
    shape = _shape(table)
    row = shape.complete(values)
    if shape.has_key and row["id"] is None:
        row["id"] = await tx.next_key(table)
    tx.flush_pending = _flush
    tx.pending.setdefault(table, []).append(row)
    if is_audited(table):
        tx.changes.append(Change(table, {}, row))
    return row


async def insert_many(
    tx: Transaction, table: Table, rows: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Hold many rows back and return them whole, in their order."""
    shape = _shape(table)
    complete = [shape.complete(values) for values in rows]
    if shape.has_key:
        for row in complete:
            if row["id"] is None:
                row["id"] = await tx.next_key(table)
    if complete:
        tx.flush_pending = _flush
        tx.pending.setdefault(table, []).extend(complete)
        if is_audited(table):
            tx.changes += [Change(table, {}, row) for row in complete]
    return complete


@dataclass(frozen=True, slots=True)
class _Shape:
    """What inserting into a table needs to know of it."""

    name: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    makers: Mapping[str, Any]
    has_key: bool
    kinds: tuple[str, ...]
    binds: tuple[Convert | None, ...]
    statement: Statement

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        row = {**self.defaults, **values}
        if len(row) != len(self.names):
            raise TypeError(f"{self.name} has no {sorted(values.keys() - self.defaults.keys())}")
        for name, maker in self.makers.items():
            if row[name] is None:
                row[name] = maker()
        return row

    def records(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Return the rows' values in the order of the columns, as PostgreSQL takes them."""
        columns = [
            _array(rows, name, bind) for name, bind in zip(self.names, self.binds, strict=True)
        ]
        return list(zip(*columns, strict=True))


@cache
def _shape(table: Table) -> _Shape:
    columns = [cast("Column[Any]", column) for column in table.__table__.columns]
    defaults: dict[str, Any] = {}
    makers: dict[str, Any] = {}
    for column in columns:
        default: Any = column.default
        defaults[column.name] = default.arg if default is not None and default.is_scalar else None
        if column.name == "public_id":
            makers[column.name] = new_public_id
        elif default is not None and default.is_callable:
            makers[column.name] = partial(default.arg, None)
    return _Shape(
        name=table.__table__.name,  # type: ignore[attr-defined]
        names=tuple(column.name for column in columns),
        defaults=defaults,
        makers=makers,
        has_key="id" in defaults,
        kinds=tuple(_postgres_kind(column) for column in columns),
        binds=tuple(
            column.type.dialect_impl(_POSTGRES).bind_processor(_POSTGRES) for column in columns
        ),
        statement=Statement(
            core_insert(table).values({c.name: bindparam(c.name, type_=c.type) for c in columns})
        ),
    )


def _postgres_kind(column: Column[Any]) -> str:
    text = _POSTGRES.type_compiler_instance.process(column.type.dialect_impl(_POSTGRES))
    return text.split(" COLLATE")[0]


async def _flush(tx: Transaction) -> None:
    pending, tx.pending = tx.pending, {}
    held, tx.held = tx.held, []
    if tx.database.kind == "postgresql":
        await _flush_postgres(tx, held, pending)
        return
    for one in held:
        others = tuple(name for name in one.names if name != "id")
        statement = _update(one.table, others, versioned=False, returning=False)
        given = [
            {"key": row["id"]} | {f"new_{name}": row[name] for name in others} for row in one.rows
        ]
        await tx.run_many(statement, given)
    for table in _ordered(pending):
        await tx.run_many(_shape(table).statement, pending[table])


def _ordered(tables: Iterable[Table]) -> list[Table]:
    order = _table_order()
    return sorted(tables, key=lambda table: order[_shape(table).name])


@cache
def _table_order() -> Mapping[str, int]:
    """Return each table's place: whoever is pointed at comes first."""
    return {table.name: place for place, table in enumerate(Base.metadata.sorted_tables)}


async def _flush_postgres(
    tx: Transaction, held: Sequence["Held"], pending: Mapping[Table, list[dict[str, Any]]]
) -> None:
    """Send what is held back in one statement; tables with many rows leave by COPY, whoever is pointed at first."""
    if all(len(rows) < COPIED_FROM for rows in pending.values()) or _name_rows(held):
        await _send(tx, held, pending)
        return
    together: dict[Table, list[dict[str, Any]]] = {}
    for table in _ordered(pending):
        rows = pending[table]
        if len(rows) < COPIED_FROM:
            together[table] = rows
            continue
        if held or together:
            await _send(tx, held, together)
            held, together = (), {}
        shape = _shape(table)
        await tx.copy_in(shape.name, shape.names, shape.records(rows))
    if together:
        await _send(tx, (), together)


def _name_rows(held: Sequence["Held"]) -> bool:
    """Say whether held updates may point at rows that leave with them: then nothing leaves in parts."""
    return any(_points(one.table, name) for one in held for name in one.names)


def _points(table: Table, name: str) -> bool:
    return bool(table.__table__.columns[name].foreign_keys)


async def _send(
    tx: Transaction, held: Sequence["Held"], pending: Mapping[Table, list[dict[str, Any]]]
) -> None:
    text = _flush_text(
        tuple((one.table, one.names) for one in held),
        tuple((table, len(rows) == 1) for table, rows in pending.items()),
    )
    arguments: list[Any] = []
    for one in held:
        arguments += one.arguments()
    for table, rows in pending.items():
        shape = _shape(table)
        for name, convert in zip(shape.names, shape.binds, strict=True):
            values = _array(rows, name, convert)
            arguments.append(values[0] if len(rows) == 1 else values)
    await tx.run_text(text, arguments)


@cache
def _flush_text(
    updates: tuple[tuple[Table, tuple[str, ...]], ...], inserts: tuple[tuple[Table, bool], ...]
) -> str:
    """Return one statement for all held changes: `VALUES` for a single row, `unnest` of arrays for more."""
    number = 1
    parts = []
    for table, names in updates:
        parts.append(_update_text((table, names), number))
        number += len(names)
    for table, single in inserts:
        parts.append(_insert_text(table, number, single=single))
        number += len(_shape(table).names)
    *first, last = parts
    if not first:
        return last
    return f"WITH {', '.join(f'c{n} AS ({one})' for n, one in enumerate(first))} {last}"


def _insert_text(table: Table, first: int, *, single: bool) -> str:
    shape = _shape(table)
    places = ", ".join(
        f"${number}" if single else f"${number}::{kind}[]"
        for number, kind in enumerate(shape.kinds, first)
    )
    names = ", ".join(f'"{name}"' for name in shape.names)
    source = f"VALUES ({places})" if single else f"SELECT * FROM unnest({places})"
    return f'INSERT INTO "{shape.name}" ({names}) {source}'


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
    names_rows = any(_points(table, name) for name in changed)
    if _touches(tx, table) or (names_rows and tx.pending):
        await tx.flush()
    statement = _update(table, tuple(sorted(changed)), versioned=versioned)
    given = {f"new_{name}": value for name, value in changed.items()} | {"key": before["id"]}
    if versioned:
        given["version_before"] = before["version"]
    if not await tx.run(statement, given):
        raise StaleVersion
    new = {**old, **changed}
    if is_audited(table):
        tx.changes.append(Change(table, dict(old), new))
    return new


@cache
def _update(
    table: Table, names: tuple[str, ...], *, versioned: bool, returning: bool = True
) -> Statement:
    columns = table.__table__.columns
    core = (
        core_update(table)
        .values(
            {columns[name]: bindparam(f"new_{name}", type_=columns[name].type) for name in names}
        )
        .where(columns["id"] == bindparam("key"))
    )
    if versioned:
        core = core.where(columns["version"] == bindparam("version_before"))
    return Statement(core.returning(columns["id"]) if returning else core)


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
    tx.flush_pending = _flush
    tx.held.append(held)


def _touches(tx: Transaction, table: Table) -> bool:
    """Say whether held changes concern the table: rows of one statement do not see each other's changes."""
    return table in tx.pending or any(one.table is table for one in tx.held)


@dataclass(frozen=True, slots=True)
class Held:
    """Values of many rows of one table on their way: the columns, sorted, `id` among them."""

    table: Table
    names: tuple[str, ...]
    rows: Sequence[Row]

    def arguments(self) -> list[list[Any]]:
        """Return one array a column."""
        shape = _shape(self.table)
        converts = dict(zip(shape.names, shape.binds, strict=True))
        return [_array(self.rows, name, converts[name]) for name in self.names]


def _array(rows: Sequence[Row], name: str, convert: Convert | None) -> list[Any]:
    if convert is None:
        return [row[name] for row in rows]
    return [convert(row[name]) for row in rows]


def _update_text(held: tuple[Table, tuple[str, ...]], first: int) -> str:
    table, names = held
    shape = _shape(table)
    kinds = dict(zip(shape.names, shape.kinds, strict=True))
    arrays = ", ".join(f"${first + number}::{kinds[name]}[]" for number, name in enumerate(names))
    sets = ", ".join(f'"{name}" = v."{name}"' for name in names if name != "id")
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        f'UPDATE "{shape.name}" t SET {sets} FROM unnest({arrays}) AS v({listed}) WHERE t.id = v.id'
    )


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
    row = _shape(table).complete(values)
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
    shape, complete = _shape(table), []
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
