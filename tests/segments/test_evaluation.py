"""Who is in a segment: by the database as by plain Python, at once as in the night, and since when he was."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.customers.models import Customer
from app.database import Database
from app.outbox.relay import relay
from app.segments import evaluation
from app.segments.attributes import ATTRIBUTES
from app.segments.condition import parse
from app.segments.counting import recount_figures
from app.segments.evaluation import count_matching, evaluate_due
from app.segments.models import CustomerFigures, SegmentEvaluation, SegmentMember
from app.segments.schemas import SegmentCreate, SegmentPatch
from app.segments.service import create_segment, lock_segment, patch_segment
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from app.time import FAR_END
from tests.factories import freeze, make_customer, make_principal, make_rules, make_user
from tests.segments.brute import MOMENT, bands, holds, some_condition, some_customer
from tests.tickets.conftest import House

DAY = timedelta(days=1)
NO_FIGURES: Mapping[str, Any] = {
    "ticket_count": 0,
    "purchase_count_365d": 0,
    "purchase_amount_365d": 0,
}
MEMBERS = Statement(select(*SegmentMember.__table__.columns).order_by(SegmentMember.id))
EVALUATIONS = Statement(select(*SegmentEvaluation.__table__.columns).order_by(SegmentEvaluation.id))
CUSTOMERS = Statement(select(*Customer.__table__.columns).order_by(Customer.id))
FIGURES = Statement(select(*CustomerFigures.__table__.columns))
VIP = {"attribute": "tier", "operator": "eq", "value": "A"}


async def define(database: Database, condition: Any = VIP, name: str = "重点") -> Row:
    async with database.transaction() as tx:
        admin = make_principal(await make_user(tx, role="admin"))
        command = SegmentCreate.model_validate({"name": name, "condition": condition})
        return await create_segment(tx, admin, command)


async def change(database: Database, segment: Row, **values: Any) -> None:
    async with database.transaction() as tx:
        admin = make_principal(await make_user(tx, role="admin"))
        row = await lock_segment(tx, segment["public_id"])
        await patch_segment(tx, admin, row, SegmentPatch.model_validate(values))


async def add(database: Database, **values: Any) -> Row:
    async with database.transaction() as tx:
        return await make_customer(tx, **values)


async def inside(database: Database, segment: Row) -> list[int]:
    """Return the keys of who is in."""
    return sorted(
        row["customer_id"]
        for row in await database.all(MEMBERS)
        if row["segment_id"] == segment["id"] and row["left_at"] == FAR_END
    )


async def patch(house: House, **body: Any) -> None:
    """Change the house's customer through the API, and hand the event on."""
    url = f"/api/v1/customers/{house.customer['public_id']}"
    answer = await house.client.patch(url, json=body, headers=house.callers["admin"])
    assert answer.status_code == 200, answer.text
    await relay(house.database, SUBSCRIPTIONS)


async def ask(house: House, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Post as the admin."""
    answer = await house.client.post(
        f"/api/v1{path}", json=document, headers=house.callers["admin"]
    )
    assert answer.is_success, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
async def ruled(database: Database) -> Database:
    await make_rules(database, MOMENT)
    return database


# --- what a condition means


async def people(database: Database, chance: Random, count: int) -> dict[int, dict[str, Any]]:
    """Store random customers and return their rows by key, with figures and bands."""
    found = {}
    for _ in range(count):
        values, figures = some_customer(chance)
        row = await add(database, **values)
        if figures is not None:
            async with database.transaction() as tx:
                await writing.insert(tx, CustomerFigures, customer_id=row["id"], **figures)
        known = dict(figures or NO_FIGURES)
        found[row["id"]] = {**row, **known, **bands(known)}
    return found


@pytest.mark.sop("CU-8")
async def test_the_database_says_of_random_conditions_what_plain_python_says(
    ruled: Database,
) -> None:
    chance, some = Random(20260302), 0
    rows = await people(ruled, chance, 40)
    today = (MOMENT + timedelta(hours=8)).date()
    for number in range(120):
        document = some_condition(chance)
        node = parse(document, {name: one.term for name, one in ATTRIBUTES.items()}.get)
        wanted = sorted(key for key, row in rows.items() if holds(node, row, MOMENT, today))
        async with ruled.transaction() as tx:
            assert await count_matching(tx, document) == len(wanted), document
        if number % 10 == 0:
            segment = await define(ruled, document, f"s{number}")
            await evaluate_due(ruled)
            assert await inside(ruled, segment) == wanted, document
        some += 0 < len(wanted) < len(rows)
    assert some > 40


# --- at once


@pytest.mark.sop("CU-8")
async def test_a_changed_customer_enters_and_leaves_at_once(house: House) -> None:
    segment = await define(
        house.database, {"attribute": "region", "operator": "eq", "value": "上海"}
    )
    await evaluate_due(house.database)
    for at, region in (("09:10", "上海"), ("09:20", "北京"), ("09:30", "上海")):
        await house.at(at)
        await patch(house, region=region)
        wanted = [house.customer["id"]] if region == "上海" else []
        assert await inside(house.database, segment) == wanted
    first, second = await house.database.all(MEMBERS)
    assert (first["left_at"] == FAR_END, second["left_at"] == FAR_END) == (False, True)
    assert first["entered_at"] < first["left_at"] < second["entered_at"]
    found = await house.database.all(EVALUATIONS)
    assert found[0]["member_count"] == 1


async def test_only_the_changed_customer_is_looked_at(house: House) -> None:
    segment = await define(house.database)
    await evaluate_due(house.database)
    await add(house.database, name="谁也没提起", tier="A")
    await patch(house, region="上海")
    assert await inside(house.database, segment) == []


@pytest.mark.sop("CU-8")
async def test_an_opened_ticket_is_counted_and_looked_at(house: House) -> None:
    many = {"attribute": "ticket_count", "operator": "gte", "value": 2}
    segment = await define(house.database, many)
    await evaluate_due(house.database)
    for wanted in ([], [house.customer["id"]]):
        await house.open(owner_id=house.id_of("li"))
        await relay(house.database, SUBSCRIPTIONS)
        assert await inside(house.database, segment) == wanted
    assert [row["ticket_count"] for row in await house.database.all(FIGURES)] == [2]
    assert await recount_figures(house.database) == 0


async def test_counting_anew_mends_what_no_event_told(house: House) -> None:
    await house.open(owner_id=house.id_of("li"))
    assert await recount_figures(house.database) == 1
    assert await recount_figures(house.database) == 0
    await relay(house.database, SUBSCRIPTIONS)
    assert [row["ticket_count"] for row in await house.database.all(FIGURES)] == [1]


async def test_a_merged_customer_leaves_and_its_tickets_count_for_the_other(house: House) -> None:
    many = {"attribute": "ticket_count", "operator": "gte", "value": 2}
    segment = await define(house.database, many)
    await evaluate_due(house.database)
    for _ in range(2):
        await house.open(owner_id=house.id_of("li"))
    loser, winner = house.customer, await add(house.database, name="另一家公司", tier="B")
    await relay(house.database, SUBSCRIPTIONS)
    assert await inside(house.database, segment) == [loser["id"]]
    document = {"winner_id": winner["public_id"], "loser_id": loser["public_id"], "reason": "一家"}
    merged = await ask(house, "/merges", document)
    await relay(house.database, SUBSCRIPTIONS)
    assert await inside(house.database, segment) == [winner["id"]]
    await ask(house, f"/merges/{merged['id']}/undo", {"reason": "两家公司"})
    await relay(house.database, SUBSCRIPTIONS)
    assert await inside(house.database, segment) == [loser["id"]]
    assert await recount_figures(house.database) == 0


# --- in the night


async def test_what_time_alone_changes_is_found_in_the_night(ruled: Database) -> None:
    fresh = {"attribute": "first_contact_at", "operator": "within_days", "value": 10}
    segment = await define(ruled, fresh)
    customer = await add(ruled, first_contact_at=MOMENT - 9 * DAY)
    assert await evaluate_due(ruled) == 1
    assert await inside(ruled, segment) == [customer["id"]]
    assert await evaluate_due(ruled) == 0
    await freeze(ruled, MOMENT + timedelta(hours=16, minutes=59))  # 01:59 in Shanghai
    assert await evaluate_due(ruled) == 0
    await freeze(ruled, MOMENT + timedelta(hours=17))
    assert await evaluate_due(ruled) == 1
    assert await inside(ruled, segment) == [customer["id"]]
    await freeze(ruled, MOMENT + timedelta(hours=41))
    assert await evaluate_due(ruled) == 1
    assert await inside(ruled, segment) == []


async def test_a_whole_evaluation_walks_over_many_pages(
    ruled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "PAGE_SIZE", 3)
    made = [await add(ruled, name=f"客户 {n}", tier="ABC"[n % 3]) for n in range(10)]
    segment = await define(ruled, {"not": VIP})
    await evaluate_due(ruled)
    assert await inside(ruled, segment) == [one["id"] for one in made if one["tier"] != "A"]
    await change(ruled, segment, condition=VIP)
    await evaluate_due(ruled)
    assert await inside(ruled, segment) == [one["id"] for one in made if one["tier"] == "A"]
    found = await ruled.all(EVALUATIONS)
    assert found[0]["member_count"] == 4
    assert len(await ruled.all(MEMBERS)) == 10


async def test_one_that_is_not_active_keeps_its_members(ruled: Database) -> None:
    segment = await define(ruled)
    customer = await add(ruled, tier="A")
    await evaluate_due(ruled)
    await change(ruled, segment, is_active=False)
    assert await evaluate_due(ruled) == 1
    async with ruled.transaction() as tx:
        await writing.update(tx, Customer, customer, tier="B")
    await freeze(ruled, MOMENT + 3 * DAY)
    assert await evaluate_due(ruled) == 0
    assert await inside(ruled, segment) == [customer["id"]]
    await change(ruled, segment, is_active=True)
    await evaluate_due(ruled)
    assert await inside(ruled, segment) == []


async def test_three_at_once_open_a_membership_once(ruled: Database) -> None:
    segment = await define(ruled)
    for number in range(20):
        await add(ruled, name=f"客户 {number}", tier="A")
    await asyncio.gather(*(evaluate_due(ruled) for _ in range(3)))
    assert len(await inside(ruled, segment)) == len(await ruled.all(MEMBERS)) == 20
    found = await ruled.all(EVALUATIONS)
    assert found[0]["member_count"] == 20


async def test_following_events_ends_where_looking_at_everybody_does(house: House) -> None:
    chance = Random(7)
    segments = [await define(house.database, some_condition(chance), f"s{n}") for n in range(8)]
    await evaluate_due(house.database)
    for number in range(12):
        await patch(
            house,
            industry=chance.choice(["仪器", None]),
            headcount=chance.choice([None, 9, 10]),
            tags=[f"t{number}", *chance.sample(["重点", "试用"], chance.randint(0, 2))],
        )
    followed = [await inside(house.database, one) for one in segments]
    count = len(await house.database.all(MEMBERS))
    async with house.database.transaction() as tx:
        at = await tx.now()
        due = [{"id": one["id"], "due_at": at} for one in await tx.all(EVALUATIONS)]
        await writing.update_many(tx, SegmentEvaluation, due)
    assert await evaluate_due(house.database) == len(segments)
    assert [await inside(house.database, one) for one in segments] == followed
    assert len(await house.database.all(MEMBERS)) == count
