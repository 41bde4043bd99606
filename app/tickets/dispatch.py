"""Who gets a ticket: the choice among candidates (SOP TK-3), and why each of the others did not.

Pure: which department handles a type, whether its head gets it, who counts as present and the locks on the
load counters are the service's; here the counted candidates are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

_EVER_IDLE: Final = datetime.min.replace(tzinfo=UTC)


class Standing(StrEnum):
    """How a candidate fared: the winner, or the first comparison that he lost."""

    WON = "won"
    ABSENT = "absent"
    MORE_LOADED = "more_loaded"
    LESS_IDLE = "less_idle"
    LATER_ID = "later_id"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of the department as counted under the lock.

    `open_count`: tickets he owns that are not resolved. `idle_since`: aware, when he was last given one;
    None if never.
    """

    user_id: int
    present: bool
    open_count: int
    idle_since: datetime | None


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate and how he fared."""

    candidate: Candidate
    standing: Standing


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision as it is recorded: `winner` is None when nobody is present; best first in `considered`."""

    winner: Candidate | None
    considered: tuple[Considered, ...]


def choose(candidates: Sequence[Candidate]) -> Choice:
    """Return the least loaded present candidate; ties go to the longest idle, then to the lowest id.

    Whoever was never given a ticket has been idle longest. The order of the candidates does not matter.
    """
    ranked = sorted(candidates, key=_rank)
    if not ranked or not ranked[0].present:
        return Choice(None, tuple(Considered(absent, Standing.ABSENT) for absent in ranked))
    winner = ranked[0]
    others = tuple(Considered(other, _lost(other, winner)) for other in ranked[1:])
    return Choice(winner, (Considered(winner, Standing.WON), *others))


def _rank(candidate: Candidate) -> tuple[bool, int, datetime, int]:
    return (
        not candidate.present,
        candidate.open_count,
        candidate.idle_since or _EVER_IDLE,
        candidate.user_id,
    )


def _lost(candidate: Candidate, winner: Candidate) -> Standing:
    if not candidate.present:
        return Standing.ABSENT
    if candidate.open_count > winner.open_count:
        return Standing.MORE_LOADED
    if candidate.idle_since != winner.idle_since:
        return Standing.LESS_IDLE
    return Standing.LATER_ID
