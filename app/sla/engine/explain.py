"""Why a deadline is due when it is: the data, and one readable sentence in Chinese and English.

Pure: everything is in the deadline itself. Levels that really fired, and who was told, are the
escalations' to add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.sla.engine.deadline import Deadline, State
from app.sla.engine.phrases import EN, ZH, Phrases
from app.sla.engine.register import row_of
from app.sla.engine.segments import Segment


@dataclass(frozen=True, slots=True)
class Explanation:
    """`data` holds instants, dates, numbers and texts only; `zh` and `en` say the same in words."""

    data: dict[str, Any]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class _Pause:
    start: datetime
    end: datetime
    credited_seconds: int
    after_due: bool


def explain(deadline: Deadline, zone: ZoneInfo | None = None) -> Explanation:
    """Return how a row came to its due instant and its state, as of the instant it was evaluated.

    The sentences tell local times in `zone`, or in that of the clock's calendar.

    Data: `rule`, `clock`, titles, `policy` and `calendar` as [name, version] (policy None where
    none applies), `target`, `started_at`, `due_at`, `state`, `intervals` (open stretches counted
    up to due, ascending), `exceptions` (holidays and make-up days touched), `pauses` (of the
    pending one up to its limit; one after due moves levels, not due),
    `retargets`, `levels`, and what ended the row.
    """
    zone = zone or deadline.segments[-1].calendar.timezone
    return Explanation(
        _data(deadline), _sentence(deadline, ZH, zone), _sentence(deadline, EN, zone)
    )


def _data(deadline: Deadline) -> dict[str, Any]:
    row = deadline.row or row_of(deadline.clock)
    target, policy = deadline.target, deadline.policy
    return {
        "rule": deadline.rule,
        "clock": deadline.clock,
        "title_zh": row.title_zh if row is not None else deadline.clock,
        "title_en": row.title_en if row is not None else deadline.clock,
        "cycle": deadline.cycle,
        "revision": deadline.revision,
        "policy": list(policy) if policy is not None else None,
        "calendar": list(deadline.calendar),
        "target": {"amount": target.amount, "unit": target.unit.value} if target else None,
        "length_seconds": deadline.length_seconds,
        "started_at": deadline.started_at,
        "due_at": deadline.due_at,
        "provisional": deadline.provisional,
        "on_retarget": deadline.on_retarget,
        "state": deadline.state.value,
        "answered_at": deadline.answered_at,
        "claimed_at": deadline.claimed_at,
        "ended_at": deadline.ended_at,
        "used_seconds": deadline.used_seconds,
        "late_seconds": deadline.late_seconds,
        "late_elapsed_seconds": deadline.late_elapsed_seconds,
        "intervals_skipped": deadline.intervals_skipped,
        "intervals": [
            {"from": start, "to": end, "calendar": list(segment.reference)}
            for segment, start, end in _counted(deadline)
        ],
        "exceptions": [
            {"on": on, "kind": kind, "name": name} for on, kind, name in _exceptions(deadline)
        ],
        "pauses": _pause_data(deadline),
        "retargets": _retarget_data(deadline),
        "levels": [{"level": level, "fire_at": at} for level, at in deadline.levels],
        "adjustment": _adjustment(deadline),
    }


def _pause_data(deadline: Deadline) -> list[dict[str, Any]]:
    return [
        {
            "from": one.start,
            "to": one.end,
            "credited_seconds": one.credited_seconds,
            "after_due": one.after_due,
        }
        for one in _pauses(deadline)
    ]


def _retarget_data(deadline: Deadline) -> list[dict[str, Any]]:
    return [
        {
            "at": one.at,
            "due_before": one.due_before,
            "due_after": one.due_after,
            "calendar_before": list(one.calendar_before),
            "calendar_after": list(one.calendar_after),
        }
        for one in deadline.retargets
    ]


def _adjustment(deadline: Deadline) -> dict[str, Any] | None:
    adjustment = deadline.adjustment
    if adjustment is None:
        return None
    return {
        "claimed_at": adjustment.claimed_at,
        "reason": adjustment.reason,
        "corrected_at": adjustment.corrected_at,
        "state_before": adjustment.state_before.value,
        "answered_before": adjustment.answered_before,
    }


def _up_to(segment: Segment, until: datetime) -> datetime:
    return until if segment.end is None or segment.end > until else segment.end


def _counted(deadline: Deadline) -> Iterator[tuple[Segment, datetime, datetime]]:
    for segment in deadline.segments:
        if segment.paused or segment.start >= deadline.due_at:
            continue
        end = _up_to(segment, deadline.due_at)
        for opens, closes in segment.calendar.intervals(segment.start, end):
            yield segment, opens, closes


def _exceptions(deadline: Deadline) -> list[tuple[date, str, str]]:
    """Return the dated exceptions that lie between start and due, in each segment's calendar."""
    found: dict[date, tuple[date, str, str]] = {}
    for segment in deadline.segments:
        end = _up_to(segment, deadline.due_at)
        for on, kind, name in segment.calendar.exception_names(segment.start, end):
            found[on] = (on, str(kind), name)
    return [found[on] for on in sorted(found)]


def _pauses(deadline: Deadline) -> list[_Pause]:
    """Return the stretches paused before the row's end; one after due credits nothing to it."""
    found = []
    for segment in deadline.segments:
        ended = deadline.ended_at is not None and segment.start >= deadline.ended_at
        if not segment.paused or segment.end is None or ended:
            continue
        end = segment.end if deadline.ended_at is None else _up_to(segment, deadline.ended_at)
        counts = segment.start < deadline.due_at
        credited = segment.calendar.open_seconds(segment.start, end) if counts else 0
        found.append(_Pause(segment.start, end, credited, after_due=not counts))
    return found


def _sentence(deadline: Deadline, say: Phrases, zone: ZoneInfo) -> str:
    row = deadline.row or row_of(deadline.clock)
    title = deadline.clock if row is None else getattr(row, f"title_{say.language}")
    parts = [
        say.promise(title, deadline.rule, deadline.policy, deadline.target),
        say.start_and_due(
            deadline.started_at.astimezone(zone),
            deadline.due_at.astimezone(zone),
            deadline.calendar,
        ),
        *_circumstances(deadline, say),
        say.verdict(deadline.state, deadline.late_seconds, deadline.late_elapsed_seconds),
    ]
    return say.joined(parts)


def _circumstances(deadline: Deadline, say: Phrases) -> Iterator[str]:
    row = deadline.row or row_of(deadline.clock)
    if row is not None and row.carries and deadline.cycle > 1:
        yield say.reopened(timedelta(seconds=deadline.length_seconds))
    exceptions = _exceptions(deadline)
    if exceptions:
        yield say.exceptions([name for _, _, name in exceptions])
    pauses = [one for one in _pauses(deadline) if not one.after_due]
    if pauses:
        credited = timedelta(seconds=sum(one.credited_seconds for one in pauses))
        yield say.pauses(len(pauses), credited)
    if deadline.retargets:
        yield say.retargets(len(deadline.retargets), deadline.on_retarget)
    if deadline.provisional:
        yield say.provisional
    if deadline.adjustment is not None:
        yield say.corrected(deadline.adjustment.reason)
    if deadline.intervals_skipped and deadline.state in (State.MISSED, State.LATE):
        yield say.skipped(deadline.intervals_skipped)
