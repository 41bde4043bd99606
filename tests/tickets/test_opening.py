"""Opening a ticket: what it takes, what it refuses, what it leaves behind."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.audit.models import AuditEntry
from app.database import Database
from app.statements import Statement
from app.tickets import rows
from app.tickets.models import TicketType
from tests.factories import make_contact, make_customer
from tests.tickets.conftest import BASE, NOBODY, TICKETS, House, code_of, errors_of

ENTRIES = Statement(select(AuditEntry.action, AuditEntry.actor_name).order_by(AuditEntry.id))


@pytest.mark.sop("TK-1")
async def test_five_fields_are_enough(house: House) -> None:
    body = house.opening()
    del body["contact_id"]
    answer = await house.post("", body, "agent")
    ticket = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{BASE}/{ticket['id']}"
    assert answer.headers["etag"] == '"1"'
    assert {name: ticket[name] for name in ("priority", "complexity", "tags", "contact_id")} == {
        "priority": "normal", "complexity": "normal", "tags": [], "contact_id": None,
    }  # fmt: skip
    assert ticket["created_by"] == house.id_of("agent")
    assert ticket["opened_at"] == "2026-03-02T01:00:00.000000Z"


@pytest.mark.sop("TK-1")
async def test_everything_of_the_intake_form_is_kept(house: House) -> None:
    given: dict[str, Any] = {
        "happened_at": "2026-03-02T08:40:00+08:00",
        "wished_at": "2026-03-03T12:00:00+08:00",
        "priority": "urgent",
        "complexity": "complex",
        "tags": ["培养箱", "停产", "培养箱"],
    }
    ticket = await house.open(**given)
    assert ticket["contact_id"] == str(house.contact["public_id"])
    assert ticket["happened_at"] == "2026-03-02T00:40:00.000000Z"
    assert ticket["wished_at"] == "2026-03-03T04:00:00.000000Z"
    assert (ticket["priority"], ticket["complexity"]) == ("urgent", "complex")
    assert ticket["tags"] == ["培养箱", "停产"]
    assert await house.read(ticket) == ticket


async def test_numbers_count_up_and_name_the_deadlines(house: House) -> None:
    await house.open()
    second = await house.open(subject="第二件")
    page = await house.get(f"/{second['id']}/deadlines")
    assert second["number"] == "T000002"
    assert {one["label"] for one in page["items"]} == {"T000002 第二件"}


@pytest.mark.sop("TK-2")
async def test_opening_for_oneself_is_acceptance(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    assert (ticket["status"], ticket["owner"]["name"]) == ("accepted", "li")
    assert ticket["accepted_at"] == ticket["opened_at"]
    assert await house.clocks(ticket) == {
        "accept": "met", "resolve": "running", "progress": "running",
    }  # fmt: skip
    assert await house.loads() == {"li": 1}


async def test_an_owner_given_is_not_dispatched_over(house: House) -> None:
    ticket = await house.open(owner_id=house.id_of("seller"))
    assert (ticket["status"], ticket["owner"]["name"]) == ("new", "seller")
    assert ticket["department"]["name"] == "销售部"
    page = await house.get(f"/{ticket['id']}/dispatch")
    assert [one["rule"] for one in page["items"]] == ["assigned"]


async def test_a_department_given_dispatches_within_it(house: House) -> None:
    service = str(house.departments["service"]["public_id"])
    ticket = await house.open(department_id=service)
    assert (ticket["owner"]["name"], ticket["department"]["id"]) == ("agent", service)


async def test_the_tier_of_the_customer_chooses_the_calendar(house: House) -> None:
    async with house.database.transaction() as tx:
        customer = await make_customer(tx, name="贵宾", tier="A")
    ticket = await house.open(customer_id=str(customer["public_id"]), contact_id=None)
    page = await house.get(f"/{ticket['id']}/deadlines")
    assert {one["calendar"] for one in page["items"]} == {"24x7"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"customer_id": NOBODY, "contact_id": None}, {"/customer_id": "unknown_reference"}),
        ({"contact_id": NOBODY}, {"/contact_id": "unknown_reference"}),
        ({"type": "unheard_of"}, {"/type": "unknown_reference"}),
        ({"owner_id": NOBODY}, {"/owner_id": "unknown_reference"}),
        ({"department_id": NOBODY}, {"/department_id": "unknown_reference"}),
        ({"type": "Ünknown"}, {"/type": "code_invalid"}),
        ({"channel": "pigeon"}, {"/channel": "enum"}),
        ({"subject": "  "}, {"/subject": "string_too_short"}),
        ({"subject": "长" * 201}, {"/subject": "string_too_long"}),
        ({"description": " \n "}, {"/description": "string_too_short"}),
        ({"description": "a\x00b"}, {"/description": "not_text"}),
        ({"happened_at": "2026-03-02T08:40:00"}, {"/happened_at": "timezone_aware"}),
        ({"happened_at": "2026-03-02T09:06:00+08:00"}, {"/happened_at": "in_future"}),
        ({"wished_at": "0001-01-01T00:00:00+14:00"}, {"/wished_at": "instant_out_of_range"}),
        ({"tags": ["x"] * 31}, {"/tags": "too_long"}),
        ({"priority": None}, {"/priority": "enum"}),
        ({"for_myself": "yes"}, {"/for_myself": "bool_type"}),
        ({"status": "closed"}, {"/status": "extra_forbidden"}),
    ],
)
async def test_what_breaks_the_form_is_refused_at_its_place(
    house: House, given: dict[str, Any], wrong: dict[str, str]
) -> None:
    answer = await house.post("", house.opening(**given), "agent")
    assert errors_of(answer) == wrong
    assert await house.database.all(TICKETS) == []


async def test_what_is_missing_is_named(house: House) -> None:
    answer = await house.post("", {}, "agent")
    assert errors_of(answer) == {
        f"/{name}": "missing"
        for name in ("customer_id", "type", "channel", "subject", "description")
    }


async def test_a_clock_a_little_ahead_is_forgiven(house: House) -> None:
    ticket = await house.open(happened_at="2026-03-02T09:05:00+08:00")
    assert ticket["happened_at"] == "2026-03-02T01:05:00.000000Z"


async def test_another_customers_contact_is_refused(house: House) -> None:
    async with house.database.transaction() as tx:
        stranger = await make_contact(tx, await make_customer(tx, name="别家"), name="路人")
    answer = await house.post("", house.opening(contact_id=str(stranger["public_id"])), "agent")
    assert errors_of(answer) == {"/contact_id": "unknown_reference"}


async def test_whoever_left_or_handles_no_tickets_is_no_owner(house: House) -> None:
    answer = await house.post("", house.opening(owner_id=house.id_of("analyst")), "agent")
    assert errors_of(answer) == {"/owner_id": "cannot_own_tickets"}
    await house.change_user("zhang", is_active=False)
    answer = await house.post("", house.opening(owner_id=house.id_of("zhang")), "agent")
    assert errors_of(answer) == {"/owner_id": "user_inactive"}


async def test_for_oneself_and_for_another_contradict_each_other(house: House) -> None:
    body = house.opening(for_myself=True, owner_id=house.id_of("li"))
    assert errors_of(await house.post("", body, "agent")) == {"/owner_id": "owner_twice"}
    assert (await house.post("", body, "li")).status_code == 201


@pytest.mark.sop("TK-13")
async def test_a_retired_type_takes_no_new_tickets(house: House) -> None:
    async with house.database.transaction() as tx:
        row = await tx.one(rows.TYPE, code="technical")
        assert row is not None
        await writing.update(tx, TicketType, row, is_active=False)
    answer = await house.post("", house.opening(), "agent")
    assert errors_of(answer) == {"/type": "unknown_reference"}


async def test_a_type_that_nobody_handles_stays_where_it_came_in(house: House) -> None:
    async with house.database.transaction() as tx:
        await writing.insert(tx, TicketType, code="other", title={"zh": "其他", "en": "Other"})
    ticket = await house.open(type="other")
    assert (ticket["owner"], ticket["dispatched_at"]) == (None, None)
    assert ticket["department"]["name"] == "客户服务部"


async def test_an_opening_sent_twice_opens_one_ticket(house: House) -> None:
    body = house.opening()
    first = await house.post("", body, "agent", **{"Idempotency-Key": "call-1"})
    again = await house.post("", body, "agent", **{"Idempotency-Key": "call-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert len(await house.database.all(TICKETS)) == 1
    assert await house.loads() == {"li": 1}


async def test_nobody_opens_without_a_name_and_readers_do_not_open(
    house: House, client: httpx.AsyncClient
) -> None:
    assert (await client.post(BASE, json=house.opening())).status_code == 401
    for reader in ("analyst", "auditor"):
        answer = await house.post("", house.opening(), reader)
        assert code_of(answer) == (403, "not_permitted")
    assert await house.database.all(TICKETS) == []


async def test_an_opening_is_audited_and_published(house: House, database: Database) -> None:
    await house.open()
    assert ("ticket.create", "agent") in [
        (row["action"], row["actor_name"]) for row in await database.all(ENTRIES)
    ]
    assert await house.events() == ["ticket.opened"]


async def test_a_refused_opening_gives_no_load_away(house: House) -> None:
    await house.post("", house.opening(owner_id=NOBODY), "agent")
    assert await house.loads() == {}
