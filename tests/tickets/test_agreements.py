"""The instant that staff agree to with the customer: at once, or with his wish and a supervisor's word."""

from typing import Any

import pytest

from app.tickets import agreements
from app.tickets.move_schemas import Agree
from tests.tickets.conftest import House, code_of, errors_of, local

pytestmark = pytest.mark.sop("TK-1")
RESOLVE_DUE = "2026-03-02T13:00:00+08:00"
LATER = "2026-03-04T10:00:00+08:00"


async def states(house: House, ticket: dict[str, Any]) -> list[tuple[str, str]]:
    page = await house.get(f"/{ticket['id']}/deadlines")
    return [
        (one["clock"], one["state"])
        for one in page["items"]
        if one["clock"] in ("resolve", "agreed")
    ]


@pytest.mark.parametrize("due_at", ["2026-03-02T12:00:00+08:00", RESOLVE_DUE])
async def test_an_instant_within_the_promise_runs_beside_it(house: House, due_at: str) -> None:
    ticket = await house.open()
    ticket = await house.do(ticket, "agree", "li", due_at=due_at)
    assert ticket["agreement_pending"] is False
    assert await states(house, ticket) == [("resolve", "running"), ("agreed", "running")]
    assert (await house.events())[-1] == "ticket.agreed"


@pytest.mark.parametrize(
    "due_at", ["2026-03-02T09:00:00+08:00", "2026-03-02T08:59:59.999999+08:00"]
)
async def test_an_instant_that_is_not_ahead_is_no_promise(house: House, due_at: str) -> None:
    ticket = await house.open()
    answer = await house.attempt(ticket, "agree", "li", due_at=due_at)
    assert errors_of(answer) == {"/due_at": "not_in_future"}


async def test_a_microsecond_ahead_is_a_promise(house: House) -> None:
    ticket = await house.open()
    await house.do(ticket, "agree", "li", due_at="2026-03-02T09:00:00.000001+08:00")


async def test_a_later_instant_needs_the_customers_wish(house: House) -> None:
    ticket = await house.open()
    just_after = "2026-03-02T13:00:00.000001+08:00"
    answer = await house.attempt(ticket, "agree", "li", due_at=just_after)
    assert errors_of(answer) == {"/due_at": "wish_not_recorded"}
    await house.client.patch(
        f"/api/v1/tickets/{ticket['id']}", json={"wished_at": LATER}, headers=house.callers["li"]
    )
    answer = await house.attempt(ticket, "agree", "li", due_at="2026-03-04T10:00:00.000001+08:00")
    assert errors_of(answer) == {"/due_at": "wish_not_recorded"}
    ticket = await house.do(ticket, "agree", "li", due_at=LATER)
    assert ticket["agreement_pending"] is True


async def test_a_later_instant_counts_once_a_supervisor_approves(house: House) -> None:
    ticket = await house.open()
    ticket = await house.do(ticket, "agree", "li", due_at=LATER, wish_recorded=True)
    assert (ticket["agreement_pending"], ticket["wished_at"]) == (True, ticket["agreed_at"])
    assert await states(house, ticket) == [("resolve", "running")]
    assert (await house.events())[-1] == "ticket.agreement_requested"
    for name in ("li", "zhang"):
        assert code_of(await house.attempt(ticket, "approve-agreement", name))[0] == 403
    ticket = await house.do(ticket, "approve-agreement", "support_head")
    assert ticket["agreement_pending"] is False
    assert await states(house, ticket) == [("resolve", "superseded"), ("agreed", "running")]
    page = await house.get(f"/{ticket['id']}/deadlines")
    assert {one["due_at"] for one in page["items"] if one["clock"] == "agreed"} == {
        "2026-03-04T02:00:00.000000Z"
    }


async def test_an_owner_does_not_approve_his_own_postponement(house: House) -> None:
    ticket = await house.open(type="complaint", by="service_head")
    await house.do(ticket, "agree", "service_head", due_at=LATER, wish_recorded=True)
    answer = await house.attempt(ticket, "approve-agreement", "service_head")
    assert code_of(answer) == (403, "own_agreement")
    await house.do(ticket, "approve-agreement", "boss")


async def test_there_must_be_something_to_approve(house: House) -> None:
    ticket = await house.open()
    answer = await house.attempt(ticket, "approve-agreement", "support_head")
    assert code_of(answer) == (409, "agreement_absent")
    await house.do(ticket, "agree", "li", due_at=RESOLVE_DUE)
    answer = await house.attempt(ticket, "approve-agreement", "support_head")
    assert code_of(answer) == (409, "agreement_absent")


@pytest.mark.parametrize(
    ("at", "status"), [("2026-03-04 09:59:59.999999", 200), ("2026-03-04 10:00", 409)]
)
async def test_an_agreement_that_has_passed_lapses(house: House, at: str, status: int) -> None:
    ticket = await house.open()
    await house.do(ticket, "agree", "li", due_at=LATER, wish_recorded=True)
    await house.at(at)
    answer = await house.attempt(ticket, "approve-agreement", "support_head")
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "agreement_lapsed"


async def test_a_new_agreement_takes_the_place_of_one_that_waits(house: House) -> None:
    ticket = await house.open()
    await house.do(ticket, "agree", "li", due_at=LATER, wish_recorded=True)
    ticket = await house.do(ticket, "agree", "li", due_at="2026-03-02T12:00:00+08:00")
    assert ticket["agreement_pending"] is False
    assert code_of(await house.attempt(ticket, "approve-agreement", "support_head")) == (
        409, "agreement_absent",
    )  # fmt: skip


async def test_a_replay_takes_an_instant_of_its_log_as_it_is(house: House) -> None:
    ticket = await house.open()
    promise = Agree(due_at=local("2026-03-02 09:00"))
    async with house.database.transaction() as tx:
        await agreements.agree(tx, house.principal("li"), ticket["id"], promise, replay=True)
    assert await states(house, ticket) == [("resolve", "running"), ("agreed", "running")]
    await house.at("09:00:00.000001")
    assert ("agreed", "missed") in await states(house, ticket)
