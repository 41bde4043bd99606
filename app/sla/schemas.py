"""What the heart's routes take and give: filters, the correction, and the contract's answers.

Not here: whether an id names anything, and who may correct (`corrections`).
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from app.calendars.target import Unit
from app.sla.engine.deadline import State

INSTANT_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
INSTANT_END = datetime(2200, 1, 1, tzinfo=UTC)


class DeadlineSort(StrEnum):
    """The orders of deadlines; `-` is descending, the id breaks ties."""

    DUE_AT = "due_at"
    DUE_AT_DESC = "-due_at"
    STARTED_AT = "started_at"
    STARTED_AT_DESC = "-started_at"


class EscalationSort(StrEnum):
    """The orders of escalations."""

    DETECTED_AT = "detected_at"
    DETECTED_AT_DESC = "-detected_at"


def _instant_text(value: Any) -> Any:
    if not isinstance(value, (str, datetime)) or (isinstance(value, str) and value.isdigit()):
        raise PydanticCustomError("datetime_parsing", "not RFC 3339 text")
    return value


def _instant_in_range(value: datetime) -> datetime:
    if not INSTANT_FIRST <= value < INSTANT_END:
        raise PydanticCustomError("instant_out_of_range", "out of range")
    return value.astimezone(UTC)


Instant = Annotated[
    AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_instant_in_range)
]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[\w.-]+$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]


class Answer(BaseModel):
    """An answer; the contract is exact."""

    model_config = ConfigDict(extra="forbid")


class _PageFilter(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class _Page(Answer):
    """A page of a list."""

    next_cursor: str | None
    has_more: bool
    total: int | None = None


class Titles(Answer):
    """A text in both languages."""

    zh: str
    en: str


class TargetRead(Answer):
    """A target such as 4 hours."""

    amount: int
    unit: Unit


# --- deadlines

Nobody = Literal["none"]


class DeadlineFilter(_PageFilter):
    """What deadlines can be asked for; instants are half-open, `[gte]` inclusive and `[lt]` exclusive."""

    state: Annotated[list[State], Field(max_length=len(State))] | None = Field(
        None, description="As read at this moment: a running one past its due is `missed`"
    )
    rule: Code | None = Field(None, examples=["TK-5"])
    clock: Code | None = Field(None, examples=["resolve"])
    owner_id: UUID | None = None
    department_id: UUID | None = None
    customer_id: UUID | None = None
    subject_type: Code | None = Field(None, examples=["ticket"])
    subject_id: UUID | None = None
    due_from: Instant | None = Field(None, alias="due_at[gte]")
    due_before: Instant | None = Field(None, alias="due_at[lt]")
    policy: Code | None = Field(None, examples=["toolkit"])
    charged_owner_id: UUID | Nobody | None = Field(
        None, description="To whom the verdict belongs; `none`: to nobody"
    )
    charged_department_id: UUID | Nobody | None = None
    charged_within_id: UUID | None = Field(
        None, description="Charged to this department or one below it"
    )
    charged_tier: Annotated[str, StringConstraints(pattern=r"^([A-C]|none)$")] | None = None
    sort: DeadlineSort = DeadlineSort.DUE_AT


class LevelRead(Answer):
    """A rung of the ladder: when it fires, and when it fired."""

    level: int
    fire_at: AwareDatetime | None
    fired_at: AwareDatetime | None


class AdjustmentRead(Answer):
    """A supervisor's correction, with the verdict that stood before it."""

    claimed_at: AwareDatetime
    reason: str
    corrected_at: AwareDatetime
    state_before: State


class DeadlineRead(Answer):
    """One promise and its verdict, read at this moment.

    `pause_ends_at` is given while paused; `due_at` then is the due as if resumed at that instant. What grows
    with time (`used_seconds`, `intervals_skipped`, the lateness) is null while it can still be answered;
    `explain` counts it for any instant. `charged_...` is to whom the verdict belongs: who had it when it was kept
    or came due, whoever answers it now. `early_...` is what was left when it was kept, in the clock's calendar and
    elapsed.
    """

    id: UUID
    subject_type: str
    subject_id: UUID
    label: str
    customer_id: UUID | None
    owner_id: UUID | None
    department_id: UUID | None
    charged_owner_id: UUID | None
    charged_department_id: UUID | None
    charged_tier: str | None
    clock: str
    rule: str
    cycle: int
    revision: int
    state: State
    started_at: AwareDatetime
    due_at: AwareDatetime
    pause_ends_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    missed_at: AwareDatetime | None
    detected_at: AwareDatetime | None
    target_amount: int | None
    target_unit: Unit | None
    calendar: str | None
    calendar_version: int | None
    policy: str | None
    policy_version: int | None
    on_retarget: bool
    provisional: bool
    intervals_skipped: int | None
    used_seconds: int | None
    early_seconds: int | None
    early_elapsed_seconds: int | None
    late_seconds: int | None
    late_elapsed_seconds: int | None
    adjustment: AdjustmentRead | None
    levels: list[LevelRead]


class DeadlinePage(_Page):
    """A page of deadlines."""

    items: list[DeadlineRead]


class DeadlineCorrect(BaseModel):
    """A supervisor's word for when the promise was really kept."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "claimed_at": "2026-03-02T12:40:00+08:00",
                    "reason": "通话录音证明当时已告知客户",
                }
            ]
        },
    )

    claimed_at: Instant
    reason: Reason


# --- escalations


class EscalationFilter(_PageFilter):
    """What escalations can be asked for."""

    deadline_id: UUID | None = None
    level: int | None = Field(None, ge=1, le=100)
    rule: Code | None = None
    subject_type: Code | None = None
    subject_id: UUID | None = None
    told_to: Literal["me"] | None = None
    detected_from: Instant | None = Field(None, alias="detected_at[gte]")
    detected_before: Instant | None = Field(None, alias="detected_at[lt]")
    sort: EscalationSort = EscalationSort.DETECTED_AT_DESC


class ToldRead(Answer):
    """Somebody who was told: as owner, next up the line, head, on call ...; perhaps in place of the absent."""

    user_id: UUID
    name: str
    why: str
    in_place_of: UUID | None


class EscalationRead(Answer):
    """A level that fired: due, planned for `fire_at`, noticed at `detected_at`, told to whom.

    `overtaken` levels passed while nobody watched; they are told in the message of a later one.
    """

    id: UUID
    deadline_id: UUID
    level: int
    subject_type: str
    subject_id: UUID
    label: str
    customer_id: UUID | None
    owner_id: UUID | None
    department_id: UUID | None
    rule: str
    clock: str
    due_at: AwareDatetime
    fire_at: AwareDatetime
    detected_at: AwareDatetime
    overtaken: bool
    told: list[ToldRead]


class EscalationPage(_Page):
    """A page of escalations."""

    items: list[EscalationRead]


class InboxProof(Answer):
    """A line in somebody's inbox: shown from `deliver_at` on (quiet hours hold it back)."""

    notification_id: UUID
    escalation_id: UUID
    user_id: UUID
    name: str
    written_at: AwareDatetime
    deliver_at: AwareDatetime
    delivered_at: AwareDatetime | None
    read_at: AwareDatetime | None
    settled: bool


class MailProof(Answer):
    """A mail of such a line: sent at least once under one stable id."""

    mail_id: UUID
    notification_id: UUID
    user_id: UUID
    name: str
    written_at: AwareDatetime
    sent_at: AwareDatetime | None


class EscalationProof(EscalationRead):
    """An escalation with every delivery of its firing, through each channel."""

    inbox: list[InboxProof]
    mails: list[MailProof]
