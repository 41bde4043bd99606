"""The scan finds pairs; somebody decides them; a decided pair never comes back."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.customers import search
from app.database import Database
from app.operations import runner
from app.subscribers import OPERATIONS
from tests.conftest import Caller, LoginAs
from tests.factories import make_contact, make_customer, make_rules

API = "/api/v1"
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
async def caller(database: Database, login_as: LoginAs) -> Caller:
    await make_rules(database, AT)
    async with database.transaction() as tx:
        await make_customer(tx, name="深圳市蓝禾科技有限公司")
        await make_customer(tx, name="蓝禾科技股份公司")
        for name in ("青川仪器厂", "丹枫实业有限公司"):
            await make_contact(
                tx, await make_customer(tx, name=name), phone="+8613800138000", email=None
            )
        await make_customer(tx, name="毫不相干有限公司")
    await search.rebuild(database)
    return await login_as()


async def scan(client: httpx.AsyncClient, database: Database, caller: Caller) -> Any:
    started = await client.post(f"{API}/duplicates/scan", headers=caller)
    assert started.status_code == 202, started.text
    while await runner.run(database, OPERATIONS):
        pass
    done = await client.get(started.headers["Location"], headers=caller)
    assert done.json()["state"] == "done", done.text
    return done.json()["result"]


async def test_pairs_are_found_once_with_their_reasons(
    client: httpx.AsyncClient, database: Database, caller: Caller
) -> None:
    assert await scan(client, database, caller) == {"found_count": 2, "compared_count": 5}
    listed = (await client.get(f"{API}/duplicates?state=open", headers=caller)).json()["items"]
    assert [(one["one"]["name"], one["other"]["name"]) for one in listed] == [
        ("深圳市蓝禾科技有限公司", "蓝禾科技股份公司"),
        ("青川仪器厂", "丹枫实业有限公司"),
    ]
    assert [one["reasons"] for one in listed] == [["same_core"], ["phone"]]
    assert (await scan(client, database, caller))["found_count"] == 0


async def test_a_dismissed_pair_stays_dismissed(
    client: httpx.AsyncClient, database: Database, caller: Caller
) -> None:
    await scan(client, database, caller)
    listed = (await client.get(f"{API}/duplicates", headers=caller)).json()["items"]
    url = f"{API}/duplicates/{listed[0]['id']}"
    dismissed = await client.post(f"{url}/dismiss", json={"note": "两家公司"}, headers=caller)
    assert dismissed.json()["state"] == "dismissed"
    again = await client.post(f"{url}/dismiss", json={"note": "两家公司"}, headers=caller)
    assert (again.status_code, again.json()["code"]) == (409, "review_decided")
    assert (await scan(client, database, caller))["found_count"] == 0
    opened = (await client.get(f"{API}/duplicates?state=open", headers=caller)).json()["items"]
    assert [one["id"] for one in opened] == [listed[1]["id"]]


async def test_a_merge_decides_its_pair_and_its_undoing_opens_it_again(
    client: httpx.AsyncClient, database: Database, caller: Caller
) -> None:
    await scan(client, database, caller)
    listed = (await client.get(f"{API}/duplicates", headers=caller)).json()["items"]
    pair = listed[0]
    body = {
        "winner_id": pair["other"]["id"],
        "loser_id": pair["one"]["id"],
        "reason": "同一家",
    }
    merge = await client.post(f"{API}/merges", json=body, headers=caller)
    assert merge.status_code == 201, merge.text
    url = f"{API}/duplicates/{pair['id']}"
    assert (await client.get(url, headers=caller)).json()["state"] == "merged"
    undone = await client.post(
        f"{merge.headers['Location']}/undo", json={"reason": "不是"}, headers=caller
    )
    assert undone.status_code == 200, undone.text
    assert (await client.get(url, headers=caller)).json()["state"] == "open"
    merges = await client.get(
        f"{API}/merges", params={"customer_id": pair["other"]["id"]}, headers=caller
    )
    assert [one["id"] for one in merges.json()["items"]] == [merge.json()["id"]]
