"""What other products are blamed for, each shown not to happen here (conventions 4: clocks and escalations).

Through the API on a frozen clock, office hours 09:00-18:00 in Shanghai, the worker's sweep and relay run as
they would. The names are the complaints.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.calendars.models import CalendarRow, CalendarVersion
from app.database import Database
from app.outbox.relay import relay
from app.sla.book import use_pack
from app.sla.enforcement import sweep
from app.sla.models import PolicyRow, PolicyVersion
from app.statements import Statement
from app.subscribers import SUBSCRIPTIONS
from tests.calendars.documents import WITH_LUNCH, document, weekdays
from tests.tickets.conftest import CONCRETE, House, local
from tests.tickets.conftest import house as house  # noqa: PLC0414 - a fixture

Ticket = Mapping[str, Any]
QUESTION = {"question": "请提供铭牌照片和报警代码,可以吗?", "reason": "缺报警代码"}
SOLVED = {"solution": {"steps": "更换温度探头并重新校准", "result": "连续 2 小时偏差小于 0.1 ℃"}}
CALENDARS = Statement(select(*CalendarRow.__table__.columns))


async def deadlines(house: House, ticket: Ticket) -> dict[str, dict[str, Any]]:
    """The last row of each clock of a ticket."""
    page = await house.get(f"/{ticket['id']}/deadlines", limit=200)
    rows = sorted(page["items"], key=lambda row: (row["cycle"], row["revision"]))
    return {row["clock"]: row for row in rows}


async def due(house: House, ticket: Ticket, clock: str) -> str:
    return str((await deadlines(house, ticket))[clock]["due_at"])


async def owner_of(house: House, ticket: Ticket) -> str:
    """The name of the ticket's owner."""
    owner = (await house.read(ticket))["owner_id"]
    return next(name for name, row in house.people.items() if str(row["public_id"]) == owner)


def shown(text: str) -> str:
    """A local time as the API shows it."""
    return f"{local(text):%Y-%m-%dT%H:%M:%S.%fZ}"


async def escalations(house: House, ticket: Ticket) -> Counter[tuple[str, int]]:
    """How often each level of each of a ticket's clocks has fired."""
    fired: Counter[tuple[str, int]] = Counter()
    for clock, row in (await deadlines(house, ticket)).items():
        answer = await house.client.get(
            "/api/v1/escalations",
            params={"deadline_id": row["id"], "limit": 200},
            headers=house.callers["admin"],
        )
        assert answer.status_code == 200, answer.text
        fired.update((clock, one["level"]) for one in answer.json()["items"])
    return fired


async def inbox(house: House, name: str) -> list[dict[str, Any]]:
    answer = await house.client.get(
        "/api/v1/notifications", params={"limit": 200}, headers=house.callers[name]
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def look(house: House, text: str) -> None:
    """Let a worker look at an instant: sweep, then deliver."""
    await house.at(text)
    await sweep(house.database)
    await relay(house.database, SUBSCRIPTIONS)


async def use_policy(database: Database, name: str) -> None:
    async with database.transaction() as tx:
        await use_pack(tx, name)


async def change_tier(house: House, tier: str) -> None:
    path = f"/api/v1/customers/{house.customer['public_id']}"
    read = await house.client.get(path, headers=house.callers["admin"])
    answer = await house.client.post(
        f"{path}/tier",
        json={"tier": tier, "reason": "年度合作额超过五百万元"},
        headers={**house.callers["admin"], "If-Match": read.headers["etag"]},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.sop("TK-5")
async def test_due_after_a_priority_change_does_not_forget_the_pauses(house: House) -> None:
    ticket = await house.open()
    owner = await owner_of(house, ticket)
    await house.at("09:10")
    await house.do(ticket, "accept", owner)
    await house.at("10:00")
    await house.do(ticket, "wait", owner, **QUESTION)
    await house.at("14:00")
    await house.do(ticket, "resume", owner)
    assert await due(house, ticket, "resolve") == shown("17:00")
    await house.at("14:30")
    await house.do(ticket, "reclassify", owner, priority="high")
    assert await due(house, ticket, "resolve") == shown("17:00")
    await house.at("15:00")
    await house.do(ticket, "reclassify", owner, complexity="complex")
    assert await due(house, ticket, "resolve") == shown("2026-03-03 13:00")
    await house.at("15:30")
    await house.do(ticket, "reclassify", owner, complexity="normal")
    assert await due(house, ticket, "resolve") == shown("17:00")


@pytest.mark.sop("TK-5")
async def test_no_clock_is_left_over_after_moving_to_a_policy_without_it(house: House) -> None:
    policy = {
        "name": "premium",
        "conditions": {"tier": ["A"]},
        "clocks": {"resolve": {"target": {"hours": 8}}},
    }
    async with house.database.transaction() as tx:
        now = await tx.now()
        row = await writing.insert(
            tx, PolicyRow, name="premium", title={"zh": "尊享", "en": "Premium"}, position=-1,
            is_active=True, created_at=now,
        )  # fmt: skip
        await writing.insert(
            tx, PolicyVersion, policy_id=row["id"], number=1, document=policy, created_at=now
        )
    ticket = await house.open()
    await house.at("09:20")
    await change_tier(house, "A")
    rows = await deadlines(house, ticket)
    assert rows["accept"]["state"] == "cancelled"
    assert rows["resolve"]["policy"] == "premium"
    await look(house, "2026-03-03 18:00")
    fired = await escalations(house, ticket)
    assert {clock for clock, _ in fired} == {"resolve"}
    await change_tier(house, "B")
    assert (await deadlines(house, ticket))["accept"]["state"] == "running"


@pytest.mark.sop("TK-9")
async def test_an_escalation_neither_twice_nor_once_a_day_at_most(house: House) -> None:
    ticket = await house.open()
    for text in ("09:22:30", "09:30", "10:30", "13:30"):
        await house.at(text)
        await asyncio.gather(*(sweep(house.database) for _ in range(5)))
    await look(house, "17:00")
    await look(house, "2026-03-03 09:00")
    await look(house, "2026-03-04 09:00")
    fired = await escalations(house, ticket)
    assert {level: fired["accept", level] for level in (1, 2, 3, 4)} == {1: 1, 2: 1, 3: 1, 4: 1}
    assert set(fired.values()) == {1}


@pytest.mark.sop("TK-1", "TK-9")
async def test_no_notice_at_midnight(house: House) -> None:
    ticket = await house.open()
    owner = await owner_of(house, ticket)
    await house.do(ticket, "accept", owner)
    await house.do(ticket, "agree", owner, due_at=shown("23:30"), wish_recorded=True)
    await house.do(ticket, "approve-agreement", "support_head")
    await look(house, "21:59")
    before = len(await inbox(house, owner))
    await look(house, "23:45")
    await look(house, "2026-03-03 00:30")
    assert (await escalations(house, ticket))["agreed", 2] == 1, "it fires and is recorded at once"
    assert len(await inbox(house, owner)) == before, "nobody is woken"
    await look(house, "2026-03-03 07:59:59")
    assert len(await inbox(house, owner)) == before
    await look(house, "2026-03-03 08:00")
    assert len(await inbox(house, owner)) > before


@pytest.mark.sop("TK-6b")
async def test_no_escalation_for_a_thank_you(house: House) -> None:
    ticket = await house.open()
    owner = await owner_of(house, ticket)
    await house.do(ticket, "accept", owner)
    await house.at("09:30")
    await house.do(ticket, "resolve", owner, **SOLVED)
    await house.at("10:00")
    await house.do(ticket, "messages", owner, body="谢谢", author="customer")
    assert "next_reply" not in await deadlines(house, ticket)
    assert (await house.read(ticket))["status"] == "resolved"
    await look(house, "2026-03-03 17:00")
    assert not [clock for clock, _ in await escalations(house, ticket) if clock == "next_reply"]
    await house.do(ticket, "messages", owner, body="谢谢,还会再坏吗?", author="customer")
    assert (await deadlines(house, ticket))["next_reply"]["state"] == "running"


@pytest.mark.sop("TK-5")
async def test_no_first_response_stamped_by_a_change_of_status(house: House) -> None:
    await use_policy(house.database, "tiered-cases")
    ticket = await house.open()
    owner = await owner_of(house, ticket)
    await house.at("09:10")
    await house.do(ticket, "accept", owner)
    await house.do(ticket, "assign", "admin", owner_id=house.id_of("wu"))
    await house.do(ticket, "reclassify", "wu", priority="high")
    await house.do(ticket, "messages", "wu", body=CONCRETE, public=False)
    await house.do(ticket, "messages", "wu", body=CONCRETE, automatic=True)
    row = (await deadlines(house, ticket))["first_answer"]
    assert (row["state"], row["answered_at"]) == ("running", None)
    await house.at("11:00")
    await house.do(ticket, "messages", "wu", body=CONCRETE)
    row = (await deadlines(house, ticket))["first_answer"]
    assert (row["state"], row["answered_at"]) == ("met", shown("11:00"))


@pytest.mark.sop("TK-2")
async def test_the_lunch_break_counts_for_nothing(house: House) -> None:
    async with house.database.transaction() as tx:
        now = await tx.now()
        for row in await tx.all(CALENDARS):
            await writing.update(tx, CalendarRow, row, is_working=False)
        await tx.flush()
        lunch = await writing.insert(
            tx, CalendarRow, name="lunch", title={"zh": "午休", "en": "Lunch"}, is_working=True,
            created_at=now,
        )  # fmt: skip
        hours = {**document(weekdays(WITH_LUNCH)), "name": "lunch"}
        await writing.insert(
            tx, CalendarVersion, calendar_id=lunch["id"], number=1, document=hours, created_at=now
        )
    await house.at("11:50")
    ticket = await house.open()
    assert await due(house, ticket, "accept") == shown("13:50")
    await look(house, "13:49:59")
    assert (await deadlines(house, ticket))["accept"]["state"] == "running"
    await house.at("13:50:00.000001")
    assert (await deadlines(house, ticket))["accept"]["state"] == "missed"


@pytest.mark.sop("TK-5")
async def test_a_ticket_may_be_without_a_deadline(house: House) -> None:
    await use_policy(house.database, "none")
    ticket = await house.open()
    owner = await owner_of(house, ticket)
    await house.at("09:10")
    await house.do(ticket, "accept", owner)
    await look(house, "2026-03-09 12:00")
    await house.do(ticket, "resolve", owner, **SOLVED)
    assert await deadlines(house, ticket) == {}
    assert await house.facts(ticket) == ["opened", "accepted", "resolved"], "facts are kept anyway"
