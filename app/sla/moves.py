"""What a retarget moves: the difference between a subject's deadlines before and after, and the figures of many.

Values only; whether they are only shown or written is `retargeting`'s business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.sla.engine.deadline import Deadline
from app.time import FAR_END


class Change(StrEnum):
    """What becomes of a deadline: another due, a new promise, a promise taken back."""

    MOVED = "moved"
    OPENED = "opened"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Moved:
    """One deadline's move; `late` where it is due at the retarget itself."""

    change: Change
    before: Deadline | None
    after: Deadline
    late: bool

    def columns(self, now: datetime) -> dict[str, Any]:
        """Return the stored form of the move."""
        opened, withdrawn = self.change is Change.OPENED, self.change is Change.WITHDRAWN
        before = self.before
        return {
            "clock": self.after.clock,
            "rule": self.after.rule,
            "change": self.change.value,
            "state_before": None if before is None else before.state_at(now).value,
            "due_before": FAR_END if opened or before is None else before.due_at,
            "due_after": FAR_END if withdrawn else self.after.due_at,
            "late": self.late,
        }


def moves(before: Sequence[Deadline], after: Sequence[Deadline], now: datetime) -> list[Moved]:
    """Return what a fact at `now` moved; deadlines that had ended, or were missed, never move."""
    known = {one.key: one for one in before}
    out = []
    for one in after:
        was = known.get(one.key)
        change = _change(was, one)
        if change is not None:
            late = one.open and one.on_retarget and one.due_at == now
            out.append(Moved(change, was, one, late))
    return out


def _change(was: Deadline | None, now: Deadline) -> Change | None:
    if was is None:
        return Change.OPENED
    if was.open and not now.open:
        return Change.WITHDRAWN
    return Change.MOVED if was.open and was.due_at != now.due_at else None


_COUNTS = ("moved", "opened", "withdrawn", "late")


def no_figures() -> dict[str, Any]:
    """Return the figures of nothing."""
    return {"subjects": 0, "changed": 0, "faults": 0, **dict.fromkeys(_COUNTS, 0), "by_clock": {}}


def add_figures(
    figures: Mapping[str, Any],
    found: Iterable[tuple[Sequence[Moved], datetime]],
    *,
    subjects: int,
    faults: int,
) -> dict[str, Any]:
    """Return figures with those of a batch added: `found` are the moves of each subject that changed, and its instant.

    Counts by clock are told by the state before the retarget, as it read then.
    """
    out = {**figures, "by_clock": {clock: dict(v) for clock, v in figures["by_clock"].items()}}
    out["subjects"] += subjects
    out["faults"] += faults
    for some, now in found:
        out["changed"] += 1
        for one in some:
            state = "none" if one.before is None else one.before.state_at(now).value
            clock = out["by_clock"].setdefault(one.after.clock, dict.fromkeys(_COUNTS, 0))
            clock[f"was_{state}"] = clock.get(f"was_{state}", 0) + 1
            for counts in (out, clock):
                counts[one.change.value] += 1
                counts["late"] += one.late
    return out
