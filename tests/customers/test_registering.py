"""Registering a customer: fields, defaults, references, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from app.customers.schemas import CustomerRead
from app.database import Database
from tests.customers.conftest import BASE, NOBODY, Office, codes, counts
from tests.factories import make_user

LEAST = {"name": "新客户", "source_channel": "phone"}
FORM: dict[str, Any] = {
    "name": "苏州澜栎生物制药有限公司",
    "industry": "生物制药",
    "headcount": 1200,
    "revenue": "860000000.5",
    "revenue_currency": "USD",
    "main_business": "单克隆抗体药物",
    "region": "江苏 苏州",
    "pain_points": "放行检验排队\n液相一停产品就发不出去",
    "goals": "五天压到三天",
    "source_channel": "meeting",
    "first_contact_at": "2026-03-02T09:00:00+08:00",
    "expected_cooperation_on": "2026-06-30",
    "status": "interested",
    "tier": "B",
    "tier_reason": "年采购额",
    "remarks": "关键决策人为质量总监",
    "tags": ["GMP", "液相", "GMP"],
    "short_name": "澜栎",
    "credit_code": "91350100m000100y43",
    "website": "www.lanli-bio.example",
    "address": "苏州工业园区示例路 1 号",
    "trade_kind": "end_user",
    "purchasing_power": "high",
    "purchasing_habits": "每年三月招标\n账期六十天",
    "need_keywords": ["液相", "维保", "液相"],
    "cooperation_started_on": "2025-01-15",
    "contract_ends_on": "2027-01-14",
}


async def create(client: httpx.AsyncClient, caller: Any, **fields: Any) -> Any:
    answer = await client.post(BASE, json=LEAST | fields, headers=caller)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.sop("CU-1", "CU-2", "CU-3", "CU-4")
async def test_the_whole_form_is_kept(client: httpx.AsyncClient, office: Office) -> None:
    given = FORM | {
        "owner_id": office.id_of("outsider"),
        "account_manager_id": office.id_of("dedicated"),
        "department_id": office.shanghai["public_id"],
    }
    answer = await client.post(BASE, json=given, headers=office["admin"])
    assert answer.status_code == 201
    file = answer.json()
    assert answer.headers["location"] == f"{BASE}/{file['id']}"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["cache-control"] == "private, no-store"
    changed = {
        "revenue": "860000000.50",
        "first_contact_at": "2026-03-02T01:00:00.000000Z",
        "tags": ["GMP", "液相"],
        "credit_code": "91350100M000100Y43",
        "website": "https://www.lanli-bio.example",
        "need_keywords": ["液相", "维保"],
    }
    assert {name: file[name] for name in given} == given | changed
    assert file["number"] == "C000002"
    assert file["created_by"] == office.id_of("admin")
    assert file["account_team"] == []
    again = await client.get(answer.headers["location"], headers=office["admin"])
    assert again.content == answer.content
    assert again.headers["etag"] == '"1"'
    CustomerRead.model_validate_json(again.content)
    assert list(CustomerRead.model_fields) == list(again.json())


@pytest.mark.sop("CU-1", "CU-9")
async def test_the_least_form_gets_the_defaults(client: httpx.AsyncClient, office: Office) -> None:
    file = await create(client, office["admin"])
    assert file["status"] == "potential"
    assert file["tier"] == "C"
    assert file["revenue_currency"] == "CNY"
    assert file["tags"] == []
    nothing = [
        "industry", "headcount", "revenue", "main_business", "region", "pain_points", "goals", "remarks",
        "first_contact_at", "expected_cooperation_on", "tier_reason", "owner_id", "department_id",
        "account_manager_id", "short_name", "credit_code", "website", "address", "trade_kind",
        "purchasing_power", "purchasing_habits", "cooperation_started_on", "contract_ends_on",
    ]  # fmt: skip
    assert [file[name] for name in nothing] == [None] * len(nothing)


async def test_a_seller_owns_what_he_registers(client: httpx.AsyncClient, office: Office) -> None:
    file = await create(client, office["owner"])
    assert file["owner_id"] == office.id_of("owner")
    assert file["department_id"] == office.shanghai["public_id"]


async def test_a_seller_may_register_for_nobody(client: httpx.AsyncClient, office: Office) -> None:
    file = await create(client, office["owner"], owner_id=None)
    assert file["owner_id"] is None
    assert file["department_id"] == office.shanghai["public_id"]


async def test_others_register_for_their_department(
    client: httpx.AsyncClient, office: Office
) -> None:
    file = await create(client, office["member"])
    assert file["owner_id"] is None
    assert file["department_id"] == office.south["public_id"]


async def test_the_department_is_the_owners(client: httpx.AsyncClient, office: Office) -> None:
    file = await create(client, office["member"], owner_id=office.id_of("owner"))
    assert file["department_id"] == office.shanghai["public_id"]


@pytest.mark.sop("CU-11")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("sold", "stage_unknown"),
        ("Sold", "string_pattern_mismatch"),
        ("lost", "stage_not_initial"),
        (None, "string_type"),
    ],
)
async def test_nobody_is_registered_in_a_stage_that_does_not_begin_anything(
    client: httpx.AsyncClient, database: Database, office: Office, status: Any, code: str
) -> None:
    before = await counts(database)
    answer = await client.post(BASE, json=LEAST | {"status": status}, headers=office["admin"])
    assert (answer.status_code, codes(answer)) == (422, {"/status": code})
    assert await counts(database) == before


@pytest.mark.sop("CU-2")
async def test_numbers_given_at_once_are_unique(client: httpx.AsyncClient, office: Office) -> None:
    made = await asyncio.gather(
        *(create(client, office["admin"], name=f"{one * 3}仪器厂") for one in "甲乙丙丁戊己庚辛")
    )
    numbers = {one["number"] for one in made}
    assert len(numbers) == 8
    assert all(number[0] == "C" and len(number) == 7 for number in numbers)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", None, "string_type"),
        ("name", "  ", "string_too_short"),
        ("name", "长" * 201, "string_too_long"),
        ("name", 5, "string_type"),
        ("source_channel", None, "enum"),
        ("source_channel", "fax", "enum"),
        ("tier", "D", "enum"),
        ("credit_code", "91350100M000100Y44", "credit_code_invalid"),
        ("credit_code", "91350100M000100Y4", "credit_code_invalid"),
        ("credit_code", "9135O100M000100Y43", "credit_code_invalid"),
        ("website", "javascript:alert(1)", "website_invalid"),
        ("website", "ftp://example.com", "website_invalid"),
        ("website", "https://user:secret@example.com", "website_invalid"),
        ("website", "https://example.com/a b", "website_invalid"),
        ("website", "https://[::1", "website_invalid"),
        ("website", "https://example.com:99999", "website_invalid"),
        ("website", "w" * 490 + ".example.com", "string_too_long"),
        ("website", "nowhere", "website_invalid"),
        ("trade_kind", "End User", "string_pattern_mismatch"),
        ("cooperation_started_on", "2026-02-30", "date_invalid"),
        ("contract_ends_on", "soon", "date_invalid"),
        ("headcount", -1, "greater_than_equal"),
        ("headcount", 100_000_001, "less_than_equal"),
        ("headcount", "5", "int_type"),
        ("headcount", True, "int_type"),
        ("revenue", 5, "string_type"),
        ("revenue", "-1", "money_invalid"),
        ("revenue", "1.234", "money_invalid"),
        ("revenue", "1e5", "money_invalid"),
        ("revenue", "１２", "money_invalid"),
        ("revenue", "NaN", "money_invalid"),
        ("revenue", "12345678901234567", "money_invalid"),
        ("revenue", "****", "money_invalid"),
        ("revenue_currency", "cny", "currency_invalid"),
        ("first_contact_at", "2026-03-02T09:00:00", "timezone_aware"),
        ("first_contact_at", "2026-03-02", "datetime_parsing"),
        ("first_contact_at", 1772413201, "datetime_parsing"),
        ("first_contact_at", "1772413200", "datetime_parsing"),
        ("first_contact_at", "0001-01-01T00:00:00+14:00", "instant_out_of_range"),
        ("first_contact_at", "9999-12-31T23:59:59Z", "instant_out_of_range"),
        ("expected_cooperation_on", "2026-02-30", "date_invalid"),
        ("expected_cooperation_on", "20260302", "date_invalid"),
        ("expected_cooperation_on", 5, "date_invalid"),
        ("pain_points", " \n ", "string_too_short"),
        ("pain_points", "长" * 10_001, "string_too_long"),
        ("remarks", "a\x00b", "not_text"),
        ("tags", "GMP", "list_type"),
        ("tags", [str(n) for n in range(31)], "too_long"),
        ("owner_id", "李雷", "uuid_parsing"),
        ("owner_id", NOBODY, "unknown_reference"),
        ("account_manager_id", NOBODY, "unknown_reference"),
        ("department_id", NOBODY, "unknown_reference"),
        ("number", "C999999", "extra_forbidden"),
        ("created_by", NOBODY, "extra_forbidden"),
    ],
)  # fmt: skip
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
    answer = await client.post(BASE, json=LEAST | {field: value}, headers=office["admin"])
    assert answer.status_code == 422
    assert codes(answer) == {f"/{field}": code}
    assert answer.json()["errors"][0]["detail"] != "不正确" or code == "invalid"
    if field not in ("tier", "number"):
        answer = await client.patch(office.url, json={field: value}, headers=office["admin"])
        assert codes(answer) == {f"/{field}": code}
    assert await counts(database) == before


async def test_the_input_is_not_echoed(client: httpx.AsyncClient, office: Office) -> None:
    answer = await client.post(
        BASE, json=LEAST | {"revenue": "secret-figure"}, headers=office["admin"]
    )
    assert "secret-figure" not in answer.text


async def test_missing_fields_are_all_named(client: httpx.AsyncClient, office: Office) -> None:
    answer = await client.post(BASE, json={}, headers=office["admin"])
    assert codes(answer) == {"/name": "missing", "/source_channel": "missing"}


async def test_every_wrong_reference_is_named_at_once(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        gone = await make_user(tx, role="sales", is_active=False)
    given = {"owner_id": gone["public_id"], "account_manager_id": NOBODY, "department_id": NOBODY}
    answer = await client.post(BASE, json=LEAST | given, headers=office["admin"])
    assert codes(answer) == {
        "/owner_id": "user_inactive",
        "/account_manager_id": "unknown_reference",
        "/department_id": "unknown_reference",
    }
