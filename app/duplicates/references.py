"""Every place that names a customer, read off the tables' metadata: what a merge moves, and what it leaves.

A column refers to a customer by its foreign key, or by being called `customer_id` where the ladder forbids one. Who
adds such a column has it moved without a word here; what must stay is in `STAYS`, with why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Index, Table, UniqueConstraint, bindparam, select

from app.columns import Base
from app.statements import Statement, any_of

CUSTOMERS = "customers"
NAME = "customer_id"

STAYS: Mapping[tuple[str, str], str] = {
    ("audit_entries", NAME): "the log is never rewritten; it says whom an entry was about then",
    ("personal_keys", NAME): "it opens what the log sealed for that customer",
    ("customer_search", "id"): "derived: the loser's row goes, the winner's is written anew",
    ("customer_figures", NAME): "derived: counted anew from what was moved",
    ("segment_members", NAME): "derived: both are looked at again when they have been merged",
    ("customer_tiers", NAME): "derived: what the policy says of that customer",
    ("customer_tier_changes", NAME): "his own history, read under his own id",
    (
        "customer_stage_changes",
        NAME,
    ): "his own way, counted once by the funnel, read under his own id",
    ("customer_merges", "winner_id"): "says who was merged into whom",
    ("customer_merges", "loser_id"): "says who was merged into whom",
    ("duplicate_reviews", "one_id"): "says who was compared",
    ("duplicate_reviews", "other_id"): "says who was compared",
}


@dataclass(frozen=True, slots=True)
class Unique:
    """What can stand once for a customer: his rows by the other columns of a unique constraint or index."""

    others: tuple[str, ...]
    rows: Statement


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names a customer: `rows` are whole and held, those of `customer_key`."""

    model: type[Base]
    column: str
    rows: Statement
    uniques: tuple[Unique, ...]

    @property
    def place(self) -> str:
        """The table's name."""
        return str(self.model.__table__.name)  # type: ignore[attr-defined]


def naming_columns() -> Iterator[tuple[Table, str]]:
    """Return every column that names a customer, tables that are pointed at first."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            points = any(key.target_fullname == f"{CUSTOMERS}.id" for key in column.foreign_keys)
            if points or column.name == NAME:
                yield table, column.name


@cache
def models() -> Mapping[str, type[Base]]:
    """Return the class of every table by name."""
    return {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]


@cache
def moved() -> tuple[Reference, ...]:
    """Return the references that a merge moves: the engine's subjects first, whose rows are everybody's lock."""
    found = [
        _reference(table, column)
        for table, column in naming_columns()
        if (table.name, column) not in STAYS
    ]
    return tuple(sorted(found, key=lambda one: one.place != "sla_subjects"))


def _reference(table: Table, name: str) -> Reference:
    column = table.columns[name]
    rows = (
        select(*table.columns)
        .where(column == bindparam("customer_key"))
        .order_by(table.columns["id"])
        .with_for_update()
    )
    return Reference(models()[table.name], name, Statement(rows), tuple(_uniques(table, column)))


def _uniques(table: Table, column: ColumnElement[Any]) -> Iterator[Unique]:
    constraints = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    indexes = [one for one in table.indexes if one.unique]
    uniques: list[UniqueConstraint | Index] = [*constraints, *indexes]
    for one in uniques:
        names = [part.name for part in one.columns]
        if column.key not in names:
            continue
        others = tuple(name for name in names if name != column.key)
        rows = select(table.columns["id"], *(table.columns[name] for name in others)).where(
            column == bindparam("customer_key")
        )
        where = one.dialect_options["postgresql"].get("where") if isinstance(one, Index) else None
        yield Unique(others, Statement(rows if where is None else rows.where(where)))


@cache
def by_key(place: str) -> Statement:
    """Return the rows of a table by the list `keys`, whole and held."""
    table = models()[place].__table__
    return Statement(
        select(*table.columns)
        .where(any_of(table.columns["id"], "keys"))
        .order_by(table.columns["id"])
    )
