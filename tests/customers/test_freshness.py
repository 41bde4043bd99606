"""A customer's file is refreshed monthly, or its owner hears of it (SOP CU-7, FU-3)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import bindparam, select

from app import writing
from app.auth.models import Department
from app.customers import first_refreshes, freshness
from app.customers.models import Customer, CustomerRefresh
from app.database import Actor, Database
from app.notifications.models import Notification
from app.operations import runner
from app.operations import service as operations
from app.sla import enforcement
from app.sla.models import DeadlineRow
from app.statements import Row, Statement
from tests.customers.conftest import BASE, Office, messages
from tests.factories import freeze, make_customer, make_department, make_rules, make_user

# Wednesday 11 March 2026, 10:00 in Shanghai; a month later is a Saturday, due on Monday 13 April, 18:00.
WEDNESDAY = datetime(2026, 3, 11, 2, tzinfo=UTC)
DUE = datetime(2026, 4, 13, 10, tzinfo=UTC)
DAY = timedelta(days=1)
NEW = {"name": "华北检测技术有限公司", "source_channel": "phone"}
WORD = {"progress": "二期扩产预算已批,九月招标", "key_contacts_changed": False}

DEADLINES = Statement(
    select(*DeadlineRow.__table__.columns)
    .where(DeadlineRow.clock == "refresh")
    .order_by(DeadlineRow.id)
)
REFRESHES = Statement(select(*CustomerRefresh.__table__.columns).order_by(CustomerRefresh.id))
CUSTOMER = Statement(
    select(*Customer.__table__.columns).where(Customer.public_id == bindparam("public_id"))
)
LINES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))


@pytest.fixture
async def fresh(database: Database, client: httpx.AsyncClient, office: Office) -> str:
    """The address of a customer of the owner's, registered on that Wednesday."""
    await freeze(database, WEDNESDAY)
    answer = await client.post(BASE, json=NEW, headers=office["owner"])
    assert answer.status_code == 201
    return f"{BASE}/{answer.json()['id']}"


async def read(client: httpx.AsyncClient, office: Office, url: str) -> Mapping[str, Any]:
    answer = await client.get(url, headers=office["owner"])
    file: Mapping[str, Any] = answer.json()
    return file


async def states(database: Database) -> list[tuple[str, datetime]]:
    return [(row["state"], row["due_at"]) for row in await database.all(DEADLINES)]


@pytest.mark.sop("CU-7", "FU-3")
async def test_a_new_file_is_fresh_for_a_month_to_the_end_of_a_working_day(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    file = await read(client, office, fresh)
    assert (file["fresh_until"], file["is_stale"]) == ("2026-04-13T10:00:00.000000Z", False)
    (row,) = await database.all(DEADLINES)
    assert (row["rule"], row["subject_type"]) == ("FU-3", "customer_refresh")
    assert row["owner_id"] == office["owner"].user["id"]
    assert row["label"].endswith(" 华北检测技术有限公司")


@pytest.mark.sop("CU-7", "FU-3")
async def test_a_file_is_stale_from_the_due_instant_on_whether_or_not_a_sweep_ran(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    for at, stale in ((DUE, False), (DUE + timedelta(microseconds=1), True)):
        await freeze(database, at)
        assert (await read(client, office, fresh))["is_stale"] is stale
        for asked in (True, False):
            answer = await client.get(f"{BASE}?stale={asked}", headers=office["owner"])
            names = [one["name"] for one in answer.json()["items"]]
            assert (NEW["name"] in names) is (asked is stale)


@pytest.mark.sop("CU-7", "FU-3")
async def test_an_edit_answers_the_refresh_and_begins_the_next_month(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    await freeze(database, WEDNESDAY + 8 * DAY)
    answer = await client.patch(fresh, json={"goals": "两条新产线"}, headers=office["owner"])
    assert answer.json()["fresh_until"] == "2026-04-20T10:00:00.000000Z"  # the 19th is a Sunday
    assert [state for state, _ in await states(database)] == ["met", "running"]
    assert "customer.refreshed" in [one["event"] for one in await messages(database)]
    await client.patch(fresh, json={"goals": "三条"}, headers=office["owner"])
    assert (
        len(await states(database)) == 2
    )  # a second edit on that day would be due on the same date


@pytest.mark.sop("CU-7")
@pytest.mark.parametrize(
    "body", [{"tags": ["重点"]}, {"owner_id": None}, {"account_manager_id": "colleague"}]
)
async def test_what_only_sorts_a_customer_is_no_refresh(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str, body: dict[str, Any]
) -> None:
    await freeze(database, WEDNESDAY + 8 * DAY)
    given = {
        key: office.id_of(value) if value == "colleague" else value for key, value in body.items()
    }
    answer = await client.patch(fresh, json=given, headers=office["head"])
    assert answer.status_code == 200
    assert await states(database) == [("running", DUE)]


@pytest.mark.sop("CU-7")
async def test_a_change_of_the_contacts_is_a_refresh(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    await freeze(database, WEDNESDAY + DAY)
    made = await client.post(f"{fresh}/contacts", json={"name": "王芳"}, headers=office["owner"])
    assert len(await states(database)) == 2
    url = f"{fresh}/contacts/{made.json()['id']}"
    await freeze(database, WEDNESDAY + 2 * DAY)
    await client.patch(url, json={"title": "厂长"}, headers=office["owner"])
    assert len(await states(database)) == 3
    await freeze(database, WEDNESDAY + 3 * DAY)
    await client.delete(url, headers=office["owner"])
    assert len(await states(database)) == 4


@pytest.mark.sop("CU-7")
async def test_a_late_answer_stays_late(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    await freeze(database, DUE + timedelta(hours=30))
    answer = await client.post(f"{fresh}/confirm-fresh", json=WORD, headers=office["owner"])
    assert (answer.status_code, answer.json()["is_stale"]) == (200, False)
    assert [state for state, _ in await states(database)] == ["late", "running"]


@pytest.mark.sop("CU-7")
async def test_a_word_is_kept_with_who_gave_it_even_on_the_same_day(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    await client.post(f"{fresh}/confirm-fresh", json=WORD, headers=office["colleague"])
    answer = await client.get(f"{fresh}/refreshes", headers=office["owner"])
    following, first = answer.json()["items"]
    assert (following["status"], following["state"]) == ("open", "running")
    assert {name: first[name] for name in ("how", "state", "status", "progress")} == {
        "how": "confirmation", "state": "met", "status": "refreshed", "progress": WORD["progress"],
    }  # fmt: skip
    assert (first["ended_by"], first["key_contacts_changed"]) == (office.id_of("colleague"), False)


async def test_a_word_is_for_whoever_may_write_the_file_and_says_something(
    client: httpx.AsyncClient, office: Office, fresh: str
) -> None:
    answer = await client.post(f"{fresh}/confirm-fresh", json=WORD, headers=office["outsider"])
    assert answer.status_code == 403
    answer = await client.post(
        f"{fresh}/confirm-fresh", json={"progress": " "}, headers=office["owner"]
    )
    assert {one["pointer"] for one in answer.json()["errors"]} == {
        "/progress",
        "/key_contacts_changed",
    }
    stale = {**office["owner"], "If-Match": '"9"'}
    answer = await client.post(f"{fresh}/confirm-fresh", json=WORD, headers=stale)
    assert answer.status_code == 412


@pytest.mark.sop("CU-7", "FU-3")
async def test_a_handed_over_file_takes_its_promise_along(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    body = {"owner_id": office.id_of("outsider")}
    await client.patch(fresh, json=body, headers=office["head"])
    (row,) = await database.all(DEADLINES)
    assert row["owner_id"] == office["outsider"].user["id"]
    assert (row["department_id"], row["state"]) == (office.south["id"], "running")


@pytest.mark.sop("CU-7", "FU-3")
async def test_the_owner_is_warned_and_told_and_without_one_the_head(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    async with database.transaction() as tx:
        head = office["head"].user
        await writing.update(tx, Department, office.east, head_id=head["id"])
    await freeze(database, DUE - timedelta(minutes=1))
    await enforcement.sweep(database)
    (warned,) = await database.all(LINES)
    assert warned["user_id"] == office["owner"].user["id"]
    await client.patch(fresh, json={"owner_id": None}, headers=office["head"])
    await freeze(database, DUE + timedelta(minutes=1))
    await enforcement.sweep(database)
    assert [line["user_id"] for line in await database.all(LINES)][1:] == [head["id"]]


@pytest.mark.sop("CU-7")
async def test_a_lost_customer_is_owed_no_refresh_and_one_won_back_is_again(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    move = {"stage": "lost", "reason_code": "price", "reason": "续约报价高出同行两成"}
    lost = await client.post(f"{fresh}/stage", json=move, headers=office["owner"])
    assert (lost.json()["fresh_until"], lost.json()["is_stale"]) == (None, False)
    refused = await client.post(f"{fresh}/confirm-fresh", json=WORD, headers=office["owner"])
    assert (refused.status_code, refused.json()["code"]) == (409, "customer_not_kept_fresh")
    await freeze(database, WEDNESDAY + 8 * DAY)
    move = {"stage": "interested", "reason": "重新询价"}
    back = await client.post(f"{fresh}/stage", json=move, headers=office["owner"])
    assert back.json()["fresh_until"] == "2026-04-20T10:00:00.000000Z"
    assert [state for state, _ in await states(database)] == ["cancelled", "running"]


@pytest.mark.sop("CU-7")
async def test_every_open_file_has_one_refresh_and_a_tier_keeps_it(
    client: httpx.AsyncClient, database: Database, office: Office, fresh: str
) -> None:
    await client.post(
        f"{fresh}/tier", json={"tier": "A", "reason": "战略客户"}, headers=office["owner"]
    )
    assert await states(database) == [("running", DUE)]


# --- many at once


async def files(database: Database, count: int, **values: Any) -> list[Row]:
    async with database.transaction() as tx:
        department = await make_department(tx)
        owner = await make_user(tx, department=department)
        return [await make_customer(tx, owner=owner, **values) for _ in range(count)]


@pytest.mark.sop("FU-3")
async def test_imported_files_fall_due_over_the_whole_month(database: Database) -> None:
    await make_rules(database, WEDNESDAY)
    rows = await files(database, 500)
    async with database.transaction() as tx:
        await freshness.begin_imported(tx, rows, at=WEDNESDAY)
    dues = [due for _, due in await states(database)]
    assert len(dues) == 500
    days = {due.date() for due in dues}
    assert (min(dues) > WEDNESDAY, max(dues) <= DUE) == (True, True)
    assert len(days) == 22  # every working day up to the due of a file that was registered by hand
    assert max(dues.count(due) for due in set(dues)) < 60


@pytest.mark.sop("FU-3")
async def test_files_that_were_there_before_are_promised_a_refresh_once(database: Database) -> None:
    await make_rules(database, WEDNESDAY)
    await files(database, 120)
    await files(database, 3, status="lost")
    for _ in range(2):
        async with database.transaction(Actor(name="migration")) as tx:
            await operations.start(tx, first_refreshes.KIND, {})
        await runner.run(database, first_refreshes.KINDS)
        assert len(await states(database)) == 120


async def counted(run: Any, asked: list[Any], statement: Any, values: Any) -> Any:
    asked.append(statement)
    return await run(statement, values)


async def test_opening_many_asks_the_database_the_same_few_questions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_rules(database, WEDNESDAY)
    rows = await files(database, 60)
    counts = []
    for some in (rows[:10], rows[10:]):
        async with database.transaction() as tx:
            asked: list[Any] = []
            monkeypatch.setattr(tx, "run", partial(counted, tx.run, asked))
            await freshness.begin(tx, some, at=WEDNESDAY)
        counts.append(len(asked))
    assert counts[1] <= counts[0]
