"""Saved views: what a list was asked for, whose it is, who sees it, with which one somebody begins."""

from typing import Any

import httpx
import pytest

from app.saved_views.schemas import Resource
from app.saved_views.service import FILTERS
from tests.tickets.conftest import House, code_of, errors_of

BASE = "/api/v1/saved-views"
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"


async def ask(
    house: House, method: str, path: str = "", body: Any = None, by: str = "li", **headers: str
) -> httpx.Response:
    given = {**house.callers[by], **headers}
    return await house.client.request(method, f"{BASE}{path}", json=body, headers=given)


async def save(house: House, by: str = "li", **values: Any) -> dict[str, Any]:
    body = {"name": "紧急工单", "resource": "tickets", "query": {"priority": ["urgent"]}, **values}
    answer = await ask(house, "POST", "", body, by)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def names(house: House, by: str, **query: str) -> list[str]:
    answer = await house.client.get(BASE, params=query, headers=house.callers[by])
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


# --- what is kept


@pytest.mark.sop("CU-12")
async def test_what_is_kept_is_what_the_list_takes(house: House) -> None:
    query = {
        "tier": ["A", "B"],
        "owner_id": house.id_of("seller"),
        "created_at[gte]": "2026-03-02T08:00:00+08:00",
        "sort": "name",
    }
    made = await save(house, name="重点", resource="customers", query=query)
    assert made["query"]["tier"] == ["A", "B"]
    assert made["owner"] == {"id": house.id_of("li"), "name": "li"}
    assert (made["sharing"], made["is_default"], made["version"]) == ("private", False, 1)
    answer = await house.client.get(
        "/api/v1/customers", params=made["query"], headers=house.callers["li"]
    )
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["items"]] == [house.customer["public_id"]]


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"weather": "fine"}, "/query/weather", "extra_forbidden"),
        ({"priority": ["whatever"]}, "/query/priority/0", "enum"),
        ({"customer_id": "me"}, "/query/customer_id", "uuid_parsing"),
        ({"sort": "priority"}, "/query/sort", "enum"),
        ({"limit": 10}, "/query/limit", "extra_forbidden"),
        ({"cursor": "x"}, "/query/cursor", "extra_forbidden"),
        ({"total": True}, "/query/total", "extra_forbidden"),
    ],
)
async def test_what_the_list_would_refuse_is_refused_at_its_place(
    house: House, query: dict[str, Any], pointer: str, code: str
) -> None:
    body = {"name": "错", "resource": "tickets", "query": query}
    assert errors_of(await ask(house, "POST", "", body)) == {pointer: code}
    made = await save(house)
    assert errors_of(await ask(house, "PATCH", f"/{made['id']}", {"query": query})) == {
        pointer: code
    }


async def test_a_view_of_customers_takes_custom_fields_that_there_are(house: House) -> None:
    field = {"key": "beds", "type": "number", "title": {"zh": "床位", "en": "Beds"}}
    answer = await house.client.post(
        "/api/v1/custom-fields", json=field, headers=house.callers["admin"]
    )
    assert answer.status_code == 201
    query = {"custom[beds][gte]": "100"}
    made = await save(house, name="大医院", resource="customers", query=query)
    assert made["query"] == query
    for wrong in ("custom[nobody]", "weather"):
        body = {"name": "错", "resource": "customers", "query": {wrong: "1"}}
        assert errors_of(await ask(house, "POST", "", body)) == {
            f"/query/{wrong}": "extra_forbidden"
        }


async def test_a_name_is_taken_once_by_one_for_a_list(house: House) -> None:
    await save(house, name="我的 View")
    body = {"name": "我的  VIEW", "resource": "tickets", "query": {}}
    assert code_of(await ask(house, "POST", "", body)) == (409, "view_name_taken")
    await save(house, name="我的 View", resource="customers", query={})
    await save(house, by="zhang", name="我的 View")
    other = await save(house, name="另一个")
    answer = await ask(house, "PATCH", f"/{other['id']}", {"name": "我的 view"})
    assert code_of(answer) == (409, "view_name_taken")


# --- who sees it


@pytest.mark.sop("CU-12")
async def test_a_view_is_seen_by_those_it_is_shared_with(house: House) -> None:
    await save(house, by="support_head", name="private")
    await save(house, by="support_head", name="department", sharing="department")
    await save(house, by="support_head", name="everybody", sharing="all")
    assert await names(house, "support_head") == ["department", "everybody", "private"]
    assert await names(house, "li") == ["department", "everybody"]
    assert await names(house, "wu") == [
        "department",
        "everybody",
    ]  # the field team is below support
    assert await names(house, "seller") == ["everybody"]
    assert await names(house, "boss") == ["everybody"]  # the office is above it
    assert await names(house, "admin") == ["everybody"]
    assert await names(house, "li", resource="customers") == []


async def test_only_the_owner_changes_a_view(house: House) -> None:
    made = await save(house, sharing="all")
    for method, body in (("PATCH", {"name": "anders"}), ("DELETE", None)):
        answer = await ask(house, method, f"/{made['id']}", body, by="zhang")
        assert answer.status_code == 403
    changed = await ask(house, "PATCH", f"/{made['id']}", {"sharing": "private"})
    assert (changed.json()["sharing"], changed.json()["version"]) == ("private", 2)
    for method, path in (("GET", ""), ("POST", "/set-default"), ("PATCH", ""), ("DELETE", "")):
        body = {"name": "anders"} if method == "PATCH" else None
        answer = await ask(house, method, f"/{made['id']}{path}", body, by="zhang")
        assert answer.status_code == 404
    assert (await ask(house, "GET", f"/{NOBODY}")).status_code == 404


async def test_a_stale_version_is_refused(house: House) -> None:
    made = await save(house)
    headers = {"If-Match": '"1"'}
    assert (await ask(house, "PATCH", f"/{made['id']}", {"name": "neu"}, **headers)).is_success
    for method, body in (("PATCH", {"name": "neuer"}), ("DELETE", None)):
        answer = await ask(house, method, f"/{made['id']}", body, **headers)
        assert answer.status_code == 412


# --- with which one somebody begins


async def test_everybody_begins_with_one_view_a_list(house: House) -> None:
    first = await save(house, name="a", sharing="all")
    second = await save(house, name="b", sharing="all")
    customers = await save(house, name="c", resource="customers", query={}, sharing="all")

    async def begun(by: str) -> list[str]:
        answer = await ask(house, "GET", by=by)
        return [one["name"] for one in answer.json()["items"] if one["is_default"]]

    for made, by in ((first, "li"), (customers, "li"), (first, "zhang"), (second, "li")):
        answer = await ask(house, "POST", f"/{made['id']}/set-default", by=by)
        assert answer.json()["is_default"] is True
    assert (await begun("li"), await begun("zhang"), await begun("wu")) == (["b", "c"], ["a"], [])
    for made in (first, second):  # the first is not his any more: nothing happens
        answer = await ask(house, "POST", f"/{made['id']}/unset-default")
        assert answer.json()["is_default"] is False
    assert await begun("li") == ["c"]
    assert (await ask(house, "DELETE", f"/{first['id']}")).status_code == 204
    assert await begun("zhang") == []


def test_every_list_has_its_filter() -> None:
    assert set(FILTERS) == set(Resource)
