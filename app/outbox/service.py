"""Publishes events into the outbox, in the writer's own transaction; the relay hands them on after the commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import writing
from app.database import Transaction
from app.outbox.models import OutboxMessage


async def publish(
    tx: Transaction,
    event: str,
    *,
    at: datetime,
    subject_type: str | None = None,
    subject_id: str | None = None,
    payload: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
) -> dict[str, Any]:
    """Hold back one message and return its row; `event` is dotted past tense (`ticket.resolved`), ids are public, no personal data.

    `at` is the domain instant of the fact; the relay takes the message up at `not_before`, or at once.
    """
    return await writing.insert(
        tx,
        OutboxMessage,
        event=event,
        subject_type=subject_type,
        subject_id=subject_id,
        payload=dict(payload or {}),
        occurred_at=at,
        attempt_at=not_before or at,
    )
