"""What can be asked of a calendar's working time, and the answers: previews, and amounts added to an instant."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.auth.values import Instant
from app.calendars.document import ExceptionKind
from app.calendars.preview import LISTED_MAX
from app.calendars.schemas import Day, VersionNumber
from app.calendars.target import Unit

AMOUNT_MAX = 100_000  # as of a policy's target


class _Exact(BaseModel):
    """Nothing else is taken or given."""

    model_config = ConfigDict(extra="forbid")


class PreviewFilter(_Exact):
    """Local dates of the calendar's zone, both included; at most 366 of them."""

    first: Day = Field(alias="from", examples=["2026-10-01"])
    last: Day = Field(alias="to", examples=["2026-10-08"])
    version: VersionNumber | None = Field(None, description="The current one if absent")


class AddFilter(_Exact):
    """An instant, and how much of which unit is added to it."""

    start: Instant = Field(examples=["2026-09-30T09:00:00Z"])
    amount: int = Field(ge=1, le=AMOUNT_MAX, examples=[2])
    unit: Unit = Field(examples=["working_days"])
    version: VersionNumber | None = Field(None, description="The current one if absent")


class IntervalRead(_Exact):
    """An open stretch: the start belongs to it, the end does not."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")


class PreviewDay(_Exact):
    """One local date. `kind`: `regular`, a dated exception's, or `skipped` where the zone has no such date.

    `open_seconds` are those of the hours that start on the date, a night shift whole.
    """

    date: date
    kind: Annotated[str, Field(examples=["regular", "closed", "working", "hours", "skipped"])]
    name: str | None
    is_working: bool
    open_seconds: int
    provisional: bool


class CalendarPreview(_Exact):
    """The open intervals of a stretch of local dates, merged, and each date with what holds on it."""

    calendar: str
    calendar_version: int
    timezone: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    open_seconds: int
    provisional: bool = Field(description="The stretch reaches where holidays are not loaded")
    provisional_from: AwareDatetime | None
    intervals: list[IntervalRead]
    days: list[PreviewDay]


class MetException(_Exact):
    """A dated exception on the way from start to due."""

    date: date
    kind: ExceptionKind
    name: str


class CalendarSum(_Exact):
    """When an amount of time is used up, with its explanation."""

    calendar: str
    calendar_version: int
    timezone: str
    start: AwareDatetime
    start_local: str
    amount: int
    unit: Unit
    due: AwareDatetime
    due_local: str
    open_seconds: int = Field(description="Between start and due, on this calendar")
    elapsed_seconds: int
    provisional: bool = Field(description="Due reaches where holidays are not loaded")
    provisional_from: AwareDatetime | None
    interval_count: int
    intervals: list[IntervalRead] = Field(description=f"The first {LISTED_MAX} that were counted")
    exception_count: int
    exceptions: list[MetException] = Field(description=f"The first {LISTED_MAX} on the way")
    sentence: str = Field(description="The same in words, in the caller's language")
