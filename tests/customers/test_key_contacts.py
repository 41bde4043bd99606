"""The owner of a customer hears of what others change of his key contacts (SOP CU-7)."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.customers import key_contacts
from app.database import Actor, Database
from app.outbox.relay import relay
from app.subscribers import SUBSCRIPTIONS
from tests.customers.conftest import Office
from tests.factories import freeze

NOON = datetime(2026, 3, 11, 4, tzinfo=UTC)  # 12:00 in Shanghai
NIGHT = datetime(2026, 3, 11, 15, tzinfo=UTC)  # 23:00


async def inbox(client: httpx.AsyncClient, database: Database, office: Office) -> list[Any]:
    await relay(database, SUBSCRIPTIONS)
    headers = {**office["owner"], "Accept-Language": "zh-CN"}
    answer = await client.get("/api/v1/notifications", headers=headers)
    items: list[Any] = answer.json()["items"]
    return items


@pytest.fixture(autouse=True)
async def noon(database: Database, office: Office) -> None:
    del office
    await freeze(database, NOON)


async def add(client: httpx.AsyncClient, office: Office, by: str, **values: Any) -> str:
    body = {"name": "周敏", "title": "总经理", **values}
    answer = await client.post(f"{office.url}/contacts", json=body, headers=office[by])
    assert answer.status_code == 201, answer.text
    return f"{office.url}/contacts/{answer.json()['id']}"


@pytest.mark.sop("CU-7")
async def test_a_new_decision_maker_is_told_to_the_owner_in_words(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    await add(client, office, "colleague", is_decision_maker=True)
    (line,) = await inbox(client, database, office)
    assert line["kind"] == "customer.key_contacts_changed"
    assert line["title"] == f"关键联系人变动:{office.customer['number']} 华东精密仪器有限公司"
    assert line["body"] == "- 决策人 周敏:新增\n修改人:小王"


@pytest.mark.sop("CU-7")
async def test_what_the_owner_does_himself_and_other_contacts_are_told_to_nobody(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    await add(client, office, "owner", is_decision_maker=True)
    url = await add(client, office, "colleague")
    await client.patch(url, json={"title": "采购"}, headers=office["colleague"])
    await client.delete(url, headers=office["colleague"])
    assert await inbox(client, database, office) == []


@pytest.mark.sop("CU-7")
async def test_a_change_names_what_differs_and_no_value(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    url = await add(client, office, "owner", is_primary=True)
    body = {"title": "董事长", "remarks": "喜欢茶", "phones": [{"number": "13912345678"}]}
    await client.patch(url, json=body, headers=office["colleague"])
    await client.patch(url, json={"remarks": "不喜欢茶"}, headers=office["colleague"])
    await client.patch(url, json=body, headers=office["colleague"])
    (line,) = await inbox(client, database, office)
    assert line["body"].splitlines()[0] == "- 首要联系人 周敏:职务、电话有变更"
    assert "5678" not in str(line)


@pytest.mark.sop("CU-7")
async def test_everything_of_one_request_stands_in_one_line(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    await add(client, office, "owner", name="王主任", is_primary=True)
    await add(client, office, "colleague", is_primary=True)
    (line,) = await inbox(client, database, office)
    assert line["body"].splitlines()[:2] == [
        "- 首要联系人 王主任:首要联系人身份有变更",
        "- 首要联系人 周敏:新增",
    ]


@pytest.mark.sop("CU-7")
async def test_who_left_is_told_and_quiet_hours_are_kept(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    url = await add(client, office, "owner", is_decision_maker=True)
    await freeze(database, NIGHT)
    await client.delete(url, headers=office["colleague"])
    assert await inbox(client, database, office) == []
    await freeze(database, datetime(2026, 3, 12, 0, tzinfo=UTC))
    (line,) = await inbox(client, database, office)
    assert line["body"].splitlines()[0] == "- 决策人 周敏:已删除"


async def test_many_changes_of_one_transaction_are_one_line(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction(Actor(name="导入")) as tx:
        for number in range(25):
            row = {
                "public_id": f"c{number}", "name": f"联系人{number}", "title": None,
                "is_decision_maker": True, "is_primary": False,
            }  # fmt: skip
            await key_contacts.note_change(tx, office.customer, None, row, at=NOON)
    (line,) = await inbox(client, database, office)
    assert len(line["data"]["items"]) == 25
    assert line["body"].splitlines()[-2:] == ["……另有 5 项", "修改人:导入"]
