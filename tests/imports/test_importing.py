"""A file from its upload to customers: what is suggested, tried, registered, changed, refused, and told of it."""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy import func, select

from app import writing
from app.audit.models import AuditEntry
from app.auth.models import User
from app.calendars import service as calendars
from app.customers.models import Contact, ContactPoint, Customer
from app.database import Database
from app.imports.models import Import, ImportPiece
from app.imports.service import purge_imports
from app.jobs import run_operations
from app.operations.models import OperationRow
from app.outbox.models import OutboxMessage
from app.sla import service as sla
from app.sla.models import DeadlineRow
from app.statements import Row, Statement
from app.time import real_now
from tests.conftest import Caller, LoginAs
from tests.factories import make_contact, make_customer, make_department, make_rules, make_user
from tests.imports.hostile_files import HOSTILE

URL = "/api/v1/imports"
FILE = """客户名称,联系人,手机,座机,邮箱,年营业额(万元),员工人数,合同到期日,来源,标签
华东精密仪器有限公司,王芳,13800138000,021-66881234,wang.fang@example.com,860.5,"1,200人",2027/3/1,展会,重点、老客户
华南贸易有限公司,李雷,13900139000,,li.lei@example.com,,,2027年4月2日,,
"""
COLUMNS = [
    {"column": 0, "field": "customer.name"}, {"column": 1, "field": "contact.name"},
    {"column": 2, "field": "contact.phones"}, {"column": 3, "field": "contact.phones"},
    {"column": 4, "field": "contact.emails"}, {"column": 5, "field": "customer.revenue", "scale": 10000},
    {"column": 6, "field": "customer.headcount"}, {"column": 7, "field": "customer.contract_ends_on"},
    {"column": 8, "field": "customer.source_channel"}, {"column": 9, "field": "customer.tags"},
]  # fmt: skip


def rows_of(table: Any) -> Statement:
    return Statement(select(*table.__table__.columns).order_by(table.id))


def count_of(table: Any) -> Statement:
    return Statement(select(func.count()).select_from(table.__table__))


CUSTOMERS, CONTACTS, POINTS = rows_of(Customer), rows_of(Contact), rows_of(ContactPoint)
Run = Callable[..., Awaitable[Mapping[str, Any]]]


@pytest.fixture
async def seller(login_as: LoginAs, database: Database) -> Caller:
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        department = await make_department(tx, name="销售部")
    return await login_as("sales", department=department, name="韩梅梅")


@pytest.fixture
def upload(client: httpx.AsyncClient, seller: Caller) -> Callable[..., Awaitable[Any]]:
    async def send(content: str | bytes, **fields: Any) -> Any:
        body = content.encode() if isinstance(content, str) else content
        answer = await client.post(
            URL, files={"file": ("客户.csv", body)}, data=fields, headers=seller
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    return send


@pytest.fixture
def run(client: httpx.AsyncClient, seller: Caller, upload: Any, database: Database) -> Run:
    """Upload a text, import it for real unless told otherwise, and return the operation's result with the import's id."""

    async def go(text: str, columns: Any = None, **options: Any) -> Mapping[str, Any]:
        sent = await upload(text)
        return await again(sent, columns, **options)

    async def again(sent: Any, columns: Any = None, **options: Any) -> Mapping[str, Any]:
        body = {"mode": "real", "columns": columns or sent["suggested"], **options}
        answer = await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)
        assert answer.status_code == 202, answer.text
        while await run_operations(database):
            pass
        told = await client.get(answer.headers["location"], headers=seller)
        assert told.json()["state"] == "done", told.text
        result: Mapping[str, Any] = told.json()["result"]
        counts = [result[one] for one in ("created", "updated", "unchanged", "refused")]
        assert sum(counts) == sent["row_count"] == told.json()["progress"]["done"]
        return result

    go.again = again  # type: ignore[attr-defined]
    return go


async def refused(
    client: httpx.AsyncClient, caller: Mapping[str, str], found: Any, **query: Any
) -> Any:
    answer = await client.get(f"{URL}/{found['import_id']}/refused", params=query, headers=caller)
    assert answer.status_code == 200, answer.text
    return answer


def table(answer: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


# --- uploading


async def test_an_upload_tells_what_it_is_and_what_its_columns_mean(upload: Any) -> None:
    told = await upload(FILE.encode("gb18030"))
    assert told["about"] == {
        "kind": "csv", "headers": FILE.splitlines()[0].split(","), "header_row": 1, "row_count": 2,
        "encoding": "gb18030", "delimiter": ",", "sheet": None, "sheets": None,
    }  # fmt: skip
    assert [{"scale": 1, **one} for one in COLUMNS] == told["suggested"]
    assert told["samples"][0] == ["华东精密仪器有限公司", "华南贸易有限公司"]
    assert (told["file_name"], told["is_applied"], told["operation_id"]) == (
        "客户.csv",
        False,
        None,
    )


async def test_the_file_is_kept_to_the_byte(
    client: httpx.AsyncClient, seller: Caller, upload: Any
) -> None:
    content = FILE.encode("gb18030") + "丙,,,,,,,,,\n".encode("gb18030") * 40_000
    told = await upload(content)
    answer = await client.get(f"{URL}/{told['id']}/file", headers=seller)
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["old excel", "zip bomb", "big5", "merged cells", "empty"])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_a_hostile_file_is_refused_with_a_problem_of_its_own(
    client: httpx.AsyncClient, seller: Caller, database: Database, name: str, language: str
) -> None:
    headers = {**seller, "Accept-Language": language}
    files = {"file": ("a.xlsx", HOSTILE[name].make())}
    answer = await client.post(URL, files=files, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, HOSTILE[name].code)
    assert answer.json()["detail"].isascii() == (language == "en")
    assert await database.value(count_of(Import)) == 0


async def test_what_is_no_upload_is_refused(client: httpx.AsyncClient, seller: Caller) -> None:
    file = ("a.csv", b"a,b\n1,2\n")
    for given, status, code in (
        ({"json": {}}, 415, "unsupported_media_type"),
        ({"files": {"other": file}}, 422, "upload_malformed"),
        ({"files": {"file": file}, "data": {"encoding": "klingon"}}, 422, "validation_failed"),
        ({"files": {"file": file}, "data": {"no_such": "1"}}, 422, "validation_failed"),
        ({"files": [("file", file), ("file", file)]}, 422, "upload_malformed"),
        ({"files": {"file": ("a.csv", b"x" * 34_000_000)}}, 413, "body_too_large"),
    ):  # fmt: skip
        answer = await client.post(URL, headers=seller, **given)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    content = b"--x\r\nnot a part"
    headers = {**seller, "Content-Type": "multipart/form-data; boundary=x"}
    answer = await client.post(URL, content=content, headers=headers)
    assert answer.status_code == 422


async def test_a_repeated_upload_is_one(
    client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    headers = {**seller, "Idempotency-Key": "once"}
    answers = [
        await client.post(URL, files={"file": ("客户.csv", FILE.encode())}, headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert await database.value(count_of(Import)) == 1


# --- mapping


async def test_a_mapping_that_cannot_be_is_refused_column_by_column(
    client: httpx.AsyncClient, seller: Caller, upload: Any
) -> None:
    sent = await upload(FILE)
    body = {
        "mode": "real",
        "upsert_by": "number",
        "columns": [
            {"column": 1, "field": "contact.name"}, {"column": 1, "field": "contact.title"},
            {"column": 99, "field": "contact.name"}, {"column": 2, "field": "customer.no_such"},
            {"column": 3, "field": "custom.unknown"},
        ],
    }  # fmt: skip
    answer = await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/columns/1/column", "column_unknown"), ("/columns/2/column", "column_unknown"),
        ("/columns/2/field", "field_twice"), ("/columns/3/field", "field_unknown"),
        ("/columns/4/field", "field_unknown"), ("/upsert_by", "upsert_unmapped"), ("/columns", "name_unmapped"),
    ]  # fmt: skip


async def test_a_kept_mapping_is_suggested_to_its_owner(
    client: httpx.AsyncClient, seller: Caller, upload: Any
) -> None:
    body = {"name": "展会", "columns": [{"header": "甲 方", "field": "customer.name"}]}
    url = "/api/v1/import-mappings"
    made = await client.post(url, json=body, headers=seller)
    assert made.status_code == 201
    assert (await upload("甲方,乙方\n华东,1\n"))["suggested"][0]["field"] == "customer.name"
    again = await client.post(url, json=body, headers=seller)
    assert (again.status_code, again.json()["code"]) == (409, "mapping_name_taken")
    twice = {"name": "乙", "columns": [*body["columns"], *body["columns"]]}
    answer = await client.post(url, json=twice, headers=seller)
    assert answer.json()["errors"][0]["code"] == "header_known"
    one = f"{url}/{made.json()['id']}"
    changed = {"columns": [{"header": "乙方", "field": "customer.name"}]}
    assert (await client.patch(one, json=changed, headers=seller)).status_code == 200
    assert (await upload("甲方,乙方\n华东,1\n"))["suggested"] == [
        {"column": 1, "field": "customer.name", "scale": 1}
    ]
    assert (await client.delete(one, headers=seller)).status_code == 204
    assert (await upload("甲方,乙方\n华东,1\n"))["suggested"] == []


# --- rows become customers


async def test_rows_become_customers_with_their_contacts(
    run: Run, database: Database, seller: Caller
) -> None:
    result = await run(FILE, tags=["2026导入"])
    assert (result["created"], result["refused"]) == (2, 0)
    first, second = await database.all(CUSTOMERS)
    assert (first["name"], str(first["revenue"]), first["headcount"]) == (
        "华东精密仪器有限公司", "8605000.00", 1200,
    )  # fmt: skip
    assert (first["source_channel"], second["source_channel"]) == ("meeting", "import")
    assert (first["tags"], second["tags"]) == (["重点", "老客户", "2026导入"], ["2026导入"])
    assert str(first["contract_ends_on"]) == "2027-03-01"
    assert {first["owner_id"], first["created_by"]} == {seller.user["id"]}
    assert [one["name"] for one in await database.all(CONTACTS)] == ["王芳", "李雷"]
    assert [(one["value"], one["label"]) for one in await database.all(POINTS)][:3] == [
        ("+8613800138000", "手机"), ("+862166881234", "座机"), ("wang.fang@example.com", None),
    ]  # fmt: skip


async def test_an_import_is_audited_and_published_as_the_api_s_edits_are(
    run: Run, database: Database, client: httpx.AsyncClient, seller: Caller
) -> None:
    await make_rules(database, datetime(2026, 3, 2, 3, tzinfo=UTC))
    body = {"name": "对照有限公司", "source_channel": "import"}
    answer = await client.post("/api/v1/customers", json=body, headers=seller)
    person = {"name": "王芳", "is_primary": True, "phones": [{"number": "13800138000"}]}
    url = f"/api/v1/customers/{answer.json()['id']}/contacts"
    assert (await client.post(url, json=person, headers=seller)).status_code == 201
    text = "客户名称,联系人,手机\n华东有限公司,李雷,13900139000\n"
    await run(text, start_clocks=True)
    entries = await database.all(rows_of(AuditEntry))
    by_api, by_import = await database.all(CUSTOMERS)

    def told(customer: Row) -> list[tuple[str, Any, Any]]:
        return [
            (one["action"], sorted(one["changes"]), one["actor_user_id"])
            for one in entries
            if one["customer_id"] == customer["id"]
        ]

    assert told(by_api) == told(by_import)
    assert len(told(by_api)) >= 3
    events = [one["event"] for one in await database.all(rows_of(OutboxMessage))]
    assert events.count("customer.created") == events.count("contact.created") == 2
    actions = [one["action"] for one in entries]
    assert "import.upload" in actions
    assert "import.start" in actions


async def test_a_refused_row_tells_why_and_the_others_are_imported(
    run: Run, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    text = (
        "客户名称,手机,员工人数,合同到期日,来源\n"
        "好客户,13800138000,12,2027-01-01,电话\n"
        ",13800138001,12,,\n"
        "坏号码,12345,很多,明年,月球\n"
        "=HYPERLINK(1),13800138002,,,,多余\n"
    )
    result = await run(text)
    assert (result["created"], result["refused"]) == (1, 3)
    assert result["refused_by_code"] == {
        "missing": 1, "phone_invalid": 1, "int_type": 1, "date_invalid": 1, "enum": 1, "cell_beyond_headers": 1,
    }  # fmt: skip
    rows = table(await refused(client, seller, result))
    assert rows[0] == ["客户名称", "手机", "员工人数", "合同到期日", "来源", "行", "问题"]
    assert rows[1][5:] == ["3", "客户名称: 必填"]
    assert rows[2][:5] == ["坏号码", "12345", "很多", "明年", "月球"]
    for part in (
        "手机: 电话号码无法识别",
        "员工人数: 应为整数",
        "合同到期日: 应为日期",
        "来源: 应为其中之一",
    ):
        assert part in rows[2][6]
    assert rows[3][0] == "'=HYPERLINK(1)"
    english = table(await refused(client, {**seller, "Accept-Language": "en"}, result))
    assert english[0][-2:] == ["Row", "Problem"]
    book = openpyxl.load_workbook(
        io.BytesIO((await refused(client, seller, result, format="xlsx")).content)
    )
    values = list(book.worksheets[0].values)
    assert values[3][0] == "=HYPERLINK(1)"
    assert [one[5] for one in values[1:]] == [3, 4, 5]
    assert [one["name"] for one in await database.all(CUSTOMERS)] == ["好客户"]


async def test_people_and_departments_are_known_by_name_and_mail(
    run: Run, database: Database
) -> None:
    async with database.transaction() as tx:
        department = await make_department(tx, name="华东部")
        await make_user(tx, name="李雷", email="li.lei@firm.example", department=department)
        for _ in range(2):
            await make_user(tx, name="王强")
    text = "客户名称,负责人,部门\n甲,李雷,\n乙,LI.LEI@firm.example,\n丙,王强,\n丁,,华东部\n"
    result = await run(text)
    assert (result["created"], result["refused_by_code"]) == (3, {"uuid_parsing": 1})
    people = {one["id"]: one["name"] for one in await database.all(rows_of(User))}
    owners = [people[one["owner_id"]] for one in await database.all(CUSTOMERS)]
    assert owners == ["李雷", "李雷", "韩梅梅"]
    departments = [one["department_id"] for one in await database.all(CUSTOMERS)]
    assert departments == [department["id"]] * 3


async def test_a_dry_run_tells_the_same_and_writes_nothing(
    run: Run, upload: Any, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    sent = await upload(FILE + ",,,,,,,,,无名\n")
    tried = await run.again(sent, mode="dry_run")  # type: ignore[attr-defined]
    assert await database.value(count_of(Customer)) == await database.value(count_of(Contact)) == 0
    first = table(await refused(client, seller, tried))
    did = await run.again(sent)  # type: ignore[attr-defined]
    same = ("created", "updated", "unchanged", "refused", "refused_by_code")
    assert [tried[one] for one in same] == [did[one] for one in same]
    assert table(await refused(client, seller, did)) == first
    assert await database.value(count_of(Customer)) == 2


async def test_a_file_is_imported_once(
    run: Run, upload: Any, client: httpx.AsyncClient, seller: Caller
) -> None:
    sent = await upload(FILE)
    body = {"mode": "dry_run", "columns": sent["suggested"]}
    assert (await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)).is_success
    answer = await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)
    assert (answer.status_code, answer.json()["code"]) == (409, "import_running")
    assert (await client.delete(f"{URL}/{sent['id']}", headers=seller)).status_code == 409
    other = await upload(FILE)
    await run.again(other)  # type: ignore[attr-defined]
    answer = await client.post(f"{URL}/{other['id']}/start", json=body, headers=seller)
    assert (answer.status_code, answer.json()["code"]) == (409, "import_applied")


async def test_a_row_that_looks_like_a_customer_is_refused_unless_duplicates_are_allowed(
    run: Run, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    body = {"name": "华东精密仪器有限公司", "source_channel": "phone"}
    await make_rules(database, datetime(2026, 3, 2, 3, tzinfo=UTC))
    made = await client.post("/api/v1/customers", json=body, headers=seller)
    text = (
        "客户名称,联系人,手机\n上海华东精密仪器股份有限公司,,\n绿洲食品厂,王芳,13800138000\n"
        "完全另一家,李雷,138 0013 8000\n远山纺织,,\n"
    )
    result = await run(text)
    assert (result["created"], result["refused_by_code"]) == (2, {"looks_like": 2})
    rows = table(await refused(client, seller, result))
    assert made.json()["number"] in rows[1][-1]
    assert rows[2][0] == "完全另一家"
    allowed = await run(text, duplicates="allow")
    assert (allowed["created"], allowed["refused"]) == (4, 0)


async def test_an_imported_customer_is_found_by_what_he_is(
    run: Run, client: httpx.AsyncClient, seller: Caller
) -> None:
    await run("客户名称,联系人,手机\n远山纺织有限公司,王芳,13800138000\n")
    for asked in ("远山", "ysfz", "8000", "王芳"):
        url = "/api/v1/customers/search"
        found = await client.get(url, params={"q": asked}, headers=seller)
        names = [one["customer"]["name"] for one in found.json()["items"]]
        assert names == ["远山纺织有限公司"], f"{asked} {found.text}"


# --- changing who is there


@pytest.mark.parametrize("key", ["number", "phone", "email"])
async def test_a_row_changes_the_customer_that_it_finds(
    run: Run, database: Database, seller: Caller, key: str
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, name="旧名", owner=seller.user, remarks="保留")
        await make_contact(tx, customer, name="王芳")
    text = (
        "客户编号,客户名称,联系人,手机,邮箱,备注\n"
        f"{customer['number'] if key == 'number' else ''},新名,王芳,13800138000,WANG.FANG@EXAMPLE.COM,\n"
        ",另一家,赵六,13700137000,zhao@example.com,\n"
    )
    result = await run(text, upsert_by=key)
    assert (result["updated"], result["created"]) == (1, 1)
    rows = await database.all(CUSTOMERS)
    assert [(one["name"], one["remarks"]) for one in rows] == [("新名", "保留"), ("另一家", None)]
    again = await run(
        text.replace(",另一家", f"{rows[1]['number'] if key == 'number' else ''},另一家"),
        upsert_by=key,
    )
    assert (again["unchanged"], again["created"]) == (2, 0)


async def test_an_address_known_in_another_case_is_not_added_again(
    run: Run, database: Database, seller: Caller
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, owner=seller.user)
        await make_contact(tx, customer, name="王芳", phone=None, email="Wang.Fang@example.com")
    text = f"客户编号,联系人,邮箱\n{customer['number']},王芳,wang.FANG@example.com\n"
    assert (await run(text, upsert_by="number"))["unchanged"] == 1
    assert [one["value"] for one in await database.all(POINTS)] == ["Wang.Fang@example.com"]


async def test_the_number_of_a_merged_file_leads_to_the_one_it_went_into(
    run: Run, database: Database, seller: Caller
) -> None:
    async with database.transaction() as tx:
        winner = await make_customer(tx, name="留下的", owner=seller.user)
        loser = await make_customer(
            tx, name="并入的", owner=seller.user, merged_into_id=winner["id"]
        )
    result = await run(f"客户编号,备注\n{loser['number']},并入后\n", upsert_by="number")
    assert result["updated"] == 1
    told = {one["name"]: one["remarks"] for one in await database.all(CUSTOMERS)}
    assert told == {"留下的": "并入后", "并入的": None}


async def test_a_contact_gains_numbers_and_loses_none(
    run: Run, database: Database, seller: Caller
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, owner=seller.user)
        await make_contact(tx, customer, name="王芳")
    number = customer["number"]
    text = (
        f"客户编号,联系人,手机,职务\n{number},王芳,13900139000,经理\n{number},李雷,13700137000,\n"
    )
    result = await run(text, upsert_by="number")
    assert result["updated"] == 2
    points = [one["value"] for one in await database.all(POINTS) if one["kind"] == "phone"]
    assert points == ["+8613800138000", "+8613900139000", "+8613700137000"]
    people = await database.all(CONTACTS)
    assert [(one["name"], one["title"], one["is_primary"]) for one in people][1:] == [
        ("李雷", None, False)
    ]
    assert people[0]["title"] == "经理"


async def test_a_row_that_finds_two_or_may_not_write_is_refused(
    run: Run, database: Database, seller: Caller
) -> None:
    async with database.transaction() as tx:
        stranger = await make_user(tx, name="小郑")
        foreign = await make_customer(tx, name="别人的", owner=stranger)
        mine = await make_customer(tx, name="我的", owner=seller.user)
        for one in (foreign, mine):
            await make_contact(tx, one)
    text = f"客户编号,客户名称,手机\n,改名,13800138000\n{foreign['number']},改名,\nC999999,改名,\n"
    by_phone = await run(text, upsert_by="phone")
    assert by_phone["refused_by_code"]["upsert_ambiguous"] == 1
    by_number = await run(text, upsert_by="number")
    assert by_number["refused_by_code"] == {"not_permitted": 1, "number_unknown": 1}


async def test_stage_and_tier_of_who_is_there_stay(
    run: Run, database: Database, seller: Caller
) -> None:
    async with database.transaction() as tx:
        customer = await make_customer(tx, owner=seller.user)
    text = f"客户编号,客户等级,备注\n{customer['number']},C级,好\n"
    assert (await run(text, upsert_by="number"))["updated"] == 1
    moved = await run(text.replace("C级", "VIP"), upsert_by="number")
    assert moved["refused_by_code"] == {"moved_elsewhere": 1}


async def test_rows_of_one_key_follow_each_other(run: Run, database: Database) -> None:
    lines = "".join(f"客户{n},13800138000,第{n}次\n" for n in range(4))
    result = await run(f"客户名称,手机,备注\n{lines}", upsert_by="phone")
    assert (result["created"], result["updated"]) == (1, 3)
    assert [one["remarks"] for one in await database.all(CUSTOMERS)] == ["第3次"]


# --- the operation


@pytest.mark.sop("FU-3")
async def test_new_files_are_promised_a_refresh_spread_over_the_month(
    run: Run, database: Database
) -> None:
    text = "客户名称\n" + "".join(f"客户{number}有限公司\n" for number in range(60))
    await run(text, duplicates="allow")
    while await run_operations(database):
        pass
    dues = [row["due_at"] for row in await database.all(rows_of(DeadlineRow))]
    assert len(dues) == 60
    assert len(set(dues)) > 10


async def test_many_batches_count_each_row_once(run: Run, database: Database) -> None:
    lines = "".join(f"公司{n},{'坏' if n % 7 == 0 else ''}\n" for n in range(1203))
    result = await run(f"客户名称,邮箱\n{lines}", duplicates="allow")
    assert (result["created"], result["refused"]) == (1031, 172)
    assert await database.value(count_of(Customer)) == 1031


async def test_who_may_no_more_imports_no_more(
    upload: Any, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    sent = await upload(FILE)
    body = {"mode": "real", "columns": sent["suggested"]}
    started = await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)
    row = next(one for one in await database.all(rows_of(User)) if one["id"] == seller.user["id"])
    async with database.transaction() as tx:
        await writing.update(tx, User, dict(row), role="analyst")
    while await run_operations(database):
        pass
    operation = (await database.all(rows_of(OperationRow)))[0]
    assert started.status_code == 202
    assert (operation["state"], operation["error"]["code"]) == ("failed", "not_permitted")
    assert await database.value(count_of(Customer)) == 0


async def test_a_cancelled_import_keeps_what_it_has_written(
    upload: Any, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    sent = await upload(FILE)
    body = {"mode": "real", "columns": sent["suggested"]}
    started = await client.post(f"{URL}/{sent['id']}/start", json=body, headers=seller)
    url = f"/api/v1/operations/{started.json()['id']}"
    assert (await client.post(f"{url}/cancel", headers=seller)).status_code == 200
    while await run_operations(database):
        pass
    assert (await client.get(url, headers=seller)).json()["state"] == "cancelled"
    assert await database.value(count_of(Customer)) == 0


# --- purging


async def test_a_purge_leaves_no_cell_behind(
    run: Run, client: httpx.AsyncClient, seller: Caller, database: Database
) -> None:
    result = await run(FILE)
    url = f"{URL}/{result['import_id']}"
    assert (await client.delete(url, headers=seller)).status_code == 204
    assert await database.value(count_of(ImportPiece)) == 0
    told = (await client.get(url, headers=seller)).json()
    assert (told["samples"], told["purged_at"] is not None) == ([], True)
    for path in ("file", "refused"):
        answer = await client.get(f"{url}/{path}", headers=seller)
        assert (answer.status_code, answer.json()["code"]) == (409, "import_purged")
    assert await database.value(count_of(Customer)) == 2


async def test_files_are_purged_when_their_time_is_over(upload: Any, database: Database) -> None:
    await upload(FILE)
    assert await purge_imports(database) == 0
    row = (await database.all(rows_of(Import)))[0]
    async with database.transaction() as tx:
        past = real_now() - timedelta(seconds=1)
        await writing.update_many(tx, Import, [{"id": row["id"], "purge_at": past}])
    assert await purge_imports(database) == 1
    assert await database.value(count_of(ImportPiece)) == 0
