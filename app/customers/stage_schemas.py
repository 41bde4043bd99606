"""What the routes of a customer's stage take and give (SOP CU-11)."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Sentence
from app.lifecycle.rules import ReasonRule, RequiredField, StageKind
from app.lifecycle.schemas import ReasonCode, StageCode, StageTitle


class StageMove(BaseModel):
    """A stage to move a customer to, and why where the lifecycle asks for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "stage": "lost",
                    "reason_code": "price",
                    "reason": "续约报价高出同行两成,已转用二手设备",
                }
            ]
        },
    )

    stage: StageCode
    reason_code: ReasonCode | None = Field(
        None, description="One of the lifecycle's reasons, where the move asks for a listed one"
    )
    reason: Sentence | None = None


class HistorySort(StrEnum):
    """The orders of a customer's histories; `-` is newest first."""

    CHANGED_AT = "changed_at"
    CHANGED_AT_DESC = "-changed_at"


class HistoryFilter(BaseModel):
    """What a customer's history can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: HistorySort = HistorySort.CHANGED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class StageChangeRead(BaseModel):
    """One step; `stayed_seconds` is how long he had been in the earlier stage. `from_stage` null: registered."""

    from_stage: str | None
    to_stage: str
    changed_at: AwareDatetime
    changed_by: UUID | None = Field(description="Null: the system itself")
    reason_code: str | None
    reason: str | None
    stayed_seconds: int | None
    owner_id: UUID | None = Field(description="Whose customer he was then")
    department_id: UUID | None


class StageChangePage(BaseModel):
    """A page of steps."""

    items: list[StageChangeRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class StageMoveRead(BaseModel):
    """A way out of the stage, as it is open to the caller: `missing` is what the file lacks for it."""

    model_config = ConfigDict(extra="forbid")

    to: str
    title: StageTitle
    is_permitted: bool
    requires: list[RequiredField]
    missing: list[RequiredField]
    reason: ReasonRule


class StageRead(BaseModel):
    """Where a customer stands, since when, and where he can go from there."""

    model_config = ConfigDict(extra="forbid")

    stage: str
    title: StageTitle
    kind: StageKind
    entered_at: AwareDatetime
    reason_code: str | None
    reason: str | None
    moves: list[StageMoveRead]
