"""Compares what is stored of a subject's deadlines with what its facts say.

Values only, nothing is read or written. What time alone brings about is compared as both read at the same instant:
the sweep may have marked a miss that no fact tells of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.sla.cache import Key, stored_form, wanted_levels
from app.sla.engine.deadline import Deadline, State
from app.time import FAR_END, format_instant

_INHERITED = ("owner_id", "department_id")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what the facts say; `key` (clock, cycle, revision) is None for the subject itself."""

    subject_key: int
    subject: str
    key: Key | None
    name: str
    stored: Any
    computed: Any

    def __str__(self) -> str:
        """Say it in one line."""
        where = "" if self.key is None else f" {self.key[0]} {self.key[1]}/{self.key[2]}"
        return f"{self.subject}{where} {self.name}: stored {self.stored}, computed {self.computed}"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the tables hold of a subject, instants as JSON text (null for the far end of time)."""

    subject: Mapping[str, Any]
    deadlines: Sequence[Mapping[str, Any]]
    levels: Sequence[Mapping[str, Any]]

    @property
    def label(self) -> str:
        """How a difference names the subject."""
        return f"{self.subject['subject_type']} {self.subject['subject_public_id']}"


def differences(
    stored: Stored,
    computed: Sequence[Deadline],
    *,
    fact_count: int,
    tier: str | None,
    now: datetime,
) -> list[Difference]:
    """Return every difference; `computed` stands as of the last of `fact_count` facts, `tier` as they leave it."""
    return [
        Difference(stored.subject["id"], stored.label, *found)
        for found in (
            *_in_subject(stored, computed, fact_count, tier),
            *_in_deadlines(stored, computed, now),
        )
    ]


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the key of a stored row."""
    return row["clock"], row["cycle"], row["revision"]


def plain(value: Any) -> Any:
    """Return a computed value in the form in which JSON shows a stored one."""
    if isinstance(value, datetime):
        return None if value == FAR_END else format_instant(value)
    return value


_Found = tuple[Key | None, str, Any, Any]


def _in_subject(
    stored: Stored, computed: Sequence[Deadline], fact_count: int, tier: str | None
) -> Iterator[_Found]:
    row = stored.subject
    wanted = {"sequence": fact_count, "tier": tier}
    if not row["fault_count"]:  # a faulty subject's next look was put off
        wanted["next_fire_at"] = plain(_next_fire_at(stored, computed))
    for name, value in wanted.items():
        if row[name] != value:
            yield None, name, row[name], value


def _next_fire_at(stored: Stored, computed: Sequence[Deadline]) -> datetime:
    keys = {row["id"]: key_of(row) for row in stored.deadlines}
    fired = {
        (keys.get(one["deadline_id"]), one["level"])
        for one in stored.levels
        if one["fired_at"] is not None
    }
    waiting = [
        at
        for deadline in computed
        for level, at in wanted_levels(deadline).items()
        if (deadline.key, level) not in fired
    ]
    return min(waiting, default=FAR_END)


def _in_deadlines(stored: Stored, computed: Sequence[Deadline], now: datetime) -> Iterator[_Found]:
    rows = {key_of(row): row for row in stored.deadlines}
    for deadline in computed:
        row = rows.pop(deadline.key, None)
        if row is None:
            yield deadline.key, "row", None, deadline.state.value
            continue
        levels = [one for one in stored.levels if one["deadline_id"] == row["id"]]
        for name, was, should in (
            *_in_row(stored, row, deadline, now),
            *_in_levels(levels, deadline),
        ):
            yield deadline.key, name, was, should
    for key, row in rows.items():
        yield key, "row", row["state"], None


def _in_row(
    stored: Stored, row: Mapping[str, Any], deadline: Deadline, now: datetime
) -> Iterator[tuple[str, Any, Any]]:
    wanted = {name: plain(value) for name, value in stored_form(deadline).items()}
    wanted |= {"rule": deadline.rule, "customer_id": stored.subject["customer_id"]}
    if deadline.open:
        wanted |= {name: stored.subject[name] for name in _INHERITED}
    if marked_missed(row, deadline, now):
        marked = deadline.as_at(now)
        wanted |= {"state": marked.state.value, "missed_at": plain(marked.missed_at)}
    for name, value in wanted.items():
        if row[name] != value:
            yield name, row[name], value


def marked_missed(row: Mapping[str, Any], deadline: Deadline, now: datetime) -> bool:
    """Say whether the sweep marked a miss that is one, though no fact has come since."""
    noticed = row["state"] == State.MISSED.value or row["detected_at"] is not None
    return noticed and deadline.state_at(now) is State.MISSED


def _in_levels(
    levels: Sequence[Mapping[str, Any]], deadline: Deadline
) -> Iterator[tuple[str, Any, Any]]:
    """Levels that have not fired stand where the ladder says, or at the far end of time."""
    known = {one["level"]: one for one in levels}
    wanted = wanted_levels(deadline)
    for level in sorted({*known, *wanted}):
        one, fire_at = known.get(level), plain(wanted.get(level))
        if one is None:
            yield f"level {level}", "no row", fire_at
        elif one["fired_at"] is None and one["fire_at"] != fire_at:
            yield f"level {level}", one["fire_at"], fire_at
