"""The task force of a super-complex ticket and its first plan (SOP TK-4)."""

from typing import Any

import pytest

from tests.tickets.conftest import NOBODY, House, code_of, errors_of

pytestmark = pytest.mark.sop("TK-4")
PLAN = "1. 今天退回旧版恢复放行;2. 今晚出差异报告。"


def members(house: House, *names: str) -> list[dict[str, str]]:
    return [{"user_id": house.id_of(name), "duty": f"{name} 的职责"} for name in names]


async def test_a_super_complex_ticket_gets_its_task_force_and_its_plan(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    ticket = await house.do(ticket, "reclassify", "li", complexity="super")
    assert (await house.clocks(ticket))["plan"] == "running"
    answer = await house.attempt(ticket, "plan", "li", plan=PLAN)
    assert code_of(answer) == (409, "task_force_needed")
    ticket = await house.do(ticket, "task-force", "li", members=members(house, "li", "agent"))
    assert [(one["name"], one["duty"]) for one in ticket["task_force"]] == [
        ("li", "li 的职责"), ("agent", "agent 的职责"),
    ]  # fmt: skip
    await house.at("11:00")  # exactly due
    ticket = await house.do(ticket, "plan", "agent", plan=PLAN)
    assert ticket["plan"] == PLAN
    assert (await house.clocks(ticket))["plan"] == "met"
    assert await house.facts(ticket) == [
        "opened", "reclassified", "task_force_formed", "plan_stated",
    ]  # fmt: skip


async def test_it_takes_two_departments_the_owners_counted(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True, complexity="super")
    alone = {"members": members(house, "li", "zhang")}
    answer = await house.attempt(ticket, "task-force", "li", **alone)
    assert errors_of(answer) == {"/members": "one_department"}
    await house.do(ticket, "task-force", "li", members=members(house, "agent"))


async def test_any_other_ticket_may_have_one_of_a_single_department(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "task-force", "li", members=members(house, "li", "zhang"))
    ticket = await house.do(ticket, "plan", "li", plan=PLAN)
    assert "plan" not in await house.clocks(ticket)


async def test_a_new_task_force_takes_the_place_of_the_old(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "task-force", "li", members=members(house, "li", "agent", "wu"))
    changed = [
        {"user_id": house.id_of("agent"), "duty": "客户沟通"},
        {"user_id": house.id_of("zhang")},
    ]
    ticket = await house.do(ticket, "task-force", "li", members=changed)
    assert {(one["name"], one["duty"]) for one in ticket["task_force"]} == {
        ("agent", "客户沟通"), ("zhang", ""),
    }  # fmt: skip


async def test_a_plan_stated_before_counts_as_met_at_once(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "plan", "li", plan=PLAN)
    ticket = await house.do(ticket, "reclassify", "li", complexity="super")
    assert (await house.clocks(ticket))["plan"] == "met"


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ([], {"/members": "too_short"}),
        ([NOBODY], {"/members/0/user_id": "unknown_reference"}),
        (["li", "agent", "li"], {"/members/2/user_id": "duplicate_member"}),
        (["agent", "zhang"], {"/members/1/user_id": "user_inactive"}),
    ],
)
async def test_a_task_force_of_strangers_is_refused(
    house: House, given: list[str], wrong: dict[str, Any]
) -> None:
    await house.change_user("zhang", is_active=False)
    ticket = await house.open(by="li", for_myself=True)
    listed = [{"user_id": one if one == NOBODY else house.id_of(one)} for one in given]
    answer = await house.attempt(ticket, "task-force", "li", members=listed)
    assert errors_of(answer) == wrong
