"""The relay: hands committed messages on. Handlers' effects are recorded exactly once, sends go out at least once.

A *handler* works in the database: its effects and the message's end are one transaction. A *sender* speaks to the
outside: the message is leased first, sent with no transaction open, and settled afterwards; a crash between means
it is sent again under the same id. What keeps failing ends as `dead`, visible and re-queueable.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, func, select

from app import writing
from app.database import Database, Transaction
from app.faults import pass_by
from app.outbox.models import OutboxMessage
from app.statements import DomainNow, Row, Statement
from app.time import FAR_END

ATTEMPTS_MAX = 8
LEASE = timedelta(seconds=60)
BACKOFF_SECONDS = (5, 30, 120, 600, 1800, 7200, 21600)
log = structlog.get_logger("huiying.relay")

Handler = Callable[[Transaction, "Message"], Awaitable[None]]
Sender = Callable[[Database, "Message"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message as handlers see it; `now` is the domain's instant of the claim."""

    id: int
    public_id: str
    event: str
    subject_type: str | None
    subject_id: str | None
    payload: Mapping[str, Any]
    occurred_at: datetime
    attempts: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Who handles what: event name -> handlers (in the database) and at most one sender (outside)."""

    handlers: Mapping[str, Sequence[Handler]] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)


@dataclass(slots=True)
class RelayResult:
    """What one run did."""

    settled_count: int = 0
    failed_count: int = 0


_COLUMNS = list(OutboxMessage.__table__.columns)
_due = (
    select(*_COLUMNS)
    .where(OutboxMessage.state == "pending", OutboxMessage.attempt_at <= DomainNow())
    .order_by(OutboxMessage.attempt_at, OutboxMessage.id)
    .limit(bindparam("batch_size", type_=OutboxMessage.id.type))
)
_locked = _due.with_for_update(skip_locked=True).cte("due").prefix_with("MATERIALIZED")
CLAIM_POSTGRESQL = Statement(select(*_locked.c, DomainNow().label("now")))
_listed = _due.cte("due")
CLAIM_SQLITE = Statement(select(*_listed.c, DomainNow().label("now")))
ONE = Statement(select(*_COLUMNS).where(OutboxMessage.public_id == bindparam("public_id")))
OF_STATE = Statement(
    select(*_COLUMNS)
    .where(OutboxMessage.state == bindparam("state"))
    .order_by(OutboxMessage.id)
    .limit(bindparam("list_limit", type_=OutboxMessage.id.type))
)
COUNTS = Statement(
    select(OutboxMessage.state, func.count().label("count"))
    .where(OutboxMessage.state != "done")
    .group_by(OutboxMessage.state)
)


async def relay(
    database: Database, subscriptions: Subscriptions, *, batches_max: int = 10_000
) -> RelayResult:
    """Settle every message that is due, batch by batch, until nothing is due; returns what was done."""
    result = RelayResult()
    for _ in range(batches_max):
        if not await _batch(database, subscriptions, database.settings.relay_batch, result):
            break
    return result


async def _batch(database: Database, subs: Subscriptions, size: int, result: RelayResult) -> int:
    leased: list[Message] = []
    claimed: list[Message] = []
    try:
        async with database.transaction() as tx:
            pass_by("claim.before")
            claimed = await _claim(tx, size)
            pass_by("claim.after")
            leased = [one for one in claimed if one.event in subs.senders]
            settled = [one for one in claimed if one.event not in subs.senders]
            for message in settled:
                for handler in subs.handlers.get(message.event, ()):
                    await handler(tx, message)
            await _settle(tx, settled)
            await _lease(tx, leased)
    except Exception as error:
        if size == 1 and claimed:
            await _fail(database, claimed[0], error)
            result.failed_count += 1
            return 1
        if size == 1:
            raise
        log.exception("relay_batch_failed", size=size)
        return await _one_by_one(database, subs, size, result)
    result.settled_count += len(claimed) - len(leased)
    for message in leased:
        await _send(database, subs.senders[message.event], message, result)
    return len(claimed)


async def _one_by_one(
    database: Database, subs: Subscriptions, size: int, result: RelayResult
) -> int:
    for number in range(size):
        if not await _batch(database, subs, 1, result):
            return number
    return size


async def _claim(tx: Transaction, size: int) -> list[Message]:
    statement = CLAIM_POSTGRESQL if tx.database.kind == "postgresql" else CLAIM_SQLITE
    return [_message(row) for row in await tx.run(statement, {"batch_size": size})]


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        public_id=row["public_id"],
        event=row["event"],
        subject_type=row["subject_type"],
        subject_id=row["subject_id"],
        payload=row["payload"],
        occurred_at=row["occurred_at"],
        attempts=row["attempts"],
        now=row["now"],
    )


async def _settle(tx: Transaction, messages: Sequence[Message]) -> None:
    rows = [
        {"id": one.id, "state": "done", "settled_at": one.now, "attempts": one.attempts + 1}
        for one in messages
    ]
    await writing.update_many(tx, OutboxMessage, rows)


async def _lease(tx: Transaction, messages: Sequence[Message]) -> None:
    rows = [
        {"id": one.id, "attempt_at": one.now + LEASE, "attempts": one.attempts + 1}
        for one in messages
    ]
    await writing.update_many(tx, OutboxMessage, rows)


async def _send(database: Database, sender: Sender, message: Message, result: RelayResult) -> None:
    try:
        pass_by("send.before")
        await sender(database, message)
        pass_by("send.after")
    except Exception as error:  # noqa: BLE001 - whatever a sender raises puts its message off, with the reason
        await _fail(database, message, error)
        result.failed_count += 1
        return
    async with database.transaction() as tx:
        await _settle(tx, [message])
    result.settled_count += 1


async def _fail(database: Database, message: Message, error: Exception) -> None:
    """Put a message off with what went wrong; the last attempt makes it dead."""
    attempts = message.attempts + 1
    dead = attempts >= ATTEMPTS_MAX
    log.warning(
        "message_failed",
        message=message.public_id,
        event_name=message.event,
        attempts=attempts,
        dead=dead,
    )
    wait = timedelta(seconds=BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1])
    row = {
        "id": message.id,
        "state": "dead" if dead else "pending",
        "attempts": attempts,
        "attempt_at": FAR_END if dead else message.now + wait,
        "last_error": f"{type(error).__name__}: {error}"[:1000],
    }
    async with database.transaction() as tx:
        await writing.update_many(tx, OutboxMessage, [row])


async def list_messages(database: Database, state: str, limit: int) -> list[Row]:
    """Return the oldest messages in a state (`pending`, `dead`, `done`)."""
    return await database.all(OF_STATE, state=state, list_limit=limit)


async def requeue(database: Database, public_id: str) -> bool:
    """Make a dead message pending again with fresh attempts; False when there is no such dead message."""
    async with database.transaction() as tx:
        row = await tx.one(ONE, public_id=public_id)
        if row is None or row["state"] != "dead":
            return False
        values = {"id": row["id"], "state": "pending", "attempts": 0, "attempt_at": await tx.now()}
        await writing.update_many(tx, OutboxMessage, [values])
    return True


async def counts(database: Database) -> dict[str, int]:
    """Return how many messages are pending and dead."""
    return {row["state"]: row["count"] for row in await database.all(COUNTS)}
