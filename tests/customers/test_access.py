"""Who reads the file, who writes it, who sees what the mask hides."""

from typing import Any

import httpx
import pytest

from app.database import Database
from tests.conftest import AsUser
from tests.customers.conftest import BASE, NOBODY, Office, counts, entries
from tests.factories import make_user

REASON = {"reason": "客户来电要求回拨"}
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "/{customer}", None),
    ("GET", "/{customer}/contacts", None),
    ("GET", "/{customer}/contacts/{contact}", None),
    ("POST", "", {"name": "新客户", "source_channel": "phone"}),
    ("PATCH", "/{customer}", {"region": "上海"}),
    ("PUT", "/{customer}/account-team", {"members": []}),
    ("POST", "/{customer}/tier", {"tier": "A", "reason": "年度合作额"}),
    ("POST", "/{customer}/contacts", {"name": "赵敏"}),
    ("PATCH", "/{customer}/contacts/{contact}", {"title": "总监"}),
    ("DELETE", "/{customer}/contacts/{contact}", None),
    ("POST", "/{customer}/reveal", REASON),
    ("POST", "/{customer}/contacts/{contact}/reveal", REASON),
]
READS = ROUTES[:4]
CHANGES = ROUTES[5:11]
REVEALS = ROUTES[11:]


async def call(
    client: httpx.AsyncClient,
    route: tuple[str, str, Any],
    headers: Any = None,
    *,
    customer: str,
    contact: str,
) -> httpx.Response:
    method, path, body = route
    url = BASE + path.format(customer=customer, contact=contact)
    return await client.request(method, url, json=body, headers=headers)


def ids(office: Office) -> dict[str, str]:
    return {
        "customer": office.customer["public_id"],
        "contact": office.contact["public_id"],
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
async def test_nobody_unknown_gets_in(
    client: httpx.AsyncClient, office: Office, route: tuple[str, str, Any]
) -> None:
    answer = await call(client, route, **ids(office))
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
async def test_the_auditor_reads_the_log_and_not_the_file(
    client: httpx.AsyncClient, office: Office, route: tuple[str, str, Any]
) -> None:
    answer = await call(client, route, office["auditor"], **ids(office))
    assert answer.status_code == 403


@pytest.mark.parametrize("route", READS, ids=lambda route: f"{route[0]} {route[1]}")
@pytest.mark.parametrize(
    "who", ["owner", "outsider", "member", "head", "other_head", "analyst", "admin"]
)
@pytest.mark.sop("CU-13")
async def test_every_staff_role_reads_every_customer(
    client: httpx.AsyncClient, office: Office, route: tuple[str, str, Any], who: str
) -> None:
    answer = await call(client, route, office[who], **ids(office))
    assert answer.status_code == 200


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: f"{route[0]} {route[1]}")
@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("owner", True),
        ("colleague", True),
        ("head", True),
        ("member", True),
        ("dedicated", True),
        ("admin", True),
        ("outsider", False),
        ("other_head", False),
        ("analyst", False),
    ],
)
async def test_owner_team_department_and_managers_write_and_others_are_refused(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    route: tuple[str, str, Any],
    who: str,
    may: bool,
) -> None:
    before = await counts(database)
    answer = await call(client, route, office[who], **ids(office))
    if may:
        assert answer.status_code in (200, 201, 204)
        assert await counts(database) != before
    else:
        assert answer.status_code == 403
        assert await counts(database) == before


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "{customer}" in r[1]], ids=lambda route: f"{route[0]} {route[1]}"
)
async def test_an_unknown_customer_is_not_found(
    client: httpx.AsyncClient, office: Office, route: tuple[str, str, Any]
) -> None:
    contact = office.contact["public_id"]
    answer = await call(client, route, office["admin"], customer=NOBODY, contact=contact)
    assert answer.status_code == 404
    answer = await call(client, route, office["admin"], customer="no-uuid", contact=contact)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "{contact}" in r[1]], ids=lambda route: f"{route[0]} {route[1]}"
)
async def test_a_contact_of_another_customer_is_not_found(
    client: httpx.AsyncClient, office: Office, route: tuple[str, str, Any]
) -> None:
    other = await client.post(
        BASE, json={"name": "别家", "source_channel": "phone"}, headers=office["owner"]
    )
    given = {"customer": other.json()["id"], "contact": office.contact["public_id"]}
    assert (await call(client, route, office["owner"], **given)).status_code == 404
    given = {"customer": office.customer["public_id"], "contact": NOBODY}
    assert (await call(client, route, office["owner"], **given)).status_code == 404


# --- masks


@pytest.mark.parametrize(
    ("role", "clear"),
    [
        ("admin", True),
        ("manager", True),
        ("support", True),
        ("service", True),
        ("sales", False),
        ("analyst", False),
    ],
)
@pytest.mark.sop("SE-1")
async def test_personal_fields_are_masked_for_roles_that_need_not_know(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    as_user: AsUser,
    role: str,
    clear: bool,
) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role=role)
    caller = await as_user(user)
    file = (await client.get(office.url, headers=caller)).json()
    one = (await client.get(office.contact_url, headers=caller)).json()
    listed = (await client.get(f"{office.url}/contacts", headers=caller)).json()
    assert file["revenue"] == ("86000000.00" if clear else "****")
    number, address = one["phones"][0]["number"], one["emails"][0]["address"]
    assert number == ("+8613800138000" if clear else "+86****8000")
    assert address == ("wang.fang@example.com" if clear else "w****.com")
    assert listed["items"] == [one]


async def test_the_answer_to_a_write_is_masked_like_a_read(
    client: httpx.AsyncClient, office: Office
) -> None:
    sales = office["owner"]
    answer = await client.patch(office.url, json={"revenue": "123456.78"}, headers=sales)
    assert answer.json()["revenue"] == "****"
    body = {"phones": [{"number": "13912345678"}]}
    answer = await client.patch(office.contact_url, json=body, headers=sales)
    assert answer.json()["phones"] == [{"number": "+86****5678", "label": None}]


async def test_the_customer_list_holds_nothing_personal(
    client: httpx.AsyncClient, office: Office
) -> None:
    items = (await client.get(BASE, headers=office["admin"])).json()["items"]
    assert not {"revenue", "phones", "emails", "remarks"} & items[0].keys()


async def test_what_is_too_short_to_mask_in_part_shows_nothing(
    client: httpx.AsyncClient, office: Office
) -> None:
    body = {"name": "短", "phones": [{"number": "+24762889"}], "emails": [{"address": "a@b.cn"}]}
    contact = (
        await client.post(f"{office.url}/contacts", json=body, headers=office["owner"])
    ).json()
    assert (contact["phones"][0]["number"], contact["emails"][0]["address"]) == ("****", "****")


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("owner", True),
        ("colleague", True),
        ("head", True),
        ("other_head", True),
        ("member", True),
        ("dedicated", True),
        ("admin", True),
        ("outsider", False),
        ("analyst", False),
    ],
)
@pytest.mark.sop("SE-1")
async def test_a_reveal_answers_where_the_permission_reaches_and_is_audited(
    client: httpx.AsyncClient, database: Database, office: Office, who: str, may: bool
) -> None:
    before = await counts(database)
    shown = [await call(client, route, office[who], **ids(office)) for route in REVEALS]
    if not may:
        assert [one.status_code for one in shown] == [403, 403]
        assert await counts(database) == before
        return
    assert shown[0].json() == {
        "id": office.customer["public_id"],
        "revenue": "86000000.00",
        "revenue_currency": "CNY",
    }
    assert shown[1].json() == {
        "id": office.contact["public_id"],
        "phones": [{"number": "+8613800138000", "label": None}],
        "emails": [{"address": "wang.fang@example.com", "label": None}],
    }
    assert shown[0].headers["cache-control"] == "private, no-store"
    kept = (await entries(database))[-2:]
    assert [one["action"] for one in kept] == ["customer.reveal", "contact.reveal"]
    assert {one["actor_user_id"] for one in kept} == {office[who].user["id"]}
    assert {one["customer_id"] for one in kept} == {office.customer["id"]}
    assert [one["entity_id"] for one in kept] == [
        office.customer["public_id"],
        office.contact["public_id"],
    ]
    assert all(one["changes"]["reason"] == [None, REASON["reason"]] for one in kept)
    assert "13800138000" not in str(kept)


@pytest.mark.parametrize("body", [{}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": None}])
async def test_a_reveal_needs_a_reason(
    client: httpx.AsyncClient, database: Database, office: Office, body: Any
) -> None:
    before = await counts(database)
    for url in (office.url, office.contact_url):
        answer = await client.post(f"{url}/reveal", json=body, headers=office["owner"])
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/reason"
    assert await counts(database) == before


async def test_a_reveal_is_not_kept_for_a_repeat(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    headers = {**office["owner"], "Idempotency-Key": "k1"}
    first = await client.post(f"{office.contact_url}/reveal", json=REASON, headers=headers)
    again = await client.post(f"{office.contact_url}/reveal", json=REASON, headers=headers)
    assert (first.status_code, again.status_code) == (200, 409)
    assert again.json()["code"] == "secret_not_replayable"
    assert [e["action"] for e in await entries(database)].count("contact.reveal") == 1
