"""Changes of a customer's contacts; the customer's row is held by the caller (`service.lock_customer`).

Every function works in the caller's transaction and publishes what it did, ids only.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import writing
from app.audit.service import write_entry
from app.customers import freshness, queries
from app.customers.changes import publish_change, told_of
from app.customers.models import Contact
from app.customers.schemas import ContactCreate, ContactPatch
from app.database import Transaction
from app.errors import Conflict, NotFound
from app.statements import Row


async def lock_contact(tx: Transaction, customer: Row, public_id: str) -> Row:
    """Return a contact's row, held for writing; raises `NotFound` where it is not this customer's."""
    rows = await tx.all(queries.CONTACT_LOCKED, customer_key=customer["id"], contact_id=public_id)
    if not rows:
        raise NotFound
    return dict(rows[0])


async def create_contact(tx: Transaction, customer: Row, command: ContactCreate) -> dict[str, Any]:
    """Add a person to a customer and return the row; publishes `contact.created`."""
    at = await tx.now()
    if command.is_primary:
        await _demote_others(tx, customer, None, at)
    row = await writing.insert(
        tx,
        Contact,
        **command.model_dump(),
        customer_id=customer["id"],
        created_at=at,
        updated_at=at,
    )
    await publish_change(tx, "contact.created", customer, at=at, contact=row)
    await freshness.touch(tx, customer, at=at)
    return row


async def patch_contact(tx: Transaction, customer: Row, contact: Row, command: ContactPatch) -> Row:
    """Change what the command names and return the row; publishes `contact.updated` where anything differs."""
    values = command.model_dump(exclude_unset=True)
    if all(contact[name] == value for name, value in values.items()):
        return contact
    at = await tx.now()
    if values.get("is_primary"):
        await _demote_others(tx, customer, contact["id"], at)
    row = await _change(tx, customer, contact, values, at)
    await freshness.touch(tx, customer, at=at)
    return row


async def delete_contact(tx: Transaction, customer: Row, contact: Row) -> None:
    """Delete a contact and publish `contact.deleted`; raises `Conflict` while any record names it."""
    if await tx.value(queries.contact_references(), contact_key=contact["id"]):
        raise Conflict("contact_in_use")
    await writing.delete(tx, Contact, contact)
    at = await tx.now()
    await publish_change(tx, "contact.deleted", customer, at=at, contact=contact)
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
    return {"id": contact["public_id"], "phone": contact["phone"], "email": contact["email"]}


async def _demote_others(
    tx: Transaction, customer: Row, contact_key: int | None, at: datetime
) -> None:
    """Leave the first place free: there is one primary contact at most."""
    for row in await tx.all(queries.PRIMARY_CONTACTS, customer_key=customer["id"]):
        if row["id"] != contact_key:
            await _change(tx, customer, dict(row), {"is_primary": False}, at)


async def _change(
    tx: Transaction, customer: Row, contact: Row, values: Mapping[str, Any], at: datetime
) -> Row:
    row = await writing.update(tx, Contact, contact, **values, updated_at=at)
    await publish_change(
        tx, "contact.updated", customer, at=at, contact=row, data=told_of(contact, values)
    )
    return row
