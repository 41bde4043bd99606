"""Engine and model side by side: where they first differ, and the smallest story that still shows it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.sla.engine.clock import evaluate
from app.sla.engine.deadline import Deadline
from tests.sla.simulation.model import Model
from tests.sla.simulation.printing import as_case
from tests.sla.simulation.stories import Document, Story, tell

MICRO = timedelta(microseconds=1)
Key = tuple[str, int, int]


@dataclass(frozen=True)
class Difference:
    """One row at one instant of which the two say different things."""

    at: datetime
    key: Key
    engine: dict[str, Any]
    model: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """What differs; the row itself where only one of them has it."""
        if not self.engine or not self.model:
            return ["row"]
        return [name for name, value in self.engine.items() if self.model[name] != value]

    def __str__(self) -> str:
        said = "; ".join(
            f"{name}: engine {self.engine.get(name)}, model {self.model.get(name)}"
            for name in self.names
        )
        return f"{self.key} at {self.at:%Y-%m-%d %H:%M:%S.%f}Z: {said}"


def row_of(deadline: Deadline) -> dict[str, Any]:
    """The engine's row in the model's form."""
    names = (
        "rule", "calendar", "policy", "started_at", "due_at", "pause_ends_at", "answered_at",
        "ended_at", "missed_at", "on_retarget", "provisional", "never_pauses", "intervals_skipped",
        "used_seconds", "length_seconds", "late_seconds", "late_elapsed_seconds",
    )  # fmt: skip
    target, adjustment = deadline.target, deadline.adjustment
    return {
        "state": deadline.state.value,
        "target": None if target is None else {target.unit.value: target.amount},
        "levels": dict(deadline.levels),
        "correction": adjustment and (adjustment.claimed_at, adjustment.state_before.value),
        **{name: getattr(deadline, name) for name in names},
    }


def first_difference(story: Story) -> Difference | None:
    """Go through the story, looking after every fact and at instants in between."""
    rng, model, facts = random.Random(story.seed), story.model(), story.facts
    for number, fact in enumerate(facts):
        model.take(fact)
        until = facts[number + 1].at if number + 1 < len(facts) else None
        if until == fact.at:
            continue
        for now in sorted(_looks(rng, fact.at, until, model)):
            found = _difference(story, model, now)
            if found is not None:
                return found
    return None


def difference_at(story: Story, now: datetime) -> Difference | None:
    """What differs at one instant."""
    model = story.model()
    for fact in story.facts:
        if fact.at <= now:
            model.take(fact)
    return _difference(story, model, now)


def _difference(story: Story, model: Model, now: datetime) -> Difference | None:
    engine = {row.key: row_of(row) for row in evaluate(story.facts, story.rulebook, now)}
    rows = model.rows(now)
    for key in (*rows, *engine):
        if engine.get(key) != rows.get(key):
            return Difference(now, key, engine.get(key, {}), rows.get(key, {}))
    return None


def _looks(
    rng: random.Random, start: datetime, until: datetime | None, model: Model
) -> Iterator[datetime]:
    """The instant of a fact, one some time before the next, and one beside a due in between."""
    yield start
    end = until or start + timedelta(days=12)
    yield start + rng.random() * (end - start - MICRO)
    dues = [promise.due for promise in model.promises if start < promise.due < end - MICRO]
    if dues:
        yield rng.choice(dues) + rng.choice((-MICRO, timedelta(0), MICRO))


def shrink(story: Story, difference: Difference) -> Story:
    """The smallest story found, by leaving parts out, in which the two still differ at that instant."""
    now = difference.at
    story = story.told(tuple(move for move in story.case.history if move.at <= now))
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(story):
            if candidate.possible and difference_at(candidate, now) is not None:
                story, smaller = candidate, True
                break
    return story


def _smaller(story: Story) -> Iterator[Story]:
    history = story.case.history
    for number in range(len(history) - 1, 0, -1):
        yield story.told(history[:number] + history[number + 1 :])
    named = {move.arguments["name"] for move in history if move.do == "policy"}
    for name, policy in story.policies.items():
        if name not in {story.case.policy, *named}:
            rest = {one: document for one, document in story.policies.items() if one != name}
            yield replace(story, policies=rest)
            continue
        for plainer in _plainer(policy):
            yield replace(story, policies={**story.policies, name: plainer})


def _plainer(policy: Document) -> Iterator[Document]:
    paused = (policy.get("waiting") or {}).get("pauses", ())
    for clock, rule in policy["clocks"].items():
        rest = {name: one for name, one in policy["clocks"].items() if name != clock}
        if clock not in paused:
            yield {**policy, "clocks": rest}
        for part in ("calendar", "cases" if "target" in rule else "none"):
            if part in rule:
                fewer = {name: one for name, one in rule.items() if name != part}
                yield {**policy, "clocks": {**policy["clocks"], clock: fewer}}
    if "waiting" in policy:
        yield {name: part for name, part in policy.items() if name != "waiting"}


def check(seed: int) -> None:
    """Compare one seed; a difference is shrunk, and the error tells how to run and keep it."""
    story = tell(seed)
    difference = first_difference(story)
    if difference is None:
        return
    small = shrink(story, difference)
    left = difference_at(small, difference.at)
    assert left is not None
    raise AssertionError(
        f"seed {seed}: {left}\n"
        f"again: python -m tests.sla.simulation {seed}\n\n{as_case(small, left)}"
    )
