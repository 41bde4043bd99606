"""The contract of an explanation. What its values are is decided in `explain` and `reasons`."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from app.sla.engine.deadline import State
from app.sla.schemas import AdjustmentRead, Answer, Instant, TargetRead, Titles


class ExplainFilter(BaseModel):
    """At which instant to explain; now, when absent."""

    model_config = ConfigDict(extra="forbid")

    at: Instant | None = None


class ExplainedPolicy(Answer):
    """The policy in force for the row, and the conditions that matched."""

    name: str
    version: int
    title: Titles
    conditions: dict[str, list[str]]


class ExplainedInputs(Answer):
    """What policies were chosen by at that instant."""

    type: str | None
    complexity: str
    tier: str | None
    channel: str | None
    priority: str
    department: str | None
    tags: list[str]


class ExplainedCalendar(Answer):
    """The calendar the clock runs in."""

    name: str
    version: int
    timezone: str
    title: Titles


class VersionRead(Answer):
    """A version of a calendar or policy by name."""

    name: str
    version: int


class ExplainedInterval(Answer):
    """A stretch of open time, [start_at, end_at)."""

    start_at: AwareDatetime
    end_at: AwareDatetime
    seconds: int
    calendar: VersionRead


class ExplainedIntervals(Answer):
    """The open time from start to due, pauses left out; the middle of a long list is omitted and counted."""

    interval_count: int
    omitted_count: int
    open_seconds: int
    items: list[ExplainedInterval]


class ExplainedException(Answer):
    """A holiday, a make-up day or replaced hours between start and due."""

    on: date
    kind: Literal["closed", "working", "hours"]
    name: str


class ExplainedExceptions(Answer):
    """The dated exceptions between start and due, bounded like the intervals."""

    exception_count: int
    omitted_count: int
    items: list[ExplainedException]


class ExplainedPause(Answer):
    """A wait that the clock did not count, the pending one up to its limit; one after due moves levels only."""

    started_at: AwareDatetime
    ends_at: AwareDatetime
    credited_seconds: int
    after_due: bool


class ExplainedRetarget(Answer):
    """A change of target, calendar or policy within the row."""

    at: AwareDatetime
    target_before: TargetRead | None
    target_after: TargetRead | None
    calendar_before: VersionRead
    calendar_after: VersionRead
    due_before_at: AwareDatetime
    due_after_at: AwareDatetime


class ExplainedLevel(Answer):
    """A rung of the ladder: whom it tells, when it was planned for, when it fired and who was told."""

    level: int
    tells: list[str]
    percent: int | None
    minutes: int | None
    fire_at: AwareDatetime | None
    fired_at: AwareDatetime | None
    escalation_id: UUID | None
    told: list[str]


class ExplainedAdjustment(AdjustmentRead):
    """The correction, and the answer that counted before it."""

    answered_before_at: AwareDatetime | None


class ExplainedFact(Answer):
    """A fact that was known at that instant."""

    sequence: int
    kind: str
    at: AwareDatetime
    recorded_at: AwareDatetime | None
    actor_id: UUID | None
    actor: str | None


class ExplainedFacts(Answer):
    """The facts the verdict rests on, the latest ones where there are many."""

    fact_count: int
    omitted_count: int
    items: list[ExplainedFact]


class ExplanationRead(Answer):
    """Why a deadline stood as it did at `at`, from facts alone; `sentence` says it in words."""

    deadline_id: UUID
    subject_type: str
    subject_id: UUID
    label: str
    clock: str
    rule: str
    title: Titles
    cycle: int
    revision: int
    at: AwareDatetime
    state: State
    started_at: AwareDatetime
    due_at: AwareDatetime
    pause_ends_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    claimed_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    missed_at: AwareDatetime | None
    late_seconds: int | None
    late_elapsed_seconds: int | None
    intervals_skipped: int
    target: TargetRead | None
    length_seconds: int
    used_seconds: int
    remaining_seconds: int
    never_pauses: bool
    on_retarget: bool
    provisional: bool
    policy: ExplainedPolicy | None
    inputs: ExplainedInputs
    calendar: ExplainedCalendar
    intervals: ExplainedIntervals
    exceptions: ExplainedExceptions
    pauses: list[ExplainedPause]
    retargets: list[ExplainedRetarget]
    levels: list[ExplainedLevel]
    adjustment: ExplainedAdjustment | None
    satisfied_by: Titles | None
    sentence: str
    facts: ExplainedFacts
