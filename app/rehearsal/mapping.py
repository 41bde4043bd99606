"""What a mapping says of a log: where its columns are, what its activities mean, what it can be measured by.

Pure: reading a mapping document, and the policy that is left when a log cannot hold what answers a clock. How
documents are written is told in `mappings/helpdesk.yaml`. Not here: the log's rows (`events`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.sla.engine.facts import FactKind
from app.sla.engine.register import row_of
from app.tickets.lifecycle import Move

# The moves that a log can name, and the facts that it holds by naming them. What a service adds of its own (the
# question that goes with a wait) is in no log, and no evidence.
FACTS_OF: Final[Mapping[Move, frozenset[FactKind]]] = MappingProxyType(
    {
        Move.ACCEPT: frozenset({FactKind.ACCEPTED}),
        Move.ASSIGN: frozenset({FactKind.ASSIGNED}),
        Move.WAIT: frozenset({FactKind.WAITING}),
        Move.RESUME: frozenset({FactKind.RESUMED}),
        Move.RESOLVE: frozenset({FactKind.RESOLVED}),
        Move.CONFIRM: frozenset({FactKind.CONFIRMED}),
        Move.REOPEN: frozenset({FactKind.REOPENED}),
        Move.CLOSE: frozenset({FactKind.CLOSED}),
        Move.CANCEL: frozenset({FactKind.CANCELLED}),
    }
)
TICKET_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "type": "technical",
        "complexity": "normal",
        "priority": "normal",
        "channel": "online",
        "tier": "C",
        "subject": "",
    }
)
_EVENTS = frozenset({"opens", "activities"})
_CASES = frozenset({"moves_at", "agreed", "verdict"})
_BOTH = frozenset(
    {"name", "rows", "columns", "timezone", "policy", "stopped_by", "calendar", "ticket"}
)
_STOPS = frozenset({FactKind.RESOLVED.value, FactKind.CLOSED.value})


class MappingInvalid(ValueError):
    """A mapping document that is refused; the message names the place and what is wrong."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a ticket's field comes from: a constant, or a column, translated where `values` knows the cell."""

    constant: str = ""
    column: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    def of(self, row: Mapping[str, str]) -> str:
        """Return the field's text for a row."""
        if self.column is None:
            return self.constant
        cell = row[self.column].strip()
        return self.values.get(cell, cell if self.otherwise is None else self.otherwise)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which column holds the log's own verdict, and what it says of a kept and of a missed promise."""

    column: str
    kept: str
    missed: str


@dataclass(frozen=True, slots=True)
class LogMapping:
    """A mapping document, checked. `calendar` is a shipped name or a document; `stopped_by` may be empty.

    `moves` maps activities, in a log of cases columns of instants, to what they mean. `opens` and `activity_column`
    belong to logs of events, `agreed_column` and `verdict` to logs of cases.
    """

    name: str
    case_column: str
    at_column: str
    moves: Mapping[str, tuple[Move, ...]]
    ticket: Mapping[str, Source]
    calendar: str | Mapping[str, Any]
    policy: str | None = None
    zone: ZoneInfo | None = None
    stopped_by: tuple[str, ...] = ()
    activity_column: str | None = None
    by_column: str | None = None
    opens: frozenset[str] = frozenset()
    agreed_column: str | None = None
    verdict: Verdict | None = None

    @property
    def of_cases(self) -> bool:
        """Whether a row is a whole case."""
        return self.activity_column is None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that a log of this mapping must have."""
        named = [self.case_column, self.at_column, self.activity_column, self.by_column]
        named += [self.agreed_column, self.verdict.column if self.verdict else None]
        named += [source.column for source in self.ticket.values()]
        return frozenset(name for name in named if name is not None) | (
            frozenset(self.moves) if self.of_cases else frozenset()
        )

    @property
    def facts(self) -> frozenset[FactKind]:
        """The kinds of facts that a log of this mapping can hold."""
        return frozenset().union(
            *(FACTS_OF[move] for moves in self.moves.values() for move in moves)
        )


# --- reading a document


def parse_mapping(document: Any) -> LogMapping:
    """Return the mapping of a document (YAML already loaded); raises `MappingInvalid`."""
    given = _mapping(document, "the document")
    kind = given.get("rows")
    if kind not in ("events", "cases"):
        raise MappingInvalid("rows: either events or cases")
    _only(given, _BOTH | (_EVENTS if kind == "events" else _CASES), "")
    columns = _mapping(given.get("columns"), "columns")
    known = {"case", "at"} | ({"activity", "by"} if kind == "events" else set())
    _only(columns, known, "columns.")
    moves = given.get("activities" if kind == "events" else "moves_at", {})
    return LogMapping(
        name=_text(given.get("name"), "name"),
        case_column=_text(columns.get("case"), "columns.case"),
        at_column=_text(columns.get("at"), "columns.at"),
        moves={one: _moves(names, one) for one, names in _mapping(moves, "moves").items()},
        ticket=_ticket(given.get("ticket", {})),
        calendar=_calendar(given.get("calendar", "24x7")),
        policy=given.get("policy"),
        zone=_zone(given.get("timezone")),
        stopped_by=_stops(given.get("stopped_by", ())),
        activity_column=_text(columns.get("activity"), "columns.activity")
        if kind == "events"
        else None,
        by_column=columns.get("by"),
        opens=frozenset(_texts(given.get("opens", ()), "opens")),
        agreed_column=given.get("agreed"),
        verdict=_verdict(given.get("verdict")),
    )


def _moves(names: Any, of: str) -> tuple[Move, ...]:
    moves = []
    for name in _texts(names, of):
        if name not in FACTS_OF:
            raise MappingInvalid(f"{of}: {name!r} is none of {', '.join(FACTS_OF)}")
        moves.append(Move(name))
    return tuple(moves)


def _ticket(given: Any) -> Mapping[str, Source]:
    fields = _mapping(given, "ticket")
    _only(fields, TICKET_DEFAULTS.keys(), "ticket.")
    return {name: _source(fields.get(name, text), name) for name, text in TICKET_DEFAULTS.items()}


def _source(given: Any, name: str) -> Source:
    if isinstance(given, str):
        return Source(constant=given)
    parts = _mapping(given, f"ticket.{name}")
    _only(parts, {"column", "values", "otherwise"}, f"ticket.{name}.")
    return Source(
        column=_text(parts.get("column"), f"ticket.{name}.column"),
        values={
            cell: _text(text, f"ticket.{name}.values")
            for cell, text in _mapping(parts.get("values", {}), f"ticket.{name}.values").items()
        },
        otherwise=parts.get("otherwise"),
    )


def _calendar(given: Any) -> str | Mapping[str, Any]:
    return given if isinstance(given, str) else _mapping(given, "calendar")


def _zone(name: Any) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(_text(name, "timezone"))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MappingInvalid(f"timezone: {name!r} is not an IANA time zone") from error


def _stops(given: Any) -> tuple[str, ...]:
    names = _texts(given, "stopped_by")
    if not set(names) <= _STOPS:
        raise MappingInvalid(f"stopped_by: one or more of {', '.join(sorted(_STOPS))}")
    return tuple(names)


def _verdict(given: Any) -> Verdict | None:
    if given is None:
        return None
    parts = _mapping(given, "verdict")
    _only(parts, {"column", "kept", "missed"}, "verdict.")
    return Verdict(
        *(_text(parts.get(name), f"verdict.{name}") for name in ("column", "kept", "missed"))
    )


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise MappingInvalid(f"{place}: a mapping is wanted")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise MappingInvalid(f"{place}: a text is wanted")
    return value


def _texts(value: Any, place: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise MappingInvalid(f"{place}: a list is wanted")
    return [_text(item, place) for item in value]


def _only(given: Mapping[str, Any], known: Collection[str], place: str) -> None:
    for key in given:
        if key not in known:
            raise MappingInvalid(f"{place}{key}: unknown")


# --- what such a log can be measured by


def measurable_policy(
    mapping: LogMapping, document: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a policy document without the clocks that this log cannot answer, and the names of those clocks.

    A clock that the log cannot answer would miss every time and climb the ladder for nothing. `stopped_by` of the
    mapping takes the place of what the policy lets answer `resolve` and `agreed`.
    """
    clocks = {clock: dict(rule) for clock, rule in document.get("clocks", {}).items()}
    if mapping.stopped_by:
        clocks.setdefault("agreed", {})
        for clock in ("resolve", "agreed"):
            if clock in clocks:
                clocks[clock]["answered_by"] = list(mapping.stopped_by)
    unmeasurable = tuple(
        clock for clock, rule in clocks.items() if not _answerable(mapping, clock, rule)
    )
    kept = {clock: rule for clock, rule in clocks.items() if clock not in unmeasurable}
    reduced = {**document, "clocks": kept}
    if "waiting" in document:
        paused = [clock for clock in document["waiting"]["pauses"] if clock in kept]
        reduced["waiting"] = {**document["waiting"], "pauses": paused}
        if not paused:
            del reduced["waiting"]
    return reduced, unmeasurable


def _answerable(mapping: LogMapping, clock: str, rule: Mapping[str, Any]) -> bool:
    row = row_of(clock)
    kinds = {on.kind for on in row.answers} if row is not None else set()
    if "answered_by" in rule:
        kinds = {FactKind(name) for name in rule["answered_by"]}
    return bool(kinds & mapping.facts)
