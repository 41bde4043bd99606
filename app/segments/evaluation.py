"""Keeps memberships true: of the customers that an event concerns at once, of everybody when a segment is due.

The database says who enters and who leaves; only these travel. Whoever evaluates holds one lock, so that what he
read is still true when he writes, and a membership is never opened twice. Whole evaluations go page by page, each in
its own transaction, and may be broken off anywhere: what is done stays done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, select

from app import writing
from app.database import Database, Transaction
from app.fields.service import read_book as read_fields
from app.segments.compiling import Clock, Compiled, compile_document
from app.segments.condition import ConditionInvalid
from app.segments.models import Segment, SegmentEvaluation, SegmentMember
from app.sla.book import read_book
from app.statements import DomainNow, Row, Statement
from app.time import FAR_END

LOCK = 7_105_206
PAGE_SIZE = 2000
NIGHTLY_HOUR = 2  # local time of the working calendar
PUT_OFF = timedelta(hours=1)
log = structlog.get_logger("huiying.segments")

_segment, _evaluation = Segment.__table__.c, SegmentEvaluation.__table__.c
_SEGMENTS = select(
    _segment.id,
    _segment.condition,
    _segment.is_active,
    _segment.version,
    _evaluation.id.label("evaluation_key"),
    _evaluation.due_at,
    _evaluation.member_count,
).join_from(Segment.__table__, SegmentEvaluation.__table__, _evaluation.segment_id == _segment.id)
ACTIVE = Statement(_SEGMENTS.where(_segment.is_active).order_by(_segment.id))
ONE = Statement(_SEGMENTS.where(_segment.id == bindparam("segment_key")))
DUE = Statement(_SEGMENTS.where(_evaluation.due_at <= DomainNow()).order_by(_segment.id))


@dataclass(frozen=True, slots=True)
class Moved:
    """How many customers entered and left."""

    entered: int
    left: int


async def evaluate_customers(tx: Transaction, keys: Sequence[int]) -> None:
    """Let these customers enter and leave every active segment as they stand now."""
    if not keys:
        return
    await tx.flush()
    await tx.lock_name(LOCK, wait=True)
    segments = await tx.all(ACTIVE)
    if not segments:
        return
    clock, book = await _clock(tx), await read_fields(tx, tx.database)
    for segment in segments:
        try:
            compiled = compile_document(segment["condition"], book)
        except ConditionInvalid:
            log.exception("segment_not_compiled", segment=segment["id"])
            continue  # the night reports it too; others must not wait
        given = {**compiled.given(clock), "segment_key": segment["id"], "keys": sorted(keys)}
        entering = await tx.all(compiled.entering_of, **given)
        leaving = await tx.all(compiled.leaving_of, **given)
        await _move(tx, segment, entering, leaving, clock.now)


async def evaluate_due(database: Database) -> int:
    """Look at every segment that is due, whole; returns how many. One that cannot be is put off and holds up no other."""
    done = 0
    for segment in await database.all(DUE):
        try:
            done += await _evaluate_whole(database, segment["id"])
        except Exception:
            log.exception("segment_not_evaluated", segment=segment["id"])
            async with database.transaction() as tx:
                at = await tx.now() + PUT_OFF
                row = {"id": segment["evaluation_key"], "due_at": at}
                await writing.update_many(tx, SegmentEvaluation, [row])
    return done


async def _evaluate_whole(database: Database, segment_key: int) -> bool:
    """Walk over all customers; False where somebody else has done it meanwhile."""
    async with database.transaction() as tx:
        await tx.lock_name(LOCK, wait=True)
        segment, clock = await tx.one(ONE, segment_key=segment_key), await _clock(tx)
    if segment is None or segment["due_at"] > clock.now:
        return False
    if segment["is_active"]:
        compiled = compile_document(segment["condition"], await read_fields(database, database))
        for statement in (compiled.entering, compiled.leaving):
            await _walk(database, segment, compiled, statement)
    return await _note(database, segment, clock)


async def _walk(database: Database, segment: Row, compiled: Compiled, statement: Statement) -> None:
    after, is_entering = 0, statement is compiled.entering
    while True:
        async with database.transaction() as tx:
            await tx.lock_name(LOCK, wait=True)
            current = await tx.one(ONE, segment_key=segment["id"])
            if current is None or current["version"] != segment["version"]:
                return  # its condition has changed: it is due again
            clock = await _clock(tx)
            given = {"segment_key": segment["id"], "after": after, "page_size": PAGE_SIZE}
            rows = await tx.all(statement, **compiled.given(clock), **given)
            entering, leaving = (rows, ()) if is_entering else ((), rows)
            await _move(tx, current, entering, leaving, clock.now)
        if len(rows) < PAGE_SIZE:
            return
        after = rows[-1]["customer_id"]


async def _move(
    tx: Transaction,
    segment: Row,
    entering: Sequence[Mapping[str, Any]],
    leaving: Sequence[Mapping[str, Any]],
    at: datetime,
) -> None:
    if not entering and not leaving:
        return
    left = [{"id": row["id"], "left_at": at} for row in leaving]
    entered = [
        {"segment_id": segment["id"], "customer_id": row["customer_id"], "entered_at": at}
        for row in entering
    ]
    count = segment["member_count"] + len(entered) - len(left)
    evaluation = {"id": segment["evaluation_key"], "member_count": count}
    await writing.update_many(tx, SegmentMember, left)
    await writing.insert_many(tx, SegmentMember, entered)
    await writing.update_many(tx, SegmentEvaluation, [evaluation])


async def _note(database: Database, segment: Row, clock: Clock) -> bool:
    """Write down that it was looked at, and when next: in the night; one that is not active never again."""
    async with database.transaction() as tx:
        await tx.lock_name(LOCK, wait=True)
        current = await tx.one(ONE, segment_key=segment["id"])
        if current is None or current["version"] != segment["version"]:
            return True
        due_at = await next_night(tx, clock.now) if segment["is_active"] else FAR_END
        row = {"id": segment["evaluation_key"], "due_at": due_at, "evaluated_at": clock.now}
        await writing.update_many(tx, SegmentEvaluation, [row])
    return True


async def _clock(tx: Transaction) -> Clock:
    now = await tx.now()
    zone = (await read_book(tx)).working.timezone
    return Clock(now, now.astimezone(zone).date())


async def next_night(tx: Transaction, now: datetime) -> datetime:
    """Return the next instant at which segments are looked at whole."""
    local = now.astimezone((await read_book(tx)).working.timezone)
    tonight = local.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    following = tonight if tonight > local else tonight + timedelta(days=1)
    return following.astimezone(now.tzinfo)


async def count_matching(tx: Transaction, document: Any) -> int:
    """Return how many customers meet a condition now; raises `ConditionInvalid`."""
    compiled = compile_document(document, await read_fields(tx, tx.database))
    return int(await tx.value(compiled.count, **compiled.given(await _clock(tx))))
