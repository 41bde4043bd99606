"""Reading a policy document (YAML or JSON already loaded) into a `Policy`, refusing what is wrong.

A document names its version nowhere: versions are given by whoever stores it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.sla.facts import FactKind
from app.sla.policy import (
    HOUSE_CALENDARS,
    HOUSE_LADDER,
    HOUSE_PAUSE_LIMIT,
    INPUT_NAMES,
    OTHERWISE,
    ClockPolicy,
    Condition,
    Policy,
    Step,
    Tell,
    Waiting,
)
from app.sla.register import row_of
from app.sla.target import Target, Unit

_TOP = frozenset(
    {"name", "title", "description", "conditions", "calendars", "clocks", "waiting", "ladder"}
)
_CLOCK = frozenset({"target", "cases", "calendar", "answered_by", "close_after"})
_MOST = 100_000
_MOST_STEPS = 20


class PolicyInvalid(ValueError):
    """A document that is refused; `path` is a JSON Pointer to what is wrong."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or '/'}: {message}")
        self.path = path
        self.message = message


def parse_policy(document: Mapping[str, Any], version: int = 1) -> Policy:
    """Return the policy of a document; PolicyInvalid names the first thing that is wrong."""
    _known_keys(document, _TOP, "")
    title = _mapping(document.get("title", {}), "/title")
    _known_keys(title, frozenset({"zh", "en"}), "/title")
    name = _text(document.get("name"), "/name")
    clocks = {
        clock: _clock(clock, rule, f"/clocks/{clock}")
        for clock, rule in _mapping(document.get("clocks", {}), "/clocks").items()
    }
    return Policy(
        name=name,
        version=version,
        title_zh=_text(title.get("zh", name), "/title/zh"),
        title_en=_text(title.get("en", name), "/title/en"),
        conditions=_condition(document.get("conditions", {}), "/conditions"),
        calendars=_roles(document.get("calendars", HOUSE_CALENDARS), "/calendars"),
        clocks=clocks,
        waiting=_waiting(document.get("waiting"), clocks),
        close_unconfirmed=_close_after(document.get("clocks", {})),
        ladder=_ladder(document["ladder"]) if "ladder" in document else HOUSE_LADDER,
        document=document,
    )


def parse_target(value: Any, path: str = "") -> Target:
    """Return the target of `{hours: 4}` or `{amount: 4, unit: hours}`; PolicyInvalid otherwise."""
    given = _mapping(value, path)
    if set(given) == {"amount", "unit"}:
        amount, unit = given["amount"], given["unit"]
    elif len(given) == 1:
        ((unit, amount),) = given.items()
    else:
        raise PolicyInvalid(path, "a target has one unit and an amount, such as {hours: 4}")
    if unit not in set(Unit):
        raise PolicyInvalid(path, f"the unit is one of {', '.join(Unit)}")
    return Target(_whole(amount, path, 1), Unit(unit))


def _clock(clock: str, value: Any, path: str) -> ClockPolicy:
    row = row_of(clock)
    if row is None:
        raise PolicyInvalid(path, "the register knows no such clock")
    rule = _mapping(value, path)
    _known_keys(rule, _CLOCK, path)
    if "close_after" in rule and clock != "confirm":
        raise PolicyInvalid(f"{path}/close_after", "only the confirmation closes a ticket")
    if row.target is None and ("target" in rule or "cases" in rule):
        raise PolicyInvalid(path, "this clock brings its own instant and has no target")
    if row.target is not None and "target" not in rule and "cases" not in rule:
        raise PolicyInvalid(path, "a target or cases are missing")
    return ClockPolicy(
        target=parse_target(rule["target"], f"{path}/target") if "target" in rule else None,
        cases=tuple(
            _case(case, f"{path}/cases/{index}")
            for index, case in enumerate(_items(rule.get("cases", ()), f"{path}/cases"))
        ),
        calendars=_clock_roles(rule.get("calendar"), f"{path}/calendar"),
        answered_by=_answered_by(clock, rule.get("answered_by"), f"{path}/answered_by"),
    )


def _case(value: Any, path: str) -> tuple[Condition, Target]:
    case = _mapping(value, path)
    _known_keys(case, frozenset({"when", "target"}), path)
    when = _condition(case.get("when"), f"{path}/when")
    return when, parse_target(case.get("target"), f"{path}/target")


def _answered_by(clock: str, value: Any, path: str) -> frozenset[FactKind] | None:
    if value is None:
        return None
    row = row_of(clock)
    kinds = frozenset(on.kind for on in row.answers) if row is not None else frozenset()
    if row is None or not row.policy_chooses:
        raise PolicyInvalid(path, "what answers this clock is not a policy's choice")
    chosen = [_text(kind, path) for kind in _items(value, path)]
    if not chosen or not set(chosen) <= kinds:
        raise PolicyInvalid(path, f"one or more of {', '.join(sorted(kinds))}")
    return frozenset(FactKind(kind) for kind in chosen)


def _condition(value: Any, path: str) -> Condition:
    given = _mapping(value, path)
    _known_keys(given, frozenset(INPUT_NAMES), path)
    return Condition(
        tuple((name, _texts(values, f"{path}/{name}")) for name, values in given.items())
    )


def _roles(value: Any, path: str) -> Mapping[str, str]:
    roles = _mapping(value, path)
    return {tier: _text(role, f"{path}/{tier}") for tier, role in roles.items()}


def _clock_roles(value: Any, path: str) -> Mapping[str, str] | None:
    if value is None:
        return None
    return {OTHERWISE: value} if isinstance(value, str) and value else _roles(value, path)


def _close_after(clocks: Mapping[str, Any]) -> Target | None:
    confirm = clocks.get("confirm", {})
    if "close_after" not in confirm:
        return None
    return parse_target(confirm["close_after"], "/clocks/confirm/close_after")


def _waiting(value: Any, clocks: Mapping[str, ClockPolicy]) -> Waiting | None:
    if value is None:
        return None
    waiting = _mapping(value, "/waiting")
    _known_keys(waiting, frozenset({"pauses", "limit", "budget"}), "/waiting")
    paused = _texts(waiting.get("pauses"), "/waiting/pauses")
    for clock in sorted(paused):
        _check_pausable(clock, clocks.get(clock))
    budget = waiting.get("budget")
    return Waiting(
        clocks=paused,
        limit=parse_target(waiting["limit"], "/waiting/limit")
        if "limit" in waiting
        else HOUSE_PAUSE_LIMIT,
        budget_seconds=None if budget is None else _budget_seconds(budget),
    )


def _check_pausable(clock: str, rule: ClockPolicy | None) -> None:
    path = f"/waiting/pauses/{clock}"
    row = row_of(clock)
    if row is None or rule is None:
        raise PolicyInvalid(path, "the policy has no such clock")
    if not row.pausable:
        raise PolicyInvalid(path, "this clock never pauses")
    targets = [target for _, target in rule.cases] + ([rule.target] if rule.target else [])
    if not all(target.pausable for target in targets):
        raise PolicyInvalid(path, "working days, calendar days and months are never paused")


def _budget_seconds(value: Any) -> int:
    target = parse_target(value, "/waiting/budget")
    if target.unit not in (Unit.MINUTES, Unit.HOURS):
        raise PolicyInvalid("/waiting/budget", "a budget is working time: minutes or hours")
    return target.micros // 1_000_000


def _ladder(value: Any) -> tuple[Step, ...]:
    steps = tuple(
        _step(step, f"/ladder/{index}") for index, step in enumerate(_items(value, "/ladder"))
    )
    if [step.level for step in steps] != list(range(1, len(steps) + 1)):
        raise PolicyInvalid("/ladder", "levels count 1, 2, 3 ... in order")
    if len(steps) > _MOST_STEPS:
        raise PolicyInvalid("/ladder", f"at most {_MOST_STEPS} levels")
    before = [step for step in steps if step.before_due]
    minutes = [step.minutes or 0 for step in steps[len(before) :]]
    if list(steps[: len(before)]) != before or minutes != sorted(minutes):
        raise PolicyInvalid("/ladder", "levels before due come first, the others go up in time")
    return steps


def _step(value: Any, path: str) -> Step:
    step = _mapping(value, path)
    _known_keys(step, frozenset({"level", "percent", "minutes", "tell"}), path)
    percent, minutes = step.get("percent"), step.get("minutes")
    if (percent is None) == (minutes is None):
        raise PolicyInvalid(path, "either percent or minutes")
    tell = _texts(step.get("tell"), f"{path}/tell")
    if not tell <= set(Tell):
        raise PolicyInvalid(f"{path}/tell", f"one or more of {', '.join(Tell)}")
    return Step(
        level=_whole(step.get("level"), f"{path}/level", 1),
        tell=tuple(role for role in Tell if role in tell),
        percent=None if percent is None else _whole(percent, f"{path}/percent", -99, -1),
        minutes=None if minutes is None else _whole(minutes, f"{path}/minutes", -_MOST),
    )


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PolicyInvalid(path, "a mapping is wanted")
    return value


def _items(value: Any, path: str) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise PolicyInvalid(path, "a list is wanted")
    return value


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PolicyInvalid(path, "a text is wanted")
    return value


def _texts(value: Any, path: str) -> frozenset[str]:
    items = _items(value, path)
    if not items:
        raise PolicyInvalid(path, "at least one is wanted")
    return frozenset(_text(item, f"{path}/{index}") for index, item in enumerate(items))


def _whole(value: Any, path: str, least: int, most: int = _MOST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PolicyInvalid(path, f"a whole number from {least} to {most} is wanted")
    return value


def _known_keys(given: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    for key in given:
        if key not in known:
            pointed = str(key).replace("~", "~0").replace("/", "~1")
            raise PolicyInvalid(f"{path}/{pointed}", "unknown")
