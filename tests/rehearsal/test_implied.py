"""What a log leaves out between two events."""

import itertools

import pytest

from app.rehearsal.implied import Plan, plan
from app.rehearsal.mapping import FACTS_OF
from app.tickets.lifecycle import Move, TicketStatus, apply

M, S = Move, TicketStatus


@pytest.mark.parametrize(
    ("status", "move", "moves", "implied"),
    [
        (S.NEW, M.ACCEPT, [M.ACCEPT], []),
        (S.WAITING_CUSTOMER, M.ACCEPT, [M.RESUME], [M.RESUME]),
        (S.RESOLVED, M.ACCEPT, [M.REOPEN], [M.REOPEN]),
        (S.CLOSED, M.ACCEPT, [M.REOPEN], [M.REOPEN]),
        (S.NEW, M.WAIT, [M.ACCEPT, M.WAIT], [M.ACCEPT]),
        (S.RESOLVED, M.WAIT, [M.REOPEN, M.WAIT], [M.REOPEN]),
        (S.NEW, M.RESOLVE, [M.RESOLVE], [M.ACCEPT]),
        (S.ACCEPTED, M.RESOLVE, [M.RESOLVE], []),
        (S.WAITING_CUSTOMER, M.RESOLVE, [M.RESOLVE], []),
        (S.NEW, M.CLOSE, [M.RESOLVE, M.CLOSE], [M.ACCEPT, M.RESOLVE]),
        (S.ACCEPTED, M.CLOSE, [M.RESOLVE, M.CLOSE], [M.RESOLVE]),
        (S.RESOLVED, M.CLOSE, [M.CLOSE], []),
        (S.ACCEPTED, M.CONFIRM, [M.RESOLVE, M.CONFIRM], [M.RESOLVE]),
        (S.RESOLVED, M.CANCEL, [M.CLOSE], [M.CLOSE]),
    ],
)
def test_a_move_stands_for(
    status: TicketStatus, move: Move, moves: list[Move], implied: list[Move]
) -> None:
    assert plan(move, status) == Plan(tuple(moves), tuple(implied))


@pytest.mark.parametrize(
    ("status", "move"),
    [
        (S.ACCEPTED, M.ACCEPT),
        (S.WAITING_CUSTOMER, M.WAIT),
        (S.ACCEPTED, M.RESUME),
        (S.NEW, M.REOPEN),
        (S.RESOLVED, M.RESOLVE),
        (S.CLOSED, M.RESOLVE),
        (S.CLOSED, M.CLOSE),
        (S.CLOSED, M.CONFIRM),
        (S.CANCELLED, M.CANCEL),
    ],
)
def test_what_has_happened_already_is_a_repeat(status: TicketStatus, move: Move) -> None:
    assert plan(move, status).moves == ()


@pytest.mark.parametrize("status", [S.CANCELLED, S.CLOSED])
@pytest.mark.parametrize("move", [M.ACCEPT, M.WAIT, M.RESUME, M.REOPEN])
def test_work_on_what_can_no_longer_be_reopened_opens_anew(
    status: TicketStatus, move: Move
) -> None:
    planned = plan(move, status, reopens=False)
    assert planned.anew
    assert planned.moves == plan(move, S.NEW).moves


@pytest.mark.parametrize("move", [M.RESOLVE, M.CLOSE, M.CANCEL, M.CONFIRM])
def test_the_end_of_what_has_ended_opens_nothing(move: Move) -> None:
    assert plan(move, S.CLOSED, reopens=False) == Plan(())


@pytest.mark.parametrize(
    ("move", "status", "reopens"), list(itertools.product(FACTS_OF, TicketStatus, [True, False]))
)
def test_every_plan_is_possible_in_the_life_of_a_ticket(
    move: Move, status: TicketStatus, reopens: bool
) -> None:
    planned = plan(move, status, reopens=reopens)
    standing = S.NEW if planned.anew else status
    for one in planned.moves:
        standing = apply(standing, one)
