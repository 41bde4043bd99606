"""A deadline's explanation as the contract shows it: `explain`'s data with the policy, the ladder and what is left.

Pure: values in, plain values out (instants are datetimes). Lists are bounded; what is left out of their middle is
counted. Reading facts and writing JSON is in `explaining`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.calendars.target import MICROS_A_SECOND, Target
from app.sla.engine.deadline import Deadline, Retarget
from app.sla.engine.explain import explain
from app.sla.engine.policy import HOUSE_LADDER, Inputs, Policy
from app.sla.engine.register import row_of
from app.sla.engine.segments import used_micros
from app.sla.texts import answered_by

INTERVALS_MAX = 60
EXCEPTIONS_MAX = 60
_INSTANTS = (
    "started_at", "due_at", "pause_ends_at", "answered_at", "claimed_at", "ended_at", "missed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fired:
    """A level that fired, as the sweep recorded it."""

    level: int
    fired_at: datetime
    escalation_id: str
    told: tuple[str, ...]


def reasons(
    deadline: Deadline,
    at: datetime,
    *,
    policy: Policy | None,
    inputs: Inputs,
    fired: Sequence[Fired],
    language: str,
) -> dict[str, Any]:
    """Return the reasons of a row that was evaluated as of `at`.

    `policy` is that of the row, `inputs` those in force at `at`, `fired` what had fired by then; `language`
    (`zh-CN` or `en`) is that of the sentence.
    """
    explained = explain(deadline)
    data = explained.data
    return {
        "clock": deadline.clock,
        "rule": deadline.rule,
        "title": {"zh": data["title_zh"], "en": data["title_en"]},
        "cycle": deadline.cycle,
        "revision": deadline.revision,
        "at": at,
        "state": deadline.state.value,
        **{name: getattr(deadline, name) for name in _INSTANTS},
        "late_seconds": deadline.late_seconds,
        "late_elapsed_seconds": deadline.late_elapsed_seconds,
        "intervals_skipped": deadline.intervals_skipped,
        "target": data["target"],
        "length_seconds": deadline.length_seconds,
        "used_seconds": deadline.used_seconds,
        "remaining_seconds": _remaining_seconds(deadline, at),
        "never_pauses": deadline.never_pauses,
        "on_retarget": deadline.on_retarget,
        "provisional": deadline.provisional,
        "policy": _policy(policy),
        "inputs": _inputs(inputs),
        "calendar": _calendar(deadline),
        "intervals": _intervals(data["intervals"]),
        "exceptions": _exceptions(data["exceptions"]),
        "pauses": [_pause(one) for one in data["pauses"]],
        "retargets": [_retarget(one) for one in deadline.retargets],
        "levels": _levels(deadline, policy, fired),
        "adjustment": _adjustment(data["adjustment"]),
        "satisfied_by": _satisfied_by(deadline),
        "sentence": explained.en if language == "en" else explained.zh,
    }


def _intervals(counted: list[Any]) -> dict[str, Any]:
    return {
        "interval_count": len(counted),
        "omitted_count": max(len(counted) - INTERVALS_MAX, 0),
        "open_seconds": sum(map(_seconds, counted)),
        "items": [_interval(one) for one in _both_ends(counted, INTERVALS_MAX)],
    }


def _exceptions(met: list[Any]) -> dict[str, Any]:
    return {
        "exception_count": len(met),
        "omitted_count": max(len(met) - EXCEPTIONS_MAX, 0),
        "items": _both_ends(met, EXCEPTIONS_MAX),
    }


def _retarget(one: Retarget) -> dict[str, Any]:
    return {
        "at": one.at,
        "target_before": _target(one.target_before),
        "target_after": _target(one.target_after),
        "calendar_before": _reference(one.calendar_before),
        "calendar_after": _reference(one.calendar_after),
        "due_before_at": one.due_before,
        "due_after_at": one.due_after,
    }


def _remaining_seconds(deadline: Deadline, at: datetime) -> int:
    """The open time left until due, 0 once the row has ended or due has passed."""
    if not deadline.open or at >= deadline.due_at:
        return 0
    return used_micros(deadline.segments, deadline.due_at, since=at) // MICROS_A_SECOND


def _policy(policy: Policy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "name": policy.name,
        "version": policy.version,
        "title": {"zh": policy.title_zh, "en": policy.title_en},
        "conditions": {name: sorted(values) for name, values in policy.conditions.allowed},
    }


def _inputs(inputs: Inputs) -> dict[str, Any]:
    return {
        "type": inputs.type,
        "complexity": inputs.complexity,
        "tier": inputs.tier,
        "channel": inputs.channel,
        "priority": inputs.priority,
        "department": inputs.department,
        "tags": sorted(inputs.tags),
    }


def _calendar(deadline: Deadline) -> dict[str, Any]:
    """The calendar in force: that of the last segment."""
    calendar = deadline.segments[-1].calendar
    return {
        **_reference(deadline.calendar),
        "timezone": calendar.timezone.key,
        "title": {"zh": calendar.spec.title_zh, "en": calendar.spec.title_en},
    }


def _reference(reference: Sequence[Any]) -> dict[str, Any]:
    return {"name": reference[0], "version": reference[1]}


def _target(target: Target | None) -> dict[str, Any] | None:
    return None if target is None else {"amount": target.amount, "unit": target.unit.value}


def _both_ends(items: list[Any], most: int) -> list[Any]:
    return items if len(items) <= most else [*items[: most // 2], *items[-most // 2 :]]


def _seconds(interval: Mapping[str, Any]) -> int:
    return int((interval["to"] - interval["from"]).total_seconds())


def _interval(interval: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "start_at": interval["from"],
        "end_at": interval["to"],
        "seconds": _seconds(interval),
        "calendar": _reference(interval["calendar"]),
    }


def _pause(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "started_at": one["from"],
        "ends_at": one["to"],
        "credited_seconds": one["credited_seconds"],
        "after_due": one["after_due"],
    }


def _levels(
    deadline: Deadline, policy: Policy | None, fired: Sequence[Fired]
) -> list[dict[str, Any]]:
    steps = {step.level: step for step in (policy.ladder if policy is not None else HOUSE_LADDER)}
    planned, done = dict(deadline.levels), {one.level: one for one in fired}
    out = []
    for number in sorted({*planned, *done}):
        step, one = steps.get(number), done.get(number)
        out.append(
            {
                "level": number,
                "tells": [role.value for role in step.tell] if step is not None else [],
                "percent": step.percent if step is not None else None,
                "minutes": step.minutes if step is not None else None,
                "fire_at": planned.get(number),
                "fired_at": one.fired_at if one is not None else None,
                "escalation_id": one.escalation_id if one is not None else None,
                "told": list(one.told) if one is not None else [],
            }
        )
    return out


def _adjustment(one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "claimed_at": one["claimed_at"],
        "reason": one["reason"],
        "corrected_at": one["corrected_at"],
        "state_before": one["state_before"],
        "answered_before_at": one["answered_before"],
    }


def _satisfied_by(deadline: Deadline) -> dict[str, str] | None:
    """What would still answer it; None once it takes part in nothing any more."""
    if not deadline.open:
        return None
    row = deadline.row or row_of(deadline.clock)
    return answered_by(row) if row is not None else {"zh": "完成", "en": "answered"}
