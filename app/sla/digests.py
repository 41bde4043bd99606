"""What a retarget tells: one line for each recipient and operation, collected batch by batch, sent when it has ended.

The escalations themselves are written one by one like all others. The words are in `retarget_wording`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app import writing
from app.auth.models import User
from app.database import Transaction
from app.notifications.models import Notification
from app.notifications.release import Delivery
from app.notifications.service import Notice, announce
from app.operations.runner import Operation
from app.sla.engine.ladder import release_at
from app.sla.retarget_wording import Retargeted, retargeted
from app.statements import Row, Statement, any_of
from app.time import FAR_END, MICROSECOND, format_instant, parse_instant

RETARGETED = "deadline.retargeted"
ITEMS_MAX = 50
_n = Notification.__table__
DIGESTS = Statement(
    select(_n.c.id, _n.c.user_id, _n.c.data, User.zone)
    .join_from(_n, User.__table__, User.id == _n.c.user_id)
    .where(any_of(_n.c.id, "keys"))
    .order_by(_n.c.id)
)
_COPIED = ("deadline_id", "subject_type", "subject_id", "label", "clock", "rule", "level", "due_at")


async def collect(
    tx: Transaction,
    operation: Operation,
    told: Mapping[str, int],
    notices: Sequence[Notice],
    now: datetime,
) -> Mapping[str, int]:
    """Add notices to the lines of their recipients and return those lines, recipient (as text) -> key."""
    by_user: dict[str, list[Notice]] = {}
    for notice in notices:
        by_user.setdefault(str(notice.user_id), []).append(notice)
    keys = [told[user] for user in by_user if user in told]
    stored = {str(row["user_id"]): row for row in await tx.all(DIGESTS, keys=keys)} if keys else {}
    rows, following = [], dict(told)
    for user, ones in by_user.items():
        if user in stored:
            rows.append({"id": stored[user]["id"], "data": _added(stored[user]["data"], ones, now)})
            continue
        new = await writing.insert(
            tx,
            Notification,
            user_id=int(user),
            operation_id=operation.id,
            kind=RETARGETED,
            data=_added(_begun(operation), ones, now),
            created_at=now,
            deliver_at=FAR_END,
        )
        following[user] = new["id"]
    await writing.update_many(tx, Notification, rows)
    return following


def _begun(operation: Operation) -> dict[str, Any]:
    asked = operation.parameters
    return {
        "operation_id": operation.public_id,
        "policy": asked["policy"],
        "calendar": asked["calendar"][0] if asked["calendar"] else None,
        "count": 0,
        "late_count": 0,
        "first_at": None,
        "last_at": None,
        "urgent": False,
        "link": None,
        "items": [],
    }


def _added(data: Mapping[str, Any], notices: Sequence[Notice], now: datetime) -> dict[str, Any]:
    at = format_instant(now)
    items = [{name: one.data[name] for name in _COPIED} for one in notices]
    first = data["first_at"] or at
    until = format_instant(now + MICROSECOND)
    span = {"told_to": "me", "detected_at[gte]": first, "detected_at[lt]": until}
    return {
        **data,
        "count": data["count"] + len(items),
        "late_count": data["late_count"] + sum(one["due_at"] <= at for one in items),
        "first_at": first,
        "last_at": at,
        # A notice that no quiet hours hold back makes the whole line one.
        "urgent": data["urgent"] or any(one.deliver_at <= now for one in notices),
        "link": f"/api/v1/escalations?{urlencode(span)}",
        "items": [*data["items"], *items][:ITEMS_MAX],
    }


async def send(tx: Transaction, told: Mapping[str, int], now: datetime) -> None:
    """Have the lines delivered: now, or after quiet hours where nothing in them is urgent."""
    rows = await tx.all(DIGESTS, keys=list(told.values())) if told else []
    held: list[dict[str, Any]] = []
    for row in rows:
        tier = "A" if row["data"]["urgent"] else None
        deliver_at = release_at(now, ZoneInfo(row["zone"]), tier)
        held.append({"id": row["id"], "created_at": now, "deliver_at": deliver_at})
    await writing.update_many(tx, Notification, held)
    for deliver_at in sorted({one["deliver_at"] for one in held}):
        keys = [one["id"] for one in held if one["deliver_at"] == deliver_at]
        await announce(tx, keys, at=now, deliver_at=deliver_at)


def delivery(line: Row) -> Delivery:
    """Return a line of this kind in words, as it is released."""
    data = line["data"]
    items = [
        Retargeted(one["label"], one["clock"], one["rule"], parse_instant(one["due_at"]))
        for one in data["items"]
    ]
    words = retargeted(
        items,
        count=data["count"],
        late_count=data["late_count"],
        policy=data["policy"],
        calendar=data["calendar"],
        zone=ZoneInfo(line["zone"]),
    )
    return Delivery(line, words, data)
