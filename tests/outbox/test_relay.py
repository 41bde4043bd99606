"""The relay: nothing due, one due, run twice, one poisoned, two at once, not before its instant, dead, re-queued."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.database import Database, Transaction
from app.outbox import relay as relaying
from app.outbox import service as outbox
from app.outbox.models import OutboxMessage
from app.outbox.relay import (
    ATTEMPTS_MAX,
    BACKOFF_SECONDS,
    Message,
    Subscriptions,
    Undeliverable,
    counts,
    list_messages,
    relay,
    requeue,
)
from app.statements import Row, Statement
from app.time import FAR_END
from tests.factories import freeze

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ALL = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))


async def publish(
    database: Database, count: int = 1, event: str = "ticket.opened", **values: Any
) -> None:
    async with database.transaction() as tx:
        for number in range(count):
            await outbox.publish(tx, event, at=NOON, payload={"number": number}, **values)


async def of_event(database: Database, event: str = "ticket.opened") -> list[Row]:
    return [row for row in await database.all(ALL) if row["event"] == event]


async def echo(tx: Transaction, messages: Sequence[Message]) -> None:
    """An effect in the database: one further message for each, that nobody handles."""
    for message in messages:
        await outbox.publish(tx, "echo.made", at=message.now, subject_id=message.public_id)


async def echo_but_three(tx: Transaction, messages: Sequence[Message]) -> None:
    await echo(tx, messages)
    if any(message.payload["number"] == 3 for message in messages):
        raise RuntimeError("number three is poisoned")


async def refuse(tx: Transaction, messages: Sequence[Message]) -> None:
    raise RuntimeError("not today")


ECHO = Subscriptions(handlers={"ticket.opened": (echo,)})
REFUSE = Subscriptions(handlers={"ticket.opened": (refuse,)})


@pytest.fixture(autouse=True)
async def noon(database: Database) -> None:
    await freeze(database, NOON)


async def test_nothing_due_does_nothing(database: Database) -> None:
    result = await relay(database, ECHO)
    assert (result.settled_count, result.failed_count) == (0, 0)


async def test_one_due_is_handled_and_settled_in_one_transaction(database: Database) -> None:
    await publish(database)
    result = await relay(database, ECHO)
    assert (result.settled_count, result.failed_count) == (2, 0)  # the echo is a message too
    (row,) = await of_event(database)
    assert (row["state"], row["settled_at"], row["attempts"]) == ("done", NOON, 1)
    assert [one["subject_id"] for one in await of_event(database, "echo.made")] == [
        row["public_id"]
    ]


async def test_a_second_run_does_nothing_again(database: Database) -> None:
    await publish(database, 3)
    await relay(database, ECHO)
    assert (await relay(database, ECHO)).settled_count == 0
    assert len(await of_event(database, "echo.made")) == 3


async def test_an_event_that_nobody_subscribed_to_is_settled(database: Database) -> None:
    await publish(database, event="ticket.tagged")
    await relay(database, ECHO)
    assert [row["state"] for row in await of_event(database, "ticket.tagged")] == ["done"]


async def test_every_handler_of_an_event_is_given_the_batch_in_order(database: Database) -> None:
    seen: list[tuple[str, list[int]]] = []

    async def first(tx: Transaction, messages: Sequence[Message]) -> None:
        seen.append(("first", [message.payload["number"] for message in messages]))

    async def second(tx: Transaction, messages: Sequence[Message]) -> None:
        seen.append(("second", [message.payload["number"] for message in messages]))

    await publish(database, 3)
    await relay(database, Subscriptions(handlers={"ticket.opened": (first, second)}))
    assert seen == [("first", [0, 1, 2]), ("second", [0, 1, 2])]


async def test_more_than_a_batch_is_settled_in_one_run(database: Database) -> None:
    await publish(database, database.settings.relay_batch + 1)
    await relay(database, ECHO)
    assert len(await of_event(database, "echo.made")) == database.settings.relay_batch + 1


async def test_a_poisoned_message_is_isolated_and_the_rest_is_settled(database: Database) -> None:
    await publish(database, 7)
    result = await relay(database, Subscriptions(handlers={"ticket.opened": (echo_but_three,)}))
    rows = await of_event(database)
    assert result.failed_count == 1
    assert [row["state"] for row in rows] == ["done"] * 3 + ["pending"] + ["done"] * 3
    poisoned = rows[3]
    assert poisoned["attempts"] == 1
    assert poisoned["attempt_at"] == NOON + BACKOFF_SECONDS[0] * SECOND
    assert poisoned["last_error"] == "RuntimeError: number three is poisoned"
    echoed = Counter(one["subject_id"] for one in await of_event(database, "echo.made"))
    assert echoed == {row["public_id"]: 1 for row in rows if row is not poisoned}


async def test_a_failure_leaves_no_effect_of_its_handler(database: Database) -> None:
    await publish(database)

    async def half(tx: Transaction, messages: Sequence[Message]) -> None:
        await echo(tx, messages)
        await tx.flush()
        raise RuntimeError

    await relay(database, Subscriptions(handlers={"ticket.opened": (half,)}))
    assert await of_event(database, "echo.made") == []


async def test_a_message_is_not_taken_up_before_its_instant(database: Database) -> None:
    await publish(database, not_before=NOON + 600 * SECOND)
    await freeze(database, NOON + 600 * SECOND - timedelta(microseconds=1))
    assert (await relay(database, ECHO)).settled_count == 0
    await freeze(database, NOON + 600 * SECOND)
    assert (await relay(database, ECHO)).settled_count == 2


async def test_a_failed_message_waits_longer_each_time_and_is_dead_after_the_last_attempt(
    database: Database,
) -> None:
    await publish(database)
    now, waits = NOON, []
    for _ in range(ATTEMPTS_MAX - 1):
        await relay(database, REFUSE)
        (row,) = await of_event(database)
        assert row["state"] == "pending"
        waits.append((row["attempt_at"] - now).total_seconds())
        now = row["attempt_at"]
        await freeze(database, now)
    await relay(database, REFUSE)
    (row,) = await of_event(database)
    assert waits == list(BACKOFF_SECONDS)
    assert (row["state"], row["attempts"], row["attempt_at"]) == ("dead", ATTEMPTS_MAX, FAR_END)
    assert (await relay(database, REFUSE)).failed_count == 0


async def test_what_can_never_succeed_is_dead_at_once(database: Database) -> None:
    await publish(database)

    async def never(tx: Transaction, messages: Sequence[Message]) -> None:
        raise Undeliverable("no such address")

    await relay(database, Subscriptions(handlers={"ticket.opened": (never,)}))
    (row,) = await of_event(database)
    assert (row["state"], row["attempts"]) == ("dead", 1)


async def kill(database: Database, row: Row) -> None:
    async with database.transaction() as tx:
        values = {"state": "dead", "attempts": ATTEMPTS_MAX, "attempt_at": FAR_END}
        await writing.update(tx, OutboxMessage, row, **values)


async def test_a_dead_message_is_listed_and_lives_again_when_requeued(database: Database) -> None:
    await publish(database, 2)
    (row, _) = await of_event(database)
    await kill(database, row)
    assert [one["id"] for one in await list_messages(database, "dead", 10)] == [row["id"]]
    assert await requeue(database, row["public_id"]) is True
    (again, _) = await of_event(database)
    assert (again["state"], again["attempts"], again["attempt_at"]) == ("pending", 0, NOON)
    await relay(database, ECHO)
    assert [one["state"] for one in await of_event(database)] == ["done", "done"]


async def test_only_a_dead_message_is_requeued(database: Database) -> None:
    await publish(database)
    (row,) = await of_event(database)
    assert await requeue(database, row["public_id"]) is False
    await relay(database, ECHO)
    assert await requeue(database, row["public_id"]) is False
    assert await requeue(database, "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e") is False


async def test_counts_tell_pending_due_and_dead(database: Database) -> None:
    assert await counts(database) == {"pending": 0, "due": 0, "dead": 0}
    await publish(database, 3)
    await publish(database, 2, not_before=NOON + SECOND)
    await kill(database, (await of_event(database))[0])
    assert await counts(database) == {"pending": 4, "due": 2, "dead": 1}
    await relay(database, ECHO)
    assert await counts(database) == {"pending": 2, "due": 0, "dead": 1}


async def test_two_relays_at_once_settle_each_message_once(database: Database) -> None:
    if database.kind == "sqlite":
        pytest.skip("one process has one writer on SQLite; the crash test runs two processes")
    await publish(database, 500)
    await asyncio.gather(*(relay(database, ECHO) for _ in range(3)))
    rows = await of_event(database)
    assert {(row["state"], row["attempts"]) for row in rows} == {("done", 1)}
    echoed = Counter(one["subject_id"] for one in await of_event(database, "echo.made"))
    assert echoed == {row["public_id"]: 1 for row in rows}


async def test_two_relays_at_once_count_a_poisoned_message_once_each_time(
    database: Database,
) -> None:
    if database.kind == "sqlite":
        pytest.skip("one process has one writer on SQLite; the crash test runs two processes")
    await publish(database, 40)
    poisoned = Subscriptions(handlers={"ticket.opened": (echo_but_three,)})
    await asyncio.gather(*(relay(database, poisoned) for _ in range(3)))
    rows = await of_event(database)
    assert [row["attempts"] for row in rows] == [1] * 40
    assert [row["state"] for row in rows].count("pending") == 1
    assert len(await of_event(database, "echo.made")) == 39


async def test_who_fails_late_does_not_disturb_whoever_took_the_message_up_meanwhile(
    database: Database,
) -> None:
    await publish(database)
    (row,) = await of_event(database)
    seen = Message(
        row["id"], row["public_id"], row["event"], None, None, {}, NOON, attempts=0, now=NOON
    )
    await relay(database, ECHO)
    await relaying.fail(database, seen, RuntimeError("too late"))
    (row,) = await of_event(database)
    assert (row["state"], row["last_error"]) == ("done", None)
