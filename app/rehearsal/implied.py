"""What a log leaves out between two events: the moves that must have come before, and those already made.

Pure: a table of what a move that a log names stands for in each status. Nothing that a real log says is refused for
being impossible; what had to be added is counted as implied, what had happened already as a repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.tickets.lifecycle import Move, TicketStatus

_S, _M = TicketStatus, Move
_NOTHING: tuple[Move, ...] = ()
# After the end nothing goes on: what works on the matter again opens a new ticket.
_GONE: Final = frozenset({_S.CANCELLED, _S.MERGED})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one move of the log.

    `anew`: a new ticket of the case comes first, since the old one can no longer be reopened. `implied` are those of
    `moves` that the log did not name, and an acceptance that resolving brings along without a move of its own.
    """

    moves: tuple[Move, ...]
    implied: tuple[Move, ...] = ()
    anew: bool = False


_WORKS: Final = frozenset({_M.ACCEPT, _M.WAIT, _M.RESUME, _M.REOPEN})
_STANDS_FOR: Final[Mapping[Move, Mapping[TicketStatus, tuple[Move, ...]]]] = MappingProxyType(
    {
        _M.ACCEPT: {
            _S.NEW: (_M.ACCEPT,),
            _S.ACCEPTED: _NOTHING,
            _S.WAITING_CUSTOMER: (_M.RESUME,),
            _S.RESOLVED: (_M.REOPEN,),
            _S.CLOSED: (_M.REOPEN,),
        },
        _M.WAIT: {
            _S.NEW: (_M.ACCEPT, _M.WAIT),
            _S.ACCEPTED: (_M.WAIT,),
            _S.WAITING_CUSTOMER: _NOTHING,
            _S.RESOLVED: (_M.REOPEN, _M.WAIT),
            _S.CLOSED: (_M.REOPEN, _M.WAIT),
        },
        _M.RESUME: {
            _S.NEW: (_M.ACCEPT,),
            _S.ACCEPTED: _NOTHING,
            _S.WAITING_CUSTOMER: (_M.RESUME,),
            _S.RESOLVED: (_M.REOPEN,),
            _S.CLOSED: (_M.REOPEN,),
        },
        _M.REOPEN: {
            _S.NEW: _NOTHING,
            _S.ACCEPTED: _NOTHING,
            _S.WAITING_CUSTOMER: _NOTHING,
            _S.RESOLVED: (_M.REOPEN,),
            _S.CLOSED: (_M.REOPEN,),
        },
        _M.RESOLVE: {
            _S.NEW: (_M.RESOLVE,),
            _S.ACCEPTED: (_M.RESOLVE,),
            _S.WAITING_CUSTOMER: (_M.RESOLVE,),
        },
        _M.CONFIRM: {
            _S.NEW: (_M.RESOLVE, _M.CONFIRM),
            _S.ACCEPTED: (_M.RESOLVE, _M.CONFIRM),
            _S.WAITING_CUSTOMER: (_M.RESOLVE, _M.CONFIRM),
            _S.RESOLVED: (_M.CONFIRM,),
        },
        _M.CLOSE: {
            _S.NEW: (_M.RESOLVE, _M.CLOSE),
            _S.ACCEPTED: (_M.RESOLVE, _M.CLOSE),
            _S.WAITING_CUSTOMER: (_M.RESOLVE, _M.CLOSE),
            _S.RESOLVED: (_M.CLOSE,),
        },
        _M.CANCEL: {
            _S.NEW: (_M.CANCEL,),
            _S.ACCEPTED: (_M.CANCEL,),
            _S.WAITING_CUSTOMER: (_M.CANCEL,),
            _S.RESOLVED: (_M.CLOSE,),  # what was resolved is closed, never cancelled
        },
        _M.ASSIGN: {
            _S.NEW: (_M.ASSIGN,),
            _S.ACCEPTED: (_M.ASSIGN,),
            _S.WAITING_CUSTOMER: (_M.ASSIGN,),
            _S.RESOLVED: (_M.ASSIGN,),
        },
    }
)


def plan(move: Move, status: TicketStatus, *, reopens: bool = True) -> Plan:
    """Return what a move that the log names stands for in this status.

    `reopens`: a closed ticket may still be reopened (deadlines 3). A plan without moves is a repeat.
    """
    if move in _WORKS and (status in _GONE or (status is _S.CLOSED and not reopens)):
        moves = plan(move, _S.NEW).moves
        return Plan(moves, tuple(one for one in moves if one is not move), anew=True)
    moves = _STANDS_FOR[move].get(status, _NOTHING)
    implied = tuple(one for one in moves if one is not move)
    if status is _S.NEW and _M.RESOLVE in moves:
        implied = (_M.ACCEPT, *implied)
    return Plan(moves, implied)
