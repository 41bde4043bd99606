"""The life of a ticket: the whole table of status x move, written down a second time, and its laws."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tickets.lifecycle import (
    ENDED,
    MOVES,
    OPEN,
    Move,
    MoveImpossible,
    Mover,
    TicketStatus,
    accepts_merge,
    after_closed,
    apply,
    may_move,
    missing_fields,
    possible_moves,
)

COLUMNS = ["new", "accepted", "waiting_customer", "resolved", "closed", "cancelled", "merged"]
# What follows the move in each column's status; "=" stays, "-" is impossible.
GRID = """
accept             accepted   -                 -         -         -         -  -
assign             =          =                 =         =         -         -  -
take-back          =          -                 -         -         -         -  -
message            =          =                 =         =         =         =  -
internal-message   =          =                 =         =         =         =  -
customer-message   =          =                 accepted  =         =         =  -
no-reply-needed    =          =                 =         =         -         -  -
agree              =          =                 =         -         -         -  -
approve-agreement  =          =                 =         -         -         -  -
task-force         =          =                 =         -         -         -  -
plan               =          =                 =         -         -         -  -
wait               -          waiting_customer  -         -         -         -  -
resume             -          -                 accepted  -         -         -  -
approve-pause      =          =                 =         -         -         -  -
resolve            resolved   resolved          resolved  -         -         -  -
confirm            -          -                 -         =         -         -  -
reopen             -          -                 -         accepted  accepted  -  -
reclassify         =          =                 =         -         -         -  -
merge              merged     merged            merged    merged    -         -  -
split              =          =                 =         =         -         -  -
close              -          -                 -         closed    -         -  -
cancel             cancelled  cancelled         cancelled -         -         -  -
"""
ROWS = {cells[0]: cells[1:] for line in GRID.split("\n") if (cells := line.split())}


def read_cell(status: str, move: str, after: str) -> tuple[TicketStatus, Move, TicketStatus | None]:
    became = {"-": None, "=": TicketStatus(status)}
    return (
        TicketStatus(status),
        Move(move),
        became[after] if after in became else TicketStatus(after),
    )


CELLS = [
    read_cell(status, move, after)
    for move, row in ROWS.items()
    for status, after in zip(COLUMNS, row, strict=True)
]


def test_the_grid_names_every_status_and_every_move() -> None:
    assert set(COLUMNS) == set(TicketStatus)
    assert list(ROWS) == list(Move)
    assert set(MOVES) == set(Move)


@pytest.mark.parametrize(("status", "move", "after"), CELLS)
def test_each_move_does_in_each_status_what_the_grid_says(
    status: TicketStatus, move: Move, after: TicketStatus | None
) -> None:
    if after is not None:
        assert apply(status, move) is after
        return
    with pytest.raises(MoveImpossible) as refused:
        apply(status, move)
    assert (refused.value.status, refused.value.move) == (status, move)
    assert refused.value.possible == possible_moves(status)
    assert move not in refused.value.possible


@pytest.mark.parametrize("status", list(TicketStatus))
def test_the_possible_moves_are_those_that_do_something_in_their_order(
    status: TicketStatus,
) -> None:
    expected = [move for at, move, after in CELLS if at is status and after is not None]
    assert list(possible_moves(status)) == expected


def test_a_refusal_says_what_was_tried_where() -> None:
    with pytest.raises(MoveImpossible, match=r"^resolve is impossible: the ticket is closed$"):
        apply(TicketStatus.CLOSED, Move.RESOLVE)


def test_nothing_can_be_done_to_a_merged_ticket() -> None:
    assert possible_moves(TicketStatus.MERGED) == ()


def test_every_status_can_be_reached_from_new() -> None:
    reached = {TicketStatus.NEW}
    for _ in TicketStatus:
        reached |= {after for at, _, after in CELLS if at in reached and after}
    assert reached == set(TicketStatus)


def test_open_and_ended_leave_only_resolved_between_them() -> None:
    assert set(TicketStatus) - OPEN - ENDED == {TicketStatus.RESOLVED}
    assert not OPEN & ENDED


@given(st.lists(st.sampled_from(Move), max_size=30))
def test_however_it_is_moved_a_ticket_is_new_only_at_its_start(moves: list[Move]) -> None:
    status, left_new = TicketStatus.NEW, False
    for move in moves:
        if move in possible_moves(status):
            status = apply(status, move)
        left_new = left_new or status is not TicketStatus.NEW
        assert left_new == (status is not TicketStatus.NEW)


@given(st.lists(st.sampled_from(Move), max_size=30))
def test_what_has_ended_comes_back_by_reopening_alone(moves: list[Move]) -> None:
    status = TicketStatus.NEW
    for move in moves:
        if move not in possible_moves(status):
            continue
        before, status = status, apply(status, move)
        if before in ENDED and status not in ENDED:
            assert (before, move) == (TicketStatus.CLOSED, Move.REOPEN)


@pytest.mark.sop("TK-7")
def test_partly_solved_is_a_confirmation_followed_by_a_reopening() -> None:
    confirmed = apply(TicketStatus.RESOLVED, Move.CONFIRM)
    assert apply(confirmed, Move.REOPEN) is TicketStatus.ACCEPTED


@pytest.mark.sop("TK-8")
def test_a_ticket_is_closed_only_after_it_was_resolved() -> None:
    closable = {status for status in TicketStatus if Move.CLOSE in possible_moves(status)}
    assert closable == {TicketStatus.RESOLVED}


@pytest.mark.sop("TK-3")
def test_only_a_ticket_that_is_not_accepted_can_be_taken_back() -> None:
    assert apply(TicketStatus.NEW, Move.TAKE_BACK) is TicketStatus.NEW
    with pytest.raises(MoveImpossible):
        apply(TicketStatus.ACCEPTED, Move.TAKE_BACK)


CLOSED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WINDOW = timedelta(days=7)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (timedelta(), "reopen"),
        (WINDOW - TICK, "reopen"),
        (WINDOW, "reopen"),
        (WINDOW + TICK, "new_ticket"),
        (WINDOW * 2, "new_ticket"),
    ],
)
def test_a_message_after_closing_reopens_up_to_and_including_10080_minutes(
    elapsed: timedelta, expected: str
) -> None:
    assert after_closed(CLOSED_AT, CLOSED_AT + elapsed) == expected


def test_the_window_after_closing_is_elapsed_time_over_a_clock_change() -> None:
    rome = ZoneInfo("Europe/Rome")
    closed_at = datetime(2026, 3, 26, 9, 0, tzinfo=rome).astimezone(UTC)
    same_local_time = datetime(2026, 4, 2, 9, 0, tzinfo=rome).astimezone(UTC)
    assert after_closed(closed_at, same_local_time + timedelta(hours=1)) == "reopen"
    assert after_closed(closed_at, same_local_time + timedelta(hours=1) + TICK) == "new_ticket"


def test_another_ticket_is_merged_only_into_one_still_worked_on() -> None:
    assert {status for status in TicketStatus if accepts_merge(status)} == {
        TicketStatus.NEW,
        TicketStatus.ACCEPTED,
        TicketStatus.WAITING_CUSTOMER,
    }


@pytest.mark.parametrize(
    ("can_write", "is_owner", "has_owner", "expected"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, False, True, False),
        (False, True, True, False),
        (False, False, False, False),
    ],
)
def test_a_ticket_is_accepted_by_its_owner_or_while_it_has_none_by_any_writer(
    *, can_write: bool, is_owner: bool, has_owner: bool, expected: bool
) -> None:
    for can_approve in (False, True):
        assert expected == may_move(
            Move.ACCEPT,
            can_write=can_write,
            can_approve=can_approve,
            is_owner=is_owner,
            has_owner=has_owner,
        )


@pytest.mark.parametrize("move", [Move.APPROVE_AGREEMENT, Move.APPROVE_PAUSE, Move.TAKE_BACK])
def test_only_a_supervisor_approves_and_takes_back(move: Move) -> None:
    for can_write in (False, True):
        for can_approve in (False, True):
            allowed = may_move(
                move, can_write=can_write, can_approve=can_approve, is_owner=True, has_owner=True
            )
            assert allowed == (can_write and can_approve)


@pytest.mark.parametrize("move", [move for move in Move if MOVES[move].by is Mover.WRITER])
def test_every_other_move_is_open_to_whoever_may_write(move: Move) -> None:
    for can_write in (False, True):
        allowed = may_move(
            move, can_write=can_write, can_approve=False, is_owner=False, has_owner=True
        )
        assert allowed == can_write


def test_all_moves_have_one_of_three_kinds_of_mover() -> None:
    by_owner = [move for move in Move if MOVES[move].by is Mover.OWNER]
    by_supervisor = [move for move in Move if MOVES[move].by is Mover.SUPERVISOR]
    assert by_owner == [Move.ACCEPT]
    assert by_supervisor == [Move.TAKE_BACK, Move.APPROVE_AGREEMENT, Move.APPROVE_PAUSE]


@pytest.mark.parametrize(
    ("move", "given_fields", "missing"),
    [
        (Move.ACCEPT, set(), ()),
        (Move.WAIT, set(), ("question", "reason")),
        (Move.WAIT, {"reason"}, ("question",)),
        (Move.WAIT, {"reason", "question", "until"}, ()),
        (Move.CONFIRM, {"answer", "rating"}, ("contact_id", "channel")),
        (Move.ASSIGN, set(), ("owner_id", "department_id")),
        (Move.ASSIGN, {"department_id"}, ()),
        (Move.ASSIGN, {"owner_id", "department_id"}, ()),
        (Move.RECLASSIFY, {"reason"}, ("type", "complexity", "priority", "tags")),
        (Move.RECLASSIFY, {"complexity"}, ()),
        (Move.CLOSE, {"improvement_suggestion"}, ("root_cause",)),
        (Move.RESOLVE, {"solution"}, ()),
    ],
)
def test_a_move_names_the_fields_that_it_lacks(
    move: Move, given_fields: set[str], missing: tuple[str, ...]
) -> None:
    assert missing_fields(move, frozenset(given_fields)) == missing


@pytest.mark.parametrize("move", [Move.CANCEL, Move.REOPEN, Move.NO_REPLY_NEEDED, Move.WAIT])
def test_what_ends_or_holds_a_promise_needs_a_reason(move: Move) -> None:
    assert "reason" in MOVES[move].needs
