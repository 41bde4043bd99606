"""The rehearsal's clock: what fires, fires at its own instant; forward only, one at a time, only where it is virtual."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.database import Database
from app.engines import create_database
from app.jobs import Job
from app.main import create_app
from app.notifications.models import Notification
from app.rehearsal import service
from app.rehearsal.models import VirtualClock
from app.rehearsal.schemas import ClockRead, RehearsalRead
from app.settings import ClockMode
from app.sla.models import DeadlineRow, Escalation
from app.statements import Row, Statement
from app.subscribers import compose
from app.time import real_now
from tests.conftest import LoginAs, make_settings
from tests.factories import freeze, make_line, make_rules, make_subject

URL = "/api/v1/rehearsal/clock"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
WARNED, DUE = timedelta(minutes=22, seconds=30), timedelta(minutes=30)
ESCALATIONS = Statement(select(*Escalation.__table__.columns).order_by(Escalation.id))
NOTES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
STATES = Statement(select(DeadlineRow.clock, DeadlineRow.state, DeadlineRow.missed_at))


class Stage:
    """One ticket opened at nine on a frozen clock, and an admin who moves it."""

    def __init__(
        self, http: httpx.AsyncClient, database: Database, admin: Any, line: dict[str, Any]
    ) -> None:
        self.http, self.database, self.admin, self.line = http, database, admin, line

    async def advance(self, **body: Any) -> httpx.Response:
        return await self.http.post(URL, json=body, headers=self.admin)

    async def clock(self) -> Row:
        row = await self.database.one(service.CLOCK)
        assert row is not None
        return row

    async def fired(self) -> list[tuple[int, timedelta]]:
        rows = await self.database.all(ESCALATIONS)
        return [(row["level"], row["fire_at"] - MONDAY) for row in rows]


@pytest.fixture
async def stage(client: httpx.AsyncClient, database: Database, login_as: LoginAs) -> Stage:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        line = await make_line(tx)
        await make_subject(tx, owner=line["owner"], department=line["department"])
    return Stage(client, database, await login_as("admin"), line)


async def test_levels_fire_at_their_own_instants_in_order(stage: Stage) -> None:
    answer = await stage.advance(advance_seconds=6 * 3600)
    assert answer.status_code == 200, answer.text
    rows = await stage.database.all(ESCALATIONS)
    assert all(row["detected_at"] - row["fire_at"] == MICROSECOND for row in rows)
    assert [row["detected_at"] for row in rows] == sorted(row["detected_at"] for row in rows)
    accept = [(row["level"], row["fire_at"] - MONDAY) for row in rows if row["rule"] == "TK-2"]
    assert accept == [(1, WARNED), (2, DUE), (3, DUE + 60 * MINUTE), (4, DUE + 240 * MINUTE)]
    assert not any(row["overtaken"] for row in rows)
    for note in await stage.database.all(NOTES):
        assert note["created_at"] == note["deliver_at"] == note["delivered_at"]


async def test_the_answer_says_what_happened_on_the_way(stage: Stage) -> None:
    done = RehearsalRead.model_validate_json((await stage.advance(advance_seconds=1800)).content)
    assert (done.began_at, done.ended_at) == (MONDAY, MONDAY + DUE)
    assert done.step_count == 2
    # Two levels; one message that releases the notices of each, and two escalations that are published.
    assert done.fired == {"sweep_deadlines": 2, "relay_messages": 4}


@pytest.mark.parametrize(
    ("to", "levels"),
    [
        (DUE - MICROSECOND, [(1, WARNED)]),
        (DUE, [(1, WARNED), (2, DUE)]),
        (DUE + MICROSECOND, [(1, WARNED), (2, DUE)]),
    ],
)
async def test_an_instant_is_reached_inclusive(
    stage: Stage, to: timedelta, levels: list[tuple[int, timedelta]]
) -> None:
    answer = await stage.advance(to=(MONDAY + to).isoformat())
    assert answer.status_code == 200
    assert await stage.fired() == levels
    assert (await stage.clock())["frozen_at"] == MONDAY + to


async def test_a_miss_is_dated_by_due_and_not_by_the_rehearsals_end(stage: Stage) -> None:
    await stage.advance(advance_seconds=7200)
    states = {row["clock"]: row for row in await stage.database.all(STATES)}
    assert states["accept"]["state"] == "missed"
    assert states["accept"]["missed_at"] == MONDAY + DUE


async def test_standing_still_runs_what_is_due_and_nothing_twice(stage: Stage) -> None:
    await freeze(stage.database, MONDAY + DUE)
    first = (await stage.advance(advance_seconds=0)).json()
    assert (first["step_count"], first["fired"]["sweep_deadlines"]) == (0, 2)
    again = (await stage.advance(to=(MONDAY + DUE).isoformat())).json()
    assert (again["step_count"], again["fired"]) == (0, {})


async def test_the_clock_never_goes_back(stage: Stage) -> None:
    answer = await stage.advance(to=(MONDAY - MICROSECOND).isoformat())
    assert (answer.status_code, answer.json()["code"]) == (409, "clock_goes_forward")
    row = await stage.clock()
    assert (row["frozen_at"], row["held_until"]) == (MONDAY, None)
    assert await stage.fired() == []


async def test_a_frozen_clock_stays_frozen_and_a_ticking_one_ticks_on(stage: Stage) -> None:
    await stage.advance(advance_seconds=60)
    read = ClockRead.model_validate_json((await stage.http.get(URL, headers=stage.admin)).content)
    assert (read.now, read.frozen) == (MONDAY + MINUTE, True)
    async with stage.database.transaction() as tx:
        await service.let_tick(tx)
    await stage.advance(advance_seconds=3600)
    assert (await stage.clock())["frozen_at"] is None
    read = ClockRead.model_validate_json((await stage.http.get(URL, headers=stage.admin)).content)
    assert read.frozen is False
    assert MONDAY + 61 * MINUTE <= read.now < MONDAY + 71 * MINUTE


async def test_while_one_rehearsal_runs_another_is_refused_and_the_jobs_wait(stage: Stage) -> None:
    async with stage.database.transaction() as tx:
        until = real_now() + service.LEASE
        await writing.upsert(tx, VirtualClock, ("id",), id=1, held_until=until)
    assert await service.is_held(stage.database) is True
    answer = await stage.advance(advance_seconds=1800)
    assert (answer.status_code, answer.json()["code"]) == (409, "rehearsal_running")
    assert await stage.fired() == []
    assert (await stage.clock())["frozen_at"] == MONDAY


async def test_a_rehearsal_that_died_holds_nobody_up_for_longer_than_its_lease(
    stage: Stage,
) -> None:
    async with stage.database.transaction() as tx:
        before = real_now() - MICROSECOND
        await writing.upsert(tx, VirtualClock, ("id",), id=1, held_until=before)
    assert await service.is_held(stage.database) is False
    assert (await stage.advance(advance_seconds=1800)).status_code == 200


async def test_of_two_at_once_one_is_refused_and_nothing_fires_twice(stage: Stage) -> None:
    answers = await asyncio.gather(*(stage.advance(advance_seconds=6 * 3600) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    fired = await stage.fired()
    assert len(fired) == len(set(fired)) == 7
    assert (await stage.clock())["held_until"] is None


async def test_too_many_stops_are_refused_clearly_and_can_be_gone_in_parts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.STEPS_MAX == 10_000
    monkeypatch.setattr(service.advance, "__kwdefaults__", {"steps_max": 1})
    answer = await stage.advance(advance_seconds=3600)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "too_many_steps")
    assert problem["values"] == {"steps_max": 1}
    row = await stage.clock()
    assert (row["frozen_at"], row["held_until"]) == (MONDAY + WARNED + MICROSECOND, None)
    assert (await stage.advance(to=(MONDAY + DUE).isoformat())).status_code == 200
    assert await stage.fired() == [(1, WARNED), (2, DUE)]


async def test_a_job_that_fails_on_the_way_lets_go_of_the_clock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(database: Database) -> int:
        raise RuntimeError("the job is broken")

    monkeypatch.setattr(service, "JOBS", (Job("broken", broken, every_seconds=1),))
    assert (await stage.advance(advance_seconds=60)).status_code == 500
    assert await service.is_held(stage.database) is False
    monkeypatch.undo()
    assert (await stage.advance(advance_seconds=60)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"advance_seconds": 1, "to": "2026-03-02T09:00:00Z"},
        {"advance_seconds": -1},
        {"advance_seconds": 31_622_401},
        {"advance_seconds": "soon"},
        {"advance_seconds": 1.5},
        {"to": "2026-03-02T09:00:00"},
        {"to": "tomorrow"},
        {"to": "9999-12-31T23:59:59Z"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"to": "2027-03-03T01:00:01Z"},
        {"advance_seconds": 1, "back": True},
        [],
    ],
)
async def test_a_move_that_breaks_the_contract_is_refused(stage: Stage, body: Any) -> None:
    answer = await stage.http.post(URL, json=body, headers=stage.admin)
    assert answer.status_code == 422, answer.text
    assert (await stage.clock())["frozen_at"] == MONDAY


async def test_366_days_can_be_gone_at_once_and_not_more(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    await freeze(database, MONDAY)
    admin = await login_as("admin")
    year = MONDAY + timedelta(days=366)
    beyond = {"to": (year + MICROSECOND).isoformat()}
    assert (await client.post(URL, json=beyond, headers=admin)).status_code == 422
    answer = await client.post(URL, json={"to": year.isoformat()}, headers=admin)
    assert answer.status_code == 200


@pytest.mark.parametrize("role", ["manager", "sales", "support", "service", "analyst", "auditor"])
async def test_only_an_admin_moves_or_reads_the_clock(
    stage: Stage, login_as: LoginAs, role: str
) -> None:
    caller = await login_as(role)
    answer = await stage.http.post(URL, json={"advance_seconds": 60}, headers=caller)
    assert answer.status_code == 403
    assert (await stage.http.get(URL, headers=caller)).status_code == 403
    assert (await stage.http.post(URL, json={"advance_seconds": 60})).status_code == 401
    assert (await stage.clock())["frozen_at"] == MONDAY


async def test_the_clock_can_be_moved_only_where_it_is_virtual(
    database_url: str, tmp_path: Path
) -> None:
    settings = make_settings(database_url, tmp_path, clock=ClockMode.real)
    database = compose(create_database(settings))
    await database.open()
    try:
        transport = httpx.ASGITransport(app=create_app(settings, database))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            assert (await http.post(URL, json={"advance_seconds": 60})).status_code == 404
            assert (await http.get(URL)).status_code == 404
            paths = (await http.get("/openapi.json")).json()["paths"]
        assert not any("rehearsal" in path for path in paths)
    finally:
        await database.close()
