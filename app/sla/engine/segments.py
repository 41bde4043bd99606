"""Arithmetic over stretches of time that run in different calendars or stand still.

used(t) is the sum, over segments that are not paused, of open time in the calendar in force in
each (deadlines section 2, mixed segments). Policies, clocks and verdicts are elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.calendars.working_time import Calendar


@dataclass(frozen=True, slots=True)
class Segment:
    """A half-open stretch [start, end) in one calendar; `end` None goes on for ever."""

    start: datetime
    end: datetime | None
    calendar: Calendar
    reference: tuple[str, int]
    paused: bool = False


def used_micros(segments: Sequence[Segment], until: datetime, since: datetime | None = None) -> int:
    """Return the running open time in [since or the first start, until), in microseconds."""
    total = 0
    for segment in segments:
        if segment.start >= until:
            break
        if segment.paused:
            continue
        start = segment.start if since is None or since < segment.start else since
        end = until if segment.end is None or segment.end > until else segment.end
        if start < end:
            total += segment.calendar.open_micros(start, end)
    return total


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
    left = micros
    for segment in segments:
        if segment.paused or (since and segment.end and segment.end <= since):
            continue
        start = segment.start if since is None or since < segment.start else since
        if segment.end is None:
            return segment.calendar.add(start, left)
        open_here = segment.calendar.open_micros(start, segment.end)
        if open_here >= left:
            return segment.calendar.add(start, left)
        left -= open_here
    raise ValueError("the last segment must run without end")


def resume_of(segments: Sequence[Segment], micros: int) -> datetime:
    """Return the latest instant at which no more than `micros` are used up.

    Where `reach` answers the closing at noon, this answers the opening after lunch: the moment
    from which what is left starts to run.
    """
    left = max(micros, 0)
    for segment in segments:
        if segment.paused:
            continue
        calendar = segment.calendar
        if segment.end is not None:
            open_here = calendar.open_micros(segment.start, segment.end)
            if open_here <= left:
                left -= open_here
                continue
        return calendar.next_opening(calendar.add(segment.start, left) if left else segment.start)
    raise ValueError("the last segment must run without end")


def cut(segments: Sequence[Segment], at: datetime) -> list[Segment]:
    """Return what lies before `at`; the segment that holds it ends there."""
    kept: list[Segment] = []
    for one in segments:
        if one.start >= at:
            break
        if one.end is None or one.end > at:
            kept.append(Segment(one.start, at, one.calendar, one.reference, one.paused))
        else:
            kept.append(one)
    return kept


def joined(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments with neighbours of one kind made one, so that equal courses are equal."""
    out: list[Segment] = []
    for one in segments:
        last = out[-1] if out else None
        if last is not None and (last.reference, last.paused) == (one.reference, one.paused):
            out[-1] = replace(last, end=one.end)
        else:
            out.append(one)
    return out


def continued(
    segments: Sequence[Segment],
    at: datetime,
    calendar: Calendar,
    reference: tuple[str, int],
    paused_until: datetime | None = None,
) -> list[Segment]:
    """Return the segments as they go on from `at`: running, or paused and running afterwards."""
    if not segments and paused_until is None:
        return [Segment(at, None, calendar, reference)]
    kept = cut(segments, at)
    if paused_until is not None and paused_until > at:
        kept.append(Segment(at, paused_until, calendar, reference, paused=True))
        at = paused_until
    kept.append(Segment(at, None, calendar, reference))
    return kept
