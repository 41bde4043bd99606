"""What keeping a file fresh takes and gives: the word that it is, and the refreshes that were promised."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Flag, Sentence
from app.sla.engine.deadline import State


class FreshWord(BaseModel):
    """Somebody's word that the file is fresh (SOP CU-7): how the business goes, and whether key contacts changed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"progress": "二期扩产预算已批,九月招标", "key_contacts_changed": False}]
        },
    )

    progress: Sentence
    key_contacts_changed: Flag


class RefreshStatus(StrEnum):
    """What became of a refresh that was promised."""

    OPEN = "open"
    REFRESHED = "refreshed"
    CANCELLED = "cancelled"


class RefreshHow(StrEnum):
    """What answered a refresh."""

    EDIT = "edit"
    CONFIRMATION = "confirmation"


class RefreshSort(StrEnum):
    """The orders of a customer's refreshes; `-` is descending, the id breaks ties."""

    OPENED_AT = "opened_at"
    OPENED_AT_DESC = "-opened_at"


class RefreshFilter(BaseModel):
    """What a list of refreshes can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: RefreshSort = RefreshSort.OPENED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class RefreshSummary(BaseModel):
    """A refresh of the file: what was promised, and how it was answered; `state` is its deadline's at this moment."""

    id: UUID
    status: RefreshStatus
    state: State
    opened_at: AwareDatetime
    due_at: AwareDatetime
    ended_at: AwareDatetime | None
    ended_by: UUID | None
    how: RefreshHow | None
    progress: str | None
    key_contacts_changed: bool | None


class RefreshPage(BaseModel):
    """A page of refreshes."""

    items: list[RefreshSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
