"""Choice lists and custom fields: configuring them, what a customer's file takes, finding customers by them."""

from typing import Any

import httpx
import pytest

from app.calendars import service as calendars
from app.database import Database
from app.fields.shipped import SHIPPED, ensure_choice_lists
from app.sla import service as sla
from tests.conftest import Caller, LoginAs

API = "/api/v1"
TITLE = {"zh": "名称", "en": "Name"}
GRADES = [{"code": code, "title": TITLE, "is_active": True} for code in ("first", "second")]
FIELDS = {
    "beds": "number", "opened_on": "date", "note": "text", "is_public": "boolean", "grade": "choice",
    "wards": "multi_choice",
}  # fmt: skip


@pytest.fixture
async def admin(client: httpx.AsyncClient, database: Database, login_as: LoginAs) -> Caller:
    """An admin, who has added a list and a field of every type."""
    caller = await login_as("admin")
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        await ensure_choice_lists(tx)
        await ensure_choice_lists(tx)
    await send(client, caller, "choice-lists", code="grades", title=TITLE, choices=GRADES)
    for key, kind in FIELDS.items():
        given = {"key": key, "type": kind, "title": TITLE}
        if kind.endswith("choice"):
            given["choice_list"] = "grades"
        await send(client, caller, "custom-fields", **given)
    return caller


async def send(client: httpx.AsyncClient, caller: Caller, path: str, **body: Any) -> Any:
    answer = await client.post(f"{API}/{path}", json=body, headers=caller)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def register(client: httpx.AsyncClient, caller: Caller, name: str, **body: Any) -> Any:
    return await send(client, caller, "customers", name=name, source_channel="phone", **body)


def codes(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {one["pointer"]: one["code"] for one in answer.json()["errors"]}


# --- the configuration


@pytest.mark.sop("CU-8")
async def test_the_shipped_lists_are_there_once(client: httpx.AsyncClient, admin: Caller) -> None:
    page = (await client.get(f"{API}/choice-lists", headers=admin)).json()
    assert [one["code"] for one in page["items"]] == sorted([*SHIPPED, "grades"])


async def test_a_choice_is_made_inactive_but_never_lost(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    held = await register(client, admin, "一院", custom={"grade": "first"})
    url = f"{API}/choice-lists/grades"
    answer = await client.patch(url, json={"choices": GRADES[1:]}, headers=admin)
    assert codes(answer) == {"/choices": "choice_lost"}
    fewer = [GRADES[0] | {"is_active": False}, GRADES[1]]
    answer = await client.patch(url, json={"choices": fewer}, headers=admin)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    file = f"{API}/customers/{held['id']}"
    kept = {"grade": "first", "beds": 5}
    answer = await client.patch(file, json={"custom": kept}, headers=admin)
    assert answer.json()["custom"] == {"beds": 5, "grade": "first"}
    answer = await client.patch(file, json={"custom": {"wards": ["first"]}}, headers=admin)
    assert codes(answer) == {"/custom/wards": "not_in_list"}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("custom-fields", {"key": "x", "type": "choice", "title": TITLE}, "/choice_list"),
        ("custom-fields", {"key": "x", "type": "text", "title": TITLE, "choice_list": "grades"}, "/choice_list"),
        ("custom-fields", {"key": "x", "type": "choice", "title": TITLE, "choice_list": "no"}, "/choice_list"),
        ("custom-fields", {"key": "X", "type": "text", "title": TITLE}, "/key"),
        ("custom-fields", {"key": "x", "type": "json", "title": TITLE}, "/type"),
        ("choice-lists", {"code": "x", "title": TITLE, "choices": [GRADES[0]] * 2}, "/choices"),
    ],
)  # fmt: skip
async def test_a_wrong_configuration_is_refused(
    *, client: httpx.AsyncClient, admin: Caller, path: str, body: Any, pointer: str
) -> None:
    answer = await client.post(f"{API}/{path}", json=body, headers=admin)
    assert list(codes(answer)) == [pointer]


async def test_what_is_there_is_not_added_twice_and_an_old_version_changes_nothing(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    for path, body in (
        ("choice-lists", {"code": "grades", "title": TITLE}),
        ("custom-fields", {"key": "beds", "type": "text", "title": TITLE}),
    ):
        assert (await client.post(f"{API}/{path}", json=body, headers=admin)).status_code == 409
    for url in ("choice-lists/grades", "custom-fields/beds"):
        answer = await client.patch(
            f"{API}/{url}", json={"title": TITLE}, headers={**admin, "If-Match": '"7"'}
        )
        assert answer.status_code == 412


# --- what a file takes


@pytest.mark.sop("CU-8")
async def test_a_file_holds_values_of_every_type_and_a_patch_merges_them(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    given = {
        "wards": ["second", "first", "second"], "note": " 三甲 ", "beds": 320.0, "opened_on": "1998-05-01",
        "is_public": True, "grade": "first",
    }  # fmt: skip
    made = await register(client, admin, "一院", custom=given, trade_kind="hospital")
    kept = given | {"wards": ["second", "first"], "note": "三甲", "beds": 320}
    assert made["custom"] == kept
    assert list(made["custom"]) == sorted(kept)
    url = f"{API}/customers/{made['id']}"
    change: dict[str, Any] = {"custom": {"note": None, "wards": [], "beds": 321}}
    answer = await client.patch(url, json=change, headers=admin)
    rest = {name: kept[name] for name in ("grade", "is_public", "opened_on")}
    assert answer.json()["custom"] == rest | {"beds": 321}
    again = await client.patch(url, json=change, headers=admin)
    assert again.content == answer.content


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"custom": {"nobody": 1}}, {"/custom/nobody": "extra_forbidden"}),
        ({"custom": {"beds": "x", "opened_on": "soon"}}, {"/custom/beds": "number_invalid", "/custom/opened_on": "date_invalid"}),
        ({"custom": {"grade": "third"}}, {"/custom/grade": "not_in_list"}),
        ({"custom": {"is_public": 1}}, {"/custom/is_public": "bool_type"}),
        ({"custom": []}, {"/custom": "dict_type"}),
        ({"custom": None}, {"/custom": "dict_type"}),
        ({"trade_kind": "circus", "purchasing_power": "huge"}, {"/trade_kind": "not_in_list", "/purchasing_power": "not_in_list"}),
    ],
)  # fmt: skip
async def test_what_a_field_does_not_take_is_named(
    client: httpx.AsyncClient, admin: Caller, body: Any, wrong: dict[str, str]
) -> None:
    given = {"name": "一院", "source_channel": "phone", **body}
    assert codes(await client.post(f"{API}/customers", json=given, headers=admin)) == wrong


async def test_an_inactive_field_keeps_what_it_holds_and_takes_nothing_new(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    made = await register(client, admin, "一院", custom={"beds": 5})
    answer = await client.patch(
        f"{API}/custom-fields/beds", json={"is_active": False}, headers=admin
    )
    assert answer.json()["is_active"] is False
    url = f"{API}/customers/{made['id']}"
    answer = await client.patch(url, json={"custom": {"beds": 6}}, headers=admin)
    assert codes(answer) == {"/custom/beds": "field_inactive"}
    answer = await client.patch(url, json={"custom": {"beds": 5}, "goals": "扩"}, headers=admin)
    assert answer.json()["custom"] == {"beds": 5}
    answer = await client.patch(url, json={"custom": {"beds": None}}, headers=admin)
    assert answer.json()["custom"] == {}


async def test_industry_is_free_until_its_list_is_closed(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    made = await register(client, admin, "一院", industry="卫生")
    closed = {"is_open": False, "choices": [GRADES[0]]}
    await client.patch(f"{API}/choice-lists/industry", json=closed, headers=admin)
    url = f"{API}/customers/{made['id']}"
    answer = await client.patch(url, json={"industry": "医疗"}, headers=admin)
    assert codes(answer) == {"/industry": "not_in_list"}
    answer = await client.patch(url, json={"industry": "卫生", "goals": "扩"}, headers=admin)
    assert answer.status_code == 200
    answer = await client.patch(url, json={"industry": "first"}, headers=admin)
    assert answer.json()["industry"] == "first"


# --- finding by them


@pytest.mark.sop("CU-8", "CU-12")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("custom[beds]=100", "甲"),
        ("custom[beds]=100.0", "甲"),
        ("custom[beds][gte]=100", "乙甲"),
        ("custom[beds][gte]=100&custom[beds][lt]=900", "甲"),
        ("custom[opened_on][lt]=2000-01-01", "乙"),
        ("custom[opened_on]=2001-01-01", "甲"),
        ("custom[is_public]=true", "甲"),
        ("custom[is_public]=false", "乙"),
        ("custom[grade]=second", "乙"),
        ("custom[wards]=first", "乙甲"),
        ("custom[wards]=second", "乙"),
        ("custom[note]=三'甲\"", "甲"),
        ("custom[note]=%25", ""),
        ("custom[grade]=second&trade_kind=hospital", "乙"),
        ("trade_kind=pharmacy&trade_kind=hospital", "丙乙甲"),
        ("purchasing_power=high", "甲"),
        ("region=上海", "甲"),
        ("credit_code=91350100m000100y43", "甲"),
        ("headcount[gte]=10&headcount[lt]=20", "甲"),
        ("contract_ends_on[gte]=2027-01-01&contract_ends_on[lt]=2027-01-02", "甲"),
        ("cooperation_started_on[gte]=2026-01-01", "甲"),
    ],
)
async def test_customers_are_found_by_their_attributes(
    client: httpx.AsyncClient, admin: Caller, query: str, found: str
) -> None:
    first = {
        "beds": 100, "opened_on": "2001-01-01", "is_public": True, "grade": "first", "wards": ["first"],
        "note": "三'甲\"",
    }  # fmt: skip
    await register(
        client, admin, "甲", custom=first, trade_kind="hospital", purchasing_power="high", region="上海",
        credit_code="91350100M000100Y43", headcount=10, contract_ends_on="2027-01-01",
        cooperation_started_on="2026-01-01",
    )  # fmt: skip
    second = {
        "beds": 900.5, "opened_on": "1999-12-31", "is_public": False, "grade": "second",
        "wards": ["first", "second"],
    }  # fmt: skip
    await register(client, admin, "乙", custom=second, trade_kind="hospital", headcount=20)
    await register(client, admin, "丙", trade_kind="pharmacy")
    answer = await client.get(f"{API}/customers?{query}", headers=admin)
    assert answer.status_code == 200, answer.text
    assert "".join(one["name"] for one in answer.json()["items"]) == found


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("custom[nobody]=1", {"/query/custom[nobody]": "extra_forbidden"}),
        ("custom[beds", {"/query/custom[beds": "extra_forbidden"}),
        ("custom[beds]=x", {"/query/custom[beds]": "number_invalid"}),
        ("custom[note][gte]=x", {"/query/custom[note][gte]": "not_ordered"}),
        ("custom[is_public]=1", {"/query/custom[is_public]": "bool_type"}),
        ("custom[opened_on]=today", {"/query/custom[opened_on]": "date_invalid"}),
        ("custom[beds]=1&custom[beds]=2", {"/query/custom[beds]": "string_type"}),
        ("beds=1", {"/query/beds": "extra_forbidden"}),
    ],
)
async def test_what_is_no_filter_is_named(
    client: httpx.AsyncClient, admin: Caller, query: str, wrong: dict[str, str]
) -> None:
    answer = await client.get(f"{API}/customers?{query}", headers=admin)
    assert codes(answer) == wrong


async def test_a_cursor_belongs_to_the_custom_filter_that_it_was_made_with(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    for name in ("甲", "乙", "丙"):
        await register(client, admin, name, custom={"beds": 5})
    asked = {"custom[beds]": "5", "limit": "2"}
    page = (await client.get(f"{API}/customers", params=asked, headers=admin)).json()
    rest = await client.get(
        f"{API}/customers", params=asked | {"cursor": page["next_cursor"]}, headers=admin
    )
    assert [one["name"] for one in page["items"] + rest.json()["items"]] == ["丙", "乙", "甲"]
    other = asked | {"custom[beds]": "6", "cursor": page["next_cursor"]}
    answer = await client.get(f"{API}/customers", params=other, headers=admin)
    assert answer.json()["code"] == "cursor_of_another_list"
