"""Changing a customer: what a patch means, versions, repeats, and what leaves with a change."""

import asyncio
from typing import Any

import httpx
import pytest

from app.customers import changes
from app.database import Database
from tests.customers.conftest import BASE, NOBODY, Office, codes, counts, entries, messages
from tests.factories import make_customer, make_user

LEAST = {"name": "新客户", "source_channel": "phone"}


@pytest.mark.sop("CU-1")
async def test_a_patch_changes_what_it_names_and_null_empties(
    client: httpx.AsyncClient, office: Office
) -> None:
    before = (await client.get(office.url, headers=office["admin"])).json()
    given: dict[str, Any] = {
        "name": " 新名 ",
        "revenue": None,
        "region": "上海",
        "tags": [],
        "goals": "三天",
    }
    answer = await client.patch(office.url, json=given, headers=office["admin"])
    assert answer.status_code == 200
    after = answer.json()
    moved = {"updated_at": after["updated_at"], "version": 2}
    assert after == before | given | {"name": "新名"} | moved
    assert answer.headers["etag"] == '"2"'


async def test_first_contact_can_be_set_and_emptied(
    client: httpx.AsyncClient, office: Office
) -> None:
    for value, shown in (
        ("2026-03-02T09:00:00.123456789+08:00", "2026-03-02T01:00:00.123456Z"),
        (None, None),
    ):
        answer = await client.patch(
            office.url, json={"first_contact_at": value}, headers=office["owner"]
        )
        assert answer.json()["first_contact_at"] == shown


@pytest.mark.parametrize("field", ["name", "source_channel", "revenue_currency", "tags"])
async def test_what_every_file_has_cannot_be_emptied(
    client: httpx.AsyncClient, office: Office, field: str
) -> None:
    answer = await client.patch(office.url, json={field: None}, headers=office["owner"])
    assert answer.status_code == 422
    assert list(codes(answer)) == [f"/{field}"]


async def test_a_patch_that_changes_nothing_writes_nothing(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    before = await counts(database)
    same = {
        "name": office.customer["name"],
        "revenue": "86000000",
        "owner_id": office.id_of("owner"),
        "first_contact_at": None,
    }
    for body in ({}, same):
        answer = await client.patch(office.url, json=body, headers=office["owner"])
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert await counts(database) == before


async def test_stage_and_tier_are_not_patched(client: httpx.AsyncClient, office: Office) -> None:
    for name, value in (("tier", "A"), ("status", "won")):
        answer = await client.patch(office.url, json={name: value}, headers=office["admin"])
        assert codes(answer) == {f"/{name}": "extra_forbidden"}


async def test_the_department_follows_a_new_owner_unless_it_is_given(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office["admin"]
    handed = {"owner_id": office.id_of("outsider")}
    answer = await client.patch(office.url, json=handed, headers=admin)
    assert answer.json()["department_id"] == office.south["public_id"]
    back = {"owner_id": office.id_of("owner"), "department_id": office.east["public_id"]}
    answer = await client.patch(office.url, json=back, headers=admin)
    assert answer.json()["department_id"] == office.east["public_id"]
    answer = await client.patch(office.url, json={"owner_id": None}, headers=admin)
    assert answer.json()["department_id"] == office.east["public_id"]


async def test_who_hands_a_customer_over_loses_him(
    client: httpx.AsyncClient, office: Office
) -> None:
    handed = {"owner_id": office.id_of("outsider")}
    assert (await client.patch(office.url, json=handed, headers=office["owner"])).status_code == 200
    again = await client.patch(office.url, json={"region": "广东"}, headers=office["owner"])
    assert again.status_code == 403
    taken = await client.patch(office.url, json={"region": "广东"}, headers=office["outsider"])
    assert taken.status_code == 200


async def test_an_owner_who_has_left_may_stay_and_cannot_be_named_anew(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        gone = await make_user(tx, role="sales", is_active=False)
    given = {"owner_id": gone["public_id"]}
    answer = await client.patch(office.url, json=given, headers=office["admin"])
    assert codes(answer) == {"/owner_id": "user_inactive"}
    async with database.transaction() as tx:
        customer = await make_customer(tx, owner=gone)
    url = f"{BASE}/{customer['public_id']}"
    answer = await client.patch(url, json=given | {"region": "上海"}, headers=office["admin"])
    assert (answer.status_code, answer.json()["owner_id"]) == (200, gone["public_id"])


# --- versions and repeats


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"region": "上海"}),
        ("PUT", "/account-team", {"members": []}),
        ("POST", "/tier", {"tier": "A", "reason": "年度合作额"}),
    ],
)
async def test_an_old_version_is_refused_and_the_current_one_taken(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    method: str,
    path: str,
    body: Any,
) -> None:
    url, owner = office.url + path, office["owner"]
    before = await counts(database)
    for etag, status in (('"0"', 412), ('"2"', 412), ("x", 400)):
        answer = await client.request(method, url, json=body, headers={**owner, "If-Match": etag})
        assert answer.status_code == status
    assert await counts(database) == before
    for etag in ('"1"', '"2"'):
        answer = await client.request(method, url, json=body, headers={**owner, "If-Match": etag})
        assert answer.status_code == 200
        assert answer.headers["etag"] == '"2"'


async def test_two_changes_at_once_without_a_version_both_hold(
    client: httpx.AsyncClient, office: Office
) -> None:
    answers = await asyncio.gather(
        client.patch(office.url, json={"region": "上海"}, headers=office["owner"]),
        client.patch(office.url, json={"industry": "仪器"}, headers=office["head"]),
    )
    assert [one.status_code for one in answers] == [200, 200]
    file = (await client.get(office.url, headers=office["admin"])).json()
    assert (file["region"], file["industry"], file["version"]) == ("上海", "仪器", 3)


async def test_a_repeated_registration_answers_the_same_and_registers_once(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    headers = {**office["owner"], "Idempotency-Key": "form-1"}
    first = await client.post(BASE, json=LEAST, headers=headers)
    after = await counts(database)
    again = await client.post(BASE, json=LEAST, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    for name in ("location", "etag"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post(BASE, json=LEAST | {"name": "别家"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await counts(database) == after


async def test_a_refused_registration_can_be_repeated_with_its_key(
    client: httpx.AsyncClient, office: Office
) -> None:
    headers = {**office["owner"], "Idempotency-Key": "form-2"}
    refused = await client.post(BASE, json=LEAST | {"owner_id": NOBODY}, headers=headers)
    taken = await client.post(BASE, json=LEAST, headers=headers)
    assert (refused.status_code, taken.status_code) == (422, 201)


async def test_a_repeated_change_of_tier_changes_once(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    headers = {**office["owner"], "Idempotency-Key": "tier-1", "If-Match": '"1"'}
    body = {"tier": "A", "reason": "年度合作额"}
    first = await client.post(f"{office.url}/tier", json=body, headers=headers)
    after = await counts(database)
    again = await client.post(f"{office.url}/tier", json=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert await counts(database) == after


# --- what leaves with a change


async def test_a_registration_leaves_with_its_entry_and_its_event(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    before = await counts(database)
    answer = await client.post(BASE, json=LEAST | {"revenue": "5.00"}, headers=office["owner"])
    file = answer.json()
    after = await counts(database)
    assert {name: after[name] - before[name] for name in after} == {
        "customers": 1, "contacts": 0, "points": 0, "members": 0, "messages": 1, "entries": 1,
    }  # fmt: skip
    entry = (await entries(database))[-1]
    assert (entry["action"], entry["entity_id"]) == ("customer.create", file["id"])
    assert entry["actor_user_id"] == office["owner"].user["id"]
    assert entry["request_id"] is not None
    assert entry["changes"]["name"] == [None, "新客户"]
    assert set(entry["changes"]["revenue"]) == {"sealed"}
    message = (await messages(database))[-1]
    assert (message["event"], message["subject_type"], message["subject_id"], message["payload"]) == (
        "customer.created", "customer", file["id"], {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "event", "actions"),
    [
        ("PATCH", "", {"region": "上海"}, "customer.updated", ["customer.update"]),
        (
            "POST",
            "/tier",
            {"tier": "A", "reason": "合作额"},
            "customer.tier_changed",
            ["customer.update"],
        ),
        (
            "PUT",
            "/account-team",
            {"members": []},
            "customer.team_changed",
            ["account_team_member.delete"],
        ),
    ],
)
async def test_a_change_leaves_with_its_entry_and_its_event(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    method: str,
    path: str,
    body: Any,
    event: str,
    actions: list[str],
) -> None:
    known = len(await entries(database))
    await client.request(method, office.url + path, json=body, headers=office["owner"])
    assert [one["action"] for one in (await entries(database))[known:]] == actions
    assert [(m["event"], m["subject_id"]) for m in await messages(database)] == [
        (event, office.customer["public_id"])
    ]


async def test_a_change_that_cannot_publish_leaves_nothing(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the outbox is gone")

    before = await counts(database)
    monkeypatch.setattr(changes, "publish", fail)
    for method, url, body in (
        ("POST", BASE, LEAST),
        ("PATCH", office.url, {"region": "上海"}),
        ("POST", f"{office.url}/tier", {"tier": "A", "reason": "合作额"}),
        ("PUT", f"{office.url}/account-team", {"members": []}),
    ):
        answer = await client.request(method, url, json=body, headers=office["admin"])
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert await counts(database) == before
    file = (await client.get(office.url, headers=office["admin"])).json()
    assert (file["region"], file["tier"], file["version"]) == (None, "C", 1)
