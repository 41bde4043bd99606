"""Opening, locking and appending: the cache is what the engine says, on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app import writing
from app.calendars import service as calendars
from app.database import Database, Transaction
from app.rehearsal.models import VirtualClock
from app.sla import service
from app.sla.engine.facts import FactKind
from app.sla.models import DeadlineLevel, DeadlineRow, Subject
from app.sla.service import NewFact
from app.statements import Statement
from app.time import FAR_END
from tests.factories import make_department

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
ROWS = Statement(select(*DeadlineRow.__table__.columns).order_by(DeadlineRow.id))
LEVELS = Statement(
    select(*DeadlineLevel.__table__.columns).order_by(
        DeadlineLevel.deadline_id, DeadlineLevel.level
    )
)
SUBJECTS = Statement(select(*Subject.__table__.columns))
INPUTS: dict[str, Any] = {
    "type": "technical", "complexity": "normal", "tier": "B", "channel": "phone", "priority": "normal",
    "department": "技术支持部", "tags": [],
}  # fmt: skip


async def set_up(database: Database, at: datetime) -> None:
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)
        await calendars.ensure_shipped(tx)
        await service.ensure_packs(tx)


async def freeze(database: Database, at: datetime) -> None:
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def open_one(tx: Transaction, number: int = 1) -> service.LockedSubject:
    return await service.open_subject(
        tx, subject_type="ticket", subject_id=number, public_id=f"p{number}", label=f"T{number}",
        customer_id=7, owner_id=None, department_id=None, inputs=INPUTS, at=await tx.now(),
    )  # fmt: skip


async def test_opening_starts_accept_and_resolve_with_their_levels(database: Database) -> None:
    await set_up(database, MONDAY)
    async with database.transaction() as tx:
        await open_one(tx)
    rows = {row["clock"]: row for row in await database.all(ROWS)}
    assert set(rows) == {"accept", "resolve"}
    assert rows["accept"]["due_at"] == MONDAY + timedelta(minutes=30)
    assert rows["resolve"]["due_at"] == MONDAY + timedelta(hours=4)
    levels = await database.all(LEVELS)
    assert len(levels) == 8
    subject = (await database.all(SUBJECTS))[0]
    assert subject["next_fire_at"] == min(one["fire_at"] for one in levels)
    assert subject["sequence"] == 1


async def test_accepting_in_time_meets_the_clock_and_takes_its_levels_away(
    database: Database,
) -> None:
    await set_up(database, MONDAY)
    async with database.transaction() as tx:
        await open_one(tx)
    await freeze(database, MONDAY + timedelta(minutes=30))
    async with database.transaction() as tx:
        subject = await service.lock(tx, "ticket", 1)
        assert subject.now == MONDAY + timedelta(minutes=30)
        await service.append(tx, subject, NewFact(FactKind.ACCEPTED))
    rows = {row["clock"]: row for row in await database.all(ROWS)}
    assert rows["accept"]["state"] == "met"
    assert rows["progress"]["state"] == "running"
    accept = rows["accept"]["id"]
    assert {
        one["fire_at"] for one in await database.all(LEVELS) if one["deadline_id"] == accept
    } == {FAR_END}


async def test_a_tier_change_retargets_open_subjects_within_the_row(database: Database) -> None:
    friday = datetime(2026, 3, 6, 9, 50, tzinfo=UTC)  # 17:50 in Shanghai
    await set_up(database, friday)
    async with database.transaction() as tx:
        await open_one(tx)
    await freeze(database, datetime(2026, 3, 7, 2, 0, tzinfo=UTC))
    async with database.transaction() as tx:
        assert await service.change_inputs(tx, 7, tier="A") == 1
    rows = {row["clock"]: row for row in await database.all(ROWS)}
    assert rows["resolve"]["due_at"] == datetime(2026, 3, 7, 5, 50, tzinfo=UTC)
    assert rows["resolve"]["revision"] == 1


async def test_an_assignment_names_the_department_as_policies_do(database: Database) -> None:
    await set_up(database, MONDAY)
    async with database.transaction() as tx:
        sales = await make_department(tx, name="销售部")
    async with database.transaction() as tx:
        subject = await open_one(tx)
        subject = await service.move_owner(tx, subject, owner_id=None, department_id=sales["id"])
        assert subject.folded.setting.inputs.department == "销售部"
        subject = await service.move_owner(tx, subject, owner_id=None, department_id=None)
        assert subject.folded.setting.inputs.department is None
