"""Customers as files: what stands in them, for whom it is masked and scoped, what the audit tells, and the way back."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.auth.permissions import GRANTS, Permission, Role
from app.database import Database
from app.exports import service
from app.exports.columns import COLUMNS, headings
from app.imports.headers import suggest
from app.jobs import run_operations
from app.statements import Row, Statement
from tests.conftest import AsUser, Caller, LoginAs
from tests.factories import (
    make_contact,
    make_customer,
    make_department,
    make_team_member,
    make_user,
)

URL = "/api/v1/exports/customers"
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
ENTRIES = Statement(
    select(*AuditEntry.__table__.columns)
    .where(AuditEntry.entity == "export")
    .order_by(AuditEntry.id)
)


async def export(
    client: httpx.AsyncClient, caller: Mapping[str, str], **body: Any
) -> httpx.Response:
    answer = await client.post(URL, json=body, headers=caller)
    assert answer.status_code == 200, answer.text
    return answer


async def table(
    client: httpx.AsyncClient, caller: Mapping[str, str], **body: Any
) -> list[list[str]]:
    answer = await export(client, caller, **body)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def fill(database: Database, owner: Row | None = None, **values: Any) -> Row:
    given: dict[str, Any] = {
        "name": "华东精密仪器有限公司", "revenue": "8600000.50", "headcount": 320, "tags": ["重点", "老客户"],
        "first_contact_at": datetime(2026, 3, 2, 1, 30, tzinfo=UTC), "contract_ends_on": date(2027, 3, 1),
        "remarks": "=HYPERLINK(1)", "source_channel": "meeting", "status": "won",
    }  # fmt: skip
    async with database.transaction() as tx:
        customer = await make_customer(tx, owner=owner, **(given | values))
        await make_contact(tx, customer, name="李雷")
        await make_contact(tx, customer, name="王芳", is_primary=True)
    return customer


async def test_a_file_shows_what_a_customer_is(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    async with database.transaction() as tx:
        owner = await make_user(
            tx, name="韩梅梅", department=await make_department(tx, name="销售部")
        )
    customer = await fill(database, owner)
    rows = await table(client, admin)
    assert rows[0] == headings(COLUMNS, {}, "zh-CN")
    told = dict(zip(rows[0], rows[1], strict=True))
    wanted = {
        "客户编号": customer["number"], "客户名称": "华东精密仪器有限公司", "年营业额": "8600000.50", "员工人数": "320",
        "标签": "重点、老客户", "首次接触时间": "2026-03-02 09:30", "合同到期日": "2027-03-01", "备注": "'=HYPERLINK(1)",
        "来源渠道": "会议", "客户状态": "成交", "客户等级": "C", "负责人": "韩梅梅", "部门": "销售部", "联系人": "王芳",
        "电话": "'+8613800138000", "邮箱": "wang.fang@example.com", "预计合作日期": "", "客户经理": "",
    }  # fmt: skip
    wanted["来源渠道"] = "会议"
    assert {name: told[name] for name in wanted} == wanted
    english = await table(client, {**admin, "Accept-Language": "en"}, fields=["customer.status"])
    assert english == [["Status"], ["won"]]


async def test_own_fields_leave_and_come_back(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    for key, kind in (
        ("beds", "number"),
        ("model", "text"),
        ("signed", "date"),
        ("is_key", "boolean"),
    ):
        body = {"key": key, "type": kind, "title": {"zh": f"自定{key}", "en": f"Own {key}"}}
        answer = await client.post("/api/v1/custom-fields", json=body, headers=admin)
        assert answer.status_code == 201, answer.text
    text = "客户名称,自定beds,自定model,自定signed,自定is_key\n甲,1200.5,E21,2026年3月2日,是\n乙,很多,,,\n"
    files = {"file": ("a.csv", text.encode())}
    sent = (await client.post("/api/v1/imports", files=files, headers=admin)).json()
    body = {"mode": "real", "columns": sent["suggested"]}
    started = await client.post(f"/api/v1/imports/{sent['id']}/start", json=body, headers=admin)
    while await run_operations(database):
        pass
    result = (await client.get(started.headers["location"], headers=admin)).json()["result"]
    assert (result["created"], result["refused"]) == (1, 1)
    fields = ["customer.name", "custom.beds", "custom.model", "custom.signed", "custom.is_key"]
    rows = await table(client, admin, fields=fields)
    assert rows == [
        ["客户名称", "自定beds", "自定model", "自定signed", "自定is_key"], ["甲", "1200.5", "E21", "2026-03-02", "是"],
    ]  # fmt: skip
    answer = await client.post(URL, json={"fields": ["custom.unknown"]}, headers=admin)
    assert answer.json()["errors"][0]["code"] == "field_unknown"


async def test_a_workbook_holds_the_same_as_texts_and_numbers(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    await fill(database)
    fields = ["customer.name", "customer.headcount", "customer.remarks", "contact.phones"]
    answer = await export(client, admin, format="xlsx", fields=fields)
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0].values)
    assert rows[1] == ("华东精密仪器有限公司", 320, "=HYPERLINK(1)", "+8613800138000")


async def test_a_workbook_takes_so_many_rows(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = await login_as("admin")
    for _ in range(2):
        await fill(database)
    monkeypatch.setattr(service, "XLSX_ROWS_MAX", 1)
    answer = await client.post(URL, json={"format": "xlsx"}, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "export_too_long")
    assert len(await table(client, admin)) == 3


@pytest.mark.parametrize("role", [r for r in Role if Permission.CUSTOMERS_EXPORT in GRANTS[r]])
async def test_personal_values_are_masked_as_the_caller_reads_them(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, role: Role
) -> None:
    caller = await login_as(role.value)
    await fill(database, caller.user)
    fields = ["customer.revenue", "contact.phones", "contact.emails"]
    row = (await table(client, caller, fields=fields))[1]
    clear = ["8600000.50", "'+8613800138000", "wang.fang@example.com"]
    reveals = Permission.CUSTOMERS_REVEAL in GRANTS[role]
    assert row == (clear if reveals else ["****", "'+86****8000", "w****.com"])


async def test_a_manager_exports_what_his_department_reaches(
    client: httpx.AsyncClient, as_user: AsUser, database: Database
) -> None:
    async with database.transaction() as tx:
        east, south = [await make_department(tx, name=name) for name in ("华东", "华南")]
        manager = await make_user(tx, role="manager", department=east)
        stranger = await make_user(tx, department=south)
        await make_customer(tx, name="部门的", department=east)
        await make_customer(tx, name="自己的", owner=manager, department=south)
        await make_customer(tx, name="管理的", account_manager_id=manager["id"], department=south)
        team = await make_customer(tx, name="团队的", owner=stranger)
        await make_team_member(tx, team, manager)
        await make_customer(tx, name="别人的", owner=stranger)
    rows = await table(client, await as_user(manager), fields=["customer.name"])
    assert rows[1:] == [["部门的"], ["自己的"], ["管理的"], ["团队的"]]


@pytest.mark.parametrize("role", [r for r in Role if Permission.CUSTOMERS_EXPORT not in GRANTS[r]])
async def test_an_export_needs_its_own_permission(
    client: httpx.AsyncClient, login_as: LoginAs, role: Role
) -> None:
    answer = await client.post(URL, json={}, headers=await login_as(role.value))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


async def test_the_list_s_filters_serve(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    await fill(database, name="甲", region="上海", tier="A")
    await fill(database, name="乙", region="上海", tier="B")
    await fill(database, name="丙", region="北京", tier="A")
    for asked, names in (
        ({"region": "上海"}, ["甲", "乙"]), ({"tier": ["A"], "region": "上海"}, ["甲"]), ({"region": "北京"}, ["丙"]),
        ({"tag": "重点", "tier": ["A", "B"]}, ["甲", "乙", "丙"]), ({"created_at[lt]": "2001-01-01T00:00:00Z"}, []),
        ({"stale": True}, []), ({"owner_id": NOBODY}, []), ({"department_id": NOBODY}, []),
    ):  # fmt: skip
        rows = await table(client, admin, fields=["customer.name"], filter=asked)
        assert [row[0] for row in rows[1:]] == names, asked
    wrong: list[dict[str, Any]] = [
        {"filter": {"limit": 5}}, {"filter": {"no": 1}}, {"fields": ["customer.id"]}, {"fields": []}, {"format": "pdf"},
    ]  # fmt: skip
    for body in wrong:
        assert (await client.post(URL, json=body, headers=admin)).status_code == 422, body


async def test_the_audit_tells_what_was_asked_and_how_much_left(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    for _ in range(3):
        await fill(database)
    await export(client, admin, filter={"status": ["won"]}, fields=["customer.name"])
    began, ended = await database.all(ENTRIES)
    assert (began["action"], ended["action"]) == ("customers.export", "customers.export_end")
    assert began["changes"] == {
        "format": [None, "csv"], "filter": [None, {"status": ["won"]}], "fields": [None, ["customer.name"]],
    }  # fmt: skip
    assert ended["changes"] == {"row_count": [None, 3], "is_complete": [None, True]}
    assert began["actor_user_id"] == ended["actor_user_id"] == admin.user["id"]


async def test_a_download_broken_off_is_told_as_such(
    login_as: LoginAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE_SIZE", 2)
    caller = await login_as("admin")
    for _ in range(5):
        await fill(database)
    stream = service.stream_csv(database, await begun(database, caller))
    for _ in range(2):
        await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    ended = (await database.all(ENTRIES))[-1]
    assert ended["changes"] == {"row_count": [None, 2], "is_complete": [None, False]}


async def begun(database: Database, caller: Caller) -> service.Export:
    from app.exports.schemas import ExportCreate  # noqa: PLC0415
    from tests.factories import make_principal  # noqa: PLC0415

    async with database.transaction() as tx:
        return await service.begin(tx, make_principal(caller.user), ExportCreate(), "zh-CN")


async def test_many_pages_hold_each_customer_once(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "PAGE_SIZE", 7)
    admin = await login_as("admin")
    async with database.transaction() as tx:
        for number in range(40):
            await make_customer(tx, name=f"客户{number}")
    rows = await table(client, admin, fields=["customer.name"])
    assert [row[0] for row in rows[1:]] == [f"客户{number}" for number in range(40)]


def test_an_import_knows_every_header_of_an_export() -> None:
    for language in ("zh-CN", "en"):
        known = {one.field for one in suggest(headings(COLUMNS, {}, language))}
        assert set(COLUMNS) - known == {"customer.created_at", "customer.updated_at"}


async def test_an_export_can_be_imported_again_and_changes_nothing(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    await fill(database, admin.user)
    content = (await export(client, admin)).content
    files = {"file": ("customers.csv", content)}
    sent = (await client.post("/api/v1/imports", files=files, headers=admin)).json()
    body = {"mode": "real", "upsert_by": "number", "columns": sent["suggested"]}
    started = await client.post(f"/api/v1/imports/{sent['id']}/start", json=body, headers=admin)
    while await run_operations(database):
        pass
    result = (await client.get(started.headers["location"], headers=admin)).json()["result"]
    assert (result["unchanged"], result["refused_by_code"]) == (1, {})
