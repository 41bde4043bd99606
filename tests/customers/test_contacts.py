"""Contacts: what is kept of them, the one primary, what stays because a ticket names it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app import writing
from app.customers import changes
from app.customers.contact_schemas import ContactRead
from app.database import Database
from app.tickets.models import Ticket
from tests.customers.conftest import NOBODY, Office, codes, counts, entries, messages
from tests.factories import make_contact

PERSON: dict[str, Any] = {
    "name": "赵敏",
    "title": "采购经理",
    "phones": [
        {"number": "021-6688 1234 转 801", "label": "办公室"},
        {"number": "138 0013 8001", "label": None},
    ],
    "emails": [{"address": "Zhao.Min@EXAMPLE.com", "label": None}],
    "birthday": {"calendar": "lunar", "year": None, "month": 8, "day": 15, "in_leap_month": False},
    "interests": ["羽毛球"],
    "preferences": "只要中文资料",
    "is_decision_maker": True,
    "is_primary": True,
    "remarks": "上午不接电话\n先发邮件",
}


WRAPPED: dict[str, Callable[[Any], Any]] = {
    "phones": lambda value: [{"number": value}],
    "emails": lambda value: [{"address": value}],
}


@pytest.mark.sop("CU-1", "CU-3")
async def test_a_contact_is_kept_in_its_plain_form(
    client: httpx.AsyncClient, office: Office
) -> None:
    answer = await client.post(f"{office.url}/contacts", json=PERSON, headers=office["head"])
    assert answer.status_code == 201
    contact = answer.json()
    plain = {
        "phones": [
            {"number": "+862166881234;ext=801", "label": "办公室"},
            {"number": "+8613800138001", "label": None},
        ],
        "emails": [{"address": "Zhao.Min@example.com", "label": None}],
    }
    assert {name: contact[name] for name in PERSON} == PERSON | plain
    assert contact["customer_id"] == office.customer["public_id"]
    assert answer.headers["location"] == f"{office.url}/contacts/{contact['id']}"
    assert answer.headers["etag"] == '"1"'
    again = await client.get(answer.headers["location"], headers=office["head"])
    assert again.content == answer.content
    assert again.headers["etag"] == '"1"'
    ContactRead.model_validate_json(again.content)
    assert list(ContactRead.model_fields) == list(again.json())


async def test_a_name_is_enough(client: httpx.AsyncClient, office: Office) -> None:
    answer = await client.post(
        f"{office.url}/contacts", json={"name": " 赵敏 "}, headers=office["head"]
    )
    contact = answer.json()
    assert contact["name"] == "赵敏"
    assert [contact[name] for name in ("title", "birthday", "preferences", "remarks")] == [None] * 4
    assert [contact[name] for name in ("phones", "emails", "interests")] == [[], [], []]
    assert (contact["is_decision_maker"], contact["is_primary"]) == (False, False)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", None, "string_type"),
        ("name", "", "string_too_short"),
        ("name", "长" * 101, "string_too_long"),
        ("title", "", "string_too_short"),
        ("phones", None, "list_type"),
        ("phones", [{"number": "13800138000"}] * 11, "too_long"),
        ("phones", [{"number": "13800138000"}, {"number": "+86 138 0013 8000"}], "named_twice"),
        ("phones/0/number", "88888888", "phone_invalid"),
        ("phones/0/number", "13800138000x", "phone_invalid"),
        ("phones/0/number", "", "string_too_short"),
        ("phones/0/number", "1" * 65, "string_too_long"),
        ("phones/0/number", 13800138000, "string_type"),
        ("emails", [{"address": "a@b.cn"}, {"address": "a@B.cn"}], "named_twice"),
        ("emails/0/address", "wang.fang", "email_invalid"),
        ("emails/0/address", "a@b", "email_invalid"),
        ("emails/0/address", "a@b.com, c@d.com", "email_invalid"),
        ("emails/0/address", "x@localhost", "email_invalid"),
        ("emails/0/address", "a" * 250 + "@b.cn", "string_too_long"),
        ("birthday", "1990-01-01", "model_attributes_type"),
        ("birthday", {"month": 2, "day": 30}, "birthday_invalid"),
        ("birthday", {"year": 2023, "month": 2, "day": 29}, "birthday_invalid"),
        ("birthday", {"month": 2, "day": 9, "in_leap_month": True}, "birthday_invalid"),
        ("birthday", {"calendar": "lunar", "month": 2, "day": 31}, "birthday_invalid"),
        ("birthday/year", {"year": 2199, "month": 2, "day": 1}, "in_the_future"),
        ("birthday/month", {"month": 13, "day": 1}, "less_than_equal"),
        ("birthday/day", {"month": 1, "day": 1.5}, "int_type"),
        ("interests", "羽毛球", "list_type"),
        ("is_primary", None, "bool_type"),
        ("is_primary", 1, "bool_type"),
        ("is_decision_maker", "true", "bool_type"),
        ("remarks", "  ", "string_too_short"),
        ("phone", "13800138000", "extra_forbidden"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    *,
    client: httpx.AsyncClient,
    database: Database,
    office: Office,
    field: str,
    value: Any,
    code: str,
) -> None:
    before = await counts(database)
    field, pointer = field.partition("/")[0], f"/{field}"
    value = WRAPPED[field](value) if pointer.count("/") == 3 else value
    given = {"name": "赵敏", field: value}
    answer = await client.post(f"{office.url}/contacts", json=given, headers=office["head"])
    assert answer.status_code == 422
    assert codes(answer) == {pointer: code}
    answer = await client.patch(office.contact_url, json={field: value}, headers=office["head"])
    assert codes(answer) == {pointer: code}
    assert await counts(database) == before


async def test_a_patch_changes_what_it_names_and_null_empties(
    client: httpx.AsyncClient, office: Office
) -> None:
    before = (await client.get(office.contact_url, headers=office["head"])).json()
    given = {"phones": [], "title": "总监", "is_decision_maker": True}
    answer = await client.patch(office.contact_url, json=given, headers=office["head"])
    after = answer.json()
    assert after == before | given | {"updated_at": after["updated_at"], "version": 2}
    assert answer.headers["etag"] == '"2"'


async def test_a_patch_that_changes_nothing_writes_nothing(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    before = await counts(database)
    for body in ({}, {"phones": [{"number": "138 0013 8000"}], "is_primary": False}):
        answer = await client.patch(office.contact_url, json=body, headers=office["head"])
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert await counts(database) == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_an_old_version_is_refused_and_the_current_one_taken(
    client: httpx.AsyncClient, database: Database, office: Office, method: str
) -> None:
    body = {"title": "总监"} if method == "PATCH" else None
    before = await counts(database)
    for etag, status in (('"2"', 412), ("x", 400)):
        headers = {**office["owner"], "If-Match": etag}
        answer = await client.request(method, office.contact_url, json=body, headers=headers)
        assert answer.status_code == status
    assert await counts(database) == before
    headers = {**office["owner"], "If-Match": '"1"'}
    answer = await client.request(method, office.contact_url, json=body, headers=headers)
    assert answer.status_code in (200, 204)


async def test_a_new_primary_takes_the_place_of_the_old_one(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    head = office["head"]
    await client.patch(office.contact_url, json={"is_primary": True}, headers=head)
    second = await client.post(f"{office.url}/contacts", json=PERSON, headers=head)
    assert await _primaries(client, office) == ["赵敏"]
    await client.patch(office.contact_url, json={"is_primary": True}, headers=head)
    assert await _primaries(client, office) == ["王芳"]
    demoted = await client.get(second.headers["location"], headers=head)
    assert (demoted.json()["is_primary"], demoted.json()["version"]) == (False, 2)
    told = [m for m in await messages(database) if m["event"].startswith("contact.")]
    events = [(m["event"], m["subject_id"]) for m in told]
    old, new = office.contact["public_id"], second.json()["id"]
    assert sorted(events) == sorted(
        [
            ("contact.updated", old),
            ("contact.updated", old),
            ("contact.created", new),
            ("contact.updated", new),
            ("contact.updated", old),
        ]
    )


async def test_two_primaries_at_once_leave_one(client: httpx.AsyncClient, office: Office) -> None:
    people = [PERSON | {"name": name} for name in ("甲", "乙", "丙")]
    await asyncio.gather(
        *(client.post(f"{office.url}/contacts", json=one, headers=office["head"]) for one in people)
    )
    assert len(await _primaries(client, office)) == 1


async def test_another_customers_primary_stays(client: httpx.AsyncClient, office: Office) -> None:
    answer = await client.post(
        "/api/v1/customers",
        json={"name": "别家", "source_channel": "phone"},
        headers=office["head"],
    )
    await client.patch(office.contact_url, json={"is_primary": True}, headers=office["head"])
    url = f"{answer.headers['location']}/contacts"
    assert (await client.post(url, json=PERSON, headers=office["head"])).status_code == 201
    assert await _primaries(client, office) == ["王芳"]


async def test_numbers_keep_their_order_and_what_differs_is_written(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    head, url = office["head"], office.contact_url
    lists: tuple[list[tuple[str, str | None]], ...] = (
        [("+8613800138000", "手机"), ("+861012345678", None)],
        [("+861012345678", None), ("+8613800138000", "手机")],
        [("+861012345678", "前台")],
        [("+85251234567", None), ("+861012345678", "前台"), ("+861012345679", None)],
        [],
    )
    for version, wanted in enumerate(lists, 2):
        phones = [{"number": number, "label": label} for number, label in wanted]
        answer = await client.patch(url, json={"phones": phones}, headers=head)
        assert (answer.json()["phones"], answer.json()["version"]) == (phones, version)
        before = await counts(database)
        again = await client.patch(url, json={"phones": phones}, headers=head)
        assert again.content == answer.content
        assert await counts(database) == before
    shown = (await client.get(url, headers=head)).json()
    assert shown["emails"] == [{"address": "wang.fang@example.com", "label": None}]
    actions = [one["action"] for one in await entries(database)]
    assert actions.count("contact_point.create") == 2 + 1 + 2
    assert actions.count("contact_point.delete") == 1 + 3


@pytest.mark.sop("SE-1")
async def test_what_was_read_masked_and_is_sent_back_stays(
    client: httpx.AsyncClient, office: Office
) -> None:
    url, seller, head = office.contact_url, office["owner"], office["head"]
    await client.patch(
        url, json={"phones": [{"number": "010-12345678"}, {"number": "13800138000"}]}, headers=head
    )
    shown = (await client.get(url, headers=seller)).json()
    assert [one["number"] for one in shown["phones"]] == ["+86****5678", "+86****8000"]
    sent = [{"number": "13912345678"}, *reversed(shown["phones"])]
    sent[1] = sent[1] | {"label": "手机"}
    answer = await client.patch(
        url, json={"phones": sent, "emails": shown["emails"]}, headers=seller
    )
    assert answer.status_code == 200, answer.text
    kept = (await client.get(url, headers=head)).json()
    assert kept["phones"] == [
        {"number": "+8613912345678", "label": None},
        {"number": "+8613800138000", "label": "手机"},
        {"number": "+861012345678", "label": None},
    ]
    assert kept["emails"] == [{"address": "wang.fang@example.com", "label": None}]
    for number, code in (("+86****5678", "mask_ambiguous"), ("+86****1111", "phone_invalid")):
        body = {"phones": [{"number": number}]}
        answer = await client.patch(url, json=body, headers=seller)
        assert codes(answer) == {"/phones/0/number": code}
    created = {"name": "赵敏", "phones": [{"number": "+86****8000"}]}
    answer = await client.post(f"{office.url}/contacts", json=created, headers=head)
    assert codes(answer) == {"/phones/0/number": "phone_invalid"}


async def _primaries(client: httpx.AsyncClient, office: Office) -> list[str]:
    items = (await client.get(f"{office.url}/contacts", headers=office["head"])).json()["items"]
    return [one["name"] for one in items if one["is_primary"]]


# --- deleting


async def test_a_deleted_contact_is_gone(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    answer = await client.delete(office.contact_url, headers=office["owner"])
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        again = await client.request(method, office.contact_url, headers=office["owner"])
        assert again.status_code == 404
    kept = (await entries(database))[-1]
    assert (kept["action"], kept["entity_id"]) == ("contact.delete", office.contact["public_id"])
    assert "13800138000" not in str(kept["changes"])
    message = (await messages(database))[-1]
    assert (message["event"], message["payload"]) == (
        "contact.deleted",
        {"customer_id": office.customer["public_id"]},
    )


@pytest.mark.parametrize("column", ["contact_id", "confirmed_contact_id"])
async def test_a_contact_that_a_ticket_names_stays(
    client: httpx.AsyncClient, database: Database, office: Office, column: str
) -> None:
    async with database.transaction() as tx:
        now = await tx.now()
        await writing.insert(
            tx, Ticket, number="T000001", customer_id=office.customer["id"], type="technical",
            channel="phone", subject="漏液", description="漏液", status="new", opened_at=now,
            updated_at=now, **{column: office.contact["id"]},
        )  # fmt: skip
    before = await counts(database)
    answer = await client.delete(office.contact_url, headers=office["owner"])
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_in_use")
    assert answer.json()["detail"].startswith("该联系人")
    assert await counts(database) == before
    async with database.transaction() as tx:
        free = await make_contact(tx, office.customer, name="闲人")
    url = f"{office.url}/contacts/{free['public_id']}"
    assert (await client.delete(url, headers=office["owner"])).status_code == 204


# --- repeats, entries, events, paging


async def test_a_repeated_contact_is_added_once(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    headers = {**office["owner"], "Idempotency-Key": "c-1"}
    url = f"{office.url}/contacts"
    first = await client.post(url, json=PERSON, headers=headers)
    after = await counts(database)
    again = await client.post(url, json=PERSON, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    other = await client.post(url, json=PERSON | {"name": "甲"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await counts(database) == after


async def test_a_contact_leaves_with_its_entry_and_its_event(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    before = await counts(database)
    answer = await client.post(f"{office.url}/contacts", json=PERSON, headers=office["owner"])
    after = await counts(database)
    assert {name: after[name] - before[name] for name in after} == {
        "customers": 0, "contacts": 1, "points": 3, "members": 0, "messages": 1, "entries": 4,
    }  # fmt: skip
    entry, *points = (await entries(database))[-4:]
    assert (entry["action"], entry["customer_id"]) == ("contact.create", office.customer["id"])
    for name in ("name", "birthday", "interests", "preferences", "remarks"):
        assert set(entry["changes"][name]) == {"sealed"}
    for point in points:
        assert (point["action"], point["customer_id"]) == (
            "contact_point.create", office.customer["id"],
        )  # fmt: skip
        assert set(point["changes"]["value"]) == {"sealed"}
    message = (await messages(database))[-1]
    assert (message["event"], message["subject_id"]) == ("contact.created", answer.json()["id"])
    assert message["payload"] == {"customer_id": office.customer["public_id"]}


async def test_a_contact_that_cannot_publish_leaves_nothing(
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
        ("POST", f"{office.url}/contacts", PERSON),
        ("PATCH", office.contact_url, {"title": "总监"}),
        ("DELETE", office.contact_url, None),
    ):
        answer = await client.request(method, url, json=body, headers=office["admin"])
        assert answer.status_code == 500
    assert await counts(database) == before


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
async def test_contacts_page_in_both_directions(
    client: httpx.AsyncClient, database: Database, office: Office, sort: str
) -> None:
    async with database.transaction() as tx:
        for number in range(6):
            await make_contact(tx, office.customer, name=f"人{number}")
    names: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        asked: dict[str, Any] = {"sort": sort, "limit": 3, "total": "true"}
        url = f"{office.url}/contacts"
        answer = await client.get(
            url, params=asked | ({"cursor": cursor} if cursor else {}), headers=office["owner"]
        )
        page = answer.json()
        names += [one["name"] for one in page["items"]]
        assert page["total"] == 7
        assert page["has_more"] == (page["next_cursor"] is not None)
        cursor, pages = page["next_cursor"], pages + 1
    expected = ["王芳", *(f"人{number}" for number in range(6))]
    assert names == (expected if sort == "created_at" else expected[::-1])
    assert pages == 3


async def test_a_cursor_of_another_customers_contacts_is_refused(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        await make_contact(tx, office.customer, name="第二人")
    owner = office["owner"]
    page = await client.get(f"{office.url}/contacts?limit=1", headers=owner)
    other = await client.post(
        "/api/v1/customers", json={"name": "别家", "source_channel": "phone"}, headers=owner
    )
    answer = await client.get(
        f"{other.headers['location']}/contacts",
        params={"limit": 1, "cursor": page.json()["next_cursor"]},
        headers=owner,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_of_another_list")


async def test_the_contacts_of_an_unknown_customer_are_not_an_empty_list(
    client: httpx.AsyncClient, office: Office
) -> None:
    answer = await client.get(f"/api/v1/customers/{NOBODY}/contacts", headers=office["owner"])
    assert answer.status_code == 404
