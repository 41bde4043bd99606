"""What the routes of calendars take and give: documents, edits, versions.

The forms are here; what a document may say beyond its form is checked in `document`. Questions about working time are
in `preview_schemas`.
"""

import re
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from app.calendars.document import (
    EXCEPTIONS_MAX,
    FIRST_YEAR,
    INTERVALS_MAX,
    LAST_YEAR,
    TEXT_LENGTH_MAX,
    ExceptionKind,
)
from app.calendars.published_year import DAYS_MAX

EXCEPTIONS_AT_ONCE_MAX = 500
VERSION_MAX = 1_000_000


def _day(value: Any) -> Any:
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("day_invalid", "not a date")


def _day_served(value: date) -> date:
    if FIRST_YEAR <= value.year <= LAST_YEAR:
        return value
    served = {"first": FIRST_YEAR, "last": LAST_YEAR}
    raise PydanticCustomError("year_unserved", "not a year that is served", served)


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"[1-9][0-9]*", value):
        raise PydanticCustomError("int_parsing", "not a plain whole number")
    return value


VersionNumber = Annotated[int, Field(ge=1, le=VERSION_MAX), BeforeValidator(_digits)]
Day = Annotated[date, BeforeValidator(_day), AfterValidator(_day_served)]
Year = Annotated[int, Strict(), Field(ge=FIRST_YEAR, le=LAST_YEAR)]
YesOrNo = Annotated[bool, Strict()]
Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH_MAX)]
Span = Annotated[
    list[Annotated[str, StringConstraints(max_length=5)]], Field(min_length=2, max_length=2)
]
Hours = Annotated[
    list[Span],
    Field(
        max_length=INTERVALS_MAX, description="Local times; an end before its start is next day's"
    ),
]


class _Input(BaseModel):
    """What is sent; nothing else is taken."""

    model_config = ConfigDict(extra="forbid")


class _Read(BaseModel):
    """An answer; the contract is exact."""

    model_config = ConfigDict(extra="forbid")


# --- documents


class DatedException(_Input):
    """One local date with hours of its own.

    `closed` has no hours; `working` has Monday's unless it names some; `hours` names them.
    """

    date: Day
    kind: ExceptionKind
    name: Text = ""
    hours: Hours = Field(default_factory=list)


class CalendarWeek(_Input):
    """The open hours of each weekday; a day left out is closed."""

    mon: Hours = Field(default_factory=list)
    tue: Hours = Field(default_factory=list)
    wed: Hours = Field(default_factory=list)
    thu: Hours = Field(default_factory=list)
    fri: Hours = Field(default_factory=list)
    sat: Hours = Field(default_factory=list)
    sun: Hours = Field(default_factory=list)


class CalendarTitleGiven(_Input):
    """A title; a language left out shows the name."""

    zh: Text = ""
    en: Text = ""


class CalendarDocument(_Input):
    """A whole calendar: a zone, and a week with dated exceptions, or `always_open`.

    `exceptions_loaded` names the years whose public holidays are all in `exceptions`; left out where none are needed.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "shanghai-lab",
                    "title": {"zh": "上海实验室", "en": "Shanghai laboratory"},
                    "timezone": "Asia/Shanghai",
                    "week": {
                        "mon": [["09:00", "12:00"], ["13:30", "18:00"]],
                        "tue": [["09:00", "12:00"], ["13:30", "18:00"]],
                        "sat": [["22:00", "06:00"]],
                    },
                    "exceptions": [{"date": "2027-05-20", "kind": "closed", "name": "公司周年"}],
                }
            ]
        },
    )

    name: Annotated[str, StringConstraints(max_length=64)]
    title: CalendarTitleGiven = Field(default_factory=CalendarTitleGiven)
    timezone: Annotated[str, StringConstraints(max_length=64)]
    always_open: YesOrNo = False
    week: CalendarWeek = Field(default_factory=CalendarWeek)
    exceptions: list[DatedException] = Field(default_factory=list, max_length=EXCEPTIONS_MAX)
    exceptions_loaded: list[Year] = Field(default_factory=list, max_length=LAST_YEAR)

    @property
    def document(self) -> dict[str, Any]:
        """What was said, and nothing that was not."""
        return self.model_dump(mode="json", exclude_unset=True)


# --- commands


class CalendarPatch(_Input):
    """Which calendar is the deployment's working-day calendar; there is always exactly one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"is_working": True}]}
    )

    is_working: YesOrNo


class ExceptionsPut(_Input):
    """Dates and what holds on each of them from now on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "exceptions": [
                        {"date": "2027-05-20", "kind": "closed", "name": "公司周年"},
                        {
                            "date": "2027-02-05",
                            "kind": "hours",
                            "name": "除夕前一日",
                            "hours": [["09:00", "12:00"]],
                        },
                    ]
                }
            ]
        },
    )

    exceptions: list[DatedException] = Field(min_length=1, max_length=EXCEPTIONS_AT_ONCE_MAX)


class PublishedDayGiven(_Input):
    """One date of a year's public holidays: off, or a weekend day worked in exchange."""

    date: Day
    is_off_day: YesOrNo
    name: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH_MAX)]


class YearLoad(_Input):
    """The public holidays and make-up days of a year, all of them.

    Other exceptions of the year stay, unless `replace` says that they go.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "year": 2027,
                    "days": [
                        {"date": "2027-01-01", "is_off_day": True, "name": "元旦"},
                        {"date": "2027-02-14", "is_off_day": False, "name": "春节"},
                    ],
                }
            ]
        },
    )

    year: Year
    days: list[PublishedDayGiven] = Field(max_length=DAYS_MAX)
    replace: YesOrNo = False


# --- questions


class CalendarFilter(_Input):
    """What the list of calendars can be asked for."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


# --- answers


class CalendarTitle(_Read):
    """A calendar's title in both languages."""

    zh: str
    en: str


class CalendarSummary(_Read):
    """A calendar and the document of its current version, which new promises use."""

    id: UUID
    name: str
    title: CalendarTitle
    is_working: bool = Field(description="The deployment's working-day calendar")
    current_version: int
    created_at: AwareDatetime
    document: CalendarDocument


class CalendarPage(_Read):
    """A page of calendars."""

    items: list[CalendarSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class CalendarVersionSummary(_Read):
    """One version of a calendar, without its document."""

    number: int
    created_at: AwareDatetime


class CalendarVersionRead(CalendarVersionSummary):
    """One version of a calendar, as it was written."""

    document: CalendarDocument


class CalendarRead(CalendarSummary):
    """A calendar with its newest hundred versions, newest first."""

    version: int
    versions: list[CalendarVersionSummary]


class ChangedDates(_Read):
    """How many dates, and the first 500 of them."""

    count: int
    dates: list[date]


class CalendarChanges(_Read):
    """What a version says otherwise than the one before it."""

    keys: list[str] = Field(description="What else of the document changed: `week`, `timezone` ...")
    added: ChangedDates
    changed: ChangedDates
    removed: ChangedDates
    years_loaded: list[int]
    years_unloaded: list[int]


class CalendarEdit(_Read):
    """What an edit did. `from_version` equals `current_version` where nothing new was said; 0 for a new calendar."""

    id: UUID
    name: str
    is_working: bool
    from_version: int
    current_version: int
    version: int
    provisional_from: AwareDatetime | None = Field(
        description="From when on holidays are not known; null for a calendar that needs none"
    )
    changes: CalendarChanges
