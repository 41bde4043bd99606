"""The declarative base and the column types that mean the same on SQLite and PostgreSQL.

Every table of `app` hangs on `Base`; no other module defines a column type. What statements do with the types
is in `statements`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
    types,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils import uuid7

from app.time import format_instant, parse_instant

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The one registry of tables; the classes describe tables, nobody loads entities through them."""

    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: `timestamptz` on PostgreSQL, sortable RFC 3339 text with six digits on SQLite."""

    impl = types.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Choose the stored form."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def bind_processor(self, dialect: Dialect) -> Any:
        """Refuse naive instants on the way in; every instant written goes through here, so it is one call."""
        if dialect.name == "postgresql":
            return _aware
        return lambda value: None if value is None else format_instant(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give back an aware UTC instant."""
        return parse_instant(value) if isinstance(value, str) else value


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return value


class PublicId(TypeDecorator[str]):
    """A UUID as the API shows it, always text in Python: `uuid` on PostgreSQL, text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Choose the stored form."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=False))
        return dialect.type_descriptor(Text())


class Json(TypeDecorator[Any]):
    """A JSON value, stored as the very text orjson writes, so both engines give back the same bytes."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Choose the stored form: `json`, not `jsonb`, which would rewrite the text."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSON())
        return dialect.type_descriptor(Text())

    def bind_processor(self, dialect: Dialect) -> Any:
        """Write the text once, for both engines (the driver's own JSON codec is left out)."""
        return lambda value: None if value is None else orjson.dumps(value).decode()

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """Read text; PostgreSQL's codec has parsed it already."""
        return lambda value: orjson.loads(value) if isinstance(value, str) else value


class Money(TypeDecorator[Decimal]):
    """An amount with two digits: `numeric(18, 2)` on PostgreSQL, decimal text on SQLite; never a float."""

    impl = Numeric(18, 2)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Choose the stored form."""
        return dialect.type_descriptor(Numeric(18, 2) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Round to the stored two digits."""
        if value is None:
            return None
        exact = Decimal(value).quantize(Decimal("0.01"))
        return exact if dialect.name == "postgresql" else str(exact)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Give back a Decimal."""
        return None if value is None else Decimal(value)


class SortKey(TypeDecorator[str]):
    """Text compared byte by byte on both engines, so that a keyset has one order."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """PostgreSQL needs the C collation; SQLite compares bytes already."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(String(collation="C"))
        return dialect.type_descriptor(String())


def new_public_id() -> str:
    """Return a new UUIDv7 as text."""
    return str(uuid7())


def key_column() -> Mapped[int]:
    """Return the integer primary key that stays inside; `Transaction.next_key` gives its values."""
    return mapped_column(
        BigInteger().with_variant(types.Integer(), "sqlite"), primary_key=True, autoincrement=False
    )


def public_id_column() -> Mapped[str]:
    """Return the UUIDv7 that the API shows."""
    return mapped_column(PublicId, unique=True)


def table_columns(table: Any) -> list[Column[Any]]:
    """Return a declarative class's columns in the table's order."""
    return list(table.__table__.columns)
