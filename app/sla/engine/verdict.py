"""From a folded track to the deadline that is answered: state, lateness, levels.

The instant looked from never changes a verdict; it only says how far time has gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.calendars.target import MICROS_A_SECOND
from app.sla.engine.deadline import Deadline, Level, State
from app.sla.engine.ladder import levels_of
from app.sla.engine.policy import HOUSE_LADDER
from app.sla.engine.track import Track

_OVERDUE = frozenset({State.MISSED, State.LATE})
_SECOND = timedelta(seconds=1)


def deadline_of(track: Track, horizon: datetime, *, with_levels: bool = True) -> Deadline:
    """Return the row of a track as of `horizon`, at or after the last fact; `levels` are most of its price."""
    terms = track.terms
    state, pause_ends_at = _state(track, horizon)
    used = track.used_micros(track.ended_at or horizon)
    length = track.length_micros()
    overdue = state in _OVERDUE
    repeats = overdue and track.row.repeats
    until = track.answered_at or track.ended_at or horizon
    return Deadline(
        clock=track.row.clock,
        rule=track.rule,
        cycle=track.cycle,
        revision=track.revision,
        state=state,
        started_at=track.started_at,
        due_at=track.due_at,
        target=terms.target,
        calendar=terms.reference,
        policy=terms.policy.reference if terms.policy is not None else None,
        pause_ends_at=pause_ends_at,
        answered_at=track.answered_at,
        ended_at=track.ended_at,
        missed_at=track.due_at if overdue else None,
        claimed_at=track.claimed_at,
        on_retarget=track.on_retarget,
        provisional=terms.unknown_from is not None and track.due_at > terms.unknown_from,
        never_pauses=not terms.pauses,
        intervals_skipped=track.intervals_skipped(track.ended_at or horizon) if repeats else 0,
        used_seconds=used // MICROS_A_SECOND,
        length_seconds=length // MICROS_A_SECOND,
        late_seconds=terms.calendar.open_seconds(track.due_at, until) if overdue else None,
        late_elapsed_seconds=(until - track.due_at) // _SECOND if overdue else None,
        levels=_levels(track, length, used) if with_levels else (),
        segments=tuple(track.segments),
        retargets=track.retargets,
        adjustment=track.adjustment,
        row=track.row,
    )


def _levels(track: Track, length: int, used: int) -> tuple[Level, ...]:
    policy = track.terms.policy
    return levels_of(track, HOUSE_LADDER if policy is None else policy.ladder, length, used)


def _state(track: Track, horizon: datetime) -> tuple[State, datetime | None]:
    if track.ended is not None:
        return track.ended, None
    if track.missed_before(horizon):
        return State.MISSED, None
    pause_ends_at = track.paused_until(horizon)
    return (State.PAUSED if pause_ends_at else State.RUNNING), pause_ends_at
