"""Instants as integers, and the one rule for local times that do not exist or exist twice.

Here: conversion between aware datetimes and whole microseconds since 1970-01-01T00:00Z, and from
a local time to its instant. Opening hours and day counting live in the modules beside.

The rule: a local time skipped by the zone becomes the instant at which the skip ends (02:30 in a
gap 02:00-03:00 is 03:00; any time of Samoa's missing 2011-12-30 is 31 December 00:00). A local time
that occurs twice is its first occurrence, except as the *end* of opening hours, where it is the
last: nobody loses open time that the clock on the wall shows.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_MICROS = 1_000_000
DAY_MICROS = 86_400 * SECOND_MICROS

_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the origin of local wall time


class InstantOutOfRange(ValueError):
    """An instant outside what calendars serve."""


def to_micros(at: datetime) -> int:
    """Whole microseconds since the epoch; a naive datetime raises TypeError."""
    passed = at - EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND_MICROS + passed.microseconds


def from_micros(micros: int) -> datetime:
    """The UTC datetime; InstantOutOfRange where datetime ends."""
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError as error:
        raise InstantOutOfRange("instant beyond the last representable one") from error


def resolve_local(local: datetime, zone: ZoneInfo, *, last: bool = False) -> int:
    """Microseconds of a naive `local` time in `zone`, by the rule of this module.

    `last` takes the second occurrence of a time that exists twice.
    """
    before = _offset_micros(local.replace(tzinfo=zone, fold=0))
    after = _offset_micros(local.replace(tzinfo=zone, fold=1))
    wall = (local - _LOCAL_EPOCH) // timedelta(microseconds=1)
    if before < after:
        return _transition(wall - after, wall - before, zone)
    return wall - (after if last else before)


def _offset_micros(at: datetime) -> int:
    offset = at.utcoffset()
    if offset is None:  # a ZoneInfo always has one
        raise ValueError(f"no UTC offset in {at.tzinfo}")
    return (offset.days * 86_400 + offset.seconds) * SECOND_MICROS + offset.microseconds


def _transition(low: int, high: int, zone: ZoneInfo) -> int:
    """The instant in (low, high] at which the zone's offset changes; transitions are whole seconds."""
    early, late = low // SECOND_MICROS, -(-high // SECOND_MICROS)
    offset_before = from_micros(early * SECOND_MICROS).astimezone(zone).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        if from_micros(middle * SECOND_MICROS).astimezone(zone).utcoffset() == offset_before:
            early = middle
        else:
            late = middle
    return late * SECOND_MICROS
