"""Questions about a ticket's waiting: its pauses, how much of its budget they used, when the system closes it.

Pure: all are answered from facts alone. Who may approve a pause and who closes is the tickets'
business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from app.calendars.target import Target, due_from
from app.sla.engine.clock_row import Flag
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import HOUSE_PAUSE_LIMIT
from app.sla.engine.subject import Subject, Wait

if TYPE_CHECKING:
    from app.calendars.working_time import Calendar


class PauseEnd(StrEnum):
    """How a pause ended: by the customer's word, by going on without it, at its limit, with the work on the ticket."""

    CUSTOMER = "customer"
    RESUMED = "resumed"
    LIMIT = "limit"
    ENDED = "ended"
    RUNNING = "running"


_ENDS = {FactKind.MESSAGE: PauseEnd.CUSTOMER, FactKind.RESUMED: PauseEnd.RESUMED}


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait as it stands at an instant; `sequence` is its fact's. A running one ends at `ends_at` by itself.

    `seconds` is the open time that it covered so far, in the calendar of the ticket's `resolve` clock, in the
    working calendar where there is none.
    """

    sequence: int
    started_at: datetime
    ends_at: datetime
    end: PauseEnd
    seconds: int


@dataclass(frozen=True, slots=True)
class PauseBudget:
    """Working seconds that a ticket has spent waiting for the customer, and how many it may.

    `granted_seconds` are what supervisors approved beyond the budget, the last of them `granted_by` (a public id).
    """

    used_seconds: int
    budget_seconds: int | None
    granted_seconds: int = 0
    granted_by: str | None = None

    @property
    def needs_approval(self) -> bool:
        """Say whether another pause needs a supervisor: the budget is used up, and what was granted beyond it."""
        return self.is_used_up and self.left_seconds == 0

    @property
    def is_used_up(self) -> bool:
        """Say whether another pause lies beyond the budget, granted or not."""
        return self.budget_seconds is not None and self.used_seconds >= self.budget_seconds

    @property
    def left_seconds(self) -> int | None:
        """Return how much time for waiting is left, None where there is no limit."""
        if self.budget_seconds is None:
            return None
        return max(0, self.budget_seconds + self.granted_seconds - self.used_seconds)


def pause_budget(subject: Subject, now: datetime) -> PauseBudget:
    """Return the pause used up to `now`, each wait up to its end or limit, in working time."""
    waiting = subject.setting.policy.waiting if subject.setting.policy else None
    budget = waiting.budget_seconds if waiting is not None else None
    granted = sum(int(grant["seconds"]) for grant in subject.grants)
    granted_by = subject.grants[-1]["approved_by"] if subject.grants else None
    if not subject.waits:
        return PauseBudget(0, budget, granted, granted_by)
    calendar = subject.setting.working_calendar()
    used = sum(
        calendar.open_micros(wait.started_at, min(wait.ends_at, now)) for wait in subject.waits
    )
    return PauseBudget(used // 1_000_000, budget, granted, granted_by)


def pauses(subject: Subject, now: datetime) -> list[Pause]:
    """Return every pause of a ticket as it stands at `now`, oldest first."""
    return [
        Pause(
            wait.sequence,
            wait.started_at,
            wait.ends_at,
            _end(wait, now),
            _covered(subject, wait, now),
        )
        for wait in subject.waits
    ]


def _end(wait: Wait, now: datetime) -> PauseEnd:
    if wait.ended_by is not None:
        return _ENDS.get(wait.ended_by, PauseEnd.ENDED)
    return PauseEnd.RUNNING if now < wait.ends_at else PauseEnd.LIMIT


def _covered(subject: Subject, wait: Wait, now: datetime) -> int:
    """Return the open seconds of a wait up to `now`."""
    at, until, micros = wait.started_at, min(wait.ends_at, now), 0
    courses = _courses(subject)
    for (_, calendar), ends_at in zip(
        courses, [*(start for start, _ in courses[1:]), until], strict=True
    ):
        end = min(ends_at, until)
        if at < end:
            micros += calendar.open_micros(at, end)
            at = end
    return micros // 1_000_000


def _courses(subject: Subject) -> list[tuple[datetime, Calendar]]:
    """Return from when on solving was promised in which calendar; the first one holds before, too."""
    found: list[tuple[datetime, Calendar]] = []
    for track in subject.tracks:
        if track.row.clock == "resolve":
            found = [one for one in found if one[0] < track.started_at]
            found += [(segment.start, segment.calendar) for segment in track.segments]
    return found or [(datetime.min.replace(tzinfo=UTC), subject.setting.working_calendar())]


def pause_limit(subject: Subject) -> Target:
    """Return how long a wait may last that begins now."""
    policy = subject.setting.policy
    return policy.waiting.limit if policy and policy.waiting else HOUSE_PAUSE_LIMIT


def waits_until(subject: Subject, now: datetime) -> datetime | None:
    """Return where the wait that holds at `now` ends by itself, None if none does."""
    if not subject.waiting or now >= subject.waits[-1].ends_at:
        return None
    return subject.waits[-1].ends_at


def closes_at(subject: Subject) -> datetime | None:
    """Return when the system closes a resolved ticket that nobody confirmed (SOP TK-7).

    None while nothing is to be closed: not resolved, confirmed, ended, a customer's message still
    unanswered, or a policy that says nothing about it. The instant may be past.
    """
    policy, flags = subject.setting.policy, subject.flags
    if policy is None or policy.close_unconfirmed is None or subject.resolved_at is None:
        return None
    if Flag.RESOLVED not in flags or flags & {Flag.CONFIRMED, Flag.ENDED, Flag.ASKED}:
        return None
    limit = policy.close_unconfirmed
    return due_from(limit, subject.resolved_at, subject.setting.working_calendar(limit))
