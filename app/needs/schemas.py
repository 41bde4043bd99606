"""What the routes of needs take and give."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Day, Flag, Instant, LongText, Name, Sentence
from app.needs.suggestion import FirstRole, NeedKind, Reason
from app.sla.engine.deadline import State
from app.sla.schemas import Titles

Reasons = Annotated[list[Sentence], Field(min_length=1, max_length=10)]
Attendees = Annotated[list[UUID], Field(max_length=50)]


class NeedPriority(StrEnum):
    """How much the cooperation is worth pursuing."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class NeedStatus(StrEnum):
    """What became of a need."""

    OPEN = "open"
    ANSWERED = "answered"
    DROPPED = "dropped"


class NeedPlanStatus(StrEnum):
    """How far a response plan is."""

    DRAFT = "draft"
    AGREED = "agreed"
    DONE = "done"


class ResponsibilityStatus(StrEnum):
    """What became of a responsibility."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class NeedSort(StrEnum):
    """The orders of needs; `-` is descending, the id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


def _refusing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class NeedCreate(BaseModel):
    """A need as it was analysed (SOP CU-5). Whoever is suggested turns to it first, unless another one is named."""

    model_config = _refusing(
        {
            "customer_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
            "kind": "custom_service",
            "title": "二期产线恒温系统改造",
            "priority": "high",
            "priority_reasons": ["预算已批", "年度框架客户"],
            "is_complex": True,
        }
    )

    customer_id: UUID
    kind: NeedKind
    title: Name
    details: LongText | None = None
    priority: NeedPriority
    priority_reasons: Reasons
    is_complex: Flag = Field(False, description="Asks for a response plan (SOP CU-6)")
    first_owner_id: UUID | None = Field(None, description="Default: whoever is suggested")
    override_reason: Sentence | None = Field(
        None, description="Why not whoever is suggested; needed where another one is named"
    )


class NeedPatch(BaseModel):
    """Changes of an open need: what is absent stays."""

    model_config = _refusing({"priority": "medium", "priority_reasons": ["预算推迟到明年"]})

    title: Name = Field(default_factory=str)
    details: LongText | None = None
    priority: NeedPriority = Field(default_factory=lambda: NeedPriority.MEDIUM)
    priority_reasons: Reasons = Field(default_factory=list)
    is_complex: Flag = Field(default_factory=bool)
    first_owner_id: UUID = Field(default_factory=lambda: UUID(int=0))
    override_reason: Sentence | None = None


class NeedOutcome(BaseModel):
    """How a need was answered."""

    model_config = _refusing({"outcome": "签订二期改造合同 HT-2026-118,六月进场"})

    outcome: LongText


class NeedDropped(BaseModel):
    """Why a need is not pursued any more."""

    model_config = _refusing({"reason": "客户取消了二期项目"})

    reason: Sentence


class NeedPlanPut(BaseModel):
    """The response plan as it stands (SOP CU-6): the internal meeting, its minutes, the solution."""

    model_config = _refusing(
        {
            "meeting_at": "2026-03-04T06:00:00Z",
            "attendee_ids": [],
            "minutes": "确认采用双回路方案,样机由技术支持三周内试制",
            "solution": "双回路恒温系统,分两批改造,停机不超过 8 小时",
        }
    )

    meeting_at: Instant | None = None
    attendee_ids: Attendees = []
    minutes: LongText | None = None
    solution: LongText | None = None


class ResponsibilityCreate(BaseModel):
    """What one person has to do for a need; due at the end of the day, of the next working day if it is closed."""

    model_config = _refusing(
        {
            "task": "试制双回路样机并出具温度均匀性报告",
            "owner_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
            "due_on": "2026-03-25",
        }
    )

    task: Sentence
    owner_id: UUID
    due_on: Day


class ResponsibilityDone(BaseModel):
    """What was done, concretely (SOP IN-2)."""

    model_config = _refusing({"note": "样机已试制,三点温差 0.08 ℃,报告编号 BG-0325"})

    note: LongText


class ResponsibilityCancelled(BaseModel):
    """Why nobody needs to do it any more."""

    model_config = _refusing({"reason": "客户自行采购了样机"})

    reason: Sentence


class NeedFilter(BaseModel):
    """What needs can be asked for."""

    model_config = ConfigDict(extra="forbid")

    customer_id: UUID | None = None
    kind: NeedKind | None = None
    priority: NeedPriority | None = None
    status: NeedStatus | None = None
    is_complex: bool | None = None
    first_owner_id: UUID | None = None
    sort: NeedSort = NeedSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeadlineOfNeed(_Read):
    """A clock as it stands at this moment. `GET /deadlines/{id}/explain` says why."""

    id: UUID
    state: State
    due_at: AwareDatetime
    answered_at: AwareDatetime | None


class NeedSuggestion(_Read):
    """Who was suggested to turn to the need first, and why."""

    role: FirstRole
    user_id: UUID | None
    reason: Reason
    text: Titles


class NeedPlanRead(_Read):
    """A need response plan."""

    meeting_at: AwareDatetime | None
    attendee_ids: list[UUID]
    minutes: str | None
    solution: str | None
    status: NeedPlanStatus
    agreed_at: AwareDatetime | None
    done_at: AwareDatetime | None
    updated_at: AwareDatetime


class ResponsibilityRead(_Read):
    """What one person has to do, with its clock."""

    id: UUID
    task: str
    owner_id: UUID
    due_on: date
    status: ResponsibilityStatus
    note: str | None
    ended_at: AwareDatetime | None
    deadlines: list[DeadlineOfNeed]


class NeedSummary(_Read):
    """A need in a list."""

    id: UUID
    customer_id: UUID
    kind: NeedKind
    title: str
    priority: NeedPriority
    is_complex: bool
    first_owner_id: UUID | None
    status: NeedStatus
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class NeedRead(NeedSummary):
    """A need with its response plan, responsibilities and the plan's clock."""

    details: str | None
    priority_reasons: list[str]
    suggestion: NeedSuggestion
    override_reason: str | None
    outcome: str | None
    ended_at: AwareDatetime | None
    created_by: UUID | None
    plans: list[NeedPlanRead]
    responsibilities: list[ResponsibilityRead]
    deadlines: list[DeadlineOfNeed]


class NeedPage(_Read):
    """A page of needs."""

    items: list[NeedSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
