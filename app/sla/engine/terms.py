"""What every clock of a subject runs by at the moment: inputs, policy, calendars, and their terms.

When clocks open and how they end is in `subject`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.calendars.target import Target
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import Reference
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import (
    HOUSE_CALENDARS,
    WORKING,
    Inputs,
    Policy,
    role_by_tier,
)
from app.sla.engine.register import TICKET_CLOCKS
from app.sla.engine.track import Terms

if TYPE_CHECKING:
    from app.calendars.working_time import Calendar

_MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Every policy and calendar version that the facts may name, by (name, version).

    `rows` are the clocks that the deployment brought along, by name.

    Keep one as long as its versions are current: it remembers the terms that it has given out.
    """

    policies: Mapping[Reference, Policy]
    calendars: Mapping[Reference, Calendar]
    rows: Mapping[str, ClockRow] = field(default_factory=dict)
    remembered: dict[Hashable, Mapping[str, Terms]] = field(default_factory=dict, repr=False)

    def calendar(self, reference: Reference) -> tuple[Reference, Calendar]:
        """Return a calendar version with its name; KeyError if it is not there."""
        return reference, self.calendars[reference]


@dataclass(frozen=True, slots=True)
class Single:
    """The one clock of a subject that is no ticket, with what its opening said."""

    row: ClockRow
    target: Target | None
    calendar: str | None


@dataclass(slots=True)
class Setting:
    """Inputs, policy and pinned calendars in force; calendars are named by role.

    `repinned` says which versions the last fact replaced from the start of every clock. A subject that begins with a
    clock of its own is no ticket: the clocks of tickets are not its.
    """

    rulebook: Rulebook
    inputs: Inputs = field(default_factory=Inputs)
    policy: Policy | None = None
    calendars: dict[str, Reference] = field(default_factory=dict)
    singles: dict[str, Single] = field(default_factory=dict)
    repinned: dict[Reference, tuple[Reference, Calendar]] = field(default_factory=dict)
    is_ticket: bool = True

    def take(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take inputs, policy and calendars of a fact; return inputs that differ, None if nothing.

        An opening brings its inputs under a key of their own, later facts among their data.
        """
        differing = self.inputs.differing(data.get("inputs", data))
        policy, calendars, self.repinned = self.policy, self.calendars, {}
        if "policy" in data:
            reference = data["policy"]
            policy = self.rulebook.policies[_reference(reference)] if reference else None
        if data.get("calendars"):
            pinned = {role: _reference(value) for role, value in data["calendars"].items()}
            calendars = {**calendars, **pinned}
            if data.get("from_start"):
                self.repinned = {
                    old: self.rulebook.calendar(calendars[role])
                    for role, old in self.calendars.items()
                    if old != calendars[role]
                }
        if not differing and policy is self.policy and calendars == self.calendars:
            return None
        self.inputs = self.inputs._replace(**differing) if differing else self.inputs
        self.policy, self.calendars = policy, calendars
        return differing

    def all_terms(self) -> Mapping[str, Terms]:
        """Return the terms of each clock that applies; not to be changed, subjects share them."""
        found = self._remembered_terms() if self.is_ticket else {}
        if not self.singles:
            return found
        mine = {clock: self._single_terms(single) for clock, single in self.singles.items()}
        return {**found, **mine}

    def _remembered_terms(self) -> Mapping[str, Terms]:
        key = (self.policy, self.inputs, *self.calendars.items())
        found = self.rulebook.remembered.get(key)
        if found is None:
            if len(self.rulebook.remembered) >= _MOST_REMEMBERED:
                self.rulebook.remembered.clear()
            found = self.rulebook.remembered[key] = self._shared(self._ticket_terms())
        return found

    def _shared(self, found: Mapping[str, Terms]) -> Mapping[str, Terms]:
        """Return the equal terms given out before for these calendars, if any: what is the same moves no clock."""
        same = (*self.calendars.items(), *found.items())
        return self.rulebook.remembered.setdefault(same, found)

    def _ticket_terms(self) -> Mapping[str, Terms]:
        if not self.calendars:
            return {}
        found = {row.clock: self._terms(row) for row in TICKET_CLOCKS}
        return {clock: terms for clock, terms in found.items() if terms is not None}

    def answers(self, row: ClockRow, kind: FactKind) -> bool:
        """Say whether the policy lets this fact answer the clock; without one every fact may."""
        return self.policy is None or self.policy.answers(row, kind)

    def working_calendar(self, target: Target | None = None) -> Calendar:
        """Return the working-day calendar, or the one that a target's unit demands."""
        role = (target.calendar_role if target is not None else None) or WORKING
        return self.rulebook.calendars[self.calendars[role]]

    def single_target(self, single: Single) -> Target | None:
        """Return the target of a single clock: the policy's, else what its opening said."""
        named = self.policy.target(single.row.clock, self.inputs) if self.policy else None
        return named or single.target

    def _terms(self, row: ClockRow) -> Terms | None:
        policy, inputs = self.policy, self.inputs
        target = policy.target(row.clock, inputs) if policy is not None else None
        if target is None and not row.policy_free:
            return None
        if policy is None:
            return self._pinned(target, role_by_tier(HOUSE_CALENDARS, inputs.tier), pauses=False)
        role = policy.calendar_role(row.clock, inputs, target)
        return self._pinned(target, role, pauses=policy.pauses(row.clock, target))

    def _single_terms(self, single: Single) -> Terms:
        target = self.single_target(single)
        demanded = target.calendar_role if target is not None else None
        role = demanded or single.calendar or WORKING
        return self._pinned(target, role, pauses=False, on_working_day=single.row.on_working_day)

    def _pinned(
        self, target: Target | None, role: str, *, pauses: bool, on_working_day: bool = False
    ) -> Terms:
        reference = self.calendars[role]
        calendar = self.rulebook.calendars[reference]
        unknown_from = None
        if target is not None and (target.needs_exceptions or on_working_day):
            unknown_from = calendar.provisional_from()
        micros = target.micros if target is not None and target.summed else None
        return Terms(target, calendar, reference, self.policy, pauses, unknown_from, micros)


def _reference(value: Any) -> Reference:
    name, version = value
    return str(name), int(version)
