"""The table of moves through the API: in each status, what is impossible is a 409 that says what is possible."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.tickets.lifecycle import MOVES, Move, TicketStatus, possible_moves
from tests.tickets.conftest import CONCRETE, House

SOLUTION = {"steps": "更换温度探头并重新校准三点", "result": "恢复"}
QUESTION = "请把培养箱铭牌上的序列号和固件版本发给我,好吗?"


def body_of(house: House, move: Move, other: str) -> tuple[str, dict[str, Any]]:
    """Return the route and a body with which the move would succeed were it possible."""
    later = "2026-03-02T12:00:00+08:00"
    contact = str(house.contact["public_id"])
    bodies: Mapping[Move, dict[str, Any]] = {
        Move.ASSIGN: {"owner_id": house.id_of("zhang")},
        Move.TAKE_BACK: {"reason": "无人受理"},
        Move.MESSAGE: {"body": CONCRETE},
        Move.NOTE: {"body": "内部", "public": False},
        Move.CUSTOMER_MESSAGE: {"body": "还是不行", "author": "customer"},
        Move.NO_REPLY_NEEDED: {"reason": "已当面说明"},
        Move.AGREE: {"due_at": later},
        Move.TASK_FORCE: {"members": [{"user_id": house.id_of("li")}]},
        Move.PLAN: {"plan": "先退回旧版,再查原因"},
        Move.WAIT: {"question": QUESTION, "reason": "等序列号"},
        Move.APPROVE_PAUSE: {"working_minutes": 60, "reason": "备件在海关"},
        Move.RESOLVE: {"solution": SOLUTION},
        Move.CONFIRM: {"answer": "solved", "contact_id": contact, "channel": "phone"},
        Move.REOPEN: {"reason": "又坏了"},
        Move.RECLASSIFY: {"complexity": "complex"},
        Move.MERGE: {"into_id": other},
        Move.SPLIT: {"subject": "另一件", "description": "客户顺带问起保养合同"},
        Move.CLOSE: {"root_cause": "探头老化"},
        Move.CANCEL: {"reason": "客户撤回"},
    }
    spoken = {Move.MESSAGE, Move.NOTE, Move.CUSTOMER_MESSAGE}
    return "messages" if move in spoken else move.value, bodies.get(move, {})


async def bring_to(house: House, status: TicketStatus, other: str) -> dict[str, Any]:
    """Return a ticket that has come to the status."""
    ticket = await house.open(for_myself=status is not TicketStatus.NEW, by="li")
    steps: Mapping[TicketStatus, tuple[Move, ...]] = {
        TicketStatus.WAITING_CUSTOMER: (Move.WAIT,),
        TicketStatus.RESOLVED: (Move.RESOLVE,),
        TicketStatus.CLOSED: (Move.RESOLVE, Move.CLOSE),
        TicketStatus.CANCELLED: (Move.CANCEL,),
        TicketStatus.MERGED: (Move.MERGE,),
    }
    for move in steps.get(status, ()):
        route, body = body_of(house, move, other)
        ticket = await house.do(ticket, route, "support_head", **body)
    assert ticket["status"] == status.value
    return ticket


@pytest.mark.parametrize("status", list(TicketStatus))
async def test_what_is_impossible_says_so_and_changes_nothing(
    house: House, status: TicketStatus
) -> None:
    other = (await house.open(by="li"))["id"]
    ticket = await bring_to(house, status, other)
    possible = [move.value for move in possible_moves(status)]
    for move in Move:
        if status in MOVES[move].outcomes:
            continue
        route, body = body_of(house, move, other)
        by = "admin" if move in (Move.APPROVE_AGREEMENT, Move.APPROVE_PAUSE) else "li"
        answer = await house.attempt(ticket, route, by, **body)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "move_impossible"), move
        assert problem["values"]["state"] == status.value
        assert problem["values"]["move"] == move.value
        assert problem["values"]["possible"] == possible
        assert all(one in problem["detail"] for one in possible)
    assert await house.read(ticket) == ticket


@pytest.mark.parametrize("status", list(TicketStatus))
async def test_what_is_possible_leads_where_the_table_says(
    house: House, status: TicketStatus
) -> None:
    conditional = {Move.TAKE_BACK, Move.APPROVE_AGREEMENT}  # need more than the status
    reopening = (Move.CUSTOMER_MESSAGE, TicketStatus.CLOSED)
    for move in possible_moves(status):
        if move in conditional:
            continue
        other = (await house.open(by="li"))["id"]
        ticket = await bring_to(house, status, other)
        route, body = body_of(house, move, other)
        by = ticket["owner"]["name"] if move is Move.ACCEPT else "support_head"
        await house.do(ticket, route, by, **body)
        after = MOVES[move].outcomes[status]
        if (move, status) == reopening:
            after = TicketStatus.ACCEPTED
        assert (await house.read(ticket))["status"] == after.value, move


async def test_what_was_merged_says_where_it_went(house: House) -> None:
    other = (await house.open(by="li"))["id"]
    ticket = await bring_to(house, TicketStatus.MERGED, other)
    answer = await house.attempt(ticket, "messages", "li", body="客户来电", author="customer")
    assert answer.json()["values"]["merged_into_id"] == other
