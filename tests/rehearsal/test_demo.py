"""The demo company told to a database through the services: what the file promises is what the API shows."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app import cli
from app.auth import hashing
from app.auth.models import User
from app.auth.service import prove_password
from app.database import Database
from app.engines import create_database
from app.errors import Invalid
from app.notifications.models import Mail, Notification
from app.outbox.models import OutboxMessage
from app.rehearsal import demo
from app.rehearsal.demo import DemoUnfinished, load_if_empty
from app.rehearsal.demo_company import address
from app.rehearsal.models import VirtualClock
from app.rehearsal.story import DemoDay, company, demo_day, tickets
from app.settings import ClockMode, Settings, get_settings
from app.sla.models import Escalation
from app.sla.rebuild import check_deadlines
from app.statements import Statement
from app.subscribers import compose
from app.tickets.models import Ticket
from app.time import parse_instant, real_now
from tests.conftest import LoginAs
from tests.rehearsal.demo import opening_of

PASSWORD = "a-lamp-and-a-battery"
DAYS = [date(2026, 3, 11), date(2026, 2, 24), date(2026, 12, 31)]
CLOCK = Statement(
    select(VirtualClock.offset_micros, VirtualClock.frozen_at, VirtualClock.held_until)
)


def count_of(table: Any) -> Statement:
    return Statement(select(func.count()).select_from(table))


async def told(database: Database) -> list[tuple[str, int, str | None]]:
    """Whom the levels told: name, level, and in whose place (by e-mail's local part)."""
    people = await database.all(Statement(select(User.public_id, User.email)))
    keys = {row["public_id"]: row["email"].partition("@")[0] for row in people}
    rows = await database.all(Statement(select(Escalation.level, Escalation.told)))
    return [
        (one["name"], row["level"], keys.get(one["in_place_of"]))
        for row in rows
        for one in row["told"]
    ]


@pytest.fixture
async def day(database: Database, request: pytest.FixtureRequest) -> DemoDay:
    wanted = DemoDay(getattr(request, "param", DAYS[0]))
    assert await load_if_empty(database, PASSWORD, now=wanted.now)
    return wanted


@pytest.fixture
async def shown(
    day: DemoDay, client: httpx.AsyncClient, login_as: LoginAs
) -> Mapping[str, Mapping[str, Any]]:
    """The tickets as the API lists them, by the file's key."""
    headers = await login_as("admin")
    answer = await client.get("/api/v1/tickets?limit=200", headers=headers)
    found = {
        (parse_instant(one["opened_at"]), one["customer"]["name"]): one
        for one in answer.json()["items"]
    }
    names = {one["key"]: one["name"] for one in company()["customers"]}
    assert len(found) == len(tickets())
    client.headers.update(headers)
    return {
        key: found[day.instant(opening_of(key)["at"]), names[opening_of(key)["customer"]]]
        for key in tickets()
    }


@pytest.mark.sop("TK-1", "TK-2", "TK-3", "TK-4", "TK-5", "TK-6", "TK-7", "TK-9")
@pytest.mark.parametrize("day", DAYS, indirect=True, ids=str)
async def test_every_ticket_stands_and_reads_as_its_file_promises(
    database: Database, client: httpx.AsyncClient, shown: Mapping[str, Mapping[str, Any]]
) -> None:
    assert {key: one["status"] for key, one in shown.items()} == {
        key: ticket["status"] for key, ticket in tickets().items()
    }
    for key, ticket in shown.items():
        answer = await client.get(f"/api/v1/tickets/{ticket['id']}/deadlines?limit=200")
        rows = sorted(answer.json()["items"], key=lambda row: (row["cycle"], row["revision"]))
        last = {row["clock"]: row["state"] for row in rows}
        expected = tickets()[key]["shows"]
        assert {clock: last.get(clock) for clock in expected} == expected, key
    assert await check_deadlines(database) == []


async def test_what_is_overdue_has_climbed_the_ladder_and_lies_in_inboxes(
    database: Database, day: DemoDay
) -> None:
    people = await told(database)
    assert {level for _, level, _ in people} == {1, 2, 3, 4}
    assert ("周明远", 4, None) in people  # the general manager: the head above everybody
    assert ("张涛", 1, "wu.qian") in people  # she is away, he stands in for her
    assert await database.value(count_of(Notification))
    pending = Statement(select(OutboxMessage.attempt_at).where(OutboxMessage.state == "pending"))
    assert all(row["attempt_at"] > day.now for row in await database.all(pending))


async def test_nobody_is_written_to(settings: Settings, database: Database) -> None:
    speaking = compose(
        create_database(settings.model_copy(update={"smtp_host": "mail.example", "smtp_port": 25}))
    )
    await speaking.open()
    assert await load_if_empty(speaking, PASSWORD)
    await speaking.close()
    assert await database.value(count_of(Mail)) == 0


async def test_loading_twice_is_loading_once(database: Database, day: DemoDay) -> None:
    before = [await database.value(count_of(table)) for table in (Ticket, User, Escalation)]
    assert not await load_if_empty(database, PASSWORD, now=day.now)
    assert before == [await database.value(count_of(table)) for table in (Ticket, User, Escalation)]


async def test_the_clock_ticks_on_from_the_demos_instant(database: Database, day: DemoDay) -> None:
    clock = await database.one(CLOCK)
    assert clock is not None
    assert (clock["frozen_at"], clock["held_until"]) == (None, None)
    assert timedelta() <= await database.now() - day.now < timedelta(minutes=1)


async def test_on_the_real_clock_the_story_ends_in_the_past_and_leaves_no_shift(
    settings: Settings,
) -> None:
    real = compose(create_database(settings.model_copy(update={"clock": ClockMode.real})))
    await real.open()
    try:
        assert await load_if_empty(real, PASSWORD)
        clock = await real.one(CLOCK)
        assert clock is not None
        assert dict(clock) == {"offset_micros": 0, "frozen_at": None, "held_until": None}
        newest = await real.value(Statement(select(func.max(Ticket.updated_at).label("at"))))
        assert newest < real_now()
        assert await check_deadlines(real) == []
    finally:
        await real.close()


async def test_the_demos_people_log_in_with_the_one_password(
    database: Database, day: DemoDay
) -> None:
    for key in ("zhou.mingyuan", "ma.xiaofeng"):
        proven = await prove_password(database, address(key), PASSWORD)
        assert proven.user["is_active"]
    hashes = await database.all(Statement(select(User.password_hash)))
    assert PASSWORD not in {row["password_hash"] for row in hashes}
    assert await hashing.verify_password(hashes[0]["password_hash"], PASSWORD)


async def test_a_weak_password_is_refused_before_anything_is_made(database: Database) -> None:
    with pytest.raises(Invalid):
        await load_if_empty(database, "short")
    assert await database.value(count_of(User)) == 0


async def test_an_interrupted_load_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(demo, "make_customer", stop)
        with pytest.raises(KeyboardInterrupt):
            await load_if_empty(database, PASSWORD)
    with pytest.raises(DemoUnfinished):
        await load_if_empty(database, PASSWORD)


# --- the day


def at(text: str) -> datetime:
    """An instant given in Beijing time."""
    return datetime.fromisoformat(f"{text}:00+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "ended", "today"),
    [
        ("2026-03-11 23:59", False, date(2026, 3, 11)),
        ("2026-03-11 00:00", False, date(2026, 3, 11)),
        ("2026-03-14 12:00", False, date(2026, 3, 13)),  # a Saturday
        ("2026-02-14 12:00", False, date(2026, 2, 14)),  # a Saturday worked for Spring Festival
        ("2026-02-20 12:00", False, date(2026, 2, 14)),  # Spring Festival
        ("2026-03-11 15:29", True, date(2026, 3, 10)),
        ("2026-03-11 15:30", True, date(2026, 3, 11)),
        ("2026-03-14 12:00", True, date(2026, 3, 13)),
    ],
)
def test_the_demo_stands_on_the_latest_working_day(now: str, ended: bool, today: date) -> None:
    assert demo_day(at(now), ended=ended) == DemoDay(today)


def test_a_moment_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no moment"):
        DemoDay(DAYS[0]).instant("tomorrow")


# --- the command


def run(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("HUIYING_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("HUIYING_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("HUIYING_CLOCK", "virtual")
    cli.load_demo()


def test_the_command_tells_a_made_up_password_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    get_settings.cache_clear()
    monkeypatch.delenv("HUIYING_DEMO_PASSWORD", raising=False)
    run(monkeypatch, settings)
    assert "li.siyuan@chengxi.example, log in with " in capsys.readouterr().out
    run(monkeypatch, settings)
    assert capsys.readouterr().out == ""
    get_settings.cache_clear()
