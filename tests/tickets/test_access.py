"""Who may see and move a ticket: 401, 403 where it is visible, 404 where it is not, 412 where it has moved on."""

from types import MappingProxyType
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.auth.permissions import Permission, RowScope
from app.customers.models import Customer
from app.database import Database
from app.errors import NotFound
from app.reading import PageRequest, page
from app.statements import Statement
from app.tickets import assigning, queries
from tests.factories import make_team_member
from tests.tickets.conftest import BASE, NOBODY, House, code_of

MOVES: dict[str, dict[str, Any]] = {
    "accept": {},
    "assign": {"owner_id": NOBODY},
    "take-back": {},
    "messages": {"body": "x"},
    "no-reply-needed": {"reason": "x"},
    "agree": {"due_at": "2026-03-02T12:00:00+08:00"},
    "task-force": {"members": [{"user_id": NOBODY}]},
    "plan": {"plan": "x"},
    "wait": {"question": "x", "reason": "x"},
    "resume": {},
    "resolve": {"solution": {"steps": "x", "result": "x"}},
    "confirm": {"answer": "solved", "contact_id": NOBODY, "channel": "phone"},
    "reopen": {"reason": "x"},
    "reclassify": {"priority": "high"},
    "split": {"subject": "x", "description": "x"},
    "close": {"root_cause": "x"},
    "cancel": {"reason": "x"},
}
READS = ("", "/messages", "/history", "/deadlines", "/dispatch")


@pytest.mark.parametrize("move", MOVES)
async def test_a_move_needs_a_name_a_ticket_and_a_hand_in_it(
    house: House, client: httpx.AsyncClient, move: str
) -> None:
    ticket = await house.open(by="li")
    address, body = f"{BASE}/{ticket['id']}/{move}", MOVES[move] or None
    assert (await client.post(address, json=body)).status_code == 401
    for reader in ("analyst", "auditor"):
        assert code_of(await house.attempt(ticket, move, reader, **MOVES[move]))[0] == 403
    assert code_of(await house.attempt(ticket, move, "agent", **MOVES[move])) == (
        403, "not_permitted",
    )  # fmt: skip
    assert code_of(await house.attempt(NOBODY, move, "boss", **MOVES[move])) == (404, "not_found")
    stale = await house.post(f"/{ticket['id']}/{move}", body, "support_head", **{"If-Match": '"7"'})
    assert code_of(stale) == (412, "stale_version")
    assert await house.read(ticket) == ticket


async def test_approving_needs_the_right_to_approve(
    house: House, client: httpx.AsyncClient
) -> None:
    ticket = await house.open(by="li")
    address = f"{BASE}/{ticket['id']}/approve-agreement"
    assert (await client.post(address)).status_code == 401
    assert code_of(await house.attempt(ticket, "approve-agreement", "li"))[0] == 403
    assert code_of(await house.attempt(ticket, "approve-agreement", "service_head"))[0] == 403
    assert code_of(await house.attempt(NOBODY, "approve-agreement", "boss"))[0] == 404


async def test_merging_needs_a_hand_in_both(house: House) -> None:
    ours = await house.open(by="li")
    theirs = await house.open(by="agent", type="after_sales", owner_id=house.id_of("agent"))
    body = {"into_id": theirs["id"]}
    assert code_of(await house.attempt(ours, "merge", "li", **body)) == (403, "not_permitted")
    assert code_of(await house.attempt(ours, "merge", "agent", **body)) == (403, "not_permitted")
    assert code_of(await house.attempt(NOBODY, "merge", "boss", **body)) == (404, "not_found")
    await house.do(ours, "merge", "boss", **body)


@pytest.mark.parametrize("read", READS)
async def test_every_reader_of_tickets_reads_every_ticket(
    house: House, client: httpx.AsyncClient, read: str
) -> None:
    ticket = await house.open(by="li")
    address = f"{BASE}/{ticket['id']}{read}"
    assert (await client.get(address)).status_code == 401
    assert (await client.get(address, headers=house.callers["auditor"])).status_code == 403
    for reader in ("agent", "analyst", "seller"):
        assert (await client.get(address, headers=house.callers[reader])).status_code == 200
    missing = await client.get(f"{BASE}/{NOBODY}{read}", headers=house.callers["boss"])
    assert code_of(missing) == (404, "not_found")
    crooked = await client.get(f"{BASE}/1{read}", headers=house.callers["boss"])
    assert crooked.status_code == 422


async def test_owner_creator_and_the_departments_above_write(house: House) -> None:
    ticket = await house.open(by="agent")
    for number, writer in enumerate(("li", "agent", "zhang", "support_head", "boss", "admin")):
        await house.do(ticket, "messages", writer, body=f"第 {number} 条内部说明", public=False)
    # The customer is the seller's: he has a hand in its tickets, and so has nobody else of sales.
    await house.do(ticket, "messages", "seller", body="客户催了", public=False)
    for stranger in ("sales_head", "service_head", "wu"):
        answer = await house.attempt(ticket, "messages", stranger, body="x", public=False)
        assert answer.status_code == 403, stranger


async def test_the_account_manager_and_the_account_team_write(house: House) -> None:
    ticket = await house.open(by="li")
    assert (
        await house.attempt(ticket, "messages", "agent", body="x", public=False)
    ).status_code == 403
    async with house.database.transaction() as tx:
        await make_team_member(tx, house.customer, house.people["agent"])
    await house.do(ticket, "messages", "agent", body="x", public=False)
    async with house.database.transaction() as tx:
        row = await tx.one(Statement(select(*Customer.__table__.columns)))
        assert row is not None
        await writing.update(tx, Customer, row, account_manager_id=house.people["sales_head"]["id"])
    await house.do(ticket, "messages", "sales_head", body="x", public=False)


async def test_a_member_of_the_task_force_writes(house: House) -> None:
    ticket = await house.open(by="li")
    members = [{"user_id": house.id_of("wu"), "duty": "现场"}]
    await house.do(ticket, "task-force", "li", members=members)
    await house.do(ticket, "messages", "wu", body="到场", public=False)


async def test_a_version_that_fits_lets_the_move_pass(house: House) -> None:
    ticket = await house.open()
    answer = await house.post(f"/{ticket['id']}/accept", None, "li", **{"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    answer = await house.post(
        f"/{ticket['id']}/cancel", {"reason": "x"}, "li", **{"If-Match": '"1"'}
    )
    assert code_of(answer) == (412, "stale_version")


async def test_a_move_sent_twice_is_made_once(house: House) -> None:
    ticket = await house.open()
    key = {"Idempotency-Key": "accept-1"}
    first = await house.post(f"/{ticket['id']}/accept", None, "li", **key)
    again = await house.post(f"/{ticket['id']}/accept", None, "li", **key)
    assert (first.status_code, again.content) == (200, first.content)
    assert await house.facts(ticket) == ["opened", "accepted"]


# --- a narrower scope than any role has today


def narrow(scope: RowScope) -> Any:
    return MappingProxyType({Permission.TICKETS_READ: scope, Permission.TICKETS_WRITE: scope})


async def seen(house: House, name: str, scope: RowScope) -> set[str]:
    principal = house.principal(name, grants=narrow(scope))
    values = queries.visible_to(principal)
    body = await page(
        house.database, queries.LISTING, PageRequest(sort="number"), secret=b"x" * 32,
        filters={"in_scope": True}, values=values,
    )  # fmt: skip
    listed = {number for number in ("T000001", "T000002") if number in body.decode()}
    for public_id, number in house.tickets.items():
        row = await house.database.one(queries.ONE, public_id=public_id, **values)
        assert (row is not None) == (number in listed)
    return listed


@pytest.mark.parametrize(
    ("name", "scope", "expected"),
    [
        ("li", RowScope.OWN, {"T000001"}),
        ("zhang", RowScope.OWN, {"T000002"}),
        ("agent", RowScope.OWN, {"T000001"}),
        ("seller", RowScope.OWN, {"T000001", "T000002"}),
        ("wu", RowScope.OWN, {"T000002"}),
        ("zhang", RowScope.DEPARTMENT, {"T000001", "T000002"}),
        ("sales_head", RowScope.DEPARTMENT, set()),
        ("analyst", RowScope.ALL, {"T000001", "T000002"}),
    ],
)
async def test_the_scope_stands_in_the_question(
    house: House, database: Database, name: str, scope: RowScope, expected: set[str]
) -> None:
    first = await house.open(by="agent")
    second = await house.open(by="zhang")
    await house.do(second, "task-force", "zhang", members=[{"user_id": house.id_of("wu")}])
    house.tickets = {first["id"]: "T000001", second["id"]: "T000002"}
    if scope is not RowScope.ALL:
        assert await seen(house, name, scope) == expected
    principal = house.principal(name, grants=narrow(scope))
    for public_id, number in house.tickets.items():
        row = await database.one(
            queries.VISIBLE_KEY, public_id=public_id, **queries.visible_to(principal)
        )
        assert (row is not None) == (number in expected)


async def test_what_cannot_be_seen_is_not_found_rather_than_forbidden(house: House) -> None:
    ticket = await house.open(by="agent")
    principal = house.principal("sales_head", grants=narrow(RowScope.OWN))
    with pytest.raises(NotFound):
        async with house.database.transaction() as tx:
            await assigning.accept(tx, principal, ticket["id"])
