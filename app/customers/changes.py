"""What happened to a customer's file: a row of its history and the event, in the writer's own transaction.

The outbox forgets and the audit keeps what a merge must not move; the timeline is made anew from these rows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import writing
from app.customers.models import CustomerChange
from app.database import Transaction
from app.outbox.service import publish
from app.statements import Row

TOLD = ("status", "tier")
SILENT = frozenset({"name_key"})


async def publish_change(
    tx: Transaction,
    event: str,
    customer: Row,
    *,
    at: datetime,
    contact: Row | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append a change to the file's history and publish it, both under one id; `data` holds no personal value."""
    if contact is None:
        subject, payload = ("customer", customer["public_id"]), {}
    else:
        subject = ("contact", contact["public_id"])
        payload = {"customer_id": customer["public_id"]}
    await publish_about(tx, event, customer["id"], subject, at=at, payload=payload, data=data)


async def publish_about(
    tx: Transaction,
    event: str,
    customer_id: int,
    subject: tuple[str, str],
    *,
    at: datetime,
    payload: Mapping[str, Any],
    data: Mapping[str, Any] | None = None,
) -> None:
    """The same for what happened to a matter of the file: `subject` is its type and its public id."""
    kind, public_id = subject
    message = await publish(
        tx, event, at=at, subject_type=kind, subject_id=public_id, payload=payload
    )
    await writing.insert(
        tx,
        CustomerChange,
        public_id=message["public_id"],
        customer_id=customer_id,
        event=event,
        at=at,
        subject_type=kind,
        subject_id=public_id,
        actor_id=tx.actor.user_id,
        data=dict(data or {}),
    )


def told_of(old: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a change tells of itself: `fields` that differ, by name, and `{"from", "to"}` of tier and status."""
    changed = sorted(name for name, value in values.items() if name in old and old[name] != value)
    told: dict[str, Any] = {"fields": [name for name in changed if name not in SILENT]}
    return told | {
        name: {"from": old[name], "to": values[name]} for name in changed if name in TOLD
    }
