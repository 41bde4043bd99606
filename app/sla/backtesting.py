"""Backtests: closed history judged again under a policy or a calendar that is not in force.

Before is what is stored, after what the engine says of the same facts had the other rules applied from the start. What
people did stays as it was. Nothing is written but the operation; pages are judged in other processes (`judging`).
"""

import asyncio
import pickle
from collections import deque
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

import orjson

from app.calendars.document import parse_calendar
from app.database import Database, Reader, Transaction
from app.operations.runner import RESULT_BYTES_MAX, Kind, Operation, Step
from app.sla.backtest_views import CLOSED, CLOSED_OF_DEPARTMENTS, TEAMS, ClosedSubjects
from app.sla.book import Book, book_for_reading
from app.sla.engine.alternative import Alternative
from app.sla.engine.deadline import Reference
from app.sla.engine.outcome_report import report
from app.sla.engine.outcomes import Figures
from app.sla.engine.policy_document import parse_policy
from app.sla.judging import Closed, Judges, Rules
from app.statements import Row
from app.time import format_instant, monotonic, parse_instant

BACKTEST = "sla.backtest"
PAGE_SIZE = 250
WAITING_MAX = 4  # pages that are read and not judged yet
BATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Backtest:
    """What is asked: subjects opened in [opened_from, opened_before) and closed since, under other rules.

    `departments` are the keys of those whose subjects are judged, None for all.
    `order` are the policies as they are asked, `policy` the one in question among them; without it subjects keep
    theirs. `calendar` stands for every version of the calendar `in_place_of`. `documents` are what is not stored as a
    version. `pins` are the calendars in force. All is fixed when it is asked, so that every page is judged alike.
    """

    opened_from: datetime
    opened_before: datetime
    zone: str
    subject_type: str | None = None
    departments: tuple[int, ...] | None = None
    policy: Reference | None = None
    policy_document: Mapping[str, Any] | None = None
    order: tuple[Reference, ...] = ()
    calendar: Reference | None = None
    calendar_document: Mapping[str, Any] | None = None
    in_place_of: str | None = None
    pins: Mapping[str, Reference] = field(default_factory=dict)

    @property
    def subjects(self) -> tuple[ClosedSubjects, dict[str, Any]]:
        """Which subjects are looked at: the questions, and what they are asked with."""
        asked: dict[str, Any] = {"subject_type": self.subject_type}
        if self.departments is None:
            return CLOSED, asked
        return CLOSED_OF_DEPARTMENTS, {**asked, "departments": list(self.departments)}

    @property
    def parameters(self) -> dict[str, Any]:
        """The question as JSON."""
        instants = {
            name: format_instant(getattr(self, name)) for name in ("opened_from", "opened_before")
        }
        told: dict[str, Any] = orjson.loads(orjson.dumps({**asdict(self), **instants}))
        return told

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return the question that an operation's parameters hold."""
        references = {name: _reference(told[name]) for name in ("policy", "calendar")}
        return cls(
            **{
                **told,
                **references,
                "opened_from": parse_instant(told["opened_from"]),
                "opened_before": parse_instant(told["opened_before"]),
                "departments": None if told["departments"] is None else tuple(told["departments"]),
                "order": tuple((name, number) for name, number in told["order"]),
                "pins": {role: (one[0], one[1]) for role, one in told["pins"].items()},
            }
        )

    def rules(self, book: Book) -> bytes:
        """Return what pages are judged by."""
        policies = dict(book.rulebook.policies)
        calendars = {name: one.spec for name, one in book.rulebook.calendars.items()}
        if self.policy is not None and self.policy_document is not None:
            policies[self.policy] = parse_policy(self.policy_document, self.policy[1])
        if self.calendar is not None and self.calendar_document is not None:
            calendars[self.calendar] = parse_calendar(self.calendar_document)
        stands = {}
        if self.calendar is not None and self.in_place_of is not None:
            stands = {self.in_place_of: self.calendar}
        alternative = Alternative(calendars=stands)
        if self.policy is not None:
            order = tuple(policies[one] for one in self.order)
            alternative = Alternative(order, policies[self.policy], stands, self.pins)
        return pickle.dumps(Rules(policies, calendars, book.rulebook.rows, alternative, self.zone))


def _reference(told: Any) -> Reference | None:
    return None if told is None else (told[0], told[1])


# --- the work


@dataclass(frozen=True, slots=True)
class Judged:
    """How far the work has come: the last subject looked at, and what was counted."""

    after: int
    seen: int
    figures: Figures
    finished: bool


async def judge(database: Database, asked: Backtest, after: int, figures: Figures) -> Judged:
    """Judge pages for about a second, one at least; while some are judged, the next is read."""
    judges: Judges = database.memory.setdefault("judges", Judges())
    book = await book_for_reading(database, ())
    rules, seen = asked.rules(book), 0
    subjects, values = asked.subjects
    values |= {
        "page_size": PAGE_SIZE,
        "opened_from": asked.opened_from,
        "opened_before": asked.opened_before,
    }
    until, judging = monotonic() + BATCH_SECONDS, deque[asyncio.Task[Figures]]()
    while True:
        rows = await database.all(subjects.page, after=after, **values)
        page = [_closed(row) for row in rows if row["facts"] is not None]
        if page:
            judging.append(asyncio.create_task(judges.judge(rules, page)))
        if len(judging) == WAITING_MAX:
            figures.merge(await judging.popleft())
        seen += len(rows)
        after = rows[-1]["id"] if rows else after
        finished = len(rows) < PAGE_SIZE
        if finished or monotonic() >= until:
            break
    for one in await asyncio.gather(*judging):
        figures.merge(one)
    return Judged(after, seen, figures, finished)


def _closed(row: Row) -> Closed:
    return Closed(
        key=row["id"],
        subject_type=row["subject_type"],
        subject_id=row["subject_public_id"],
        label=row["label"],
        department_id=row["department_id"],
        tier=row["tier"],
        facts=row["facts"],
        deadlines=row["deadlines"],
    )


async def report_of(reader: Reader, figures: Figures) -> dict[str, Any]:
    """Return the answer with departments by their names, and as many matters as an operation's result holds."""
    keys = {key for kind, key, *_ in figures.pairs if kind == "team" and key}
    rows = await reader.all(TEAMS, keys=sorted(map(int, keys)))
    teams = {str(row["id"]): {"id": row["public_id"], "name": row["name"]} for row in rows}
    told = report(figures, teams)
    while len(orjson.dumps(told)) > RESULT_BYTES_MAX:
        told["most_changed"].pop()
    return told


async def _prepare(database: Database, operation: Operation) -> Judged:
    cursor = operation.cursor or {"after": 0, "figures": Figures().plain}
    figures = Figures.of(cursor["figures"])
    try:
        return await judge(database, Backtest.of(operation.parameters), cursor["after"], figures)
    except BrokenProcessPool:
        close(database)
        raise


async def _step(tx: Transaction, operation: Operation, judged: Judged) -> Step:
    figures = judged.figures
    return Step(
        done=operation.done + judged.seen,
        cursor=None if judged.finished else {"after": judged.after, "figures": figures.plain},
        result=await report_of(tx, figures) if judged.finished else None,
        finished=judged.finished,
    )


async def _end(tx: Transaction, operation: Operation) -> None:
    del operation
    close(tx.database)


def close(database: Database) -> None:
    """End the processes that judged."""
    judges: Judges | None = database.memory.pop("judges", None)
    if judges is not None:
        judges.close()


KINDS = {BACKTEST: Kind(_step, _prepare, _end)}
