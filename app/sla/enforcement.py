"""The sweep: claims subjects whose next level is due, and writes verdict, escalation, notice, audit and outbox.

Set-based, in batches sized by time; the claim is the subject's lock, so no answer can slip between. A batch that
fails is retried subject by subject, so that a poisoned one is isolated, reported and tried again later.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from app import writing
from app.audit.models import AuditEntry
from app.database import Database, Transaction
from app.faults import pass_by
from app.notifications import service as notifications
from app.outbox.models import OutboxMessage
from app.sla import queries
from app.sla.book import Book, read_book
from app.sla.engine.ladder import Case, Recipient, recipients
from app.sla.engine.policy import HOUSE_LADDER, Step
from app.sla.escalating import Fired, entry_of, escalation_of, message_of, notice_of
from app.sla.models import DeadlineLevel, DeadlineRow, Escalation, Subject
from app.sla.people import People, read_people
from app.statements import Row
from app.time import FAR_END, monotonic

BATCH_MIN = 50
LANES = 2
BACKOFF_MINUTES = (1, 5, 30, 120)
log = structlog.get_logger("huiying.sweep")


@dataclass(slots=True)
class SweepResult:
    """What one sweep did: subjects claimed, levels fired, subjects isolated, seconds of the longest batch."""

    subject_count: int = 0
    level_count: int = 0
    fault_count: int = 0
    longest_seconds: float = 0.0


@dataclass(slots=True)
class Pace:
    """The batch's size, led by how long the last one took; never above `most`."""

    target_seconds: float
    most: int
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = min(BATCH_MIN, self.most)

    def learn(self, count: int, seconds: float) -> None:
        """Aim the next batch at the target time."""
        if count and seconds > 0:
            wanted = int(count * self.target_seconds / seconds)
            self.size = min(self.most, max(BATCH_MIN, (self.size + wanted) // 2))


async def sweep(
    database: Database, *, until_quiet: bool = True, batches_max: int = 10_000
) -> SweepResult:
    """Fire every level that is due, batch by batch, until nothing is due (or once); returns what was done.

    On PostgreSQL two lanes work side by side: while the database writes the one's batch, the other's is being made.
    """
    result = SweepResult()
    if not until_quiet:
        await _sweep_lane(database, result, 1)
        return result
    lanes = LANES if database.kind == "postgresql" else 1
    await asyncio.gather(*(_sweep_lane(database, result, batches_max) for _ in range(lanes)))
    return result


async def _sweep_lane(database: Database, result: SweepResult, batches_max: int) -> None:
    settings = database.settings
    pace: Pace = database.memory.setdefault(
        "pace", Pace(settings.sweep_batch_ms / 1000, settings.sweep_batch_max)
    )
    for _ in range(batches_max):
        began = monotonic()
        count = await _sweep_batch(database, pace.size, result)
        seconds = monotonic() - began
        pace.learn(count, seconds)
        result.longest_seconds = max(result.longest_seconds, seconds)
        if count == 0:
            return


async def _sweep_batch(database: Database, size: int, result: SweepResult) -> int:
    pass_by("claim.before")
    try:
        async with database.transaction() as tx:
            claimed = await _claim(tx, size)
            pass_by("claim.after")
            fired = await _fire_and_tell(tx, claimed) if claimed else 0
    except Exception:
        log.exception("sweep_batch_failed", size=size)
        return await _sweep_one_by_one(database, size, result)
    result.subject_count += len(claimed)
    result.level_count += fired
    return len(claimed)


async def _claim(tx: Transaction, size: int) -> list[Row]:
    statement = (
        queries.CLAIM_POSTGRESQL if tx.database.kind == "postgresql" else queries.CLAIM_SQLITE
    )
    return await tx.run(statement, {"batch_size": size})


async def _sweep_one_by_one(database: Database, size: int, result: SweepResult) -> int:
    """Fire due subjects one at a time; the one that fails is put off, with its fault beside it."""
    for number in range(size):
        claimed: list[Row] = []
        try:
            async with database.transaction() as tx:
                claimed = await _claim(tx, 1)
                if not claimed:
                    return number
                fired = await _fire_and_tell(tx, claimed)
        except Exception as error:
            if not claimed:
                raise
            log.exception("sweep_subject_failed", subject_key=claimed[0]["id"])
            result.fault_count += 1
            await _put_off(database, claimed[0], error)
        else:
            result.level_count += fired
            result.subject_count += 1
    return size


async def _put_off(database: Database, subject: Row, error: Exception) -> None:
    count = subject["fault_count"] + 1
    wait = BACKOFF_MINUTES[min(count, len(BACKOFF_MINUTES)) - 1]
    async with database.transaction() as tx:
        row = {
            "id": subject["id"],
            "next_fire_at": subject["now"] + timedelta(minutes=wait),
            "fault_count": count,
            "fault": f"{type(error).__name__}: {error}"[:500],
        }
        await writing.update_many(tx, Subject, [row])


async def _fire_and_tell(tx: Transaction, claimed: Sequence[Row]) -> int:
    pass_by("sweep.claimed")
    firing = await fire(tx, claimed)
    await notifications.tell(tx, firing.notices, at=firing.now)
    return firing.escalation_count


@dataclass(slots=True)
class Firing:
    """One batch on its way: what the claimed subjects' levels say, and what is to be written.

    `notices` are the caller's to tell. What an operation brought about carries its key.
    """

    tx: Transaction
    now: datetime
    book: Book
    people: People
    told: dict[int, list[int]]
    operation_id: int | None = None
    fired: list[Fired] = field(default_factory=list)
    levels: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    notices: list[notifications.Notice] = field(default_factory=list)
    chosen: dict[tuple[Case, Step], tuple[Recipient, ...]] = field(default_factory=dict)

    is_open: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_open = self.book.working.is_open(self.now)

    @property
    def escalation_count(self) -> int:
        """How many levels fired."""
        return len(self.fired)


async def fire(
    tx: Transaction,
    claimed: Sequence[Row],
    *,
    deadlines: Collection[int] | None = None,
    operation_id: int | None = None,
) -> Firing:
    """Fire what is due of subjects that this transaction has locked (rows with `now`), and write all but the notices.

    Of `deadlines` only, where they are given: what else is due is left to the next sweep.
    """
    now = claimed[0]["now"]
    keys = [row["id"] for row in claimed]
    levels = await tx.run(queries.DUE_LEVELS, {"keys": keys, "now": now})
    due = [row for row in levels if deadlines is None or row["deadline_id"] in deadlines]
    told = {row["deadline_id"]: _told_before(row["told_before"]) for row in due}
    people = await read_people(tx, now)
    firing = Firing(tx, now, await read_book(tx), people, told, operation_id)
    subjects = {row["id"]: row for row in claimed}
    by_deadline: dict[int, list[Row]] = {}
    for row in due:
        by_deadline.setdefault(row["deadline_id"], []).append(row)
    for rows in by_deadline.values():
        _fire_deadline(firing, subjects[rows[0]["subject_key"]], rows)
    await _record(firing)
    await _update(firing, claimed, levels)
    return firing


def _told_before(escalations: Any) -> list[int]:
    rows = orjson.loads(escalations) if isinstance(escalations, str) else escalations
    return [one["key"] for row in rows for one in row["told"]]


def _fire_deadline(firing: Firing, subject: Row, rows: Sequence[Row]) -> None:
    """Fire the due levels of one deadline, lowest first."""
    first = rows[0]
    ended = first["ended_at"] != FAR_END
    if ended and first["state"] not in ("missed", "late"):
        firing.levels += [
            {"id": row["id"], "fire_at": FAR_END, "fired_at": FAR_END} for row in rows
        ]
        return
    if first["due_at"] < firing.now and first["detected_at"] == FAR_END:
        state = first["state"] if ended else "missed"
        firing.missed.append(
            {
                "id": first["deadline_id"],
                "state": state,
                "missed_at": first["due_at"],
                "detected_at": firing.now,
            }
        )
    told = firing.told[first["deadline_id"]]
    for row in rows:
        chosen = _chosen(firing, subject, row, tuple(told))
        told.extend(one.user_id for one in chosen)
        firing.fired.append(Fired(subject, row, chosen, row is not rows[-1], ended))
        firing.levels.append({"id": row["id"], "fire_at": row["fire_at"], "fired_at": firing.now})


def _chosen(firing: Firing, subject: Row, row: Row, told: tuple[int, ...]) -> tuple[Recipient, ...]:
    """Return whom a level tells; a batch asks the ladder once for what is the same."""
    case = Case(
        owner_id=row["owner_id"],
        department_id=row["department_id"],
        told=told,
        tier=subject["tier"],
        outside_hours=not firing.is_open,
        dedicated_manager_id=subject["dedicated_manager_id"],
    )
    step = _step(firing.book, row)
    known = firing.chosen.get((case, step))
    if known is None:
        known = firing.chosen[case, step] = recipients(firing.people.org, case, step)
    return known


def _step(book: Book, row: Row) -> Step:
    policy = book.rulebook.policies.get((row["policy"], row["policy_version"]))
    steps = policy.ladder if policy is not None else HOUSE_LADDER
    return next((step for step in steps if step.level == row["level"]), steps[-1])


async def _record(firing: Firing) -> None:
    """Hold back the escalations with their audit entries and messages; gather the notices, one a reader and deadline.

    Overtaken levels are recorded and told in the message of the highest.
    """
    tx = firing.tx
    rows = [
        escalation_of(one, firing.people, firing.now, firing.operation_id) for one in firing.fired
    ]
    escalations = await writing.insert_many(tx, Escalation, rows)
    entries = [entry_of(tx, one) for one in escalations]
    await writing.insert_many(tx, AuditEntry, entries)
    messages = [message_of(one, firing.now) for one in escalations]
    await writing.insert_many(tx, OutboxMessage, messages)
    said: dict[tuple[int, int], notifications.Notice] = {}
    for fired, escalation in zip(firing.fired, escalations, strict=True):
        if not fired.ended:
            for one in fired.chosen:
                key = (fired.row["deadline_id"], one.user_id)
                said[key] = notice_of(fired, one, escalation, firing.people, firing.now)
    firing.notices += said.values()


async def _update(firing: Firing, claimed: Sequence[Row], levels: Sequence[Row]) -> None:
    """Hold back the batch's updates: they leave with all inserts in one statement, before the commit."""
    done = {row["id"] for row in firing.levels}
    asked = {"keys": [row["id"] for row in claimed], "now": firing.now}
    following = {
        row["subject_key"]: row["fire_at"]
        for row in await firing.tx.run(queries.NEXT_LEVELS, asked)
    }
    for row in levels:
        if row["id"] not in done:
            key = row["subject_key"]
            following[key] = min(following.get(key, FAR_END), row["fire_at"])
    subjects = [
        {
            "id": row["id"],
            "next_fire_at": following.get(row["id"], FAR_END),
            "fault_count": 0,
            "fault": None,
        }
        for row in claimed
    ]
    await writing.update_many(firing.tx, DeadlineLevel, firing.levels)
    await writing.update_many(firing.tx, DeadlineRow, firing.missed)
    await writing.update_many(firing.tx, Subject, subjects)
