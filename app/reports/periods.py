"""Local days and months as half-open spans of instants, and when a month closes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.calendars.local_time import InstantOutOfRange, from_micros, resolve_local
from app.calendars.working_time import Calendar, NoWorkingTime

_DAY = timedelta(days=1)
CLOSING_WORKING_DAYS = 3


@dataclass(frozen=True, slots=True)
class Span:
    """The instants [begins_at, ends_at) of a local day or month; `month` is the month it lies in, as `2026-03`."""

    begins_at: datetime
    ends_at: datetime
    month: str


def midnight(on: date, zone: ZoneInfo) -> datetime:
    """Return the first instant at which clocks in the zone show the date or a later one."""
    return from_micros(resolve_local(datetime.combine(on, time()), zone))


def month_name(on: date) -> str:
    """Return the month of a date, as `2026-03`."""
    return f"{on.year:04}-{on.month:02}"


def first_of_month(on: date) -> date:
    """Return the first date of the month."""
    return on.replace(day=1)


def next_month(on: date) -> date:
    """Return the first date of the month after."""
    return (on.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_before(on: date, count: int) -> date:
    """Return the first date of the month `count` months earlier."""
    year, month = divmod(on.year * 12 + on.month - 1 - count, 12)
    return date(year, month + 1, 1)


def day_span(on: date, zone: ZoneInfo) -> Span:
    """Return a local day; empty where the zone skips the date."""
    return Span(midnight(on, zone), midnight(on + _DAY, zone), month_name(on))


def month_span(on: date, zone: ZoneInfo) -> Span:
    """Return the local month of a date."""
    first = first_of_month(on)
    return Span(midnight(first, zone), midnight(next_month(first), zone), month_name(first))


def days(first: date, last: date, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the days from one date to another, both inclusive; a date that the zone skips is left out."""
    on, begins_at = first, midnight(first, zone)
    while on <= last:
        ends_at = midnight(on + _DAY, zone)
        if begins_at < ends_at:
            yield Span(begins_at, ends_at, month_name(on))
        on, begins_at = on + _DAY, ends_at


def months(first: date, last: date) -> Iterator[date]:
    """Yield the first date of each month that the dates touch."""
    on = first_of_month(first)
    while on <= last:
        yield on
        on = next_month(on)


def closes_at(month: date, calendar: Calendar) -> datetime:
    """Return when the figures of a month are frozen: at the end of the third working day after it.

    Until then supervisors correct, and contacts may be back-dated. Where the calendar knows no such day, it is the
    beginning of the fourth date of the following month.
    """
    ends_at = month_span(month, calendar.timezone).ends_at
    try:
        return calendar.add_working_days(ends_at - timedelta(microseconds=1), CLOSING_WORKING_DAYS)
    except (NoWorkingTime, InstantOutOfRange):
        return midnight(next_month(month) + CLOSING_WORKING_DAYS * _DAY, calendar.timezone)
