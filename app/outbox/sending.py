"""Sends messages to the outside, at least once: leased first, sent with no transaction open, settled afterwards.

A crash between sending and settling lets the lease run out, and the message is sent again under the same id. Beside
the relay, not in it: an outside that does not answer must hold up nobody's inbox.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from app import writing
from app.database import Database
from app.faults import pass_by
from app.outbox.models import OutboxMessage
from app.outbox.relay import (
    CLAIM_SENT,
    Message,
    RelayResult,
    Sender,
    Subscriptions,
    claim,
    fail,
    settle,
)

LEASE = timedelta(seconds=60)
SEND_SECONDS_MAX = 45  # less than the lease, so that nobody else takes up what is still being sent
SENDS_AT_ONCE = 4


async def send(
    database: Database, subscriptions: Subscriptions, *, batches_max: int = 10_000
) -> RelayResult:
    """Send every due message that has a sender, a few at a time, until none is due; returns what was done."""
    result = RelayResult()
    for _ in range(batches_max):
        leased = await _lease(database, subscriptions)
        if not leased:
            break
        sends = (_send(database, subscriptions.senders[one.event], one, result) for one in leased)
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):  # not the message's fault: the database is gone
                raise outcome
    return result


async def _lease(database: Database, subscriptions: Subscriptions) -> Sequence[Message]:
    """Take messages for a while: the attempt counts from here on, so that a crash in it counts too."""
    if not subscriptions.senders:
        return []
    async with database.transaction() as tx:
        pass_by("claim.before")
        claimed = await claim(tx, CLAIM_SENT, subscriptions, SENDS_AT_ONCE)
        pass_by("claim.after")
        rows = [
            {"id": one.id, "attempt_at": one.now + LEASE, "attempts": one.attempts + 1}
            for one in claimed
        ]
        await writing.update_many(tx, OutboxMessage, rows)
    return claimed


async def _send(database: Database, sender: Sender, message: Message, result: RelayResult) -> None:
    try:
        pass_by("send.before")
        async with asyncio.timeout(SEND_SECONDS_MAX):
            record = await sender(database, message)
        pass_by("send.after")
        async with database.transaction() as tx:
            if record is not None:
                await record(tx)
            await settle(tx, [message])
    except Exception as error:  # noqa: BLE001 - whatever goes wrong puts this message off, with the reason
        await fail(database, message, error, leased=True)
        result.failed_count += 1
        return
    result.settled_count += 1
