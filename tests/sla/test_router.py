"""Routes of deadlines: what is read, in which state, and what is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.columns import new_public_id
from app.reading import PageRequest, _page_statement
from app.settings import ClockMode
from app.sla import enforcement, views
from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from app.sla.schemas import DeadlinePage, DeadlineRead
from app.sla.service import NewFact
from app.statements import Statement, postgresql_dialect, sqlite_dialect
from tests.conftest import AsUser
from tests.factories import freeze, make_user
from tests.sla.world import API, HOUR, MICROSECOND, MINUTE, MONDAY, World, code_of, pointers


async def test_a_list_shows_promises_in_the_contract_form_with_public_ids(world: World) -> None:
    subject = await world.open()
    answer = await world.get("/deadlines")
    page = DeadlinePage.model_validate_json(answer.content)
    assert [one.clock for one in page.items] == ["accept", "resolve"]
    accept = page.items[0]
    assert str(accept.subject_id) == subject.row["subject_public_id"]
    assert str(accept.owner_id) == world.owner.user["public_id"]
    assert str(accept.customer_id) == world.customer["public_id"]
    assert str(accept.department_id) == world.department["public_id"]
    assert accept.due_at == MONDAY + 30 * MINUTE
    assert (accept.used_seconds, accept.intervals_skipped, accept.late_seconds) == (None,) * 3
    assert [one.level for one in accept.levels] == [1, 2, 3, 4]
    assert '"started_at":"2026-03-02T01:00:00.000000Z"' in answer.text


async def test_an_empty_list_is_an_empty_page(world: World) -> None:
    answer = await world.get("/deadlines", total="true")
    assert answer.json() == {"items": [], "next_cursor": None, "has_more": False, "total": 0}


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("passed", "state"),
    [
        (30 * MINUTE - MICROSECOND, "running"),
        (30 * MINUTE, "running"),
        (30 * MINUTE + MICROSECOND, "missed"),
    ],
)
async def test_a_running_deadline_reads_as_missed_from_just_after_due(
    world: World, passed: timedelta, state: str
) -> None:
    await world.open()
    await freeze(world.database, MONDAY + passed)
    row = await world.deadline("accept")
    assert row["state"] == state
    assert row["missed_at"] == (None if state == "running" else row["due_at"])
    assert (await world.items("/deadlines", clock="accept", state=state)) == [row]
    others = [one for one in State if one != state]
    assert await world.items("/deadlines", clock="accept", state=[*others]) == []
    one = await world.get(f"/deadlines/{row['id']}")
    assert one.json() == row


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-03-05T09:59:59.999999Z", "paused"),
        ("2026-03-05T10:00:00Z", "running"),
        ("2026-03-06T03:00:00Z", "running"),
        ("2026-03-06T03:00:00.000001Z", "missed"),
    ],
)
async def test_a_paused_deadline_reads_as_running_and_missed_once_its_limit_has_passed(
    world: World, at: str, state: str
) -> None:
    await world.open(accepted=True)
    question = {"by": "staff", "public": True, "automatic": False, "vague": False}
    await freeze(world.database, MONDAY + 2 * HOUR)
    await world.append(
        NewFact(FactKind.MESSAGE, question), NewFact(FactKind.WAITING, {"reason": "需要截图"})
    )
    await freeze(world.database, datetime.fromisoformat(at))
    row = await world.deadline("resolve")
    assert row["state"] == state
    assert row["pause_ends_at"] == ("2026-03-05T10:00:00.000000Z" if state == "paused" else None)
    assert [row] == await world.items("/deadlines", clock="resolve", state=state)


async def test_one_state_and_several_states_ask_for_the_same_rows(world: World) -> None:
    await world.open(1)
    await world.open(2, accepted=True)
    await world.open(3)
    await world.move(MONDAY + 10 * MINUTE, FactKind.ACCEPTED, 1)
    await world.move(MONDAY + 40 * MINUTE, FactKind.ACCEPTED, 3)
    await world.move(MONDAY + 50 * MINUTE, FactKind.WAITING, 2, reason="需要截图")
    await world.move(MONDAY + HOUR, FactKind.RECLASSIFIED, 1, complexity="complex")
    await world.move(MONDAY + 2 * HOUR, FactKind.CANCELLED, 3, reason="客户撤回")
    await freeze(world.database, MONDAY + 4 * HOUR + 30 * MINUTE)
    rows = await world.items("/deadlines")
    found = {state: await world.items("/deadlines", state=state.value) for state in State}
    for state in State:
        assert found[state] == [row for row in rows if row["state"] == state.value]
    assert {state.value for state, some in found.items() if some} == set(State)
    two = await world.items("/deadlines", state=["met", "late"])
    assert two == [row for row in rows if row["state"] in ("met", "late")]


async def test_the_sweeps_mark_changes_nothing_that_is_read_but_when_it_was_detected(
    world: World,
) -> None:
    await world.open()
    await freeze(world.database, MONDAY + HOUR)
    before = await world.deadline("accept")
    await enforcement.sweep(world.database)
    after = await world.deadline("accept")
    assert after["detected_at"] == "2026-03-02T02:00:00.000000Z"
    assert [one["fired_at"] for one in after["levels"]] == ["2026-03-02T02:00:00.000000Z"] * 2 + [
        None
    ] * 2
    del before["detected_at"], before["levels"], after["detected_at"], after["levels"]
    assert before == after


async def test_filters_leave_what_they_name(world: World) -> None:
    await world.open(1)
    await world.open(2, owner=None, department=None, customer=None)
    mine = await world.items("/deadlines", owner_id=world.owner.user["public_id"])
    assert len(mine) == 2
    assert mine == await world.items("/deadlines", customer_id=world.customer["public_id"])
    assert mine == await world.items("/deadlines", department_id=world.department["public_id"])
    assert mine == await world.items(
        "/deadlines", subject_type="ticket", subject_id=mine[0]["subject_id"]
    )
    assert len(await world.items("/deadlines", rule="TK-5")) == 2
    assert await world.items("/deadlines", rule="TK-9") == []
    assert await world.items("/deadlines", subject_type="survey") == []
    assert await world.items("/deadlines", owner_id=new_public_id()) == []
    due = MONDAY + 30 * MINUTE
    assert len(await world.items("/deadlines", due_at__gte=due.isoformat())) == 4
    assert len(await world.items("/deadlines", due_at__lt=due.isoformat())) == 0
    just_after = (due + MICROSECOND).isoformat()
    assert len(await world.items("/deadlines", due_at__lt=just_after)) == 2


@pytest.mark.parametrize("sort", ["due_at", "-due_at", "started_at", "-started_at"])
async def test_pages_go_through_every_row_once_in_order(world: World, sort: str) -> None:
    for number in range(1, 4):
        await world.open(number)
    whole = await world.items("/deadlines", sort=sort)
    seen: list[dict[str, Any]] = []
    page: dict[str, Any] = {"has_more": True}
    query: dict[str, Any] = {"sort": sort, "limit": 2}
    while page["has_more"]:
        page = (await world.get("/deadlines", **query)).json()
        seen += page["items"]
        query["cursor"] = page["next_cursor"]
    assert seen == whole
    key = sort.lstrip("-")
    values = [row[key] for row in whole]
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_a_cursor_of_another_state_is_refused(world: World) -> None:
    await world.open()
    page = (await world.get("/deadlines", limit=1, state="running")).json()
    refused = await world.get("/deadlines", limit=1, state="missed", cursor=page["next_cursor"])
    assert (refused.status_code, code_of(refused)) == (400, "cursor_of_another_list")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"limit": 0}, "/query/limit"),
        ({"sort": "owner"}, "/query/sort"),
        ({"state": "overdue"}, "/query/state/0"),
        ({"owner_id": "7"}, "/query/owner_id"),
        ({"due_at__gte": "2026-03-02T09:00:00"}, "/query/due_at[gte]"),
        ({"due_at__lt": "9999-12-31T23:59:59Z"}, "/query/due_at[lt]"),
        ({"due_at__lt": "0001-01-01T00:00:00+14:00"}, "/query/due_at[lt]"),
        ({"due_at__lt": "1772413200"}, "/query/due_at[lt]"),
        ({"rule": "TK\x005"}, "/query/rule"),
        ({"unknown": "1"}, "/query/unknown"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    world: World, query: dict[str, Any], pointer: str
) -> None:
    refused = await world.get("/deadlines", **query)
    assert refused.status_code == 422
    assert [where for where, _ in pointers(refused)] == [pointer]


async def test_one_deadline_carries_the_number_of_its_subjects_facts_as_etag(world: World) -> None:
    await world.open()
    row = await world.deadline("resolve")
    first = await world.get(f"/deadlines/{row['id']}")
    DeadlineRead.model_validate_json(first.content)
    assert first.headers["etag"] == '"1"'
    await world.move(MONDAY + MINUTE, FactKind.ACCEPTED)
    assert (await world.get(f"/deadlines/{row['id']}")).headers["etag"] == '"2"'


async def test_a_deadline_that_is_not_there_is_not_found(world: World) -> None:
    assert (await world.get(f"/deadlines/{new_public_id()}")).status_code == 404
    assert (await world.get(f"/deadlines/{new_public_id()}/explain")).status_code == 404
    assert (await world.correct(new_public_id(), MONDAY)).status_code == 404
    assert (await world.get("/deadlines/7")).status_code == 422


@pytest.mark.parametrize(
    "path", ["/deadlines", "/escalations", "/sla/policies", "/sop/rules", "/calendars"]
)
async def test_nobody_reads_without_logging_in(world: World, path: str) -> None:
    assert (await world.http.get(API + path)).status_code == 401


async def test_the_auditor_reads_rules_but_no_deadlines(world: World, as_user: AsUser) -> None:
    async with world.database.transaction() as tx:
        auditor = await make_user(tx, role="auditor")
    who = await as_user(auditor)
    for path in ("/deadlines", f"/deadlines/{new_public_id()}", "/escalations"):
        assert (await world.get(path, who)).status_code == 403
    for path in ("/sla/policies", "/sop/rules", "/calendars"):
        assert (await world.get(path, who)).status_code == 200


async def test_the_deadlines_of_one_subject_are_one_call(world: World) -> None:
    await world.open(1)
    await world.open(2)
    await world.move(MONDAY + MINUTE, FactKind.ACCEPTED, 2)
    body = await views.deadlines_of(world.database, "ticket", 2, secret=b"s")
    page = DeadlinePage.model_validate_json(body)
    assert [one.clock for one in page.items] == ["accept", "resolve", "progress"]
    short = PageRequest(sort="-due_at", limit=1)
    body = await views.deadlines_of(world.database, "ticket", 1, short, secret=b"s")
    page = DeadlinePage.model_validate_json(body)
    assert [one.clock for one in page.items] == ["resolve"]
    assert page.has_more


@pytest.mark.parametrize(
    "statement",
    [
        views.DEADLINE,
        views.EXPLANATION,
        _page_statement(views.DEADLINES, "due_at", ("state_missed", "states"), False),
    ],
)
def test_a_statement_reads_the_instant_once(statement: Statement) -> None:
    on_postgres = statement.plan(postgresql_dialect(ClockMode.real)).sql
    assert on_postgres.count("clock_timestamp") == 1
    on_sqlite = statement.plan(sqlite_dialect(ClockMode.real)).sql
    assert on_sqlite.count("real_now") == 1
