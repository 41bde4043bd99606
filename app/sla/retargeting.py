"""Retargets: open subjects go over to other policies or calendar versions, batch by batch, as an operation.

A batch locks its subjects in the order of their keys, reads them in one question, appends a fact to each that is
concerned, and writes the difference. A preview does the same to no row: it only lists what would move. What a retarget
makes due at once fires with it, and is told in one line a recipient (`digests`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from app import writing
from app.calendars.events import CalendarChanged
from app.database import Database, Transaction, is_virtual
from app.operations import service as operations
from app.operations.runner import Kind, Operation, Step
from app.outbox.relay import Message
from app.sla import cache, digests, enforcement, queries, service
from app.sla.book import FRESH_SECONDS, Book, book_for_reading, forget_book, read_book
from app.sla.engine.clock import fold
from app.sla.engine.deadline import Deadline, Reference, State
from app.sla.engine.facts import Fact
from app.sla.engine.track import Track
from app.sla.engine.verdict import deadline_of
from app.sla.explaining import facts_of
from app.sla.models import Move
from app.sla.moves import Moved, add_figures, moves, no_figures
from app.sla.plans import Mode, Plan
from app.sla.service import LockedSubject
from app.statements import Row
from app.time import monotonic

PREVIEW = "sla.preview"
RETARGET = "sla.retarget"
BATCH_SECONDS, BATCH_MAX = 0.1, 1000
PREVIEW_BATCH = 200
# By then every process has noticed which versions are current, and opens new subjects with them.
SETTLED_AFTER = timedelta(seconds=2 * FRESH_SECONDS)
Pins = Mapping[Reference, Mapping[str, Reference]]


async def start(
    tx: Transaction, kind: str, plan: Plan, *, figures: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Ask for a preview or a retarget of all open subjects and return the operation; `figures` are its preview's."""
    subjects, asked = _subjects(plan)
    total = await tx.value(subjects.count, **asked)
    waits = kind == RETARGET and not is_virtual(tx.database)
    return await operations.start(
        tx,
        kind,
        plan.parameters,
        total=total,
        result=None if figures is None else {"preview": dict(figures)},
        delay=SETTLED_AFTER if waits else timedelta(),
    )


async def repin(tx: Transaction, messages: Sequence[Message]) -> None:
    """Pin provisional deadlines anew, from their start, where years of their calendar were loaded; a handler."""
    for message in messages:
        event = CalendarChanged.of(message.payload)
        if event.loaded_years:
            reference = (event.calendar, event.to_version)
            plan = Plan(Mode.OPEN_FROM_START, calendar=reference, provisional=True)
            await start(tx, RETARGET, plan)


def _subjects(plan: Plan) -> tuple[queries.OpenSubjects, dict[str, Any]]:
    if plan.provisional and plan.calendar is not None:
        return queries.OPEN_AND_PROVISIONAL, {"calendar": plan.calendar[0]}
    return queries.OPEN, {}


# --- one subject


@dataclass(frozen=True, slots=True)
class _Taken:
    """A subject taken over: the fact, its rows that had not ended before and after it, and what moved."""

    subject: LockedSubject
    fact: Fact
    before: Sequence[Deadline]
    after: Sequence[Deadline]
    moved: Sequence[Moved]

    @property
    def course(self) -> cache.Course:
        """What is to be written of it."""
        stored = {one.key: cache.stored_form(one) for one in self.before}
        return cache.Course(self.subject.row, self.subject.known, self.after, stored)


def _take_over(subject: LockedSubject, plan: Plan, pins: Pins) -> _Taken | None:
    """Take a subject over in memory; None where the plan does not concern it, or changes nothing."""
    setting = subject.folded.setting
    new = plan.fact(setting, pins)
    if new is None:
        return None
    # What has ended never moves; looking at it would be half of the work.
    policy, count = setting.policy, len(subject.folded.tracks)
    tracks = [one for one in subject.folded.tracks if one.ended_at is None]
    before = _rows(subject, tracks)
    fact = service.apply_fact(subject, new)
    after = _rows(subject, [*tracks, *subject.folded.tracks[count:]])
    found = moves(before, after, subject.now)
    if not found and setting.policy is policy and "calendars" not in new.data:
        return None
    return _Taken(subject, fact, before, after, found)


def _rows(subject: LockedSubject, tracks: Sequence[Track]) -> list[Deadline]:
    horizon = subject.folded.last_at
    return [] if horizon is None else [deadline_of(one, horizon) for one in tracks]


def _pins(book: Book, plan: Plan, policies: Mapping[Reference, Any]) -> Pins:
    return {one: book.pins_for(policies[one]) for one in plan.order}


def _figures(
    operation: Operation, taken: Sequence[_Taken], subjects: int, faults: int
) -> dict[str, Any]:
    known = {**no_figures(), **operation.result}
    found = [(one.moved, one.subject.now) for one in taken]
    return add_figures(known, found, subjects=subjects, faults=faults)


async def _list_moves(tx: Transaction, operation: Operation, taken: Sequence[_Taken]) -> None:
    for one in taken:
        row = one.subject.row
        for move in one.moved:
            await writing.insert(
                tx,
                Move,
                operation_id=operation.id,
                subject_type=row["subject_type"],
                subject_public_id=row["subject_public_id"],
                label=row["label"],
                **move.columns(one.subject.now),
            )


# --- a preview


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page of subjects that was looked at."""

    count: int
    last: int
    faults: int
    taken: Sequence[_Taken]


async def _look(database: Database, operation: Operation) -> _Seen:
    """Take a page of subjects over in memory, by facts read without any lock."""
    plan = Plan.of(operation.parameters)
    subjects, asked = _subjects(plan)
    after = operation.cursor or 0
    rows = await database.all(subjects.page, after=after, batch_size=PREVIEW_BATCH, **asked)
    facts = {row["id"]: facts_of(_parsed(row["facts"])) for row in rows}
    book = await book_for_reading(database, [one for some in facts.values() for one in some])
    if not _knows(book, plan):
        forget_book(database)
        book = await book_for_reading(database, ())
    policies = {**book.rulebook.policies, **plan.drafts()}
    rulebook = replace(book.rulebook, policies=policies, remembered={})
    pins, faults, taken = _pins(book, plan, policies), 0, []
    for row in rows:
        known = facts[row["id"]]
        try:
            folded = fold(known, rulebook)
            now = max(row["now"], known[-1].at) if known else row["now"]
            subject = LockedSubject(row, now, book, known, folded, cache.Known())
            found = _take_over(subject, plan, pins)
        except (LookupError, ValueError):
            faults += 1
            continue
        taken += [found] if found is not None else []
    return _Seen(len(rows), rows[-1]["id"] if rows else after, faults, taken)


async def _note_preview(tx: Transaction, operation: Operation, seen: _Seen) -> Step:
    await _list_moves(tx, operation, seen.taken)
    return Step(
        done=operation.done + seen.count,
        cursor=seen.last,
        result=_figures(operation, seen.taken, seen.count, seen.faults),
        finished=seen.count < PREVIEW_BATCH,
    )


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _knows(book: Book, plan: Plan) -> bool:
    known = book.rulebook
    wanted = {one for one in plan.order if one[0] not in plan.documents}
    if plan.calendar is not None and plan.calendar not in known.calendars:
        return False
    return wanted <= known.policies.keys()


# --- a retarget


async def _retarget(tx: Transaction, operation: Operation, _: Any) -> Step:
    """Take the next open subjects over, under their locks; fire and collect what becomes due by it."""
    began = monotonic()
    pace = tx.database.memory.setdefault(
        "retarget_pace", enforcement.Pace(BATCH_SECONDS, BATCH_MAX)
    )
    plan, size = Plan.of(operation.parameters), pace.size
    cursor = operation.cursor or {"after": 0, "told": {}}
    if not _knows(await read_book(tx), plan):
        forget_book(tx.database)
    rows = await _lock(tx, plan, cursor["after"], size)
    subjects, faulty = await service.load_many(tx, rows) if rows else ([], [])
    taken = await _write(tx, operation, plan, subjects)
    told = await _fire(tx, operation, taken, cursor["told"])
    await tx.flush()
    pace.learn(len(rows), monotonic() - began)
    return Step(
        done=operation.done + len(rows),
        cursor={"after": rows[-1]["id"] if rows else cursor["after"], "told": told},
        result=_figures(operation, taken, len(rows), len(faulty)),
        finished=len(rows) < size,
    )


async def _lock(tx: Transaction, plan: Plan, after: int, size: int) -> list[Row]:
    """Lock the next open subjects in the order of their keys, then read the instant."""
    subjects, asked = _subjects(plan)
    postgres = tx.database.kind == "postgresql"
    statement = subjects.lock_postgresql if postgres else subjects.lock_sqlite
    rows = await tx.run(statement, {"after": after, "batch_size": size, **asked})
    return sorted(rows, key=lambda row: row["id"])


async def _write(
    tx: Transaction, operation: Operation, plan: Plan, subjects: Sequence[LockedSubject]
) -> list[_Taken]:
    if not subjects:
        return []
    book = subjects[0].book
    pins = _pins(book, plan, book.rulebook.policies)
    found = (_take_over(one, plan, pins) for one in subjects)
    taken = [one for one in found if one is not None]
    for one in taken:
        await service.write_fact(tx, one.subject, one.fact)
    await service.write_courses(tx, [one.subject for one in taken], [one.course for one in taken])
    await _list_moves(tx, operation, taken)
    return taken


async def _fire(
    tx: Transaction, operation: Operation, taken: Sequence[_Taken], told: Mapping[str, int]
) -> Mapping[str, int]:
    """Fire the levels that the retarget brought due, and add them to what each recipient will be told at the end."""
    due = [one for one in taken if one.subject.row["next_fire_at"] <= one.subject.now]
    if not due:
        return told
    await tx.flush()
    now = max(one.subject.now for one in due)
    firing = await enforcement.fire(
        tx,
        [{**one.subject.row, "now": now} for one in due],
        deadlines={key for one in due for key in _touched(one)},
        operation_id=operation.id,
    )
    return await digests.collect(tx, operation, told, firing.notices, now)


def _touched(one: _Taken) -> list[int]:
    """Return the stored rows that were retargeted: what was missed before is the sweep's business."""
    now = one.subject.now
    missed = {was.key for was in one.before if was.state_at(now) is State.MISSED}
    known = one.subject.known.deadlines
    return [known[row.key] for row in one.after if row.open and row.key not in missed]


async def _tell(tx: Transaction, operation: Operation) -> None:
    if operation.cursor is not None:
        await digests.send(tx, operation.cursor["told"], await tx.now())


KINDS = {PREVIEW: Kind(_note_preview, _look), RETARGET: Kind(_retarget, ended=_tell)}
