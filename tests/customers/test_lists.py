"""The list of customers: filters, orders, pages, cursors, and the very bytes on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import writing
from app.customers.models import Customer
from app.customers.names import name_key
from app.customers.schemas import CustomerPage
from app.database import Database
from app.rehearsal.models import VirtualClock
from tests.conftest import Caller, LoginAs
from tests.customers.conftest import BASE, NOBODY, Office
from tests.factories import make_customer, make_user

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
NAMES = [
    "华为科技", "华为", "阿里巴巴", "Acme", "acme Zwei", "ＡＣＭＥ三", "中兴", "中兴", "中兴", "🙂公司", "Ωmega", "éclair",
]  # fmt: skip


@pytest.fixture
async def many(database: Database) -> list[dict[str, Any]]:
    """Customers whose names collide, three to an instant, made in an order that no sort has."""
    made = []
    async with database.transaction() as tx:
        for number, name in enumerate(NAMES):
            at = AT + timedelta(microseconds=number // 3)
            made.append(await make_customer(tx, name=name, created_at=at, updated_at=at))
    return made


async def walk(client: httpx.AsyncClient, caller: Caller, **asked: Any) -> list[str]:
    """Return the ids of every page, one after the other."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = asked | ({"cursor": cursor} if cursor else {})
        answer = await client.get(BASE, params=params, headers=caller)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        CustomerPage.model_validate_json(answer.content)
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        assert len(page["items"]) <= asked["limit"]
    return found


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 200])
@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("sort", ["created_at", "name", "number"])
async def test_pages_follow_each_other_in_every_order(
    *,
    client: httpx.AsyncClient,
    login_as: LoginAs,
    many: list[dict[str, Any]],
    sort: str,
    direction: str,
    limit: int,
) -> None:
    keys = {
        "created_at": lambda row: (row["created_at"], row["id"]),
        "name": lambda row: (row["name_key"].encode(), row["id"]),
        "number": lambda row: (row["number"].encode(), row["id"]),
    }
    wanted = sorted(many, key=keys[sort], reverse=direction == "-")
    found = await walk(client, await login_as("analyst"), sort=direction + sort, limit=limit)
    assert found == [row["public_id"] for row in wanted]


async def test_the_newest_come_first_unless_asked_otherwise(
    client: httpx.AsyncClient, login_as: LoginAs, many: list[dict[str, Any]]
) -> None:
    found = await walk(client, await login_as(), limit=4)
    assert found == [row["public_id"] for row in reversed(many)]


async def test_what_is_registered_meanwhile_shifts_no_page(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs, many: list[dict[str, Any]]
) -> None:
    caller = await login_as()
    first = (await client.get(f"{BASE}?limit=6", headers=caller)).json()
    async with database.transaction() as tx:
        await make_customer(tx, name="后来的", created_at=AT + timedelta(hours=1))
    second = (
        await client.get(BASE, params={"limit": 6, "cursor": first["next_cursor"]}, headers=caller)
    ).json()
    shown = [one["id"] for one in first["items"] + second["items"]]
    assert shown == [row["public_id"] for row in reversed(many)]


async def test_the_total_is_counted_only_when_asked(
    client: httpx.AsyncClient, login_as: LoginAs, many: list[dict[str, Any]]
) -> None:
    caller = await login_as()
    assert "total" not in (await client.get(f"{BASE}?limit=2", headers=caller)).json()
    page = (await client.get(f"{BASE}?limit=2&total=true&status=potential", headers=caller)).json()
    assert (page["total"], len(page["items"])) == (len(NAMES), 2)


async def test_a_name_key_fits_an_index_entry() -> None:
    assert len(name_key("\ufdfa" * 200)) == 200
    assert name_key("  华为\u3000科技\t有限 ") == "华为 科技 有限"


# --- filters


@pytest.fixture
async def varied(database: Database, office: Office) -> Office:
    async with database.transaction() as tx:
        await make_customer(
            tx, name="甲", owner=office["outsider"].user, status="won", tier="A", source_channel="import",
            industry="生物制药", tags=["GMP", "重点"], created_at=AT,
        )  # fmt: skip
        await make_customer(
            tx, name="乙", department=office.south, status="lost", tier="B", source_channel="web_form",
            industry="化工", tags=['引"号', "a%"], created_at=AT + timedelta(seconds=1),
        )  # fmt: skip
    return office


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=won", "甲"),
        ("status=won&status=lost", "甲乙"),
        ("status=interested", ""),
        ("tier=A", "甲"),
        ("tier=A&tier=B", "甲乙"),
        ("source_channel=import", "甲"),
        ("source_channel=phone&source_channel=web_form", "乙华"),
        ("owner_id={outsider}", "甲"),
        (f"owner_id={NOBODY}", ""),
        ("department_id={south}", "甲乙"),
        (f"department_id={NOBODY}", ""),
        ("industry=化工", "乙"),
        ("industry=化", ""),
        ("tag=GMP", "甲"),
        ("tag=gmp", ""),
        ("tag=GM", ""),
        ('tag=引"号', "乙"),
        ("tag=a%25", "乙"),
        ("tag=a_", ""),
        ("created_at[gte]=2026-03-02T01:00:01Z", "乙华"),
        ("created_at[lt]=2026-03-02T01:00:01Z", "甲"),
        ("created_at[gte]=2026-03-02T01:00:00Z&created_at[lt]=2026-03-02T01:00:01Z", "甲"),
        ("created_at[gte]=2026-03-02T09:00:01%2B08:00&tier=B", "乙"),
        ("status=won&tier=B", ""),
        ("tag=重点&status=won&tier=A&owner_id={outsider}&industry=生物制药", "甲"),
    ],
)
@pytest.mark.sop("CU-12")
async def test_filters_narrow_the_list(
    client: httpx.AsyncClient, varied: Office, query: str, names: str
) -> None:
    ids = {"outsider": varied.id_of("outsider"), "south": varied.south["public_id"]}
    url = f"{BASE}?{query.format(**ids)}&sort=number&total=true"
    page = (await client.get(url, headers=varied["analyst"])).json()
    found = {one["name"][0] for one in page["items"]}
    assert found == set(names)
    assert page["total"] == len(names)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("limit=x", "/query/limit"),
        ("sort=revenue", "/query/sort"),
        ("status=Sold", "/query/status/0"),
        ("tier=D", "/query/tier/0"),
        ("owner_id=x", "/query/owner_id"),
        ("created_at[gte]=2026", "/query/created_at[gte]"),
        ("created_at[gte]=0001-01-01T00:00:00%2B14:00", "/query/created_at[gte]"),
        ("created_from=2026-03-02T01:00:00Z", "/query/created_from"),
        ("created_at=2026-03-02T01:00:00Z", "/query/created_at"),
        ("q=中兴", "/query/q"),
        ("industry=", "/query/industry"),
        ("industry=a%00b", "/query/industry"),
        ("tag=%00", "/query/tag"),
        ("phone=138", "/query/phone"),
        ("trade_kind=Hospital", "/query/trade_kind/0"),
        ("credit_code=1", "/query/credit_code"),
        ("headcount[gte]=x", "/query/headcount[gte]"),
        ("contract_ends_on[lt]=soon", "/query/contract_ends_on[lt]"),
        ("cursor=" + "a" * 2001, "/query/cursor"),
    ],
)
async def test_a_wrong_question_is_named(
    client: httpx.AsyncClient, office: Office, query: str, pointer: str
) -> None:
    answer = await client.get(f"{BASE}?{query}", headers=office["analyst"])
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


# --- cursors


async def test_a_forged_cursor_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, many: list[dict[str, Any]]
) -> None:
    caller = await login_as()
    cursor = (await client.get(f"{BASE}?limit=2", headers=caller)).json()["next_cursor"]
    turned = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for forged in ("x", "名", "", "e30", turned, cursor[4:], cursor + "AAAA"):
        answer = await client.get(BASE, params={"limit": 2, "cursor": forged}, headers=caller)
        if forged == "":
            continue
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid"), forged


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "name"},
        {"sort": "created_at"},
        {"industry": "中"},
        {"tier": "A"},
        {"owner_id": NOBODY},
        {"created_at[gte]": "2026-03-02T01:00:00Z"},
    ],
)
async def test_a_cursor_of_another_question_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, many: list[dict[str, Any]], asked: dict[str, str]
) -> None:
    caller = await login_as()
    cursor = (await client.get(f"{BASE}?limit=2", headers=caller)).json()["next_cursor"]
    answer = await client.get(BASE, params={"cursor": cursor} | asked, headers=caller)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_of_another_list")


# --- bytes


async def test_both_engines_answer_the_same_bytes(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    customer_id = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d01"
    owner_id = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d02"
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=AT)
        owner = await make_user(tx, role="sales", public_id=owner_id)
        await writing.insert(
            tx, Customer, public_id=customer_id, number="C000007", name='引"号\\/\u2028🙂', name_key="x",
            industry="生物\t制药", headcount=0, revenue="0.1", source_channel="phone", owner_id=owner["id"],
            tags=['a"b', "重点"], created_by=owner["id"], created_at=AT, updated_at=AT,
            expected_cooperation_on=datetime(2026, 6, 30, tzinfo=UTC).date(),
        )  # fmt: skip
    summary = (
        '"id":"01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d01","number":"C000007","name":"引\\"号\\\\/\u2028🙂",'
        '"short_name":null,"industry":"生物\\t制药","region":null,"trade_kind":null,"source_channel":"phone","status":"potential","tier":"C",'
        '"owner_id":"01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d02","department_id":null,"account_manager_id":null,"needs_account_manager":false,'
        '"tags":["a\\"b","重点"],"version":1,"created_at":"2026-03-02T01:00:00.000000Z",'
        '"updated_at":"2026-03-02T01:00:00.000000Z"'
    )
    rest = (
        ',"credit_code":null,"website":null,"address":null,"purchasing_power":null,'
        '"headcount":0,"revenue":"0.10","revenue_currency":"CNY","main_business":null,'
        '"purchasing_habits":null,"need_keywords":[],"pain_points":null,'
        '"goals":null,"first_contact_at":null,"expected_cooperation_on":"2026-06-30",'
        '"cooperation_started_on":null,"contract_ends_on":null,"tier_reason":null,'
        '"tier_is_overridden":false,"tier_override_ends_at":null,'
        '"remarks":null,"custom":{},"account_team":[],"fresh_until":null,"is_stale":false,"created_by":"01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d02"'
    )
    caller = await login_as("admin")
    page = await client.get(BASE, headers=caller)
    assert page.text == '{"items":[{' + summary + '}],"next_cursor":null,"has_more":false}'
    one = await client.get(f"{BASE}/{customer_id}", headers=caller)
    assert one.text == "{" + summary + rest + "}"
