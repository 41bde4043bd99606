"""How promises ended under the rules that applied and under others, counted; and the matters that change most.

Figures are counted page by page and added up: whatever the pages were, the sum is the same. Margins are kept to eight
binary digits, so quantiles are exact to within one percent and a million of them need no more room than a thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import Any

from app.sla.engine.deadline import Deadline, State

BROKEN = frozenset({State.LATE, State.MISSED})
OPEN = frozenset({State.RUNNING, State.PAUSED})
MATTERS_MAX = 100
KINDS = ("all", "rule", "team", "tier", "month")
_DIGITS = 8
_ABSENT = ""

Promise = tuple[str, int]  # clock and cycle: the n-th time that the clock ran


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a promise ended: its last revision. `margin_seconds` is working time to spare when kept, negative when late.

    None where nobody answered, and where a correction says that it was kept: nobody measured it.
    """

    clock: str
    rule: str
    state: State
    due_at: datetime
    margin_seconds: int | None = None

    @property
    def broken(self) -> bool:
        """Say whether the promise was not kept."""
        return self.state in BROKEN


@dataclass(frozen=True, slots=True)
class Matter:
    """What is counted of a subject besides its promises: whose it was, its tier, the month in which it was opened."""

    key: int
    subject_type: str
    subject_id: str
    label: str
    team: int | None
    tier: str | None
    month: str


Charge = tuple[int | None, str | None]  # team and tier when the promise ended


@dataclass(slots=True)
class Figures:
    """The count. `pairs` holds how often promises of a group ended so before and so after, `margins` how much was to spare."""

    subject_count: int = 0
    changed_count: int = 0
    fault_count: int = 0
    pairs: Counter[tuple[str, ...]] = field(default_factory=Counter)
    margins: Counter[tuple[str, ...]] = field(default_factory=Counter)
    matters: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        matter: Matter,
        before: Mapping[Promise, Outcome],
        after: Mapping[Promise, Outcome],
        charges: Mapping[Promise, Charge],
    ) -> None:
        """Count a subject; a promise without a charge of its own is the matter's."""
        self.subject_count += 1
        changes = []
        for promise in {**before, **after}:
            one, other = before.get(promise), after.get(promise)
            self._count(matter, one, other, charges.get(promise) or (matter.team, matter.tier))
            if one != other:
                changes.append((one, other))
        if changes:
            self.changed_count += 1
            self.matters.append(_told(matter, changes))

    def _count(
        self, matter: Matter, before: Outcome | None, after: Outcome | None, charge: Charge
    ) -> None:
        named = after or before
        assert named is not None
        rule = f"{named.rule} {named.clock}"
        ends = _end(before), _end(after)
        for kind, key in (
            ("all", ""),
            ("rule", rule),
            ("team", "" if charge[0] is None else str(charge[0])),
            ("tier", charge[1] or ""),
            ("month", matter.month),
        ):
            self.pairs[kind, key, *ends] += 1
        for side, one in (("before", before), ("after", after)):
            if one is not None and one.margin_seconds is not None:
                self.margins[rule, side, str(rounded(one.margin_seconds))] += 1

    def merge(self, other: Figures) -> None:
        """Add another count."""
        self.subject_count += other.subject_count
        self.changed_count += other.changed_count
        self.fault_count += other.fault_count
        self.pairs.update(other.pairs)
        self.margins.update(other.margins)
        self.matters = most_changed([*self.matters, *other.matters])

    @property
    def plain(self) -> dict[str, Any]:
        """The count as JSON."""
        return {
            "subjects": self.subject_count,
            "changed": self.changed_count,
            "faults": self.fault_count,
            "pairs": {"\t".join(key): count for key, count in self.pairs.items()},
            "margins": {"\t".join(key): count for key, count in self.margins.items()},
            "matters": self.matters,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Figures:
        """Return the count that `plain` gave."""
        return cls(
            plain["subjects"],
            plain["changed"],
            plain["faults"],
            Counter({tuple(key.split("\t")): count for key, count in plain["pairs"].items()}),
            Counter({tuple(key.split("\t")): count for key, count in plain["margins"].items()}),
            list(plain["matters"]),
        )


def outcomes_of(deadlines: Iterable[Deadline]) -> dict[Promise, Outcome]:
    """Return how each promise of a subject ended: the last revision of each cycle of each clock."""
    return {(one.clock, one.cycle): _outcome(one) for one in deadlines}


def _outcome(one: Deadline) -> Outcome:
    margin = None
    if one.state is State.LATE and one.late_seconds is not None:
        margin = -one.late_seconds
    elif one.state is State.MET and one.adjustment is None:
        margin = max(0, one.length_seconds - one.used_seconds)
    return Outcome(one.clock, one.rule, one.state, one.due_at, margin)


def _end(outcome: Outcome | None) -> str:
    if outcome is None:
        return _ABSENT
    return "open" if outcome.state in OPEN else outcome.state.value


def rounded(seconds: int) -> int:
    """Return seconds with eight binary digits, towards zero; exact below 256."""
    size = abs(seconds)
    shift = max(0, size.bit_length() - _DIGITS)
    size = size >> shift << shift
    return size if seconds >= 0 else -size


# --- the matters that change most


def _told(matter: Matter, changes: list[tuple[Outcome | None, Outcome | None]]) -> dict[str, Any]:
    """Return a matter with the one of its promises that changes most."""
    weighed = [(_weight(before, after), before, after) for before, after in changes]
    weight, before, after = max(weighed, key=lambda one: one[0])
    named = after or before
    assert named is not None
    return {
        "key": matter.key,
        "weight": [sum(one[0][0] for one in weighed), weight[1]],
        "subject_type": matter.subject_type,
        "subject_id": matter.subject_id,
        "label": matter.label,
        "changed": len(changes),
        "verdicts_changed": sum(one[0][0] for one in weighed),
        "clock": named.clock,
        "rule": named.rule,
        "before": _side(before),
        "after": _side(after),
    }


def _weight(before: Outcome | None, after: Outcome | None) -> tuple[int, int]:
    """Return whether one side kept the promise and the other broke it, and by how much the margin differs."""
    verdict = (before is not None and before.broken) != (after is not None and after.broken)
    margins = [one.margin_seconds for one in (before, after) if one is not None]
    shift = 0
    if len(margins) == 2 and margins[0] is not None and margins[1] is not None:
        shift = abs(margins[1] - margins[0])
    return int(verdict), shift


def _side(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "state": outcome.state.value,
        "due_at": outcome.due_at.isoformat(timespec="microseconds")[:26] + "Z",
        "margin_seconds": outcome.margin_seconds,
    }


def most_changed(matters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the matters that change most: by verdicts, then by the change of margin, then the older first."""
    order = nsmallest(
        MATTERS_MAX, matters, key=lambda one: (-one["weight"][0], -one["weight"][1], one["key"])
    )
    return [dict(one) for one in order]
