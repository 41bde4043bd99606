"""Writes what the engine says into the cached rows: deadlines and levels, as the difference to what is there.

Pure bookkeeping: no verdict is made here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app import writing
from app.database import Transaction
from app.sla.engine.deadline import Deadline, State
from app.sla.models import DeadlineChange, DeadlineLevel, DeadlineRow
from app.time import FAR_END, format_instant, parse_instant

Key = tuple[str, int, int]
_SUBJECT_COLUMNS = (
    "subject_type", "subject_id", "subject_public_id", "label", "customer_id", "owner_id", "department_id",
)  # fmt: skip
_MISSES = frozenset({State.MISSED, State.LATE})
_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class KnownLevel:
    """A stored level: its row's key, when it fires, whether it has fired."""

    id: int
    fire_at: datetime
    fired: bool = False


@dataclass(slots=True)
class Known:
    """The stored rows of a subject: deadline keys by (clock, cycle, revision), levels by (deadline key, level)."""

    deadlines: dict[Key, int] = field(default_factory=dict)
    levels: dict[tuple[int, int], KnownLevel] = field(default_factory=dict)

    @classmethod
    def of(
        cls, deadlines: Iterable[Mapping[str, Any]], levels: Iterable[Mapping[str, Any]]
    ) -> "Known":
        """Return what the rows of `queries.STATE` say."""
        return cls(
            {(one["clock"], one["cycle"], one["revision"]): one["id"] for one in deadlines},
            {
                (one["deadline_id"], one["level"]): KnownLevel(
                    one["id"],
                    parse_instant(one["fire_at"]) if one["fire_at"] else FAR_END,
                    one["fired_at"] is not None,
                )
                for one in levels
            },
        )

    def next_fire_at(self) -> datetime:
        """Return the earliest unfired level, the far end of time when there is none."""
        return min((one.fire_at for one in self.levels.values() if not one.fired), default=FAR_END)


def stored_form(deadline: Deadline) -> dict[str, Any]:
    """Return the columns of a row that facts decide. Figures that grow with time are stored once it has ended."""
    ended = deadline.ended_at is not None
    target = deadline.target
    adjustment = deadline.adjustment
    early, early_elapsed = _early(deadline)
    return {
        "state": deadline.state.value,
        "started_at": deadline.started_at,
        "due_at": deadline.due_at,
        "pause_ends_at": deadline.pause_ends_at or FAR_END,
        "answered_at": deadline.answered_at or FAR_END,
        "ended_at": deadline.ended_at or FAR_END,
        "missed_at": deadline.missed_at or FAR_END,
        "target_amount": target.amount if target is not None else None,
        "target_unit": target.unit.value if target is not None else None,
        "calendar": deadline.calendar[0],
        "calendar_version": deadline.calendar[1],
        "policy": deadline.policy[0] if deadline.policy is not None else None,
        "policy_version": deadline.policy[1] if deadline.policy is not None else None,
        "on_retarget": deadline.on_retarget,
        "provisional": deadline.provisional,
        "intervals_skipped": deadline.intervals_skipped if ended else 0,
        "used_seconds": deadline.used_seconds if ended else 0,
        "early_seconds": early,
        "early_elapsed_seconds": early_elapsed,
        "late_seconds": deadline.late_seconds if ended else None,
        "late_elapsed_seconds": deadline.late_elapsed_seconds if ended else None,
        "adjustment": None
        if adjustment is None
        else {
            "claimed_at": format_instant(adjustment.claimed_at),
            "reason": adjustment.reason,
            "corrected_at": format_instant(adjustment.corrected_at),
            "state_before": adjustment.state_before.value,
        },
    }


def _early(deadline: Deadline) -> tuple[int | None, int | None]:
    """Return how much time was left when it was kept, in the clock's calendar and elapsed; None where it was not.

    None too where a correction says so: nobody measured it.
    """
    if deadline.state is not State.MET or deadline.answered_at is None or deadline.adjustment:
        return None, None
    left = deadline.length_seconds - deadline.used_seconds
    elapsed = (deadline.due_at - deadline.answered_at) // _SECOND
    return max(0, left), max(0, elapsed)


def wanted_levels(deadline: Deadline) -> dict[int, datetime]:
    """Return when levels fire: those of the ladder while it is open; of an ended miss those it had reached.

    What was kept, cancelled or superseded in time needs no warning any more.
    """
    if deadline.ended_at is not None and deadline.state not in _MISSES:
        return {}
    return dict(deadline.levels)


@dataclass(frozen=True, slots=True)
class Course:
    """A subject's rows as they should be; `before` is what is stored of them, as far as it is known."""

    subject: Mapping[str, Any]
    known: Known
    deadlines: Sequence[Deadline]
    before: Mapping[Key, Mapping[str, Any]]


async def write(tx: Transaction, courses: Sequence[Course]) -> None:
    """Write the rows that differ from `before` and the levels that differ from `known`; keeps `known` true.

    Updates of all subjects leave together, before the inserts. Every due instant concerned is marked for whoever
    counts.
    """
    changed: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    dues: set[datetime] = set()
    for course in courses:
        dues |= _collect_updates(course, changed, moved)
    await writing.update_many(tx, DeadlineRow, changed)
    await writing.update_many(tx, DeadlineLevel, moved)
    for course in courses:
        await _insert(tx, course)
    await mark_changed(tx, dues)


def _collect_updates(
    course: Course, changed: list[dict[str, Any]], moved: list[dict[str, Any]]
) -> set[datetime]:
    """Add the rows and levels to be updated, and return the due instants of whatever is new or differs."""
    known, dues = course.known, set[datetime]()
    for deadline in course.deadlines:
        if deadline.key not in known.deadlines:
            dues.add(deadline.due_at)
            continue
        form = stored_form(deadline)
        differs = course.before.get(deadline.key) != form
        if differs:
            changed.append({"id": known.deadlines[deadline.key], **form})
            dues |= {deadline.due_at, course.before.get(deadline.key, form)["due_at"]}
        if differs or deadline.open:  # a pause after a miss moves levels and nothing else
            moved += _moved_levels(known, deadline)
    return dues


async def _insert(tx: Transaction, course: Course) -> None:
    subject, known = course.subject, course.known
    new = [one for one in course.deadlines if one.key not in known.deadlines]
    for deadline in course.deadlines:
        if deadline.key in known.deadlines:
            await _insert_levels(tx, subject, known, deadline)
    for deadline in new:
        row = await writing.insert(
            tx,
            DeadlineRow,
            subject_key=subject["id"],
            clock=deadline.clock,
            rule=deadline.rule,
            cycle=deadline.cycle,
            revision=deadline.revision,
            **{name: subject[name] for name in _SUBJECT_COLUMNS},
            **charges(subject),
            **stored_form(deadline),
        )
        known.deadlines[deadline.key] = row["id"]
        await _insert_levels(tx, subject, known, deadline)


def charges(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return to whom a row of the subject is charged as things stand: owner, department, tier."""
    return {
        "charged_owner_id": subject["owner_id"],
        "charged_department_id": subject["department_id"],
        "charged_tier": subject["tier"],
    }


async def mark_changed(tx: Transaction, dues: Iterable[datetime]) -> None:
    """Hold back a mark for each due instant at which a row reads otherwise than before."""
    await writing.insert_many(tx, DeadlineChange, [{"due_at": at} for at in sorted(set(dues))])


def _moved_levels(known: Known, deadline: Deadline) -> list[dict[str, Any]]:
    key, wanted = known.deadlines[deadline.key], wanted_levels(deadline)
    out = []
    for (deadline_key, number), level in known.levels.items():
        fire_at = wanted.get(number, FAR_END)
        if deadline_key == key and not level.fired and level.fire_at != fire_at:
            level.fire_at = fire_at
            out.append({"id": level.id, "fire_at": fire_at})
    return out


async def _insert_levels(
    tx: Transaction, subject: Mapping[str, Any], known: Known, deadline: Deadline
) -> None:
    key = known.deadlines[deadline.key]
    for number, fire_at in wanted_levels(deadline).items():
        if (key, number) in known.levels:
            continue
        row = await writing.insert(
            tx,
            DeadlineLevel,
            deadline_id=key,
            subject_key=subject["id"],
            level=number,
            fire_at=fire_at,
        )
        known.levels[key, number] = KnownLevel(row["id"], fire_at)


async def recharge(
    tx: Transaction,
    known: Known,
    deadlines: Sequence[Deadline],
    charged: Mapping[str, Any],
    *,
    at: datetime,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Charge the rows that are neither ended nor missed at `at` otherwise; `values` go to all open rows.

    What is missed stays charged to whoever had it when it came due: nobody inherits another's miss.
    """
    given = values or {}
    running = [one for one in deadlines if one.open and one.state_at(at) is not State.MISSED]
    missed = [one for one in deadlines if one.open and one.state_at(at) is State.MISSED]
    rows = [{"id": known.deadlines[one.key], **given, **charged} for one in running]
    await writing.update_many(tx, DeadlineRow, rows)
    if given:
        rows = [{"id": known.deadlines[one.key], **given} for one in missed]
        await writing.update_many(tx, DeadlineRow, rows)
    await mark_changed(tx, (one.due_at for one in running))
