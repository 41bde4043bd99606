"""Who handles what, as a process remembers it."""

from dataclasses import replace

from app.database import FRESH_SECONDS, Database
from app.tickets.desks import Desk, Desks, read_desks
from tests.factories import make_department

ROOT = Desk(1, "r", "总部", "/1/", 10, (11,))
EAST = Desk(2, "e", "华东", "/1/2/", None, ())
TEAM = Desk(3, "t", "上海组", "/1/2/3/", 30, (31, 11))
OTHER = Desk(20, "o", "华南", "/1/20/", 40, (41,))
ALL = Desks({}, {one.id: one for one in (ROOT, EAST, TEAM, OTHER)})


def test_below_is_itself_and_its_teams_and_not_a_neighbour_of_like_number() -> None:
    assert ALL.below(EAST) == [EAST, TEAM]
    assert ALL.below(ROOT) == [ROOT, EAST, TEAM, OTHER]


def test_heads_come_nearest_first_and_gaps_are_passed_over() -> None:
    assert ALL.heads(TEAM) == [30, 10]
    assert ALL.heads(EAST) == [10]


def test_whoever_heads_two_of_the_line_stands_in_it_once() -> None:
    same = Desks({}, {one.id: one for one in (ROOT, Desk(2, "e", "华东", "/1/2/", 10, ()))})
    assert same.heads(same.departments[2]) == [10]


def test_on_call_are_the_own_list_first_each_once() -> None:
    assert ALL.on_call(ROOT) == [11, 31, 41]
    assert ALL.on_call(EAST) == [31, 11]


def test_a_department_is_found_by_the_id_that_is_shown() -> None:
    assert ALL.by_public_id("t") is TEAM
    assert ALL.by_public_id("x") is None


async def test_what_is_known_is_asked_again_when_it_changed_is_wanted_or_old(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        first = await make_department(tx, name="技术支持部")
    async with database.transaction() as tx:
        assert set((await read_desks(tx)).departments) == {first["id"]}
    async with database.transaction() as tx:
        second = await make_department(tx, name="客服部")
    async with database.transaction() as tx:
        assert set((await read_desks(tx)).departments) == {first["id"], second["id"]}
    await elsewhere_a_department_is_made(database)
    async with database.transaction() as tx:
        assert len((await read_desks(tx)).departments) == 2
        assert len((await read_desks(tx, at_once=True)).departments) == 3
    await elsewhere_a_department_is_made(database)
    copy = database.copies["desks"]
    database.copies["desks"] = replace(copy, read_at=copy.read_at - FRESH_SECONDS)
    async with database.transaction() as tx:
        assert len((await read_desks(tx)).departments) == 4


async def elsewhere_a_department_is_made(database: Database) -> None:
    """Make one as another process would: what this one remembers stays."""
    copies = dict(database.copies)
    async with database.transaction() as tx:
        await make_department(tx, name=f"分部 {len(copies)} {id(copies)}")
    database.copies = copies
