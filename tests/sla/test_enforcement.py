"""The sweep: nothing due, one due, run twice, a poisoned one, two at once, many behind."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.auth.models import Department, User
from app.database import Database, Transaction
from app.notifications.models import Notification
from app.outbox.models import OutboxMessage
from app.sla import enforcement, service
from app.sla.engine.facts import FactKind
from app.sla.models import Escalation, Subject
from app.sla.service import NewFact
from app.statements import Statement
from tests.sla.test_service import INPUTS, MONDAY, ROWS, freeze, set_up

ESCALATIONS = Statement(
    select(*Escalation.__table__.columns).order_by(Escalation.deadline_id, Escalation.level)
)
NOTES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))
SUBJECTS = Statement(select(*Subject.__table__.columns).order_by(Subject.id))


async def make_company(tx: Transaction) -> dict[str, Any]:
    """A head, a supervisor under him and an owner under her, in one department."""
    common = {"created_at": MONDAY, "updated_at": MONDAY}
    department = await writing.insert(
        tx, Department, name="技术支持部", name_key="技术支持部", path="/1/", **common
    )
    people: dict[str, Any] = {}
    manager = None
    for name in ("head", "supervisor", "owner"):
        people[name] = await writing.insert(
            tx, User, email=f"{name}@example.cn", name=name, name_key=name, role="support",
            department_id=department["id"], manager_id=manager, **common,
        )  # fmt: skip
        manager = people[name]["id"]
    await writing.update(tx, Department, department, head_id=people["head"]["id"])
    return {**people, "department": department}


async def open_owned(tx: Transaction, company: dict[str, Any], number: int = 1) -> None:
    await service.open_subject(
        tx, subject_type="ticket", subject_id=number, public_id=f"p{number}", label=f"T{number}",
        customer_id=7, owner_id=company["owner"]["id"], department_id=company["department"]["id"],
        inputs=INPUTS, at=await tx.now(),
    )  # fmt: skip


async def prepare(database: Database, count: int = 1) -> dict[str, Any]:
    await set_up(database, MONDAY)
    async with database.transaction() as tx:
        company = await make_company(tx)
        for number in range(1, count + 1):
            await open_owned(tx, company, number)
    return company


async def test_nothing_due_fires_nothing(database: Database) -> None:
    await prepare(database)
    result = await enforcement.sweep(database)
    assert (result.subject_count, result.level_count) == (0, 0)


async def test_a_level_fires_once_with_all_effects(database: Database) -> None:
    company = await prepare(database)
    due = MONDAY + timedelta(minutes=30)
    await freeze(database, MONDAY + timedelta(minutes=22, seconds=30))
    assert (await enforcement.sweep(database)).level_count == 1
    await freeze(database, due)
    assert (await enforcement.sweep(database)).level_count == 1
    assert (await enforcement.sweep(database)).level_count == 0
    rows = await database.all(ESCALATIONS)
    assert [row["level"] for row in rows] == [1, 2]
    assert [[one["why"] for one in row["told"]] for row in rows] == [["owner"], ["owner", "next"]]
    told = [note["user_id"] for note in await database.all(NOTES)]
    assert told == [company["owner"]["id"], company["owner"]["id"], company["supervisor"]["id"]]
    events = [message["event"] for message in await database.all(MESSAGES)]
    assert events.count("deadline.escalated") == 2
    assert events.count("notification.ready") == 2  # one for all who are told at once


@pytest.mark.sop("TK-9")
async def test_levels_overtaken_while_nobody_watched_are_told_in_one_message(
    database: Database,
) -> None:
    company = await prepare(database)
    await freeze(database, MONDAY + timedelta(hours=6))
    await enforcement.sweep(database)
    accept = next(row for row in await database.all(ROWS) if row["clock"] == "accept")
    assert accept["state"] == "missed"
    assert accept["missed_at"] == MONDAY + timedelta(minutes=30)
    assert accept["detected_at"] == MONDAY + timedelta(hours=6)
    rows = [row for row in await database.all(ESCALATIONS) if row["deadline_id"] == accept["id"]]
    assert [(row["level"], row["overtaken"]) for row in rows] == [
        (1, True),
        (2, True),
        (3, True),
        (4, False),
    ]
    mine = [n for n in await database.all(NOTES) if n["data"]["clock"] == "accept"]
    assert sorted(n["user_id"] for n in mine) == sorted(
        company[name]["id"] for name in ("owner", "supervisor", "head")
    )


async def test_an_answer_before_the_sweep_leaves_nothing_to_fire(database: Database) -> None:
    await prepare(database)
    await freeze(database, MONDAY + timedelta(minutes=29))
    async with database.transaction() as tx:
        await service.append(tx, await service.lock(tx, "ticket", 1), NewFact(FactKind.ACCEPTED))
    await freeze(database, MONDAY + timedelta(minutes=40))
    assert (await enforcement.sweep(database)).level_count == 0


async def test_many_behind_fire_each_level_once(database: Database) -> None:
    await prepare(database, 120)
    await freeze(database, MONDAY + timedelta(minutes=31))
    result = await enforcement.sweep(database)
    assert result.level_count == 240
    assert len(await database.all(ESCALATIONS)) == 240


async def test_two_sweeps_at_once_double_nothing(database: Database) -> None:
    if database.kind == "sqlite":
        pytest.skip("one process has one writer on SQLite; the crash test runs two processes")
    await prepare(database, 100)
    await freeze(database, MONDAY + timedelta(minutes=31))
    results = await asyncio.gather(*(enforcement.sweep(database) for _ in range(3)))
    assert sum(result.level_count for result in results) == 200
    assert len(await database.all(ESCALATIONS)) == 200


async def test_a_poisoned_subject_is_isolated_and_put_off(database: Database) -> None:
    await prepare(database, 3)
    row = (await database.all(ROWS))[0]
    async with database.transaction() as tx:
        await writing.insert(
            tx, Escalation, deadline_id=row["id"], level=1, subject_type="ticket", subject_id=1,
            subject_public_id="p1", rule="TK-2", due_at=MONDAY, fire_at=MONDAY, detected_at=MONDAY,
        )  # fmt: skip
    await freeze(database, MONDAY + timedelta(minutes=31))
    result = await enforcement.sweep(database)
    assert (result.fault_count, result.subject_count) == (1, 2)
    subjects = await database.all(SUBJECTS)
    assert [bool(one["fault"]) for one in subjects] == [True, False, False]
    assert subjects[0]["next_fire_at"] == MONDAY + timedelta(minutes=32)
