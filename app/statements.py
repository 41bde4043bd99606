"""Core statements compiled once and run on the driver itself.

A `Statement` holds one SQLAlchemy Core statement and, for each dialect, its driver text, the order of its
parameters, and how values go in and come out. Building and compiling per call costs more than the database's
answer (see README, decisions), so statements are made at import, or once per shape through `functools.cache`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import Dialect, Executable, Select, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import BigInteger, Boolean, Text

from app.columns import Json, Money, UtcDateTime
from app.settings import ClockMode
from app.time import FAR_END, format_instant

Row = Mapping[str, Any]
Convert = Callable[[Any], Any]
Shown = ColumnElement[Any] | InstrumentedAttribute[Any]  # a column, or a model's attribute for one
Fields = Iterable[tuple[str, Shown]]


def postgresql_dialect(clock: ClockMode) -> Dialect:
    """Return the dialect that writes asyncpg's `$1` statements."""
    dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    dialect.clock_mode = clock  # type: ignore[attr-defined]
    return dialect


def sqlite_dialect(clock: ClockMode) -> Dialect:
    """Return the dialect that writes sqlite3's `?` statements."""
    dialect = SQLiteDialect_pysqlite()
    dialect.supports_native_boolean = False
    dialect.clock_mode = clock  # type: ignore[attr-defined]
    return dialect


class Plan:
    """One statement as one dialect runs it."""

    __slots__ = ("arguments", "converters", "names", "sql")

    def __init__(self, core: Executable, dialect: Dialect) -> None:
        compiled = core.compile(dialect=dialect)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        self.sql: str = str(compiled)
        defaults = dict(compiled.params)
        self.arguments: list[tuple[str, Any, Convert | None]] = [
            (name, defaults.get(name), self._bind(compiled, name, dialect))
            for name in compiled.positiontup or ()
        ]
        columns = compiled._result_columns
        self.names: tuple[str, ...] = tuple(str(column.keyname) for column in columns)
        self.converters: tuple[tuple[int, Convert], ...] = tuple(
            (index, convert)
            for index, column in enumerate(columns)
            if dialect.name == "sqlite" and (convert := _result(column.type, dialect)) is not None
        )

    @staticmethod
    def _bind(compiled: SQLCompiler, name: str, dialect: Dialect) -> Convert | None:
        parameter = compiled.binds[name]
        if parameter.expanding or parameter.literal_execute:
            raise TypeError(
                f"{name}: a list parameter needs any_of(), so that the text stays the same"
            )
        return parameter.type.dialect_impl(dialect).bind_processor(dialect)

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the parameters in the driver's order; a name without default that is missing raises `KeyError`."""
        out = []
        for name, default, convert in self.arguments:
            value = given.get(name, default)
            out.append(value if convert is None else convert(value))
        return out

    def convert(self, raw: Sequence[Any]) -> Row:
        """Return one of SQLite's rows as a mapping, with its Python types."""
        row = list(raw)
        for index, convert in self.converters:
            row[index] = convert(row[index])
        return dict(zip(self.names, row, strict=True))


def _result(kind: Any, dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)  # type: ignore[no-any-return]


class Statement:
    """A Core statement, compiled on its first use with each dialect."""

    __slots__ = ("_plans", "core", "writes")

    def __init__(self, core: Executable) -> None:
        self.core = core
        self.writes = bool(getattr(core, "is_dml", False))
        self._plans: dict[int, tuple[Dialect, Plan]] = {}

    def plan(self, dialect: Dialect) -> Plan:
        """Return the compiled form for `dialect`."""
        known = self._plans.get(id(dialect))
        if known is None:
            known = self._plans[id(dialect)] = (dialect, Plan(self.core, dialect))
        return known[1]


class DomainNow(FunctionElement[Any]):
    """The instant promises run on, read by the database when the statement runs (never the request's start)."""

    type = UtcDateTime()
    inherit_cache = True
    name = "domain_now"


@compiles(DomainNow, "postgresql")
def _postgresql_now(element: DomainNow, compiler: SQLCompiler, **_: Any) -> str:
    if compiler.dialect.clock_mode is ClockMode.real:  # type: ignore[attr-defined]
        return "(SELECT clock_timestamp())"  # once per statement, so that an index can serve a comparison
    return "(SELECT coalesce(frozen_at, clock_timestamp() + offset_micros * interval '1 microsecond') FROM virtual_clock)"


@compiles(DomainNow, "sqlite")
def _sqlite_now(element: DomainNow, compiler: SQLCompiler, **_: Any) -> str:
    if compiler.dialect.clock_mode is ClockMode.real:  # type: ignore[attr-defined]
        return "(SELECT real_now(0))"
    return "(SELECT coalesce(frozen_at, real_now(offset_micros)) FROM virtual_clock)"


class RealNow(FunctionElement[Any]):
    """The real instant as the database reads it: one clock for every process, for beats and leases, never for promises."""

    type = UtcDateTime()
    inherit_cache = True
    name = "real_now"


@compiles(RealNow, "postgresql")
def _postgresql_real_now(element: RealNow, compiler: SQLCompiler, **_: Any) -> str:
    return "(SELECT clock_timestamp())"


@compiles(RealNow, "sqlite")
def _sqlite_real_now(element: RealNow, compiler: SQLCompiler, **_: Any) -> str:
    return "(SELECT real_now(0))"


class NextNumber(FunctionElement[int]):
    """The next human-readable number of a model's rows, null where `Transaction.next_number` counts them."""

    type = BigInteger()
    inherit_cache = False
    name = "next_number"

    def __init__(self, table: Any) -> None:
        self.sequence = f"{table.__tablename__}_numbers"
        super().__init__()


@compiles(NextNumber, "postgresql")
def _postgresql_number(element: NextNumber, compiler: SQLCompiler, **_: Any) -> str:
    del compiler
    return f"nextval('{element.sequence}')"


@compiles(NextNumber, "sqlite")
def _sqlite_number(element: NextNumber, compiler: SQLCompiler, **_: Any) -> str:
    del element, compiler
    return "NULL"


class AnyOf(FunctionElement[bool]):
    """`column IN (list parameter)` with one parameter and one text, whatever the list's length."""

    type = Boolean()
    inherit_cache = True
    name = "any_of"

    def self_group(self, against: Any = None) -> Self:
        """Stay as it is: SQLite would be asked for `... = 1`, which no index serves."""
        del against
        return self


@compiles(AnyOf, "postgresql")
def _postgresql_any(element: AnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **kw)} = ANY({compiler.process(values, **kw)})"


@compiles(AnyOf, "sqlite")
def _sqlite_any(element: AnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **kw)} IN (SELECT value FROM json_each({compiler.process(values, **kw)}))"


class _ListParameter(Json):
    """A list: an array parameter on PostgreSQL, JSON text on SQLite."""

    cache_ok = True

    def __init__(self, item: Any) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(self.item))

    def bind_processor(self, dialect: Dialect) -> Any:
        return list if dialect.name == "postgresql" else super().bind_processor(dialect)


def any_of(column: Shown, name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the values of the list parameter `name`."""
    return AnyOf(column, bindparam(name, type_=_ListParameter(column.type)))


class JsonRow(FunctionElement[str]):
    """One row of a query as JSON text in the contract's form, written by the database; made by `json_row`."""

    type = Text()
    inherit_cache = False
    name = "json_row"

    def __init__(self, fields: Sequence[tuple[str, Shown]]) -> None:
        self.names = tuple(name for name, _ in fields)
        super().__init__(*(column for _, column in fields))


def json_row(fields: Fields) -> ColumnElement[str]:
    """Return the SQL that writes `fields` as one JSON object: instants with `Z` and six digits, money as text.

    Both engines write the same bytes. The far end of time is written as null.
    """
    return JsonRow(list(fields))


class JsonArray(FunctionElement[Any]):
    """Aggregate: JSON texts joined into one JSON array, in the order of the rows."""

    type = Json()
    inherit_cache = True
    name = "json_array"


@compiles(JsonArray, "postgresql")
def _postgresql_json_array(element: JsonArray, compiler: SQLCompiler, **kw: Any) -> str:
    return f"('[' || coalesce(string_agg({compiler.process(element.clauses, **kw)}, ','), '') || ']')::json"


@compiles(JsonArray, "sqlite")
def _sqlite_json_array(element: JsonArray, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json('[' || coalesce(group_concat({compiler.process(element.clauses, **kw)}, ','), '') || ']')"


def json_list(rows: Select[Any], fields: Fields, parent: Any) -> ColumnElement[Any]:
    """Return a JSON array column: `fields` of every row of `rows`, in its order, for each row of `parent`.

    `rows` is `select()` with FROM, WHERE (which names columns of `parent`) and ORDER BY.
    """
    inner = rows.with_only_columns(json_row(fields).label("item")).correlate(parent).subquery()
    return select(JsonArray(inner.c.item)).scalar_subquery()


def _is(column: ColumnElement[Any], kind: type) -> bool:
    return isinstance(column.type, kind)


_POSTGRES_INSTANT = '\'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\''


@compiles(JsonRow, "postgresql")
def _postgresql_json_row(element: JsonRow, compiler: SQLCompiler, **kw: Any) -> str:
    kw.pop("within_columns_clause", None)
    parts = []
    for name, column in zip(element.names, element.clauses, strict=True):
        text = compiler.process(column, **kw)
        if _is(column, UtcDateTime):
            far = f"timestamptz '{FAR_END:%Y-%m-%d %H:%M:%S}+00'"
            text = f"to_char(nullif({text}, {far}) AT TIME ZONE 'UTC', {_POSTGRES_INSTANT})"
        elif _is(column, Money):
            text = f"({text})::text"
        elif isinstance(column, JsonRow):
            text = f"{text}::json"
        parts.append(f'{text} AS "{name}"')
    return f"(SELECT row_to_json(r)::text FROM (SELECT {', '.join(parts)}) r)"


@compiles(JsonRow, "sqlite")
def _sqlite_json_row(element: JsonRow, compiler: SQLCompiler, **kw: Any) -> str:
    kw.pop("within_columns_clause", None)
    parts = []
    for name, column in zip(element.names, element.clauses, strict=True):
        text = compiler.process(column, **kw)
        if _is(column, UtcDateTime):
            text = f"nullif({text}, '{format_instant(FAR_END)}')"
        elif _is(column, Json) or isinstance(column, JsonRow):
            text = f"json({text})"
        elif _is(column, Boolean):
            text = f"json(CASE {text} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)"
        parts.append(f"'{name}', {text}")
    return f"json_object({', '.join(parts)})"
