"""Tells people: inbox lines written with the change they speak of, delivered by the relay when they may be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app import writing
from app.database import Transaction
from app.notifications.models import Notification
from app.outbox import service as outbox

READY = "notification.ready"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is to be told; shown and sent from `deliver_at` on."""

    user_id: int
    kind: str
    deliver_at: datetime
    escalation_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


async def tell(tx: Transaction, notices: Iterable[Notice], *, at: datetime) -> None:
    """Hold back one inbox line for each notice, and the message that makes the relay deliver it."""
    for notice in notices:
        row = await writing.insert(
            tx,
            Notification,
            user_id=notice.user_id,
            escalation_id=notice.escalation_id,
            kind=notice.kind,
            data=dict(notice.data),
            created_at=at,
            deliver_at=notice.deliver_at,
        )
        await outbox.publish(
            tx,
            READY,
            at=at,
            subject_type="notification",
            subject_id=row["public_id"],
            payload={"notification_key": row["id"]},
            not_before=notice.deliver_at,
        )
