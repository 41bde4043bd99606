"""Changes of a customer's contacts; the customer's row is held by the caller (`service.lock_customer`).

A contact's row holds his `points`, the rows of his numbers and addresses in their order.

Every function works in the caller's transaction and publishes what it did, ids only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app import writing
from app.audit.service import write_entry
from app.customers import freshness, queries, search
from app.customers.changes import publish_change, told_of
from app.customers.contact_points import (
    Entries,
    PointKind,
    add_points,
    delete_points,
    replace_points,
)
from app.customers.contact_schemas import ContactCreate, ContactPatch
from app.customers.key_contacts import note_change
from app.customers.models import Contact
from app.database import Transaction
from app.errors import Conflict, NotFound, invalid_field
from app.statements import Row


async def lock_contact(tx: Transaction, customer: Row, public_id: str) -> Row:
    """Return a contact's row, held for writing; raises `NotFound` where it is not this customer's."""
    rows = await tx.all(queries.CONTACT_LOCKED, customer_key=customer["id"], contact_id=public_id)
    if not rows:
        raise NotFound
    return dict(rows[0])


async def create_contact(
    tx: Transaction,
    customer: Row,
    command: ContactCreate,
    *,
    at: datetime | None = None,
    is_first: bool = False,
) -> dict[str, Any]:
    """Add a person to a customer and return the row; publishes `contact.created`.

    `is_first`: this transaction has made the customer, so there is nobody else, nothing to answer and nobody to tell;
    the caller indexes both. `at` is now unless the caller has asked for it.
    """
    at = at or await tx.now()
    check_contact(command, at)
    if command.is_primary and not is_first:
        await _demote_others(tx, customer, None, at)
    row = await writing.insert(
        tx,
        Contact,
        **command.model_dump(exclude={"phones", "emails"}, mode="json"),
        customer_id=customer["id"],
        created_at=at,
        updated_at=at,
    )
    for kind, entries in _entries(command).items():
        await add_points(tx, row, kind, entries)
    await publish_change(tx, "contact.created", customer, at=at, contact=row)
    if not is_first:
        await search.refresh(tx, customer["id"])
        await note_change(tx, customer, None, row, at=at)
        await freshness.touch(tx, customer, at=at)
    return row


async def patch_contact(tx: Transaction, customer: Row, contact: Row, command: ContactPatch) -> Row:
    """Change what the command names and return the row; publishes `contact.updated` where anything differs."""
    values = command.model_dump(exclude={"phones", "emails"}, exclude_unset=True, mode="json")
    at = await tx.now()
    check_contact(command, at)
    moved = [
        f"{kind}s"
        for kind, entries in _entries(command).items()
        if await replace_points(tx, contact, kind, entries)
    ]
    if not moved and all(contact[name] == value for name, value in values.items()):
        return contact
    if values.get("is_primary"):
        await _demote_others(tx, customer, contact["id"], at)
    row = await _change(tx, customer, contact, values, at, moved=moved)
    await search.refresh(tx, customer["id"])
    await freshness.touch(tx, customer, at=at)
    return row


async def delete_contact(tx: Transaction, customer: Row, contact: Row) -> None:
    """Delete a contact and publish `contact.deleted`; raises `Conflict` while any record names it."""
    if await tx.value(queries.contact_references(), contact_key=contact["id"]):
        raise Conflict("contact_in_use")
    await delete_points(tx, contact)
    await writing.delete(tx, Contact, contact)
    await search.refresh(tx, customer["id"])
    at = await tx.now()
    await publish_change(tx, "contact.deleted", customer, at=at, contact=contact)
    await note_change(tx, customer, contact, None, at=at)
    await freshness.touch(tx, customer, at=at)


async def reveal_contact(
    tx: Transaction, customer: Row, public_id: str, reason: str
) -> dict[str, Any]:
    """Return what the mask hides of a contact, and record who looked and why; raises `NotFound`."""
    contact = await tx.one(queries.CONTACT, customer_key=customer["id"], contact_id=public_id)
    if contact is None:
        raise NotFound
    await write_entry(
        tx,
        "contact.reveal",
        entity="contact",
        entity_key=contact["id"],
        entity_id=contact["public_id"],
        customer_id=customer["id"],
        changes={"reason": [None, reason]},
    )
    return {
        "id": contact["public_id"],
        "phones": [
            {"number": row["value"], "label": row["label"]}
            for row in contact["points"]
            if row["kind"] == PointKind.PHONE
        ],
        "emails": [
            {"address": row["value"], "label": row["label"]}
            for row in contact["points"]
            if row["kind"] == PointKind.EMAIL
        ],
    }


def _entries(command: ContactCreate | ContactPatch) -> dict[PointKind, Entries]:
    """Return the numbers and addresses that a command names, as `(value, label)`."""
    given = command.model_fields_set
    found: dict[PointKind, Entries] = {}
    if "phones" in given:
        found[PointKind.PHONE] = [(one.number, one.label) for one in command.phones]
    if "emails" in given:
        found[PointKind.EMAIL] = [(one.address, one.label) for one in command.emails]
    return found


def check_contact(command: ContactCreate | ContactPatch, at: datetime) -> None:
    """Raise `Invalid` for what a contact cannot be at this instant: born after it."""
    birthday = command.birthday
    if birthday is not None and birthday.year is not None and birthday.year > at.year:
        raise invalid_field("/birthday/year", "in_the_future")


async def _demote_others(
    tx: Transaction, customer: Row, contact_key: int | None, at: datetime
) -> None:
    """Leave the first place free: there is one primary contact at most."""
    for row in await tx.all(queries.PRIMARY_CONTACTS, customer_key=customer["id"]):
        if row["id"] != contact_key:
            await _change(tx, customer, dict(row), {"is_primary": False}, at)


async def _change(
    tx: Transaction,
    customer: Row,
    contact: Row,
    values: Mapping[str, Any],
    at: datetime,
    *,
    moved: Sequence[str] = (),
) -> Row:
    """Write the row with a new version, and publish; `moved` are the lists beside it that differ."""
    row = await writing.update(
        tx, Contact, contact, **values, version=contact["version"] + 1, updated_at=at
    )
    told = told_of(contact, values)
    data = told | {"fields": sorted([*told["fields"], *moved])}
    await publish_change(tx, "contact.updated", customer, at=at, contact=row, data=data)
    await note_change(tx, customer, contact, row, at=at, moved=moved)
    return row
