"""The relay: hands committed messages on. Handlers' effects are recorded exactly once, sends go out at least once.

A *handler* works in the database: its effects and the messages' end are one transaction, for a whole batch; a batch
that fails is taken up again one by one, so that a poisoned message is isolated. What speaks to the outside is a
*sender* (`sending`). What keeps failing ends as `dead`, visible and re-queueable.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, func, literal_column, select, update

from app import writing
from app.database import Database, Transaction
from app.faults import pass_by
from app.outbox.models import OutboxMessage
from app.statements import DomainNow, Row, Statement, any_of
from app.time import FAR_END

ATTEMPTS_MAX = 8
BACKOFF_SECONDS = (5, 30, 120, 600, 1800, 7200, 21600)
log = structlog.get_logger("huiying.relay")


@dataclass(frozen=True, slots=True)
class Message:
    """A claimed message; `attempts` were made before, `now` is the domain's instant of the claim."""

    id: int
    public_id: str
    event: str
    subject_type: str | None
    subject_id: str | None
    payload: Mapping[str, Any]
    occurred_at: datetime
    attempts: int
    now: datetime


Handler = Callable[[Transaction, Sequence[Message]], Awaitable[None]]
Record = Callable[[Transaction], Awaitable[None]]
Sender = Callable[[Database, Message], Awaitable[Record | None]]


class Undeliverable(Exception):
    """No later attempt can succeed: the message is dead at once, until somebody re-queues it."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Who takes what: event name -> handlers (in the database), or one sender (to the outside), never both.

    A handler is given all messages of its event in a batch, oldest first. A sender is given one message outside any
    transaction; what it returns is written in the transaction that settles the message.
    """

    handlers: Mapping[str, Sequence[Handler]] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)


@dataclass(slots=True)
class RelayResult:
    """What one run did."""

    settled_count: int = 0
    failed_count: int = 0


# The states are literals, so that the partial indexes serve whatever plan the engine keeps.
PENDING = OutboxMessage.state == literal_column("'pending'")
DEAD = OutboxMessage.state == literal_column("'dead'")
DONE = OutboxMessage.state == literal_column("'done'")
DUE = OutboxMessage.attempt_at <= DomainNow()
_COLUMNS = list(OutboxMessage.__table__.columns)
_OF_SENDERS = any_of(OutboxMessage.event, "sent_events")


def _claims(sent: bool) -> tuple[Statement, Statement]:
    """Return the statements that claim due messages (PostgreSQL's, SQLite's), either to be sent or to be handled."""
    due = (
        select(*_COLUMNS)
        .where(PENDING, DUE, _OF_SENDERS if sent else ~_OF_SENDERS)
        .order_by(OutboxMessage.attempt_at, OutboxMessage.id)
        .limit(bindparam("batch_size", type_=OutboxMessage.id.type))
    )
    locked = due.with_for_update(skip_locked=True).cte("due").prefix_with("MATERIALIZED")
    listed = due.cte("due")
    return (
        Statement(select(*locked.c, DomainNow().label("now"))),
        Statement(select(*listed.c, DomainNow().label("now"))),
    )


CLAIM_HANDLED = _claims(sent=False)
CLAIM_SENT = _claims(sent=True)
PUT_OFF = Statement(
    update(OutboxMessage)
    .values(
        state=bindparam("new_state", type_=OutboxMessage.state.type),
        attempts=bindparam("new_attempts", type_=OutboxMessage.attempts.type),
        attempt_at=bindparam("new_attempt_at", type_=OutboxMessage.attempt_at.type),
        last_error=bindparam("error", type_=OutboxMessage.last_error.type),
    )
    .where(
        OutboxMessage.id == bindparam("key"),
        PENDING,
        OutboxMessage.attempts == bindparam("attempts_seen"),
    )
    .returning(OutboxMessage.id)
)
REQUEUE = Statement(
    update(OutboxMessage)
    .values(
        state="pending",
        attempts=0,
        attempt_at=bindparam("now", type_=OutboxMessage.attempt_at.type),
    )
    .where(OutboxMessage.public_id == bindparam("dead_id"), DEAD)
    .returning(OutboxMessage.id)
)
OF_STATE = Statement(
    select(*_COLUMNS)
    .where(OutboxMessage.state == bindparam("state"))
    .order_by(OutboxMessage.id)
    .limit(bindparam("list_limit", type_=OutboxMessage.id.type))
)
COUNTS = Statement(
    select(
        *(
            select(func.count()).select_from(OutboxMessage).where(*which).scalar_subquery().label(name)
            for name, which in (("pending", (PENDING,)), ("due", (PENDING, DUE)), ("dead", (DEAD,)))
        )
    )
)  # fmt: skip


async def relay(
    database: Database, subscriptions: Subscriptions, *, batches_max: int = 10_000
) -> RelayResult:
    """Hand every due message to its handlers, batch by batch, until none is due; returns what was done."""
    result = RelayResult()
    for _ in range(batches_max):
        if not await _batch(database, subscriptions, database.settings.relay_batch, result):
            break
    return result


async def _batch(database: Database, subs: Subscriptions, size: int, result: RelayResult) -> int:
    claimed: list[Message] = []
    try:
        async with database.transaction() as tx:
            pass_by("claim.before")
            claimed = await claim(tx, CLAIM_HANDLED, subs, size)
            pass_by("claim.after")
            await _hand_on(tx, subs, claimed)
            await settle(tx, claimed)
    except Exception as error:
        if not claimed:
            raise
        if len(claimed) > 1:
            log.exception("relay_batch_failed", count=len(claimed))
            return await _one_by_one(database, subs, len(claimed), result)
        await fail(database, claimed[0], error)
        result.failed_count += 1
        return 1
    result.settled_count += len(claimed)
    return len(claimed)


async def _one_by_one(
    database: Database, subs: Subscriptions, count: int, result: RelayResult
) -> int:
    for number in range(count):
        if not await _batch(database, subs, 1, result):
            return number
    return count


async def claim(
    tx: Transaction, statements: tuple[Statement, Statement], subs: Subscriptions, size: int
) -> list[Message]:
    """Lock up to `size` due messages of a kind (`CLAIM_...`), oldest due first; others skip them meanwhile."""
    postgresql, sqlite = statements
    statement = postgresql if tx.database.kind == "postgresql" else sqlite
    rows = await tx.run(statement, {"batch_size": size, "sent_events": sorted(subs.senders)})
    return [_message(row) for row in rows]


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


async def _hand_on(tx: Transaction, subs: Subscriptions, messages: Sequence[Message]) -> None:
    by_event: dict[str, list[Message]] = {}
    for message in messages:
        by_event.setdefault(message.event, []).append(message)
    for event, ones in by_event.items():
        for handler in subs.handlers.get(event, ()):
            await handler(tx, ones)


async def settle(tx: Transaction, messages: Sequence[Message]) -> None:
    """Write down that nothing is left to do for these messages."""
    rows = [
        {"id": one.id, "state": "done", "settled_at": one.now, "attempts": one.attempts + 1}
        for one in messages
    ]
    await writing.update_many(tx, OutboxMessage, rows)


async def fail(
    database: Database, message: Message, error: Exception, *, leased: bool = False
) -> None:
    """Put a message off with what went wrong; the last attempt, or an `Undeliverable`, makes it dead.

    Whoever took the message up meanwhile has moved its attempts on, and is not disturbed.
    """
    attempts = message.attempts + 1
    dead = attempts >= ATTEMPTS_MAX or isinstance(error, Undeliverable)
    log.warning(
        "message_failed",
        message=message.public_id,
        event_name=message.event,
        attempts=attempts,
        dead=dead,
        reason=type(error).__name__,
    )
    wait = timedelta(seconds=BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1])
    async with database.transaction() as tx:
        await writing.change_set(
            tx,
            OutboxMessage,
            PUT_OFF,
            key=message.id,
            attempts_seen=attempts if leased else message.attempts,
            new_state="dead" if dead else "pending",
            new_attempts=attempts,
            new_attempt_at=FAR_END if dead else await tx.now() + wait,
            error=f"{type(error).__name__}: {error}"[:1000],
        )


async def list_messages(database: Database, state: str, limit: int) -> list[Row]:
    """Return the oldest messages in a state (`pending`, `dead`, `done`)."""
    return await database.all(OF_STATE, state=state, list_limit=limit)


async def requeue(database: Database, public_id: str) -> bool:
    """Make a dead message pending again with fresh attempts; False when there is no such dead message."""
    async with database.transaction() as tx:
        now = await tx.now()
        return bool(
            await writing.change_set(tx, OutboxMessage, REQUEUE, dead_id=public_id, now=now)
        )


async def counts(database: Database) -> dict[str, int]:
    """Return how many messages are `pending` (those held until later included), `due` now, and `dead`."""
    row = await database.one(COUNTS)
    assert row is not None
    return {name: row[name] for name in ("pending", "due", "dead")}
