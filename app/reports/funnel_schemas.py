"""What the funnel takes and gives (SOP CU-11)."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.lifecycle.rules import StageKind
from app.lifecycle.schemas import StageTitle
from app.reports.schemas import Answer, LocalDate, Named


class FunnelGroupBy(StrEnum):
    """What the funnel is told apart by: whose customer he was, or which department's, when he entered."""

    OWNER = "owner"
    DEPARTMENT = "department"


class FunnelFilter(BaseModel):
    """Which steps are counted: by their local date, both ends inclusive (default: this month)."""

    model_config = ConfigDict(extra="forbid")

    first: LocalDate | None = Field(None, alias="from", examples=["2026-03-01"])
    last: LocalDate | None = Field(None, alias="to", examples=["2026-03-31"])
    owner_id: UUID | None = None
    department_id: UUID | None = Field(None, description="This department or one below it")
    group_by: FunnelGroupBy | None = None


Count = Annotated[int, Field(ge=0)]


class StayRead(Answer):
    """How long those stayed who left the stage in the period, in seconds; a percentile is one of the stays."""

    count: Count
    median_seconds: int
    p90_seconds: int


class FunnelStageRead(Answer):
    """Who entered a stage in the period, and what has become of them by now.

    `entered` = `converted` (further on, or back from being lost) + `lost` + `returned` (back) + `staying`; somebody
    who entered twice counts twice. `rate` is `converted` / `entered`.
    """

    stage: str
    title: StageTitle
    kind: StageKind
    entered: Count
    converted: Count
    lost: Count
    returned: Count
    staying: Count
    rate: float | None
    stay: StayRead | None


class FunnelGroupRead(Answer):
    """The funnel of one owner or department; null: of nobody's."""

    owner: Named | None
    department: Named | None
    stages: list[FunnelStageRead]


class FunnelRead(Answer):
    """The funnel of a period (SOP CU-11), stage by stage in the lifecycle's order; groups where they were asked for."""

    first: str = Field(alias="from")
    last: str = Field(alias="to")
    zone: str
    as_of: AwareDatetime
    group_by: FunnelGroupBy | None
    stages: list[FunnelStageRead]
    groups: list[FunnelGroupRead]
