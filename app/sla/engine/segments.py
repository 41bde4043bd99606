"""Arithmetic over stretches of time that run in different calendars or stand still.

used(t) is the sum, over segments that are not paused, of open time in the calendar in force in
each (deadlines section 2, mixed segments). Policies, clocks and verdicts are elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.calendars.working_time import Calendar


class Segment(NamedTuple):
    """A half-open stretch [start, end) in one calendar; `end` None goes on for ever.

    `used_before` is the running open time of the segments before it, in microseconds.
    """

    start: datetime
    end: datetime | None
    calendar: Calendar
    reference: tuple[str, int]
    paused: bool = False
    used_before: int = 0


def used_micros(segments: Sequence[Segment], until: datetime, since: datetime | None = None) -> int:
    """Return the running open time in [since or the first start, until), in microseconds."""
    if since is not None:
        return max(0, used_micros(segments, until) - used_micros(segments, since))
    for segment in reversed(segments):
        if segment.start < until:
            end = until if segment.end is None or segment.end > until else segment.end
            return segment.used_before + _open_here(segment, end)
    return 0


def _open_here(segment: Segment, end: datetime) -> int:
    return 0 if segment.paused else segment.calendar.open_micros(segment.start, end)


def paused_micros(segments: Sequence[Segment]) -> int:
    """Return the open time that pauses covered, a pending one up to its limit, in microseconds."""
    return sum(
        segment.calendar.open_micros(segment.start, segment.end)
        for segment in segments
        if segment.paused and segment.end is not None
    )


def reach(segments: Sequence[Segment], micros: int, since: datetime | None = None) -> datetime:
    """Return the earliest instant at which `micros` of running open time are used up.

    Counting starts at `since` or at the first segment; nothing to use ends where it starts.
    The last segment must run without end.
    """
    if micros <= 0:
        return since or segments[0].start
    last = segments[-1]
    if since is not None and last.start <= since:
        return last.calendar.add(since, micros)
    used = micros if since is None else micros + used_micros(segments, since)
    for segment in reversed(segments):
        if segment.used_before < used and not segment.paused:
            if since is not None and segment.start < since:
                return segment.calendar.add(since, micros)
            return segment.calendar.add(segment.start, used - segment.used_before)
    raise ValueError("the first segment must have nothing used before it")


def resume_of(segments: Sequence[Segment], micros: int) -> datetime:
    """Return the latest instant at which no more than `micros` are used up.

    Where `reach` answers the closing at noon, this answers the opening after lunch: the moment
    from which what is left starts to run.
    """
    used = max(micros, 0)
    for segment in reversed(segments):
        left = used - segment.used_before
        if left >= 0 and not segment.paused:
            calendar = segment.calendar
            return calendar.next_opening(
                calendar.add(segment.start, left) if left else segment.start
            )
    raise ValueError("the last segment must run without end")


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments with neighbours of one kind made one, so that equal courses are equal."""
    out: list[Segment] = []
    for one in segments:
        last = out[-1] if out else None
        if last is not None and (last.reference, last.paused) == (one.reference, one.paused):
            out[-1] = last._replace(end=one.end)
        else:
            out.append(one)
    return out


def in_versions(
    segments: Sequence[Segment],
    versions: Mapping[tuple[str, int], tuple[tuple[str, int], Calendar]],
) -> list[Segment]:
    """Return the segments in other versions of their calendars, those that `versions` names."""
    out: list[Segment] = []
    used = 0
    for one in segments:
        reference, calendar = versions.get(one.reference, (one.reference, one.calendar))
        out.append(Segment(one.start, one.end, calendar, reference, one.paused, used))
        if one.end is not None:
            used += _open_here(out[-1], one.end)
    return out


def continued(
    segments: Sequence[Segment],
    at: datetime,
    calendar: Calendar,
    reference: tuple[str, int],
    paused_until: datetime | None = None,
) -> list[Segment]:
    """Return the segments as they go on from `at`: running, or paused and running afterwards."""
    kept, used = _cut(segments, at)
    if paused_until is not None and paused_until > at:
        kept.append(Segment(at, paused_until, calendar, reference, True, used))
        at = paused_until
    kept.append(Segment(at, None, calendar, reference, False, used))
    return kept


def _cut(segments: Sequence[Segment], at: datetime) -> tuple[list[Segment], int]:
    """Return what lies before `at`, the segment that holds it ending there, and the time used by then."""
    kept = list(segments)
    while kept and kept[-1].start >= at:
        kept.pop()
    if not kept:
        return kept, 0
    start, _, calendar, reference, paused, used = kept[-1]
    kept[-1] = Segment(start, at, calendar, reference, paused, used)
    return kept, used if paused else used + calendar.open_micros(start, at)
