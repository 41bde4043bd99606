"""Signs of life and the alarm: when workers count as dead, who is told, how often, and how it ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app import worker, writing
from app.database import Database
from app.heartbeats import alarm
from app.heartbeats.alarm import WorkerWatch
from app.heartbeats.models import Heartbeat, Outage
from app.heartbeats.service import Heart, beat_seconds, purge_heartbeats, read_signs
from app.heartbeats.wording import silent
from app.jobs import JOBS, Job
from app.notifications import mail
from app.notifications.models import Mail, Notification
from app.outbox.models import OutboxMessage
from app.outbox.sending import send
from app.settings import Settings
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from app.time import EPOCH, FAR_END, real_now
from tests.conftest import LoginAs
from tests.factories import freeze, make_user

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SILENCE = timedelta(seconds=30)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def rows_of(table: Any) -> Statement:
    return Statement(select(*table.__table__.columns).order_by(table.id))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"worker_silence_seconds": SILENCE.total_seconds()})


@pytest.fixture
async def admins(database: Database) -> list[Row]:
    """Two administrators; one who has left and a manager beside them are not to be told."""
    await freeze(database, MONDAY)
    async with database.transaction() as tx:
        found: list[Row] = [
            await make_user(tx, role="admin", name="管理员", language="zh-CN"),
            await make_user(tx, role="admin", name="Ann", language="en", zone="Europe/Berlin"),
        ]
        await make_user(tx, role="admin", is_active=False)
        await make_user(tx, role="manager")
    return found


async def beat(database: Database, ago: timedelta = timedelta(), **values: Any) -> datetime:
    """Leave a worker's row that beat some time ago."""
    at = real_now() - ago
    async with database.transaction() as tx:
        await writing.insert(tx, Heartbeat, name="worker-1", started_at=at, beat_at=at, **values)
    return at


def watch_since(database: Database, ago: timedelta) -> WorkerWatch:
    return WorkerWatch(database, since=real_now() - ago)


async def told(database: Database) -> list[Row]:
    return [one for one in await database.all(rows_of(Notification)) if one["kind"] == alarm.KIND]


# --- signs


async def test_a_worker_lives_while_it_beats_and_not_after_it_stopped(database: Database) -> None:
    heart = Heart()
    assert (await read_signs(database, SILENCE)).last_beat_at is None
    await heart.beat(database)
    signs = await read_signs(database, SILENCE)
    assert [one["name"] for one in signs.living] == [heart.name]
    assert signs.last_beat_seconds is not None
    assert signs.last_beat_seconds < 10
    await heart.beat(database)
    rows = await database.all(rows_of(Heartbeat))
    assert len(rows) == 1
    assert rows[0]["beat_at"] > rows[0]["started_at"]
    await heart.stop(database)
    signs = await read_signs(database, SILENCE)
    assert (signs.living, signs.last_beat_at is None) == ((), False)


async def test_a_row_that_was_lost_is_written_again(database: Database) -> None:
    heart = Heart()
    await heart.beat(database)
    async with database.transaction() as tx:
        await writing.delete(tx, Heartbeat, (await tx.all(rows_of(Heartbeat)))[0])
    await heart.beat(database)
    assert len((await read_signs(database, SILENCE)).living) == 1


@pytest.mark.parametrize(("ago", "lives"), [(29, True), (31, False)])
async def test_silence_has_a_length(database: Database, ago: int, lives: bool) -> None:
    await beat(database, timedelta(seconds=ago))
    signs = await read_signs(database, SILENCE)
    assert bool(signs.living) is lives
    watch = watch_since(database, timedelta(hours=1))
    assert watch.is_silent(signs) is not lives


async def test_the_last_sign_is_kept_however_old_it_is(database: Database) -> None:
    await beat(database, timedelta(days=40))
    await beat(database, timedelta(days=30))
    assert await purge_heartbeats(database) == 1
    assert await purge_heartbeats(database) == 0
    seconds = (await read_signs(database, SILENCE)).last_beat_seconds
    assert seconds is not None
    assert abs(seconds - 30 * 86400) < 60


async def test_the_worker_writes_how_its_jobs_fare(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(database: Database) -> int:
        raise ValueError("no such thing")

    monkeypatch.setattr(worker, "JOBS", (Job("broken", broken, 1, on_domain_time=False), *JOBS[:1]))
    heart = Heart()
    scheduler = worker.build_scheduler(database, heart)
    for name in ("broken", "broken", "sweep_deadlines", "beat"):
        await scheduler.get_job(name).func()
    (row,) = await database.all(rows_of(Heartbeat))
    assert row["jobs"]["broken"]["failure_count"] == row["jobs"]["broken"]["run_count"] == 2
    assert row["jobs"]["broken"]["error"] == "ValueError: no such thing"
    assert row["jobs"]["sweep_deadlines"]["failure_count"] == 0
    assert row["jobs"]["sweep_deadlines"]["error"] is None
    assert row["jobs"]["sweep_deadlines"]["seconds"] > 0
    interval = scheduler.get_job("beat").trigger.interval
    assert interval == timedelta(seconds=beat_seconds(database.settings)) == SILENCE / 6


async def test_two_workers_are_read_together(database: Database) -> None:
    one, other = Heart(), Heart()
    one.note("sweep_deadlines", 0.5, ValueError("x"))
    other.note("sweep_deadlines", 0.25, None)
    await one.beat(database)
    await other.beat(database)
    signs = await read_signs(database, SILENCE)
    job = signs.jobs()["sweep_deadlines"]
    assert (job["seconds"], job["failure_count"], job["error"]) == (0.25, 1, None)


# --- the alarm


async def test_every_active_admin_is_told_once_however_many_look(
    database: Database, admins: list[Row]
) -> None:
    since = await beat(database, timedelta(minutes=2))
    watches = [watch_since(database, timedelta(minutes=1)) for _ in range(3)]
    await asyncio.gather(*(one.look() for one in watches))
    for one in watches:
        await one.look()
    lines = await told(database)
    assert [one["user_id"] for one in lines] == [one["id"] for one in admins]
    assert all(one["delivered_at"] == MONDAY for one in lines)
    assert "没有后台进程" in lines[0]["title_zh"]
    assert "no worker is running" in lines[1]["title_en"]
    assert "Europe/Berlin" in lines[1]["body_en"]
    (outage,) = await database.all(rows_of(Outage))
    assert outage["silent_since"] == since
    assert outage["ended_at"] == FAR_END


async def test_a_process_that_has_just_started_accuses_nobody(
    database: Database, admins: list[Row]
) -> None:
    await beat(database, timedelta(days=1))
    await WorkerWatch(database).look()
    await watch_since(database, timedelta(seconds=28)).look()
    assert await told(database) == []
    await watch_since(database, timedelta(seconds=31)).look()
    assert len(await told(database)) == len(admins)


async def test_a_deployment_that_never_had_a_worker_hears_so(
    database: Database, admins: list[Row]
) -> None:
    await watch_since(database, timedelta(minutes=1)).look()
    await watch_since(database, timedelta(minutes=1)).look()
    lines = await told(database)
    assert len(lines) == len(admins)
    assert "至今没有任何后台进程" in lines[0]["body_zh"]
    assert (await database.all(rows_of(Outage)))[0]["silent_since"] == EPOCH


async def test_the_notice_settles_when_a_worker_lives_again_and_the_next_outage_is_told_anew(
    database: Database, admins: list[Row]
) -> None:
    watch = watch_since(database, timedelta(minutes=1))
    await beat(database, timedelta(minutes=12))
    await watch.look()
    heart = Heart()
    await heart.beat(database)
    await asyncio.gather(watch.look(), watch_since(database, timedelta(minutes=1)).look())
    lines = await told(database)
    assert all(one["settled"] for one in lines)
    assert "已恢复" in lines[0]["title_zh"]
    assert "12" in lines[0]["body_zh"]
    assert "running again" in lines[1]["title_en"]
    assert lines[0]["data"]["ended_at"] is not None
    (outage,) = await database.all(rows_of(Outage))
    assert outage["ended_at"] < FAR_END
    # The second outage.
    async with database.transaction() as tx:
        row = (await tx.all(rows_of(Heartbeat)))[-1]
        late = {"id": row["id"], "beat_at": row["beat_at"] - timedelta(seconds=45)}
        await writing.update_many(tx, Heartbeat, [late])
    await watch.look()
    assert len(await told(database)) == 2 * len(admins)
    assert len(await database.all(rows_of(Outage))) == 2


async def test_an_outage_that_ended_unseen_is_settled_when_the_next_one_is_told(
    database: Database, admins: list[Row]
) -> None:
    watch = watch_since(database, timedelta(minutes=1))
    await beat(database, timedelta(hours=3))
    await watch.look()
    between = await beat(database, timedelta(hours=1))
    await watch.look()
    first, second = await database.all(rows_of(Outage))
    assert first["ended_at"] == between == second["silent_since"]
    assert second["ended_at"] == FAR_END
    assert [one["settled"] for one in await told(database)] == [True] * 2 + [False] * 2


async def test_without_any_admin_the_outage_is_written_down_all_the_same(
    database: Database,
) -> None:
    await freeze(database, MONDAY)
    await watch_since(database, timedelta(minutes=1)).look()
    assert len(await database.all(rows_of(Outage))) == 1


# --- mails


async def test_the_mail_goes_out_though_no_worker_sends_and_other_mail_waits(
    database: Database, admins: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        mail, "_transmit", lambda email, settings: sent.append(str(email["Subject"]))
    )
    database.settings = database.settings.model_copy(update={"smtp_host": "127.0.0.1"})
    async with database.transaction() as tx:
        await mail.write_mail(tx, admins[0], None, silent(None, SHANGHAI), MONDAY)
    watches = [watch_since(database, timedelta(minutes=1)) for _ in range(2)]
    await asyncio.gather(*(one.look() for one in watches))
    assert sorted(sent) == [
        "Alarm: no worker is running, the deadline engine stands still",
        "警报:没有后台进程在运行,时限引擎停了",
    ]
    states = [(one["event"], one["state"]) for one in await database.all(rows_of(OutboxMessage))]
    assert states == [(mail.READY, "pending"), *[(alarm.MAIL_READY, "done")] * 2]
    await Heart().beat(database)
    await watches[0].look()
    await send(database, SUBSCRIPTIONS)
    assert len(sent) == 5
    assert all(one["sent_at"] < FAR_END for one in await database.all(rows_of(Mail)))


async def test_a_server_that_refuses_is_asked_again_by_the_next_look(
    database: Database, admins: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def refuse_once(email: Any, settings: Any) -> None:
        tries.append(1)
        if len(tries) <= len(admins):
            raise OSError("connection refused")

    monkeypatch.setattr(mail, "_transmit", refuse_once)
    database.settings = database.settings.model_copy(update={"smtp_host": "127.0.0.1"})
    watch = watch_since(database, timedelta(minutes=1))
    await watch.look()
    assert len(tries) == len(admins)
    await freeze(database, MONDAY + timedelta(seconds=6))
    await watch.look()
    assert len(tries) == 2 * len(admins)
    assert all(one["sent_at"] < FAR_END for one in await database.all(rows_of(Mail)))
    assert len(await told(database)) == len(admins)


async def test_a_look_that_fails_ends_no_watch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    enough = asyncio.Event()

    async def fail(self: WorkerWatch) -> None:
        looks.append(1)
        if len(looks) == 3:
            enough.set()
        raise RuntimeError("broken")

    monkeypatch.setattr(WorkerWatch, "look", fail)
    database.settings = database.settings.model_copy(update={"worker_silence_seconds": 0.01})
    task = asyncio.create_task(WorkerWatch(database).watch())
    await asyncio.wait_for(enough.wait(), 30)
    task.cancel()


# --- what operators see


async def test_readiness_and_metrics_show_the_workers(
    app: FastAPI, client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    await freeze(database, MONDAY)
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["workers"] == {
        "alive": 0, "last_beat_seconds": None, "silent": False, "failing_jobs": [],
    }  # fmt: skip
    app.state.worker_watch.since = real_now() - timedelta(minutes=1)
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["workers"]["silent"] is True
    heart = Heart()
    heart.note("send_messages", 0.125, OSError("no route"))
    await heart.beat(database)
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["workers"]["alive"] == 1
    assert answer.json()["checks"]["workers"]["failing_jobs"] == ["send_messages"]
    assert "no route" not in answer.text
    text = (await client.get("/metrics")).text
    assert "huiying_workers_alive 1.0" in text
    assert 'huiying_job_duration_seconds{job="send_messages"} 0.125' in text
    assert 'huiying_job_failures{job="send_messages"} 1.0' in text
    assert "huiying_worker_last_beat_seconds 0." in text
