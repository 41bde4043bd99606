"""Tells people: inbox lines written with the change they speak of, delivered by the relay when they may be."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import invalid_field
from app.notifications import queries
from app.notifications.models import Notification
from app.notifications.schemas import ReadAll
from app.outbox import service as outbox

READY = "notification.ready"
LINES_PER_MESSAGE = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is to be told; shown and sent from `deliver_at` on."""

    user_id: int
    kind: str
    deliver_at: datetime
    escalation_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def tell(tx: Transaction, notices: Iterable[Notice], *, at: datetime) -> None:
    """Hold back one inbox line for each notice, and the messages that make the relay deliver them."""
    rows = await writing.insert_many(
        tx,
        Notification,
        [
            {
                "user_id": notice.user_id,
                "escalation_id": notice.escalation_id,
                "kind": notice.kind,
                "data": dict(notice.data),
                "created_at": at,
                "deliver_at": notice.deliver_at,
            }
            for notice in notices
        ],
    )
    keys: dict[datetime, list[int]] = {}
    for row in rows:
        keys.setdefault(row["deliver_at"], []).append(row["id"])
    for deliver_at, lines in keys.items():
        for first in range(0, len(lines), LINES_PER_MESSAGE):
            await announce(
                tx, lines[first : first + LINES_PER_MESSAGE], at=at, deliver_at=deliver_at
            )


async def announce(
    tx: Transaction, keys: Sequence[int], *, at: datetime, deliver_at: datetime
) -> None:
    """Hold back the one message that makes the relay deliver these lines."""
    payload = {"notification_keys": list(keys)}
    await outbox.publish(tx, READY, at=at, payload=payload, not_before=deliver_at)


async def mark_read(tx: Transaction, principal: Principal, public_id: str) -> None:
    """Mark a line of the caller's own inbox as read; one already read keeps its instant."""
    values = {"one_id": public_id, "user_key": principal.user_id, "now": await tx.now()}
    await writing.change_set(tx, Notification, queries.READ_ONE, **values)


async def read_up_to(tx: Transaction, principal: Principal, asked: ReadAll) -> int:
    """Mark as read what was delivered to the caller up to a point, inclusive; returns how many lines.

    Raises `Invalid` for a line that is not in his inbox.
    """
    now = await tx.now()
    up_to = asked.up_to or now
    if asked.up_to_id is not None:
        up_to = await tx.value(
            queries.DELIVERED_AT, user_key=principal.user_id, public_id=str(asked.up_to_id)
        )
        if up_to is None:
            raise invalid_field("/up_to_id", "unknown_reference")
    values = {"user_key": principal.user_id, "up_to": up_to, "now": now}
    return len(await writing.change_set(tx, Notification, queries.READ_UP_TO, **values))
