"""Searching customers: by characters, pinyin, initials, digits, addresses, numbers, tags; and what the mask hides."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.customers import search, search_keys, search_queries
from app.customers.matching import Profile
from app.customers.models import CustomerSearch
from app.customers.search_ranking import matches
from app.database import Database
from app.statements import Statement
from tests.conftest import Caller, LoginAs
from tests.customers.conftest import BASE
from tests.factories import make_contact, make_customer, make_point, make_rules

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

ROWS = Statement(select(*CustomerSearch.__table__.columns))


async def fill(database: Database) -> dict[str, str]:
    """Make a few customers and return their public ids by name."""
    ids = {}
    async with database.transaction() as tx:
        one = await make_customer(
            tx, name="深圳市蓝禾科技有限公司", short_name="蓝禾", tags=["重点"],
            credit_code="91350211M000100Y43",
        )  # fmt: skip
        contact = await make_contact(
            tx, one, name="欧阳青", phone="+8613800138000", email="o.y@example.com"
        )
        await make_point(tx, contact, "phone", "+862166881234;ext=801", position=1)
        other = await make_customer(tx, name="蓝海禾田农业集团")
        third = await make_customer(tx, name="Lanhe Trading Ltd")
        for row in (one, other, third):
            ids[row["name"]] = row["public_id"]
    assert await search.rebuild(database) == 3
    return ids


async def names_found(client: httpx.AsyncClient, caller: Caller, asked: str) -> Sequence[str]:
    answer = await client.get(f"{BASE}/search", params={"q": asked}, headers=caller)
    assert answer.status_code == 200, answer.text
    assert answer.json()["is_complete"] is True
    return [item["customer"]["name"] for item in answer.json()["items"]]


FIRM, FARM, LATIN = "深圳市蓝禾科技有限公司", "蓝海禾田农业集团", "Lanhe Trading Ltd"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("蓝禾", [FIRM]),
        ("禾科", [FIRM]),
        ("深圳", [FIRM]),
        ("蓝禾科技", [FIRM]),
        ("科技 深圳", [FIRM]),
        ("ＬＡＮＨＥ", [FIRM, LATIN]),
        ("lhkj", [FIRM]),
        ("szslhkj", [FIRM]),
        ("lanhekeji", [FIRM]),
        ("lanhekej", [FIRM]),
        ("kejiyou", [FIRM]),
        ("anhekeji", []),
        ("lhht", [FARM]),
        ("蓝", [FIRM, FARM]),
        ("trading", [LATIN]),
        ("欧阳", [FIRM]),
        ("oyq", [FIRM]),
        ("ouyangqing", [FIRM]),
        ("8000", [FIRM]),
        ("1234", [FIRM]),
        ("138 0013 8000", [FIRM]),
        ("+86 13800138000", [FIRM]),
        ("021-66881234", [FIRM]),
        ("38000", [FIRM]),
        ("7000", []),
        ("O.Y@example.com", [FIRM]),
        ("o.y@ex", [FIRM]),
        ("C000002", [FARM]),
        ("c2", [FARM]),
        ("91350211m000100y43", [FIRM]),
        ("重点", [FIRM]),
        ("重点 lhkj", [FIRM]),
        ("重点 lhht", []),
        ("😀", []),
        ("'", []),
        ('" OR *', []),
        ("蓝\\禾", [FIRM]),
    ],
)
async def test_customers_are_found(
    asked: str, names: list[str], database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await fill(database)
    assert sorted(await names_found(client, await login_as(), asked)) == sorted(names)


async def test_the_best_stands_first_with_its_reason(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await fill(database)
    async with database.transaction() as tx:
        await make_customer(tx, name="上海蓝禾科技")
        await make_customer(tx, name="蓝禾")
    await search.rebuild(database)
    params = {"q": "蓝禾", "limit": "2"}
    answer = await client.get(f"{BASE}/search", params=params, headers=await login_as())
    items = answer.json()["items"]
    assert [item["customer"]["name"] for item in items] == ["蓝禾", FIRM]
    assert items[0]["matches"] == [{"term": "蓝禾", "kind": "name", "extent": "whole"}]
    assert items[0]["score"] == 100
    assert answer.json()["is_complete"] is False


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("8000", True),
        ("38000", False),
        ("13800138000", True),
        ("o.y@example.com", True),
        ("o.y@example", False),
    ],
)
async def test_the_mask_cannot_be_felt_through(
    asked: str, found: bool, database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await fill(database)
    assert bool(await names_found(client, await login_as("analyst"), asked)) is found


async def test_every_change_is_found_at_once(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    await make_rules(database, AT)
    caller = await login_as()
    made = await client.post(
        BASE, json={"name": "青川仪器有限公司", "source_channel": "phone"}, headers=caller
    )
    url = f"{BASE}/{made.json()['id']}"
    assert await names_found(client, caller, "qcyq") == ["青川仪器有限公司"]
    await client.patch(url, json={"name": "白川仪器有限公司", "tags": ["老客户"]}, headers=caller)
    assert await names_found(client, caller, "qcyq") == []
    assert await names_found(client, caller, "老客户") == ["白川仪器有限公司"]
    contact = await client.post(
        f"{url}/contacts",
        json={"name": "欧阳青", "phones": [{"number": "13800138000"}]},
        headers=caller,
    )
    assert await names_found(client, caller, "13800138000") == ["白川仪器有限公司"]
    there = f"{url}/contacts/{contact.json()['id']}"
    await client.patch(
        there, json={"name": "司马青", "phones": [{"number": "13900139000"}]}, headers=caller
    )
    assert await names_found(client, caller, "13800138000") == []
    assert await names_found(client, caller, "司马") == ["白川仪器有限公司"]
    await client.delete(there, headers=caller)
    assert await names_found(client, caller, "13900139000") == []
    assert await search.rebuild(database, check=True) == 0


async def test_rebuilding_twice_changes_nothing(database: Database) -> None:
    await fill(database)
    before = await database.all(ROWS)
    assert await search.rebuild(database, check=True) == 0
    assert await search.rebuild(database) == 0
    assert await database.all(ROWS) == before


async def test_nothing_to_search_for_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    caller = await login_as()
    for query in ("", "?q=", "?q=a&limit=51", "?q=a&more=1"):
        assert (await client.get(f"{BASE}/search{query}", headers=caller)).status_code == 422


@given(st.text(max_size=40), st.booleans())
def test_every_question_can_be_written_and_finds_its_own_text(text: str, reveal: bool) -> None:
    terms = search_keys.terms_of(text)
    if not terms:
        return
    for wanted in search_keys.questions(terms, reveal=reveal):
        for written in (search_keys.postgresql_text(wanted), search_keys.sqlite_text(wanted)):
            assert "\x00" not in written
    found = search_keys.found_by(Profile(text), numbers=("C000001",), tags=(), contacts=())
    whole = search_keys.Term(found.names[0])
    assert not found.names[0] or matches((whole,), found, reveal=reveal) is not None


@pytest.mark.parametrize("text", ["x" * 200, "\ufdfa" * 200, "𠀀𠀁𠀂", "e\u0301cole", "ǅ ß ŉ"])
async def test_odd_texts_are_stored_and_found(
    text: str, database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, name=text, tags=["\ufdfa" * 50])
        for _ in range(3):
            await make_contact(tx, customer, name="\ufdfa" * 100, phone=None, email=None)
    await search.rebuild(database)
    assert await names_found(client, await login_as(), text) == [text]


@pytest.mark.postgres
async def test_postgresql_uses_the_index_for_every_kind_of_question(database: Database) -> None:
    if database.kind != "postgresql":
        pytest.skip("PostgreSQL's planner")
    await fill(database)
    plan = search_queries.HITS.plan(database.dialect)
    wanted = search_keys.questions(search_keys.terms_of("蓝禾"), reveal=True)
    values = plan.values(search.texts_of("postgresql", wanted))
    pool: Any = database
    async with pool.pool.acquire() as connection:
        await connection.execute("SET enable_seqscan = off")
        lines = await connection.fetch(f"EXPLAIN {plan.sql}", *values)
        await connection.execute("RESET enable_seqscan")
    text = "\n".join(line[0] for line in lines)
    assert text.count("customer_search_tokens") == 3, text
    assert "Seq Scan on customer_search" not in text, text
