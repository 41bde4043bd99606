"""The counters behind dispatch: a turn is what the pure choice says, is seen at once, and is given back or mended."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import writing
from app.database import Database
from app.statements import Row, Statement
from app.tickets import loads
from app.tickets.dispatch import Candidate, choose
from app.tickets.models import DispatchLoad
from app.time import FAR_END
from tests.factories import freeze, make_user

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
COUNTERS = Statement(select(*DispatchLoad.__table__.columns).order_by(DispatchLoad.user_id))


async def staff(database: Database, counters: list[tuple[int, datetime]]) -> list[int]:
    """Make people with these counters; returns their keys."""
    keys = []
    async with database.transaction() as tx:
        for number, (open_count, assigned_at) in enumerate(counters):
            user = await make_user(tx, role="support", name=f"u{number}")
            await writing.insert(
                tx, DispatchLoad, user_id=user["id"], open_count=open_count, assigned_at=assigned_at
            )
            keys.append(user["id"])
    return keys


async def counts(database: Database) -> list[int]:
    return [row["open_count"] for row in await database.all(COUNTERS)]


def chosen(rows: dict[int, Row], present: list[int]) -> int:
    """Return whom the pure choice names."""
    candidates = [
        Candidate(
            key,
            key in present,
            row["open_count"],
            None if row["assigned_at"] == FAR_END else row["assigned_at"],
        )
        for key, row in rows.items()
    ]
    winner = choose(candidates).winner
    assert winner is not None
    return winner.user_id


@pytest.mark.sop("TK-3")
@pytest.mark.parametrize("seed", range(8))
async def test_the_turn_is_his_whom_the_pure_choice_names(database: Database, seed: int) -> None:
    draw = random.Random(seed)
    instants = [FAR_END, *(NOON - timedelta(minutes=n) for n in range(3))]
    keys = await staff(database, [(draw.randrange(3), draw.choice(instants)) for _ in range(7)])
    for minute in range(12):
        present = draw.sample(keys, draw.randint(1, len(keys)))
        before = {row["user_id"]: row for row in await database.all(COUNTERS)}
        async with database.transaction() as tx:
            at = NOON + timedelta(minutes=minute)
            seen, winner = await loads.take_turn(tx, keys, present, at=at)
        assert winner == chosen(before, present)
        assert {k: row["open_count"] for k, row in seen.items()} == {
            k: row["open_count"] for k, row in before.items()
        }
        after = {row["user_id"]: row for row in await database.all(COUNTERS)}
        assert after[winner]["open_count"] == before[winner]["open_count"] + 1
        assert after[winner]["assigned_at"] == at


async def test_a_turn_is_seen_before_its_ticket_is_committed(database: Database) -> None:
    if database.kind == "sqlite":
        pytest.skip("SQLite has one writer: nobody else dispatches before the commit")
    keys = await staff(database, [(0, FAR_END), (0, FAR_END)])
    async with database.transaction() as first, database.transaction() as second:
        _, one = await loads.take_turn(first, keys, keys, at=NOON)
        _, other = await loads.take_turn(second, keys, keys, at=NOON)
    assert [one, other] == keys


async def take_and_fail(database: Database, keys: list[int]) -> None:
    async with database.transaction() as tx:
        await loads.take_turn(tx, keys, keys, at=NOON)
        await loads.shift_loads(tx, taken_from=keys[0], given_to=None, at=NOON)
        raise LookupError


async def test_what_fails_gives_its_turn_back(database: Database) -> None:
    keys = await staff(database, [(2, NOON)])
    with pytest.raises(LookupError):
        await take_and_fail(database, keys)
    assert await counts(database) == [2]


async def test_counters_are_made_for_whoever_has_none(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="support")
    async with database.transaction() as tx:
        _, winner = await loads.take_turn(tx, [user["id"]], [user["id"]], at=NOON)
    assert winner == user["id"]
    assert await counts(database) == [1]


async def test_counters_of_an_opening_that_failed_are_made_by_the_next(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="support")
    with pytest.raises(LookupError):
        await take_and_fail(database, [user["id"]])
    async with database.transaction() as tx:
        seen, winner = await loads.take_turn(tx, [user["id"]], [user["id"]], at=NOON)
    assert (winner, seen[winner]["open_count"]) == (user["id"], 0)


async def test_a_recount_leaves_whoever_may_be_getting_a_ticket_just_now(
    database: Database,
) -> None:
    await freeze(database, NOON)
    settled = NOON - loads.SETTLED_AFTER
    await staff(
        database, [(1, settled + timedelta(microseconds=1)), (1, settled), (1, FAR_END), (0, NOON)]
    )
    assert await loads.recount_loads(database) == 2
    assert await counts(database) == [1, 0, 0, 0]
