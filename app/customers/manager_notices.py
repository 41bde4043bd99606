"""Asks a department's head, once, for the account manager that a tier-A customer lacks (SOP CU-10).

The nearest active head up the tree is asked. Once a manager is there and then missing again, somebody is asked anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.customers import history_queries as queries
from app.customers.notice_wording import manager_missing
from app.database import Transaction
from app.notifications.release import Delivery, deliver, is_held, settle
from app.notifications.service import Notice, tell
from app.sla.engine.ladder import release_at
from app.statements import Row
from app.time import FAR_END

KIND = "account_manager.missing"


async def ask(tx: Transaction, rows: Sequence[Row]) -> dict[int, datetime]:
    """Tell the heads of customers who need a manager and for whom nobody was asked yet.

    `rows` are of `history_queries.BY_KEYS`. Returns for each customer's key when somebody was asked, the far end of
    time where nobody was or nothing is needed.
    """
    asked = {
        row["id"]: row["manager_asked_at"] if row["needs_account_manager"] else FAR_END
        for row in rows
    }
    needed = [row for row in rows if row["needs_account_manager"] and asked[row["id"]] == FAR_END]
    if not needed:
        return asked
    heads = {row["id"]: row for row in await tx.all(queries.HEADS)}
    notices = []
    for row in needed:
        head = _head_of(heads, row["department_id"])
        if head is not None:
            notices.append(_notice(row, head))
            asked[row["id"]] = row["now"]
    await tell(tx, notices, at=rows[0]["now"])
    return asked


def _head_of(heads: Mapping[int, Row], department_id: int | None) -> Row | None:
    """Return the nearest department up the tree that has an active head."""
    here = heads.get(department_id) if department_id is not None else None
    if here is None:
        return None
    line = [heads.get(int(key)) for key in reversed(here["path"].strip("/").split("/"))]
    return next((one for one in line if one is not None and one["head_id"] is not None), None)


def _notice(row: Row, head: Row) -> Notice:
    return Notice(
        user_id=head["head_id"],
        kind=KIND,
        deliver_at=release_at(row["now"], ZoneInfo(head["zone"]), None),
        data={
            "customer_id": row["public_id"],
            "number": row["number"],
            "name": row["name"],
        },
    )


async def release(tx: Transaction, lines: Sequence[Row], now: datetime) -> None:
    """Deliver notices about customers, or settle those held back and answered meanwhile; a `Family`."""
    ids = sorted({line["data"]["customer_id"] for line in lines})
    needed = {str(row["public_id"]) for row in await tx.peek(queries.STILL_NEEDED, public_ids=ids)}
    answered = [
        line for line in lines if is_held(line) and line["data"]["customer_id"] not in needed
    ]
    await settle(tx, [line["id"] for line in answered])
    deliveries = [
        Delivery(line, manager_missing(line["data"]["number"], line["data"]["name"]), line["data"])
        for line in lines
        if line not in answered
    ]
    await deliver(tx, deliveries, at=now)
