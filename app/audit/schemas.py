"""What the audit gives, and what it can be asked for."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.auth.values import Instant

# Names of our own making: `ticket`, `ticket.update`, `login.failed`.
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_.]{0,59}$")]


class AuditSort(StrEnum):
    """The orders of the audit; `-` is descending, the id breaks ties."""

    RECORDED_AT = "recorded_at"
    RECORDED_AT_DESC = "-recorded_at"


class AuditFilter(BaseModel):
    """What the audit can be asked for. Times are half-open: `[gte]` inclusive, `[lt]` exclusive."""

    model_config = ConfigDict(extra="forbid")

    entity: Word | None = Field(None, examples=["ticket"])
    entity_id: UUID | None = None
    action: Word | None = Field(None, examples=["ticket.update"])
    actor: UUID | None = Field(None, description="A user's id")
    customer: UUID | None = Field(
        None, description="A customer's id: his file and all that hangs on it"
    )
    recorded_from: Instant | None = Field(None, alias="recorded_at[gte]")
    recorded_before: Instant | None = Field(None, alias="recorded_at[lt]")
    sort: AuditSort = AuditSort.RECORDED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class AuditRead(BaseModel):
    """Who did what to which thing, when, from where.

    `changes` is `{field: [old, new]}`; references are ids, personal fields read `***` for who need not know them, as
    secrets do for everybody. Of a refusal it is `{code, method, route}`, and `count` says how many were summed.
    """

    id: UUID
    recorded_at: AwareDatetime
    action: str
    entity: str
    entity_id: str | None
    customer_id: UUID | None
    actor_id: UUID | None
    actor_name: str
    api_key_id: UUID | None
    request_id: str | None
    address: str | None
    count: int
    changes: dict[str, Any]


class AuditPage(BaseModel):
    """A page of entries."""

    items: list[AuditRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
