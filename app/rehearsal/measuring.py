"""What stands in a replay's database at its end: deadlines with their verdicts, escalations, whose word agrees."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.database import Database
from app.rehearsal.report import Compared, Measured
from app.sla.book import read_book
from app.sla.engine.terms import Rulebook
from app.sla.models import DeadlineRow, Escalation
from app.statements import Row, Statement
from app.time import FAR_END

_SECOND = timedelta(seconds=1)
DEADLINES = Statement(
    select(
        DeadlineRow.subject_id, DeadlineRow.rule, DeadlineRow.clock, DeadlineRow.state, DeadlineRow.due_at,
        DeadlineRow.pause_ends_at, DeadlineRow.answered_at, DeadlineRow.ended_at, DeadlineRow.late_seconds,
        DeadlineRow.late_elapsed_seconds, DeadlineRow.calendar, DeadlineRow.calendar_version,
    ).order_by(DeadlineRow.subject_id, DeadlineRow.clock, DeadlineRow.cycle, DeadlineRow.revision)
)  # fmt: skip
ESCALATIONS = Statement(
    select(DeadlineRow.rule, DeadlineRow.clock, Escalation.level, func.count().label("count"))
    .join_from(Escalation, DeadlineRow, DeadlineRow.id == Escalation.deadline_id)
    .group_by(DeadlineRow.rule, DeadlineRow.clock, Escalation.level)
)


async def measure(
    database: Database, case_of: Mapping[int, str], ended_at: datetime
) -> list[Measured]:
    """Return every deadline as it reads at `ended_at`; `case_of` names cases by their tickets' keys."""
    async with database.transaction() as tx:
        book = (await read_book(tx)).rulebook
        rows = await tx.all(DEADLINES)
    return [_measured(row, case_of[row["subject_id"]], book, ended_at) for row in rows]


def _measured(row: Row, case: str, book: Rulebook, ended_at: datetime) -> Measured:
    state = _state(row, ended_at)
    late, elapsed = row["late_seconds"] or 0, row["late_elapsed_seconds"] or 0
    if state == "missed" and row["ended_at"] == FAR_END:
        calendar = book.calendars[row["calendar"], row["calendar_version"]]
        late = calendar.open_seconds(row["due_at"], ended_at)
        elapsed = (ended_at - row["due_at"]) // _SECOND
    answered_at = row["answered_at"]
    return Measured(
        case=case,
        rule=row["rule"],
        clock=row["clock"],
        state=state,
        due_at=row["due_at"],
        answered_at=None if answered_at == FAR_END else answered_at,
        late_seconds=late,
        late_elapsed_seconds=elapsed,
    )


def _state(row: Row, at: datetime) -> str:
    """Return the state that a stored row reads as at an instant (deadlines 1.3)."""
    if row["ended_at"] != FAR_END:
        return str(row["state"])
    if row["due_at"] < at:
        return "missed"
    pause_ends_at = row["pause_ends_at"]
    return "paused" if pause_ends_at != FAR_END and at < pause_ends_at else "running"


async def count_escalations(database: Database) -> Counter[tuple[str, str, int]]:
    """Return how many levels fired, by rule, clock and level."""
    return Counter(
        {
            (row["rule"], row["clock"], row["level"]): row["count"]
            for row in await database.all(ESCALATIONS)
        }
    )


def compare(
    kept: Mapping[str, bool | None], promised: Iterable[str], measured: Iterable[Measured]
) -> Compared:
    """Return how our verdicts on promised instants stand beside the log's.

    `kept` is the log's own verdict by case, `promised` the cases with an instant of their own.
    """
    ours = {one.case: one.state == "met" for one in measured if one.clock == "agreed"}
    with_target = set(promised)
    judged = {case for case in with_target if kept.get(case) is not None}
    differing = tuple(sorted(case for case in judged if ours.get(case) is not kept[case]))
    return Compared(
        agreeing_count=len(judged) - len(differing),
        differing=differing,
        unpromised_count=len(kept.keys() - with_target),
        unjudged_count=len(with_target - judged),
    )
