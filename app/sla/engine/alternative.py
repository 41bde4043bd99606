"""A history as it would be told, had other rules applied from its beginning: other policies, other calendars.

What people did stays what it was. Only the policies and the calendar versions change that their facts fall under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.sla.engine.deadline import Reference
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.policy import Inputs, Policy, match

# Facts that say which policy applies from then on; in the others it is chosen anew only where it was in life.
_CHOOSING = frozenset(
    {
        FactKind.OPENED,
        FactKind.RECLASSIFIED,
        FactKind.TIER_CHANGED,
        FactKind.POLICY_ASSIGNED,
    }
)
_CHANGING = _CHOOSING | {FactKind.ASSIGNED}


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other rules for a history.

    `policies` are asked in this order for a subject's inputs, `draft` is the one among them that is in question; None:
    every subject keeps the policies that it had. Whom another policy of the order applies to keeps the version of it
    that he had, so that nothing changes but what the draft changes. `calendars` says, by a calendar's name, what
    stands for every version of it. `pins` are the calendars in force by name, for policies that run in one which an
    old subject is not pinned to.
    """

    policies: tuple[Policy, ...] | None = None
    draft: Policy | None = None
    calendars: Mapping[str, Reference] = field(default_factory=dict)
    pins: Mapping[str, Reference] = field(default_factory=dict)

    def told(self, facts: Iterable[Fact]) -> list[Fact]:
        """Return the facts, given in order of their sequence, as they would read under these rules."""
        inputs, had, has = Inputs(), None, None
        out: list[Fact] = []
        for fact in facts:
            if fact.kind not in _CHANGING and not fact.data.get("calendars"):
                out.append(fact)
                continue
            data = self._on_calendars(fact)
            if self.policies is not None:
                inputs = inputs.changed(data.get("inputs", data))
            if self.policies is not None and fact.kind in _CHOOSING:
                had = _reference(data.pop("policy")) if "policy" in data else had
                found = self._chosen(inputs, had, has)
                if found != has or fact.kind is FactKind.OPENED:
                    data["policy"] = found
                has = found
            out.append(replace(fact, data=data))
        return out

    def _on_calendars(self, fact: Fact) -> dict[str, Any]:
        data = dict(fact.data)
        pinned = {role: _reference(one) for role, one in (data.get("calendars") or {}).items()}
        if self.policies is not None and fact.kind is FactKind.OPENED:
            pinned = {**self.pins, **pinned}
        if pinned:
            data["calendars"] = {
                role: self.calendars.get(one[0], one) for role, one in pinned.items() if one
            }
        return data

    def _chosen(
        self, inputs: Inputs, had: Reference | None, has: Reference | None
    ) -> Reference | None:
        found = match(self.policies or (), inputs)
        if found is None:
            return None
        if found is not self.draft:
            for known in (had, has):
                if known is not None and known[0] == found.name:
                    return known
        return found.reference


def _reference(value: Any) -> Reference | None:
    return (str(value[0]), int(value[1])) if value else None
