"""Instants as integers, and the one rule for local times that do not exist or exist twice.

Here: conversion between aware datetimes and whole microseconds since 1970-01-01T00:00Z, from a
local time to its instant, and from local hours to the instants they cover. Compiling whole years
and counting days live in the modules beside.

The rule: the clock on the wall decides.
- Hours cover exactly the instants at which the wall clock shows a time in [start, end). What a gap
  skips is lost: 01:00-04:00 over a gap of an hour is two hours, 02:00-03:00 in it is nothing. What
  is shown twice counts twice: 22:00-06:00 over a repeated hour is nine hours, and 01:00-01:30 in it
  is two half hours with a closed one between.
- A single local time (a due) is the first instant at which the wall clock shows it or a later
  time: the first of two occurrences, and the end of the gap for a time that is skipped.
- A date that the zone skips (Samoa's 2011-12-30) has no hours, not even those that would have run
  on into the next date.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_MICROS = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
DAY_MICROS = 86_400 * SECOND_MICROS

# [start, end) in microseconds.
Span = tuple[int, int]

_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the origin of local wall time


class InstantOutOfRange(ValueError):
    """An instant outside what calendars serve."""


def to_micros(at: datetime) -> int:
    """Whole microseconds since the epoch; a naive datetime raises TypeError."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime; InstantOutOfRange where datetime ends."""
    try:
        return EPOCH + micros * _MICROSECOND
    except OverflowError as error:
        raise InstantOutOfRange("instant beyond the last representable one") from error


def resolve_local(local: datetime, zone: ZoneInfo) -> int:
    """Microseconds of the first instant at which clocks in `zone` show the naive `local` or later."""
    before, after = _offset(local, zone, fold=0), _offset(local, zone, fold=1)
    wall = local - _LOCAL_EPOCH
    if before < after:
        return _transition((wall - after) // _MICROSECOND, (wall - before) // _MICROSECOND, zone)
    return (wall - before) // _MICROSECOND


def steady_instant(start: datetime, end: datetime, zone: ZoneInfo) -> int | None:
    """Microseconds of the naive `start`; None if the zone's offset changes before the naive `end`.

    Blind to two transitions that undo each other in between; none lie within two days.
    """
    before, after = _offset(start, zone, fold=0), _offset(end, zone, fold=1)
    return (start - _LOCAL_EPOCH - before) // _MICROSECOND if before == after else None


def shown_spans(start: datetime, end: datetime, zone: ZoneInfo) -> list[Span]:
    """The instants at which clocks in `zone` show a time in the naive [start, end), ascending.

    No span, one, or two; in microseconds, half-open. Expects at most one transition of the zone
    near the hours, as is so for hours of up to a day.
    """
    before = _offset(start, zone, fold=0) // _MICROSECOND
    after = _offset(end, zone, fold=1) // _MICROSECOND
    opens, closes = (start - _LOCAL_EPOCH) // _MICROSECOND, (end - _LOCAL_EPOCH) // _MICROSECOND
    if before == after:
        return [(opens - before, closes - before)]
    turn = _transition(opens - max(before, after), closes - min(before, after), zone)
    earlier = (opens - before, min(closes - before, turn))
    later = (max(opens - after, turn), closes - after)
    return [span for span in (earlier, later) if span[0] < span[1]]


def _offset(local: datetime, zone: ZoneInfo, fold: int) -> timedelta:
    """The zone's UTC offset at the first (`fold` 0) or second (1) occurrence of the naive `local`."""
    offset = zone.utcoffset(local.replace(fold=fold))
    if offset is None:  # a ZoneInfo always has one
        raise ValueError(f"no UTC offset in {zone}")
    return offset


def _transition(low: int, high: int, zone: ZoneInfo) -> int:
    """The instant in (low, high] at which the zone's offset changes, always a whole second."""
    early, late = low // SECOND_MICROS, -(-high // SECOND_MICROS)
    offset_before = _offset_at(early, zone)
    while late - early > 1:
        middle = (early + late) // 2
        if _offset_at(middle, zone) == offset_before:
            early = middle
        else:
            late = middle
    return late * SECOND_MICROS


def _offset_at(seconds: int, zone: ZoneInfo) -> timedelta | None:
    return from_micros(seconds * SECOND_MICROS).astimezone(zone).utcoffset()
