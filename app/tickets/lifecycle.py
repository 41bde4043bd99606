"""The life of a ticket: its statuses, its moves, and which move leads from which status to which.

One table. Who may make a move and which fields it needs stand beside it as data; checking them against a
caller and a body, and what a move does to clocks, rows and people, is the service's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from app.sla.engine.register import REOPENS_WITHIN


class TicketStatus(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    ACCEPTED = "accepted"
    WAITING_CUSTOMER = "waiting_customer"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


class Move(StrEnum):
    """What can be done to a ticket; the value is the route's last segment.

    The three kinds of message share the route `messages`: public by staff, internal by staff, and what
    the customer wrote. `confirm` is the customer's answer "solved"; "partly" is `confirm`, then `reopen`.
    """

    ACCEPT = "accept"
    ASSIGN = "assign"
    TAKE_BACK = "take-back"
    MESSAGE = "message"
    NOTE = "internal-message"
    CUSTOMER_MESSAGE = "customer-message"
    NO_REPLY_NEEDED = "no-reply-needed"
    AGREE = "agree"
    APPROVE_AGREEMENT = "approve-agreement"
    TASK_FORCE = "task-force"
    PLAN = "plan"
    WAIT = "wait"
    RESUME = "resume"
    APPROVE_PAUSE = "approve-pause"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    RECLASSIFY = "reclassify"
    MERGE = "merge"
    SPLIT = "split"
    CLOSE = "close"
    CANCEL = "cancel"


class Mover(StrEnum):
    """Who may make a move.

    `owner`: the ticket's owner, or any writer while it has none. `writer`: whoever may write the ticket.
    `supervisor`: a writer who may also approve on it (`tickets:approve`).
    """

    OWNER = "owner"
    WRITER = "writer"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class MoveRule:
    """One row of the table.

    `outcomes`: from each status in which the move is possible, the status after it. `needs`: fields
    without which it is refused; of `needs_one_of`, if any, at least one.
    """

    outcomes: Mapping[TicketStatus, TicketStatus]
    by: Mover = Mover.WRITER
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()


class MoveImpossible(Exception):
    """The move is not possible in this status; `possible` are those that are, in the order of Move."""

    def __init__(self, status: TicketStatus, move: Move) -> None:
        self.status = status
        self.move = move
        self.possible = possible_moves(status)
        super().__init__(f"{move.value} is impossible: the ticket is {status.value}")


_S, _M = TicketStatus, Move

OPEN: Final = frozenset({_S.NEW, _S.ACCEPTED, _S.WAITING_CUSTOMER})  # work for its owner
ENDED: Final = frozenset({_S.CLOSED, _S.CANCELLED, _S.MERGED})  # no clock runs


def _stays(*statuses: TicketStatus) -> Mapping[TicketStatus, TicketStatus]:
    return MappingProxyType({status: status for status in statuses})


def _becomes(after: TicketStatus, *statuses: TicketStatus) -> Mapping[TicketStatus, TicketStatus]:
    return MappingProxyType(dict.fromkeys(statuses, after))


_IN_WORK: Final = (_S.NEW, _S.ACCEPTED, _S.WAITING_CUSTOMER)
_BEFORE_CLOSING: Final = (*_IN_WORK, _S.RESOLVED)
_SPEAKABLE: Final = (*_BEFORE_CLOSING, _S.CLOSED, _S.CANCELLED)

MOVES: Final[Mapping[Move, MoveRule]] = MappingProxyType(
    {
        _M.ACCEPT: MoveRule(_becomes(_S.ACCEPTED, _S.NEW), Mover.OWNER),
        # A new owner inherits an acceptance: assignment does not restart the clock (TK-2).
        _M.ASSIGN: MoveRule(_stays(*_BEFORE_CLOSING), needs_one_of=("owner_id", "department_id")),
        _M.TAKE_BACK: MoveRule(_stays(_S.NEW), Mover.SUPERVISOR),
        _M.MESSAGE: MoveRule(_stays(*_SPEAKABLE), needs=("body",)),
        _M.NOTE: MoveRule(_stays(*_SPEAKABLE), needs=("body",)),
        # The customer's word ends a wait; what it does to a closed ticket, `after_closed` says.
        _M.CUSTOMER_MESSAGE: MoveRule(
            MappingProxyType({**_stays(*_SPEAKABLE), _S.WAITING_CUSTOMER: _S.ACCEPTED}),
            needs=("body",),
        ),
        _M.NO_REPLY_NEEDED: MoveRule(_stays(*_BEFORE_CLOSING), needs=("reason",)),
        _M.AGREE: MoveRule(_stays(*_IN_WORK), needs=("due_at",)),
        _M.APPROVE_AGREEMENT: MoveRule(_stays(*_IN_WORK), Mover.SUPERVISOR),
        _M.TASK_FORCE: MoveRule(_stays(*_IN_WORK), needs=("members",)),
        _M.PLAN: MoveRule(_stays(*_IN_WORK), needs=("plan",)),
        # Only who has accepted a matter can say that it waits for the customer.
        _M.WAIT: MoveRule(_becomes(_S.WAITING_CUSTOMER, _S.ACCEPTED), needs=("question", "reason")),
        _M.RESUME: MoveRule(_becomes(_S.ACCEPTED, _S.WAITING_CUSTOMER)),
        _M.APPROVE_PAUSE: MoveRule(
            _stays(*_IN_WORK), Mover.SUPERVISOR, needs=("working_minutes", "reason")
        ),
        # Resolving answers `accept` too (deadlines 3).
        _M.RESOLVE: MoveRule(_becomes(_S.RESOLVED, *_IN_WORK), needs=("solution",)),
        _M.CONFIRM: MoveRule(_stays(_S.RESOLVED), needs=("answer", "contact_id", "channel")),
        # From closed only within the window that a customer's message has (`after_closed`).
        _M.REOPEN: MoveRule(_becomes(_S.ACCEPTED, _S.RESOLVED, _S.CLOSED), needs=("reason",)),
        _M.RECLASSIFY: MoveRule(
            _stays(*_IN_WORK), needs_one_of=("type", "complexity", "priority", "tags")
        ),
        _M.MERGE: MoveRule(_becomes(_S.MERGED, *_BEFORE_CLOSING), needs=("into_id",)),
        _M.SPLIT: MoveRule(_stays(*_BEFORE_CLOSING), needs=("subject", "description")),
        # What was not resolved is cancelled, with a reason, never quietly closed (TK-8).
        _M.CLOSE: MoveRule(_becomes(_S.CLOSED, _S.RESOLVED), needs=("root_cause",)),
        _M.CANCEL: MoveRule(_becomes(_S.CANCELLED, *_IN_WORK), needs=("reason",)),
    }
)


def apply(status: TicketStatus, move: Move) -> TicketStatus:
    """Return the status after the move; raises MoveImpossible."""
    after = MOVES[move].outcomes.get(status)
    if after is None:
        raise MoveImpossible(status, move)
    return after


def possible_moves(status: TicketStatus) -> tuple[Move, ...]:
    """Return the moves that are possible in the status, in the order of Move."""
    return tuple(move for move in Move if status in MOVES[move].outcomes)


def may_move(
    move: Move, *, can_write: bool, can_approve: bool, is_owner: bool, has_owner: bool
) -> bool:
    """Return whether a caller may make the move, given what he may do on this very ticket."""
    match MOVES[move].by:
        case Mover.WRITER:
            return can_write
        case Mover.SUPERVISOR:
            return can_write and can_approve
        case Mover.OWNER:
            return can_write and (is_owner or not has_owner)


def missing_fields(move: Move, given: frozenset[str]) -> tuple[str, ...]:
    """Return the fields that the move lacks, `given` being those with a value.

    Where one of several would do and none is given, all of them are returned.
    """
    rule = MOVES[move]
    missing = tuple(name for name in rule.needs if name not in given)
    if given.intersection(rule.needs_one_of):
        return missing
    return missing + rule.needs_one_of


def accepts_merge(status: TicketStatus) -> bool:
    """Return whether another ticket may be merged into one of this status.

    Only into one still worked on: the loser's clocks end, so somebody must still be answering.
    """
    return status in OPEN


def after_closed(closed_at: datetime, at: datetime) -> Literal["reopen", "new_ticket"]:
    """Return what a customer's message at `at` does to a ticket closed at `closed_at`.

    It reopens within 7 days, exactly 10,080 elapsed minutes included; later it opens a new linked ticket.
    Not asked for a courtesy, which does neither.
    """
    return "reopen" if at - closed_at <= REOPENS_WITHIN else "new_ticket"
