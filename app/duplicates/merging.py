"""Merges one customer's file into another's, and notes every value changed, so that it can be undone.

Everything that names the loser names the winner afterwards (`references`); what may stand once only, and stands at
the winner already, stays with the loser. His own promises are withdrawn with a reason, his tickets and obligations
keep their clocks as they are: no rule is applied anew by a merge, a later change of the winner's tier reaches them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.columns import Base, Money, UtcDateTime
from app.customers import freshness, search, search_queries
from app.customers import service as customers
from app.customers.changes import publish_change
from app.customers.models import Contact, Customer
from app.customers.names import name_key
from app.database import Transaction
from app.duplicates import queries, references
from app.duplicates.models import CustomerMerge, DuplicateReview, MergeChange
from app.duplicates.references import Reference
from app.duplicates.schemas import MergeCreate
from app.errors import invalid_field
from app.statements import Row
from app.time import format_instant, parse_instant

UNITED = ("tags", "need_keywords")
UNITED_MAX = 30


async def merge(tx: Transaction, principal: Principal, command: MergeCreate) -> dict[str, Any]:
    """Merge the loser into the winner and return the merge's row; publishes `customer.merged` for both.

    Raises `NotPermitted` or `Conflict` (`customer_merged`) for either, `Invalid` for who is none, and where both are one.
    """
    winner, loser = await _lock_both(tx, principal, str(command.winner_id), str(command.loser_id))
    at = await tx.now()
    row = await writing.insert(
        tx,
        CustomerMerge,
        winner_id=winner["id"],
        loser_id=loser["id"],
        reason=command.reason,
        taken=[one.value for one in command.take],
        merged_by=principal.user_id,
        merged_at=at,
    )
    notes = Notes(tx, row["id"])
    await freshness.end(tx, loser, reason=f"merged into {winner['number']}")
    await _demote(notes, winner, loser)
    counts = {
        one.place: await _move(notes, one, loser["id"], winner["id"]) for one in references.moved()
    }
    await notes.change(Customer, loser, merged_into_id=winner["id"], updated_at=at)
    taken = _taken(winner, loser, row["taken"])
    winner = await notes.change(Customer, winner, **taken, updated_at=at)
    await notes.write()
    row = dict(
        await writing.update(
            tx, CustomerMerge, row, counts={name: count for name, count in counts.items() if count}
        )
    )
    await _close_reviews(tx, principal, winner, loser, at)
    await search.forget(tx, loser["id"])
    await search.refresh(tx, winner["id"])
    for customer, told in (
        (winner, {"from": loser["public_id"]}),
        (loser, {"into": winner["public_id"]}),
    ):
        await publish_change(
            tx, "customer.merged", customer, at=at, data={**told, "merge": row["public_id"]}
        )
    return row


async def _lock_both(
    tx: Transaction, principal: Principal, winner_id: str, loser_id: str
) -> tuple[Row, Row]:
    """Return both rows, held in one order whoever wins."""
    if winner_id == loser_id:
        raise invalid_field("/loser_id", "same_customer")
    named = {"/winner_id": winner_id, "/loser_id": loser_id}
    rows = await tx.all(search_queries.NAMED, public_ids=list(named.values()))
    known = {row["public_id"] for row in rows}
    for pointer, public_id in named.items():
        if public_id not in known:
            raise invalid_field(pointer, "unknown_reference")
    held = {
        one: await customers.lock_to_merge(tx, principal, one)
        for one in sorted((winner_id, loser_id))
    }
    return held[winner_id], held[loser_id]


class Notes:
    """Changes rows and keeps what they were."""

    def __init__(self, tx: Transaction, merge_key: int) -> None:
        self.tx = tx
        self.merge_key = merge_key
        self.kept: list[dict[str, Any]] = []

    def note(self, place: str, row: Row, values: Mapping[str, Any]) -> None:
        """Keep the old values of a row's columns."""
        for name, value in values.items():
            if row[name] != value:
                self.kept.append(
                    {
                        "merge_id": self.merge_key,
                        "place": place,
                        "row_id": row["id"],
                        "field": name,
                        "old": packed(row[name]),
                        "new": packed(value),
                    }
                )

    async def change(self, model: type[Base], row: Row, **values: Any) -> Row:
        """Change an audited row and return it as it is then; its time of change is not undone."""
        noted = {name: value for name, value in values.items() if name != "updated_at"}
        self.note(model.__tablename__, row, noted)
        if all(row[name] == value for name, value in noted.items()):
            return row
        return await writing.update(self.tx, model, row, **values)

    async def write(self) -> None:
        """Hold the notes back."""
        await writing.insert_many(self.tx, MergeChange, self.kept)


def packed(value: Any) -> Any:
    """Return a column's value as JSON keeps it."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def unpacked(column: Any, value: Any) -> Any:
    """Return what `packed` made of a value of `column`."""
    if value is None:
        return None
    if isinstance(column.type, UtcDateTime):
        return parse_instant(value)
    if isinstance(column.type, Money):
        return Decimal(value)
    return date.fromisoformat(value) if column.type.python_type is date else value


async def _demote(notes: Notes, winner: Row, loser: Row) -> None:
    """Leave the winner his primary contact: there is one at most."""
    if await notes.tx.all(queries.PRIMARY_CONTACTS, customer_key=winner["id"]):
        for row in await notes.tx.all(queries.PRIMARY_CONTACTS, customer_key=loser["id"]):
            await notes.change(Contact, row, is_primary=False)


async def _move(notes: Notes, reference: Reference, loser: int, winner: int) -> int:
    """Make rows name the winner, and return how many did."""
    tx, column = notes.tx, reference.column
    rows = await tx.all(reference.rows, customer_key=loser)
    if not rows:
        return 0
    staying = await _colliding(tx, reference, loser, winner)
    going = [row for row in rows if row["id"] not in staying]
    for row in going:
        notes.note(reference.place, row, {column: winner})
    await point(tx, reference.model, going, column, winner)
    return len(going)


async def point(
    tx: Transaction, model: type[Base], rows: Iterable[Row], column: str, value: Any
) -> None:
    """Set one column of rows, one by one where the audit asks for it."""
    if writing.is_audited(model):
        for row in rows:
            await writing.update(tx, model, row, **{column: value})
        return
    await writing.update_many(tx, model, [{"id": row["id"], column: value} for row in rows])


async def _colliding(tx: Transaction, reference: Reference, loser: int, winner: int) -> set[int]:
    """Return the keys of the loser's rows beside which the winner has one already."""
    found: set[int] = set()
    for unique in reference.uniques:
        there = await tx.all(unique.rows, customer_key=winner)
        known = {tuple(row[name] for name in unique.others) for row in there}
        found |= {
            row["id"]
            for row in await tx.all(unique.rows, customer_key=loser)
            if tuple(row[name] for name in unique.others) in known
        }
    return found


def _taken(winner: Row, loser: Row, fields: Iterable[str]) -> dict[str, Any]:
    """Return what the winner takes over: values as the loser has them, lists united."""
    values: dict[str, Any] = {}
    for name in fields:
        if name in UNITED:
            values[name] = list(dict.fromkeys((*winner[name], *loser[name])))[:UNITED_MAX]
        else:
            values[name] = loser[name]
    if "name" in values:
        values["name_key"] = name_key(values["name"])
    if "revenue" in values:
        values["revenue_currency"] = loser["revenue_currency"]
    return values


async def _close_reviews(
    tx: Transaction, principal: Principal, winner: Row, loser: Row, at: datetime
) -> None:
    pair = sorted((winner["id"], loser["id"]))
    for row in await tx.all(queries.PAIR, one=pair[0], other=pair[1]):
        decided = {"decided_by": principal.user_id, "decided_at": at}
        await writing.update(tx, DuplicateReview, row, state="merged", **decided)
