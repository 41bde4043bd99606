"""Retargets: open subjects go over to other policies or calendar versions, batch by batch, as an operation.

A batch reads its subjects (`pages`), locks them in the order of their keys, appends a fact to each that is concerned,
and writes the difference; the next is read meanwhile. A preview does the same to no row: it only lists what would move. What a retarget
makes due at once fires with it, and is told in one line a recipient (`digests`).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app import writing
from app.calendars.events import CalendarChanged
from app.database import FRESH_SECONDS, Database, Transaction, is_virtual
from app.operations import service as operations
from app.operations.runner import Kind, Operation, Step
from app.outbox.relay import Message
from app.sla import cache, digests, enforcement, service
from app.sla.book import Book
from app.sla.engine.deadline import Deadline, Reference, State
from app.sla.engine.facts import Fact
from app.sla.engine.track import Track
from app.sla.engine.verdict import deadline_of
from app.sla.models import Move
from app.sla.moves import Moved, add_figures, moves, no_figures
from app.sla.pages import Page, lock_page, open_subjects, read_page
from app.sla.plans import Mode, Plan
from app.sla.service import LockedSubject
from app.time import monotonic

PREVIEW = "sla.preview"
RETARGET = "sla.retarget"
BATCH_SECONDS, BATCH_MAX = 0.1, 1000
PART_SIZE = 100  # of a batch: what the database writes at a time
PREVIEW_BATCH = 200
# By then every process has noticed which versions are current, and opens new subjects with them.
SETTLED_AFTER = timedelta(seconds=2 * FRESH_SECONDS)
Pins = Mapping[Reference, Mapping[str, Reference]]


async def start(
    tx: Transaction, kind: str, plan: Plan, *, figures: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Ask for a preview or a retarget of all open subjects and return the operation; `figures` are its preview's."""
    subjects, asked = open_subjects(plan)
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


def _take_over(
    subject: LockedSubject, plan: Plan, pins: Pins, *, with_levels: bool
) -> _Taken | None:
    """Take a subject over in memory; None where the plan does not concern it, or changes nothing."""
    setting = subject.folded.setting
    new = plan.fact(setting, pins)
    if new is None:
        return None
    # What has ended never moves; looking at it would be half of the work.
    policy, count = setting.policy, len(subject.folded.tracks)
    tracks = [one for one in subject.folded.tracks if one.ended_at is None]
    before = _rows(subject, tracks, with_levels=False)
    fact = service.apply_fact(subject, new)
    tracks += subject.folded.tracks[count:]
    after = _rows(subject, tracks, with_levels=with_levels)
    found = moves(before, after, subject.now)
    if not found and setting.policy is policy and "calendars" not in new.data:
        return None
    return _Taken(subject, fact, before, after, found)


def _rows(subject: LockedSubject, tracks: Sequence[Track], *, with_levels: bool) -> list[Deadline]:
    horizon = subject.folded.last_at
    if horizon is None:
        return []
    return [deadline_of(one, horizon, with_levels=with_levels) for one in tracks]


def _pins(book: Book, plan: Plan) -> Pins:
    return {one: book.pins_for(book.rulebook.policies[one]) for one in plan.order}


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


# --- reading ahead


def _after(operation: Operation) -> int:
    return int((operation.cursor or {"after": 0})["after"])


def _following(operation: Operation, page: Page) -> Operation | None:
    """Return the operation as the page after this one is read for it."""
    return None if page.is_last else replace(operation, cursor={"after": page.last})


# --- a preview


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page of subjects that was looked at."""

    page: Page
    faults: int
    taken: Sequence[_Taken]


async def _look(database: Database, operation: Operation) -> _Seen:
    """Take a page of subjects over in memory, by facts read without any lock."""
    plan = Plan.of(operation.parameters)
    page = await read_page(database, plan, _after(operation), PREVIEW_BATCH)
    pins, taken = _pins(page.book, plan), []
    faults = len(page.rows) - len(page.read)
    for row in page.rows:
        if row["id"] not in page.read:
            continue
        try:
            subject = page.subject(row, cache.Known())
            found = _take_over(subject, plan, pins, with_levels=False)
        except (LookupError, ValueError):
            faults += 1
            continue
        taken += [found] if found is not None else []
    return _Seen(page, faults, taken)


async def _note_preview(tx: Transaction, operation: Operation, seen: _Seen) -> Step:
    await _list_moves(tx, operation, seen.taken)
    count = len(seen.page.rows)
    return Step(
        done=operation.done + count,
        cursor={"after": seen.page.last},
        result=_figures(operation, seen.taken, count, seen.faults),
        finished=seen.page.is_last,
    )


def _after_preview(operation: Operation, seen: _Seen) -> Operation | None:
    return _following(operation, seen.page)


# --- a retarget


def _pace(database: Database) -> enforcement.Pace:
    pace: enforcement.Pace = database.memory.setdefault(
        "retarget_pace", enforcement.Pace(BATCH_SECONDS, BATCH_MAX)
    )
    return pace


async def _read(database: Database, operation: Operation) -> Page:
    plan, size = Plan.of(operation.parameters), _pace(database).size
    return await read_page(database, plan, _after(operation), size)


async def _retarget(tx: Transaction, operation: Operation, page: Page) -> Step:
    """Take the subjects of a page over, under their locks; fire and collect what becomes due by it."""
    began = monotonic()
    plan = Plan.of(operation.parameters)
    told = operation.cursor["told"] if operation.cursor else {}
    subjects, faulty = await lock_page(tx, plan, page)
    taken = await _write(tx, operation, plan, subjects)
    told = await _fire(tx, operation, taken, told)
    await tx.flush()
    count = len(subjects) + len(faulty)
    _pace(tx.database).learn(count, monotonic() - began)
    return Step(
        done=operation.done + count,
        cursor={"after": page.last, "told": told},
        result=_figures(operation, taken, count, len(faulty)),
        finished=page.is_last,
    )


async def _write(
    tx: Transaction, operation: Operation, plan: Plan, subjects: Sequence[LockedSubject]
) -> list[_Taken]:
    """Take subjects over and write them, part by part: while the database writes one, the next is taken over."""
    if not subjects:
        return []
    pins, out = _pins(subjects[0].book, plan), list[_Taken]()
    async with AsyncExitStack() as stack:
        for first in range(0, len(subjects), PART_SIZE):
            part = subjects[first : first + PART_SIZE]
            found = (_take_over(one, plan, pins, with_levels=True) for one in part)
            taken = [one for one in found if one is not None]
            await stack.aclose()
            await _hold(tx, operation, taken)
            out += taken
            if tx.database.kind == "postgresql" and first + PART_SIZE < len(subjects):
                await stack.enter_async_context(_leaving(tx))
    return out


async def _hold(tx: Transaction, operation: Operation, taken: Sequence[_Taken]) -> None:
    for one in taken:
        await service.write_fact(tx, one.subject, one.fact)
    await service.write_courses(tx, [one.subject for one in taken], [one.course for one in taken])
    await _list_moves(tx, operation, taken)


@asynccontextmanager
async def _leaving(tx: Transaction) -> AsyncIterator[None]:
    """Let what is held leave while the block computes; until its end nothing else may be asked of the transaction."""
    flushing = asyncio.ensure_future(tx.flush())
    await asyncio.sleep(0)  # so that it is sent before we compute
    try:
        yield
    finally:
        await flushing


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


KINDS = {
    PREVIEW: Kind(_note_preview, _look, ahead=_after_preview),
    RETARGET: Kind(_retarget, _read, ended=_tell, ahead=_following),
}
