"""Calendar documents: what a stored or shipped calendar says, checked and turned into a value.

Here: `CalendarSpec` and its parts, `parse_calendar`, and what is refused. No arithmetic.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import TypeGuard
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2199
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_CLOSED_DAYS = 366
EXCEPTIONS_MAX = 5000  # more than a century of statutory holidays
INTERVALS_MAX = 24  # of one day
TEXT_LENGTH_MAX = 200

# Minutes since local midnight of the day that owns it: start in [0, 1440), end in (start, start +
# 1440), where an end above 1440 lies on the following day.
Interval = tuple[int, int]
Hours = tuple[Interval, ...]
WHOLE_DAY: Hours = ((0, 1440),)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_KEYS = frozenset(
    {"name", "title", "timezone", "week", "exceptions", "exceptions_loaded", "always_open"}
)
_SERVED = {"first": FIRST_YEAR, "last": LAST_YEAR}


class CalendarInvalid(ValueError):
    """A document that is no calendar: a JSON Pointer into it, a code of `texts`, and the code's values."""

    def __init__(self, pointer: str, code: str, **values: object) -> None:
        super().__init__(f"{pointer or '/'}: {code}")
        self.pointer = pointer
        self.code = code
        self.values = values


class ExceptionKind(StrEnum):
    """What a dated exception does to its day."""

    CLOSED = "closed"
    WORKING = "working"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class CalendarException:
    """One local date with hours of its own; `hours` are those in force (none when closed)."""

    on: date
    kind: ExceptionKind
    name: str
    hours: Hours


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A checked calendar document.

    `week` has seven entries from Monday on, whole days if `always_open`. `exceptions` are in the
    order of their dates, at most one a date. `exceptions_loaded` is None for a calendar that needs
    none, else ascending years.
    """

    name: str
    title_zh: str
    title_en: str
    timezone: ZoneInfo
    always_open: bool
    week: tuple[Hours, ...]
    exceptions: tuple[CalendarException, ...]
    exceptions_loaded: tuple[int, ...] | None

    @property
    def next_year_to_load(self) -> int | None:
        """The year after the unbroken run of loaded ones that begins with the earliest; None where none are needed."""
        if self.exceptions_loaded is None:
            return None
        year = self.exceptions_loaded[0]
        while year in self.exceptions_loaded:
            year += 1
        return year


def parse_calendar(document: Mapping[str, object]) -> CalendarSpec:
    """The calendar that a JSON or YAML document describes.

    Raises CalendarInvalid at the first fault: unknown keys, malformed times or dates, two
    exceptions on one date, a week without any opening, or a stretch of more than 366 days without
    a working day (deadlines 5).
    """
    if not isinstance(document, Mapping):
        raise CalendarInvalid("", "model_attributes_type")
    for key in document:
        if key not in _KEYS:
            raise CalendarInvalid(f"/{_escaped(key)}", "extra_forbidden")
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CalendarInvalid("/name", "calendar_name_invalid")
    title_zh, title_en = _titles(document.get("title"), name)
    always_open = document.get("always_open", False)
    if not isinstance(always_open, bool):
        raise CalendarInvalid("/always_open", "bool_type")
    zone = _zone(document.get("timezone"))
    if always_open:
        for key in ("week", "exceptions", "exceptions_loaded"):
            if key in document:
                raise CalendarInvalid(f"/{key}", "always_open_has_none")
        return CalendarSpec(name, title_zh, title_en, zone, True, (WHOLE_DAY,) * 7, (), None)
    week = _week(document.get("week"))
    exceptions = parse_exceptions(document.get("exceptions", []), week)
    _refuse_long_closure(week, exceptions)
    loaded = _years(document["exceptions_loaded"]) if "exceptions_loaded" in document else None
    return CalendarSpec(name, title_zh, title_en, zone, False, week, exceptions, loaded)


def _titles(value: object, name: str) -> tuple[str, str]:
    if value is None:
        return name, name
    if not isinstance(value, Mapping):
        raise CalendarInvalid("/title", "model_attributes_type")
    for key, text in value.items():
        if key not in {"zh", "en"}:
            raise CalendarInvalid(f"/title/{_escaped(key)}", "extra_forbidden")
        if not isinstance(text, str) or not text.strip() or len(text) > TEXT_LENGTH_MAX:
            raise CalendarInvalid(
                f"/title/{key}", "calendar_title_invalid", max_length=TEXT_LENGTH_MAX
            )
    return str(value.get("zh", name)), str(value.get("en", name))


def _zone(value: object) -> ZoneInfo:
    if not isinstance(value, str) or not _ZONE.fullmatch(value):
        raise CalendarInvalid("/timezone", "zone_unknown")
    if value in {"localtime", "posixrules"}:  # whatever the machine happens to be set to
        raise CalendarInvalid("/timezone", "zone_unknown")
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # OSError: a folder such as "America"
        raise CalendarInvalid("/timezone", "zone_unknown") from error


def _week(value: object) -> tuple[Hours, ...]:
    if not isinstance(value, Mapping):
        raise CalendarInvalid("/week", "model_attributes_type")
    for key in value:
        if key not in WEEKDAYS:
            raise CalendarInvalid(f"/week/{_escaped(key)}", "extra_forbidden")
    week = tuple(_hours(value.get(day, []), f"/week/{day}") for day in WEEKDAYS)
    if not any(week):
        raise CalendarInvalid("/week", "no_working_time")
    return week


def _hours(value: object, pointer: str) -> Hours:
    if not _is_list(value):
        raise CalendarInvalid(pointer, "hours_invalid")
    if len(value) > INTERVALS_MAX:
        raise CalendarInvalid(pointer, "too_long", max_length=INTERVALS_MAX)
    intervals: list[Interval] = []
    for index, pair in enumerate(value):
        at = f"{pointer}/{index}"
        if not _is_list(pair) or len(pair) != 2:
            raise CalendarInvalid(at, "hours_invalid")
        start, end = _minutes(pair[0], f"{at}/0"), _minutes(pair[1], f"{at}/1")
        if start == 1440:
            raise CalendarInvalid(f"{at}/0", "opening_at_midnight_end")
        if start == end:
            raise CalendarInvalid(at, "interval_empty")
        intervals.append((start, end if end > start else end + 1440))
    return tuple(sorted(intervals))


def _minutes(value: object, pointer: str) -> int:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise CalendarInvalid(pointer, "local_time_invalid")
    return int(value[:2]) * 60 + int(value[3:])


def parse_exceptions(value: object, week: tuple[Hours, ...]) -> tuple[CalendarException, ...]:
    """The exceptions of a list under `/exceptions`, in the order of their dates; raises CalendarInvalid."""
    if not _is_list(value):
        raise CalendarInvalid("/exceptions", "list_type")
    if len(value) > EXCEPTIONS_MAX:
        raise CalendarInvalid("/exceptions", "too_long", max_length=EXCEPTIONS_MAX)
    by_date: dict[date, CalendarException] = {}
    for index, entry in enumerate(value):
        exception = _exception(entry, f"/exceptions/{index}", week)
        if exception.on in by_date:
            raise CalendarInvalid(f"/exceptions/{index}/date", "date_repeated")
        by_date[exception.on] = exception
    return tuple(by_date[on] for on in sorted(by_date))


def _exception(entry: object, pointer: str, week: tuple[Hours, ...]) -> CalendarException:
    if not isinstance(entry, Mapping):
        raise CalendarInvalid(pointer, "model_attributes_type")
    for key in entry:
        if key not in {"date", "kind", "name", "hours"}:
            raise CalendarInvalid(f"{pointer}/{_escaped(key)}", "extra_forbidden")
    on = parse_date(entry.get("date"), f"{pointer}/date")
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise CalendarInvalid(f"{pointer}/name", "string_type")
    if len(name) > TEXT_LENGTH_MAX:
        raise CalendarInvalid(f"{pointer}/name", "string_too_long", max_length=TEXT_LENGTH_MAX)
    raw_kind = entry.get("kind")
    if not isinstance(raw_kind, str) or raw_kind not in list(ExceptionKind):
        raise CalendarInvalid(f"{pointer}/kind", "enum", expected=", ".join(ExceptionKind))
    kind = ExceptionKind(raw_kind)
    given = _hours(entry["hours"], f"{pointer}/hours") if "hours" in entry else None
    return CalendarException(on, kind, name, _hours_in_force(kind, given, pointer, week))


def _hours_in_force(
    kind: ExceptionKind, given: Hours | None, pointer: str, week: tuple[Hours, ...]
) -> Hours:
    if kind is ExceptionKind.CLOSED:
        if given is not None:
            raise CalendarInvalid(f"{pointer}/hours", "closed_day_has_none")
        return ()
    if given:
        return given
    if kind is ExceptionKind.HOURS or given is not None:
        raise CalendarInvalid(f"{pointer}/hours", "hours_missing")
    if not week[0]:
        raise CalendarInvalid(f"{pointer}/hours", "monday_has_none")
    return week[0]


def parse_date(value: object, pointer: str) -> date:
    """YAML gives dates, JSON gives text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise CalendarInvalid(pointer, "day_invalid") from error
    if not isinstance(value, date) or isinstance(value, datetime):
        raise CalendarInvalid(pointer, "day_invalid")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise CalendarInvalid(pointer, "year_unserved", **_SERVED)
    return value


def _years(value: object) -> tuple[int, ...]:
    pointer = "/exceptions_loaded"
    if not _is_list(value):
        raise CalendarInvalid(pointer, "list_type")
    if not value:
        raise CalendarInvalid(pointer, "too_short", min_length=1)
    years: set[int] = set()
    for index, year in enumerate(value):
        if (
            not isinstance(year, int)
            or isinstance(year, bool)
            or not FIRST_YEAR <= year <= LAST_YEAR
        ):
            raise CalendarInvalid(f"{pointer}/{index}", "year_unserved", **_SERVED)
        years.add(year)
    return tuple(sorted(years))


def _refuse_long_closure(week: tuple[Hours, ...], exceptions: Sequence[CalendarException]) -> None:
    """The week repeats where no exception lies, so only runs of closed dates can be too long."""
    closed = [exception.on.toordinal() for exception in exceptions if not exception.hours]
    if len(closed) < LONGEST_CLOSED_DAYS // 7:
        return
    openings = {exception.on.toordinal() for exception in exceptions if exception.hours}
    shut = set(closed)
    # date.toordinal() % 7 is 1 for a Monday.
    working = [
        day
        for day in range(closed[0] - 7, closed[-1] + 8)
        if day in openings or (week[(day - 1) % 7] and day not in shut)
    ]
    for earlier, later in pairwise(working):
        if later - earlier > LONGEST_CLOSED_DAYS:
            raise CalendarInvalid("/exceptions", "no_working_time")


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
