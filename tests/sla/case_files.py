"""Case files: what `tests/sla/cases/*.yaml` say, loaded and checked.

Here live the dataclasses that the runners of the case table share (the pure engine, the API under
the virtual clock, rebuild) and the checks of a file's form. Not here: their vocabulary
(`case_form`), how a move becomes a fact or a request, and anything that computes a deadline.

A case is a history of moves in local time of its calendar's zone (or with `Z`) and what must stand
at one instant. A message without a text gets a concrete, non-courteous one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.sla.case_form import (
    ABSENT,
    ATTRIBUTES,
    CLOCKS,
    INSTANT_ARGUMENTS,
    MOVES,
    PACKS,
    REQUIRED,
    RUNNERS,
    STATES,
    TICKET_DEFAULTS,
)

FOLDER = Path(__file__).parent / "cases"
CALENDAR_FOLDER = FOLDER / "calendars"
POLICY_FOLDER = FOLDER / "policies"

_INSTANT_KEYS = frozenset({"due", "started", "answered", "missed", "pause_ends"})
_DEADLINE_KEYS = frozenset({"clock", "cycle", "revision", "state", "levels", "corrected"})
_CASE_KEYS = frozenset(
    {"name", "rule", "see", "decision", "calendar", "policy", "ticket", "history", "expect", "runs"}
)
_FILE_KEYS = frozenset({"calendar", "policy", "ticket", "see", "rule", "cases"})
_RULE = re.compile(r"[A-Z]{2}-\d{1,2}b?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?")


class CaseInvalid(ValueError):
    """A case file breaks the form; the message says which case and what."""


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a history; `at` is UTC, instants among the arguments too."""

    at: datetime
    do: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExpectedDeadline:
    """What must stand in one row; only what the case names is compared.

    `cycle` and `revision` are None for "the last one". `attributes` are named as in the engine's
    deadline, instants in UTC. `corrected` is the claimed instant of a supervisor's correction.
    """

    clock: str
    cycle: int | None
    revision: int | None
    state: str | None
    attributes: Mapping[str, Any]
    levels: Mapping[int, datetime]
    corrected: datetime | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must stand at `at` (UTC): rows, clocks without any row, numbers of rows."""

    at: datetime
    deadlines: tuple[ExpectedDeadline, ...]
    none: tuple[str, ...]
    counts: Mapping[str, int]
    only: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the table; `rules` are catalogue ids, `runs` the runners that can tell it."""

    file: str
    name: str
    rules: tuple[str, ...]
    see: str
    decision: str | None
    calendar: str
    policy: str
    ticket: Mapping[str, Any]
    history: tuple[Move, ...]
    expect: Expectation
    runs: tuple[str, ...]

    @property
    def case_id(self) -> str:
        """A readable id for the test runner: the file, then the name with hyphens."""
        return f"{self.file}-{self.name}".replace(" ", "-")


@cache
def load_calendars() -> Mapping[str, Mapping[str, Any]]:
    """The calendar documents of the cases by name, `24x7` among them."""
    documents = (_read(path) for path in sorted(CALENDAR_FOLDER.glob("*.yaml")))
    return {document["name"]: document for document in documents}


@cache
def load_policies() -> Mapping[str, Mapping[str, Any]]:
    """The policy documents of the cases by name, beside the packs; they run in the engine only."""
    documents = (_read(path) for path in sorted(POLICY_FOLDER.glob("*.yaml")))
    return {document["name"]: document for document in documents}


@cache
def load_cases() -> tuple[Case, ...]:
    """All cases in the order of files and lines; raises CaseInvalid for a form that is wrong."""
    cases = tuple(case for path in sorted(FOLDER.glob("*.yaml")) for case in _file_cases(path))
    seen: set[str] = set()
    for case in cases:
        _check(case.case_id not in seen, case.case_id, "the name is used twice")
        seen.add(case.case_id)
    return cases


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _check(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise CaseInvalid(f"{where}: {what}")


def _check_keys(given: Mapping[str, Any], allowed: frozenset[str], where: str) -> None:
    unknown = sorted(set(given) - allowed)
    _check(not unknown, where, f"unknown keys {unknown}")


def _file_cases(path: Path) -> Iterator[Case]:
    document = _read(path)
    _check_keys(document, _FILE_KEYS, path.name)
    defaults = {key: value for key, value in document.items() if key != "cases"}
    for raw in document["cases"]:
        yield _case(path.stem, defaults, raw)


def _case(file: str, defaults: Mapping[str, Any], raw: Mapping[str, Any]) -> Case:
    where = f"{file}: {raw.get('name')}"
    _check_keys(raw, _CASE_KEYS, where)
    given = {**defaults, **raw}
    ticket = {**TICKET_DEFAULTS, **defaults.get("ticket", {}), **raw.get("ticket", {})}
    _check_keys(ticket, frozenset(TICKET_DEFAULTS), where)
    _check(given["calendar"] in load_calendars(), where, "no such calendar")
    policies = {given["policy"], *_policies_named(raw["history"])}
    _check(policies <= PACKS | load_policies().keys(), where, "no such policy")
    zone = ZoneInfo(load_calendars()[given["calendar"]]["timezone"])
    history = tuple(_move(move, zone, where) for move in raw["history"])
    expect = _expectation(raw["expect"], zone, where)
    _check_order(history, expect, where)
    return Case(
        file=file,
        name=raw["name"],
        rules=_rules(given["rule"], where),
        see=given["see"],
        decision=raw.get("decision"),
        calendar=given["calendar"],
        policy=given["policy"],
        ticket=ticket,
        history=history,
        expect=expect,
        runs=_runs(raw.get("runs", RUNNERS if policies <= PACKS else ("engine",)), where),
    )


def _policies_named(history: list[Mapping[str, Any]]) -> set[str]:
    return {move["name"] for move in history if move.get("do") == "policy"}


def _rules(given: str | list[str], where: str) -> tuple[str, ...]:
    rules = (given,) if isinstance(given, str) else tuple(given)
    wrong = [rule for rule in rules if not _RULE.fullmatch(rule)]
    _check(bool(rules) and not wrong, where, f"no catalogue ids: {wrong}")
    return rules


def _runs(given: list[str] | tuple[str, ...], where: str) -> tuple[str, ...]:
    _check("engine" in given and set(given) <= set(RUNNERS), where, "runs names other runners")
    return tuple(given)


def _check_order(history: tuple[Move, ...], expect: Expectation, where: str) -> None:
    _check(bool(history) and history[0].do == "open", where, "a history begins with open")
    instants = [*(move.at for move in history), expect.at]
    _check(instants == sorted(instants), where, "instants go backwards")


def _move(raw: Mapping[str, Any], zone: ZoneInfo, where: str) -> Move:
    do = raw.get("do", "")
    _check(do in MOVES, where, f"no such move: {do}")
    arguments = dict(MOVES[do])
    given = {key: value for key, value in raw.items() if key not in {"at", "do"}}
    _check_keys(given, frozenset(arguments), f"{where}: {do}")
    arguments.update(given)
    missing = [key for key, value in arguments.items() if value is REQUIRED]
    _check(not missing, f"{where}: {do}", f"lacks {missing}")
    known = {
        key: _instant(value, zone, where) if key in INSTANT_ARGUMENTS else value
        for key, value in arguments.items()
        if value is not ABSENT
    }
    return Move(_instant(raw["at"], zone, where), do, known)


def _expectation(raw: Mapping[str, Any], zone: ZoneInfo, where: str) -> Expectation:
    _check_keys(raw, frozenset({"at", "deadlines", "none", "count", "only"}), where)
    none, counts = tuple(raw.get("none", ())), dict(raw.get("count", {}))
    deadlines = tuple(_deadline(item, zone, where) for item in raw.get("deadlines", ()))
    _check({*none, *counts} <= CLOCKS, where, "none or count names an unknown clock")
    only = bool(raw.get("only", False))
    _check(bool(deadlines or none or counts or only), where, "expects nothing")
    return Expectation(_instant(raw["at"], zone, where), deadlines, none, counts, only)


def _deadline(raw: Mapping[str, Any], zone: ZoneInfo, where: str) -> ExpectedDeadline:
    _check_keys(raw, _DEADLINE_KEYS | frozenset(ATTRIBUTES), where)
    _check(raw["clock"] in CLOCKS, where, f"no such clock: {raw['clock']}")
    _check(raw.get("state", "met") in STATES, where, f"no such state: {raw.get('state')}")
    attributes = {
        ATTRIBUTES[key]: _instant(value, zone, where) if key in _INSTANT_KEYS else value
        for key, value in raw.items()
        if key in ATTRIBUTES
    }
    levels = {number: _instant(at, zone, where) for number, at in raw.get("levels", {}).items()}
    _check(set(levels) <= {1, 2, 3, 4}, where, "levels are 1 to 4")
    corrected = raw.get("corrected")
    return ExpectedDeadline(
        clock=raw["clock"],
        cycle=_number(raw.get("cycle", 1), where),
        revision=_number(raw.get("revision", 1), where),
        state=raw.get("state"),
        attributes=attributes,
        levels=levels,
        corrected=None if corrected is None else _instant(corrected, zone, where),
    )


def _number(given: int | str, where: str) -> int | None:
    if given == "last":
        return None
    _check(isinstance(given, int) and given >= 1, where, f"no number and not `last`: {given}")
    return int(given)


def _instant(given: Any, zone: ZoneInfo, where: str) -> datetime:
    """The instant in UTC; a local time that is missing or doubled must be written with Z."""
    _check(isinstance(given, str), where, f"put instants in quotes: {given}")
    _check(_INSTANT.fullmatch(given) is not None, where, f"no instant: {given}")
    at = datetime.fromisoformat(given)
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    first, second = (at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    _check(first == second, where, f"missing or doubled local time: {given}")
    return first
