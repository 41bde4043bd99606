"""Sending to the outside: at least once under one id, leased, put off, dead; it holds up nobody else."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.database import Database, Transaction
from app.outbox import sending
from app.outbox import service as outbox
from app.outbox.models import OutboxMessage
from app.outbox.relay import (
    ATTEMPTS_MAX,
    BACKOFF_SECONDS,
    Message,
    Record,
    Sender,
    Subscriptions,
    Undeliverable,
    relay,
    requeue,
)
from app.outbox.sending import LEASE, SENDS_AT_ONCE, send
from app.statements import Row, Statement
from app.time import FAR_END
from tests.factories import freeze

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ALL = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))


class Crash(BaseException):
    """The process is gone: nothing of it runs any more."""


class Outside:
    """The world beyond the database: remembers what reached it, and refuses when told to."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.refusal: Exception | None = None

    async def take(self, database: Database, message: Message) -> Record | None:
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        self.got.append(message.public_id)
        return None


def sends(sender: Sender) -> Subscriptions:
    return Subscriptions(senders={"mail.ready": sender})


async def publish(database: Database, count: int = 1, event: str = "mail.ready") -> None:
    async with database.transaction() as tx:
        for _ in range(count):
            await outbox.publish(tx, event, at=NOON)


async def rows_of(database: Database, event: str = "mail.ready") -> list[Row]:
    return [row for row in await database.all(ALL) if row["event"] == event]


@pytest.fixture(autouse=True)
async def noon(database: Database) -> None:
    await freeze(database, NOON)


@pytest.fixture
def outside() -> Outside:
    return Outside()


async def test_nothing_due_sends_nothing(database: Database, outside: Outside) -> None:
    assert (await send(database, sends(outside.take))).settled_count == 0
    assert (await send(database, Subscriptions())).settled_count == 0


async def test_each_message_is_sent_once_and_settled(database: Database, outside: Outside) -> None:
    count = 2 * SENDS_AT_ONCE + 1
    await publish(database, count)
    assert (await send(database, sends(outside.take))).settled_count == count
    assert (await send(database, sends(outside.take))).settled_count == 0
    rows = await rows_of(database)
    assert Counter(outside.got) == {row["public_id"]: 1 for row in rows}
    assert {(row["state"], row["attempts"], row["settled_at"]) for row in rows} == {
        ("done", 1, NOON)
    }


async def test_what_a_sender_returns_is_written_with_the_settling(database: Database) -> None:
    async def take(database: Database, message: Message) -> Record:
        async def record(tx: Transaction) -> None:
            await outbox.publish(tx, "mail.sent", at=NOON, subject_id=message.public_id)

        return record

    await publish(database)
    await send(database, sends(take))
    (row,) = await rows_of(database)
    assert [one["subject_id"] for one in await rows_of(database, "mail.sent")] == [row["public_id"]]


async def test_no_transaction_is_open_while_it_is_sent(database: Database) -> None:
    async def take(other: Database, message: Message) -> None:
        await asyncio.sleep(0)  # on SQLite this would end any transaction that were open
        async with other.transaction() as tx:
            await outbox.publish(tx, "somebody.wrote", at=NOON)

    await publish(database)
    assert (await send(database, sends(take))).settled_count == 1
    assert len(await rows_of(database, "somebody.wrote")) == 1


async def test_a_failure_is_put_off_with_its_reason_and_the_rest_is_sent(
    database: Database, outside: Outside
) -> None:
    await publish(database, 3)
    poisoned = (await rows_of(database))[1]["public_id"]

    async def take(database: Database, message: Message) -> Record | None:
        if message.public_id == poisoned:
            raise ConnectionRefusedError("nobody there")
        return await outside.take(database, message)

    result = await send(database, sends(take))
    assert (result.settled_count, result.failed_count) == (2, 1)
    row = (await rows_of(database))[1]
    assert (row["state"], row["attempts"]) == ("pending", 1)
    assert row["attempt_at"] == NOON + BACKOFF_SECONDS[0] * SECOND
    assert row["last_error"] == "ConnectionRefusedError: nobody there"


async def test_what_keeps_failing_is_dead_after_the_last_attempt(
    database: Database, outside: Outside
) -> None:
    await publish(database)
    outside.refusal = ConnectionRefusedError()
    for _ in range(ATTEMPTS_MAX):
        (row,) = await rows_of(database)
        assert row["state"] == "pending"
        await freeze(database, row["attempt_at"])
        await send(database, sends(outside.take))
    (row,) = await rows_of(database)
    assert (row["state"], row["attempts"], row["attempt_at"]) == ("dead", ATTEMPTS_MAX, FAR_END)


async def test_what_can_never_arrive_is_dead_at_once_and_requeue_revives_it(
    database: Database, outside: Outside
) -> None:
    await publish(database)
    outside.refusal = Undeliverable("no such address")
    await send(database, sends(outside.take))
    (row,) = await rows_of(database)
    assert (row["state"], row["attempts"]) == ("dead", 1)
    outside.refusal = None
    assert await requeue(database, row["public_id"])
    await send(database, sends(outside.take))
    assert outside.got == [row["public_id"]]


async def test_a_crash_after_sending_sends_again_under_the_same_id_once_the_lease_is_over(
    database: Database, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database)
    monkeypatch.setattr(sending, "pass_by", crash_at("send.after"))
    with pytest.raises(Crash):
        await send(database, sends(outside.take))
    monkeypatch.undo()
    (row,) = await rows_of(database)
    assert (row["state"], row["attempt_at"]) == ("pending", NOON + LEASE)
    await freeze(database, NOON + LEASE - timedelta(microseconds=1))
    assert (await send(database, sends(outside.take))).settled_count == 0
    await freeze(database, NOON + LEASE)
    assert (await send(database, sends(outside.take))).settled_count == 1
    assert outside.got == [row["public_id"]] * 2


@pytest.mark.parametrize("point", ["claim.before", "claim.after", "send.before"])
async def test_a_crash_before_sending_loses_nothing(
    database: Database, outside: Outside, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    await publish(database)
    monkeypatch.setattr(sending, "pass_by", crash_at(point))
    with pytest.raises(Crash):
        await send(database, sends(outside.take))
    monkeypatch.undo()
    assert outside.got == []
    await freeze(database, NOON + LEASE)
    await send(database, sends(outside.take))
    assert outside.got == [row["public_id"] for row in await rows_of(database)]


def crash_at(point: str) -> Callable[[str], None]:
    def pass_by(name: str) -> None:
        if name == point:
            raise Crash

    return pass_by


async def test_an_outside_that_never_answers_is_given_up_before_the_lease_is_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=sending.SEND_SECONDS_MAX) < LEASE
    monkeypatch.setattr(sending, "SEND_SECONDS_MAX", 0.001)

    async def take(database: Database, message: Message) -> None:
        await asyncio.Event().wait()

    await publish(database)
    assert (await send(database, sends(take))).failed_count == 1
    (row,) = await rows_of(database)
    assert (row["state"], row["last_error"]) == ("pending", "TimeoutError: ")


async def test_the_relay_leaves_messages_to_their_sender_and_the_sender_those_to_handlers(
    database: Database, outside: Outside
) -> None:
    handled: list[str] = []

    async def handle(tx: Transaction, messages: Sequence[Message]) -> None:
        handled.extend(message.event for message in messages)

    both = Subscriptions(
        handlers={"ticket.opened": (handle,)}, senders={"mail.ready": outside.take}
    )
    await publish(database)
    await publish(database, event="ticket.opened")
    outside.refusal = ConnectionRefusedError()
    assert (await send(database, both)).failed_count == 1
    assert (await relay(database, both)).settled_count == 1
    assert handled == ["ticket.opened"]
    assert [row["state"] for row in await rows_of(database)] == ["pending"]


async def test_two_senders_at_once_send_each_message_once(
    database: Database, outside: Outside
) -> None:
    if database.kind == "sqlite":
        pytest.skip("one process has one writer on SQLite; the crash test runs two processes")
    await publish(database, 60)
    await asyncio.gather(*(send(database, sends(outside.take)) for _ in range(3)))
    assert Counter(outside.got) == {row["public_id"]: 1 for row in await rows_of(database)}
