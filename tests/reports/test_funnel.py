"""The funnel equals counting the steps one by one, for whoever may count them."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import writing
from app.customers.models import CustomerStageChange
from app.database import Database, Transaction
from app.lifecycle.rules import read_lifecycle
from app.lifecycle.shipped import shipped_document
from app.statements import Row
from tests.conftest import AsUser, Caller
from tests.factories import make_customer, make_department, make_rules, make_user

URL = "/api/v1/customers/funnel"
MARCH = datetime(2026, 2, 28, 16, 0, tzinfo=UTC)  # midnight in Shanghai
APRIL = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
PERIOD = {"from": "2026-03-01", "to": "2026-03-31"}
LIFECYCLE = read_lifecycle(shipped_document(), 0)
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"


@dataclass
class House:
    """Two departments, one below the other, with an owner each; `steps` are all that were made."""

    owners: Sequence[Row]
    departments: Sequence[Row]
    callers: Mapping[str, Caller]
    steps: list[dict[str, Any]]


@pytest.fixture
async def house(database: Database, as_user: AsUser) -> House:
    await make_rules(database, APRIL + timedelta(days=3))
    async with database.transaction() as tx:
        east = await make_department(tx, name="华东部")
        group = await make_department(tx, name="上海组", parent=east)
        owners = [
            await make_user(tx, role="sales", name="李雷", department=east),
            await make_user(tx, role="sales", name="小郑", department=group),
        ]
        people = {
            "owner": owners[1],
            "head": await make_user(tx, role="manager", name="赵总", department=group),
            "analyst": await make_user(tx, role="analyst", name="小冯"),
            "auditor": await make_user(tx, role="auditor", name="小陈"),
        }
        house = House(owners, [east, group], {}, [])
        await _live(tx, house, random.Random(7))
    house.callers = {name: await as_user(user) for name, user in people.items()}
    return house


async def _live(tx: Transaction, house: House, chance: random.Random) -> None:
    """Lead sixty customers through stages at random, from January to April; two begin exactly at the edges."""
    for number in range(60):
        place = number % 2
        customer = await make_customer(tx, name=f"客户{number}")
        at = MARCH + timedelta(days=chance.uniform(-60, 30))
        at = {0: MARCH, 1: APRIL, 2: MARCH - timedelta(microseconds=1)}.get(number, at)
        source, stage = None, "potential"
        while at < APRIL + timedelta(days=2):
            step = {
                "customer_id": customer["id"],
                "from_stage": source,
                "to_stage": stage,
                "changed_at": at,
                "stayed_seconds": None if source is None else chance.randrange(5_000_000),
                "owner_id": None if number % 7 == 3 else house.owners[place]["id"],
                "department_id": house.departments[place]["id"],
            }
            house.steps.append(step)
            await writing.insert(tx, CustomerStageChange, **step)
            at += timedelta(days=chance.uniform(1, 40))
            ways = LIFECYCLE.moves_from(stage)
            source, stage = stage, chance.choice(ways).target


def counted(steps: Sequence[Mapping[str, Any]], whole: Sequence[Mapping[str, Any]]) -> Any:
    """Return the funnel's figures of steps, the slow way."""
    inside = [one for one in steps if MARCH <= one["changed_at"] < APRIL]
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    stays = defaultdict(list)
    for one in inside:
        later = [
            other for other in whole
            if other["customer_id"] == one["customer_id"] and other["changed_at"] > one["changed_at"]
        ]  # fmt: skip
        following = min(later, key=lambda other: other["changed_at"])["to_stage"] if later else None
        figures[one["to_stage"]][outcome(one["to_stage"], following)] += 1
        if one["from_stage"] is not None:
            stays[one["from_stage"]].append(one["stayed_seconds"])
    return {
        code: {
            "entered": sum(figures[code].values()),
            **{name: figures[code][name] for name in ("converted", "lost", "returned", "staying")},
            "stay": stay_of(sorted(stays[code])),
        }
        for code in LIFECYCLE.stages
    }


def outcome(stage: str, following: str | None) -> str:
    if following is None:
        return "staying"
    if following == "lost":
        return "lost"
    order = ["lost", "potential", "interested", "won"]
    return "converted" if order.index(following) > order.index(stage) else "returned"


def stay_of(stays: Sequence[int]) -> Any:
    if not stays:
        return None
    at = {percent: stays[math.ceil(len(stays) * percent / 100) - 1] for percent in (50, 90)}
    return {"count": len(stays), "median_seconds": at[50], "p90_seconds": at[90]}


def shown(stages: Sequence[Mapping[str, Any]]) -> Any:
    left_out = {"stage", "title", "kind", "rate"}
    return {
        one["stage"]: {name: value for name, value in one.items() if name not in left_out}
        for one in stages
    }


async def ask(client: httpx.AsyncClient, house: House, who: str, **asked: Any) -> Any:
    answer = await client.get(URL, params={**PERIOD, **asked}, headers=house.callers[who])
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.sop("CU-11")
async def test_the_funnel_is_what_counting_says(client: httpx.AsyncClient, house: House) -> None:
    told = await ask(client, house, "analyst")
    assert shown(told["stages"]) == counted(house.steps, house.steps)
    assert told["groups"] == []
    assert sum(one["entered"] for one in told["stages"]) > 40
    for one in told["stages"]:
        expected = round(one["converted"] / one["entered"], 4) if one["entered"] else None
        assert one["rate"] == expected


@pytest.mark.sop("CU-11")
@pytest.mark.parametrize("group_by", ["owner", "department"])
async def test_groups_are_those_who_had_the_customer_then(
    client: httpx.AsyncClient, house: House, group_by: str
) -> None:
    told = await ask(client, house, "analyst", group_by=group_by)
    rows = house.owners if group_by == "owner" else house.departments
    public_ids = {row["id"]: row["public_id"] for row in rows}
    expected = {}
    for key in {one[f"{group_by}_id"] for one in house.steps}:
        steps = [one for one in house.steps if one[f"{group_by}_id"] == key]
        expected[public_ids.get(key)] = counted(steps, house.steps)
    found = {
        None if one[group_by] is None else one[group_by]["id"]: shown(one["stages"])
        for one in told["groups"]
    }
    assert found == expected
    assert shown(told["stages"]) == counted(house.steps, house.steps)


@pytest.mark.sop("SE-1")
async def test_one_counts_ones_own_and_a_manager_what_lies_below_him(
    client: httpx.AsyncClient, house: House
) -> None:
    own = [one for one in house.steps if one["owner_id"] == house.owners[1]["id"]]
    assert shown((await ask(client, house, "owner"))["stages"]) == counted(own, house.steps)
    below = [one for one in house.steps if one["department_id"] == house.departments[1]["id"]]
    assert shown((await ask(client, house, "head"))["stages"]) == counted(below, house.steps)
    east = house.departments[0]["public_id"]
    for who, asked in (
        ("owner", {"owner_id": house.owners[0]["public_id"]}), ("head", {"department_id": east}),
        ("auditor", {}),
    ):  # fmt: skip
        answer = await client.get(URL, params=asked, headers=house.callers[who])
        assert answer.status_code == 403
    told = await ask(client, house, "analyst", department_id=east)
    assert shown(told["stages"]) == counted(house.steps, house.steps)
    assert all(
        not one["entered"]
        for one in (await ask(client, house, "analyst", owner_id=NOBODY))["stages"]
    )


@pytest.mark.parametrize(
    ("asked", "pointer", "code"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "/query/to", "period_backwards"),
        ({"from": "2024-01-01", "to": "2026-03-12"}, "/query/to", "period_too_long"),
        ({"from": "March"}, "/query/from", "date_parsing"),
        ({"group_by": "region"}, "/query/group_by", "enum"),
    ],
)
async def test_a_wrong_question_is_named(
    client: httpx.AsyncClient, house: House, asked: Any, pointer: str, code: str
) -> None:
    answer = await client.get(URL, params=asked, headers=house.callers["analyst"])
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]
