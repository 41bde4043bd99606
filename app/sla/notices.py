"""Releases notices of deadlines: looks once more whether the matter is still open, then tells it, or lists it as settled.

Only what quiet hours held back is looked at again; what was settled meanwhile is listed in one digest for each
reader and release instant. The words are in `notice_wording`, delivery in `notifications.release`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from app import writing
from app.auth.models import User
from app.database import Transaction
from app.notifications import mail
from app.notifications.models import Notification
from app.notifications.release import WAITING, Delivery, columns, deliver, is_held, settle
from app.notifications.wording import Words
from app.sla import digests
from app.sla.book import Book, read_book
from app.sla.engine.deadline import State
from app.sla.engine.ladder import Why
from app.sla.models import DeadlineRow, Escalation
from app.sla.notice_wording import Matter, Settled, escalated, settled_digest
from app.statements import Row, Statement, any_of
from app.time import FAR_END, format_instant, parse_instant

SETTLED_DIGEST = "deadline.settled_digest"
_n, _d, _e = Notification.__table__, DeadlineRow.__table__, Escalation.__table__
_instants = {
    name: bindparam(name, type_=Notification.deliver_at.type) for name in ("first_at", "last_at")
}

SEEN = Statement(
    select(
        _e.c.id, _e.c.public_id.label("escalation_id"), _e.c.told, _d.c.public_id.label("deadline_id"),
        _d.c.started_at, _d.c.due_at, _d.c.ended_at, _d.c.state, _d.c.pause_ends_at,
        _d.c.calendar, _d.c.calendar_version, User.name.label("owner"),
    )
    .join_from(_e, _d, _d.c.id == _e.c.deadline_id)
    .outerjoin(User, User.id == _d.c.owner_id)
    .where(any_of(_e.c.id, "keys"))
)  # fmt: skip
# Digests of one reader are written one after the other.
READERS_LOCKED = Statement(
    select(User.id)
    .where(any_of(User.id, "users"))
    .order_by(User.id)
    .with_for_update(key_share=True)
)
# A line that another relay holds is left to it: it will find this digest and add to it.
SETTLED = Statement(
    WAITING.add_columns(_d.c.public_id.label("deadline_id"), _d.c.state, _d.c.due_at, _d.c.ended_at)
    .join(_e, _e.c.id == _n.c.escalation_id)
    .join(_d, _d.c.id == _e.c.deadline_id)
    .where(
        any_of(_n.c.user_id, "users"),
        _n.c.read_at == FAR_END,
        _n.c.deliver_at.between(_instants["first_at"], _instants["last_at"]),
        _n.c.deliver_at > _n.c.created_at,
        _d.c.ended_at < FAR_END,
    )
    .with_for_update(of=_n, skip_locked=True)
)
DIGESTS = Statement(
    select(_n.c.id, _n.c.user_id, _n.c.deliver_at, _n.c.data).where(
        any_of(_n.c.user_id, "users"),
        _n.c.deliver_at.between(_instants["first_at"], _instants["last_at"]),
        _n.c.kind == SETTLED_DIGEST,
    )
)


async def release(tx: Transaction, lines: Sequence[Row], now: datetime) -> None:
    """Deliver notices of deadlines, or settle those of kind `deadline.escalated`; a `notifications.release.Family`."""
    told_together = [line for line in lines if line["kind"] == digests.RETARGETED]
    await deliver(tx, [digests.delivery(line) for line in told_together], at=now)
    await _release_escalated(
        tx, [line for line in lines if line["kind"] != digests.RETARGETED], now
    )


async def _release_escalated(tx: Transaction, lines: Sequence[Row], now: datetime) -> None:
    if not lines:
        return
    keys = sorted({line["escalation_id"] for line in lines})
    seen = {row["id"]: row for row in await tx.peek(SEEN, keys=keys)}
    answered = [
        line
        for line in lines
        if is_held(line) and seen[line["escalation_id"]]["ended_at"] != FAR_END
    ]
    digests: list[_Digest] = []
    if answered:
        digests = await _collect(tx, answered)
    settled = {line["id"] for digest in digests for line in digest.lines}
    book = await read_book(tx)
    deliveries = [
        _delivery(line, seen[line["escalation_id"]], book, now)
        for line in lines
        if line["id"] not in settled
    ]
    await settle(tx, sorted(settled))
    await deliver(tx, deliveries, at=now)
    await _write_digests(tx, digests, book, now)


def _delivery(line: Row, seen: Row, book: Book, now: datetime) -> Delivery:
    """Return the notice with what is true at its release: due and owner may have moved while it was held."""
    data, at = line["data"], min(now, seen["ended_at"])
    calendar = book.rulebook.calendars.get((seen["calendar"], seen["calendar_version"]))
    between = sorted((seen["due_at"], at))
    working = calendar.open_seconds(*between) if calendar is not None else None
    told = next((one for one in seen["told"] if one["key"] == line["user_id"]), None)
    matter = Matter(
        label=data["label"],
        clock=book.row_of(data["clock"], data["rule"]),
        rule=data["rule"],
        level=data["level"],
        owner=seen["owner"],
        started_at=seen["started_at"],
        due_at=seen["due_at"],
        at=at,
        why=Why(data["why"]),
        represents=told is not None and told["in_place_of"] is not None,
        paused=_is_paused(seen, now),
        working_seconds=working,
        ended=State(seen["state"]) if seen["ended_at"] != FAR_END else None,
    )
    facts = {
        **data,
        "escalation_id": seen["escalation_id"],
        "owner": seen["owner"],
        "started_at": format_instant(seen["started_at"]),
        "due_at": format_instant(seen["due_at"]),
        "told_at": format_instant(now),
        "late_seconds": working if seen["due_at"] < at else None,
        "late_elapsed_seconds": matter.elapsed_seconds if seen["due_at"] < at else None,
    }
    return Delivery(line, escalated(matter, ZoneInfo(line["zone"])), facts)


def _is_paused(seen: Row, now: datetime) -> bool:
    return bool(
        seen["pause_ends_at"] != FAR_END and now < min(seen["pause_ends_at"], seen["due_at"])
    )


# --- digests of what was settled meanwhile


@dataclass(slots=True)
class _Digest:
    """What one reader is told of matters settled before one release instant; `stored` is the row it adds to."""

    lines: list[Row]
    stored: Row | None

    @property
    def items(self) -> list[dict[str, Any]]:
        """The matters, oldest notice first, each deadline once with the highest of its levels."""
        known = self.stored["data"]["items"] if self.stored is not None else []
        found = {item["deadline_id"]: item for item in known}
        for line in self.lines:
            item = _item(line)
            earlier = found.get(item["deadline_id"])
            level = max(item["level"], earlier["level"]) if earlier else item["level"]
            found[item["deadline_id"]] = {**item, "level": level}
        return list(found.values())


def _item(line: Row) -> dict[str, Any]:
    copied = ("subject_type", "subject_id", "label", "clock", "rule", "level")
    return {
        "deadline_id": line["deadline_id"],
        **{name: line["data"][name] for name in copied},
        "state": line["state"],
        "due_at": format_instant(line["due_at"]),
        "ended_at": format_instant(line["ended_at"]),
    }


async def _collect(tx: Transaction, answered: Sequence[Row]) -> list[_Digest]:
    """Return the digests of the readers: with all their settled lines of these instants, whatever the batch holds."""
    users = sorted({line["user_id"] for line in answered})
    instants = [line["deliver_at"] for line in answered]
    asked = {"users": users, "first_at": min(instants), "last_at": max(instants)}
    await tx.peek(READERS_LOCKED, users=users)
    stored = {(row["user_id"], row["deliver_at"]): row for row in await tx.peek(DIGESTS, **asked)}
    grouped: dict[tuple[int, datetime], list[Row]] = {}
    for line in await tx.peek(SETTLED, **asked):
        grouped.setdefault((line["user_id"], line["deliver_at"]), []).append(line)
    return [_Digest(lines, stored.get(key)) for key, lines in grouped.items()]


async def _write_digests(
    tx: Transaction, digests: Iterable[_Digest], book: Book, now: datetime
) -> None:
    """Add to the digests that are there (they are unread again), then hold back the new ones with their mails."""
    added, new = [], []
    for digest in digests:
        words, data = _digest_words(digest, book), {"items": digest.items}
        if digest.stored is None:
            new.append((digest.lines[0], words, data))
            continue
        row = {"id": digest.stored["id"], "data": data, "read_at": FAR_END, **columns(words)}
        added.append(row)
    await writing.update_many(tx, Notification, added)
    for reader, words, data in new:
        row = await writing.insert(
            tx,
            Notification,
            user_id=reader["user_id"],
            kind=SETTLED_DIGEST,
            data=data,
            created_at=now,
            deliver_at=reader["deliver_at"],
            delivered_at=now,
            **columns(words),
        )
        await mail.write_mail(tx, reader, row["id"], words, now)


def _digest_words(digest: _Digest, book: Book) -> Words:
    items = [
        Settled(
            one["label"],
            book.row_of(one["clock"], one["rule"]),
            one["rule"],
            State(one["state"]),
            parse_instant(one["ended_at"]),
        )
        for one in digest.items
    ]
    return settled_digest(items, ZoneInfo(digest.lines[0]["zone"]))
