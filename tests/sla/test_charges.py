"""To whom a verdict belongs, how early a promise was kept, and the marks that changes leave for whoever counts."""

from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.auth.models import Department
from app.sla import enforcement, service
from app.sla.engine.facts import FactKind
from app.sla.models import DeadlineChange, DeadlineRow
from app.sla.rebuild import check_deadlines, rebuild_deadlines
from app.statements import Statement
from tests.conftest import Caller
from tests.factories import freeze
from tests.sla.world import HOUR, MICROSECOND, MINUTE, MONDAY, World

DUE = MONDAY + 30 * MINUTE
MARKS = Statement(select(DeadlineChange.due_at).order_by(DeadlineChange.id))


async def give(world: World, to: Caller, number: int = 1) -> None:
    async with world.database.transaction() as tx:
        subject = await service.lock(tx, "ticket", number)
        await service.move_owner(
            tx, subject, owner_id=to.user["id"], department_id=to.user["department_id"]
        )


async def marks(world: World) -> set[Any]:
    """Take the marks away, as whoever counts does, and return their instants."""
    found = await world.database.all(Statement(select(*DeadlineChange.__table__.columns)))
    async with world.database.transaction() as tx:
        for row in found:
            await writing.delete(tx, DeadlineChange, row)
    return {row["due_at"] for row in found}


def charged(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["owner_id"], row["charged_owner_id"], row["charged_department_id"]


@pytest.mark.sop("AN-4")
@pytest.mark.parametrize(
    ("at", "inherits"), [(DUE - MICROSECOND, True), (DUE, True), (DUE + MICROSECOND, False)]
)
async def test_nobody_inherits_anothers_miss(world: World, at: Any, inherits: bool) -> None:
    await world.open()
    await freeze(world.database, at)
    await give(world, world.stranger)
    row, owner, new = await world.deadline("accept"), world.owner.user, world.stranger.user
    departments = {
        one["id"]: one["public_id"]
        for one in await world.database.all(Statement(select(*Department.__table__.columns)))
    }
    held = new if inherits else owner
    assert charged(row) == (new["public_id"], held["public_id"], departments[held["department_id"]])
    resolve = await world.deadline("resolve")  # not due yet: all his
    assert charged(resolve)[:2] == (new["public_id"],) * 2
    assert await check_deadlines(world.database) == []


@pytest.mark.sop("AN-4")
async def test_the_tier_of_a_verdict_is_the_one_in_force_when_it_came_due(world: World) -> None:
    await world.open()
    await world.move(DUE + MINUTE, FactKind.TIER_CHANGED, tier="A")
    assert (await world.deadline("accept"))["charged_tier"] == "B"
    assert (await world.deadline("resolve"))["charged_tier"] == "A"
    tiers = {
        tier: {one["clock"] for one in await world.items("/deadlines", charged_tier=tier)}
        for tier in ("A", "B", "C", "none")
    }
    assert tiers == {"A": {"resolve"}, "B": {"accept"}, "C": set(), "none": set()}


async def test_rows_are_found_by_whom_they_are_charged_to(world: World) -> None:
    await world.open()
    await world.open(number=2, owner=None, department=None)
    owner = world.owner.user["public_id"]
    found = {
        asked: {one["label"][:7] for one in await world.items("/deadlines", charged_owner_id=asked)}
        for asked in (owner, world.boss.user["public_id"], "none")
    }
    assert list(found.values()) == [{"T000001"}, set(), {"T000002"}]
    assert len(await world.items("/deadlines", charged_department_id="none")) == 2
    assert len(await world.items("/deadlines", policy="toolkit")) == 4
    assert await world.items("/deadlines", policy="none") == []
    assert (await world.get("/deadlines", charged_owner_id="nobody")).status_code == 422
    assert (await world.get("/deadlines", charged_tier="D")).status_code == 422
    assert (await world.get("/deadlines", policy="a b")).status_code == 422


@pytest.mark.sop("AN-4")
async def test_what_was_left_is_told_in_the_clocks_calendar_and_elapsed(world: World) -> None:
    await world.open()
    await world.move(MONDAY + 10 * MINUTE, FactKind.ACCEPTED)
    accept = await world.deadline("accept")
    assert (accept["early_seconds"], accept["early_elapsed_seconds"]) == (1200, 1200)
    await world.move(MONDAY + 4 * HOUR, FactKind.RESOLVED)  # 13:00; closed from 12:00 to 13:00
    resolve = await world.deadline("resolve")
    left = (resolve["early_seconds"], resolve["early_elapsed_seconds"])
    assert left[0] <= left[1]
    assert resolve["late_seconds"] is None
    progress = await world.deadline("progress")
    assert (progress["state"], progress["early_seconds"]) == ("cancelled", None)
    assert await check_deadlines(world.database) == []


async def test_every_change_leaves_a_mark_where_it_was_and_where_it_is(world: World) -> None:
    await world.open()
    rows = {one["clock"]: one["due_at"] for one in await world.items("/deadlines")}
    resolve_due = next(
        row["due_at"]
        for row in await world.database.all(Statement(select(*DeadlineRow.__table__.columns)))
        if row["clock"] == "resolve"
    )
    assert len(rows) == 2
    assert await marks(world) == {DUE, resolve_due}
    await world.move(MONDAY + MINUTE, FactKind.TIER_CHANGED, tier="A")
    assert await marks(world) == {DUE, resolve_due}
    await world.move(MONDAY + 2 * MINUTE, FactKind.RECLASSIFIED, complexity="complex")
    moved = await marks(world)
    assert resolve_due in moved
    assert max(moved) == MONDAY + 24 * HOUR  # where the next revision is due
    await give(world, world.stranger)
    assert len(await marks(world)) == 2  # accept and the new resolve
    await freeze(world.database, MONDAY + 10 * HOUR)
    await enforcement.sweep(world.database)
    assert await marks(world) == set()  # a miss that time alone brought about reads the same


async def test_what_a_rebuild_mends_is_marked(world: World) -> None:
    await world.open()
    await marks(world)
    wrong = MONDAY + 50 * HOUR
    async with world.database.transaction() as tx:
        row = (await tx.all(Statement(select(*DeadlineRow.__table__.columns))))[0]
        await writing.update_many(tx, DeadlineRow, [{"id": row["id"], "due_at": wrong}])
    assert await rebuild_deadlines(world.database) == 1
    assert await marks(world) == {wrong, row["due_at"]}
