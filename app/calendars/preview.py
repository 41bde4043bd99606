"""What a calendar says of a stretch of dates, and of an amount of time added to an instant: data first, then words.

Pure. The answers are mappings of instants, dates, numbers and texts, as the API gives them.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from app.calendars.document import CalendarException
from app.calendars.phrases import EN, ZH, TimePhrases
from app.calendars.target import Target, Unit, due_from
from app.calendars.working_time import Calendar

DAYS_MAX = 366
LISTED_MAX = 100
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def preview(calendar: Calendar, version: int, first: date, last: date) -> dict[str, Any]:
    """The open time of the local dates `first` to `last`, both included, at most `DAYS_MAX` of them.

    `intervals` are merged and cut at the edges; `days` tell for each date what holds on it (`kind`: `regular`, a
    dated exception's kind, or `skipped` where the zone has no such date) and the hours that start on it.
    `provisional_from` is the instant from which holidays are not known, where that lies in the stretch. Raises
    InstantOutOfRange for years that are not served.
    """
    start, end = calendar.start_of(first), calendar.start_of(last + _DAY)
    unknown_from = calendar.provisional_from()
    provisional = unknown_from is not None and unknown_from < end
    return {
        "calendar": calendar.name,
        "calendar_version": version,
        "timezone": calendar.timezone.key,
        "from": first,
        "to": last,
        "open_seconds": calendar.open_seconds(start, end),
        "provisional": provisional,
        "provisional_from": unknown_from if provisional else None,
        "intervals": _pairs(calendar.intervals(start, end)),
        "days": list(_days(calendar, first, last)),
    }


def _days(calendar: Calendar, first: date, last: date) -> Iterator[dict[str, Any]]:
    exceptions = {one.on: one for one in calendar.spec.exceptions if first <= one.on <= last}
    unknown_from = calendar.provisional_from()
    for number in range((last - first).days + 1):
        on = first + number * _DAY
        start, end = calendar.start_of(on), calendar.start_of(on + _DAY)
        exception = exceptions.get(on)
        yield {
            "date": on,
            "kind": _kind(exception, is_skipped=start == end),
            "name": exception.name if exception is not None else None,
            "is_working": calendar.is_working_day(on),
            "open_seconds": sum((e - s) // _SECOND for s, e in calendar.shifts_on(on)),
            "provisional": unknown_from is not None and start >= unknown_from,
        }


def _kind(exception: CalendarException | None, *, is_skipped: bool) -> str:
    if is_skipped:
        return "skipped"
    return exception.kind.value if exception is not None else "regular"


def reckon(calendar: Calendar, version: int, start: datetime, target: Target) -> dict[str, Any]:
    """When `target`, counted from `start` without a pause, is used up on this calendar, and why.

    Elapsed hours run around the clock; every other unit is counted on the calendar itself. `intervals` are the open
    stretches between, `exceptions` the dated exceptions on their way; the first `LISTED_MAX` of each are listed.
    `provisional` says that due reaches into a year whose holidays are not loaded. Raises InstantOutOfRange and
    NoWorkingTime.
    """
    elapsed = target.unit is Unit.ELAPSED_HOURS
    hours = timedelta(hours=target.amount)
    due = start + hours if elapsed else due_from(target, start, calendar)
    unknown_from = calendar.provisional_from() if target.needs_exceptions else None
    intervals = [(start, due)] if elapsed else calendar.intervals(start, due)
    exceptions = [] if elapsed else calendar.exception_names(start, due)
    provisional = unknown_from is not None and due > unknown_from
    told = {
        "calendar": calendar.name,
        "calendar_version": version,
        "timezone": calendar.timezone.key,
        "start": start,
        "start_local": start.astimezone(calendar.timezone).isoformat(),
        "amount": target.amount,
        "unit": target.unit.value,
        "due": due,
        "due_local": due.astimezone(calendar.timezone).isoformat(),
        "open_seconds": hours // _SECOND if elapsed else calendar.open_seconds(start, due),
        "elapsed_seconds": (due - start) // _SECOND,
        "provisional": provisional,
        "provisional_from": unknown_from if provisional else None,
        "interval_count": len(intervals),
        "intervals": _pairs(intervals[:LISTED_MAX]),
        "exception_count": len(exceptions),
        "exceptions": [
            {"date": on, "kind": kind.value, "name": name}
            for on, kind, name in exceptions[:LISTED_MAX]
        ],
    }
    names = [name for _, _, name in exceptions]
    zh, en = (_sentence(say, told, target, names, calendar) for say in (ZH, EN))
    return {**told, "sentence": {"zh": zh, "en": en}}


def _sentence(
    say: TimePhrases, told: dict[str, Any], target: Target, names: list[str], calendar: Calendar
) -> str:
    zone, reference = calendar.timezone, (calendar.name, told["calendar_version"])
    span = say.start_and_due(
        told["start"].astimezone(zone), told["due"].astimezone(zone), reference
    )
    parts = [say.reckoned(target, span)]
    if target.unit is Unit.ELAPSED_HOURS:
        parts.append(say.around_the_clock)
    if names:
        parts.append(say.exceptions(names))
    if told["provisional"]:
        parts.append(say.provisional)
    return say.joined(parts)


def _pairs(intervals: list[tuple[datetime, datetime]]) -> list[dict[str, datetime]]:
    return [{"from": opens, "to": closes} for opens, closes in intervals]
