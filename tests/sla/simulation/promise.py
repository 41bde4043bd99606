"""One promise of the model: stretches of time in some calendar, running or standing still.

Every question is answered by walking the pieces in which the promise runs, from its beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.calendars.oracle import Piece
from tests.sla.simulation.naive import FAR, ZERO, NaiveCalendar

HOUR_UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "elapsed_hours": timedelta(hours=1),
}
Reference = tuple[str, int]
Target = dict[str, int]


@dataclass(frozen=True)
class Course:
    """What a promise runs by: target (None: an agreed instant), calendar, whether waits pause it."""

    target: Target | None
    calendar: NaiveCalendar
    reference: Reference
    policy: Reference | None
    ladder: tuple[dict[str, Any], ...]
    pauses: bool

    @property
    def hours(self) -> timedelta | None:
        """The length of a target that is summed up, None of a date or an agreed instant."""
        ((unit, amount),) = (self.target or {"none": 0}).items()
        return amount * HOUR_UNITS[unit] if unit in HOUR_UNITS else None

    def leads_as(self, other: "Course") -> bool:
        return self.target == other.target and self.reference == other.reference


@dataclass
class Stretch:
    start: datetime
    end: datetime
    calendar: NaiveCalendar
    reference: Reference
    paused: bool = False


@dataclass
class Promise:
    """One row; `ended` is its verdict once nothing can answer it any more."""

    clock: str
    rule: str
    cycle: int
    revision: int
    started: datetime
    counted_from: datetime
    set_at: datetime
    course: Course
    stretches: list[Stretch]
    agreed_due: datetime | None = None
    used_before: timedelta | None = None
    due: datetime = FAR
    told_at_once: bool = False
    ended: str | None = None
    ended_at: datetime | None = None
    answered_at: datetime | None = None
    correction: tuple[datetime, str] | None = field(default=None)

    def running(self, since: datetime | None = None) -> Iterator[Piece]:
        """The pieces of time in which the promise runs, ascending."""
        for one in self.stretches:
            if one.paused:
                continue
            for opens, closes in one.calendar.pieces(max(one.start, since or one.start)):
                if opens >= one.end:
                    break
                yield opens, min(closes, one.end)

    def used(self, until: datetime) -> timedelta:
        total = ZERO
        for opens, closes in self.running():
            if opens >= until:
                break
            total += min(closes, until) - opens
        return total

    def first_using(self, amount: timedelta, since: datetime | None = None) -> datetime:
        """The earliest instant at which the amount has run."""
        if amount <= ZERO:
            return since or self.started
        for opens, closes in self.running(since):
            if amount <= closes - opens:
                return opens + amount
            amount -= closes - opens
        raise AssertionError("beyond the model's years")

    def last_using(self, amount: timedelta) -> datetime:
        """The latest instant at which no more than the amount has run: an opening, never a closing."""
        for opens, closes in self.running():
            if amount < closes - opens:
                return opens + max(amount, ZERO)
            amount -= closes - opens
        raise AssertionError("beyond the model's years")

    def length(self) -> timedelta:
        """What is promised, in the calendar's own time, without pauses."""
        if self.agreed_due is not None:
            return self.used(self.agreed_due)
        whole = self.course.hours
        if whole is None:
            assert self.course.target is not None
            end = self.course.calendar.date_due(self.course.target, self.counted_from)
            whole = self.course.calendar.used(self.counted_from, end)
        if self.used_before is None:
            return whole
        return max(whole - self.used_before, whole // 4)

    def set_due(self) -> None:
        """Compute due anew; never to before the change that set the course."""
        if self.agreed_due is not None:
            self.due = self.agreed_due
            return
        if self.course.hours is not None or self.used_before is not None:
            due = self.first_using(self.length())
        else:
            assert self.course.target is not None
            due = self.course.calendar.date_due(self.course.target, self.counted_from)
            paused = sum(
                (s.calendar.used(s.start, s.end) for s in self.stretches if s.paused), ZERO
            )
            due = self.course.calendar.add(due, paused) if paused else due
        self.due = max(due, self.set_at)
        self.told_at_once = due <= self.set_at and self.set_at > self.started

    def go_on(self, at: datetime, paused_until: datetime | None) -> None:
        """From `at` on run by the course in force, or stand still and run afterwards."""
        self.stretches = [
            Stretch(s.start, min(s.end, at), s.calendar, s.reference, s.paused)
            for s in self.stretches
            if s.start < at
        ]
        course = self.course
        if paused_until is not None and paused_until > at:
            self.stretches.append(
                Stretch(at, paused_until, course.calendar, course.reference, paused=True)
            )
            at = paused_until
        self.stretches.append(Stretch(at, FAR, course.calendar, course.reference))

    def pause_or_resume(self, at: datetime, paused_until: datetime | None) -> None:
        self.go_on(at, paused_until)
        if self.due > at:
            self.set_due()

    def change(self, at: datetime, course: Course, paused_until: datetime | None) -> None:
        """Take another course from `at` on, with the time used so far."""
        self.course = course
        self.set_at = at
        self.go_on(at, paused_until)
        self.set_due()

    def join(self, at: datetime, course: Course, other: "Promise") -> None:
        """Run on as another promise of the clock has run; the same one changes nothing."""
        same = self.pieces_known() == other.pieces_known() and self.used_before == other.used_before
        if same and course.leads_as(self.course):
            self.course = course
            return
        self.course, self.set_at = course, at
        self.begin_as(other)
        self.set_due()

    def begin_as(self, other: "Promise") -> None:
        self.started, self.counted_from = other.started, other.counted_from
        self.used_before = other.used_before
        self.stretches = [
            Stretch(s.start, s.end, s.calendar, s.reference, s.paused) for s in other.stretches
        ]

    def pieces_known(self) -> list[tuple[Reference, bool, datetime, datetime]]:
        """The stretches, neighbours of one kind made one."""
        out: list[tuple[Reference, bool, datetime, datetime]] = []
        for s in self.stretches:
            if out and out[-1][:2] == (s.reference, s.paused):
                out[-1] = (*out[-1][:3], s.end)
            else:
                out.append((s.reference, s.paused, s.start, s.end))
        return out

    def paused_until(self, at: datetime) -> datetime | None:
        return next((s.end for s in self.stretches if s.paused and s.start <= at < s.end), None)

    def end(self, at: datetime, verdict: str) -> None:
        self.ended, self.ended_at = "missed" if self.due < at else verdict, at

    def answer(self, at: datetime) -> None:
        self.answered_at = self.ended_at = at
        self.ended = "met" if at <= self.due else "late"

    def state(self, now: datetime) -> str:
        if self.ended is not None:
            return self.ended
        if self.due < now:
            return "missed"
        return "running" if self.paused_until(now) is None else "paused"

    def fires(self, step: dict[str, Any]) -> datetime:
        """When a level of the ladder fires."""
        minutes = timedelta(minutes=step.get("minutes", 0))
        if "percent" not in step and minutes >= ZERO:
            return self.first_using(minutes, self.due)
        if self.told_at_once:
            return self.due
        before = -step["percent"] * self.length() // 100 if "percent" in step else -minutes
        at = self.last_using(self.used(self.due) - before)
        return min(max(at, self.set_at), self.due)

    def levels(self) -> dict[int, datetime]:
        """Every level of an open row; of an ended one those that it reached before its end."""
        fires = {step["level"]: (step, self.fires(step)) for step in self.course.ladder}
        if self.ended_at is None:
            return {level: at for level, (_, at) in fires.items()}
        in_time = self.ended_at <= self.due
        return {
            level: at
            for level, (step, at) in fires.items()
            if at <= self.ended_at
            and not (in_time and "percent" not in step and step["minutes"] >= 0)
        }

    def skipped(self, until: datetime) -> int:
        """How many further intervals, one after the other from due on, were due before `until`."""
        count = 0
        while self._further_due(count + 1) < until:
            count += 1
        return count

    def _further_due(self, number: int) -> datetime:
        calendar, hours = self.course.calendar, self.course.hours
        if hours is not None:
            return self.first_using(number * hours, self.due)
        assert self.course.target is not None
        target = {unit: number * amount for unit, amount in self.course.target.items()}
        later = [s for s in self.stretches if s.paused and s.start >= self.due]
        paused = sum((s.calendar.used(s.start, s.end) for s in later), ZERO)
        due = calendar.date_due(target, self.due)
        return calendar.add(due, paused) if paused else due

    def row(self, now: datetime) -> dict[str, Any]:
        """Everything that is compared, as of `now`."""
        state, course = self.state(now), self.course
        overdue = state in ("missed", "late")
        until = self.answered_at or self.ended_at or now
        ended = self.ended_at or now
        second = timedelta(seconds=1)
        known = course.calendar.known_until()
        dated = set(course.target or ()) & {"minutes", "hours", "days", "working_days"}
        return {
            "state": state,
            "rule": self.rule,
            "target": course.target,
            "calendar": course.reference,
            "policy": course.policy,
            "started_at": self.started,
            "due_at": self.due,
            "pause_ends_at": self.paused_until(now) if state == "paused" else None,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "missed_at": self.due if overdue else None,
            "on_retarget": self.told_at_once,
            "provisional": bool(dated) and known is not None and self.due > known,
            "never_pauses": not course.pauses,
            "intervals_skipped": self.skipped(ended) if overdue and self.clock == "progress" else 0,
            "used_seconds": self.used(ended) // second,
            "length_seconds": self.length() // second,
            "late_seconds": course.calendar.used(self.due, until) // second if overdue else None,
            "late_elapsed_seconds": (until - self.due) // second if overdue else None,
            "levels": self.levels(),
            "correction": self.correction,
        }
