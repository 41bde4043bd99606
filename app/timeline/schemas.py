"""What the timeline takes and gives."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Instant
from app.timeline.kinds import KINDS, TimelineKind


class TimelineFilter(BaseModel):
    """What a timeline can be asked for. `from` is inclusive, `to` exclusive."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[list[TimelineKind], Field(max_length=len(KINDS))] | None = None
    since: Instant | None = Field(None, alias="from")
    before: Instant | None = Field(None, alias="to")
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class TimelineSubject(BaseModel):
    """What an entry is about."""

    type: str
    id: UUID


class TimelineActor(BaseModel):
    """Who did it."""

    id: UUID
    name: str


class TimelineRead(BaseModel):
    """One thing that concerns a customer. `data`: codes, ids, instants, names of fields, never what people wrote."""

    id: UUID
    at: AwareDatetime
    kind: TimelineKind
    subject: TimelineSubject
    actor: TimelineActor | None
    data: dict[str, Any]


class TimelinePage(BaseModel):
    """A page of a timeline."""

    items: list[TimelineRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class TimelineKindRead(BaseModel):
    """A kind of entry and how it is called."""

    kind: TimelineKind
    title: dict[str, str]


class TimelineKinds(BaseModel):
    """Every kind that the caller is shown."""

    items: list[TimelineKindRead]
