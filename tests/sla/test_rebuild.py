"""Deadlines anew from facts: a healthy database shows no difference, a tampered one is found and mended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import writing
from app.database import Database
from app.sla import enforcement, service
from app.sla.engine.facts import FactKind
from app.sla.models import DeadlineLevel, DeadlineRow, Escalation, FactRow, Subject
from app.sla.rebuild import check_deadlines, rebuild_deadlines
from app.sla.service import NewFact
from app.statements import Row, Statement
from app.time import FAR_END
from tests.factories import freeze, make_department, make_rules, make_subject, make_user

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STAFF = {"by": "staff", "public": True, "automatic": False, "vague": False}


def _all(table: Any) -> Statement:
    return Statement(select(*table.__table__.columns).order_by(table.id))


ROWS, LEVELS, SUBJECTS = _all(DeadlineRow), _all(DeadlineLevel), _all(Subject)
ESCALATIONS, FACTS = _all(Escalation), _all(FactRow)
NO_LEVELS = Statement(delete(DeadlineLevel).returning(DeadlineLevel.id))
NO_ROWS = Statement(delete(DeadlineRow).returning(DeadlineRow.id))


@pytest.fixture
async def ruled(database: Database) -> Database:
    await make_rules(database, MONDAY)
    return database


async def move(database: Database, at: datetime, number: int, *facts: NewFact) -> None:
    await freeze(database, at)
    async with database.transaction() as tx:
        await service.append(tx, await service.lock(tx, "ticket", number), *facts)


async def live(database: Database) -> None:
    """Three tickets with every kind of verdict, swept on the way."""
    async with database.transaction() as tx:
        department = await make_department(tx)
        boss = await make_user(tx, role="manager", department=department)
        owner = await make_user(tx, department=department, manager=boss)
        for number in (1, 2, 3):
            await make_subject(tx, number=number, owner=owner, department=department)
    await move(database, MONDAY + 10 * MINUTE, 1, NewFact(FactKind.ACCEPTED))
    wait = NewFact(FactKind.WAITING, {"reason": "需要截图"})
    await move(database, MONDAY + 20 * MINUTE, 1, NewFact(FactKind.MESSAGE, STAFF), wait)
    await freeze(database, MONDAY + 40 * MINUTE)
    await enforcement.sweep(database)
    await move(database, MONDAY + HOUR, 2, NewFact(FactKind.ACCEPTED))
    complex_now = NewFact(FactKind.RECLASSIFIED, {"complexity": "complex"})
    await move(database, MONDAY + 2 * HOUR, 2, complex_now)
    async with database.transaction() as tx:
        subject = await service.lock(tx, "ticket", 2)
        await service.move_owner(tx, subject, owner_id=boss["id"], department_id=None)
    await freeze(database, MONDAY + 5 * HOUR)
    await enforcement.sweep(database)


async def tamper(database: Database, table: Any, row: Row, **values: Any) -> None:
    async with database.transaction() as tx:
        await writing.update_many(tx, table, [{"id": row["id"], **values}])


async def found(database: Database) -> list[tuple[str | None, str]]:
    return [(one.key and one.key[0], one.name) for one in await check_deadlines(database)]


async def row_of(database: Database, number: int, clock: str) -> Row:
    rows = await database.all(ROWS)
    return next(row for row in rows if (row["subject_id"], row["clock"]) == (number, clock))


async def test_an_empty_database_shows_no_difference(ruled: Database) -> None:
    assert await check_deadlines(ruled) == []
    assert await rebuild_deadlines(ruled) == 0


async def test_a_healthy_database_shows_no_difference(ruled: Database) -> None:
    await live(ruled)
    states = {row["state"] for row in await ruled.all(ROWS)}
    assert states >= {"met", "missed", "late", "superseded", "paused", "running"}
    assert await check_deadlines(ruled) == []
    await freeze(ruled, MONDAY + timedelta(days=30))
    assert await check_deadlines(ruled) == []
    await enforcement.sweep(ruled)
    assert await check_deadlines(ruled) == []


TAMPERED: list[tuple[str, dict[str, Any]]] = [
    ("accept", {"state": "met"}),
    ("accept", {"due_at": MONDAY + 31 * MINUTE}),
    ("accept", {"missed_at": MONDAY}),
    ("accept", {"started_at": MONDAY - MINUTE}),
    ("resolve", {"state": "cancelled"}),
    ("resolve", {"ended_at": MONDAY + HOUR}),
    ("resolve", {"answered_at": MONDAY + HOUR}),
    ("resolve", {"pause_ends_at": MONDAY + HOUR}),
    ("resolve", {"owner_id": None}),
    ("resolve", {"department_id": None}),
    ("resolve", {"policy_version": 2}),
    ("resolve", {"target_amount": 5}),
    ("resolve", {"target_unit": "days"}),
    ("resolve", {"calendar": "24x7"}),
    ("resolve", {"rule": "TK-6"}),
    ("resolve", {"used_seconds": 7}),
    ("resolve", {"late_seconds": 7}),
    ("resolve", {"provisional": True}),
    ("resolve", {"on_retarget": True}),
    ("resolve", {"customer_id": 5}),
    ("resolve", {"adjustment": {"reason": "x"}}),
]


@pytest.mark.parametrize(("clock", "values"), TAMPERED, ids=[str(v) for _, v in TAMPERED])
async def test_a_tampered_row_is_found_and_mended(
    ruled: Database, clock: str, values: dict[str, Any]
) -> None:
    await live(ruled)
    row = await row_of(ruled, 3, clock)
    await tamper(ruled, DeadlineRow, row, **values)
    assert await found(ruled) == [(clock, name) for name in values]
    assert await rebuild_deadlines(ruled) == 1
    assert await check_deadlines(ruled) == []
    mended = await row_of(ruled, 3, clock)
    assert dict(mended) == dict(row)


async def test_a_difference_says_where_it_is_in_one_line(ruled: Database) -> None:
    await live(ruled)
    row = await row_of(ruled, 3, "resolve")
    await tamper(ruled, DeadlineRow, row, due_at=MONDAY)
    (one,) = await check_deadlines(ruled)
    assert str(one) == (
        f"ticket {row['subject_public_id']} resolve 1/1 due_at:"
        " stored 2026-03-02T01:00:00.000000Z, computed 2026-03-02T05:00:00.000000Z"
    )


async def test_a_level_that_was_moved_is_found_and_mended(ruled: Database) -> None:
    await live(ruled)
    row = await row_of(ruled, 1, "resolve")
    levels = [one for one in await ruled.all(LEVELS) if one["deadline_id"] == row["id"]]
    await tamper(ruled, DeadlineLevel, levels[3], fire_at=MONDAY)
    assert await found(ruled) == [("resolve", "level 4")]
    assert await rebuild_deadlines(ruled) == 1
    assert await found(ruled) == []
    await tamper(ruled, DeadlineLevel, levels[0], fire_at=FAR_END)
    assert await found(ruled) == [("resolve", "level 1")]


async def test_a_level_that_fired_is_left_alone(ruled: Database) -> None:
    await live(ruled)
    fired = [one for one in await ruled.all(LEVELS) if one["fired_at"] != FAR_END]
    assert fired
    row = await row_of(ruled, 3, "accept")
    await tamper(ruled, DeadlineRow, row, due_at=MONDAY)
    await rebuild_deadlines(ruled)
    assert [one for one in await ruled.all(LEVELS) if one["fired_at"] != FAR_END] == fired
    assert (await row_of(ruled, 3, "accept"))["detected_at"] == MONDAY + 40 * MINUTE


async def test_missing_rows_and_levels_are_written_again(ruled: Database) -> None:
    async with ruled.transaction() as tx:
        await make_subject(tx)
    before = await ruled.all(LEVELS)
    async with ruled.transaction() as tx:
        await writing.change_set(tx, DeadlineLevel, NO_LEVELS)
    assert len(await found(ruled)) == 8
    assert await rebuild_deadlines(ruled) == 2
    assert len(await ruled.all(LEVELS)) == len(before) == 8
    async with ruled.transaction() as tx:
        await writing.change_set(tx, DeadlineLevel, NO_LEVELS)
        await writing.change_set(tx, DeadlineRow, NO_ROWS)
    assert await found(ruled) == [("accept", "row"), ("resolve", "row")]
    assert await rebuild_deadlines(ruled) == 2
    assert await check_deadlines(ruled) == []
    (subject,) = await ruled.all(SUBJECTS)
    assert subject["next_fire_at"] == MONDAY + 22 * MINUTE + timedelta(seconds=30)


async def test_a_row_that_no_fact_knows_of_is_dropped_unless_it_escalated(ruled: Database) -> None:
    await live(ruled)
    row = await row_of(ruled, 3, "accept")
    foreign = {**row, "id": None, "public_id": None, "cycle": 2}
    async with ruled.transaction() as tx:
        made = await writing.insert(tx, DeadlineRow, **foreign)
        level = {"deadline_id": made["id"], "subject_key": row["subject_key"], "level": 1}
        await writing.insert(tx, DeadlineLevel, **level, fire_at=MONDAY)
    assert await found(ruled) == [("accept", "row")]
    assert await rebuild_deadlines(ruled) == 1
    assert await found(ruled) == []
    (escalation, *_) = await ruled.all(ESCALATIONS)
    async with ruled.transaction() as tx:
        made = await writing.insert(tx, DeadlineRow, **foreign)
        told = {**escalation, "id": None, "public_id": None, "deadline_id": made["id"]}
        await writing.insert(tx, Escalation, **told)
    await rebuild_deadlines(ruled)
    assert await found(ruled) == [("accept", "row")]


@pytest.mark.parametrize(
    ("name", "value"), [("sequence", 9), ("tier", "A"), ("next_fire_at", MONDAY)]
)
async def test_a_subject_that_was_tampered_with_is_found_and_mended(
    ruled: Database, name: str, value: Any
) -> None:
    await live(ruled)
    subject = (await ruled.all(SUBJECTS))[1]
    await tamper(ruled, Subject, subject, **{name: value})
    assert await found(ruled) == [(None, name)]
    assert await rebuild_deadlines(ruled) == 1
    assert (await ruled.all(SUBJECTS))[1] == subject


async def test_a_faulty_subject_may_wait_for_its_next_look(ruled: Database) -> None:
    await live(ruled)
    subject = (await ruled.all(SUBJECTS))[1]
    await tamper(ruled, Subject, subject, next_fire_at=FAR_END, fault_count=1)
    assert await check_deadlines(ruled) == []


async def test_facts_that_cannot_be_evaluated_are_named_and_stop_nothing(ruled: Database) -> None:
    await live(ruled)
    first = next(row for row in await ruled.all(FACTS) if row["kind"] == "opened")
    broken = {**first["data"], "policy": ["nonesuch", 1]}
    await tamper(ruled, FactRow, first, data=broken)
    healthy = await row_of(ruled, 3, "resolve")
    await tamper(ruled, DeadlineRow, healthy, due_at=MONDAY)
    assert await found(ruled) == [(None, "facts"), ("resolve", "due_at")]
    assert await rebuild_deadlines(ruled) == 1
    assert await found(ruled) == [(None, "facts")]


async def test_every_page_is_looked_at(ruled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sla.rebuild.PAGE_SIZE", 2)
    async with ruled.transaction() as tx:
        for number in range(1, 6):
            await make_subject(tx, number=number)
    for row in await ruled.all(ROWS):
        await tamper(ruled, DeadlineRow, row, due_at=MONDAY)
    assert len(await found(ruled)) == 10
    assert await rebuild_deadlines(ruled) == 10
    assert await found(ruled) == []
