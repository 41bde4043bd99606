"""Reading a policy document (YAML or JSON already loaded) into a `Policy`, refusing what is wrong.

A document names its version nowhere: versions are given by whoever stores it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.calendars.target import Target, Unit
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import (
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
from app.sla.engine.register import row_of

_TOP = frozenset(
    {"name", "title", "description", "conditions", "calendars", "clocks", "waiting", "ladder"}
)
_CLOCK = frozenset({"target", "cases", "calendar", "answered_by", "close_after"})
NAME_PATTERN = r"[a-z0-9][a-z0-9_.-]{0,63}"
AMOUNT_MOST = 100_000
STEPS_MOST = 20


class PolicyInvalid(ValueError):
    """A document that is refused: `path` is a JSON Pointer to what is wrong, `code` and `values` say what."""

    def __init__(self, path: str, code: str, **values: str | int) -> None:
        super().__init__(f"{path or '/'}: {code}")
        self.path = path
        self.code = code
        self.values = values


def parse_policy(document: Mapping[str, Any], version: int = 1) -> Policy:
    """Return the policy of a document; PolicyInvalid names the first thing that is wrong."""
    _known_keys(_mapping(document, ""), _TOP, "")
    title = _mapping(document.get("title", {}), "/title")
    _known_keys(title, frozenset({"zh", "en"}), "/title")
    name = _name(document.get("name"))
    if "description" in document:
        _text(document["description"], "/description")
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
        raise PolicyInvalid(path, "policy_target_form")
    if not isinstance(unit, str) or unit not in set(Unit):
        raise PolicyInvalid(path, "policy_unit_unknown", units=", ".join(Unit))
    return Target(_whole(amount, path, 1), Unit(unit))


def _clock(clock: str, value: Any, path: str) -> ClockPolicy:
    row = row_of(clock)
    if row is None:
        raise PolicyInvalid(path, "policy_clock_unknown")
    rule = _mapping(value, path)
    _known_keys(rule, _CLOCK, path)
    if "close_after" in rule and clock != "confirm":
        raise PolicyInvalid(f"{path}/close_after", "policy_close_after_elsewhere")
    if row.target is None and ("target" in rule or "cases" in rule):
        raise PolicyInvalid(path, "policy_clock_without_target")
    if row.target is not None and "target" not in rule and "cases" not in rule:
        raise PolicyInvalid(path, "policy_target_missing")
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
        raise PolicyInvalid(path, "policy_answer_fixed")
    chosen = [_text(kind, path) for kind in _items(value, path)]
    if not chosen or not set(chosen) <= kinds:
        raise PolicyInvalid(path, "policy_answer_unknown", kinds=", ".join(sorted(kinds)))
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
        raise PolicyInvalid(path, "policy_clock_not_set")
    if not row.pausable:
        raise PolicyInvalid(path, "policy_clock_never_pauses")
    targets = [target for _, target in rule.cases] + ([rule.target] if rule.target else [])
    if not all(target.pausable for target in targets):
        raise PolicyInvalid(path, "policy_unit_never_pauses")


def _budget_seconds(value: Any) -> int:
    target = parse_target(value, "/waiting/budget")
    if target.unit not in (Unit.MINUTES, Unit.HOURS):
        raise PolicyInvalid("/waiting/budget", "policy_budget_unit")
    return target.micros // 1_000_000


def _ladder(value: Any) -> tuple[Step, ...]:
    steps = tuple(
        _step(step, f"/ladder/{index}") for index, step in enumerate(_items(value, "/ladder"))
    )
    if [step.level for step in steps] != list(range(1, len(steps) + 1)):
        raise PolicyInvalid("/ladder", "policy_ladder_levels")
    if len(steps) > STEPS_MOST:
        raise PolicyInvalid("/ladder", "policy_ladder_long", most=STEPS_MOST)
    before = [step for step in steps if step.before_due]
    minutes = [step.minutes or 0 for step in steps[len(before) :]]
    if list(steps[: len(before)]) != before or minutes != sorted(minutes):
        raise PolicyInvalid("/ladder", "policy_ladder_order")
    return steps


def _step(value: Any, path: str) -> Step:
    step = _mapping(value, path)
    _known_keys(step, frozenset({"level", "percent", "minutes", "tell"}), path)
    percent, minutes = step.get("percent"), step.get("minutes")
    if ("percent" in step) == ("minutes" in step):
        raise PolicyInvalid(path, "policy_step_time")
    tell = _texts(step.get("tell"), f"{path}/tell")
    if not tell <= set(Tell):
        raise PolicyInvalid(f"{path}/tell", "policy_tell_unknown", roles=", ".join(Tell))
    return Step(
        level=_whole(step.get("level"), f"{path}/level", 1),
        tell=tuple(role for role in Tell if role in tell),
        percent=None if "percent" not in step else _whole(percent, f"{path}/percent", -99, -1),
        minutes=None if "minutes" not in step else _whole(minutes, f"{path}/minutes", -AMOUNT_MOST),
    )


def _mapping(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise PolicyInvalid(path, "policy_mapping")
    return value


def _items(value: Any, path: str) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise PolicyInvalid(path, "policy_list")
    return value


def _name(value: Any) -> str:
    name = _text(value, "/name")
    if not re.fullmatch(NAME_PATTERN, name):
        raise PolicyInvalid("/name", "policy_name")
    return name


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PolicyInvalid(path, "policy_text")
    return value


def _texts(value: Any, path: str) -> frozenset[str]:
    items = _items(value, path)
    if not items:
        raise PolicyInvalid(path, "policy_list_empty")
    return frozenset(_text(item, f"{path}/{index}") for index, item in enumerate(items))


def _whole(value: Any, path: str, least: int, most: int = AMOUNT_MOST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PolicyInvalid(path, "policy_number", least=least, most=most)
    return value


def _known_keys(given: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    for key in given:
        if key not in known:
            pointed = str(key).replace("~", "~0").replace("/", "~1")
            raise PolicyInvalid(f"{path}/{pointed}", "extra_forbidden")
