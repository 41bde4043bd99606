"""What happened to a subject: the appended, totally ordered facts that deadlines are computed from.

Only the values live here. What a fact does to a clock is data in `register`, and the fold is in
`clock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class FactKind(StrEnum):
    """Kinds of facts; the values are what is stored.

    All but `answered` mirror the moves of a ticket. `answered` ends the clock of any other subject
    (a follow-up, a survey, a plan) and may be back-dated (deadlines 1.7).
    """

    OPENED = "opened"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    MESSAGE = "message"
    NO_REPLY_NEEDED = "no_reply_needed"
    AGREED = "agreed"
    AGREEMENT_APPROVED = "agreement_approved"
    TASK_FORCE_FORMED = "task_force_formed"
    PLAN_STATED = "plan_stated"
    WAITING = "waiting"
    RESUMED = "resumed"
    PAUSE_APPROVED = "pause_approved"
    RESOLVED = "resolved"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"
    RECLASSIFIED = "reclassified"
    TIER_CHANGED = "tier_changed"
    POLICY_ASSIGNED = "policy_assigned"
    CALENDAR_ASSIGNED = "calendar_assigned"
    MERGED = "merged"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    CORRECTED = "corrected"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, at an aware instant.

    `sequence` orders the facts of a subject totally. `data` may come from JSON: instants in it are
    datetimes or RFC 3339 text, references to policies and calendars are `[name, version]`.
    """

    sequence: int
    kind: FactKind
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    recorded_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """Return the instant from which the fact counts as known.

        Only `answered` may be back-dated; every other fact is stamped by the server, so its own
        instant is the answer even when `recorded_at` was read from another clock.
        """
        if self.kind is FactKind.ANSWERED and self.recorded_at is not None:
            return max(self.at, self.recorded_at)
        return self.at


def instant_of(value: datetime | str) -> datetime:
    """Return an aware UTC instant from a datetime or RFC 3339 text; ValueError if it is naive."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if at.tzinfo is None:
        raise ValueError(f"instant without a zone: {value!r}")
    return at.astimezone(UTC)
