"""When tiers are computed (SOP CU-9): after a change, when an override ends, every night, and when somebody asks.

A row of `customer_tiers` says when its customer is looked at next. Scores are computed and kept by the batch; a tier
that changes is written in a transaction of its own, since it locks whatever open promises the customer has.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from app import writing
from app.customers import history_queries as queries
from app.customers import manager_notices
from app.customers.models import CustomerTier
from app.customers.tier_schemas import TierSource
from app.customers.tiers import follow, known_of, local_date
from app.database import SYSTEM, Database, Reader, Transaction
from app.lifecycle import service as lifecycles
from app.operations.runner import Kind, Operation, Step
from app.outbox.relay import Handler, Message
from app.statements import Row
from app.tiering import service as tiering
from app.tiering.scoring import Score, TierPolicy, read_policy, score

BATCH_SIZE = 500
EXAMPLES_MAX = 50
PUT_OFF = timedelta(hours=1)
# The night's work is spread: from two until six, a minute by a customer's key.
NIGHT_BEGINS, NIGHT_MINUTES = time(2), 240
log = structlog.get_logger("huiying.tiers")


def next_night(after: datetime, key: int, zone: ZoneInfo) -> datetime:
    """Return the next instant after `after` at which the customer of this key is looked at anyway."""
    on = after.astimezone(zone).date()
    at = after
    while at <= after:
        begins = datetime.combine(on, NIGHT_BEGINS, zone)
        at = (begins + timedelta(minutes=key % NIGHT_MINUTES)).astimezone(after.tzinfo)
        on += timedelta(days=1)
    return at


async def mark_changed(tx: Transaction, messages: Sequence[Message]) -> None:
    """Have the tiers of customers who changed looked at again; a handler."""
    ids = sorted({str(one.subject_id) for one in messages})
    rows = await tx.peek(queries.TIERS_LOCKED_BY_PUBLIC_ID, public_ids=ids)
    marked = [{"id": row["id"], "compute_at": messages[0].now} for row in rows]
    await writing.update_many(tx, CustomerTier, marked)


HANDLERS: Mapping[str, tuple[Handler, ...]] = {
    "customer.updated": (mark_changed,),
    "customer.stage_changed": (mark_changed,),
}


# --- what the policy says of many


@dataclass(frozen=True, slots=True)
class Judged:
    """A customer's row with its score; `source` says why his tier is to be written anew, None where it stays."""

    row: Row
    score: Score
    source: TierSource | None


async def judge_rows(
    reader: Reader, database: Database, rows: Iterable[Row], policy: TierPolicy
) -> list[Judged]:
    """Return what a policy says of customers' rows."""
    lifecycle = await lifecycles.read_current(reader, database)
    found = []
    for row in rows:
        known = known_of(policy, lifecycle, row, local_date(database, row["now"]))
        judged = score(policy, known)
        found.append(Judged(row, judged, _source(row, judged)))
    return found


def _source(row: Row, judged: Score) -> TierSource | None:
    if row["tier_is_overridden"]:
        return TierSource.OVERRIDE_EXPIRED if row["tier_override_ends_at"] <= row["now"] else None
    return TierSource.COMPUTED if judged.tier.value != row["tier"] else None


# --- the job


async def compute_tiers(database: Database) -> int:
    """Compute the tiers whose time has come; returns how many. One that cannot be written is put off for an hour."""
    count = 0
    while True:
        async with database.transaction(SYSTEM) as tx:
            due = await tx.all(queries.DUE, batch_size=BATCH_SIZE)
            moving = await _keep(tx, [row["customer_id"] for row in due])
        if not due:
            return count
        count += len(due)
        await _move_all(database, moving)


async def _keep(tx: Transaction, keys: Sequence[int]) -> list[Judged]:
    """Judge customers whose `customer_tiers` are held and write their scores.

    Returns those whose tier is to be written anew; theirs stay due.
    """
    if not keys:
        return []
    policy = await tiering.read_current(tx, tx.database)
    rows = await tx.all(queries.BY_KEYS, keys=list(keys))
    judged = await judge_rows(tx, tx.database, rows, policy)
    staying = [one for one in judged if one.source is None]
    asked = await manager_notices.ask(tx, [one.row for one in staying])
    values = [_kept(tx.database, one, policy, asked) for one in staying]
    await writing.update_many(tx, CustomerTier, values)
    return [one for one in judged if one.source is not None]


def _kept(
    database: Database, one: Judged, policy: TierPolicy, asked: Mapping[int, datetime]
) -> dict[str, Any]:
    """Return the row of `customer_tiers` of a customer whose tier stands."""
    row, zone = one.row, ZoneInfo(database.settings.zone)
    following = next_night(row["now"], row["id"], zone)
    if row["tier_is_overridden"]:
        following = min(following, row["tier_override_ends_at"])
    return {
        "id": row["tier_key"],
        "tier": one.score.tier.value,
        "score": one.score.value,
        "points": one.score.points,
        "policy_version": policy.number,
        "computed_at": row["now"],
        "compute_at": following,
        "manager_asked_at": asked[row["id"]],
    }


async def _move_all(database: Database, moving: Iterable[Judged]) -> Counter[tuple[str, str]]:
    """Write the tiers that change, each in a transaction of its own; returns how many moved from which to which."""
    moved: Counter[tuple[str, str]] = Counter()
    for one in moving:
        try:
            async with database.transaction(SYSTEM) as tx:
                step = await _move(tx, one.row["id"])
        except Exception:
            log.exception("tier_not_computed", customer_id=str(one.row["public_id"]))
            await _put_off(database, one.row)
            continue
        if step is not None:
            moved[step] += 1
    return moved


async def _move(tx: Transaction, customer_key: int) -> tuple[str, str] | None:
    """Judge a customer again under his lock, and write what has changed; returns from which tier to which."""
    row = await tx.one(queries.ONE_LOCKED, customer_key=customer_key)
    if row is None:
        return None
    row = {**row, "now": await tx.now()}  # after the lock
    policy = await tiering.read_current(tx, tx.database)
    (judged,) = await judge_rows(tx, tx.database, [row], policy)
    if judged.source is None:
        return None
    after = await follow(tx, row, judged.score, judged.source, row["now"])
    return (row["tier"], after["tier"]) if row["tier"] != after["tier"] else None


async def _put_off(database: Database, row: Row) -> None:
    async with database.transaction(SYSTEM) as tx:
        at = await tx.now() + PUT_OFF
        await writing.change_set(tx, CustomerTier, queries.MARK, customer_keys=[row["id"]], at=at)


# --- long work: a preview, and computing all anew


@dataclass(slots=True)
class _Page:
    """A page of customers as it was looked at: where it ends, and what it adds to the result."""

    count: int
    last: int
    overridden: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)


async def _look(database: Database, operation: Operation) -> _Page:
    """Judge a page of customers by the policy to be previewed; nothing is written."""
    rows = await database.all(queries.PAGE, after=operation.cursor or 0, batch_size=BATCH_SIZE)
    document = operation.parameters["document"]
    policy = read_policy(document, operation.parameters["after"] + 1)
    page = _Page(len(rows), rows[-1]["id"] if rows else 0)
    for one in await judge_rows(database, database, rows, policy):
        if one.source is not TierSource.COMPUTED:
            page.overridden += bool(one.row["tier_is_overridden"])
            continue
        tiers = (str(one.row["tier"]), one.score.tier.value)
        page.moves[tiers] += 1
        if len(page.examples) < EXAMPLES_MAX:
            page.examples.append(_example(one))
    return page


def _example(one: Judged) -> dict[str, Any]:
    return {
        "customer_id": one.row["public_id"],
        "number": one.row["number"],
        "from": one.row["tier"],
        "to": one.score.tier.value,
        "score": str(one.score.value),
    }


async def _compute_page(database: Database, operation: Operation) -> _Page:
    """Compute a page of customers anew, as the job does; who has no row of `customer_tiers` yet gets one."""
    after = operation.cursor or 0
    async with database.transaction(SYSTEM) as tx:
        rows = await tx.all(queries.PAGE_KEYS, after=after, batch_size=BATCH_SIZE)
        keys = [row["id"] for row in rows]
        known = {row["customer_id"] for row in await tx.all(queries.TIERS_LOCKED, keys=keys)}
        at = await tx.now()
        for key in keys:
            if key not in known:
                await writing.insert(tx, CustomerTier, customer_id=key, compute_at=at)
        moving = await _keep(tx, keys)
    moves = await _move_all(database, moving)
    return _Page(len(rows), keys[-1] if keys else 0, moves=moves)


async def _note_page(tx: Transaction, operation: Operation, page: _Page) -> Step:
    total = operation.total
    if total is None:
        total = await tx.value(queries.COUNT)
    return Step(
        done=operation.done + page.count,
        cursor=page.last,
        total=total,
        result=_added(operation.result, page, operation.done + page.count),
        finished=page.count < BATCH_SIZE,
    )


def _added(known: Mapping[str, Any], page: _Page, done: int) -> dict[str, Any]:
    moves = Counter({(one["from"], one["to"]): one["count"] for one in known.get("moves", ())})
    moves += page.moves
    examples = [*known.get("examples", ()), *page.examples][:EXAMPLES_MAX]
    return {
        "customers": done,
        "changed": moves.total(),
        "overridden": known.get("overridden", 0) + page.overridden,
        "moves": [
            {"from": before, "to": after, "count": count}
            for (before, after), count in sorted(moves.items())
        ],
        "examples": examples,
    }


KINDS = {
    tiering.PREVIEW: Kind(_note_page, _look),
    tiering.RECOMPUTE: Kind(_note_page, _compute_page),
}
