"""Judges pages of closed subjects under other rules, in processes of their own: the worker's loop goes on meanwhile.

A page comes as JSON texts, what it counts goes back as plain values; the rules come along and are compiled once.
"""

import asyncio
import gc
import os
import pickle
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from multiprocessing import get_context, parent_process
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from app.calendars.document import CalendarSpec
from app.calendars.working_time import compile_calendar
from app.sla.engine.alternative import Alternative
from app.sla.engine.clock import evaluate
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import Reference, State
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.outcomes import Charge, Figures, Matter, Outcome, Promise, outcomes_of
from app.sla.engine.policy import Policy
from app.sla.engine.terms import Rulebook

JUDGES = 2
NICENESS = 5  # whatever has to be on time goes first
LABEL_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """What is judged by: every version that facts may name, the deployment's own clocks, and the alternative.

    `zone` says where a month begins.
    """

    policies: Mapping[Reference, Policy]
    calendars: Mapping[Reference, CalendarSpec]
    rows: Mapping[str, ClockRow]
    alternative: Alternative
    zone: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed subject as it was read; `facts` and `deadlines` are JSON texts."""

    key: int
    subject_type: str
    subject_id: str
    label: str
    department_id: int | None
    tier: str | None
    facts: str
    deadlines: str


def judge(rules: bytes, page: Sequence[Closed]) -> Figures:
    """Return how the page's promises ended, as stored, and how they end under the alternative of pickled `Rules`."""
    given, rulebook = _compiled(rules)
    zone, figures = ZoneInfo(given.zone), Figures()
    for one in page:
        try:
            _judge_one(one, given.alternative, rulebook, zone, figures)
        except (LookupError, ValueError):
            figures.fault_count += 1
    return figures


@lru_cache(maxsize=2)
def _compiled(rules: bytes) -> tuple[Rules, Rulebook]:
    given: Rules = pickle.loads(rules)
    calendars = {name: compile_calendar(spec) for name, spec in given.calendars.items()}
    return given, Rulebook(given.policies, calendars, given.rows)


def _judge_one(
    one: Closed, alternative: Alternative, rulebook: Rulebook, zone: ZoneInfo, figures: Figures
) -> None:
    facts = [_fact(told) for told in orjson.loads(one.facts)]
    after = outcomes_of(evaluate(alternative.told(facts), rulebook))
    before, charges = _stored(orjson.loads(one.deadlines), max(fact.known_at for fact in facts))
    matter = Matter(
        key=one.key,
        subject_type=one.subject_type,
        subject_id=one.subject_id,
        label=one.label[:LABEL_LENGTH_MAX],
        team=one.department_id,
        tier=one.tier,
        month=facts[0].at.astimezone(zone).strftime("%Y-%m"),
    )
    figures.add(matter, before, after, charges)


def _fact(told: Mapping[str, Any]) -> Fact:
    recorded_at = told["recorded_at"]
    return Fact(
        sequence=told["sequence"],
        kind=FactKind(told["kind"]),
        at=datetime.fromisoformat(told["occurred_at"]),
        data=told["data"],
        recorded_at=datetime.fromisoformat(recorded_at) if recorded_at else None,
    )


def _stored(
    rows: Sequence[Mapping[str, Any]], last_at: datetime
) -> tuple[dict[Promise, Outcome], dict[Promise, Charge]]:
    """Return what the cache says as of the last fact, of each promise its last revision, and to whom it is charged."""
    outcomes: dict[Promise, Outcome] = {}
    charges: dict[Promise, Charge] = {}
    for row in rows:
        promise = (row["clock"], row["cycle"])
        due_at, state = datetime.fromisoformat(row["due_at"]), State(row["state"])
        if row["ended_at"] is None and state is State.MISSED and due_at >= last_at:
            state = State.RUNNING
        outcomes[promise] = Outcome(row["clock"], row["rule"], state, due_at, _margin(row, state))
        charges[promise] = (row["charged_department_id"], row["charged_tier"])
    return outcomes, charges


def _margin(row: Mapping[str, Any], state: State) -> int | None:
    if state is State.LATE and row["late_seconds"] is not None:
        return -int(row["late_seconds"])
    return row["early_seconds"]  # type: ignore[no-any-return]


# --- the processes


class Judges:
    """The processes that judge; made when the first page comes, ended by `close`."""

    def __init__(self) -> None:
        self.pool: ProcessPoolExecutor | None = None

    async def judge(self, rules: bytes, page: Sequence[Closed]) -> Figures:
        """Return what `judge` does, from another process."""
        if self.pool is None:
            self.pool = ProcessPoolExecutor(JUDGES, get_context("spawn"), initializer=_begin)
        return await asyncio.get_running_loop().run_in_executor(self.pool, judge, rules, page)

    def close(self) -> None:
        """End the processes once they have nothing to do."""
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """Work behind everything that has to be on time, and never longer than the parent lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    gc.freeze()
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
