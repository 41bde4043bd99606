"""A customer's way through the lifecycle: moves by their rules, and the history of them."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.customers import service
from app.customers.schemas import CustomerCreate
from app.database import Database
from app.lifecycle.rules import CUSTOMER_COLUMNS
from app.lifecycle.shipped import shipped_document
from app.statements import Row
from tests.customers.conftest import BASE, Office, codes, counts, entries, messages
from tests.factories import freeze, make_principal

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
LOST = {"stage": "lost", "reason_code": "price", "reason": "续约报价高出同行两成"}


async def move(client: httpx.AsyncClient, office: Office, who: str, **body: Any) -> httpx.Response:
    return await client.post(f"{office.url}/stage", json=body, headers=office[who])


async def history(client: httpx.AsyncClient, url: str, caller: Mapping[str, str]) -> list[Any]:
    answer = await client.get(f"{url}/stage/history?sort=changed_at", headers=caller)
    assert answer.status_code == 200
    items: list[Any] = answer.json()["items"]
    return items


@pytest.mark.sop("CU-11")
async def test_registering_begins_the_history(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, AT)
    body = {"name": "新客户", "source_channel": "phone", "status": "interested"}
    answer = await client.post(BASE, json=body, headers=office["owner"])
    url = f"{BASE}/{answer.json()['id']}"
    assert await history(client, url, office["owner"]) == [
        {
            "from_stage": None,
            "to_stage": "interested",
            "changed_at": "2026-03-02T01:00:00.000000Z",
            "changed_by": office.id_of("owner"),
            "reason_code": None,
            "reason": None,
            "stayed_seconds": None,
            "owner_id": office.id_of("owner"),
            "department_id": office.shanghai["public_id"],
        }
    ]


@pytest.mark.sop("CU-11")
async def test_a_move_is_kept_with_who_when_why_and_how_long_it_took(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, AT + timedelta(days=400))
    made = {"name": "新客户", "source_channel": "phone", "owner_id": office.id_of("owner")}
    file = (await client.post(BASE, json=made, headers=office["admin"])).json()
    url = f"{BASE}/{file['id']}/stage"
    await freeze(database, AT + timedelta(days=402))
    answer = await client.post(url, json={"stage": "interested"}, headers=office["owner"])
    assert (answer.status_code, answer.json()["status"]) == (200, "interested")
    assert answer.headers["etag"] == '"2"'
    await freeze(database, AT + timedelta(days=405, seconds=7))
    answer = await client.post(url, json=LOST, headers=office["head"])
    assert answer.json()["status"] == "lost"
    steps = await history(client, f"{BASE}/{file['id']}", office["owner"])
    assert [(one["to_stage"], one["stayed_seconds"], one["changed_by"]) for one in steps] == [
        ("potential", None, office.id_of("admin")),
        ("interested", 2 * 86_400, office.id_of("owner")),
        ("lost", 3 * 86_400 + 7, office.id_of("head")),
    ]
    assert (steps[2]["reason_code"], steps[2]["reason"]) == ("price", LOST["reason"])
    told = [one for one in await messages(database) if one["event"] == "customer.stage_changed"]
    assert len(told) == 2
    audited = {one["action"] for one in await entries(database)}
    assert {"customer.update", "customer.stage_change"} <= audited


@pytest.mark.sop("CU-11")
async def test_a_customer_won_begins_to_cooperate_on_the_local_date_once(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    late = datetime(2027, 3, 2, 16, 30, tzinfo=UTC)  # the third, in Shanghai
    await freeze(database, late)
    answer = await move(client, office, "owner", stage="won")
    assert answer.json()["cooperation_started_on"] == "2027-03-03"
    edited = {"cooperation_started_on": "2027-01-15"}
    await client.patch(office.url, json=edited, headers=office["owner"])
    await move(client, office, "owner", **LOST)
    await freeze(database, late + timedelta(days=30))
    answer = await move(client, office, "owner", stage="won", reason="重新签约")
    assert answer.json()["cooperation_started_on"] == "2027-01-15"


async def test_who_is_registered_as_won_cooperates_from_that_day_unless_told_otherwise(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, AT)
    made = {"source_channel": "import", "status": "won"}
    for name, given, shown in (
        ("苏州澜栎生物制药有限公司", None, "2026-03-02"),
        ("杭州启衡检测技术有限公司", "2019-05-06", "2019-05-06"),
    ):
        body = {**made, "name": name, "cooperation_started_on": given}
        answer = await client.post(BASE, json=body, headers=office["admin"])
        assert answer.json()["cooperation_started_on"] == shown


@pytest.mark.sop("CU-11")
async def test_what_the_rules_refuse_changes_nothing(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    before = await counts(database)
    for body, wrong in (
        ({"stage": "lost"}, {"/reason_code": "missing", "/reason": "missing"}),
        ({**LOST, "reason_code": "rain"}, {"/reason_code": "stage_reason_unknown"}),
        ({"stage": "sold"}, {"/stage": "stage_unknown"}),
        ({"stage": "Won"}, {"/stage": "string_pattern_mismatch"}),
        ({**LOST, "reason": " "}, {"/reason": "string_too_short"}),
        ({"stage": "won", "at": 1}, {"/at": "extra_forbidden"}),
        ({}, {"/stage": "missing"}),
    ):
        answer = await move(client, office, "owner", **body)
        assert (answer.status_code, codes(answer)) == (422, wrong)
    assert await counts(database) == before


async def test_a_role_a_way_and_a_field_that_are_missing_are_told(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin, url = office["admin"], f"{office.url}/stage"
    await client.patch(office.url, json={"owner_id": None}, headers=admin)
    answer = await client.post(url, json={"stage": "won"}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "stage_fields_missing")
    assert answer.json()["values"]["fields"] == "owner_id"
    handed = {"owner_id": office.id_of("owner")}
    await client.patch(office.url, json=handed, headers=admin)
    assert (await client.post(url, json={"stage": "won"}, headers=admin)).status_code == 200
    answer = await move(client, office, "owner", stage="potential", reason="误点")
    assert (answer.status_code, answer.json()["code"]) == (409, "stage_move_impossible")
    answer = await move(client, office, "owner", stage="interested", reason="误点")
    assert (answer.status_code, answer.json()["code"]) == (403, "stage_move_not_permitted")
    answer = await move(client, office, "head", stage="interested", reason="误点")
    assert answer.status_code == 200


async def test_the_same_stage_again_is_nothing_and_a_stale_version_is_refused(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    before = await counts(database)
    answer = await move(client, office, "owner", stage="potential")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert await counts(database) == before
    headers = {**office["owner"], "If-Match": '"7"'}
    answer = await client.post(f"{office.url}/stage", json={"stage": "won"}, headers=headers)
    assert answer.status_code == 412


async def test_who_may_not_write_the_file_moves_nobody(
    client: httpx.AsyncClient, office: Office
) -> None:
    for who in ("outsider", "other_head", "analyst", "auditor"):
        assert (await move(client, office, who, stage="interested")).status_code == 403
    assert (await client.get(f"{office.url}/stage", headers=office["analyst"])).status_code == 200


@pytest.mark.sop("CU-11")
async def test_a_stage_tells_where_one_can_go_and_what_is_still_missing(
    client: httpx.AsyncClient, office: Office
) -> None:
    answer = await client.get(f"{office.url}/stage", headers=office["owner"])
    told = answer.json()
    assert (told["stage"], told["kind"], told["title"]["zh"]) == ("potential", "open", "潜在")
    ways = {
        one["to"]: (one["is_permitted"], one["missing"], one["reason"]) for one in told["moves"]
    }
    assert ways == {
        "interested": (True, [], "none"), "won": (True, [], "none"), "lost": (True, [], "listed"),
    }  # fmt: skip
    await client.delete(office.contact_url, headers=office["owner"])
    told = (await client.get(f"{office.url}/stage", headers=office["owner"])).json()
    assert told["moves"][1]["missing"] == ["contact"]


async def test_a_lifecycle_of_ones_own_is_followed_at_once(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    document = copy.deepcopy(dict(shipped_document()))
    title = {"zh": "试用", "en": "On trial"}
    trial = {
        "code": "trial",
        "title": title,
        "kind": "open",
        "is_initial": False,
        "is_active": True,
    }
    document["stages"].insert(2, trial)
    way = {"from": ["potential"], "to": "trial", "roles": ["manager"], "reason": "none"}
    document["moves"].append({**way, "requires": ["industry", "decision_maker"]})
    answer = await client.put("/api/v1/lifecycle", json=document, headers=office["admin"])
    assert answer.status_code == 200
    assert (await move(client, office, "owner", stage="trial")).status_code == 403
    answer = await move(client, office, "head", stage="trial")
    assert answer.json()["values"]["fields"] == "industry, decision_maker"
    await client.patch(office.url, json={"industry": "仪器"}, headers=office["head"])
    body = {"is_decision_maker": True}
    await client.patch(office.contact_url, json=body, headers=office["head"])
    answer = await move(client, office, "head", stage="trial")
    assert answer.json()["status"] == "trial"
    listed = await client.get(f"{BASE}?status=trial", headers=office["head"])
    assert [one["id"] for one in listed.json()["items"]] == [office.customer["public_id"]]


async def test_every_field_that_a_move_can_require_is_one_of_the_file(
    database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        command = CustomerCreate.model_validate({"name": "新客户", "source_channel": "phone"})
        row: Row = await service.create_customer(tx, make_principal(office["admin"].user), command)
    assert row.keys() >= CUSTOMER_COLUMNS
