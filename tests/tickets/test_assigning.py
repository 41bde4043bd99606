"""Whose ticket it is: accepting, giving away, taking back what was not accepted in time."""

from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.auth.models import Department
from app.database import Database
from app.statements import Statement
from tests.tickets.conftest import NOBODY, House, code_of, errors_of

DUE = "2026-03-02 09:30"


# --- accepting


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("at", "state"),
    [("09:29:59.999999", "met"), ("09:30", "met"), ("09:30:00.000001", "late")],
)
async def test_accepted_up_to_due_is_met_and_later_is_late(
    house: House, at: str, state: str
) -> None:
    ticket = await house.open()
    await house.at(at)
    ticket = await house.do(ticket, "accept", "li")
    assert (await house.clocks(ticket))["accept"] == state
    assert ticket["status"] == "accepted"


async def test_only_its_owner_accepts_a_ticket(house: House) -> None:
    ticket = await house.open()
    for other in ("zhang", "support_head", "admin"):
        assert code_of(await house.attempt(ticket, "accept", other)) == (403, "not_permitted")


async def test_whoever_accepts_a_ticket_of_nobody_owns_it(house: House) -> None:
    for name in ("li", "zhang", "wu", "support_head", "boss"):
        await house.change_user(name, is_active=False)
    ticket = await house.open()
    assert ticket["owner"] is None
    ticket = await house.do(ticket, "accept", "agent")
    assert (ticket["owner"]["name"], ticket["department"]["name"]) == ("agent", "技术支持部")
    assert ticket["dispatched_at"] == ticket["accepted_at"]
    assert await house.facts(ticket) == ["opened", "assigned", "accepted"]
    assert await house.loads() == {"agent": 1}
    page = await house.get(f"/{ticket['id']}/dispatch")
    assert [one["rule"] for one in page["items"]] == ["unassigned", "accepted"]


# --- giving away


async def test_a_ticket_given_away_keeps_its_clocks(house: House) -> None:
    ticket = await house.open()
    await house.at("09:10")
    ticket = await house.do(
        ticket, "assign", "support_head", owner_id=house.id_of("wu"), reason="他在现场"
    )
    assert (ticket["owner"]["name"], ticket["department"]["name"]) == ("wu", "现场组")
    assert ticket["dispatched_at"] == "2026-03-02T01:10:00.000000Z"
    page = await house.get(f"/{ticket['id']}/deadlines")
    assert {one["owner_id"] for one in page["items"]} == {house.id_of("wu")}
    assert {one["due_at"] for one in page["items"] if one["clock"] == "accept"} == {
        "2026-03-02T01:30:00.000000Z"
    }
    note = (await house.get(f"/{ticket['id']}/messages"))["items"][0]
    assert (note["body"], note["public"], note["user_name"]) == ("他在现场", False, "support_head")


async def test_an_acceptance_is_inherited(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    ticket = await house.do(ticket, "assign", "li", owner_id=house.id_of("zhang"))
    assert (ticket["status"], ticket["owner"]["name"]) == ("accepted", "zhang")


async def test_owner_and_department_can_be_given_together(house: House) -> None:
    ticket = await house.open()
    support = str(house.departments["support"]["public_id"])
    ticket = await house.do(
        ticket, "assign", "support_head", owner_id=house.id_of("wu"), department_id=support
    )
    assert (ticket["owner"]["name"], ticket["department"]["id"]) == ("wu", support)


@pytest.mark.sop("TK-3")
async def test_a_department_alone_dispatches_within_it(house: House) -> None:
    ticket = await house.open()
    service = str(house.departments["service"]["public_id"])
    ticket = await house.do(ticket, "assign", "support_head", department_id=service)
    assert (ticket["owner"]["name"], ticket["department"]["id"]) == ("agent", service)
    assert await house.loads() == {"agent": 1}
    page = await house.get(f"/{ticket['id']}/dispatch")
    assert [one["rule"] for one in page["items"]] == ["least_loaded", "least_loaded"]


async def test_giving_it_to_its_owner_changes_nothing(house: House) -> None:
    ticket = await house.open()
    assert await house.do(ticket, "assign", "support_head", owner_id=house.id_of("li")) == ticket
    assert await house.facts(ticket) == ["opened"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"reason": "x"}, {"/owner_id": "missing"}),
        ({"owner_id": NOBODY}, {"/owner_id": "unknown_reference"}),
        ({"department_id": NOBODY}, {"/department_id": "unknown_reference"}),
        ({"owner_id": "1"}, {"/owner_id": "uuid_parsing"}),
    ],
)
async def test_an_assignment_to_nobody_is_refused(
    house: House, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await house.open()
    assert errors_of(await house.attempt(ticket, "assign", "support_head", **body)) == wrong


async def test_readers_are_given_no_tickets(house: House) -> None:
    ticket = await house.open()
    answer = await house.attempt(ticket, "assign", "support_head", owner_id=house.id_of("analyst"))
    assert errors_of(answer) == {"/owner_id": "cannot_own_tickets"}


# --- taking back


@pytest.mark.sop("TK-2", "TK-3")
@pytest.mark.parametrize("at", ["09:00", "09:29:59.999999", "09:30"])
async def test_what_may_still_be_accepted_in_time_stays(house: House, at: str) -> None:
    ticket = await house.open()
    await house.at(at)
    answer = await house.attempt(ticket, "take-back", "support_head")
    assert code_of(answer) == (409, "accept_not_missed")


@pytest.mark.sop("TK-2", "TK-3")
async def test_what_was_not_accepted_in_time_goes_to_somebody_else(house: House) -> None:
    for name in ("zhang", "wu"):  # busier than the one who did not accept
        await house.open(owner_id=house.id_of(name))
    ticket = await house.open()
    assert ticket["owner"]["name"] == "li"
    await house.at("09:30:00.000001")
    ticket = await house.do(ticket, "take-back", "support_head", reason="半小时无人受理")
    assert (ticket["status"], ticket["owner"]["name"]) == ("new", "zhang")
    assert await house.loads() == {"zhang": 2, "wu": 1}
    decision = (await house.get(f"/{ticket['id']}/dispatch"))["items"][-1]
    assert decision["rule"] == "taken_back:least_loaded"
    assert "li" not in {one["name"] for one in decision["candidates"]}
    assert (await house.clocks(ticket))["accept"] == "missed"
    ticket = await house.do(ticket, "accept", "zhang")
    assert (await house.clocks(ticket))["accept"] == "late"


async def test_taking_back_is_the_supervisors_and_the_heads(
    house: House, database: Database
) -> None:
    ticket = await house.open()
    await house.at("10:00")
    for name in ("li", "zhang", "agent"):
        answer = await house.attempt(ticket, "take-back", name)
        assert code_of(answer) == (403, "not_permitted"), name
    async with database.transaction() as tx:
        statement = Statement(
            select(*Department.__table__.columns).where(
                Department.id == house.departments["support"]["id"]
            )
        )
        row = await tx.one(statement)
        assert row is not None
        await writing.update(tx, Department, row, head_id=house.people["zhang"]["id"])
    ticket = await house.do(ticket, "take-back", "zhang")
    assert ticket["owner"]["name"] == "zhang"


async def test_with_nobody_else_there_it_goes_up(house: House) -> None:
    await house.change_user("zhang", is_active=False)
    await house.change_user("wu", is_active=False)
    ticket = await house.open()
    await house.at("10:00")
    ticket = await house.do(ticket, "take-back", "boss")
    decision = (await house.get(f"/{ticket['id']}/dispatch"))["items"][-1]
    assert (ticket["owner"]["name"], decision["rule"]) == (
        "support_head", "taken_back:nobody_present",
    )  # fmt: skip
