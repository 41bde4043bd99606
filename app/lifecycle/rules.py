"""The stages of a customer's life and the rules of moving between them (SOP CU-11).

Pure: what a deployment has configured as values, what is wrong with a configuration, and whether a move is allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RequiredField(StrEnum):
    """What a move may require of the file: columns that are filled, a contact, a contact who decides."""

    INDUSTRY = "industry"
    HEADCOUNT = "headcount"
    REVENUE = "revenue"
    MAIN_BUSINESS = "main_business"
    REGION = "region"
    PAIN_POINTS = "pain_points"
    GOALS = "goals"
    REMARKS = "remarks"
    EXPECTED_COOPERATION_ON = "expected_cooperation_on"
    COOPERATION_STARTED_ON = "cooperation_started_on"
    OWNER_ID = "owner_id"
    DEPARTMENT_ID = "department_id"
    ACCOUNT_MANAGER_ID = "account_manager_id"
    CONTACT = "contact"
    DECISION_MAKER = "decision_maker"


CUSTOMER_COLUMNS = frozenset(RequiredField) - {RequiredField.CONTACT, RequiredField.DECISION_MAKER}


class StageKind(StrEnum):
    """What a stage means: still to be won, cooperating, lost."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class ReasonRule(StrEnum):
    """What a move asks of its reason: nothing, words, or one of the listed reasons with words."""

    NONE = "none"
    WORDS = "words"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage. One that is not active takes nobody any more."""

    code: str
    title: Mapping[str, str]
    kind: StageKind
    is_initial: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A way from any of `sources` to `target`; no `roles`: whoever may write the file."""

    sources: tuple[str, ...]
    target: str
    roles: frozenset[str]
    requires: tuple[str, ...]
    reason: ReasonRule


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A configuration: stages in the order of the funnel, moves, and the codes of reasons that may be given."""

    number: int
    stages: Mapping[str, Stage]
    moves: Sequence[Move]
    reasons: Collection[str]

    def move(self, source: str, target: str) -> Move | None:
        """Return the way between two stages, None where there is none."""
        found = (one for one in self.moves if one.target == target and source in one.sources)
        return next(found, None)

    def moves_from(self, source: str) -> list[Move]:
        """Return the ways out of a stage into stages that take somebody, in the order of the funnel."""
        found = (self.move(source, target) for target in self.stages)
        return [one for one in found if one and self.stages[one.target].is_active]

    def is_forward(self, source: str, target: str) -> bool:
        """Say whether a move brings a customer further: towards the end of the funnel, or back from being lost."""
        if self.stages[target].kind is StageKind.LOST:
            return False
        order = list(self.stages)
        return (
            self.stages[source].kind is StageKind.LOST
            or order.index(target) > order.index(source)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: a JSON Pointer where it is in an input (None: in the matter itself), a code, its values."""

    pointer: str | None
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def read_lifecycle(document: Mapping[str, Any], number: int) -> Lifecycle:
    """Return the configuration of a document in the contract's form."""
    stages = {
        one["code"]: Stage(
            code=one["code"],
            title=one["title"],
            kind=StageKind(one["kind"]),
            is_initial=one["is_initial"],
            is_active=one["is_active"],
        )
        for one in document["stages"]
    }
    moves = [
        Move(
            sources=tuple(one["from"]),
            target=one["to"],
            roles=frozenset(one["roles"]),
            requires=tuple(one["requires"]),
            reason=ReasonRule(one["reason"]),
        )
        for one in document["moves"]
    ]
    reasons = [one["code"] for one in document["reasons"] if one["is_active"]]
    return Lifecycle(number, stages, moves, reasons)


def faults_of(document: Mapping[str, Any], before: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with a document that is to follow `before`: histories name codes, so those stay."""
    return [
        *_codes(document, before, "stages"),
        *_codes(document, before, "reasons"),
        *_beginnings(document),
        *_ways(document),
    ]


def _codes(document: Mapping[str, Any], before: Mapping[str, Any], name: str) -> Iterator[Fault]:
    codes = [one["code"] for one in document[name]]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            yield Fault(f"/{name}/{place}/code", "lifecycle_code_twice")
    missing = [one["code"] for one in before[name] if one["code"] not in codes]
    if missing:
        yield Fault(f"/{name}", "lifecycle_code_missing", {"codes": ", ".join(missing)})


def _beginnings(document: Mapping[str, Any]) -> Iterator[Fault]:
    if not any(one["is_initial"] and one["is_active"] for one in document["stages"]):
        yield Fault("/stages", "lifecycle_without_beginning")


def _ways(document: Mapping[str, Any]) -> Iterator[Fault]:
    codes = {one["code"] for one in document["stages"]}
    known: set[tuple[str, str]] = set()
    for place, move in enumerate(document["moves"]):
        pointer = f"/moves/{place}"
        if move["to"] not in codes:
            yield Fault(f"{pointer}/to", "stage_unknown")
        for number, source in enumerate(move["from"]):
            if source not in codes or source == move["to"]:
                yield Fault(f"{pointer}/from/{number}", "stage_unknown")
            elif (source, move["to"]) in known:
                yield Fault(f"{pointer}/from/{number}", "lifecycle_move_twice")
            known.add((source, move["to"]))
        if move["reason"] == ReasonRule.LISTED and not any(
            one["is_active"] for one in document["reasons"]
        ):
            yield Fault(f"{pointer}/reason", "lifecycle_without_reasons")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A move that somebody tries: from where to where, in which role, why, and what the file lacks."""

    source: str
    target: str
    role: str
    reason_code: str | None = None
    reason: str | None = None
    filled: Collection[str] = ()


def check(lifecycle: Lifecycle, attempt: Attempt) -> list[Fault]:
    """Return why a move is refused, the weightiest kind of fault only; nothing where it is allowed."""
    target = lifecycle.stages.get(attempt.target)
    if target is None or not target.is_active:
        return [Fault("/stage", "stage_unknown")]
    move = lifecycle.move(attempt.source, attempt.target)
    if move is None:
        values = {"source": attempt.source, "target": attempt.target}
        return [Fault(None, "stage_move_impossible", values)]
    if move.roles and attempt.role not in move.roles:
        return [Fault(None, "stage_move_not_permitted", {"roles": ", ".join(sorted(move.roles))})]
    missing = missing_of(move, attempt.filled)
    if missing:
        return [Fault(None, "stage_fields_missing", {"fields": ", ".join(missing)})]
    return list(_reason_faults(lifecycle, move, attempt))


def missing_of(move: Move, filled: Collection[str]) -> list[str]:
    """Return what a move requires and the file lacks, in the order of the rule."""
    return [name for name in move.requires if name not in filled]


def _reason_faults(lifecycle: Lifecycle, move: Move, attempt: Attempt) -> Iterator[Fault]:
    if move.reason is ReasonRule.LISTED and attempt.reason_code is None:
        yield Fault("/reason_code", "missing")
    if attempt.reason_code is not None and (
        move.reason is not ReasonRule.LISTED or attempt.reason_code not in lifecycle.reasons
    ):
        yield Fault("/reason_code", "stage_reason_unknown")
    if move.reason is not ReasonRule.NONE and attempt.reason is None:
        yield Fault("/reason", "missing")
