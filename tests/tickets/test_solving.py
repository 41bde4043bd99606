"""How a ticket ends and begins again: resolved, confirmed, reopened, closed, cancelled."""

from typing import Any

import pytest

from tests.tickets.conftest import NOBODY, House, code_of, errors_of
from tests.tickets.test_table import SOLUTION


async def resolved(house: House, **values: Any) -> dict[str, Any]:
    """Return a ticket that li has resolved."""
    ticket = await house.open(by="li", for_myself=True, **values)
    return await house.do(ticket, "resolve", "li", solution=SOLUTION)


def answer_of(house: House, **values: Any) -> dict[str, Any]:
    """Return a customer's answer by phone."""
    contact = str(house.contact["public_id"])
    return {"answer": "solved", "contact_id": contact, "channel": "phone", **values}


# --- resolving


@pytest.mark.sop("TK-5", "TK-11")
@pytest.mark.parametrize(
    ("at", "state"),
    [("12:59:59.999999", "met"), ("13:00", "met"), ("13:00:00.000001", "late")],
)
async def test_resolved_up_to_due_is_met_and_later_is_late(
    house: House, at: str, state: str
) -> None:
    ticket = await house.open()
    await house.at(at)
    ticket = await house.do(ticket, "resolve", "li", solution=SOLUTION)
    assert (await house.clocks(ticket))["resolve"] == state
    assert ticket["solution"] == SOLUTION


@pytest.mark.sop("TK-2")
async def test_resolving_answers_the_acceptance(house: House) -> None:
    ticket = await house.open()
    await house.at("09:20")
    ticket = await house.do(ticket, "resolve", "li", solution=SOLUTION)
    assert ticket["accepted_at"] == ticket["resolved_at"] == "2026-03-02T01:20:00.000000Z"
    assert (await house.clocks(ticket))["accept"] == "met"


@pytest.mark.sop("IN-2", "TK-11")
async def test_steps_that_say_nothing_solve_nothing(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    answer = await house.attempt(
        ticket, "resolve", "li", solution={"steps": "已处理", "result": "更换探头后恢复正常"}
    )
    assert code_of(answer) == (422, "note_vague")
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/solution/steps"}
    assert (await house.read(ticket))["status"] == "accepted"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"/solution": "missing"}),
        ({"solution": {"steps": "x"}}, {"/solution/result": "missing"}),
        ({"solution": "更换探头"}, {"/solution": "model_type"}),
    ],
)
async def test_a_solution_has_steps_and_a_result(
    house: House, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    answer = await house.post(f"/{ticket['id']}/resolve", body, "li")
    assert set(errors_of(answer)) == set(wrong)


async def test_resolving_while_waiting_ends_the_wait(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    question = "请把培养箱铭牌上的序列号和固件版本发给我,好吗?"
    await house.do(ticket, "wait", "li", question=question, reason="等序列号")
    ticket = await house.do(ticket, "resolve", "li", solution=SOLUTION)
    assert (ticket["status"], ticket["wait_reason"]) == ("resolved", None)


# --- confirming


@pytest.mark.sop("TK-7")
@pytest.mark.parametrize("rating", ["satisfied", "basically_satisfied", "dissatisfied", None])
async def test_the_customers_answer_is_kept_with_who_and_how(
    house: House, rating: str | None
) -> None:
    ticket = await resolved(house)
    given = answer_of(house, rating=rating, channel="wechat", feedback="当天就弄好了")
    ticket = await house.do(ticket, "confirm", "seller", **given)
    assert (ticket["status"], ticket["confirmation"], ticket["rating"]) == (
        "resolved", "solved", rating,
    )  # fmt: skip
    assert ticket["confirmed_contact_id"] == str(house.contact["public_id"])
    assert (ticket["confirmed_channel"], ticket["customer_feedback"]) == ("wechat", "当天就弄好了")
    assert (await house.clocks(ticket))["confirm"] == "met"


@pytest.mark.sop("TK-7")
async def test_partly_solved_goes_on(house: House) -> None:
    ticket = await resolved(house)
    ticket = await house.do(ticket, "confirm", "li", **answer_of(house, answer="partly"))
    assert (ticket["status"], ticket["confirmation"], ticket["resolved_at"]) == (
        "accepted", "partly", None,
    )  # fmt: skip
    states = await house.clocks(ticket)
    assert (states["resolve"], states["progress"], states["confirm"]) == (
        "running",
        "running",
        "met",
    )
    assert (await house.events())[-2:] == ["ticket.confirmed", "ticket.reopened"]
    assert await house.loads() == {"li": 1}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"answer": "none"}, {"/answer": "enum"}),
        ({"contact_id": NOBODY}, {"/contact_id": "unknown_reference"}),
        ({"contact_id": None}, {"/contact_id": "uuid_type"}),
        ({"channel": None}, {"/channel": "enum"}),
        ({"rating": "mostly_satisfied"}, {"/rating": "enum"}),
    ],
)
async def test_an_answer_that_nobody_gave_is_refused(
    house: House, given: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await resolved(house)
    answer = await house.attempt(ticket, "confirm", "li", **answer_of(house, **given))
    assert set(errors_of(answer)) == set(wrong)
    assert (await house.read(ticket))["confirmation"] is None


# --- closing


@pytest.mark.sop("TK-8", "TK-11")
async def test_what_is_confirmed_is_closed_with_its_root_cause(house: House) -> None:
    ticket = await resolved(house)
    await house.do(ticket, "confirm", "li", **answer_of(house))
    ticket = await house.do(
        ticket, "close", "li", root_cause="探头老化", improvement_suggestion="年检增加比对"
    )
    assert (ticket["status"], ticket["confirmation"]) == ("closed", "solved")
    assert (ticket["root_cause"], ticket["improvement_suggestion"]) == ("探头老化", "年检增加比对")
    assert ticket["closed_at"] == "2026-03-02T01:00:00.000000Z"


@pytest.mark.sop("TK-7", "TK-8")
async def test_what_nobody_confirmed_only_a_supervisor_closes(house: House) -> None:
    ticket = await resolved(house)
    answer = await house.attempt(ticket, "close", "li", root_cause="探头老化")
    assert code_of(answer) == (403, "confirmation_needed")
    ticket = await house.do(ticket, "close", "support_head", root_cause="探头老化")
    assert (ticket["status"], ticket["confirmation"]) == ("closed", "none")
    assert (await house.clocks(ticket))["confirm"] == "cancelled"


async def test_a_root_cause_is_needed(house: House) -> None:
    ticket = await resolved(house)
    answer = await house.attempt(ticket, "close", "support_head", improvement_suggestion="x")
    assert errors_of(answer) == {"/root_cause": "missing"}


# --- reopening


async def test_reopening_brings_back_work_and_clocks(house: House) -> None:
    ticket = await resolved(house)
    assert await house.loads() == {}
    await house.at("10:00")
    ticket = await house.do(ticket, "reopen", "li", reason="夜里又漂移")
    assert (ticket["status"], ticket["resolved_at"], ticket["close_due_at"]) == (
        "accepted",
        None,
        None,
    )
    page = await house.get(f"/{ticket['id']}/deadlines")
    assert [(one["cycle"], one["state"]) for one in page["items"] if one["clock"] == "resolve"] == [
        (1, "met"), (2, "running"),
    ]  # fmt: skip
    assert await house.loads() == {"li": 1}


@pytest.mark.parametrize(
    ("at", "status"), [("2026-03-09 09:00", 200), ("2026-03-09 09:00:00.000001", 409)]
)
async def test_a_closed_ticket_reopens_for_seven_days(house: House, at: str, status: int) -> None:
    ticket = await resolved(house)
    await house.do(ticket, "close", "support_head", root_cause="探头老化")
    await house.at(at)
    answer = await house.attempt(ticket, "reopen", "li", reason="又坏了")
    assert answer.status_code == status
    if status == 409:
        assert answer.json()["code"] == "reopen_window_over"
    else:
        assert answer.json()["confirmation"] is None


async def test_resolving_anew_forgets_the_answer_to_the_first_solution(house: House) -> None:
    ticket = await resolved(house)
    await house.do(
        ticket, "confirm", "li", **answer_of(house, answer="partly", rating="dissatisfied")
    )
    ticket = await house.do(ticket, "resolve", "li", solution=SOLUTION)
    assert [ticket[name] for name in ("confirmation", "rating", "confirmed_contact_id")] == [
        None
    ] * 3
    assert (await house.clocks(ticket))["confirm"] == "running"


# --- cancelling


async def test_cancelling_ends_every_clock_with_the_reason(house: House) -> None:
    ticket = await house.open()
    await house.at("10:00")  # the acceptance is missed
    ticket = await house.do(ticket, "cancel", "li", reason="客户撤回")
    assert (ticket["status"], ticket["closed_at"]) == ("cancelled", None)
    assert await house.clocks(ticket) == {"accept": "missed", "resolve": "cancelled"}
    history = await house.get(f"/{ticket['id']}/history")
    assert history["items"][-1]["data"] == {"reason": "客户撤回"}


async def test_a_reason_is_needed(house: House) -> None:
    ticket = await house.open()
    assert errors_of(await house.attempt(ticket, "cancel", "li", reason=" ")) == {
        "/reason": "string_too_short"
    }
