"""A customer's story in the staffed house: file, contacts, tickets kept and missed; and ways to read his timeline."""

from typing import Any

from sqlalchemy import select

from app import writing
from app.database import Database
from app.outbox.models import OutboxMessage
from app.outbox.relay import relay
from app.sla.enforcement import sweep
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from app.timeline.models import TimelineEntry
from tests.tickets.conftest import CONCRETE, House

STEPS = "更换温控探头 PT100 并按规程重新校准,三点比对偏差小于 0.1 ℃"
ENTRIES = Statement(select(*TimelineEntry.__table__.columns).order_by(TimelineEntry.id))
MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))


def url_of(house: House) -> str:
    """Return the address of the house's customer."""
    return f"/api/v1/customers/{house.customer['public_id']}"


async def ask(house: House, method: str, path: str, by: str = "admin", body: Any = None) -> Any:
    """Send a request below the customer's address that succeeds, and return its JSON."""
    url = f"{url_of(house)}{path}"
    answer = await house.client.request(method, url, json=body, headers=house.callers[by])
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


async def timeline(house: House, by: str = "admin", **query: Any) -> list[dict[str, Any]]:
    """Hand on what happened, and return the timeline's first page, newest first."""
    await relay(house.database, SUBSCRIPTIONS)
    return await page(house, by, **query)


async def page(house: House, by: str = "admin", **query: Any) -> list[dict[str, Any]]:
    """Return the timeline's first page as it is."""
    given = {"limit": 200, **query}
    url = f"{url_of(house)}/timeline"
    answer = await house.client.get(url, params=given, headers=house.callers[by])
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def keep_a_file(house: House) -> dict[str, Any]:
    """Change the file in every way, from 09:00 to 09:05, and return the contact that was added."""
    await house.at("09:01")
    await ask(house, "PATCH", "", body={"region": "上海", "revenue": "12345678.00"})
    await house.at("09:02")
    await ask(house, "POST", "/tier", body={"tier": "A", "reason": "年度合作额"})
    await house.at("09:03")
    team = {"members": [{"user_id": house.id_of("li"), "role": "技术"}]}
    await ask(house, "PUT", "/account-team", body=team)
    await house.at("09:04")
    contact: dict[str, Any] = await ask(house, "POST", "/contacts", body={"name": "赵敏"})
    await ask(house, "PATCH", f"/contacts/{contact['id']}", body={"remarks": "喜欢电话联系"})
    await house.at("09:05")
    await ask(house, "DELETE", f"/contacts/{contact['id']}")
    return contact


async def serve_a_ticket(house: House) -> dict[str, Any]:
    """Open a ticket at 10:00 and bring it to its end by 10:50."""
    await house.at("10:00")
    ticket = await house.open(owner_id=house.id_of("li"))
    moves: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("10:05", "accept", {}),
        ("10:10", "messages", {"body": CONCRETE}),
        ("10:11", "messages", {"body": "客户语气着急", "public": False}),
        ("10:15", "wait", {"question": "请把铭牌上的序列号发给我,好吗?", "reason": "等序列号"}),
        ("10:20", "messages", {"body": "序列号是 SN-123456", "author": "customer"}),
        ("10:30", "reclassify", {"complexity": "complex"}),
        ("10:40", "resolve", {"solution": {"steps": STEPS, "result": "恢复"}}),
    )
    for at, move, body in moves:
        await house.at(at)
        await house.do(ticket, move, "li", **body)
    await house.at("10:45")
    confirmed = {
        "answer": "solved",
        "contact_id": str(house.contact["public_id"]),
        "channel": "phone",
        "rating": "satisfied",
    }
    await house.do(ticket, "confirm", "li", **confirmed)
    await house.at("10:50")
    return await house.do(ticket, "close", "li", root_cause="探头老化")


async def miss_a_ticket(house: House) -> dict[str, Any]:
    """Open a ticket at 11:00 that nobody accepts until 11:40."""
    await house.at("11:00")
    ticket = await house.open(owner_id=house.id_of("li"))
    await house.at("11:31")
    await sweep(house.database)
    await house.at("11:40")
    return await house.do(ticket, "accept", "li")


async def entries(database: Database) -> list[Row]:
    """Return every entry."""
    return await database.all(ENTRIES)


async def tell_again(database: Database) -> int:
    """Make every message that was handed on pending again; returns how many."""
    rows = [row for row in await database.all(MESSAGES) if row["state"] == "done"]
    async with database.transaction() as tx:
        at = await tx.now()
        await writing.update_many(
            tx,
            OutboxMessage,
            [{"id": row["id"], "state": "pending", "attempt_at": at} for row in rows],
        )
    return len(rows)
