"""How held changes leave: as one statement, by COPY, or row by row; and what inserting into a table needs to know.

PostgreSQL takes updates and inserts in one CTE, many rows of a table by COPY; SQLite takes them row by row, in place.
`writing` holds back what leaves here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from sqlalchemy import Column, bindparam
from sqlalchemy import insert as core_insert
from sqlalchemy import update as core_update

from app.columns import Base, new_public_id
from app.database import Transaction
from app.settings import ClockMode
from app.statements import Convert, Row, Statement, postgresql_dialect

Table = type[Base]
_POSTGRES = postgresql_dialect(ClockMode.real)
# Above about this many rows a COPY of its own costs less than its turn at the database.
COPIED_FROM = 32


@dataclass(frozen=True, slots=True)
class Shape:
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
        """Return a row with its defaults; raises `TypeError` for what is no column."""
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
def shape_of(table: Table) -> Shape:
    """Return a table's shape."""
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
    return Shape(
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


async def flush(tx: Transaction) -> None:
    """Send what the transaction holds back."""
    pending, tx.pending = tx.pending, {}
    held, tx.held = tx.held, []
    if tx.database.kind == "postgresql":
        await _flush_postgres(tx, held, pending)
        return
    for one in held:
        others = tuple(name for name in one.names if name != "id")
        statement = update_statement(one.table, others, versioned=False, returning=False)
        given = [
            {"key": row["id"]} | {f"new_{name}": row[name] for name in others} for row in one.rows
        ]
        await tx.run_many(statement, given)
    for table in _ordered(pending):
        await tx.run_many(shape_of(table).statement, pending[table])


def _ordered(tables: Iterable[Table]) -> list[Table]:
    order = _table_order()
    return sorted(tables, key=lambda table: order[shape_of(table).name])


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
        shape = shape_of(table)
        await tx.copy_in(shape.name, shape.names, shape.records(rows))
    if together:
        await _send(tx, (), together)


def _name_rows(held: Sequence["Held"]) -> bool:
    """Say whether held updates may point at rows that leave with them: then nothing leaves in parts."""
    return any(points_at_rows(one.table, name) for one in held for name in one.names)


def points_at_rows(table: Table, name: str) -> bool:
    """Say whether a column names rows of another table."""
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
        shape = shape_of(table)
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
        number += len(shape_of(table).names)
    *first, last = parts
    if not first:
        return last
    return f"WITH {', '.join(f'c{n} AS ({one})' for n, one in enumerate(first))} {last}"


def _insert_text(table: Table, first: int, *, single: bool) -> str:
    shape = shape_of(table)
    places = ", ".join(
        f"${number}" if single else f"${number}::{kind}[]"
        for number, kind in enumerate(shape.kinds, first)
    )
    names = ", ".join(f'"{name}"' for name in shape.names)
    source = f"VALUES ({places})" if single else f"SELECT * FROM unnest({places})"
    return f'INSERT INTO "{shape.name}" ({names}) {source}'


@cache
def update_statement(
    table: Table, names: tuple[str, ...], *, versioned: bool, returning: bool = True
) -> Statement:
    """Return the UPDATE of one row by `key` that sets `new_NAME`, where `versioned` only if it still is `version_before`."""
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


@dataclass(frozen=True, slots=True)
class Held:
    """Values of many rows of one table on their way: the columns, sorted, `id` among them."""

    table: Table
    names: tuple[str, ...]
    rows: Sequence[Row]

    def arguments(self) -> list[list[Any]]:
        """Return one array a column."""
        shape = shape_of(self.table)
        converts = dict(zip(shape.names, shape.binds, strict=True))
        return [_array(self.rows, name, converts[name]) for name in self.names]


def _array(rows: Sequence[Row], name: str, convert: Convert | None) -> list[Any]:
    if convert is None:
        return [row[name] for row in rows]
    return [convert(row[name]) for row in rows]


def _update_text(held: tuple[Table, tuple[str, ...]], first: int) -> str:
    table, names = held
    shape = shape_of(table)
    kinds = dict(zip(shape.names, shape.kinds, strict=True))
    arrays = ", ".join(f"${first + number}::{kinds[name]}[]" for number, name in enumerate(names))
    sets = ", ".join(f'"{name}" = v."{name}"' for name in names if name != "id")
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        f'UPDATE "{shape.name}" t SET {sets} FROM unnest({arrays}) AS v({listed}) WHERE t.id = v.id'
    )
