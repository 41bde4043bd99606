"""What the routes of operations take and give."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class OperationState(StrEnum):
    """How far an operation is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OperationSort(StrEnum):
    """The orders of operations; `-` is descending, the id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class OperationFilter(BaseModel):
    """What operations can be asked for."""

    model_config = ConfigDict(extra="forbid")

    state: OperationState | None = None
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}$")] | None = Field(
        None, examples=["sla.retarget"]
    )
    sort: OperationSort = OperationSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class Progress(BaseModel):
    """How much is done of how much; `total` is null until it is known."""

    model_config = ConfigDict(extra="forbid")

    done: int
    total: int | None


class OperationSummary(BaseModel):
    """A piece of long work. `done` says that it has ended, however it ended."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    kind: str
    state: OperationState
    done: bool
    progress: Progress
    cancel_requested: bool
    asked_by: UUID | None = Field(description="Null: the system itself")
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class OperationPage(BaseModel):
    """A page of operations."""

    model_config = ConfigDict(extra="forbid")

    items: list[OperationSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class OperationRead(OperationSummary):
    """With what was asked, and the result so far, or the problem (RFC 9457) that ended it."""

    parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None
