"""What the routes of calendars take and give. What a document may say is checked in `document`."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Read(BaseModel):
    """An answer; the contract is exact."""

    model_config = ConfigDict(extra="forbid")


class CalendarFilter(BaseModel):
    """What the list of calendars can be asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class CalendarTitle(_Read):
    """A calendar's title in both languages."""

    zh: str
    en: str


class CalendarSummary(_Read):
    """A calendar and the document of its current version, which new promises use.

    `exceptions_loaded` names the years whose statutory holidays are known; null where none are needed.
    """

    id: UUID
    name: str
    title: CalendarTitle
    is_working: bool = Field(description="The deployment's working-day calendar")
    current_version: int
    created_at: AwareDatetime
    document: dict[str, Any]


class CalendarPage(_Read):
    """A page of calendars."""

    items: list[CalendarSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class CalendarVersionRead(_Read):
    """One version of a calendar."""

    number: int
    created_at: AwareDatetime
    document: dict[str, Any]


class CalendarRead(CalendarSummary):
    """A calendar with all its versions, newest first."""

    version: int
    versions: list[CalendarVersionRead]
