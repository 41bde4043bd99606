"""Merging and splitting: one matter in two tickets, two matters in one."""

from typing import Any

import pytest

from tests.factories import make_customer
from tests.tickets.conftest import NOBODY, House, code_of, errors_of
from tests.tickets.test_table import SOLUTION


async def test_the_merged_ticket_ends_and_the_other_keeps_its_clocks(house: House) -> None:
    loser, survivor = await house.open(by="li"), await house.open(by="li")
    before = await house.get(f"/{survivor['id']}/deadlines")
    await house.at("09:45")  # both acceptances are missed
    loser = await house.do(
        loser, "merge", "support_head", into_id=survivor["id"], reason="重复报修"
    )
    assert (loser["status"], loser["merged_into_id"]) == ("merged", survivor["id"])
    assert await house.clocks(loser) == {"accept": "missed", "resolve": "cancelled"}
    after = await house.get(f"/{survivor['id']}/deadlines")
    assert [one["due_at"] for one in after["items"]] == [one["due_at"] for one in before["items"]]
    assert await house.loads() == {"zhang": 1}
    history = await house.get(f"/{loser['id']}/history")
    assert history["items"][-1]["data"] == {"into": survivor["id"], "reason": "重复报修"}


@pytest.mark.parametrize("newer_into_older", [True, False])
async def test_the_order_of_opening_plays_no_part(house: House, newer_into_older: bool) -> None:
    first, second = await house.open(by="li"), await house.open(by="li")
    loser, survivor = (second, first) if newer_into_older else (first, second)
    loser = await house.do(loser, "merge", "support_head", into_id=survivor["id"])
    assert loser["merged_into_id"] == survivor["id"]


async def test_a_ticket_merges_only_into_another_open_one_of_its_customer(house: House) -> None:
    async with house.database.transaction() as tx:
        other = await make_customer(tx, name="别家")
    ticket = await house.open(by="li", for_myself=True)
    foreign = await house.open(customer_id=str(other["public_id"]), contact_id=None)
    for into, code in (
        (NOBODY, "unknown_reference"),
        (ticket["id"], "same_ticket"),
        (foreign["id"], "another_customer"),
    ):
        answer = await house.attempt(ticket, "merge", "support_head", into_id=into)
        assert errors_of(answer) == {"/into_id": code}
    done = await house.open(by="li", for_myself=True)
    done = await house.do(done, "resolve", "li", solution=SOLUTION)
    answer = await house.attempt(ticket, "merge", "support_head", into_id=done["id"])
    assert code_of(answer) == (409, "survivor_not_open")


@pytest.mark.parametrize(
    ("given", "kind", "owner"),
    [({}, "technical", "zhang"), ({"type": "consult"}, "consult", "seller")],
)
async def test_a_part_becomes_a_ticket_that_starts_at_the_split(
    house: House, given: dict[str, Any], kind: str, owner: str
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    before = await house.read(ticket)
    await house.at("11:00")
    part = await house.do(
        ticket, "split", "li", subject="保养合同", description="客户顺带问起全年保养价格", **given
    )
    assert (part["split_from_id"], part["status"], part["type"]) == (ticket["id"], "new", kind)
    assert (part["owner"]["name"], part["customer"]) == (owner, ticket["customer"])
    assert (part["contact_id"], part["channel"]) == (ticket["contact_id"], "phone")
    page = await house.get(f"/{part['id']}/deadlines")
    assert {one["started_at"] for one in page["items"]} == {"2026-03-02T03:00:00.000000Z"}
    assert await house.read(ticket) == before
    assert (await house.events())[-2:] == ["ticket.opened", "ticket.split"]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"type": "unheard_of"}, {"/type": "unknown_reference"}),
        ({"owner_id": NOBODY}, {"/owner_id": "unknown_reference"}),
        ({"subject": ""}, {"/subject": "string_too_short"}),
    ],
)
async def test_a_split_is_an_opening_and_refuses_what_one_refuses(
    house: House, given: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    body = {"subject": "x", "description": "x", **given}
    assert errors_of(await house.attempt(ticket, "split", "li", **body)) == wrong
