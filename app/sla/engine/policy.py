"""What a policy says: for whom it applies, targets, calendars, pauses and the ladder.

Only values and choosing live here; reading a document is in `policy_document`, the shipped
documents are in `packs`, and what the numbers mean for a ticket is in `clock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from app.calendars.target import Target, Unit
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.facts import FactKind

# The calendar role of a clock whose tier the policy does not name.
OTHERWISE = "otherwise"
WORKING = "working"
AROUND_THE_CLOCK = "24x7"


class Inputs(NamedTuple):
    """What policies are chosen by: the subject's attributes in force."""

    type: str | None = None
    complexity: str = "normal"
    tier: str | None = None
    channel: str | None = None
    priority: str = "normal"
    department: str | None = None
    tags: frozenset[str] = frozenset()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Inputs:
        """Return the inputs of a fact's data; unknown keys (an owner) are not inputs."""
        return cls(**_named(data))

    def changed(self, data: Mapping[str, Any]) -> Inputs:
        """Return these inputs with those of `data` in their place; self if none differs."""
        differing = self.differing(data)
        return self._replace(**differing) if differing else self

    def differing(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return those inputs of `data` that are not the same already."""
        return {name: value for name, value in _named(data).items() if getattr(self, name) != value}


INPUT_NAMES = frozenset(Inputs._fields)


def _named(data: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: data[name] for name in data if name in INPUT_NAMES}
    if "tags" in given:
        given["tags"] = frozenset(given["tags"] or ())
    return given


@dataclass(frozen=True, slots=True)
class Condition:
    """Allowed values by input name; every name must fit, a tag fits if any is carried."""

    allowed: tuple[tuple[str, frozenset[str]], ...] = ()

    def covers(self, other: Condition) -> bool:
        """Say whether everything that fits the other fits this one too, so that asked after this it never applies."""
        narrower = dict(other.allowed)
        return all(name in narrower and narrower[name] <= values for name, values in self.allowed)

    def holds(self, inputs: Inputs) -> bool:
        """Say whether the inputs fit; no names at all fit everything."""
        return all(
            bool(inputs.tags & values) if name == "tags" else getattr(inputs, name) in values
            for name, values in self.allowed
        )


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """What a policy sets for one clock.

    `cases` are asked in order, `target` is what remains; None: the clock does not apply.
    `calendars` are roles by tier, in place of the policy's own.
    """

    target: Target | None
    cases: tuple[tuple[Condition, Target], ...] = ()
    calendars: Mapping[str, str] | None = None
    answered_by: frozenset[FactKind] | None = None

    def target_for(self, inputs: Inputs) -> Target | None:
        """Return the target in force for these inputs, None if the clock does not apply."""
        for condition, target in self.cases:
            if condition.holds(inputs):
                return target
        return self.target


class Tell(StrEnum):
    """Whom a level of the ladder speaks to."""

    OWNER = "owner"
    NEXT = "next"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Step:
    """A level of the ladder: `percent` of the target's length or `minutes`, from due.

    Exactly one of the two is set; negative lies before due (`before_due`: a warning, no miss yet).
    Minutes run in the deadline's calendar.
    """

    level: int
    tell: tuple[Tell, ...]
    percent: int | None = None
    minutes: int | None = None
    before_due: bool = field(init=False)

    def __post_init__(self) -> None:
        warns = self.percent is not None or (self.minutes or 0) < 0
        object.__setattr__(self, "before_due", warns)


# The default ladder (house), also for an agreed instant that no policy covers: a promise that a
# person made to a customer must not go unseen because policies are switched off.
HOUSE_LADDER: tuple[Step, ...] = (
    Step(1, (Tell.OWNER,), percent=-25),
    Step(2, (Tell.OWNER, Tell.NEXT), minutes=0),
    Step(3, (Tell.NEXT,), minutes=60),
    Step(4, (Tell.HEAD,), minutes=240),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waiting for the customer pauses, for how long at most, and a ticket's whole budget.

    `budget_seconds` counts working time over all waits of a ticket; None is no limit.
    """

    clocks: frozenset[str]
    limit: Target
    budget_seconds: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """One version of a policy, compared by identity: versions are never changed.

    `reference` is (name, version), as facts and deadlines carry it.
    """

    name: str
    version: int
    title_zh: str
    title_en: str
    conditions: Condition
    calendars: Mapping[str, str]
    clocks: Mapping[str, ClockPolicy]
    waiting: Waiting | None = None
    close_unconfirmed: Target | None = None
    ladder: tuple[Step, ...] = HOUSE_LADDER
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reference: tuple[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", (self.name, self.version))

    @property
    def calendar_roles(self) -> frozenset[str]:
        """The calendars that its clocks run in, by the names under which facts pin them."""
        named = (self.calendars, *(rule.calendars or {} for rule in self.clocks.values()))
        return frozenset(role for roles in named for role in roles.values())

    def target(self, clock: str, inputs: Inputs) -> Target | None:
        """Return the target of a clock for these inputs, None if the clock does not apply."""
        rule = self.clocks.get(clock)
        return None if rule is None else rule.target_for(inputs)

    def calendar_role(self, clock: str, inputs: Inputs, target: Target | None) -> str:
        """Return the name under which the subject's facts pin the clock's calendar.

        The unit wins over the policy: elapsed hours run around the clock, working days on the
        deployment's working-day calendar, also for tier A.
        """
        if target is not None and target.calendar_role is not None:
            return target.calendar_role
        rule = self.clocks.get(clock)
        roles = rule.calendars if rule is not None and rule.calendars else self.calendars
        return role_by_tier(roles, inputs.tier)

    def pauses(self, clock: str, target: Target | None) -> bool:
        """Say whether waiting for the customer pauses the clock."""
        if self.waiting is None or clock not in self.waiting.clocks:
            return False
        return target is not None and target.pausable

    def answers(self, row: ClockRow, kind: FactKind) -> bool:
        """Say whether this kind of fact answers the clock, where the policy has the choice.

        An agreed instant is answered as the solution is; without a word about either, each of
        the register's facts counts.
        """
        for clock in (row.clock, "resolve"):
            rule = self.clocks.get(clock)
            if rule is not None and rule.answered_by is not None:
                return kind in rule.answered_by
        return True


def role_by_tier(roles: Mapping[str, str], tier: str | None) -> str:
    """Return the calendar role of a tier: its own, else the one `otherwise`, else `working`."""
    return roles.get(tier or OTHERWISE) or roles.get(OTHERWISE, WORKING)


# Calendars by tier where no policy applies: as the toolkit does.
HOUSE_CALENDARS: Mapping[str, str] = {"A": AROUND_THE_CLOCK, OTHERWISE: WORKING}
HOUSE_PAUSE_LIMIT = Target(3, Unit.WORKING_DAYS)


def shadowed(policies: Iterable[Policy]) -> tuple[Policy, Policy] | None:
    """Return the first policy that never applies in this order, and the one before it that covers it; None if all may."""
    asked: list[Policy] = []
    for policy in policies:
        by = next((one for one in asked if one.conditions.covers(policy.conditions)), None)
        if by is not None:
            return policy, by
        asked.append(policy)
    return None


def match(policies: Iterable[Policy], inputs: Inputs) -> Policy | None:
    """Return the first policy, in the order given, whose conditions hold; None: no deadline."""
    return next((policy for policy in policies if policy.conditions.holds(inputs)), None)
