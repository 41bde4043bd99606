"""A deadline as the engine answers it: one row of one clock, with its verdict and its reasons.

Values only; they are made by `clock` from facts and stored as a cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from app.calendars.target import Target
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.segments import Segment

Reference = tuple[str, int]
Level = tuple[int, datetime]


class State(StrEnum):
    """Verdicts (deadlines 1.3)."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    LATE = "late"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A supervisor's correction: what is claimed, why, and the verdict that stood before it."""

    claimed_at: datetime
    reason: str
    corrected_at: datetime
    state_before: State
    answered_before: datetime | None


@dataclass(frozen=True, slots=True)
class Retarget:
    """A change of target, calendar or policy within the row, at `at`."""

    at: datetime
    target_before: Target | None
    target_after: Target | None
    calendar_before: Reference
    calendar_after: Reference
    due_before: datetime
    due_after: datetime


class Deadline(NamedTuple):
    """One row: the key is (clock, cycle, revision) within its subject. All instants are UTC.

    The row stands as of the instant that was evaluated; `state_at` carries it on from there.
    `due_at` of a paused row is the due as if resumed at the pause's limit. `used_seconds` is
    running time in the clock's calendars up to the end or the evaluated instant, `length_seconds`
    the length of the target in it. `missed_at` is the due of a missed or late row, the two
    `late_` values are None for all others; of a row missed and unanswered they count up to the
    evaluated instant. `ended_at` is set once the row takes part in nothing any more; a missed row
    without it can still be answered, and climbs. `claimed_at` is the instant that a contact logged
    too late gave for itself.
    """

    clock: str
    rule: str
    cycle: int
    revision: int
    state: State
    started_at: datetime
    due_at: datetime
    target: Target | None
    calendar: Reference
    policy: Reference | None
    pause_ends_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    missed_at: datetime | None = None
    claimed_at: datetime | None = None
    on_retarget: bool = False
    provisional: bool = False
    never_pauses: bool = True
    intervals_skipped: int = 0
    used_seconds: int = 0
    length_seconds: int = 0
    late_seconds: int | None = None
    late_elapsed_seconds: int | None = None
    levels: tuple[Level, ...] = ()
    segments: tuple[Segment, ...] = ()
    retargets: tuple[Retarget, ...] = ()
    adjustment: Adjustment | None = None
    row: ClockRow | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """Return (clock, cycle, revision)."""
        return self.clock, self.cycle, self.revision

    @property
    def open(self) -> bool:
        """Say whether the row still takes part: running, paused, or missed and answerable."""
        return self.ended_at is None

    def state_at(self, now: datetime) -> State:
        """Return the state at `now`, at or after the instant evaluated, if no fact came between.

        Exactly at due nothing is missed yet; exactly at a pause's limit the row runs again.
        """
        if self.ended_at is not None:
            return self.state
        if self.due_at < now:
            return State.MISSED
        if self.pause_ends_at is not None and now < self.pause_ends_at:
            return State.PAUSED
        return State.RUNNING

    def as_at(self, now: datetime) -> Deadline:
        """Return the row with state and `missed_at` carried on to `now`; see `state_at`."""
        state = self.state_at(now)
        missed = self.due_at if state in (State.MISSED, State.LATE) else None
        return self._replace(state=state, missed_at=missed)
