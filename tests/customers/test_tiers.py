"""Tiers: computed after changes and by night, overridden for a while, explained, previewed, and served by a manager."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app import writing
from app.auth.models import Department, User
from app.customers import service, tier_computing, tiers
from app.customers.models import CustomerTier
from app.customers.schemas import CustomerCreate
from app.customers.tier_computing import compute_tiers, next_night
from app.database import Database
from app.jobs import relay_messages, run_operations
from app.notifications.models import Notification
from app.rehearsal import service as rehearsal
from app.statements import Row, Statement
from app.tiering.service import shipped_document
from tests.conftest import Caller, LoginAs
from tests.customers.conftest import BASE, Office, messages
from tests.factories import (
    freeze,
    make_contact,
    make_customer,
    make_principal,
    make_rules,
    make_ticket,
    make_ticket_types,
)

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
SATURDAY = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
BIG: Mapping[str, Any] = {"revenue": "1000000000.00", "headcount": 5000}
SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICIES = "/api/v1/tier-policies"
_TIERS = Statement(select(*CustomerTier.__table__.columns).order_by(CustomerTier.id))
_LINES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))


async def register(client: httpx.AsyncClient, caller: Caller, **fields: Any) -> dict[str, Any]:
    body = {"name": "新客户", "source_channel": "phone", **fields}
    answer = await client.post(BASE, json=body, headers=caller)
    assert answer.status_code == 201, answer.text
    file: dict[str, Any] = answer.json()
    return file


async def read(client: httpx.AsyncClient, caller: Caller, file: Mapping[str, Any]) -> Any:
    return (await client.get(f"{BASE}/{file['id']}", headers=caller)).json()


async def tier(client: httpx.AsyncClient, caller: Caller, file: Mapping[str, Any]) -> Any:
    answer = await client.get(f"{BASE}/{file['id']}/tier", headers=caller)
    assert answer.status_code == 200
    return answer.json()


async def changes(client: httpx.AsyncClient, caller: Caller, file: Mapping[str, Any]) -> list[Any]:
    url = f"{BASE}/{file['id']}/tier/history?sort=changed_at"
    return [
        (one["from_tier"], one["to_tier"], one["source"], one["score"])
        for one in (await client.get(url, headers=caller)).json()["items"]
    ]


async def settle(database: Database) -> None:
    """Hand events on and compute what they ask for, as the worker does."""
    while await relay_messages(database) + await compute_tiers(database):
        pass


# --- computed


@pytest.mark.sop("CU-9")
async def test_a_tier_is_computed_after_registering_and_after_every_change(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    file = await register(client, admin, **BIG)
    assert (file["tier"], file["tier_is_overridden"]) == ("C", False)
    await settle(database)
    assert (await read(client, admin, file))["tier"] == "A"
    url = f"{BASE}/{file['id']}"
    await client.patch(url, json={"revenue": "100000000", "headcount": 500}, headers=admin)
    await settle(database)
    await client.post(f"{url}/stage", json={"stage": "interested"}, headers=admin)
    await settle(database)
    assert (await read(client, admin, file))["tier"] == "B"
    assert await changes(client, admin, file) == [
        ("C", "A", "computed", "80.00"), ("A", "B", "computed", "53.00"),
    ]  # fmt: skip
    (kept,) = await database.all(_TIERS)
    assert (kept["tier"], str(kept["score"])) == ("B", "59.00")
    assert await compute_tiers(database) == 0
    told = [one["event"] for one in await messages(database)]
    assert told.count("customer.tier_changed") == 2


@pytest.mark.sop("CU-9")
async def test_the_night_brings_what_only_time_changes(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    given = {"revenue": "100000000", "headcount": 200, "expected_cooperation_on": "2026-04-02"}
    file = await register(client, admin, **given)
    await settle(database)
    assert (await tier(client, admin, file))["computed"]["score"] == "59.00"  # in 31 days
    (kept,) = await database.all(_TIERS)
    assert kept["compute_at"] == next_night(MONDAY, kept["customer_id"], SHANGHAI)
    await freeze(database, kept["compute_at"] - timedelta(microseconds=1))
    assert await compute_tiers(database) == 0
    await freeze(database, kept["compute_at"])
    assert await compute_tiers(database) == 1
    (kept,) = await database.all(_TIERS)
    assert str(kept["score"]) == "63.00"  # in 30 days


@given(
    st.integers(0, 15 * 366 * 86_400).map(lambda seconds: MONDAY + timedelta(seconds=seconds)),
    st.integers(1, 10**12),
    st.sampled_from([SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")]),
)
def test_a_night_is_the_next_one_between_two_and_six(
    after: datetime, key: int, zone: ZoneInfo
) -> None:
    at = next_night(after, key, zone)
    assert after < at <= after + timedelta(hours=26)
    assert 2 <= at.astimezone(zone).hour <= 6


async def test_another_currency_counts_by_the_policys_rate_only(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    file = await register(client, admin, **BIG, revenue_currency="USD")
    told = await tier(client, admin, file)
    measures = {one["measure"]: one for one in told["computed"]["factors"][0]["measures"]}
    assert measures["revenue"]["points"] is None
    assert measures["revenue"]["text"]["zh"] == "年营业额:未知,不计分"
    assert told["computed"]["score"] == "30.00"


# --- explained


@pytest.mark.sop("CU-9")
async def test_a_tier_is_explained_factor_by_factor_in_both_languages(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    file = await register(client, office["owner"], **BIG, status="interested")
    told = await tier(client, office["admin"], file)
    computed = told["computed"]
    assert (computed["tier"], computed["score"], computed["policy_version"]) == ("A", "86.00", 0)
    assert [(f["factor"], f["weight"], f["points"], f["score"]) for f in computed["factors"]] == [
        ("value", 50, 100, "50.00"), ("growth", 30, 100, "30.00"), ("urgency", 20, 30, "6.00"),
    ]  # fmt: skip
    assert computed["text"] == {
        "zh": "按分级规则第 0 版得 86.00 分,对应 A 级(A ≥ 70、B ≥ 40,其余 C)",
        "en": "Version 0 of the tier policy gives 86.00 points, tier A (A from 70, B from 40, else C)",
    }
    value = computed["factors"][0]
    assert value["text"]["zh"] == "价值:100 分 × 50% = 50.00"
    revenue = next(one for one in value["measures"] if one["measure"] == "revenue")
    assert revenue["text"] == {
        "zh": "年营业额 1000000000.00 CNY,达到 1000000000 档:100 分",
        "en": "Yearly turnover 1000000000.00 CNY reaches 1000000000: 100 points",
    }


@pytest.mark.sop("CU-9", "SE-1")
async def test_an_explanation_hides_amounts_as_the_file_does(
    client: httpx.AsyncClient, office: Office
) -> None:
    file = await register(client, office["owner"], **BIG)
    answer = await client.get(f"{BASE}/{file['id']}/tier", headers=office["analyst"])
    assert "1000000000.00" not in answer.text
    revenue = answer.json()["computed"]["factors"][0]["measures"][2]
    assert (revenue["measure"], revenue["value"]) == ("revenue", "****")
    assert revenue["text"] == {
        "zh": "年营业额 ****:100 分",
        "en": "Yearly turnover ****: 100 points",
    }


# --- overridden


@pytest.mark.sop("CU-9")
async def test_an_override_stands_against_the_policy_until_exactly_its_end(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin, ends = office["admin"], MONDAY + timedelta(days=10)
    file = await register(client, admin)
    await settle(database)
    body = {"tier": "A", "reason": "标杆客户", "expires_at": "2026-03-12T09:00:00+08:00"}
    url = f"{BASE}/{file['id']}/tier"
    answer = await client.post(url, json=body, headers=admin)
    shown = {"tier": "A", "tier_reason": "标杆客户", "tier_is_overridden": True}
    shown |= {"tier_override_ends_at": "2026-03-12T01:00:00.000000Z"}
    assert shown.items() <= answer.json().items()
    for at, expected in (
        (MONDAY + timedelta(days=3), "A"), (ends - timedelta(microseconds=1), "A"), (ends, "C"),
    ):  # fmt: skip
        await freeze(database, at)
        await settle(database)
        assert (await read(client, admin, file))["tier"] == expected
    after = await read(client, admin, file)
    assert (after["tier_is_overridden"], after["tier_reason"]) == (False, None)
    assert after["tier_override_ends_at"] is None
    assert await changes(client, admin, file) == [
        ("C", "A", "override", "0.00"), ("A", "C", "override_expired", "0.00"),
    ]  # fmt: skip


@pytest.mark.sop("CU-9")
async def test_an_override_is_withdrawn_once(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    admin = office["admin"]
    file = await register(client, admin, tier="B", tier_reason="老客户")
    assert file["tier_is_overridden"] is True
    await settle(database)
    assert (await read(client, admin, file))["tier"] == "B"
    url = f"{BASE}/{file['id']}/tier"
    stale = {**admin, "If-Match": '"9"'}
    assert (await client.delete(url, headers=stale)).status_code == 412
    answer = await client.delete(url, headers=admin)
    assert (answer.status_code, answer.json()["tier"]) == (200, "C")
    again = await client.delete(url, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "tier_not_overridden")
    assert [one[:3] for one in await changes(client, admin, file)] == [
        (None, "B", "override"), ("B", "C", "override_withdrawn"),
    ]  # fmt: skip


async def test_a_reason_without_a_tier_is_refused(
    client: httpx.AsyncClient, office: Office
) -> None:
    body = {"name": "新客户", "source_channel": "phone", "tier_reason": "老客户"}
    answer = await client.post(BASE, json=body, headers=office["admin"])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/tier"


async def test_a_rehearsal_stops_where_an_override_ends(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    file = await register(client, admin)
    body = {"tier": "A", "reason": "标杆客户", "expires_at": "2026-03-12T09:00:00+08:00"}
    await client.post(f"{BASE}/{file['id']}/tier", json=body, headers=admin)
    await rehearsal.advance(database, MONDAY + timedelta(days=20))
    url = f"{BASE}/{file['id']}/tier/history"
    newest = (await client.get(url, headers=admin)).json()["items"][0]
    assert (newest["source"], newest["to_tier"]) == ("override_expired", "C")
    assert newest["changed_at"] == "2026-03-12T01:00:00.000001Z"


async def test_one_tier_that_cannot_be_written_is_put_off_and_holds_up_no_other(
    client: httpx.AsyncClient,
    office: Office,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    poisoned = await register(client, admin, name="甲", **BIG)
    file = await register(client, admin, name="乙", **BIG)
    follow = tiers.follow

    async def breaking(tx: Any, customer: Row, *rest: Any) -> Row:
        if customer["public_id"] == poisoned["id"]:
            raise OSError("poisoned")
        return await follow(tx, customer, *rest)

    monkeypatch.setattr("app.customers.tier_computing.follow", breaking)
    await compute_tiers(database)
    assert (await read(client, admin, file))["tier"] == "A"
    assert (await read(client, admin, poisoned))["tier"] == "C"
    assert await compute_tiers(database) == 0
    monkeypatch.undo()
    await freeze(database, MONDAY + tier_computing.PUT_OFF)
    assert await compute_tiers(database) == 2  # once more after it moved
    assert (await read(client, admin, poisoned))["tier"] == "A"


# --- policies


def stricter() -> dict[str, Any]:
    """Return a policy by which eighty points make no A any more."""
    document = copy.deepcopy(dict(shipped_document()))
    document["tiers"]["A"] = 81
    return document


async def preview(client: httpx.AsyncClient, database: Database, caller: Caller, body: Any) -> Any:
    answer = await client.post(f"{POLICIES}/preview", json=body, headers=caller)
    assert answer.status_code == 202
    await run_operations(database)
    return (await client.get(answer.headers["location"], headers=caller)).json()


@pytest.mark.sop("CU-9", "AN-5")
async def test_a_policy_is_previewed_published_and_computed_for_everybody(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    admin = office["admin"]
    files = [await register(client, admin, name=f"客户{n}", **BIG) for n in range(3)]
    fixed = await register(client, admin, name="定", tier="A", **BIG)
    await settle(database)
    operation = await preview(client, database, admin, stricter())
    result = operation["result"]
    assert (operation["state"], result["customers"], result["changed"]) == ("done", 5, 3)
    assert result["moves"] == [{"from": "A", "to": "B", "count": 3}]
    assert result["overridden"] == 1
    assert {one["customer_id"] for one in result["examples"]} == {one["id"] for one in files}
    assert (await read(client, admin, files[0]))["tier"] == "A"  # nothing is written
    body = {"document": stricter(), "preview_id": operation["id"]}
    answer = await client.post(POLICIES, json=body, headers=admin)
    assert (answer.status_code, answer.json()["policy"]["number"]) == (202, 1)
    await run_operations(database)
    location = answer.headers["location"]
    done = (await client.get(location, headers=admin)).json()
    assert (done["state"], done["progress"]) == ("done", {"done": 5, "total": 5})
    assert done["result"]["moves"] == [{"from": "A", "to": "B", "count": 3}]
    assert [(await read(client, admin, one))["tier"] for one in files] == ["B"] * 3
    assert (await read(client, admin, fixed))["tier"] == "A"
    told = await tier(client, admin, files[0])
    assert told["computed"]["policy_version"] == 1


async def test_nothing_is_published_that_was_not_previewed_as_it_is(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    admin = office["admin"]
    body: dict[str, Any] = {"document": stricter()}
    answer = await client.post(POLICIES, json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "tier_preview_required")
    operation = await preview(client, database, admin, stricter())
    other = stricter()
    other["tiers"]["B"] = 41
    body = {"document": other, "preview_id": operation["id"]}
    answer = await client.post(POLICIES, json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (409, "tier_preview_outdated")
    body = {"document": stricter(), "preview_id": operation["id"]}
    assert (await client.post(POLICIES, json=body, headers=admin)).status_code == 202
    same = await client.post(POLICIES, json=body, headers=admin)  # in force already
    assert (same.status_code, same.json()["operation"]) == (202, None)
    same = await client.post(
        POLICIES, json={**body, "document": dict(shipped_document())}, headers=admin
    )
    assert same.json()["code"] == "tier_preview_outdated"
    listed = (await client.get(POLICIES, headers=office["owner"])).json()["items"]
    assert [one["number"] for one in listed] == [1]


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"tiers": {"A": 40, "B": 40}}, "/tiers/A", "tier_thresholds"),
        ({"tiers": {"A": 101, "B": 40}}, "/tiers/A", "less_than_equal"),
        ({"rates": {"USD": "0"}}, "/rates/USD", "tier_rate_invalid"),
        ({"rates": {"usd": "1"}}, "/rates/usd/[key]", "string_pattern_mismatch"),
        ({"currency": "rmb"}, "/currency", "string_pattern_mismatch"),
        ({"colour": 1}, "/colour", "extra_forbidden"),
    ],
)
async def test_what_is_no_policy_is_refused_before_any_preview(
    client: httpx.AsyncClient, login_as: LoginAs, changed: Any, pointer: str, code: str
) -> None:
    body = {**shipped_document(), **changed}
    answer = await client.post(f"{POLICIES}/preview", json=body, headers=await login_as("admin"))
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]


async def test_computing_anew_finds_customers_that_nothing_is_kept_of(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    async with database.transaction() as tx:
        row = await make_customer(tx, name="旧档案", **BIG)
    assert await compute_tiers(database) == 0
    answer = await client.post(f"{POLICIES}/recompute", headers=office["admin"])
    await run_operations(database)
    done = (await client.get(answer.headers["location"], headers=office["admin"])).json()
    assert done["result"]["moves"] == [{"from": "C", "to": "A", "count": 1}]
    assert (await read(client, office["admin"], {"id": row["public_id"]}))["tier"] == "A"


# --- served as tier A


@pytest.mark.sop("CU-10")
async def test_a_tier_a_customer_without_a_manager_is_flagged_and_the_head_told_once(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await freeze(database, MONDAY)
    async with database.transaction() as tx:
        head = {"head_id": office["head"].user["id"]}
        await writing.update(tx, Department, dict(office.east), **head)
    admin = office["admin"]
    file = await register(client, admin, owner_id=office.id_of("owner"), **BIG)
    await register(client, admin, name="小客户")
    await settle(database)
    assert (await read(client, admin, file))["needs_account_manager"] is True
    for asked, found in (("true", [file["id"]]), ("false", 2)):
        page = await client.get(f"{BASE}?needs_account_manager={asked}", headers=admin)
        items = [one["id"] for one in page.json()["items"]]
        assert (items if isinstance(found, list) else len(items)) == found
    await freeze(database, MONDAY + timedelta(days=3))
    await settle(database)
    lines = await database.all(_LINES)
    assert [(one["kind"], one["user_id"]) for one in lines] == [
        ("account_manager.missing", office["head"].user["id"])
    ]
    assert lines[0]["title_zh"] == f"A 级客户缺少专属客户经理:{file['number']} 新客户"
    named = {"account_manager_id": office.id_of("dedicated")}
    await client.patch(f"{BASE}/{file['id']}", json=named, headers=admin)
    await settle(database)
    assert (await read(client, admin, file))["needs_account_manager"] is False
    async with database.transaction() as tx:  # he leaves
        await writing.update(tx, User, dict(office["dedicated"].user), is_active=False)
    assert (await read(client, admin, file))["needs_account_manager"] is True
    await freeze(database, MONDAY + timedelta(days=5))
    await settle(database)
    assert len(await database.all(_LINES)) == 2


async def test_a_notice_held_back_overnight_is_settled_by_a_manager_named_meanwhile(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    night = MONDAY + timedelta(hours=15)  # midnight in Shanghai
    await freeze(database, night)
    async with database.transaction() as tx:
        head = {"head_id": office["head"].user["id"]}
        await writing.update(tx, Department, dict(office.shanghai), **head)
    admin = office["admin"]
    file = await register(client, admin, owner_id=office.id_of("owner"), **BIG)
    await settle(database)
    named = {"account_manager_id": office.id_of("dedicated")}
    await client.patch(f"{BASE}/{file['id']}", json=named, headers=admin)
    await freeze(database, night + timedelta(hours=9))
    await settle(database)
    assert [one["settled"] for one in await database.all(_LINES)] == [True]


@pytest.mark.sop("CU-10", "TK-2")
async def test_a_computed_tier_a_is_served_around_the_clock_and_moves_open_promises(
    client: httpx.AsyncClient, office: Office, database: Database
) -> None:
    await make_rules(database, SATURDAY)
    owner = office["owner"]
    async with database.transaction() as tx:
        await make_ticket_types(tx, {"technical": office.shanghai})
        principal = make_principal(owner.user)
        command = CustomerCreate.model_validate(
            {"name": "新客户", "source_channel": "phone", **BIG, "owner_id": office.id_of("owner")}
        )
        customer = await service.create_customer(tx, principal, command)
        await make_contact(tx, customer)
    async with database.transaction() as tx:
        ticket = await make_ticket(tx, office["colleague"].user, customer)
    url = f"/api/v1/tickets/{ticket['public_id']}/deadlines"

    async def due(clock: str) -> str:
        found = (await client.get(url, headers=owner)).json()["items"]
        return str(next(one["due_at"] for one in found if one["clock"] == clock))

    assert await due("accept") == "2026-03-09T01:30:00.000000Z"  # Monday 09:30: tier C waits
    await settle(database)
    assert await due("accept") == "2026-03-07T12:30:00.000000Z"
    assert await due("resolve") == "2026-03-07T16:00:00.000000Z"
