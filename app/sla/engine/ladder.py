"""The ladder: when the levels of a deadline fire, who is told, and when a notice may go out.

Pure: the organisation comes as a plain value. Claiming, firing once and delivery are the sweep's
and the notifications' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app.sla.engine.deadline import Level
from app.sla.engine.policy import Step, Tell
from app.sla.engine.segments import reach, resume_of

if TYPE_CHECKING:
    from app.sla.engine.track import Track

_MINUTE_MICROS = 60_000_000
QUIET_FROM = time(22)
QUIET_UNTIL = time(8)


def levels_of(track: Track, steps: Sequence[Step], length: int, used: int) -> tuple[Level, ...]:
    """Return (level, fire_at) of a row; of an ended one those that it reached before its end.

    `length` of the target and time `used` are microseconds. Levels before due lie where that much
    of the length is left, and at an opening rather than at the closing before it; levels after due
    count the deadline's calendar, pauses left out. None lies before the course was last set. What
    was kept, even exactly at due, has not reached due's levels.
    """
    end, used_at_due = track.ended_at, track.used_at_due(length)
    if end is None:
        return tuple((step.level, _fire_at(track, step, length, used_at_due)) for step in steps)
    if end <= track.due_at:
        left = used_at_due - used
        steps = [step for step in steps if step.before_due and left <= _before(step, length)]
    levels: list[Level] = []
    for step in steps:
        at = _fire_at(track, step, length, used_at_due)
        if at <= end:
            levels.append((step.level, at))
        elif not step.before_due:  # those after due go up in time
            break
    return tuple(levels)


def _fire_at(track: Track, step: Step, length: int, used_at_due: int) -> datetime:
    if not step.before_due:
        return reach(track.segments, (step.minutes or 0) * _MINUTE_MICROS, since=track.due_at)
    if track.on_retarget:
        return track.due_at
    at = resume_of(track.segments, used_at_due - _before(step, length))
    return min(max(at, track.revised_at), track.due_at)


def _before(step: Step, length: int) -> int:
    """Return how much running time before due the level lies, in microseconds."""
    if step.percent is not None:
        return -step.percent * length // 100
    return -(step.minutes or 0) * _MINUTE_MICROS


def release_at(at: datetime, zone: ZoneInfo, tier: str | None) -> datetime:
    """Return when a notice of `at` may be delivered: `at`, or 08:00 after quiet hours, in UTC.

    Quiet are 22:00 (inclusive) to 08:00 (exclusive) in the recipient's zone, never for tier A.
    """
    local = at.astimezone(zone)
    if tier == "A" or QUIET_UNTIL <= local.time() < QUIET_FROM:
        return at
    on = local.date() + timedelta(days=1 if local.time() >= QUIET_FROM else 0)
    return datetime.combine(on, QUIET_UNTIL, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the ladder sees one; `present` is false during an absence."""

    id: int
    manager_id: int | None = None
    active: bool = True
    present: bool = True
    delegate_id: int | None = None

    @property
    def reachable(self) -> bool:
        """Say whether the person can be told at all at the moment."""
        return self.active and self.present


@dataclass(frozen=True, slots=True)
class Department:
    """A department; `on_call` in the order in which people are called."""

    id: int
    head_id: int | None = None
    on_call: tuple[int, ...] = ()
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Org:
    """Whoever can be told; ids that are not in here count as nobody."""

    people: Mapping[int, Person]
    departments: Mapping[int, Department] = field(default_factory=dict)
    admins: tuple[int, ...] = ()

    def reached(self, user_id: int | None) -> int | None:
        """Return who is told in a person's place: the person, the delegate (one hop), nobody."""
        person = self.people.get(user_id) if user_id is not None else None
        if person is None or person.reachable:
            return None if person is None else person.id
        delegate = self.people.get(person.delegate_id) if person.delegate_id is not None else None
        return delegate.id if delegate is not None and delegate.reachable else None

    def line(self, user_id: int | None) -> Iterator[int]:
        """Return the managers above a person, nearest first; a cycle ends the line."""
        seen = {user_id}
        person = self.people.get(user_id) if user_id is not None else None
        while person is not None and person.manager_id not in seen:
            if person.manager_id is None:
                return
            seen.add(person.manager_id)
            yield person.manager_id
            person = self.people.get(person.manager_id)

    def head(self, department_id: int | None) -> int | None:
        """Return the head of a department, or of the nearest one above that has a head."""
        seen: set[int] = set()
        while department_id is not None and department_id not in seen:
            seen.add(department_id)
            department = self.departments.get(department_id)
            if department is None:
                return None
            if department.head_id is not None:
                return department.head_id
            department_id = department.parent_id
        return None


class Why(StrEnum):
    """Why somebody is told."""

    OWNER = "owner"
    NEXT = "next"
    HEAD = "head"
    ON_CALL = "on_call"
    DEDICATED = "dedicated_manager"
    REMINDED = "reminded"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to tell; `in_place_of` is whoever is absent and represented."""

    user_id: int
    why: Why
    in_place_of: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Whose deadline it is, and who was told of it by earlier levels, oldest first."""

    owner_id: int | None
    department_id: int | None
    told: tuple[int, ...] = ()
    tier: str | None = None
    outside_hours: bool = False
    dedicated_manager_id: int | None = None


def recipients(org: Org, case: Case, step: Step) -> tuple[Recipient, ...]:
    """Return who is told by a level, never twice the same person (deadlines section 7).

    Empty only if nobody in reach is left and there is no active admin either.
    """
    chosen: list[Recipient] = []
    for role in step.tell:
        found = _find(org, case, role, {*case.told, *(one.user_id for one in chosen)})
        if found is not None and all(found.user_id != one.user_id for one in chosen):
            chosen.append(found)
    if chosen:
        return tuple(chosen)
    return _reminded(org, case) or _admins(org)


def _find(org: Org, case: Case, role: Tell, told: set[int | None]) -> Recipient | None:
    if role is Tell.OWNER:
        return next(_candidates(org, case, role), None)
    passed = told | {case.owner_id, _owner(org, case)}
    for candidate in _candidates(org, case, role):
        if candidate.user_id not in passed and candidate.in_place_of not in told:
            return candidate
    return None


def _owner(org: Org, case: Case) -> int | None:
    """Return who answers for the deadline: its owner, else the department's head."""
    return case.owner_id if case.owner_id is not None else org.head(case.department_id)


def _candidates(org: Org, case: Case, role: Tell) -> Iterator[Recipient]:
    """Return everybody whom a role may mean, nearest first, absent people represented."""
    for user_id, why in _places(org, case, role):
        reached = org.reached(user_id)
        if reached is not None:
            yield Recipient(reached, why, user_id if reached != user_id else None)


def _places(org: Org, case: Case, role: Tell) -> Iterator[tuple[int | None, Why]]:
    owner, head = _owner(org, case), org.head(case.department_id)
    if case.outside_hours and case.tier == "A":
        yield from _called(org, case, role, head)
    if role is Tell.OWNER:
        yield owner, Why.OWNER
    if role is Tell.HEAD:
        yield head, Why.HEAD
    for manager in org.line(owner):
        yield manager, Why.NEXT
    if role is Tell.HEAD:
        for manager in org.line(head):
            yield manager, Why.NEXT
    if role is Tell.OWNER:
        yield head, Why.HEAD


def _called(org: Org, case: Case, role: Tell, head: int | None) -> Iterator[tuple[int | None, Why]]:
    """Return whom a tier-A matter goes to outside hours, before anybody else."""
    department = org.departments.get(case.department_id) if case.department_id is not None else None
    on_call = department.on_call if department is not None else ()
    if role is Tell.OWNER and case.owner_id in on_call:
        yield case.owner_id, Why.OWNER
    for user_id in on_call:
        yield user_id, Why.ON_CALL
    yield case.dedicated_manager_id, Why.DEDICATED
    yield head, Why.HEAD


def _reminded(org: Org, case: Case) -> tuple[Recipient, ...]:
    """Return the last person told who can still be reached: the line is exhausted."""
    for user_id in reversed(case.told):
        reached = org.reached(user_id)
        if reached is not None:
            place = user_id if reached != user_id else None
            return (Recipient(reached, Why.REMINDED, place),)
    return ()


def _admins(org: Org) -> tuple[Recipient, ...]:
    """Return the admins present, else all active ones: nobody else could be told."""
    known = [org.people[admin] for admin in org.admins if admin in org.people]
    present = [person for person in known if person.reachable]
    told = present or [person for person in known if person.active]
    return tuple(Recipient(person.id, Why.ADMIN) for person in told)
