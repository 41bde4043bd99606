"""The job that closes what was resolved and never confirmed (SOP TK-7)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app import writing
from app.database import Database
from app.sla.models import FactRow, Subject
from app.sla.service import use_pack
from app.statements import Statement
from app.tickets.closing import close_unconfirmed
from tests.tickets.conftest import House
from tests.tickets.test_table import SOLUTION

pytestmark = pytest.mark.sop("TK-7")
DUE = "2026-03-09 18:00"  # the end of the fifth working day after Monday
BREAK_THE_FIRST = Statement(
    update(FactRow)
    .where(
        FactRow.kind == "opened",
        FactRow.subject_key == select(func.min(Subject.id)).scalar_subquery(),
    )
    .values(data={"inputs": {}, "policy": ["lost", 1], "calendars": {}})
    .returning(FactRow.id)
)


async def resolved(house: House, **values: Any) -> dict[str, Any]:
    ticket = await house.open(by="li", for_myself=True, **values)
    return await house.do(ticket, "resolve", "li", solution=SOLUTION)


async def test_nothing_due_closes_nothing(house: House) -> None:
    await house.open()
    assert await close_unconfirmed(house.database) == 0


@pytest.mark.parametrize(
    ("at", "closed"), [("17:59:59.999999", 0), ("18:00", 1), ("18:00:00.000001", 1)]
)
async def test_it_closes_at_the_end_of_the_fifth_working_day(
    house: House, at: str, closed: int
) -> None:
    ticket = await resolved(house)
    assert ticket["close_due_at"] == "2026-03-09T10:00:00.000000Z"
    await house.at(f"2026-03-09 {at}")
    assert await close_unconfirmed(house.database) == closed
    after = await house.read(ticket)
    assert after["status"] == ("closed" if closed else "resolved")
    if closed:
        assert (after["confirmation"], after["close_due_at"]) == ("none", None)
        assert (await house.facts(ticket))[-2:] == ["confirmed", "closed"]
        assert (await house.clocks(ticket))["confirm"] == "missed"
        assert (await house.events())[-1] == "ticket.closed"


async def test_run_twice_it_closes_once(house: House) -> None:
    await resolved(house)
    await house.at(DUE)
    assert await close_unconfirmed(house.database) == 1
    assert await close_unconfirmed(house.database) == 0
    assert (await house.events()).count("ticket.closed") == 1


async def test_two_at_once_close_each_ticket_once(house: House) -> None:
    tickets = [await resolved(house) for _ in range(5)]
    await house.at(DUE)
    counts = await asyncio.gather(*(close_unconfirmed(house.database) for _ in range(3)))
    assert sum(counts) == 5
    for ticket in tickets:
        assert (await house.facts(ticket)).count("closed") == 1


async def test_what_was_confirmed_or_reopened_is_left_alone(house: House) -> None:
    confirmed, reopened = await resolved(house), await resolved(house)
    contact = str(house.contact["public_id"])
    await house.do(confirmed, "confirm", "li", answer="solved", contact_id=contact, channel="phone")
    await house.do(reopened, "reopen", "li", reason="又坏了")
    await house.at(DUE)
    assert await close_unconfirmed(house.database) == 0


async def test_it_does_not_close_over_a_customer_who_waits_for_a_reply(house: House) -> None:
    ticket = await resolved(house)
    await house.do(ticket, "messages", "li", body="还有一个报警没消", author="customer")
    assert (await house.read(ticket))["close_due_at"] is None
    await house.at(DUE)
    assert await close_unconfirmed(house.database) == 0
    await house.do(ticket, "no-reply-needed", "li", reason="已电话说明")
    assert await close_unconfirmed(house.database) == 1


async def test_a_policy_that_closes_nothing_leaves_it_to_people(house: House) -> None:
    async with house.database.transaction() as tx:
        await use_pack(tx, "none")
    ticket = await resolved(house)
    assert ticket["close_due_at"] is None


async def test_one_that_cannot_be_closed_holds_up_no_other(
    house: House, database: Database
) -> None:
    broken, sound = await resolved(house), await resolved(house)
    async with database.transaction() as tx:  # its facts name a policy that is not there
        await writing.change_set(tx, FactRow, BREAK_THE_FIRST)
    house.is_sound = False
    await house.at(DUE)
    assert await close_unconfirmed(database) == 1
    assert (await house.read(sound))["status"] == "closed"
    put_off = await house.read(broken)
    assert (put_off["status"], put_off["close_due_at"]) == (
        "resolved",
        "2026-03-09T11:00:00.000000Z",
    )
    assert await close_unconfirmed(database) == 0
