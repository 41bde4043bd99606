"""The case table through the services on a real database, under the frozen clock, and through `rebuild`.

Here lives how a case's facts become calls of `app.sla.service`: one subject a case, all in one database. Not here:
the cases, their facts (`case_facts`) and what is compared (`test_cases`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import bindparam, select

from app import writing
from app.calendars.models import CalendarRow, CalendarVersion
from app.database import Database, Transaction
from app.engines import create_database
from app.rehearsal.models import VirtualClock
from app.sla import enforcement, service
from app.sla.engine.clock import evaluate
from app.sla.engine.facts import Fact, FactKind
from app.sla.models import DeadlineLevel, DeadlineRow
from app.sla.rebuild import check_deadlines
from app.sla.service import LockedSubject, NewFact
from app.sla.views import STATE
from app.statements import Row, Statement
from app.subscribers import compose
from app.time import FAR_END
from tests.conftest import Databases, make_settings
from tests.sla.case_facts import facts_of
from tests.sla.case_files import Case, ExpectedDeadline, load_calendars, load_cases
from tests.sla.test_cases import check_rows, find_row, told, wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRIVEN = [case for case in load_cases() if "rebuild" in case.runs]
LATEST = max(case.expect.at for case in DRIVEN)
CASES = [pytest.param(case, id=case.case_id, marks=pytest.mark.sop(*case.rules)) for case in DRIVEN]
ROWS = Statement(
    select(*DeadlineRow.__table__.columns, STATE.label("read_state")).where(
        DeadlineRow.subject_id == bindparam("number")
    )
)
LEVELS = Statement(
    select(DeadlineLevel.deadline_id, DeadlineLevel.level, DeadlineLevel.fire_at)
    .join_from(DeadlineLevel, DeadlineRow, DeadlineRow.id == DeadlineLevel.deadline_id)
    .where(DeadlineRow.subject_id == bindparam("number"), DeadlineLevel.fire_at < FAR_END)
)
# What the cache holds while a row can still be answered; figures that grow with time it holds only afterwards.
STORED_WHILE_OPEN = frozenset({"due_at", "started_at", "answered_at", "on_retarget", "provisional"})
STORED_ONCE_ENDED = frozenset({"late_seconds", "late_elapsed_seconds", "intervals_skipped"})


class Table:
    """One database with every case's ticket in it, numbered as in the files."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.numbers = {case.case_id: number for number, case in enumerate(DRIVEN, 1)}
        self.driven: set[str] = set()
        self.pack = ""

    async def set_up(self) -> None:
        """Store the calendars of the cases, each as version 1, and the packs."""
        at = DRIVEN[0].history[0].at
        async with self.database.transaction() as tx:
            for name, document in load_calendars().items():
                row = await writing.insert(
                    tx, CalendarRow, name=name, title=document["title"],
                    is_working=name == "office", created_at=at,
                )  # fmt: skip
                stored = _with_texts(document)
                await writing.insert(
                    tx, CalendarVersion, calendar_id=row["id"], number=1, document=stored,
                    created_at=at,
                )  # fmt: skip
            await service.ensure_packs(tx)

    async def freeze(self, tx: Transaction, at: datetime) -> None:
        """Stop the clock at an instant; every case begins anew, so it may go back between them."""
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)

    async def freeze_at(self, at: datetime) -> None:
        """Stop the clock in a transaction of its own."""
        async with self.database.transaction() as tx:
            await self.freeze(tx, at)

    async def _use_pack(self, name: str) -> None:
        if self.pack != name:
            self.pack = name
            async with self.database.transaction() as tx:
                await service.use_pack(tx, name)

    async def drive(self, case: Case) -> None:
        """Let the services live the case's history, once."""
        number = self.numbers[case.case_id]
        if case.case_id in self.driven:
            return
        self.driven.add(case.case_id)
        await self._use_pack(case.policy)
        async with self.database.transaction() as tx:
            for at, facts in groupby(facts_of(case), key=lambda fact: fact.at):
                await self.freeze(tx, at)
                await self._happen(tx, number, list(facts))

    async def drive_watched(self, case: Case) -> None:
        """Let the history happen with a sweep just before each move, as a worker would see it."""
        number = self.numbers[case.case_id]
        await self._use_pack(case.policy)
        for at, facts in groupby(facts_of(case), key=lambda fact: fact.at):
            await self.freeze_at(at)
            await enforcement.sweep(self.database)
            async with self.database.transaction() as tx:
                await self._happen(tx, number, list(facts))

    async def _happen(self, tx: Transaction, number: int, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if fact.kind is FactKind.OPENED:
                await _open(tx, number, fact)
            elif fact.kind is FactKind.TIER_CHANGED:
                await service.change_inputs(tx, number, tier=fact.data["tier"])
            else:
                await _append(tx, await service.lock(tx, "ticket", number), fact)

    async def read(self, number: int, at: datetime) -> tuple[LockedSubject, list[Row]]:
        """The subject with the facts that were stored of it, and the stored rows as they read at `at`."""
        async with self.database.transaction() as tx:
            await self.freeze(tx, at)
            subject = await service.lock(tx, "ticket", number)
            rows = await tx.peek(ROWS, number=number)
            levels = await tx.peek(LEVELS, number=number)
        fire_at: dict[int, dict[int, datetime]] = {row["id"]: {} for row in rows}
        for one in levels:
            fire_at[one["deadline_id"]][one["level"]] = one["fire_at"]
        return subject, [{**row, "levels": fire_at[row["id"]]} for row in rows]

    async def check(self, case: Case) -> None:
        """Compare the stored facts, evaluated at the case's instant, and the stored rows with the case."""
        subject, stored = await self.read(self.numbers[case.case_id], case.expect.at)
        computed = evaluate(subject.facts, subject.book.rulebook, now=case.expect.at)
        check_rows(case, computed)
        keys = {(row["clock"], row["cycle"], row["revision"]): row for row in stored}
        assert set(keys) == {one.key for one in computed}
        for expected in case.expect.deadlines:
            deadline = find_row(computed, expected)
            assert told(deadline, expected) == wanted(expected)
            _compare(keys[deadline.key], expected)


def _with_texts(document: Any) -> dict[str, Any]:
    """A YAML document as JSON holds it: dates as text."""
    exceptions = [{**one, "date": str(one["date"])} for one in document.get("exceptions", ())]
    return {**document, "exceptions": exceptions} if exceptions else dict(document)


async def _open(tx: Transaction, number: int, fact: Fact) -> None:
    inputs = {name: value for name, value in fact.data["inputs"].items() if name != "owner"}
    await service.open_subject(
        tx, subject_type="ticket", subject_id=number, public_id=f"p{number}", label=f"T{number}",
        customer_id=number, owner_id=1, department_id=None, inputs=inputs, at=await tx.now(),
        accepted=fact.data["accepted"],
        data={"policy": fact.data["policy"], "calendars": fact.data["calendars"]},
    )  # fmt: skip


async def _append(tx: Transaction, subject: LockedSubject, fact: Fact) -> None:
    if fact.kind is FactKind.ASSIGNED:
        await service.move_owner(tx, subject, owner_id=2, department_id=None)
    elif fact.kind is FactKind.CORRECTED:
        given = {"claimed_at": fact.data["claimed_at"], "reason": fact.data["reason"]}
        await service.correct(tx, subject, fact.data, **given)
    else:
        await service.append(tx, subject, NewFact(fact.kind, fact.data))


@asynccontextmanager
async def _database(
    databases: Databases, folders: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    url = databases.make()
    database = compose(create_database(make_settings(url, folders.mktemp("cases"))))
    await database.open()
    try:
        yield database
    finally:
        await database.close()
        databases.drop(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Table]:
    async with _database(databases, tmp_path_factory) as database:
        made = Table(database)
        await made.set_up()
        yield made


@pytest.mark.parametrize("case", CASES)
async def test_stored_facts_and_rows_say_what_the_case_expects(table: Table, case: Case) -> None:
    await table.drive(case)
    await table.check(case)


def _compare(row: Row, expected: ExpectedDeadline) -> None:
    """The stored row, as the API reads it, says of the case's words what it holds."""
    assert expected.state in {None, row["read_state"]}
    ended = row["ended_at"] != FAR_END
    named = STORED_WHILE_OPEN | (STORED_ONCE_ENDED if ended else frozenset())
    for name in named & set(expected.attributes):
        assert _shown(row[name]) == expected.attributes[name], name
    if not ended:
        assert {level: row["levels"].get(level) for level in expected.levels} == expected.levels


def _shown(value: Any) -> Any:
    return None if value == FAR_END else value


async def test_rebuild_finds_no_difference_in_any_case(table: Table) -> None:
    for case in DRIVEN:
        await table.drive(case)
    await table.freeze_at(LATEST)
    names = {f"ticket p{number}": name for name, number in table.numbers.items()}
    found = await check_deadlines(table.database)
    assert [(names[one.subject], str(one)) for one in found] == []


async def test_rebuild_finds_no_difference_after_the_sweep(table: Table) -> None:
    for case in DRIVEN:
        await table.drive(case)
    await table.freeze_at(LATEST)
    assert (await enforcement.sweep(table.database)).level_count > len(DRIVEN)
    assert [str(one) for one in await check_deadlines(table.database)] == []


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(DRIVEN[::5], id="every-fifth"),
        pytest.param(DRIVEN, id="all", marks=pytest.mark.heavy),
    ],
)
async def test_a_sweep_before_every_move_changes_no_verdict(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, cases: list[Case]
) -> None:
    async with _database(databases, tmp_path_factory) as database:
        watched = Table(database)
        await watched.set_up()
        for case in cases:
            await watched.drive_watched(case)
        await watched.freeze_at(LATEST)
        assert [str(one) for one in await check_deadlines(database)] == []
        for case in cases:
            await watched.check(case)
