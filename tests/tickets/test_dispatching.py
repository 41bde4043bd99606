"""Who gets a ticket (SOP TK-3): loads, absences, heads, nights, and fifty openings at once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from app import writing
from app.auth.models import Department
from app.customers.models import Customer
from app.database import Database
from app.tickets.loads import shift_loads
from tests.factories import make_customer, make_ticket, make_user
from tests.tickets.conftest import DISPATCHES, TICKETS, House, local, put_on_call

pytestmark = pytest.mark.sop("TK-3")


async def owners(house: House) -> list[str | None]:
    return [house.name_of(row["owner_id"]) for row in await house.database.all(TICKETS)]


async def last_dispatch(house: House, ticket: dict[str, Any]) -> dict[str, Any]:
    page = await house.get(f"/{ticket['id']}/dispatch")
    decision: dict[str, Any] = page["items"][-1]
    return decision


async def make_vip(house: House, **values: Any) -> str:
    async with house.database.transaction() as tx:
        customer = await make_customer(tx, name="贵宾", tier="A", **values)
    return str(customer["public_id"])


async def test_one_after_the_other_gets_the_next(house: House) -> None:
    for minute in range(6):
        await house.at(f"09:0{minute}")
        await house.open()
    assert await owners(house) == ["li", "zhang", "wu", "li", "zhang", "wu"]


async def test_whoever_is_rid_of_one_is_next(house: House) -> None:
    tickets = [await house.open() for _ in range(3)]
    await house.do(tickets[-1], "cancel", "support_head", reason="重复报修")
    await house.open()
    assert await owners(house) == ["li", "zhang", "wu", "wu"]


@pytest.mark.parametrize(
    ("kind", "owner"),
    [
        ("consult", "seller"),
        ("technical", "li"),
        ("after_sales", "agent"),
        ("complaint", "service_head"),
    ],
)
async def test_each_type_goes_to_its_trade_and_a_complaint_to_the_head(
    house: House, kind: str, owner: str
) -> None:
    ticket = await house.open(type=kind)
    assert ticket["owner"]["name"] == owner


async def test_another_trade_helps_out_only_where_nobody_is_of_the_right_one(house: House) -> None:
    async with house.database.transaction() as tx:
        await make_user(tx, role="service", name="visitor", department=house.departments["support"])
    for _ in range(3):
        await house.open()
    assert await owners(house) == ["li", "zhang", "wu"]
    for name in ("li", "zhang", "wu"):
        await house.change_user(name, is_active=False)
    ticket = await house.open()
    assert ticket["owner"]["name"] == "visitor"


async def test_the_department_is_the_winners_own_team(house: House) -> None:
    tickets = [await house.open() for _ in range(3)]
    assert [one["department"]["name"] for one in tickets] == ["技术支持部", "技术支持部", "现场组"]
    history = await house.get(f"/{tickets[2]['id']}/history")
    assert history["items"][0]["data"]["inputs"]["department"] == "现场组"


@pytest.mark.parametrize(
    ("at", "owner"),
    [
        ("08:59:59.999999", "li"),
        ("09:00", "zhang"),
        ("11:59:59.999999", "zhang"),
        ("12:00", "li"),
    ],
)
async def test_an_absence_holds_from_its_start_to_just_before_its_end(
    house: House, at: str, owner: str
) -> None:
    await house.change_user("li", absent_from=local("09:00"), absent_until=local("12:00"))
    await house.at(at)
    assert (await house.open())["owner"]["name"] == owner


async def test_an_absence_without_an_end_lasts(house: House) -> None:
    await house.change_user("li", absent_from=local("09:00"), absent_until=None)
    await house.at("2026-03-09 10:00")
    assert (await house.open())["owner"]["name"] == "zhang"


async def absent(house: House, *names: str) -> None:
    for name in names:
        await house.change_user(name, absent_from=local("08:00"), absent_until=local("20:00"))


async def test_nobody_present_the_head_answers(house: House) -> None:
    await absent(house, "li", "zhang", "wu")
    ticket = await house.open()
    decision = await last_dispatch(house, ticket)
    assert (ticket["owner"]["name"], decision["rule"]) == ("support_head", "nobody_present")
    assert {one["name"]: one["standing"] for one in decision["candidates"]} == {
        "li": "absent", "zhang": "absent", "wu": "absent", "support_head": "won",
    }  # fmt: skip


async def test_an_absent_head_is_represented_else_the_next_one_up_answers(house: House) -> None:
    await absent(house, "service_head")
    assert (await house.open(type="complaint"))["owner"]["name"] == "boss"
    await house.change_user("service_head", delegate_id=house.people["agent"]["id"])
    assert (await house.open(type="complaint"))["owner"]["name"] == "agent"


async def test_when_all_are_away_the_head_has_it_all_the_same(house: House) -> None:
    await absent(house, "service_head", "boss")
    assert (await house.open(type="complaint"))["owner"]["name"] == "service_head"


async def test_without_people_and_heads_it_waits_in_the_department(house: House) -> None:
    async with house.database.transaction() as tx:
        empty = await writing.insert(
            tx, Department, name="空部门", name_key="空部门", path="/999/",
            created_at=local("09:00"), updated_at=local("09:00"),
        )  # fmt: skip
    ticket = await house.open(department_id=str(empty["public_id"]))
    assert (ticket["owner"], ticket["department"]["name"]) == (None, "空部门")
    decision = await last_dispatch(house, ticket)
    assert (decision["rule"], decision["winner"], decision["candidates"]) == (
        "unassigned",
        None,
        [],
    )


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("08:59:59.999999", "on_call"),
        ("09:00", "least_loaded"),
        ("17:59:59.999999", "least_loaded"),
        ("18:00", "on_call"),
        ("2026-03-07 10:00", "on_call"),
    ],
)
async def test_outside_hours_a_vip_goes_to_whoever_is_on_call(
    house: House, at: str, rule: str
) -> None:
    await put_on_call(house.database, house.departments["support"], house.people["zhang"])
    vip = await make_vip(house)
    await house.at(at)
    ticket = await house.open(customer_id=vip, contact_id=None)
    assert (await last_dispatch(house, ticket))["rule"] == rule
    assert ticket["owner"]["name"] == ("zhang" if rule == "on_call" else "li")


async def test_others_are_dispatched_at_night_as_by_day(house: House) -> None:
    await put_on_call(house.database, house.departments["support"], house.people["zhang"])
    await house.at("22:00")
    assert (await house.open())["owner"]["name"] == "li"


async def test_the_first_on_call_who_is_there_is_called(house: House) -> None:
    people = house.people
    await put_on_call(house.database, house.departments["support"], people["wu"], people["zhang"])
    await house.change_user(
        "wu", absent_from=local("08:00"), absent_until=local("2026-03-09 08:00")
    )
    await house.at("22:00")
    ticket = await house.open(customer_id=await make_vip(house), contact_id=None)
    assert ticket["owner"]["name"] == "zhang"


async def test_a_head_on_call_before_others_is_called_before_them(house: House) -> None:
    people = house.people
    support = house.departments["support"]
    await put_on_call(house.database, support, people["support_head"], people["zhang"])
    await house.at("22:00")
    ticket = await house.open(customer_id=await make_vip(house), contact_id=None)
    decision = await last_dispatch(house, ticket)
    assert (ticket["owner"]["name"], decision["rule"]) == ("support_head", "on_call")
    assert [one["name"] for one in decision["candidates"]] == ["support_head"]


async def test_teams_on_call_answer_for_a_department_without_a_list(house: House) -> None:
    await put_on_call(house.database, house.departments["field"], house.people["wu"])
    await house.at("22:00")
    ticket = await house.open(customer_id=await make_vip(house), contact_id=None)
    assert (ticket["owner"]["name"], ticket["department"]["name"]) == ("wu", "现场组")


async def test_who_is_away_and_was_asked_first_is_recorded(house: House) -> None:
    await absent(house, "service_head")
    decision = await last_dispatch(house, await house.open(type="complaint"))
    assert [(one["name"], one["standing"]) for one in decision["candidates"]] == [
        ("service_head", "absent"), ("boss", "won"),
    ]  # fmt: skip


async def test_nobody_on_call_the_dedicated_manager_then_the_head_is_called(house: House) -> None:
    await house.at("22:00")
    vip = await make_vip(house, account_manager_id=house.people["seller"]["id"])
    ticket = await house.open(customer_id=vip, contact_id=None)
    assert ticket["owner"]["name"] == "seller"
    assert (await last_dispatch(house, ticket))["rule"] == "account_manager"
    assert ticket["department"]["name"] == "技术支持部"
    ticket = await house.open(customer_id=await make_vip(house), contact_id=None)
    assert ticket["owner"]["name"] == "support_head"
    assert (await last_dispatch(house, ticket))["rule"] == "head"


async def test_a_decision_says_who_had_how_much_and_how_each_fared(house: House) -> None:
    await house.open()
    await house.at("09:10")
    await absent(house, "wu")
    ticket = await house.open()
    decision = await last_dispatch(house, ticket)
    assert (decision["rule"], decision["winner"]["name"]) == ("least_loaded", "zhang")
    assert decision["department"]["name"] == "技术支持部"
    assert [(one["name"], one["open_count"], one["standing"]) for one in decision["candidates"]] == [
        ("zhang", 0, "won"), ("li", 1, "more_loaded"), ("wu", 0, "absent"),
    ]  # fmt: skip
    li = decision["candidates"][1]
    assert li["idle_since"] == "2026-03-02T01:00:00.000000Z"


# --- load counters


async def test_loads_follow_the_ticket_from_hand_to_hand_to_its_end(house: House) -> None:
    ticket = await house.open()
    assert await house.loads() == {"li": 1}
    await house.do(ticket, "assign", "support_head", owner_id=house.id_of("zhang"))
    assert await house.loads() == {"zhang": 1}
    await house.do(ticket, "accept", "zhang")
    await house.do(
        ticket, "resolve", "zhang", solution={"steps": "更换探头并重新校准三点", "result": "恢复"}
    )
    assert await house.loads() == {}
    await house.do(ticket, "assign", "support_head", owner_id=house.id_of("li"))
    assert await house.loads() == {}
    await house.do(ticket, "reopen", "li", reason="又坏了")
    assert await house.loads() == {"li": 1}
    await house.do(ticket, "cancel", "li", reason="客户撤回")
    assert await house.loads() == {}


async def test_a_counter_never_falls_below_nothing(house: House, database: Database) -> None:
    key = house.people["li"]["id"]
    for _ in range(2):
        async with database.transaction() as tx:
            await shift_loads(tx, taken_from=key, given_to=None, at=local("09:00"))
    assert await house.loads() == {}


async def test_fifty_openings_at_once_differ_by_at_most_one(house: House) -> None:
    opener, customer = house.people["agent"], house.customer

    async def open_one() -> None:
        async with house.database.transaction() as tx:
            await make_ticket(tx, opener, customer)

    await asyncio.gather(*(open_one() for _ in range(50)))
    counts = Counter(await owners(house))
    assert set(counts) == {"li", "zhang", "wu"}
    assert max(counts.values()) - min(counts.values()) <= 1
    assert await house.loads() == dict(counts)
    assert len(await house.database.all(DISPATCHES)) == 50
    assert len({row["number"] for row in await house.database.all(TICKETS)}) == 50


async def test_openings_and_endings_at_once_leave_the_counters_true(house: House) -> None:
    tickets = [await house.open() for _ in range(9)]
    head = "support_head"

    async def end(ticket: dict[str, Any], number: int) -> None:
        if number % 2:
            await house.do(ticket, "cancel", head, reason="重复")
        else:
            await house.do(ticket, "assign", head, owner_id=house.id_of("zhang"))

    await asyncio.gather(
        *(end(ticket, number) for number, ticket in enumerate(tickets)),
        *(house.open() for _ in range(9)),
    )
    still_open = [row for row in await house.database.all(TICKETS) if row["status"] == "new"]
    assert await house.loads() == Counter(house.name_of(row["owner_id"]) for row in still_open)


async def test_the_account_manager_of_no_department_keeps_the_handling_one(house: House) -> None:
    async with house.database.transaction() as tx:
        lone = await make_user(tx, role="sales", name="lone")
        customer = await writing.insert(
            tx, Customer, number="C900001", name="贵宾", name_key="贵宾", source_channel="phone", tier="A",
            account_manager_id=lone["id"], created_at=local("09:00"), updated_at=local("09:00"),
        )  # fmt: skip
    await house.at("22:00")
    ticket = await house.open(customer_id=str(customer["public_id"]), contact_id=None)
    assert (ticket["owner"]["name"], ticket["department"]["name"]) == ("lone", "技术支持部")
