"""What the routes of obligations take and give."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit
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

from app.customers.values import Asked, Instant, Sentence
from app.sla.engine.deadline import State
from app.sla.rule_schemas import ClockName
from app.sla.schemas import Code, Titles
from app.tiering.scoring import Tier


def _web_address(value: str) -> str:
    """Refuse what is no address of a page: a link is shown to people who click on it."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable():
        raise PydanticCustomError("link_invalid", "no web address")
    return value


Ref = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Link = Annotated[
    str,
    StringConstraints(max_length=1000),
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": 1000}),
]
Data = Annotated[dict[str, Any], Field(max_length=50)]


class ObligationStatus(StrEnum):
    """Whether the promise still runs."""

    OPEN = "open"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class ObligationSort(StrEnum):
    """The orders of obligations; `-` is descending, the id breaks ties."""

    OPENED_AT = "opened_at"
    OPENED_AT_DESC = "-opened_at"


def _refusing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class SubjectGiven(BaseModel):
    """The matter in the other system: what kind it is, its id there, how people name it."""

    model_config = ConfigDict(extra="forbid")

    type: Code
    ref: Ref = Field(description="Its id in the other system")
    label: Label
    link: Link | None = Field(None, description="Where people look at it")


class AnswerGiven(BaseModel):
    """The fact that answers: when it happened, if that was not just now, and what was done."""

    model_config = _refusing({"note": "发票 44031900211 已寄出"})

    occurred_at: Instant | None = Field(
        None, description="At most 24 hours ago; logged after due it counts as late"
    )
    note: Note | None = None


class CancelGiven(BaseModel):
    """Why the promise ends without a verdict."""

    model_config = _refusing({"reason": "客户撤回了申请"})

    reason: Sentence


class ObligationCreate(BaseModel):
    """A matter put on one of the deployment's own rules.

    Without `due_at` the rule's target counts. Without an owner the department that answers the rule is told.
    """

    model_config = _refusing(
        {
            "clock": "invoice_sent",
            "subject": {
                "type": "invoice_request",
                "ref": "REQ-2026-0311",
                "label": "开票申请 REQ-2026-0311",
            },
            "data": {"amount": "1200.00"},
        }
    )

    clock: ClockName
    subject: SubjectGiven
    customer_id: UUID | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    tier: Tier | None = Field(None, description="The customer's own, unless it is given")
    opened_at: Instant | None = Field(None, description="At most 24 hours ago; now, if absent")
    due_at: Instant | None = Field(None, description="An instant of its own instead of the target")
    data: Data = Field(default_factory=dict)
    answer: AnswerGiven | None = Field(None, description="The fact that answered it already")


class ObligationPatch(BaseModel):
    """Changes of an open obligation: whose it is, and how it is named."""

    model_config = _refusing({"owner_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"})

    owner_id: UUID | None = None
    department_id: UUID | None = None
    label: Label = Field(default_factory=lambda: "-")
    data: Data = Field(default_factory=dict)


class ObligationFilter(BaseModel):
    """What obligations can be asked for."""

    model_config = ConfigDict(extra="forbid")

    clock: Code | None = None
    status: ObligationStatus | None = None
    subject_type: Code | None = None
    subject_ref: Asked | None = None
    owner_id: UUID | None = None
    customer_id: UUID | None = None
    sort: ObligationSort = ObligationSort.OPENED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SubjectRead(_Read):
    """The matter in the other system."""

    type: str
    ref: str
    label: str
    link: str | None


class DeadlineOfObligation(_Read):
    """Its clock: state at this moment, due, when and how it ended. `GET /deadlines/{id}/explain` says why."""

    id: UUID
    state: State
    started_at: AwareDatetime
    due_at: AwareDatetime
    answered_at: AwareDatetime | None
    missed_at: AwareDatetime | None


class ObligationSummary(_Read):
    """An obligation in a list."""

    id: UUID
    clock: str
    rule: str
    title: Titles
    subject: SubjectRead
    customer_id: UUID | None
    owner_id: UUID | None
    department_id: UUID | None
    status: ObligationStatus
    opened_at: AwareDatetime
    ended_at: AwareDatetime | None
    version: int


class ObligationRead(ObligationSummary):
    """An obligation with its clock."""

    data: dict[str, Any]
    note: str | None
    deadlines: list[DeadlineOfObligation]
    updated_at: AwareDatetime


class ObligationPage(_Read):
    """A page of obligations."""

    items: list[ObligationSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
