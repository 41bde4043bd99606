"""Pairs that look like one customer: found by the scan, and decided by somebody who knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.customers import search_queries
from app.customers import service as customers
from app.customers.candidates import find_candidates
from app.customers.search import profile_of
from app.database import Database, Transaction
from app.duplicates import queries
from app.duplicates.models import DuplicateReview
from app.errors import Conflict, NotFound
from app.operations import service as operations
from app.operations.runner import Kind, Operation, Step
from app.statements import Row

SCAN = "customers.scan_duplicates"
BATCH_SIZE = 50


async def lock_review(tx: Transaction, public_id: str) -> Row:
    """Return a review's row, held; raises `NotFound`."""
    row = await tx.one(queries.REVIEW_ROW, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def dismiss(tx: Transaction, principal: Principal, review: Row, note: str) -> Row:
    """Keep that a pair are two customers, and return its row.

    Raises `NotPermitted` for who may not merge both, `Conflict` once it was decided or one of them was merged.
    """
    if review["state"] != "open":
        raise Conflict("review_decided")
    both = await tx.all(queries.BY_KEY, keys=[review["one_id"], review["other_id"]])
    for row in both:
        await customers.lock_to_merge(tx, principal, row["public_id"])
    decided = {"decided_by": principal.user_id, "decided_at": await tx.now()}
    return await writing.update(
        tx, DuplicateReview, review, state="dismissed", note=note, **decided
    )


# --- the scan


@dataclass(frozen=True, slots=True)
class Pair:
    """Two customers by key, the older first, and how like they are."""

    one_id: int
    other_id: int
    score: int
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the next customers are like."""

    keys: Sequence[int]
    pairs: Sequence[Pair]


async def start_scan(tx: Transaction) -> dict[str, Any]:
    """Hold back the operation that compares every customer with those like him, and return its row."""
    return await operations.start(tx, SCAN, {})


async def _look(database: Database, operation: Operation) -> _Batch:
    """Compare the next customers, outside of any transaction."""
    rows = await database.all(
        queries.NEXT_CUSTOMERS, after=operation.cursor or 0, batch_size=BATCH_SIZE
    )
    keys = [row["id"] for row in rows]
    sources = await database.all(search_queries.SOURCES, keys=keys) if keys else []
    pairs: dict[tuple[int, int], Pair] = {}
    for source in sources:
        found = await find_candidates(database, database.kind, profile_of(source), but=source["id"])
        for one in found:
            if one.likeness.is_suspected:
                first, second = sorted((source["id"], one.source["id"]))
                reasons = [reason.value for reason in one.likeness.reasons]
                score = round(one.likeness.score * 100)
                pairs[first, second] = Pair(first, second, score, reasons)
    return _Batch(keys, list(pairs.values()))


async def _write(tx: Transaction, operation: Operation, batch: _Batch) -> Step:
    """Keep the pairs that nobody has seen; a decided pair stays decided."""
    ends = sorted({key for pair in batch.pairs for key in (pair.one_id, pair.other_id)})
    rows = await tx.all(queries.KNOWN_PAIRS, keys=ends) if ends else []
    known = {(row["one_id"], row["other_id"]) for row in rows}
    new = [pair for pair in batch.pairs if (pair.one_id, pair.other_id) not in known]
    at = await tx.now()
    for pair in new:
        await writing.insert(
            tx,
            DuplicateReview,
            one_id=pair.one_id,
            other_id=pair.other_id,
            score=pair.score,
            reasons=list(pair.reasons),
            created_at=at,
        )
    done = operation.done + len(batch.keys)
    found = operation.result.get("found_count", 0) + len(new)
    return Step(
        done=done,
        cursor=batch.keys[-1] if batch.keys else operation.cursor,
        result={"found_count": found, "compared_count": done},
        finished=len(batch.keys) < BATCH_SIZE,
    )


KINDS = {SCAN: Kind(_write, _look)}
