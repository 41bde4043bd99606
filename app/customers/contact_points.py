"""Writes the numbers and addresses of a contact; the caller holds the customer's row and keeps the contact's version.

Not here: what a number looks like (`phones`, `values`), and who may read it (`queries`).
"""

from collections.abc import Sequence
from enum import StrEnum

from app import writing
from app.customers.masks import MaskUnclear, unmasked
from app.customers.models import ContactPoint
from app.database import Transaction
from app.errors import invalid_field
from app.statements import Row

Entries = Sequence[tuple[str, str | None]]


class PointKind(StrEnum):
    """How a contact is reached."""

    PHONE = "phone"
    EMAIL = "email"


async def add_points(tx: Transaction, contact: Row, kind: PointKind, entries: Entries) -> None:
    """Give a new contact his `(value, label)` entries, in their order."""
    await writing.insert_many(
        tx,
        ContactPoint,
        (_row(contact, kind, entry, position) for position, entry in enumerate(entries)),
    )


async def replace_points(tx: Transaction, contact: Row, kind: PointKind, entries: Entries) -> bool:
    """Make a kind's entries what is wanted, in that order; return whether anything differed.

    `contact` holds its `points` (`queries.CONTACT_LOCKED`).
    """
    before = {row["value"]: row for row in contact["points"] if row["kind"] == kind}
    entries = _meant(kind, entries, list(before))
    places = {value: (position, label) for position, (value, label) in enumerate(entries)}
    if {value: (row["position"], row["label"]) for value, row in before.items()} == places:
        return False
    for value, row in before.items():
        if value not in places:
            await writing.delete(tx, ContactPoint, row)
    for value, (position, label) in places.items():
        if value in before:
            await writing.update(tx, ContactPoint, before[value], position=position, label=label)
        else:
            await writing.insert(tx, ContactPoint, **_row(contact, kind, (value, label), position))
    return True


async def delete_points(tx: Transaction, contact: Row) -> None:
    """Delete everything by which a contact was reached."""
    for row in contact["points"]:
        await writing.delete(tx, ContactPoint, row)


def _meant(kind: PointKind, entries: Entries, known: Sequence[str]) -> Entries:
    """Return the entries with masked values put in clear; raises `Invalid` where one is unclear."""
    try:
        values = unmasked(kind, [value for value, _ in entries], known)
    except MaskUnclear as fault:
        field = "number" if kind is PointKind.PHONE else "address"
        code = "mask_ambiguous" if fault.is_ambiguous else f"{kind}_invalid"
        raise invalid_field(f"/{kind}s/{fault.place}/{field}", code) from fault
    return [(value, label) for value, (_, label) in zip(values, entries, strict=True)]


def _row(
    contact: Row, kind: PointKind, entry: tuple[str, str | None], position: int
) -> dict[str, object]:
    value, label = entry
    return {
        "contact_id": contact["id"],
        "customer_id": contact["customer_id"],
        "kind": kind.value,
        "value": value,
        "label": label,
        "position": position,
    }
