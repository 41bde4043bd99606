"""Does long work batch by batch: every batch, its progress and where the next one begins are one transaction.

So a worker that dies loses the batch it was in, and nothing else: when its lease has run out, another takes over
from the last batch written, and what was written once is not written again. A kind of work is a `Kind`; composition
says which there are (`subscribers.OPERATIONS`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import structlog

from app import writing
from app.database import Actor, Database, Transaction
from app.errors import FieldError, Refusal, Unavailable
from app.faults import pass_by
from app.operations import queries
from app.operations.models import OperationRow
from app.statements import Row
from app.time import monotonic, real_now

LEASE = timedelta(seconds=30)
RUN_SECONDS = 2.0  # then it is another operation's turn
FAILURES_MAX = 5
BACKOFF_SECONDS = (1, 5, 15, 30)
RESULT_BYTES_MAX = 65_536
log = structlog.get_logger("huiying.operations")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a kind is told of the work: whose it is, what was asked, and where the next batch begins (None: at the start)."""

    id: int
    public_id: str
    user_id: int | None
    parameters: Mapping[str, Any]
    cursor: Any
    done: int
    total: int | None
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch leaves: how much is done by now, of how much, where the next begins, the result so far.

    All but `finished` must be JSON; a result takes at most 64 KiB, so lists in it are cut and counted.
    """

    done: int
    cursor: Any = None
    total: int | None = None
    result: Mapping[str, Any] | None = None
    finished: bool = False


async def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of long work.

    `step(tx, operation, prepared)` does the next batch, about 100 ms of writing at most, in a transaction whose actor
    is whoever asked. `prepare(database, operation)` is called before it, outside of any transaction, for what needs
    none: reading, computing, rendering. `ended(tx, operation)` is called in the transaction in which the operation
    ends, however that is. A `Refusal` raised by any of them ends it at once as failed; whatever else goes wrong is
    tried again a few times.

    `ahead(operation, prepared)` returns the operation as `prepare` will be told of it after that batch, None where
    nothing follows. With it the following batch is prepared on PostgreSQL while the database writes this one.
    """

    step: Callable[[Transaction, Operation, Any], Awaitable[Step]]
    prepare: Callable[[Database, Operation], Awaitable[Any]] = _nothing
    ended: Callable[[Transaction, Operation], Awaitable[None]] = _nothing
    ahead: Callable[[Operation, Any], Operation | None] | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """An operation that this process has taken up."""

    kind: Kind
    lease: int
    actor: Actor


class _Lost(Exception):
    """Somebody else has taken the operation up meanwhile."""


@dataclass(slots=True)
class _Preparing:
    """Prepares batches of an operation: one when it is asked for, the following one while that is written."""

    database: Database
    kind: Kind
    following: asyncio.Task[Any] | None = None

    async def take(self, operation: Operation) -> Any:
        """Return what the next batch needs."""
        task, self.following = self.following, None
        if task is not None:
            return await task
        return await self.kind.prepare(self.database, operation)

    def go_on(self, operation: Operation, prepared: Any) -> None:
        """Begin with the batch after the one that was prepared."""
        if self.kind.ahead is None or self.database.kind != "postgresql":
            return
        after = self.kind.ahead(operation, prepared)
        if after is not None:
            self.following = asyncio.ensure_future(self.kind.prepare(self.database, after))

    async def leave(self) -> None:
        """Let go of what was prepared and is not needed."""
        if self.following is not None:
            await asyncio.wait([self.following])
            self.following.exception()


async def run(
    database: Database, kinds: Mapping[str, Kind], *, seconds: float = RUN_SECONDS
) -> int:
    """Work for a while on what waits, whoever waits longest first; returns how many batches were written."""
    until, count = monotonic() + seconds, 0
    while monotonic() < until:
        taken = await _take(database, kinds)
        if taken is None:
            break
        with suppress(_Lost):
            count += await _work(database, *taken, until)
    return count


async def _take(database: Database, kinds: Mapping[str, Kind]) -> tuple[_Held, Operation] | None:
    async with database.transaction() as tx:
        now = real_now()
        rows = await tx.run(queries.CLAIM, {"kinds": sorted(kinds), "real_now": now})
        if not rows:
            return None
        row = rows[0]
        began = {} if row["state"] == "running" else {"state": "running", "started_at": now}
        lease = {"lease": row["lease"] + 1, "lease_until": now + LEASE}
        await writing.update_many(tx, OperationRow, [{"id": row["id"], **lease, **began}])
    actor = Actor(user_id=row["user_id"], name=row["user_name"] or "system")
    return _Held(kinds[row["kind"]], lease["lease"], actor), _operation(row)


def _operation(row: Row) -> Operation:
    return Operation(
        id=row["id"],
        public_id=row["public_id"],
        user_id=row["user_id"],
        parameters=row["parameters"],
        cursor=row["cursor"],
        done=row["done_count"],
        total=row["total_count"],
        result=row["result"] or {},
    )


async def _work(database: Database, held: _Held, operation: Operation, until: float) -> int:
    """Do batches until it has ended, failed, or time is over; returns how many were written."""
    preparing = _Preparing(database, held.kind)
    try:
        return await _work_on(preparing, held, operation, until)
    finally:
        await preparing.leave()


async def _work_on(preparing: _Preparing, held: _Held, operation: Operation, until: float) -> int:
    database, count = preparing.database, 0
    while True:
        began = monotonic()
        try:
            following = await _batch(preparing, held, operation, until)
        except _Lost:
            raise
        except Exception as error:
            log.exception("operation_failed", operation=operation.public_id)
            await _put_off(database, held, operation, error)
            return count
        count += 1
        if following is None:
            return count
        operation = following
        if monotonic() >= until:
            await _release(database, held, operation)
            return count
        # The one writer of SQLite is left to others for as long as it was held.
        await asyncio.sleep(monotonic() - began if database.kind == "sqlite" else 0)


async def _batch(
    preparing: _Preparing, held: _Held, operation: Operation, until: float
) -> Operation | None:
    """Do one batch and return the operation as it goes on, None when it has ended."""
    prepared = await preparing.take(operation)
    if monotonic() < until:
        preparing.go_on(operation, prepared)
    async with preparing.database.transaction(held.actor) as tx:
        row = await _fence(tx, held, operation)
        if row["cancel_requested"]:
            await _end(tx, held, operation, "cancelled")
            return None
        step = await held.kind.step(tx, operation, prepared)
        pass_by("operation.after")
        following = _following(operation, step)
        if step.finished:
            await _end(tx, held, following, "done")
            return None
        await _write(tx, following, lease_until=real_now() + LEASE, failure_count=0)
    return following


async def _fence(tx: Transaction, held: _Held, operation: Operation) -> Row:
    rows = await tx.run(queries.HELD, {"key": operation.id, "lease_seen": held.lease})
    if not rows:
        raise _Lost
    return rows[0]


def _following(operation: Operation, step: Step) -> Operation:
    result = operation.result if step.result is None else step.result
    if len(orjson.dumps(result)) > RESULT_BYTES_MAX:
        raise ValueError(f"the result of {operation.public_id} is longer than {RESULT_BYTES_MAX}")
    return Operation(
        id=operation.id,
        public_id=operation.public_id,
        user_id=operation.user_id,
        parameters=operation.parameters,
        cursor=step.cursor,
        done=step.done,
        total=operation.total if step.total is None else step.total,
        result=result,
    )


async def _end(
    tx: Transaction,
    held: _Held,
    operation: Operation,
    state: str,
    error: Mapping[str, Any] | None = None,
) -> None:
    await held.kind.ended(tx, operation)
    await _finish(tx, operation, state, error)


async def _finish(
    tx: Transaction, operation: Operation, state: str, error: Mapping[str, Any] | None
) -> None:
    await _write(tx, operation, state=state, finished_at=real_now(), error=error)


async def _write(tx: Transaction, operation: Operation, **values: Any) -> None:
    row = {
        "id": operation.id,
        "cursor": operation.cursor,
        "done_count": operation.done,
        "total_count": operation.total,
        "result": operation.result or None,
        **values,
    }
    await writing.update_many(tx, OperationRow, [row])


async def _release(database: Database, held: _Held, operation: Operation) -> None:
    async with database.transaction() as tx:
        await _fence(tx, held, operation)
        row = {"id": operation.id, "lease_until": real_now()}
        await writing.update_many(tx, OperationRow, [row])


async def _put_off(database: Database, held: _Held, operation: Operation, error: Exception) -> None:
    """End it as failed, where trying again is of no use (any more); else try again a little later."""
    passing = isinstance(error, Unavailable) or getattr(error, "code", "") == "busy_try_again"
    refused = isinstance(error, Refusal) and not passing
    async with database.transaction(held.actor) as tx:
        count = (await _fence(tx, held, operation))["failure_count"] + 1
        if not refused and (passing or count < FAILURES_MAX):
            wait = timedelta(seconds=BACKOFF_SECONDS[min(count, len(BACKOFF_SECONDS)) - 1])
            row = {"id": operation.id, "failure_count": count, "lease_until": real_now() + wait}
            await writing.update_many(tx, OperationRow, [row])
            return
    told = error_of(error)
    try:
        async with database.transaction(held.actor) as tx:
            await _fence(tx, held, operation)
            await _end(tx, held, operation, "failed", told)
    except _Lost:
        raise
    except Exception:
        log.exception("operation_not_ended_well", operation=operation.public_id)
        async with database.transaction(held.actor) as tx:
            await _fence(tx, held, operation)
            await _finish(tx, operation, "failed", told)


def error_of(error: Exception) -> dict[str, Any]:
    """Return what is kept of an error: a refusal's code, values and fields; of anything else only that it was ours."""
    if not isinstance(error, Refusal):
        return {"code": "internal_error", "status": 500, "values": {}, "errors": []}
    errors = [
        {"pointer": one.pointer, "code": one.code, "values": dict(one.values)}
        for one in error.errors
    ]
    values = orjson.loads(orjson.dumps(error.values, default=str))
    return {"code": error.code, "status": error.status, "values": values, "errors": errors}


class OperationFailed(Refusal):
    """The refusal or fault that ended an operation, as it is told afterwards."""

    def __init__(self, kept: Mapping[str, Any]) -> None:
        fields = [FieldError(one["pointer"], one["code"], one["values"]) for one in kept["errors"]]
        super().__init__(kept["code"], errors=fields, **kept["values"])
        self.status = kept["status"]  # type: ignore[misc]
