"""The timeline: everything that concerns a customer, once, newest first, whoever tells it how often."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app import customers, reading, writing
from app.auth.permissions import Permission
from app.database import Database
from app.outbox.models import OutboxMessage
from app.outbox.relay import relay
from app.sla.enforcement import sweep
from app.sla.engine.facts import FactKind
from app.statements import Statement
from app.subscribers import SUBSCRIPTIONS
from app.time import format_instant
from app.timeline.kinds import KINDS, TimelineKind, shown_to
from app.timeline.queries import LISTING
from app.timeline.rebuild import check_timeline
from app.timeline.sources import FACT_DATA
from tests.conftest import ENGINE
from tests.factories import make_customer
from tests.query_plans import steps_of
from tests.tickets.conftest import House, local
from tests.timeline.story import (
    keep_a_file,
    miss_a_ticket,
    page,
    serve_a_ticket,
    tell_again,
    timeline,
    url_of,
)

FILE = [
    "contact.deleted",
    "contact.updated",
    "contact.created",
    "customer.team_changed",
    "customer.tier_changed",
    "customer.updated",
]
TICKET = [
    "ticket.closed",
    "ticket.confirmed",
    "ticket.resolved",
    "ticket.reclassified",
    "ticket.message",
    "ticket.waiting",
    "ticket.message",
    "ticket.note",
    "ticket.message",
    "ticket.accepted",
    "ticket.opened",
]


def kinds(items: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in items]


def of_kind(items: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(one for one in items if one["kind"] == kind)


# --- what stands on it


@pytest.mark.sop("CU-13")
async def test_changes_of_the_file_are_told_without_what_they_hold(house: House) -> None:
    contact = await keep_a_file(house)
    items = await timeline(house)
    assert kinds(items) == FILE
    assert [one["at"] for one in items] == [
        format_instant(local(f"09:0{minute}")) for minute in (5, 4, 4, 3, 2, 1)
    ]
    changed = of_kind(items, "customer.updated")
    assert changed["data"] == {"fields": ["region", "revenue"]}
    assert changed["subject"] == {"type": "customer", "id": house.customer["public_id"]}
    assert changed["actor"] == {"id": house.id_of("admin"), "name": "admin"}
    tier = of_kind(items, "customer.tier_changed")
    assert tier["data"]["tier"] == {"from": "B", "to": "A"}
    assert of_kind(items, "contact.deleted")["subject"] == {"type": "contact", "id": contact["id"]}
    text = orjson.dumps(items).decode()
    for hidden in ("12345678", "赵敏", "喜欢电话联系"):
        assert hidden not in text


@pytest.mark.sop("CU-13")
async def test_a_ticket_is_told_from_its_opening_to_its_end_without_its_texts(
    house: House,
) -> None:
    ticket = await serve_a_ticket(house)
    items = await timeline(house)
    assert kinds(items) == TICKET
    for one in items:
        assert one["subject"] == {"type": "ticket", "id": ticket["id"]}
        assert one["data"]["number"] == ticket["number"]
    assert of_kind(items, "ticket.message")["data"]["by"] == "customer"
    confirmed = of_kind(items, "ticket.confirmed")["data"]
    assert (confirmed["answer"], confirmed["rating"]) == ("solved", "satisfied")
    assert of_kind(items, "ticket.reclassified")["data"]["complexity"] == "complex"
    text = orjson.dumps(items).decode()
    for written in ("SN-123456", "探头", "客户语气", "13800138000"):
        assert written not in text


async def test_a_ticket_given_to_another_tells_to_whom(house: House) -> None:
    ticket = await house.open(owner_id=house.id_of("li"))
    await house.do(ticket, "assign", "support_head", owner_id=house.id_of("zhang"))
    given = of_kind(await timeline(house), "ticket.assigned")
    assert given["data"]["owner_id"] == house.id_of("zhang")
    assert given["actor"]["name"] == "support_head"


@pytest.mark.sop("CU-13")
async def test_a_missed_deadline_stands_at_its_due_and_stays_when_it_is_corrected(
    house: House,
) -> None:
    ticket = await miss_a_ticket(house)
    missed = of_kind(await timeline(house), "deadline.missed")
    assert missed["at"] == format_instant(local("11:30"))
    assert (missed["data"]["clock"], missed["data"]["rule"]) == ("accept", "TK-2")
    escalated = of_kind(await page(house), "deadline.escalated")
    assert escalated["at"] == format_instant(local("11:31"))
    assert (escalated["data"]["level"], escalated["data"]["rule"]) == (2, "TK-2")
    answer = await house.client.post(
        f"/api/v1/deadlines/{missed['data']['deadline_id']}/correct",
        json={"claimed_at": format_instant(local("11:20")), "reason": "通话录音证明当时已受理"},
        headers=house.callers["support_head"],
    )
    assert answer.status_code == 200, answer.text
    items = await timeline(house)
    assert kinds(items).count("deadline.missed") == 1
    assert of_kind(items, "deadline.corrected")["subject"]["id"] == ticket["id"]
    assert await check_timeline(house.database) == []


async def test_warnings_before_due_are_nothing_of_the_customers(house: House) -> None:
    await house.open(owner_id=house.id_of("li"))
    await house.at("09:25")
    assert (await sweep(house.database)).level_count == 1
    assert kinds(await timeline(house)) == ["ticket.opened"]


async def test_another_customers_timeline_stays_empty(house: House) -> None:
    await keep_a_file(house)
    async with house.database.transaction() as tx:
        other = await make_customer(tx, name="另一家")
    await timeline(house)
    url = f"/api/v1/customers/{other['public_id']}/timeline"
    answer = await house.client.get(url, headers=house.callers["admin"])
    assert answer.json()["items"] == []


# --- exactly once


async def test_an_event_told_again_adds_nothing(house: House) -> None:
    await keep_a_file(house)
    await serve_a_ticket(house)
    await miss_a_ticket(house)
    before = await timeline(house)
    assert await tell_again(house.database) > 20
    assert await timeline(house) == before
    assert await check_timeline(house.database) == []


async def test_two_relays_at_once_tell_everything_once(house: House, database: Database) -> None:
    await keep_a_file(house)
    await serve_a_ticket(house)
    small = database.settings.model_copy(update={"relay_batch": 2})
    database.settings = small
    results = await asyncio.gather(*(relay(database, SUBSCRIPTIONS) for _ in range(3)))
    assert sum(one.failed_count for one in results) == 0
    assert sorted(kinds(await page(house))) == sorted(FILE + TICKET)
    assert await check_timeline(database) == []


async def test_what_no_event_told_is_made_up_for_by_the_subjects_next(house: House) -> None:
    ticket = await house.open(owner_id=house.id_of("li"))
    rows = await house.database.all(Statement(select(OutboxMessage.id)))
    async with house.database.transaction() as tx:
        done = [{"id": row["id"], "state": "done"} for row in rows]
        await writing.update_many(tx, OutboxMessage, done)
    assert await timeline(house) == []
    await house.do(ticket, "accept", "li")
    assert kinds(await timeline(house)) == ["ticket.accepted", "ticket.opened"]


# --- reading


async def test_pages_follow_one_another_where_instants_are_equal(house: House) -> None:
    await house.at("09:01")
    for number in range(5):
        body = {"region": f"上海 {number}"}
        url = url_of(house)
        await house.client.patch(url, json=body, headers=house.callers["admin"])
    whole = await timeline(house)
    found: list[Any] = []
    cursor = None
    for _ in range(3):
        query = {"limit": 2, **({} if cursor is None else {"cursor": cursor})}
        answer = await house.client.get(
            f"{url_of(house)}/timeline", params=query, headers=house.callers["admin"]
        )
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
    assert found == whole
    assert cursor is None


async def test_kinds_and_instants_filter(house: House) -> None:
    await keep_a_file(house)
    await serve_a_ticket(house)
    await timeline(house)
    assert kinds(await page(house, kind="ticket.message")) == ["ticket.message"] * 3
    both = ["ticket.closed", "contact.created"]
    assert kinds(await page(house, kind=both)) == both
    at, after = local("09:04"), local("09:04") + timedelta(microseconds=1)
    bounds = {"from": format_instant(at), "to": format_instant(after)}
    assert kinds(await page(house, **bounds)) == ["contact.updated", "contact.created"]
    assert await page(house, **{"from": format_instant(at), "to": format_instant(at)}) == []


async def test_an_unknown_kind_is_refused(house: House) -> None:
    url = f"{url_of(house)}/timeline"
    answer = await house.client.get(url, params={"kind": "weather"}, headers=house.callers["admin"])
    assert answer.status_code == 422


async def test_a_key_that_may_read_files_only_is_shown_files_only(house: House) -> None:
    await keep_a_file(house)
    await serve_a_ticket(house)
    await timeline(house)
    made = await house.client.post(
        "/api/v1/api-keys",
        json={"name": "档案同步", "scopes": ["customers:read"]},
        headers=house.callers["admin"],
    )
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    url = f"{url_of(house)}/timeline"
    answer = await house.client.get(url, params={"limit": 200}, headers=key)
    assert kinds(answer.json()["items"]) == FILE
    asked = await house.client.get(url, params={"kind": "ticket.closed"}, headers=key)
    assert asked.json()["items"] == []
    listed = (await house.client.get("/api/v1/timeline-kinds", headers=key)).json()["items"]
    assert {one["kind"].split(".")[0] for one in listed} == {
        "customer",
        "contact",
        "need",
        "service_plan",
    }


async def test_the_list_of_kinds_has_words_for_each(house: House) -> None:
    answer = await house.client.get("/api/v1/timeline-kinds", headers=house.callers["seller"])
    items = answer.json()["items"]
    assert {one["kind"] for one in items} == set(TimelineKind)
    assert of_kind(items, "deadline.missed")["title"] == {
        "zh": "时限超时",
        "en": "Deadline missed",
    }


PAGE_INDEXES = ("ix_customer_timeline_customer", "ix_customer_timeline_kind")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (("customer_id",), "ix_customer_timeline_customer"),
        (("before", "customer_id", "since"), "ix_customer_timeline_customer"),
        (("customer_id", "kind"), "ix_customer_timeline_kind"),
    ],
)
def test_a_page_is_read_off_an_index_in_its_order(
    database_url: str, filters: tuple[str, ...], index: str, after: bool
) -> None:
    core = reading._page_statement(LISTING, "-at", filters, after).core
    without = () if ENGINE == "sqlite" else [one for one in PAGE_INDEXES if one != index]
    steps = steps_of(core, database_url, without=without)
    assert any(index in step for step in steps), steps
    assert not any("Sort" in step or "TEMP B-TREE" in step for step in steps), steps


# --- the tables of kinds are whole


def test_every_kind_has_words_and_a_permission() -> None:
    assert set(KINDS) == set(TimelineKind)
    assert shown_to(Permission) == set(TimelineKind)
    assert shown_to([]) == set()


def test_every_event_of_a_file_is_a_kind() -> None:
    named = set[str]()
    for path in Path(customers.__path__[0]).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'"((?:customer|contact|consent)\.[a-z_]+)"', text))
    audited = {
        "customer.reveal",
        "contact.reveal",
        "customer.confirm_fresh",
        "customer.stage_change",
    }
    told = {"customer.key_contacts_changed"}
    assert named - audited - told <= set(TimelineKind)


def test_every_fact_of_a_ticket_is_a_kind_or_known_to_be_none() -> None:
    silent = {
        "no_reply_needed", "pause_approved", "tier_changed", "policy_assigned", "calendar_assigned",
        "answered", "corrected",
    }  # fmt: skip
    shown = {kind.removeprefix("ticket.") for kind in TimelineKind if kind.startswith("ticket.")}
    assert shown - {"note"} | silent == set(FactKind)
    assert set(FACT_DATA) <= set(FactKind)
