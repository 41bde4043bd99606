"""What the scorecard takes and gives."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.sla.schemas import Code, Titles

_DATE = re.compile(r"(19|20|21)\d\d-\d\d-\d\d\Z")


class GroupBy(StrEnum):
    """What figures are told apart by; `team` is a department, `month` that of the due."""

    RULE = "rule"
    CLOCK = "clock"
    TEAM = "team"
    OWNER = "owner"
    TIER = "tier"
    POLICY = "policy"
    MONTH = "month"


def _date_text(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DATE.match(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("date_parsing", "not a date such as 2026-03-01")


LocalDate = Annotated[date, BeforeValidator(_date_text)]


class ScorecardScope(BaseModel):
    """Which deadlines are counted: by the local date of their due, both ends inclusive (default: this month)."""

    model_config = ConfigDict(extra="forbid")

    first: LocalDate | None = Field(None, alias="from", examples=["2026-03-01"])
    last: LocalDate | None = Field(None, alias="to", examples=["2026-03-31"])
    rule: Code | None = Field(None, examples=["TK-2"])
    clock: Code | None = Field(None, examples=["accept"])
    policy: Code | None = Field(None, examples=["toolkit"])
    tier: Annotated[str, StringConstraints(pattern=r"^[A-C]$")] | None = None
    owner_id: UUID | None = Field(None, description="Charged to this person")
    department_id: UUID | None = Field(
        None, description="Charged to this department or one below it"
    )


class ScorecardFilter(ScorecardScope):
    """What is counted, and how it is told apart."""

    group_by: Annotated[list[GroupBy], Field(max_length=len(GroupBy))] = Field(
        default_factory=lambda: [GroupBy.RULE], examples=[["rule", "month"]]
    )


class Answer(BaseModel):
    """An answer; the contract is exact."""

    model_config = ConfigDict(extra="forbid")


class Named(Answer):
    """A person or department."""

    id: UUID
    name: str


class MarginRead(Answer):
    """How far from due, in working seconds, and on average in elapsed ones; median and p90 to the bucket."""

    count: int
    mean_seconds: int
    median_seconds: int
    p90_seconds: int
    mean_elapsed_seconds: int


class AdjustmentsRead(Answer):
    """What changed in closed months after they closed; frozen figures never do."""

    kept: int
    late: int
    missed: int
    running: int
    paused: int
    superseded: int
    cancelled: int


class LinksRead(Answer):
    """Ready questions for exactly the rows counted, as they are now: figures and adjustments together."""

    rows: str
    kept: str
    late: str
    missed: str
    running: str
    paused: str
    superseded: str
    cancelled: str


class FiguresRead(Answer):
    """How often promises were kept (SOP AN-4).

    `kept_rate` is kept / (kept + late + missed); running, paused, superseded and cancelled ones are not judged.
    `corrected` counts verdicts that a supervisor corrected.
    """

    kept: int
    late: int
    missed: int
    running: int
    paused: int
    superseded: int
    cancelled: int
    corrected: int
    judged: int
    kept_rate: float | None
    early: MarginRead | None
    late_by: MarginRead | None
    adjustments: AdjustmentsRead | None
    links: LinksRead


class GroupRead(FiguresRead):
    """The figures of one group; what it was not grouped by is null."""

    rule: str | None
    clock: str | None
    title: Titles | None
    team: Named | None
    owner: Named | None
    tier: str | None
    policy: str | None
    month: str | None


class ClosedMonth(Answer):
    """A month whose figures are frozen."""

    month: str
    closed_at: AwareDatetime


class ScorecardRead(Answer):
    """The scorecard of a period (SOP AN-4), charged to whoever had the promise when it was kept or came due.

    Months that lie wholly in the period and are closed show frozen figures, with later changes as adjustments.
    """

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    zone: str
    as_of: AwareDatetime
    group_by: list[GroupBy]
    closed_months: list[ClosedMonth]
    total: FiguresRead
    groups: list[GroupRead]
