"""Two questions about a ticket's waiting: how much pause it has used, and when the system closes it.

Pure: both are answered from facts alone. Who may approve a pause and who closes is the tickets'
business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.sla.clock_row import Flag
from app.sla.subject import Subject
from app.sla.target import due_from


@dataclass(frozen=True, slots=True)
class PauseBudget:
    """Working seconds that a ticket has spent waiting for the customer, and how many it may."""

    used_seconds: int
    budget_seconds: int | None

    @property
    def needs_approval(self) -> bool:
        """Say whether another pause needs a supervisor: the budget is used up."""
        return self.budget_seconds is not None and self.used_seconds >= self.budget_seconds


def pause_budget(subject: Subject, now: datetime) -> PauseBudget:
    """Return the pause used up to `now`, each wait up to its end or limit, in working time."""
    waiting = subject.setting.policy.waiting if subject.setting.policy else None
    budget = waiting.budget_seconds if waiting is not None else None
    if not subject.waits:
        return PauseBudget(0, budget)
    calendar = subject.setting.working_calendar()
    used = sum(
        calendar.open_micros(wait.started_at, min(wait.ends_at, now)) for wait in subject.waits
    )
    return PauseBudget(used // 1_000_000, budget)


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
