"""One ticket's whole life, told through the API on a frozen clock."""

import pytest

from tests.tickets.conftest import CONCRETE, House


@pytest.mark.sop("TK-1", "TK-2", "TK-3", "TK-5", "TK-6", "TK-7", "TK-8", "TK-11")
async def test_a_ticket_from_the_first_call_to_its_archive(house: House) -> None:
    ticket = await house.open()
    assert (ticket["number"], ticket["status"], ticket["version"]) == ("T000001", "new", 1)
    assert ticket["owner"]["name"] == "li"
    assert ticket["customer"]["tier"] == "B"
    assert await house.clocks(ticket) == {"accept": "running", "resolve": "running"}

    await house.at("09:30")
    ticket = await house.do(ticket, "accept", "li")
    assert ticket["status"] == "accepted"
    assert await house.clocks(ticket) == {
        "accept": "met", "resolve": "running", "progress": "running",
    }  # fmt: skip

    await house.at("10:00")
    said = await house.do(ticket, "messages", "li", body=CONCRETE, progress=40)
    assert (said["ticket_status"], said["public"], said["progress"]) == ("accepted", True, 40)

    await house.at("10:30")
    ticket = await house.do(
        ticket,
        "wait",
        "li",
        question="请把培养箱铭牌上的序列号和固件版本发给我,好吗?",
        reason="等序列号",
    )
    assert (ticket["status"], ticket["wait_reason"]) == ("waiting_customer", "等序列号")
    assert (await house.clocks(ticket))["resolve"] == "paused"

    await house.at("11:30")
    await house.do(
        ticket,
        "messages",
        "agent",
        author="customer",
        body="序列号 BI250-0318,固件 2.4。",
        channel="wechat",
    )
    ticket = await house.read(ticket)
    assert (ticket["status"], ticket["wait_reason"]) == ("accepted", None)
    assert (await house.clocks(ticket))["next_reply"] == "running"
    await house.at("12:30")
    await house.do(ticket, "messages", "li", body="固件 2.4 有温漂缺陷,我现在远程升级到 2.6。")
    assert (await house.clocks(ticket))["next_reply"] == "met"

    await house.at("13:00")
    ticket = await house.do(
        ticket, "resolve", "li",
        solution={"steps": "远程升级固件到 2.6 并重新校准温度探头", "result": "两小时偏差小于 0.1 ℃"},
    )  # fmt: skip
    assert (ticket["status"], ticket["progress"]) == ("resolved", 100)
    clocks = await house.clocks(ticket)
    assert (clocks["resolve"], clocks["confirm"]) == ("met", "running")

    await house.at("15:00")
    ticket = await house.do(
        ticket, "confirm", "agent", answer="partly", rating="basically_satisfied",
        contact_id=str(house.contact["public_id"]), channel="phone", feedback="夜里又漂了一次",
    )  # fmt: skip
    assert (ticket["status"], ticket["confirmation"], ticket["progress"]) == (
        "accepted",
        "partly",
        40,
    )

    await house.at("16:00")
    ticket = await house.do(
        ticket,
        "resolve",
        "li",
        solution={"steps": "更换温度探头 PT-100 并比对三点", "result": "恢复"},
    )
    assert (ticket["confirmation"], ticket["rating"]) == (None, None)

    await house.at("2026-03-03 10:00")
    ticket = await house.do(
        ticket, "confirm", "agent", answer="solved", rating="satisfied",
        contact_id=str(house.contact["public_id"]), channel="phone",
    )  # fmt: skip
    assert (ticket["status"], ticket["close_due_at"]) == ("resolved", None)

    ticket = await house.do(
        ticket, "close", "li", root_cause="探头老化", improvement_suggestion="年检增加探头比对"
    )
    assert (ticket["status"], ticket["confirmation"]) == ("closed", "solved")
    assert set((await house.clocks(ticket)).values()) <= {"met", "cancelled"}
    assert await house.loads() == {}
    assert await house.facts(ticket) == [
        "opened", "accepted", "message", "message", "waiting", "message", "message", "resolved", "confirmed",
        "reopened", "resolved", "confirmed", "closed",
    ]  # fmt: skip
    assert await house.events() == [
        "ticket.opened", "ticket.accepted", "ticket.message_posted", "ticket.waiting",
        "ticket.message_posted", "ticket.message_posted", "ticket.resolved", "ticket.confirmed",
        "ticket.reopened",
        "ticket.resolved", "ticket.confirmed", "ticket.closed",
    ]  # fmt: skip
