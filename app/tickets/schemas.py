"""What tickets take and give; the moves' inputs are in `move_schemas`, types are in `type_schemas`.

Not here: whether an id names anything, and who may write (service).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.customers.values import Asked, Flag, Instant, LongText, Name, Tags
from app.sla.engine.waiting import PauseEnd
from app.sla.schemas import TargetRead
from app.tickets.lifecycle import TicketStatus
from app.tiering.scoring import Tier

TYPES_MAX = 20


class Complexity(StrEnum):
    """How hard the matter is (SOP TK-4, TK-5)."""

    NORMAL = "normal"
    COMPLEX = "complex"
    SUPER = "super"


class Priority(StrEnum):
    """How much it presses."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Channel(StrEnum):
    """How the customer reached us (SOP TK-1)."""

    PHONE = "phone"
    EMAIL = "email"
    ONLINE = "online"
    WEB_FORM = "web_form"
    WECHAT = "wechat"
    MEETING = "meeting"
    VISIT = "visit"


class Rating(StrEnum):
    """What the customer says of the solution (SOP TK-7): 满意, 基本满意, 不满意."""

    SATISFIED = "satisfied"
    BASICALLY_SATISFIED = "basically_satisfied"
    DISSATISFIED = "dissatisfied"


class Confirmation(StrEnum):
    """The customer's answer; `none`: he gave none and the ticket was closed without it."""

    SOLVED = "solved"
    PARTLY = "partly"
    NONE = "none"


class TicketSort(StrEnum):
    """The orders of the ticket list; `-` is descending, the id breaks ties."""

    OPENED_AT = "opened_at"
    OPENED_AT_DESC = "-opened_at"
    UPDATED_AT = "updated_at"
    UPDATED_AT_DESC = "-updated_at"
    NUMBER = "number"
    NUMBER_DESC = "-number"
    STATUS = "status"
    STATUS_DESC = "-status"


def refusing(example: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of an input: unknown fields are refused, one example is shown."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


def _type_code(value: str) -> str:
    if not value.isascii() or not value.replace("_", "a").isalnum() or not value[:1].isalpha():
        raise PydanticCustomError("code_invalid", "not a code")
    if value != value.lower():
        raise PydanticCustomError("code_invalid", "not a code")
    return value


TypeCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    AfterValidator(_type_code),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}),
]


# --- tickets


class TicketCreate(BaseModel):
    """A matter as it comes in (SOP TK-1). Without an owner the ticket is dispatched (SOP TK-3)."""

    model_config = refusing(
        {
            "customer_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
            "type": "technical",
            "channel": "phone",
            "subject": "恒温培养箱温度漂移 0.8 ℃",
            "description": "设定 20.0 ℃,三次比对都是 20.8 ℃,担心影响本周批次。",
            "happened_at": "2026-03-02T08:40:00+08:00",
            "priority": "high",
            "tags": ["培养箱"],
        }
    )

    customer_id: UUID
    type: TypeCode
    channel: Channel
    subject: Name
    description: LongText
    contact_id: UUID | None = None
    happened_at: Instant | None = Field(None, description="When it happened, not later than now")
    wished_at: Instant | None = Field(None, description="By when the customer wishes it solved")
    priority: Priority = Priority.NORMAL
    complexity: Complexity = Complexity.NORMAL
    tags: Tags = []
    owner_id: UUID | None = None
    department_id: UUID | None = Field(
        None, description="Default: the owner's, else the one that handles the type"
    )
    for_myself: Flag = Field(False, description="Opening for oneself is acceptance")


class TicketPatch(BaseModel):
    """Changes of a ticket: what is absent stays, null empties. Owner, type and status have their moves."""

    model_config = refusing({"priority": "urgent", "tags": ["培养箱", "停产"]})

    subject: Name = Field(default_factory=str)
    description: LongText = Field(default_factory=str)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    tags: Tags = Field(default_factory=list)
    happened_at: Instant | None = None
    wished_at: Instant | None = None
    contact_id: UUID | None = None


class TicketFilter(BaseModel):
    """What the ticket list can be asked for. Times are half-open: `[gte]` inclusive, `[lt]` exclusive."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[list[TicketStatus], Field(max_length=10)] | None = None
    type: Annotated[list[TypeCode], Field(max_length=TYPES_MAX)] | None = None
    complexity: Annotated[list[Complexity], Field(max_length=10)] | None = None
    priority: Annotated[list[Priority], Field(max_length=10)] | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    customer_id: UUID | None = None
    tag: Asked | None = None
    number: Asked | None = None
    opened_from: Instant | None = Field(None, alias="opened_at[gte]")
    opened_before: Instant | None = Field(None, alias="opened_at[lt]")
    sort: TicketSort = TicketSort.OPENED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class PageFilter(BaseModel):
    """How much of a ticket's own lists, from where."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class Person(BaseModel):
    """A member of staff by name."""

    id: UUID
    name: str


class CustomerOfTicket(BaseModel):
    """Whose ticket it is."""

    id: UUID
    number: str
    name: str
    tier: Tier


class Solution(BaseModel):
    """What was done, step by step, and what came of it (SOP TK-11)."""

    model_config = refusing(
        {"steps": "更换温度探头并重新校准", "result": "连续 2 小时偏差小于 0.1 ℃"}
    )

    steps: LongText
    result: LongText


class SolutionRead(BaseModel):
    """The recorded solution."""

    steps: str
    result: str


class TaskForceRead(BaseModel):
    """A member of the task force (SOP TK-4)."""

    user_id: UUID
    name: str
    duty: str


class TicketSummary(BaseModel):
    """A ticket as lists show it."""

    id: UUID
    number: str
    customer: CustomerOfTicket
    type: str
    complexity: Complexity
    channel: Channel
    priority: Priority
    subject: str
    tags: list[str]
    status: TicketStatus
    progress: int
    owner: Person | None
    department: Person | None
    opened_at: AwareDatetime
    accepted_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    version: int
    updated_at: AwareDatetime


class TicketRead(TicketSummary):
    """A ticket (SOP TK-1, TK-11). `agreed_at` counts once `agreement_pending` is false."""

    customer_id: UUID
    contact_id: UUID | None
    description: str
    owner_id: UUID | None
    department_id: UUID | None
    created_by: UUID | None
    task_force: list[TaskForceRead]
    happened_at: AwareDatetime | None
    wished_at: AwareDatetime | None
    agreed_at: AwareDatetime | None
    agreement_pending: bool
    dispatched_at: AwareDatetime | None
    progress_at: AwareDatetime | None
    close_due_at: AwareDatetime | None
    wait_reason: str | None
    plan: str | None
    solution: SolutionRead | None
    confirmation: Confirmation | None
    rating: Rating | None
    confirmed_contact_id: UUID | None
    confirmed_channel: Channel | None
    customer_feedback: str | None
    root_cause: str | None
    improvement_suggestion: str | None
    merged_into_id: UUID | None
    split_from_id: UUID | None
    follows_id: UUID | None


class TicketPage(BaseModel):
    """A page of tickets."""

    items: list[TicketSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


# --- how it went


class HistoryItem(BaseModel):
    """A fact: what happened, when, who recorded it, and what it says (an `owner` as `{id, name}`)."""

    sequence: int
    kind: str
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    actor: Person | None
    data: dict[str, Any]


class HistoryPage(BaseModel):
    """A page of a ticket's history, oldest first."""

    items: list[HistoryItem]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class WaitRead(BaseModel):
    """A wait for the customer: who asked him and why, how it ended, and the working time that it took.

    A running one ends by itself at `ends_at`. `seconds` are in the calendar of the `resolve` clock. `approved_by`:
    the supervisor of a wait begun once the budget was used up.
    """

    person: Person | None
    reason: str
    started_at: AwareDatetime
    ends_at: AwareDatetime
    end: PauseEnd
    seconds: int
    approved_by: Person | None


class WaitingRead(BaseModel):
    """How a ticket has waited (deadlines 3).

    `used_seconds` are working time over all waits, `left_seconds` what remains of `budget_seconds` (null: no limit) and
    of what supervisors granted beyond it; with nothing left it `needs_approval`. A single wait ends at `limit`.
    """

    waits: list[WaitRead]
    used_seconds: int
    budget_seconds: int | None
    granted_seconds: int
    left_seconds: int | None
    needs_approval: bool
    limit: TargetRead


class CandidateRead(BaseModel):
    """Somebody who came into question: `open_count` before the decision, `standing` how he fared."""

    user_id: UUID
    name: str
    present: bool
    open_count: int
    idle_since: AwareDatetime | None
    standing: str


class DispatchRead(BaseModel):
    """How an owner was chosen (SOP TK-3)."""

    id: UUID
    decided_at: AwareDatetime
    rule: str
    department: Person | None
    winner: Person | None
    candidates: list[CandidateRead]


class DispatchPage(BaseModel):
    """A page of a ticket's dispatch decisions, oldest first."""

    items: list[DispatchRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
