"""Tells a customer's owner what others change of his key contacts (SOP CU-7): decision makers, the primary contact.

One line of the inbox for each customer and transaction, whatever is changed in it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from app import writing
from app.auth.models import User
from app.customers.wording import key_contacts_changed
from app.database import Transaction
from app.notifications.models import Notification
from app.notifications.release import Delivery, deliver
from app.notifications.service import announce
from app.sla.engine.ladder import release_at
from app.statements import Row, Statement

KIND = "customer.key_contacts_changed"
_ROLES = ("is_decision_maker", "is_primary")
_TOLD = ("name", "title", *_ROLES)
_COLLECTED = "key_contacts_changed"
OWNER = Statement(select(User.zone, User.is_active).where(User.id == bindparam("user_key")))


async def note_change(
    tx: Transaction,
    customer: Row,
    before: Row | None,
    after: Row | None,
    *,
    at: datetime,
    moved: Sequence[str] = (),
) -> None:
    """Tell the owner of a contact that was added (`before` None), left (`after` None) or changed, if it is a key one.

    `moved`: which of `phones` and `emails` differ. What the owner does himself is told to nobody.
    """
    owner_id = customer["owner_id"]
    item = _item(before, after, moved)
    if item is None or owner_id is None or owner_id == tx.actor.user_id:
        return
    collected = tx.notes.setdefault(_COLLECTED, {})
    line = collected.get(customer["id"])
    if line is not None:
        line["data"] = {**line["data"], "items": [*line["data"]["items"], item]}
        await tx.flush()
        row = {"id": line["id"], "data": line["data"]}
        await writing.update_many(tx, Notification, [row])
        return
    written = await _tell(tx, customer, owner_id, item, at)
    if written is not None:
        collected[customer["id"]] = written


def _item(before: Row | None, after: Row | None, moved: Sequence[str]) -> dict[str, Any] | None:
    """Return {contact_id, name, roles, change, fields}, None where no key contact is concerned."""
    shown = after or before or {}
    roles = [one for one in _ROLES if any(row is not None and row[one] for row in (before, after))]
    if not roles:
        return None
    fields: list[str] = []
    change = "added" if before is None else "left"
    if before is not None and after is not None:
        change = "changed"
        fields = [*(name for name in _TOLD if before[name] != after[name]), *moved]
        if not fields:
            return None
    return {
        "contact_id": shown["public_id"],
        "name": shown["name"],
        "roles": roles,
        "change": change,
        "fields": fields,
    }


async def _tell(
    tx: Transaction, customer: Row, owner_id: int, item: dict[str, Any], at: datetime
) -> dict[str, Any] | None:
    """Hold back the line, after quiet hours where they are; None for an owner who has left."""
    owner = (await tx.peek(OWNER, user_key=owner_id))[0]
    if not owner["is_active"]:
        return None
    deliver_at = release_at(at, ZoneInfo(owner["zone"]), customer["tier"])
    data = {
        "customer_id": customer["public_id"],
        "customer": f"{customer['number']} {customer['name']}",
        "by": tx.actor.name,
        "items": [item],
    }
    row = await writing.insert(
        tx,
        Notification,
        user_id=owner_id,
        kind=KIND,
        data=data,
        created_at=at,
        deliver_at=deliver_at,
    )
    await announce(tx, [row["id"]], at=at, deliver_at=deliver_at)
    return {"id": row["id"], "data": data}


async def release(tx: Transaction, lines: Sequence[Row], now: datetime) -> None:
    """Deliver lines about customers; a `notifications.release.Family`."""
    await deliver(
        tx,
        [Delivery(line, key_contacts_changed(line["data"]), line["data"]) for line in lines],
        at=now,
    )
