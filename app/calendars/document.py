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


class CalendarInvalid(ValueError):
    """A document that is no calendar: `pointer` is a JSON Pointer into it, `reason` says why."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        self.reason = reason


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


def parse_calendar(document: Mapping[str, object]) -> CalendarSpec:
    """The calendar that a JSON or YAML document describes.

    Raises CalendarInvalid at the first fault: unknown keys, malformed times or dates, two
    exceptions on one date, a week without any opening, or a stretch of more than 366 days without
    a working day (deadlines 5).
    """
    if not isinstance(document, Mapping):
        raise CalendarInvalid("", "must be an object")
    for key in document:
        if key not in _KEYS:
            raise CalendarInvalid(f"/{_escaped(key)}", "unknown key")
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CalendarInvalid("/name", "1 to 64 letters, digits, '.', '-', '_' are needed")
    title_zh, title_en = _titles(document.get("title"), name)
    always_open = document.get("always_open", False)
    if not isinstance(always_open, bool):
        raise CalendarInvalid("/always_open", "true or false is needed")
    zone = _zone(document.get("timezone"))
    if always_open:
        for key in ("week", "exceptions", "exceptions_loaded"):
            if key in document:
                raise CalendarInvalid(f"/{key}", "a calendar that is always open has none")
        return CalendarSpec(name, title_zh, title_en, zone, True, (WHOLE_DAY,) * 7, (), None)
    week = _week(document.get("week"))
    exceptions = _exceptions(document.get("exceptions", []), week)
    _refuse_long_closure(week, exceptions)
    loaded = _years(document["exceptions_loaded"]) if "exceptions_loaded" in document else None
    return CalendarSpec(name, title_zh, title_en, zone, False, week, exceptions, loaded)


def _titles(value: object, name: str) -> tuple[str, str]:
    if value is None:
        return name, name
    if not isinstance(value, Mapping):
        raise CalendarInvalid("/title", "an object with zh and en is needed")
    for key, text in value.items():
        if key not in {"zh", "en"}:
            raise CalendarInvalid(f"/title/{_escaped(key)}", "unknown key")
        if not isinstance(text, str) or not text.strip() or len(text) > 200:
            raise CalendarInvalid(f"/title/{key}", "1 to 200 characters are needed")
    return str(value.get("zh", name)), str(value.get("en", name))


def _zone(value: object) -> ZoneInfo:
    if not isinstance(value, str) or not _ZONE.fullmatch(value):
        raise CalendarInvalid("/timezone", "the name of an IANA time zone is needed")
    if value in {"localtime", "posixrules"}:  # whatever the machine happens to be set to
        raise CalendarInvalid("/timezone", "unknown time zone")
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # OSError: a folder such as "America"
        raise CalendarInvalid("/timezone", "unknown time zone") from error


def _week(value: object) -> tuple[Hours, ...]:
    if not isinstance(value, Mapping):
        raise CalendarInvalid("/week", "an object from mon to sun is needed")
    for key in value:
        if key not in WEEKDAYS:
            raise CalendarInvalid(f"/week/{_escaped(key)}", "unknown weekday")
    week = tuple(_hours(value.get(day, []), f"/week/{day}") for day in WEEKDAYS)
    if not any(week):
        raise CalendarInvalid("/week", "no working time within a year")
    return week


def _hours(value: object, pointer: str) -> Hours:
    if not _is_list(value):
        raise CalendarInvalid(pointer, "a list of [start, end] is needed")
    intervals: list[Interval] = []
    for index, pair in enumerate(value):
        at = f"{pointer}/{index}"
        if not _is_list(pair) or len(pair) != 2:
            raise CalendarInvalid(at, "[start, end] is needed")
        start, end = _minutes(pair[0], f"{at}/0"), _minutes(pair[1], f"{at}/1")
        if start == 1440:
            raise CalendarInvalid(f"{at}/0", "24:00 can only be an end")
        if start == end:
            raise CalendarInvalid(at, "empty; a whole day is 00:00 to 24:00")
        intervals.append((start, end if end > start else end + 1440))
    return tuple(sorted(intervals))


def _minutes(value: object, pointer: str) -> int:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise CalendarInvalid(pointer, 'a quoted local time "HH:MM" from 00:00 to 24:00 is needed')
    return int(value[:2]) * 60 + int(value[3:])


def _exceptions(value: object, week: tuple[Hours, ...]) -> tuple[CalendarException, ...]:
    if not _is_list(value):
        raise CalendarInvalid("/exceptions", "a list is needed")
    by_date: dict[date, CalendarException] = {}
    for index, entry in enumerate(value):
        exception = _exception(entry, f"/exceptions/{index}", week)
        if exception.on in by_date:
            raise CalendarInvalid(f"/exceptions/{index}/date", "a second exception on one date")
        by_date[exception.on] = exception
    return tuple(by_date[on] for on in sorted(by_date))


def _exception(entry: object, pointer: str, week: tuple[Hours, ...]) -> CalendarException:
    if not isinstance(entry, Mapping):
        raise CalendarInvalid(pointer, "an object is needed")
    for key in entry:
        if key not in {"date", "kind", "name", "hours"}:
            raise CalendarInvalid(f"{pointer}/{_escaped(key)}", "unknown key")
    on = _date(entry.get("date"), f"{pointer}/date")
    name = entry.get("name", "")
    if not isinstance(name, str) or len(name) > 200:
        raise CalendarInvalid(f"{pointer}/name", "at most 200 characters are needed")
    raw_kind = entry.get("kind")
    if not isinstance(raw_kind, str) or raw_kind not in list(ExceptionKind):
        raise CalendarInvalid(f"{pointer}/kind", "closed, working or hours is needed")
    kind = ExceptionKind(raw_kind)
    given = _hours(entry["hours"], f"{pointer}/hours") if "hours" in entry else None
    return CalendarException(on, kind, name, _hours_in_force(kind, given, pointer, week))


def _hours_in_force(
    kind: ExceptionKind, given: Hours | None, pointer: str, week: tuple[Hours, ...]
) -> Hours:
    if kind is ExceptionKind.CLOSED:
        if given is not None:
            raise CalendarInvalid(f"{pointer}/hours", "a closed day has none")
        return ()
    if given:
        return given
    if kind is ExceptionKind.HOURS or given is not None:
        raise CalendarInvalid(f"{pointer}/hours", "at least one [start, end] is needed")
    if not week[0]:
        raise CalendarInvalid(f"{pointer}/hours", "needed, since Monday has no hours to take over")
    return week[0]


def _date(value: object, pointer: str) -> date:
    """YAML gives dates, JSON gives text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            value = date.fromisoformat(value)
        except ValueError as error:
            raise CalendarInvalid(pointer, "no such date") from error
    if not isinstance(value, date) or isinstance(value, datetime):
        raise CalendarInvalid(pointer, "a date YYYY-MM-DD is needed")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise CalendarInvalid(pointer, f"a year from {FIRST_YEAR} to {LAST_YEAR} is needed")
    return value


def _years(value: object) -> tuple[int, ...]:
    pointer = "/exceptions_loaded"
    if not _is_list(value) or not value:
        raise CalendarInvalid(
            pointer, "a list of years is needed; a calendar without need has none"
        )
    years: set[int] = set()
    for index, year in enumerate(value):
        if (
            not isinstance(year, int)
            or isinstance(year, bool)
            or not FIRST_YEAR <= year <= LAST_YEAR
        ):
            raise CalendarInvalid(
                f"{pointer}/{index}", f"a year from {FIRST_YEAR} to {LAST_YEAR} is needed"
            )
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
            raise CalendarInvalid("/exceptions", "no working time within a year")


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
