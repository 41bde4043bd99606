"""What the routes of service plans take and give."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.customers.values import Day, LongText, Name, Sentence
from app.service_plans.cadence import EveryUnit
from app.sla.engine.deadline import State

ITEMS_MAX = 50
TeamRole = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Assignee(StrEnum):
    """Who keeps a promise: a certain user, or whoever has that role for the customer at the time."""

    USER = "user"
    OWNER = "owner"
    ACCOUNT_MANAGER = "account_manager"
    TEAM_ROLE = "team_role"


class PlanStatus(StrEnum):
    """How far a service plan is."""

    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"


class ItemStatus(StrEnum):
    """Whether an item is still promised."""

    ACTIVE = "active"
    ENDED = "ended"


class OccurrenceStatus(StrEnum):
    """What became of a turn."""

    OPEN = "open"
    DONE = "done"
    MISSED = "missed"
    CANCELLED = "cancelled"


class ServicePlanSort(StrEnum):
    """The orders of service plans; `-` is descending, the id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class OccurrenceSort(StrEnum):
    """The orders of turns; `-` is descending, the id breaks ties."""

    OPENED_AT = "opened_at"
    OPENED_AT_DESC = "-opened_at"


def _refusing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Every(BaseModel):
    """How often: every so many days, weeks or months."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, Field(strict=True, ge=1, le=366)]
    unit: EveryUnit


_ITEM = {
    "title": "上门巡检恒温系统",
    "assignee": "owner",
    "every": {"amount": 1, "unit": "months"},
    "starts_on": "2026-03-16",
}


class ServiceItemCreate(BaseModel):
    """What is promised, by whom, how often: `every` from `starts_on` (to `ends_on`), or on `dates`."""

    model_config = _refusing(_ITEM)

    title: Name
    assignee: Assignee
    user_id: UUID | None = Field(None, description="For `user`")
    team_role: TeamRole | None = Field(None, description="For `team_role`, as the team says it")
    every: Every | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    dates: Annotated[list[Day], Field(max_length=200)] = []

    @model_validator(mode="after")
    def whole(self) -> Self:
        """Refuse half an assignee and half a frequency."""
        if (self.assignee is Assignee.USER) != (self.user_id is not None):
            raise PydanticCustomError("assignee_incomplete", "user")
        if (self.assignee is Assignee.TEAM_ROLE) != (self.team_role is not None):
            raise PydanticCustomError("assignee_incomplete", "team role")
        recurs = self.every is not None and self.starts_on is not None
        if recurs == bool(self.dates) or (self.dates and (self.starts_on or self.every)):
            raise PydanticCustomError("frequency_incomplete", "either")
        if self.ends_on is not None and (self.starts_on is None or self.ends_on < self.starts_on):
            raise PydanticCustomError("frequency_incomplete", "end")
        return self


class ServicePlanCreate(BaseModel):
    """A service plan of a customer (SOP CU-17); a draft until it is activated."""

    model_config = _refusing(
        {
            "customer_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
            "title": "VIP 专属服务计划 2026",
            "items": [_ITEM],
        }
    )

    customer_id: UUID
    title: Name
    description: LongText | None = None
    items: Annotated[list[ServiceItemCreate], Field(max_length=ITEMS_MAX)] = []


class EndReason(BaseModel):
    """Why something is not promised any more."""

    model_config = _refusing({"reason": "合同到期,双方同意不再续签"})

    reason: Sentence


class OccurrenceDone(BaseModel):
    """What was done for the customer, concretely (SOP IN-2)."""

    model_config = _refusing({"note": "巡检 3 台恒温箱,更换 2 号机风扇,温差 0.1 ℃ 以内"})

    note: LongText


class ServicePlanFilter(BaseModel):
    """What service plans can be asked for."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = None
    status: PlanStatus | None = None
    sort: ServicePlanSort = ServicePlanSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class OccurrenceFilter(BaseModel):
    """What turns can be asked for."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = None
    plan_id: UUID | None = None
    item_id: UUID | None = None
    status: OccurrenceStatus | None = None
    sort: OccurrenceSort = OccurrenceSort.OPENED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ServiceItemRead(_Read):
    """What is promised, by whom, how often; `next_opens_at` is when its next turn begins to count."""

    id: UUID
    title: str
    assignee: Assignee
    user_id: UUID | None
    team_role: str | None
    every_amount: int | None
    every_unit: EveryUnit | None
    starts_on: date | None
    ends_on: date | None
    dates: list[date]
    status: ItemStatus
    next_opens_at: AwareDatetime | None


class ServicePlanSummary(_Read):
    """A service plan in a list, with what it promises."""

    id: UUID
    customer_id: UUID
    title: str
    status: PlanStatus
    items: list[ServiceItemRead]
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ServicePlanRead(ServicePlanSummary):
    """A service plan."""

    description: str | None
    end_reason: str | None
    ended_at: AwareDatetime | None
    created_by: UUID | None


class OccurrenceRead(_Read):
    """A turn of what is promised, with its verdict: `state` is its deadline's at this moment."""

    id: UUID
    plan_id: UUID
    item_id: UUID
    title: str
    customer_id: UUID
    owner_id: UUID | None
    number: int
    promised_on: date
    due_at: AwareDatetime
    state: State
    status: OccurrenceStatus
    note: str | None
    opened_at: AwareDatetime
    ended_at: AwareDatetime | None
    ended_by: UUID | None
    version: int


class ServicePlanPage(_Read):
    """A page of service plans."""

    items: list[ServicePlanSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class OccurrencePage(_Read):
    """A page of turns."""

    items: list[OccurrenceRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
