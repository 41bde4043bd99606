"""One's own inbox through the API: released lines only, own lines only, in the reader's language, read marks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from sqlite3 import IntegrityError
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.database import Database
from app.errors import Conflict
from app.notifications import service
from app.notifications.models import Notification
from app.notifications.release import columns
from app.notifications.schemas import NotificationPage, NotificationRead
from app.notifications.service import Notice
from app.notifications.wording import Text, Words
from app.outbox.relay import relay
from app.sla.enforcement import sweep
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from tests.conftest import AsUser, Caller, LoginAs
from tests.factories import freeze, make_line, make_rules, make_subject, make_user

BASE = "/api/v1/notifications"
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
ALL = Statement(select(*Notification.__table__.columns).order_by(Notification.id))


@dataclass
class Inbox:
    """`mine` has three lines delivered a minute apart, one held, one settled; `other` has one."""

    http: httpx.AsyncClient
    database: Database
    mine: Caller
    other: Caller
    lines: list[Row]

    async def get(self, path: str = "", caller: Caller | None = None, **asked: Any) -> Any:
        headers = {**(caller or self.mine), **asked.pop("headers", {})}
        return await self.http.get(BASE + path, params=asked, headers=headers)

    async def post(self, path: str, caller: Caller | None = None, **kw: Any) -> Any:
        headers = {**(caller or self.mine), **kw.pop("headers", {})}
        return await self.http.post(BASE + path, headers=headers, **kw)

    async def titles(self, **asked: Any) -> list[str]:
        answer = await self.get(**asked)
        assert answer.status_code == 200, answer.text
        page = NotificationPage.model_validate_json(answer.content)
        return [one.title for one in page.items]


def words(number: int) -> dict[str, str]:
    return columns(
        Words(Text(f"标题 {number}", "正文\n第二行"), Text(f"title {number}", "body\nsecond line"))
    )


@pytest.fixture
async def inbox(client: httpx.AsyncClient, database: Database, as_user: AsUser) -> Inbox:
    await freeze(database, NOON)
    async with database.transaction() as tx:
        mine, other = await make_user(tx), await make_user(tx)
        common = {"user_id": mine["id"], "kind": "deadline.escalated"}
        for number in range(3):
            at = NOON + number * MINUTE
            stamps = {"created_at": at, "deliver_at": at, "delivered_at": at}
            data = {"level": number}
            await writing.insert(tx, Notification, **common, **stamps, **words(number), data=data)
        held = {"created_at": NOON, "deliver_at": NOON + 600 * MINUTE}
        await writing.insert(tx, Notification, **common, **held)
        await writing.insert(tx, Notification, **common, **held, settled=True)
        stamps = {"created_at": NOON, "deliver_at": NOON, "delivered_at": NOON}
        another = {"user_id": other["id"], "kind": "deadline.settled_digest"}
        await writing.insert(tx, Notification, **another, **stamps, **words(9))
    await freeze(database, NOON + 5 * MINUTE)
    lines = await database.all(ALL)
    return Inbox(client, database, await as_user(mine), await as_user(other), lines)


async def test_the_inbox_holds_what_was_released_to_its_owner_newest_first(inbox: Inbox) -> None:
    answer = await inbox.get()
    page = NotificationPage.model_validate_json(answer.content)
    assert [one.title for one in page.items] == ["标题 2", "标题 1", "标题 0"]
    first = page.items[0]
    assert str(first.id) == inbox.lines[2]["public_id"]
    assert (first.kind, first.body) == ("deadline.escalated", "正文\n第二行")
    assert (first.data, first.read_at) == ({"level": 2}, None)
    assert first.created_at == first.delivered_at == NOON + 2 * MINUTE
    assert answer.headers["cache-control"] == "private, no-store"


async def test_readers_read_in_the_language_they_ask_for_else_in_their_own(
    inbox: Inbox, database: Database, as_user: AsUser
) -> None:
    assert await inbox.titles(headers={"Accept-Language": "en-GB"}) == [
        "title 2", "title 1", "title 0",
    ]  # fmt: skip
    async with database.transaction() as tx:
        reader = await make_user(tx, language="en")
        at = {"created_at": NOON, "deliver_at": NOON, "delivered_at": NOON}
        await writing.insert(
            tx, Notification, user_id=reader["id"], kind="deadline.escalated", **at, **words(7)
        )
    english = await as_user(reader)
    assert (await inbox.get("", english)).json()["items"][0]["title"] == "title 7"
    chinese = {"Accept-Language": "zh-CN"}
    assert (await inbox.get("", english, headers=chinese)).json()["items"][0]["title"] == "标题 7"


async def test_the_inbox_is_read_page_by_page_in_either_order(inbox: Inbox) -> None:
    for sort, wanted in (("created_at", ["标题 0", "标题 1", "标题 2"]), ("-created_at", ["标题 2", "标题 1", "标题 0"])):  # fmt: skip
        seen: list[str] = []
        cursor = None
        while True:
            asked: dict[str, Any] = {"limit": 2, "sort": sort} | (
                {"cursor": cursor} if cursor else {}
            )
            page = (await inbox.get(**asked, total="true")).json()
            seen += [one["title"] for one in page["items"]]
            assert page["total"] == 3
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        assert seen == wanted


async def test_a_cursor_of_another_filter_is_refused(inbox: Inbox) -> None:
    cursor = (await inbox.get(limit=1)).json()["next_cursor"]
    answer = await inbox.get(limit=1, cursor=cursor, unread="true")
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_of_another_list")


async def test_the_inbox_is_filtered_by_kind_and_by_read_marks(inbox: Inbox) -> None:
    line = inbox.lines[1]["public_id"]
    assert (await inbox.post(f"/{line}/read")).status_code == 200
    assert await inbox.titles(unread="true") == ["标题 2", "标题 0"]
    assert await inbox.titles(unread="false") == ["标题 1"]
    assert await inbox.titles(kind="deadline.settled_digest") == []
    assert len(await inbox.titles(kind="deadline.escalated")) == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 201}, {"limit": 0}, {"sort": "title"}, {"unread": "perhaps"}, {"user_id": NOBODY},
        {"kind": "a b"}, {"kind": "x" * 41},
    ],
)  # fmt: skip
async def test_a_question_that_breaks_the_contract_is_refused(
    inbox: Inbox, asked: dict[str, Any]
) -> None:
    answer = await inbox.get(**asked)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_one_line_is_read_without_being_marked(inbox: Inbox) -> None:
    line = inbox.lines[0]["public_id"]
    read = NotificationRead.model_validate_json((await inbox.get(f"/{line}")).content)
    assert (read.title, read.read_at) == ("标题 0", None)


@pytest.mark.parametrize("number", [3, 4, 5])
async def test_a_line_that_is_held_settled_or_anothers_does_not_exist(
    inbox: Inbox, number: int
) -> None:
    line = inbox.lines[number]["public_id"]
    assert (await inbox.get(f"/{line}")).status_code == 404
    assert (await inbox.post(f"/{line}/read")).status_code == 404
    assert (await inbox.post("/read-all", json={"up_to_id": line})).status_code == 422
    assert await inbox.database.all(ALL) == inbox.lines
    assert (await inbox.get(f"/{NOBODY}")).status_code == 404
    assert (await inbox.get("/7")).status_code == 422


async def test_a_line_is_marked_once_and_keeps_its_instant(inbox: Inbox) -> None:
    line = inbox.lines[0]["public_id"]
    at = "2026-03-02T04:05:00.000000Z"
    assert (await inbox.post(f"/{line}/read")).json()["read_at"] == at
    await freeze(inbox.database, NOON + 9 * MINUTE)
    assert (await inbox.post(f"/{line}/read")).json()["read_at"] == at
    assert (await inbox.get("/unread-count")).json() == {"unread_count": 2}


async def test_all_lines_are_marked_without_a_point(inbox: Inbox) -> None:
    assert (await inbox.get("/unread-count")).json() == {"unread_count": 3}
    assert (await inbox.post("/read-all")).json() == {"read_count": 3}
    assert (await inbox.post("/read-all", json={})).json() == {"read_count": 0}
    assert (await inbox.get("/unread-count")).json() == {"unread_count": 0}
    assert (await inbox.get("/unread-count", inbox.other)).json() == {"unread_count": 1}


@pytest.mark.parametrize(
    ("delta", "count"),
    [(-timedelta(microseconds=1), 1), (timedelta(), 2), (timedelta(microseconds=1), 2)],
)
async def test_lines_are_marked_up_to_an_instant_inclusive(
    inbox: Inbox, delta: timedelta, count: int
) -> None:
    at = (NOON + MINUTE + delta).isoformat()
    assert (await inbox.post("/read-all", json={"up_to": at})).json() == {"read_count": count}
    assert len(await inbox.titles(unread="true")) == 3 - count


async def test_lines_are_marked_up_to_a_line_and_later_ones_stay_unread(inbox: Inbox) -> None:
    point = {"up_to_id": inbox.lines[1]["public_id"]}
    assert (await inbox.post("/read-all", json=point)).json() == {"read_count": 2}
    assert await inbox.titles(unread="true") == ["标题 2"]


@pytest.mark.parametrize(
    "body",
    [
        {"up_to": "2026-03-02T04:00:00"},
        {"up_to": "2026-03-02T04:00:00Z", "up_to_id": NOBODY},
        {"up_to": "0001-01-01T00:00:00+14:00"},
        {"up_to": "9999-12-31T23:59:59-14:00"},
        {"up_to_id": NOBODY},
        {"up_to_id": 7},
        {"all": True},
        [],
        "now",
    ],
)
async def test_a_point_that_breaks_the_contract_is_refused_and_marks_nothing(
    inbox: Inbox, body: Any
) -> None:
    answer = await inbox.post("/read-all", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"]
    assert (await inbox.get("/unread-count")).json() == {"unread_count": 3}


async def test_a_repeated_key_is_answered_as_the_first_time(inbox: Inbox) -> None:
    key = {"Idempotency-Key": "read-all-0001"}
    first = await inbox.post("/read-all", json={}, headers=key)
    again = await inbox.post("/read-all", json={}, headers=key)
    assert first.json() == again.json() == {"read_count": 3}
    assert again.headers["idempotency-replayed"] == "true"


async def test_nobody_reads_without_logging_in(inbox: Inbox) -> None:
    line = inbox.lines[0]["public_id"]
    for path in ("", "/unread-count", f"/{line}"):
        assert (await inbox.http.get(BASE + path)).status_code == 401
    for path in ("/read-all", f"/{line}/read"):
        assert (await inbox.http.post(BASE + path)).status_code == 401


@pytest.mark.parametrize("role", ["admin", "manager", "sales", "support", "service", "analyst", "auditor"])  # fmt: skip
async def test_every_role_has_an_inbox_and_reads_nobody_elses(
    inbox: Inbox, login_as: LoginAs, role: str
) -> None:
    caller = await login_as(role)
    assert (await inbox.get("", caller)).json()["items"] == []
    assert (await inbox.get(f"/{inbox.lines[0]['public_id']}", caller)).status_code == 404


async def test_a_notice_appears_with_its_release_and_not_before(
    client: httpx.AsyncClient, database: Database, as_user: AsUser
) -> None:
    await make_rules(database, NOON)
    async with database.transaction() as tx:
        line = await make_line(tx)
        await make_subject(tx, owner=line["owner"], department=line["department"])
    await freeze(database, NOON + 30 * MINUTE)
    owner = await as_user(line["owner"])
    await sweep(database)
    assert (await client.get(BASE, headers=owner)).json()["items"] == []
    await relay(database, SUBSCRIPTIONS)
    (item,) = (await client.get(BASE, headers=owner)).json()["items"]
    assert item["title"] == "刚刚到期:受理(TK-2)· T000001 系统无法登录"
    assert item["data"]["level"] == 2


async def test_nobody_is_told_twice_of_one_escalation(database: Database) -> None:
    await freeze(database, NOON)
    async with database.transaction() as tx:
        user = await make_user(tx)
    twice = [Notice(user["id"], "deadline.escalated", NOON, escalation_id=7) for _ in range(2)]
    with pytest.raises(
        (Conflict, IntegrityError)
    ) as refused:  # PostgreSQL: as for any twin, ask again
        async with database.transaction() as tx:
            await service.tell(tx, twice, at=NOON)
    assert "unique" in f"{refused.value} {refused.value.__cause__}".lower()
    assert await database.all(ALL) == []
