"""Changing what a ticket says of itself, and what it is after all."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.statements import Statement
from tests.tickets.conftest import BASE, NOBODY, House, code_of, errors_of

ENTRIES = Statement(
    select(AuditEntry.changes).where(AuditEntry.action == "ticket.update").order_by(AuditEntry.id)
)


async def patch(
    house: House, ticket: dict[str, Any], body: Any, by: str = "li", **headers: str
) -> httpx.Response:
    return await house.client.patch(
        f"{BASE}/{ticket['id']}", json=body, headers={**house.callers[by], **headers}
    )


async def test_what_is_given_changes_and_the_rest_stays(house: House) -> None:
    ticket = await house.open(by="li", wished_at="2026-03-03T12:00:00+08:00")
    answer = await patch(
        house, ticket, {"subject": "温度漂移 1.2 ℃", "wished_at": None, "contact_id": None}
    )
    changed = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert changed["subject"] == "温度漂移 1.2 ℃"
    assert (changed["wished_at"], changed["contact_id"]) == (None, None)
    different = {name for name in changed if changed[name] != ticket[name]}
    assert different == {"subject", "wished_at", "contact_id", "version"}
    assert await house.facts(ticket) == ["opened"]
    entries = await house.database.all(ENTRIES)
    assert entries[-1]["changes"]["subject"] == [ticket["subject"], "温度漂移 1.2 ℃"]


async def test_nothing_different_changes_nothing(house: House) -> None:
    ticket = await house.open(by="li")
    for body in ({}, {"subject": ticket["subject"], "tags": []}):
        assert (await patch(house, ticket, body)).json() == ticket
    assert await house.database.all(ENTRIES) == []


async def test_priority_and_tags_are_facts_wherever_they_change(house: House) -> None:
    ticket = await house.open(by="li")
    await patch(house, ticket, {"priority": "urgent", "tags": ["停产"], "subject": "停产了"})
    history = await house.get(f"/{ticket['id']}/history")
    assert [(one["kind"], one["data"]) for one in history["items"][1:]] == [
        ("reclassified", {"priority": "urgent", "tags": ["停产"]})
    ]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"subject": None}, {"/subject"}),
        ({"tags": None}, {"/tags"}),
        ({"priority": "P1"}, {"/priority"}),
        ({"contact_id": NOBODY}, {"/contact_id"}),
        ({"happened_at": "2026-03-02T10:00:00+08:00"}, {"/happened_at"}),
        ({"status": "closed"}, {"/status"}),
        ({"owner_id": NOBODY}, {"/owner_id"}),
    ],
)
async def test_what_breaks_the_form_is_refused(house: House, body: Any, wrong: set[str]) -> None:
    ticket = await house.open(by="li")
    assert set(errors_of(await patch(house, ticket, body))) == wrong
    assert await house.read(ticket) == ticket


async def test_an_ended_ticket_stays_as_it_is(house: House) -> None:
    ticket = await house.open(by="li")
    await house.do(ticket, "cancel", "li", reason="客户撤回")
    assert code_of(await patch(house, ticket, {"subject": "x"})) == (409, "ticket_ended")


async def test_whoever_may_write_may_change(house: House, client: httpx.AsyncClient) -> None:
    ticket = await house.open(by="li")
    assert (await client.patch(f"{BASE}/{ticket['id']}", json={})).status_code == 401
    for stranger in ("analyst", "auditor", "agent", "sales_head"):
        assert (await patch(house, ticket, {"subject": "x"}, stranger)).status_code == 403
    missing = await client.patch(f"{BASE}/{NOBODY}", json={}, headers=house.callers["boss"])
    assert missing.status_code == 404
    stale = await patch(house, ticket, {"subject": "x"}, **{"If-Match": '"3"'})
    assert code_of(stale) == (412, "stale_version")
    assert (await patch(house, ticket, {"subject": "x"}, **{"If-Match": '"1"'})).status_code == 200


# --- reclassifying


@pytest.mark.sop("TK-5")
async def test_a_harder_matter_has_longer_and_the_first_row_is_superseded(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.at("10:00")
    ticket = await house.do(ticket, "reclassify", "li", complexity="complex")
    page = await house.get(f"/{ticket['id']}/deadlines")
    rows = [one for one in page["items"] if one["clock"] == "resolve"]
    assert [(one["revision"], one["state"]) for one in rows] == [(1, "superseded"), (2, "running")]
    assert rows[1]["due_at"] == "2026-03-03T01:00:00.000000Z"


async def test_the_owner_stays_though_the_type_is_anothers(house: House) -> None:
    ticket = await house.open()
    ticket = await house.do(ticket, "reclassify", "li", type="consult")
    assert (ticket["type"], ticket["owner"]["name"], ticket["department"]["name"]) == (
        "consult", "li", "技术支持部",
    )  # fmt: skip
    assert await house.facts(ticket) == ["opened", "reclassified"]


@pytest.mark.sop("TK-3")
async def test_who_asks_for_it_has_it_dispatched_anew(house: House) -> None:
    ticket = await house.open()
    ticket = await house.do(ticket, "reclassify", "li", type="consult", redispatch=True)
    assert (ticket["owner"]["name"], ticket["department"]["name"]) == ("seller", "销售部")
    assert await house.loads() == {"seller": 1}
    assert await house.facts(ticket) == ["opened", "reclassified", "assigned"]


async def test_dispatching_anew_to_the_same_owner_counts_once(house: House) -> None:
    for name in ("zhang", "wu"):
        await house.open(owner_id=house.id_of(name))
        await house.open(owner_id=house.id_of(name))
    ticket = await house.open()
    ticket = await house.do(ticket, "reclassify", "li", priority="high", redispatch=True)
    assert ticket["owner"]["name"] == "li"
    assert await house.loads() == {"li": 1, "zhang": 2, "wu": 2}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"redispatch": True}, {"/type": "missing"}),
        ({"type": "unheard_of"}, {"/type": "unknown_reference"}),
        ({"complexity": "hard"}, {"/complexity": "enum"}),
        ({"type": None}, {"/type": "string_type"}),
    ],
)
async def test_a_class_that_does_not_exist_is_refused(
    house: House, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await house.open()
    assert errors_of(await house.attempt(ticket, "reclassify", "li", **body)) == wrong
