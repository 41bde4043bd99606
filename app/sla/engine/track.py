"""One clock while facts are folded: its segments, its due instant and how it ends.

What a fact does to which clock is decided in `clock`; the arithmetic is in `segments` and
`target`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from app.calendars.target import Target, date_due
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import Adjustment, Reference, Retarget, State
from app.sla.engine.policy import Policy
from app.sla.engine.segments import (
    Segment,
    continued,
    in_versions,
    joined,
    paused_micros,
    reach,
    used_micros,
)

if TYPE_CHECKING:
    from app.calendars.working_time import Calendar


@dataclass(frozen=True, slots=True)
class Terms:
    """What a clock runs by at the moment: target (None: its own instant), calendar, policy.

    `unknown_from` is the first instant at which holidays that could move due are not known,
    `summed_micros` the length of a target that is summed, None of any other.
    """

    target: Target | None
    calendar: Calendar
    reference: Reference
    policy: Policy | None
    pauses: bool = False
    unknown_from: datetime | None = None
    summed_micros: int | None = None

    def same_course(self, other: Terms) -> bool:
        """Say whether due instants computed by either would be equal."""
        if self is other:
            return True
        return self.target == other.target and self.reference == other.reference


@dataclass(slots=True)
class Track:
    """One row in the making; `ended` stays None while the row can still be answered.

    `carried_micros` is the time that earlier cycles used (reopening), counted against the length
    from `counted_from`. `revised_at` is the last instant at which the course was set: nothing
    that it brings about lies before it. `date_due_at` is the due of a date target without pauses.
    """

    row: ClockRow
    rule: str
    cycle: int
    revision: int
    started_at: datetime
    counted_from: datetime
    revised_at: datetime
    terms: Terms
    segments: list[Segment]
    fixed_due_at: datetime | None = None
    carried_micros: int | None = None
    date_due_at: datetime | None = field(init=False, default=None)
    due_at: datetime = field(init=False)
    on_retarget: bool = False
    ended: State | None = None
    ended_at: datetime | None = None
    answered_at: datetime | None = None
    claimed_at: datetime | None = None
    retargets: tuple[Retarget, ...] = ()
    adjustment: Adjustment | None = None

    def __post_init__(self) -> None:
        self._count_date()
        self._set_course()

    def missed_before(self, at: datetime) -> bool:
        """Say whether due has passed at `at`; from then on it stays where it is."""
        return self.due_at < at

    def length_micros(self) -> int:
        """Return the length of what is promised, in the clock's calendar, without pauses."""
        length = self.terms.summed_micros
        if self.fixed_due_at is not None:
            return used_micros(self.segments, self.fixed_due_at)
        if length is None:
            assert self.date_due_at is not None
            length = self.terms.calendar.open_micros(self.counted_from, self.date_due_at)
        if self.carried_micros is None:
            return length
        return max(length - self.carried_micros, length // 4)

    def used_micros(self, until: datetime) -> int:
        """Return the running open time used up to `until`, earlier cycles apart."""
        return used_micros(self.segments, until)

    def used_at_due(self, length: int) -> int:
        """Return the running open time used up at due, in microseconds, for a given length."""
        if self._is_summed:
            return length
        return used_micros(self.segments, self.due_at)

    def intervals_skipped(self, until: datetime) -> int:
        """Return how many further intervals of a repeated promise came due before `until`.

        They follow one another from due on. One that is used up when work stops is due then, not
        when work goes on; one counted in dates may hold no working time at all.
        """
        if not self._is_summed:
            return self._dates_skipped(until)
        over = used_micros(self.segments, until, since=self.due_at)
        count, rest = divmod(over, self.length_micros())
        if over and not rest and reach(self.segments, over, since=self.due_at) == until:
            count -= 1
        return count

    def _dates_skipped(self, until: datetime) -> int:
        target, count = self.terms.target, 0
        if target is None:
            return 0
        credit = paused_micros([one for one in self.segments if one.start >= self.due_at])
        while True:
            several = Target(target.amount * (count + 1), target.unit)
            due_at = date_due(several, self.due_at, self.terms.calendar)
            if (self.terms.calendar.add(due_at, credit) if credit else due_at) >= until:
                return count
            count += 1

    @property
    def _is_summed(self) -> bool:
        """Say whether due is where a length is used up, not a date or an agreed instant."""
        summed = self.terms.summed_micros is not None or self.carried_micros is not None
        return summed and self.fixed_due_at is None

    def pause(self, at: datetime, limit_at: datetime) -> None:
        """Stop the clock from `at` to the limit at the latest.

        What is due at this very instant stays due: nothing is left to pause. After a miss only
        the levels are held back.
        """
        self._continue(at, limit_at)
        if self.due_at > at:
            self._set_course()

    def resume(self, at: datetime) -> None:
        """Let a paused clock run again, before its limit."""
        self._continue(at, None)
        if self.due_at > at:
            self._set_course()

    def retarget(self, at: datetime, terms: Terms, paused_until: datetime | None) -> None:
        """Move due within the row, never to before `at`; a missed row must not come here."""
        if terms.same_course(self.terms) and self.paused_until(at) == paused_until:
            self.terms = terms
        else:
            self._change_course(at, terms, paused_until)

    def _change_course(self, at: datetime, terms: Terms, paused_until: datetime | None) -> None:
        before, due_before = self.terms, self.due_at
        self.terms = terms
        self._count_date()
        self._continue(at, paused_until)
        self.revised_at = at
        self._set_course()
        self._note_retarget(at, before, due_before)

    def _note_retarget(self, at: datetime, before: Terms, due_before: datetime) -> None:
        change = Retarget(
            at,
            before.target,
            self.terms.target,
            before.reference,
            self.terms.reference,
            due_before,
            self.due_at,
        )
        self.retargets = (*self.retargets, change)

    def revised(self, at: datetime, terms: Terms, paused_until: datetime | None) -> Track:
        """Return revision n+1 from `at`, with the time used; this row is superseded."""
        successor = Track(
            row=self.row,
            rule=self.rule,
            cycle=self.cycle,
            revision=self.revision + 1,
            started_at=self.started_at,
            counted_from=self.counted_from,
            revised_at=at,
            terms=terms,
            segments=continued(self.segments, at, terms.calendar, terms.reference, paused_until),
            fixed_due_at=self.fixed_due_at,
            carried_micros=self.carried_micros,
        )
        self.end(at, State.SUPERSEDED)
        return successor

    def repin(
        self, at: datetime, terms: Terms, versions: Mapping[Reference, tuple[Reference, Calendar]]
    ) -> None:
        """Count from the start in new versions of calendars, never to before `at`."""
        segments = in_versions(self.segments, versions)
        if segments != self.segments:
            self.segments = segments
            self._change_course(at, terms, self.paused_until(at))

    def recount(self, at: datetime, terms: Terms, course: Track) -> None:
        """Go over to the course of another row of the clock, never to before `at`; the same one changes nothing."""
        same = joined(course.segments) == joined(self.segments)
        if same and terms.same_course(self.terms) and course.carried_micros == self.carried_micros:
            self.terms = terms
            return
        due_before, before = self.due_at, self.terms
        self.terms, self.revised_at = terms, at
        self.join(course)
        self._note_retarget(at, before, due_before)

    def join(self, course: Track) -> None:
        """Count as another row of the clock does: from its start, over its segments."""
        self.started_at, self.counted_from = course.started_at, course.counted_from
        self.carried_micros = course.carried_micros
        self.segments = list(course.segments)
        self._count_date()
        self._set_course()

    def answer(self, at: datetime, known_at: datetime) -> None:
        """End the row by its answer; a contact recorded after due counts from its recording."""
        counted = at if known_at <= self.due_at else known_at
        self.claimed_at = at if counted != at else None
        self.answered_at = counted
        self._close(counted, State.MET if counted <= self.due_at else State.LATE)

    def end(self, at: datetime, state: State) -> None:
        """End the row without an answer; a miss latches, whatever ends the row afterwards."""
        self._close(at, State.MISSED if self.missed_before(at) else state)

    def correct(self, at: datetime, claimed_at: datetime, reason: str) -> None:
        """Take a supervisor's word for when the answer came; the verdict before stays visible."""
        missed = self.missed_before(at)
        before = self.ended or (State.MISSED if missed else State.RUNNING)
        self.adjustment = Adjustment(claimed_at, reason, at, before, self.answered_at)
        self.answered_at = claimed_at
        self.ended = State.MET if claimed_at <= self.due_at else State.LATE
        if self.ended_at is None:
            self.ended_at = at

    def broken(self, at: datetime) -> bool:
        """Say whether the row is missed or late at `at`, so that it can be corrected."""
        if self.ended is None:
            return self.missed_before(at)
        return self.ended in (State.MISSED, State.LATE)

    def paused_until(self, at: datetime) -> datetime | None:
        """Return where the pause that holds at `at` ends, None if none does."""
        for segment in self.segments:
            if segment.paused and segment.end is not None and segment.start <= at < segment.end:
                return segment.end
        return None

    def _close(self, at: datetime, state: State) -> None:
        self.ended, self.ended_at = state, at

    def _continue(self, at: datetime, paused_until: datetime | None) -> None:
        terms = self.terms
        self.segments = continued(self.segments, at, terms.calendar, terms.reference, paused_until)

    def _set_course(self) -> None:
        if self.fixed_due_at is not None:
            self.due_at = self.fixed_due_at
            return
        self.due_at = self._computed_due()
        if self.due_at <= self.revised_at:
            self.due_at = self.revised_at
            self.on_retarget = self.revised_at > self.started_at
        else:
            self.on_retarget = False

    def _computed_due(self) -> datetime:
        if self.date_due_at is None or self._is_summed:
            return reach(self.segments, self.length_micros())
        credit = paused_micros(self.segments)
        return self.terms.calendar.add(self.date_due_at, credit) if credit else self.date_due_at

    def _count_date(self) -> None:
        """Count a date target from its start; pauses and earlier cycles come on top."""
        terms, dated = self.terms, self.terms.summed_micros is None
        if dated and terms.target is not None and self.fixed_due_at is None:
            due_at = date_due(terms.target, self.counted_from, terms.calendar)
            if self.row.on_working_day:
                due_at = terms.calendar.end_of_working_day(due_at)
            self.date_due_at = due_at
