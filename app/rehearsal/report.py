"""The report of a replay as text: the same outcome gives the same bytes.

Pure. What is told is in `Outcome`; how fast it went is not: that is no property of the log.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.rehearsal.events import BadRow
from app.sla.engine.register import TICKET_CLOCKS

STATES = ("met", "late", "missed", "running", "paused", "superseded", "cancelled")
_COUNTED = ("met", "late", "missed")
_WORST_COUNT = 5
_LISTED_MAX = 100
_ORDER = {row.clock: number for number, row in enumerate(TICKET_CLOCKS)}


@dataclass(frozen=True, slots=True)
class Measured:
    """One deadline as it stands at the end: its case, rule, clock and verdict.

    `late_seconds` are in the deadline's own calendar, up to the answer or, unanswered, to the end; 0 if not late.
    """

    case: str
    rule: str
    clock: str
    state: str
    due_at: datetime
    answered_at: datetime | None = None
    late_seconds: int = 0
    late_elapsed_seconds: int = 0


@dataclass(frozen=True, slots=True)
class RefusedMove:
    """A move of the log that the services refused, and why (a refusal's code)."""

    line: int
    case: str
    activity: str
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    """How our verdicts on promised instants compare with the log's own; `differing` are cases.

    `unpromised` cases have no promised instant, hence no deadline; `unjudged` have one, and no verdict to compare.
    """

    agreeing_count: int
    differing: tuple[str, ...]
    unpromised_count: int
    unjudged_count: int


@dataclass(slots=True)
class Outcome:
    """What a replay found. Keys of the counters: `implied` (activity, move), the others an activity.

    `escalations` counts by (rule, clock, level). `unmeasurable` are clocks of the policy that the log cannot answer.
    """

    log: str
    mapping: str
    policy: str
    row_count: int = 0
    event_count: int = 0
    case_count: int = 0
    ticket_count: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None
    measured: list[Measured] = field(default_factory=list)
    unmeasurable: tuple[str, ...] = ()
    escalations: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    implied: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    moveless: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedMove] = field(default_factory=list)
    bad_rows: tuple[BadRow, ...] = ()
    compared: Compared | None = None


def report(outcome: Outcome) -> str:
    """Return the whole report, ending with a line break."""
    parts = [
        _head(outcome),
        _verdicts(outcome),
        _compared(outcome),
        _worst(outcome),
        _escalations(outcome),
        _added(outcome),
        _listed(
            "Refused moves",
            [
                f"line {one.line}  {one.case}  {one.activity}: {one.reason}"
                for one in outcome.refused
            ],
        ),
        _listed("Bad rows", [f"line {one.line}: {one.reason}" for one in outcome.bad_rows]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(outcome: Outcome) -> str:
    lines = [f"Replay of {outcome.log}, mapping {outcome.mapping}, policy {outcome.policy}"]
    lines.append(
        f"{outcome.row_count:,} rows, {len(outcome.bad_rows):,} of them bad; {outcome.event_count:,} events"
        f" of {outcome.case_count:,} cases, {outcome.ticket_count:,} tickets"
    )
    if outcome.began_at is not None and outcome.ended_at is not None:
        lines.append(f"from {_instant(outcome.began_at)} to {_instant(outcome.ended_at)}")
    return "\n".join(lines)


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _verdicts(outcome: Outcome) -> str:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one in outcome.measured:
        counts.setdefault((one.rule, one.clock), Counter())[one.state] += 1
    rows = [["rule", "clock", *STATES, "kept"]]
    for (rule, clock), states in sorted(counts.items(), key=lambda item: _place(item[0][1])):
        rows.append([rule, clock, *(f"{states[state]:,}" for state in STATES), _share(states)])
    lines = ["Verdicts", *_table(rows, left=2)]
    if len(rows) == 1:
        lines = ["Verdicts", "  none: no deadline applied"]
    for clock in sorted(outcome.unmeasurable, key=_place):
        lines.append(
            f"  {_rule(clock)} {clock}: not measurable, the log cannot hold what answers it"
        )
    return "\n".join(lines)


def _place(clock: str) -> tuple[int, str]:
    return _ORDER.get(clock, len(_ORDER)), clock


def _rule(clock: str) -> str:
    return next((row.rule for row in TICKET_CLOCKS if row.clock == clock), "-")


def _share(states: Mapping[str, int]) -> str:
    """Return the share of the kept among those that ended one way or the other, in per cent."""
    total = sum(states[state] for state in _COUNTED)
    return f"{100 * states['met'] / total:.1f} %" if total else "-"


def _compared(outcome: Outcome) -> str:
    compared = outcome.compared
    if compared is None:
        return ""
    total = compared.agreeing_count + len(compared.differing)
    lines = [
        "The log's own verdicts",
        f"  {compared.agreeing_count:,} of {total:,} cases with target and verdict agree",
        f"  without a target, hence without a deadline: {compared.unpromised_count:,}",
        f"  with a target and without a verdict: {compared.unjudged_count:,}",
    ]
    lines += [f"  differs: {case}" for case in compared.differing[:_LISTED_MAX]]
    return "\n".join(lines)


def _worst(outcome: Outcome) -> str:
    by_clock: dict[str, list[Measured]] = {}
    for one in outcome.measured:
        if one.state in ("late", "missed"):
            by_clock.setdefault(one.clock, []).append(one)
    if not by_clock:
        return ""
    rows = [["rule", "clock", "case", "due", "answered", "late (its calendar)", "late (elapsed)"]]
    for clock in sorted(by_clock, key=_place):
        ranked = sorted(
            by_clock[clock],
            key=lambda one: (-one.late_seconds, -one.late_elapsed_seconds, one.case, one.due_at),
        )
        rows += [_delay(one) for one in ranked[:_WORST_COUNT]]
    return "\n".join(["Worst delays", *_table(rows, left=5)])


def _delay(one: Measured) -> list[str]:
    answered = "never" if one.answered_at is None else _instant(one.answered_at)
    late, elapsed = _duration(one.late_seconds), _duration(one.late_elapsed_seconds)
    return [one.rule, one.clock, one.case, _instant(one.due_at), answered, late, elapsed]


def _duration(seconds: int) -> str:
    return f"{seconds // 3600:,}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _escalations(outcome: Outcome) -> str:
    if not outcome.escalations:
        return "Escalations by level\n  none"
    levels = sorted({level for _, _, level in outcome.escalations})
    clocks = sorted({key[:2] for key in outcome.escalations}, key=lambda key: _place(key[1]))
    rows = [["rule", "clock", *(f"level {level}" for level in levels)]]
    for rule, clock in clocks:
        counts = [f"{outcome.escalations[rule, clock, level]:,}" for level in levels]
        rows.append([rule, clock, *counts])
    sums = [sum(n for key, n in outcome.escalations.items() if key[2] == level) for level in levels]
    rows.append(["all", "", *(f"{count:,}" for count in sums)])
    return "\n".join(["Escalations by level", *_table(rows, left=2)])


def _added(outcome: Outcome) -> str:
    lines = []
    for title, counter in (
        ("Implied moves", {f"{move} (by {by})": n for (by, move), n in outcome.implied.items()}),
        ("Repeats", outcome.repeats),
        ("Activities that move nothing", outcome.moveless),
    ):
        lines.append(f"{title}: {sum(counter.values()):,}")
        ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"  {count:>7,}  {name}" for name, count in ranked]
    return "\n".join(lines)


def _listed(title: str, lines: Sequence[str]) -> str:
    shown = [f"  {line}" for line in lines[:_LISTED_MAX]]
    if len(lines) > _LISTED_MAX:
        shown.append(f"  ... and {len(lines) - _LISTED_MAX:,} more")
    return "\n".join([f"{title}: {len(lines):,}", *shown])


def _table(rows: Iterable[Sequence[str]], *, left: int) -> list[str]:
    """Return the rows in columns, indented; the first `left` columns to the left, the others to the right."""
    rows = [list(row) for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
