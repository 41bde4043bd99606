"""What is said on a ticket: vague notes refused, waits ended, replies owed, closed tickets reopened or followed."""

from typing import Any

import pytest

from app.errors import Invalid
from app.tickets import messages
from app.tickets.move_schemas import MessageCreate, MessagePosted, MessageRead
from tests.tickets.conftest import CONCRETE, NOBODY, House, code_of, conform, errors_of
from tests.tickets.test_table import QUESTION, SOLUTION

CLOSED_AT = "2026-03-02 10:00"


async def close(house: House) -> dict[str, Any]:
    """Return a ticket closed on Monday at ten."""
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "resolve", "li", solution=SOLUTION)
    await house.do(
        ticket, "confirm", "li", answer="solved", contact_id=str(house.contact["public_id"]),
        channel="phone", rating="satisfied",
    )  # fmt: skip
    await house.at(CLOSED_AT)
    return await house.do(ticket, "close", "li", root_cause="探头老化")


async def hear(house: House, ticket: dict[str, Any], body: str, **more: Any) -> dict[str, Any]:
    """Return the answer to logging what the customer said."""
    return await house.do(ticket, "messages", "li", body=body, author="customer", **more)


# --- staff


async def test_a_message_is_kept_with_what_the_judges_said(house: House) -> None:
    ticket = await house.open(by="li")
    contact = str(house.contact["public_id"])
    said = await house.do(
        ticket, "messages", "li", body=CONCRETE, progress=40, channel="wechat", contact_id=contact
    )
    conform(MessagePosted, said)
    assert said["judged"] == {
        "vague": False, "vague_reasons": [], "courtesy": False, "question": False, "automatic": False,
    }  # fmt: skip
    page = await house.get(f"/{ticket['id']}/messages")
    conform(MessageRead, page["items"][0])
    told = {k: v for k, v in said.items() if k not in ("ticket_status", "opened_ticket_id")}
    assert page["items"] == [told]
    assert (said["user_name"], said["contact_id"], said["opened_ticket_id"]) == (
        "li",
        contact,
        None,
    )
    ticket = await house.read(ticket)
    assert (ticket["progress"], ticket["version"]) == (40, 2)


@pytest.mark.sop("IN-2", "TK-6")
@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        ("已处理", {"vague_too_short", "vague_boilerplate"}),
        ("您好,正常跟进中,请耐心等待。", {"vague_boilerplate"}),
        ("called", {"vague_too_short", "vague_boilerplate"}),
    ],
)
async def test_a_vague_word_to_the_customer_is_refused_with_its_reasons(
    house: House, body: str, reasons: set[str]
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    answer = await house.attempt(ticket, "messages", "li", body=body)
    problem = answer.json()
    assert code_of(answer) == (422, "note_vague")
    assert {(one["pointer"], one["code"]) for one in problem["errors"]} >= {
        ("/body", "vague_boilerplate")
    }
    assert {one["code"] for one in problem["errors"]} <= reasons
    assert await house.facts(ticket) == ["opened"]


@pytest.mark.sop("IN-2")
async def test_among_ourselves_and_from_machines_a_word_may_be_short(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.at("10:00")
    await house.do(ticket, "messages", "li", body="已处理", public=False)
    await house.do(ticket, "messages", "li", body="已收到", automatic=True)
    page = await house.get(f"/{ticket['id']}/deadlines")
    progress = [one for one in page["items"] if one["clock"] == "progress"]
    assert [(one["cycle"], one["state"]) for one in progress] == [(1, "running")]


@pytest.mark.sop("TK-6")
async def test_a_public_word_answers_progress_and_opens_the_next(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.at("13:00")  # exactly due
    await house.do(ticket, "messages", "li", body=CONCRETE)
    page = await house.get(f"/{ticket['id']}/deadlines")
    progress = [one for one in page["items"] if one["clock"] == "progress"]
    assert [(one["cycle"], one["state"]) for one in progress] == [(1, "met"), (2, "running")]


async def test_a_vague_word_can_be_recorded_as_what_it_is(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    principal = house.principal("li")
    async with house.database.transaction() as tx:
        posted = await messages.post(
            tx, principal, ticket["id"], MessageCreate(body="已处理"), refuse_vague=False
        )
    assert posted.message["judged"]["vague"] is True
    with pytest.raises(Invalid):
        async with house.database.transaction() as tx:
            await messages.post(tx, principal, ticket["id"], MessageCreate(body="已处理"))
    assert [
        one["judged"]["vague"] for one in (await house.get(f"/{ticket['id']}/messages"))["items"]
    ] == [True]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"body": ""}, {"/body": "string_too_short"}),
        ({"body": CONCRETE, "progress": 101}, {"/progress": "less_than_equal"}),
        ({"body": CONCRETE, "progress": -1}, {"/progress": "greater_than_equal"}),
        ({"body": CONCRETE, "progress": 40.5}, {"/progress": "int_type"}),
        ({"body": CONCRETE, "contact_id": NOBODY}, {"/contact_id": "unknown_reference"}),
        ({"body": "x", "author": "customer", "public": False}, {"/public": "public_only"}),
        ({"body": "x", "author": "customer", "progress": 3}, {"/progress": "staff_only"}),
        ({"body": "x", "author": "system"}, {"/author": "enum"}),
        ({"body": CONCRETE, "sent_at": "2026-03-01T00:00:00Z"}, {"/sent_at": "extra_forbidden"}),
    ],
)
async def test_a_message_that_breaks_the_form_is_refused(
    house: House, body: dict[str, Any], wrong: dict[str, str]
) -> None:
    ticket = await house.open(by="li")
    assert errors_of(await house.attempt(ticket, "messages", "li", **body)) == wrong


async def test_progress_may_be_nothing_and_everything(house: House) -> None:
    ticket = await house.open(by="li")
    for progress in (0, 100):
        await house.do(ticket, "messages", "li", body=CONCRETE, progress=progress)
        assert (await house.read(ticket))["progress"] == progress


# --- the customer


@pytest.mark.sop("TK-6b")
async def test_a_question_wants_a_reply_and_a_courtesy_does_not(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    said = await hear(house, ticket, "好的,谢谢!")
    assert said["judged"]["courtesy"] is True
    assert "next_reply" not in await house.clocks(ticket)
    await hear(house, ticket, "好的,谢谢,那几点到?")
    assert (await house.clocks(ticket))["next_reply"] == "running"
    await house.do(ticket, "no-reply-needed", "li", reason="电话里已经说了下午三点")
    assert (await house.clocks(ticket))["next_reply"] == "met"


@pytest.mark.parametrize("word", ["序列号是 BI250-0318", "好的,谢谢"])
async def test_any_word_of_the_customer_ends_the_wait(house: House, word: str) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "wait", "li", question=QUESTION, reason="等序列号")
    await house.at("10:00")
    said = await hear(house, ticket, word)
    assert said["ticket_status"] == "accepted"
    assert (await house.read(ticket))["wait_reason"] is None
    assert (await house.clocks(ticket))["resolve"] == "running"


async def test_the_answer_of_a_machine_ends_no_wait(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.do(ticket, "wait", "li", question=QUESTION, reason="等序列号")
    said = await hear(house, ticket, "我正在休假,周五回来。", automatic=True)
    assert said["ticket_status"] == "waiting_customer"
    assert (await house.read(ticket))["wait_reason"] == "等序列号"
    assert (await house.clocks(ticket))["resolve"] == "paused"


@pytest.mark.parametrize(
    ("at", "reopens"),
    [
        ("2026-03-09 09:59:59.999999", True),
        ("2026-03-09 10:00", True),
        ("2026-03-09 10:00:00.000001", False),
    ],
)
async def test_a_closed_ticket_reopens_within_seven_days_and_later_is_followed(
    house: House, at: str, reopens: bool
) -> None:
    ticket = await close(house)
    await house.at(at)
    said = await hear(house, ticket, "又开始漂移了,还是同样的报警。", channel="wechat")
    after = await house.read(ticket)
    if reopens:
        assert (said["ticket_status"], said["opened_ticket_id"]) == ("accepted", None)
        assert (after["closed_at"], after["confirmation"], after["rating"]) == (None, None, None)
        assert (await house.events())[-2:] == ["ticket.message_posted", "ticket.reopened"]
        assert (await house.clocks(ticket))["next_reply"] == "running"
        return
    assert (said["ticket_status"], after["status"]) == ("closed", "closed")
    new = await house.get(f"/{said['opened_ticket_id']}")
    assert (new["follows_id"], new["number"], new["status"]) == (ticket["id"], "T000002", "new")
    assert (new["description"], new["channel"]) == ("又开始漂移了,还是同样的报警。", "wechat")
    assert new["customer"] == ticket["customer"]
    assert new["contact_id"] == ticket["contact_id"]
    assert await house.clocks(new) == {"accept": "running", "resolve": "running"}


@pytest.mark.parametrize(
    "more", [{"body": "谢谢!"}, {"body": "自动回复:我在休假", "automatic": True}]
)
async def test_thanks_and_machines_reopen_nothing(house: House, more: dict[str, Any]) -> None:
    ticket = await close(house)
    said = await house.do(ticket, "messages", "li", author="customer", **more)
    assert (said["ticket_status"], said["opened_ticket_id"]) == ("closed", None)
    await house.at("2026-03-20 10:00")
    said = await house.do(ticket, "messages", "li", author="customer", **more)
    assert (said["ticket_status"], said["opened_ticket_id"]) == ("closed", None)


async def test_who_writes_on_a_cancelled_ticket_is_heard_on_a_new_one(house: House) -> None:
    ticket = await house.open(by="li")
    await house.do(ticket, "cancel", "li", reason="客户撤回")
    said = await hear(house, ticket, "其实还是需要上门看一下")
    assert said["ticket_status"] == "cancelled"
    new = await house.get(f"/{said['opened_ticket_id']}")
    assert (new["follows_id"], new["subject"]) == (ticket["id"], ticket["subject"])


# --- waiting


@pytest.mark.sop("TK-6")
async def test_a_wait_asks_in_public_and_answers_progress(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    ticket = await house.do(
        ticket, "wait", "li", question=QUESTION, reason="等序列号", channel="wechat"
    )
    page = await house.get(f"/{ticket['id']}/messages")
    assert [(one["body"], one["public"], one["judged"]["question"]) for one in page["items"]] == [
        (QUESTION, True, True)
    ]
    states = [
        (one["clock"], one["cycle"], one["state"])
        for one in (await house.get(f"/{ticket['id']}/deadlines"))["items"]
    ]
    assert ("progress", 1, "met") in states
    assert ("progress", 2, "paused") in states
    await house.at("11:00")
    ticket = await house.do(ticket, "resume", "li")
    assert (ticket["status"], ticket["wait_reason"]) == ("accepted", None)
    assert (await house.clocks(ticket))["resolve"] == "running"


@pytest.mark.sop("IN-2")
async def test_a_vague_question_stops_no_clock(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    answer = await house.attempt(ticket, "wait", "li", question="请确认一下", reason="等客户")
    assert code_of(answer) == (422, "note_vague")
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/question"}
    assert (await house.read(ticket))["status"] == "accepted"
    assert (await house.clocks(ticket))["resolve"] == "running"


async def test_once_the_time_for_waiting_is_used_up_a_supervisor_grants_more(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    wait = {"question": QUESTION, "reason": "等客户"}
    await house.do(ticket, "wait", "li", **wait)
    await house.at("2026-03-05 18:00")  # the limit: three working days after
    await house.do(ticket, "resume", "li")
    await house.do(ticket, "wait", "li", **wait)  # 36 of 45 hours used
    await house.at("2026-03-06 18:00")  # 45 of 45
    await house.do(ticket, "resume", "li")
    answer = await house.attempt(ticket, "wait", "li", **wait)
    assert code_of(answer) == (403, "pause_budget_used")
    ticket = await house.do(ticket, "wait", "support_head", **wait)
    assert ticket["status"] == "waiting_customer"
