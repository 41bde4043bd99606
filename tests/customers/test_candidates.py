"""Whom a new customer may be already: refused with candidates, and let through once they were looked at."""

from datetime import UTC, datetime

import httpx

from app.customers import search
from app.database import Database
from tests.conftest import LoginAs
from tests.customers.conftest import BASE
from tests.factories import make_contact, make_customer, make_rules

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

NAME = "深圳市蓝禾科技有限公司"


async def test_a_likely_duplicate_is_refused_until_it_was_looked_at(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await make_rules(database, AT)
    caller = await login_as("sales")
    first = await client.post(BASE, json={"name": NAME, "source_channel": "phone"}, headers=caller)
    command = {"name": "蓝禾科技(深圳)股份有限公司", "source_channel": "phone"}
    refused = await client.post(BASE, json=command, headers=caller)
    assert refused.status_code == 409
    assert refused.json()["code"] == "duplicate_suspected"
    (candidate,) = refused.json()["values"]["candidates"]
    assert candidate["id"] == first.json()["id"]
    assert candidate["number"] == first.json()["number"]
    assert candidate["reasons"] == ["same_core", "same_place"]
    assert candidate["score"] > 0.9
    made = await client.post(
        BASE, json={**command, "duplicates_checked": [candidate["id"]]}, headers=caller
    )
    assert made.status_code == 201
    assert "duplicates_checked" not in made.json()
    again = await client.post(
        BASE, json={**command, "duplicates_checked": [candidate["id"]]}, headers=caller
    )
    assert [one["id"] for one in again.json()["values"]["candidates"]] == [made.json()["id"]]


async def test_another_customer_is_not_refused(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await make_rules(database, AT)
    caller = await login_as("sales")
    for name in (NAME, "北京蓝禾科技有限公司", "恒信科技有限公司", "恒通科技有限公司"):
        answer = await client.post(
            BASE, json={"name": name, "source_channel": "phone"}, headers=caller
        )
        assert answer.status_code == 201, answer.text


async def test_asking_beforehand_writes_nothing_and_knows_numbers(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, name=NAME, short_name="蓝禾")
        await make_contact(tx, customer, phone="+8613800138000", email="a.b@example.com")
    await search.rebuild(database)
    caller = await login_as("sales")
    asked = {
        "by phone": {"name": "某客户", "phones": ["138-0013-8000"]},
        "by mail": {"name": "某客户", "emails": ["A.B@example.com"]},
        "by short name": {"name": "蓝禾"},
        "by a wrong character": {"name": "深圳市蓝禾科枝有限公司"},
        "by reading": {"name": "深圳市兰和科技有限公司"},
        "by tradition": {"name": "藍禾科技"},
    }
    reasons = {}
    for how, body in asked.items():
        answer = await client.post(f"{BASE}/candidates", json=body, headers=caller)
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()["items"]
        assert found["is_suspected"], how
        reasons[how] = found["reasons"][0]
    assert reasons == {
        "by phone": "phone",
        "by mail": "email",
        "by short name": "short_name",
        "by a wrong character": "one_character",
        "by reading": "same_reading",
        "by tradition": "same_reading",
    }
    nobody = await client.post(
        f"{BASE}/candidates", json={"name": "毫不相干的名字"}, headers=caller
    )
    assert nobody.json() == {"items": []}
    assert await search.rebuild(database, check=True) == 0
