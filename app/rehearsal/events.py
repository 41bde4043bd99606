"""What the rows of a log become by its mapping: events, each with the moves that it stands for.

Pure. Not here: files (`logs`), what a move needs to be possible (`implied`), and making moves (`replay`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.rehearsal.mapping import LogMapping, Verdict
from app.tickets.lifecycle import Move

YEAR_FIRST, YEAR_LAST = 1900, 2199
CASE_LENGTH_MAX = 100
Row = Mapping[str, str]


class RowInvalid(ValueError):
    """A row that is no event of this mapping; the message is the reason that the report gives."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: the line on which it begins (the header's is 1) and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a case, in UTC; `place` orders events of one row.

    `ticket` holds the fields for the case that opens with this event, `agreed_at` its promised instant, `kept` the
    log's own verdict on it.
    """

    at: datetime
    line: int
    place: int
    case: str
    activity: str
    ticket: Mapping[str, str]
    moves: tuple[Move, ...] = ()
    by: str | None = None
    agreed_at: datetime | None = None
    kept: bool | None = None

    @property
    def order(self) -> tuple[datetime, int, int]:
        """What events are sorted by."""
        return self.at, self.line, self.place


def events_of(mapping: LogMapping, line: int, row: Row) -> list[Event]:
    """Return what a row says happened; raises `RowInvalid` with the reason for a bad one."""
    case = row[mapping.case_column].strip()
    if not case:
        raise RowInvalid(f"no case in {mapping.case_column}")
    if len(case) > CASE_LENGTH_MAX:
        raise RowInvalid(f"a case of more than {CASE_LENGTH_MAX} characters")
    if not case.isprintable():
        raise RowInvalid(f"a character in {mapping.case_column} that cannot be printed")
    if mapping.activity_column is None:
        return _case(mapping, line, row)
    return [_event(mapping, mapping.activity_column, line, row)]


def _event(mapping: LogMapping, activity_column: str, line: int, row: Row) -> Event:
    activity = row[activity_column].strip()
    if activity not in mapping.moves:
        raise RowInvalid(f"unknown activity {activity[:60]!r}")
    by = row[mapping.by_column].strip() if mapping.by_column is not None else ""
    return Event(
        at=_needed(mapping, mapping.at_column, row),
        line=line,
        place=0,
        case=row[mapping.case_column].strip(),
        activity=activity,
        ticket={name: source.of(row) for name, source in mapping.ticket.items()},
        moves=mapping.moves[activity],
        by=by or None,
    )


def _case(mapping: LogMapping, line: int, row: Row) -> list[Event]:
    opening = Event(
        at=_needed(mapping, mapping.at_column, row),
        line=line,
        place=0,
        case=row[mapping.case_column].strip(),
        activity=mapping.at_column,
        ticket={name: source.of(row) for name, source in mapping.ticket.items()},
        agreed_at=_instant(mapping, mapping.agreed_column, row) if mapping.agreed_column else None,
        kept=_kept(mapping.verdict, row),
    )
    events = [opening]
    for place, (column, moves) in enumerate(mapping.moves.items(), 1):
        at = _instant(mapping, column, row)
        if at is None:
            continue
        if at < opening.at:
            raise RowInvalid(f"{column} lies before {mapping.at_column}")
        events.append(Event(at, line, place, opening.case, column, opening.ticket, moves))
    return events


def _kept(verdict: Verdict | None, row: Row) -> bool | None:
    if verdict is None:
        return None
    return {verdict.kept: True, verdict.missed: False}.get(row[verdict.column].strip())


def _instant(mapping: LogMapping, column: str, row: Row) -> datetime | None:
    """Return the instant in a cell, in UTC; None for an empty one.

    Of a local time that exists twice the first is meant; one that does not exist lies as far after the gap as it
    is written into it.
    """
    text = row[column].strip()
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or len(text) <= len("2010-01-13"):
        raise RowInvalid(f"{column} is no instant: {text[:40]!r}")
    if at.tzinfo is None:
        if mapping.zone is None:
            raise RowInvalid(f"{column} has no offset, and the mapping no timezone: {text[:40]!r}")
        at = at.replace(tzinfo=mapping.zone)
    if not YEAR_FIRST <= at.year <= YEAR_LAST:
        raise RowInvalid(f"{column} lies outside {YEAR_FIRST}-{YEAR_LAST}: {text[:40]!r}")
    return at.astimezone(UTC)


def _needed(mapping: LogMapping, column: str, row: Row) -> datetime:
    at = _instant(mapping, column, row)
    if at is None:
        raise RowInvalid(f"no instant in {column}")
    return at
