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
    about = (subject_type, subject_id)
    return await writing.insert(
        tx, OutboxMessage, **message(event, about, payload or {}, at=at, not_before=not_before)
    )


def message(
    event: str,
    about: tuple[str | None, str | None],
    payload: Mapping[str, Any],
    *,
    at: datetime,
    not_before: datetime | None = None,
) -> dict[str, Any]:
    """Return one message's values, for `writing.insert_many`; `about` is the subject's type and public id."""
    return {
        "event": event,
        "subject_type": about[0],
        "subject_id": about[1],
        "payload": dict(payload),
        "occurred_at": at,
        "attempt_at": not_before or at,
    }
