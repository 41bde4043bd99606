"""What the report of pauses takes and gives."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Sentence
from app.reading import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX
from app.reports.schemas import Answer, LocalDate, Named
from app.sla.engine.waiting import PauseEnd


class PauseGroupBy(StrEnum):
    """What pauses are told apart by: who asked the customer, why, whose ticket it was, when."""

    PERSON = "person"
    REASON = "reason"
    TEAM = "team"
    MONTH = "month"


class PauseScope(BaseModel):
    """Which pauses are counted: by the local date on which they began, both ends inclusive (default: this month)."""

    model_config = ConfigDict(extra="forbid")

    first: LocalDate | None = Field(None, alias="from", examples=["2026-03-01"])
    last: LocalDate | None = Field(None, alias="to", examples=["2026-03-31"])
    person_id: UUID | None = Field(None, description="Begun by this person")
    department_id: UUID | None = Field(
        None, description="On tickets of this department or one below it"
    )


class PauseFilter(PauseScope):
    """What is counted, and how it is told apart."""

    group_by: Annotated[list[PauseGroupBy], Field(max_length=len(PauseGroupBy))] = Field(
        default_factory=lambda: [PauseGroupBy.PERSON], examples=[["person", "reason"]]
    )


class PauseSort(StrEnum):
    """The orders of pauses; `-` is descending."""

    STARTED_AT = "started_at"
    STARTED_AT_DESC = "-started_at"


class PauseRowFilter(PauseScope):
    """Which pauses are listed, in which order, how many, from where."""

    team_id: UUID | None = Field(None, description="On tickets of exactly this department")
    reason: Sentence | None = Field(
        None, description="For this reason, however it was spaced and cased", examples=["等序列号"]
    )
    sort: PauseSort = PauseSort.STARTED_AT_DESC
    limit: int = Field(PAGE_LIMIT_DEFAULT, ge=1, le=PAGE_LIMIT_MAX)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class PauseFiguresRead(Answer):
    """How many waits, how they ended, and the working time that they took.

    `wait_count` is the sum of the five ends: the customer's message, going on without it, the limit, the end of the
    work itself, and none yet. Seconds are open time in the calendar of the ticket's `resolve` clock, of a running wait
    so far. `approved_count` waits were begun once the ticket's budget was used up. `rows` asks for exactly the waits
    counted, where one question can.
    """

    wait_count: int
    customer_count: int
    resumed_count: int
    limit_count: int
    ended_count: int
    running_count: int
    approved_count: int
    paused_seconds: int
    mean_seconds: int | None
    longest_seconds: int | None
    rows: str | None


class PauseGroupRead(PauseFiguresRead):
    """The figures of one group; what it was not grouped by is null.

    `reason` is as it was first written. The rarer reasons stand together: `other_reason_count` says how many.
    """

    person: Named | None
    reason: str | None
    other_reason_count: int
    team: Named | None
    month: str | None


class PausesRead(Answer):
    """The pauses that began in a period (deadlines 3); `left_out_count` waits are of tickets that cannot be evaluated."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    zone: str
    as_of: AwareDatetime
    group_by: list[PauseGroupBy]
    left_out_count: int
    total: PauseFiguresRead
    groups: list[PauseGroupRead]


class PauseRead(Answer):
    """One wait: who asked the customer on which ticket and why, how it ended, and the working time that it took.

    A running one ends by itself at `ends_at`. What cannot be evaluated has neither end nor seconds.
    """

    ticket_id: UUID
    ticket: str
    person: Named | None
    team: Named | None
    reason: str | None
    started_at: AwareDatetime
    ends_at: AwareDatetime | None
    end: PauseEnd | None
    seconds: int | None
    approved_by: Named | None


class PausePage(Answer):
    """A page of pauses."""

    items: list[PauseRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
