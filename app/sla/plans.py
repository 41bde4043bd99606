"""What a retarget is to do: which policies or calendars open subjects go over to, from now on or from their start.

Values only. A plan is kept as an operation's parameters; `Plan.of` reads them again with the rulebook of the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from app.sla.engine.deadline import Reference
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import WORKING, Policy, match
from app.sla.engine.policy_document import parse_policy
from app.sla.engine.terms import Setting
from app.sla.service import NewFact, missing_pins


class Mode(StrEnum):
    """Whom a published policy reaches (deadlines 6)."""

    NEW = "new"
    OPEN_FROM_NOW = "open_from_now"
    OPEN_FROM_START = "open_from_start"


@dataclass(frozen=True, slots=True)
class Plan:
    """One retarget over open subjects.

    `order` are the policies as they are asked, at the versions to go over to; of those subjects only that were or come
    under `policy` (None: all). With a `calendar` (name, version) instead, subjects pinned to an earlier version of it
    are pinned to this one; `working` says that it is the working calendar, whatever they were pinned to. `documents`
    are versions that are not published yet. `provisional`: only subjects with a provisional deadline.
    """

    mode: Mode
    policy: str | None = None
    order: tuple[Reference, ...] = ()
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calendar: Reference | None = None
    working: bool = False
    provisional: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "mode": self.mode.value,
            "policy": self.policy,
            "order": [list(one) for one in self.order],
            "documents": dict(self.documents),
            "calendar": None if self.calendar is None else list(self.calendar),
            "working": self.working,
            "provisional": self.provisional,
        }

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the plan that an operation's parameters hold."""
        calendar = parameters["calendar"]
        return cls(
            mode=Mode(parameters["mode"]),
            policy=parameters["policy"],
            order=tuple((name, number) for name, number in parameters["order"]),
            documents=parameters["documents"],
            calendar=None if calendar is None else (calendar[0], calendar[1]),
            working=parameters["working"],
            provisional=parameters["provisional"],
        )

    def drafts(self) -> dict[Reference, Policy]:
        """Return the versions that are not published yet, as they would be."""
        numbers = dict(self.order)
        return {
            (name, numbers[name]): parse_policy(document, numbers[name])
            for name, document in self.documents.items()
        }

    def fact(
        self, setting: Setting, pins: Mapping[Reference, Mapping[str, Reference]]
    ) -> NewFact | None:
        """Return the fact that takes a subject over, None where it is not concerned.

        `pins` are the calendars that subjects under each policy of the order are pinned to.
        """
        if self.calendar is not None:
            return self._calendar_fact(setting)
        policies = (setting.rulebook.policies[one] for one in self.order)
        found, current = match(policies, setting.inputs), setting.policy
        names = {one.name for one in (found, current) if one is not None}
        if not names or (self.policy is not None and self.policy not in names):
            return None
        if _stays(current, found, counted_anew=bool(self._from_start)):
            return None
        reference = found.reference if found is not None else None
        data = missing_pins(setting.calendars, pins[reference] if reference else {})
        return NewFact(FactKind.POLICY_ASSIGNED, {"policy": reference, **data, **self._from_start})

    def _calendar_fact(self, setting: Setting) -> NewFact | None:
        assert self.calendar is not None
        name, version = self.calendar
        moved = {
            role: self.calendar
            for role, (pinned, number) in setting.calendars.items()
            if (pinned == name and number < version)
            or (self.working and role == WORKING and pinned != name)
        }
        if not moved:
            return None
        return NewFact(FactKind.CALENDAR_ASSIGNED, {"calendars": moved, **self._from_start})

    @property
    def _from_start(self) -> dict[str, bool]:
        return {"from_start": True} if self.mode is Mode.OPEN_FROM_START else {}


def _stays(current: Policy | None, found: Policy | None, *, counted_anew: bool) -> bool:
    """Say whether a subject stays under its policy: nobody goes back to an earlier version of it."""
    if current is None or found is None or current.name != found.name:
        return False
    return current.version > found.version or (current is found and not counted_anew)
