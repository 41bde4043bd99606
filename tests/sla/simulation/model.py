"""A simple model of a ticket's clocks: what each fact means, written out fact by fact.

It knows policies and calendars as documents only, and shares no code with the engine: which facts
open, answer and end which clock stands here once more, in the words of deadlines 3.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from app.sla.engine.facts import Fact, FactKind
from tests.sla.simulation.naive import FAR, ZERO, NaiveCalendar
from tests.sla.simulation.promise import HOUR_UNITS, Course, Promise, Stretch

Data = Mapping[str, Any]

CLOCKS = {
    "accept": "TK-2",
    "plan": "TK-4",
    "progress": "TK-6",
    "next_reply": "TK-6b",
    "resolve": "TK-5",
    "first_answer": "TK-5",
    "confirm": "TK-7",
}
HOUSE: dict[str, Any] = {
    "calendars": {"A": "24x7", "otherwise": "working"},
    "limit": {"working_days": 3},
    "ladder": [
        {"level": 1, "percent": -25},
        {"level": 2, "minutes": 0},
        {"level": 3, "minutes": 60},
        {"level": 4, "minutes": 240},
    ],
}
REOPENS_WITHIN = timedelta(days=7)
INPUTS = ("type", "complexity", "tier", "channel", "priority", "department", "tags")


class Model:
    """One ticket; `take` its facts in order, then ask for its `rows`."""

    def __init__(
        self,
        policies: Mapping[tuple[str, int], Data],
        calendars: Mapping[tuple[str, int], NaiveCalendar],
    ) -> None:
        self.policies, self.all_calendars = policies, calendars
        self.inputs: dict[str, Any] = {}
        self.policy: tuple[str, int] | None = None
        self.pins: dict[str, tuple[str, int]] = {}
        self.promises: list[Promise] = []
        self.open: dict[str, Promise] = {}
        self.courses: dict[str, Course] = {}
        self.wait_ends: datetime | None = None
        self.waits: dict[datetime, datetime] = {}
        self.told_limits: Mapping[datetime, datetime] = {}
        self.history: list[Fact] = []
        self.twin: Model | None = None
        self.wished: datetime | None = None
        self.closed_at: datetime | None = None
        self.accepted = self.planned = self.told_first = self.asked = False
        self.resolved = self.confirmed = self.ended = self.postponed = False

    def rows(self, now: datetime) -> dict[tuple[str, int, int], dict[str, Any]]:
        """Every row as of `now`, at or after the last fact taken."""
        return {(p.clock, p.cycle, p.revision): p.row(now) for p in self.promises}

    def take(self, fact: Fact) -> None:
        at, data = fact.at, fact.data
        if self.wait_ends is not None and at >= self.wait_ends:
            self.wait_ends = None
        self.twin = None
        _FACTS[fact.kind](self, at, data)
        self.history.append(fact)
        if self.resolved or self.ended:
            self.wished = None

    # What a ticket runs by.

    def _course(self, clock: str) -> Course | None:
        """The course of a clock under the policy in force, None where it does not apply."""
        document = self.policies[self.policy] if self.policy else {}
        rules = document.get("clocks", {})
        rule = rules.get(clock, {})
        target = self._target(rule)
        if target is None and clock != "agreed":
            return None
        roles = rule.get("calendar") or document.get("calendars", HOUSE["calendars"])
        roles = {"otherwise": roles} if isinstance(roles, str) else roles
        tier = self.inputs.get("tier")
        role = roles.get(tier, roles.get("otherwise", "working"))
        unit = next(iter(target or {}), None)
        if unit == "elapsed_hours":
            role = "24x7"
        elif unit in ("working_days", "calendar_days", "months"):
            role = "working"
        reference = self.pins[role]
        pausable = unit in HOUR_UNITS or unit == "days"
        return Course(
            target=target,
            calendar=self.all_calendars[reference],
            reference=reference,
            policy=self.policy,
            ladder=tuple(document.get("ladder", HOUSE["ladder"])),
            pauses=pausable and clock in (document.get("waiting") or {}).get("pauses", ()),
        )

    def _target(self, rule: Data) -> dict[str, int] | None:
        for case in rule.get("cases", ()):
            if all(self._fits(name, values) for name, values in case["when"].items()):
                return dict(case["target"])
        return dict(rule["target"]) if "target" in rule else None

    def _fits(self, name: str, values: list[str]) -> bool:
        given = self.inputs.get(name)
        if name == "tags":
            return bool(set(given or ()) & set(values))
        return given in values

    def _all_courses(self) -> dict[str, Course]:
        found = {clock: self._course(clock) for clock in (*CLOCKS, "agreed")}
        return {clock: course for clock, course in found.items() if course is not None}

    def _pause_end(self, course: Course) -> datetime | None:
        return self.wait_ends if course.pauses else None

    # Rows.

    def _wanted(self, clock: str) -> bool:
        """Whether the situation of the ticket calls for the clock, and its answer is not there yet."""
        working = not self.resolved and not self.ended
        return {
            "accept": not self.accepted and not self.ended,
            "plan": self.inputs["complexity"] == "super" and not self.planned and working,
            "progress": self.accepted and working,
            "next_reply": self.asked and not self.ended,
            "resolve": working and not self.postponed,
            "first_answer": not self.told_first and not self.ended,
            "confirm": self.resolved and not self.confirmed and not self.ended,
        }[clock]

    def _open_if_wanted(self, at: datetime, *clocks: str) -> None:
        for clock in clocks:
            if clock in self.courses and clock not in self.open and self._wanted(clock):
                self._begin(at, clock)

    def _begin(self, at: datetime, clock: str, agreed_due: datetime | None = None) -> Promise:
        course = self.courses[clock]
        earlier = [p for p in self.promises if p.clock == clock]
        cycle = max((p.cycle for p in earlier), default=0) + 1
        revision = 1
        if clock in self.open:
            cycle, revision = self.open[clock].cycle, self.open[clock].revision + 1
            self._end(at, clock, "superseded")
        promise = Promise(
            clock, CLOCKS.get(clock, "TK-1"), cycle, revision, at, at, at, course, [], agreed_due
        )
        if clock == "resolve" and earlier:
            last = {p.cycle: p for p in earlier}.values()
            promise.counted_from = earlier[0].counted_from
            promise.used_before = sum((p.used(p.ended_at or at) for p in last), ZERO)
        promise.stretches = [Stretch(at, FAR, course.calendar, course.reference)]
        promise.go_on(at, self._pause_end(course))
        if self.twin is not None and clock in self.twin.open:
            promise.begin_as(self.twin.open[clock])
        promise.set_due()
        self.promises.append(promise)
        self.open[clock] = promise
        return promise

    def _answer(self, at: datetime, *clocks: str) -> None:
        for clock in clocks:
            if clock in self.open:
                self.open.pop(clock).answer(at)

    def _end(self, at: datetime, clock: str, verdict: str = "cancelled") -> None:
        if clock in self.open:
            self.open.pop(clock).end(at, verdict)

    def _answered_by(self, at: datetime, fact: str) -> None:
        """Resolving or closing answers the solution and the agreed instant, as the policy says."""
        rules = self.policies[self.policy].get("clocks", {}) if self.policy else {}
        chosen = rules.get("resolve", {}).get("answered_by", ["resolved", "closed"])
        for clock in ("resolve", "agreed"):
            if fact in rules.get(clock, {}).get("answered_by", chosen):
                self._answer(at, clock)

    def _end_wait(self, at: datetime) -> None:
        if self.wait_ends is not None:
            self.waits[max(self.waits)] = at
            self.wait_ends = None
            for promise in self.open.values():
                if promise.paused_until(at) is not None:
                    promise.pause_or_resume(at, None)

    # Facts.

    def _opened(self, at: datetime, data: Data) -> None:
        self.inputs = dict(data["inputs"])
        self.policy = tuple(data["policy"]) if data["policy"] else None
        self.pins = {role: tuple(pin) for role, pin in data["calendars"].items()}
        self.courses = self._all_courses()
        self._open_if_wanted(at, "accept", "plan", "resolve", "first_answer")
        if data.get("accepted"):
            self._accepted(at, {})

    def _accepted(self, at: datetime, _: Data) -> None:
        self.accepted = True
        self._answer(at, "accept")
        self._open_if_wanted(at, "progress")

    def _message(self, at: datetime, data: Data) -> None:
        if data.get("automatic"):
            return
        if data["by"] == "customer":
            self._heard(at, courtesy=bool(data.get("courtesy")))
        elif data["public"]:
            self.asked = False
            self._answer(at, "next_reply")
            if not data.get("vague"):
                self.told_first = True
                self._answer(at, "progress", "first_answer")
                self._open_if_wanted(at, "progress")

    def _heard(self, at: datetime, *, courtesy: bool) -> None:
        self._end_wait(at)
        if courtesy:
            return
        if self.closed_at is not None and at - self.closed_at <= REOPENS_WITHIN:
            self._reopened(at, {})
        self.asked = True
        self._open_if_wanted(at, "next_reply")

    def _no_reply_needed(self, at: datetime, _: Data) -> None:
        self.asked = False
        self._answer(at, "next_reply")

    def _planned(self, at: datetime, _: Data) -> None:
        self.planned = True
        self._answer(at, "plan")

    def _waiting(self, at: datetime, _: Data) -> None:
        if self.wait_ends is not None or self.resolved or self.ended:
            return
        document = self.policies[self.policy] if self.policy else {}
        limit = (document.get("waiting") or {}).get("limit", HOUSE["limit"])
        ((unit, amount),) = limit.items()
        calendar = self.all_calendars[self.pins["24x7" if unit == "elapsed_hours" else "working"]]
        self.wait_ends = (
            calendar.add(at, amount * HOUR_UNITS[unit])
            if unit in HOUR_UNITS
            else calendar.date_due(limit, at)
        )
        self.wait_ends = self.waits[at] = self.told_limits.get(at, self.wait_ends)
        for promise in self.open.values():
            if promise.course.pauses:
                promise.pause_or_resume(at, self.wait_ends)

    def _resumed(self, at: datetime, _: Data) -> None:
        self._end_wait(at)

    def _resolved(self, at: datetime, _: Data) -> None:
        self._answer(at, "accept")
        self._answered_by(at, "resolved")
        self._end(at, "plan")
        self._end(at, "progress")
        self._end_wait(at)
        self.accepted = self.resolved = True
        self.confirmed = False
        self._open_if_wanted(at, "confirm")

    def _confirmed(self, at: datetime, data: Data) -> None:
        if data["answer"] in ("solved", "partly"):
            self.confirmed = True
            self._answer(at, "confirm")

    def _reopened(self, at: datetime, _: Data) -> None:
        self._end(at, "confirm")
        self._end_wait(at)
        self.resolved = self.confirmed = self.ended = self.postponed = False
        self.closed_at = None
        self._open_if_wanted(at, *CLOCKS)

    def _over(self, at: datetime, _: Data) -> None:
        for clock in list(self.open):
            self._end(at, clock)
        self._end_wait(at)
        self.ended, self.asked = True, False

    def _closed(self, at: datetime, data: Data) -> None:
        self._answered_by(at, "closed")
        self._over(at, data)
        self.closed_at = at

    def _inputs(self, at: datetime, data: Data) -> None:
        """A tier or a department changed: due moves within the row."""
        self._take_inputs(data)
        self._follow(at)

    def _take_inputs(self, data: Data) -> None:
        """Inputs, and the policy that matches them where it is another one."""
        self.inputs |= {name: data[name] for name in INPUTS if name in data}
        if "policy" in data:
            self.policy = tuple(data["policy"]) if data["policy"] else None

    def _reclassified(self, at: datetime, data: Data) -> None:
        before = self.inputs["complexity"]
        self._take_inputs(data)
        after = self.inputs["complexity"]
        if before == "super" != after:
            self._end(at, "plan")
        self._follow(at, revising=True)
        if before != "super" == after:
            self._open_if_wanted(at, "plan")
            if self.planned and "plan" in self.courses and not self.resolved and not self.ended:
                self._begin(at, "plan")
                self._answer(at, "plan")

    def _policy(self, at: datetime, data: Data) -> None:
        self.policy = tuple(data["policy"]) if data["policy"] else None
        self.twin = self._under(data["policy"]) if data.get("from_start") else None
        self._follow(at)

    def _under(self, policy: Any) -> "Model":
        """The same history, had the policy applied from the opening on; waits end where they were told to."""
        twin = Model(self.policies, self.all_calendars)
        twin.told_limits = self.waits
        for fact in self.history:
            if fact.kind is FactKind.POLICY_ASSIGNED:
                continue
            data = {name: value for name, value in fact.data.items() if name != "policy"}
            if fact.kind is FactKind.OPENED:
                data |= {"policy": policy, "calendars": {**self.pins, **data["calendars"]}}
            twin.take(Fact(fact.sequence, fact.kind, fact.at, data))
        return twin

    def _calendars(self, at: datetime, data: Data) -> None:
        before = self.pins
        self.pins = before | {role: tuple(pin) for role, pin in data["calendars"].items()}
        moved = {old: self.pins[role] for role, old in before.items() if self.pins[role] != old}
        self._follow(at, moved if data.get("from_start") else {})

    def _follow(
        self, at: datetime, moved: Mapping[Any, Any] | None = None, *, revising: bool = False
    ) -> None:
        """Lead every open row by what is in force now; `moved` calendars count from its start."""
        before, self.courses = self.courses, self._all_courses()
        for clock, promise in list(self.open.items()):
            course = self.courses.get(clock)
            if course is None:
                self._end(at, clock)
            elif promise.due < at:
                continue  # a miss latches
            elif self.twin is not None and clock in self.twin.open:
                promise.join(at, course, self.twin.open[clock])
            elif moved:
                self._count_anew(at, promise, course, moved)
            elif revising and not course.leads_as(promise.course):
                self._revise(at, promise, course)
            elif course.leads_as(promise.course) and (
                self._pause_end(course) == promise.paused_until(at)
            ):
                promise.course = course
            else:
                promise.change(at, course, self._pause_end(course))
        self._open_if_wanted(at, *(clock for clock in CLOCKS if clock not in before))

    def _count_anew(
        self, at: datetime, promise: Promise, course: Course, moved: Mapping[Any, Any]
    ) -> None:
        if not any(one.reference in moved for one in promise.stretches):
            return
        for one in promise.stretches:
            one.reference = moved.get(one.reference, one.reference)
            one.calendar = self.all_calendars[one.reference]
        promise.change(at, course, promise.paused_until(at))

    def _revise(self, at: datetime, promise: Promise, course: Course) -> None:
        """Another promise takes over with the time used; the old one is superseded."""
        successor = Promise(
            promise.clock,
            promise.rule,
            promise.cycle,
            promise.revision + 1,
            promise.started,
            promise.counted_from,
            at,
            course,
            [Stretch(s.start, s.end, s.calendar, s.reference, s.paused) for s in promise.stretches],
            promise.agreed_due,
            promise.used_before,
        )
        successor.change(at, course, self._pause_end(course))
        self._end(at, promise.clock, "superseded")
        self.promises.append(successor)
        self.open[promise.clock] = successor

    def _agreed(self, at: datetime, data: Data) -> None:
        due: datetime = data["due_at"]
        self.wished = None
        if self.resolved or self.ended or due <= at:
            return
        promised = self.open.get("resolve") or self.open.get("agreed")
        later = promised is not None and due > promised.due
        if not later or (data.get("wish_recorded") and data.get("approved")):
            self._keep_to(at, due)
        elif data.get("wish_recorded"):
            self.wished = due

    def _agreement_approved(self, at: datetime, _: Data) -> None:
        due, self.wished = self.wished, None
        if due is not None and due > at:
            self._keep_to(at, due)

    def _keep_to(self, at: datetime, due: datetime) -> None:
        resolve = self.open.get("resolve")
        if resolve is not None and at <= resolve.due < due:
            self._end(at, "resolve", "superseded")
            self.postponed = True
        self._begin(at, "agreed", due)

    def _corrected(self, at: datetime, data: Data) -> None:
        for promise in self.promises:
            key = (promise.clock, promise.cycle, promise.revision)
            wanted = (data["clock"], data["cycle"], data["revision"])
            state = promise.state(at)
            if key != wanted or state not in ("missed", "late"):
                continue
            promise.correction = (data["claimed_at"], state)
            promise.answered_at = data["claimed_at"]
            promise.ended = "met" if data["claimed_at"] <= promise.due else "late"
            promise.ended_at = promise.ended_at or at
            if self.open.get(promise.clock) is promise:
                del self.open[promise.clock]
                if promise.clock == "next_reply":
                    self.asked = False
        if data["clock"] == "progress":
            self._open_if_wanted(at, "progress")

    def _nothing(self, at: datetime, _: Data) -> None:
        """Told for the record; no clock minds."""


_FACTS: dict[FactKind, Callable[[Model, datetime, Data], None]] = {
    FactKind.OPENED: Model._opened,
    FactKind.ACCEPTED: Model._accepted,
    FactKind.ASSIGNED: Model._inputs,
    FactKind.MESSAGE: Model._message,
    FactKind.NO_REPLY_NEEDED: Model._no_reply_needed,
    FactKind.AGREED: Model._agreed,
    FactKind.AGREEMENT_APPROVED: Model._agreement_approved,
    FactKind.TASK_FORCE_FORMED: Model._nothing,
    FactKind.PAUSE_APPROVED: Model._nothing,
    FactKind.PLAN_STATED: Model._planned,
    FactKind.WAITING: Model._waiting,
    FactKind.RESUMED: Model._resumed,
    FactKind.RESOLVED: Model._resolved,
    FactKind.CONFIRMED: Model._confirmed,
    FactKind.REOPENED: Model._reopened,
    FactKind.RECLASSIFIED: Model._reclassified,
    FactKind.TIER_CHANGED: Model._inputs,
    FactKind.POLICY_ASSIGNED: Model._policy,
    FactKind.CALENDAR_ASSIGNED: Model._calendars,
    FactKind.MERGED: Model._over,
    FactKind.CLOSED: Model._closed,
    FactKind.CANCELLED: Model._over,
    FactKind.CORRECTED: Model._corrected,
}
