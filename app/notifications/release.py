"""Releases inbox lines when their instant has come: looked at once more, put into words, delivered or settled.

What a line says, and whether it still matters, is known by the feature it speaks of: composition gives `release` one
`Family` for each first part of a kind (`deadline` of `deadline.escalated`). Lines are claimed, looked at and written
by the batch.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, select

from app import writing
from app.auth.models import User
from app.database import Transaction
from app.notifications import mail, service
from app.notifications.models import Notification
from app.notifications.wording import Words
from app.outbox.relay import Message
from app.statements import Row, Statement, any_of
from app.time import FAR_END

Family = Callable[[Transaction, Sequence[Row], datetime], Awaitable[None]]

_n = Notification.__table__
_READER = (User.zone, User.language, User.email, User.is_active)
WAITING = select(
    _n.c.id, _n.c.user_id, _n.c.escalation_id, _n.c.kind, _n.c.data, _n.c.created_at, _n.c.deliver_at,
    *_READER,
).join_from(_n, User.__table__, User.id == _n.c.user_id).where(
    _n.c.delivered_at == FAR_END, _n.c.settled == false()
).order_by(_n.c.id)  # fmt: skip
LINES = Statement(WAITING.where(any_of(_n.c.id, "keys")).with_for_update(of=_n))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A line (a row of `WAITING`, or a new one with its `id` and its reader) with its words and its facts of now."""

    line: Mapping[str, Any]
    words: Words
    data: Mapping[str, Any]


class NoFamily(Exception):
    """A kind of notice that nobody can put into words; composition forgot one."""


async def release(
    tx: Transaction, messages: Sequence[Message], *, families: Mapping[str, Family]
) -> None:
    """Deliver or settle the lines that messages `notification.ready` speak of; those released already are left alone.

    A message that failed is taken apart, so that the line it failed for is alone the next time. Raises `NoFamily`.
    """
    keys: list[int] = []
    for message in messages:
        lines = message.payload["notification_keys"]
        if message.attempts and len(lines) > 1:
            for line in lines:
                await service.announce(tx, [line], at=message.now, deliver_at=message.now)
        else:
            keys += lines
    keys.sort()
    by_family: dict[str, list[Row]] = {}
    for line in await tx.peek(LINES, keys=keys):
        by_family.setdefault(line["kind"].partition(".")[0], []).append(line)
    for name, lines in by_family.items():
        if name not in families:
            raise NoFamily(name)
        await families[name](tx, lines, messages[0].now)


def is_held(line: Row) -> bool:
    """Return whether quiet hours held a line back; all others are delivered as they were written."""
    return bool(line["deliver_at"] > line["created_at"])


async def deliver(tx: Transaction, deliveries: Sequence[Delivery], *, at: datetime) -> None:
    """Write down that lines are delivered at `at`, in these words; mails follow where a server is set."""
    rows = [
        {"id": one.line["id"], "data": dict(one.data), "delivered_at": at, **columns(one.words)}
        for one in deliveries
    ]
    await writing.update_many(tx, Notification, rows)
    for one in deliveries:
        await mail.write_mail(tx, one.line, one.line["id"], one.words, at)


async def settle(tx: Transaction, keys: Sequence[int]) -> None:
    """Write down that lines are not delivered one by one any more: their matters were answered meanwhile."""
    await writing.update_many(tx, Notification, [{"id": key, "settled": True} for key in keys])


def columns(words: Words) -> dict[str, str]:
    """Return the stored form of a notice's words."""
    return {
        "title_zh": words.zh.title,
        "body_zh": words.zh.body,
        "title_en": words.en.title,
        "body_en": words.en.body,
    }
