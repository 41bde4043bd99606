"""A real worker is killed under two real API processes: they notice, tell the administrators once, and settle it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from app.database import Database
from app.heartbeats.models import Outage
from app.settings import ClockMode, Settings
from tests.conftest import SECRET
from tests.crash.cluster import free_port
from tests.factories import make_user
from tests.heartbeats.test_alarm import rows_of, told
from tests.notifications.test_mail import Post

SILENCE_SECONDS = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"clock": ClockMode.real})


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    """A mail server that the processes can reach."""
    handler, port = Post(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(database_url: str, post: tuple[Post, int]) -> Iterator[Start]:
    """A function that starts `huiying` with arguments over the test's database."""
    environment = {
        **os.environ, "HUIYING_DATABASE_URL": database_url, "HUIYING_SECRET_KEY": SECRET, "HUIYING_CLOCK": "real",
        "HUIYING_WORKER_SILENCE_SECONDS": str(SILENCE_SECONDS), "HUIYING_LOG_LEVEL": "ERROR",
        "HUIYING_SMTP_HOST": "127.0.0.1", "HUIYING_SMTP_PORT": str(post[1]),
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-m", "app.cli", *arguments]
        started.append(subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet))
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.wait()


async def until(ask: Callable[[], Awaitable[Any]], seconds: float = 90) -> Any:
    """Ask until the answer is true; fails when it never is."""
    end = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.1)
    return found


async def test_a_killed_worker_is_told_once_and_its_return_settles_it(
    database: Database, start: Start, post: tuple[Post, int]
) -> None:
    async with database.transaction() as tx:
        admins = [await make_user(tx, role="admin", email=f"a{n}@example.com") for n in range(2)]
    ports = [free_port() for _ in range(2)]
    for port in ports:
        start("serve", "--port", str(port))
    worker = start("worker")

    async def is_ready(status: int, alive: int) -> bool:
        async with httpx.AsyncClient() as http:
            for port in ports:
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
                except httpx.TransportError:
                    return False
                workers = answer.json()["checks"]["workers"]
                if (answer.status_code, workers["alive"]) != (status, alive):
                    return False
        return True

    async def lines(*, settled: bool) -> list[Any]:
        return [one for one in await told(database) if one["settled"] is settled]

    await until(lambda: is_ready(200, 1))
    before = len(await told(database))  # the start itself may have been slow enough for an alarm
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    killed_at = time.monotonic()
    await until(lambda: lines(settled=False))
    assert time.monotonic() - killed_at > SILENCE_SECONDS / 2
    await until(lambda: is_ready(503, 0))
    await asyncio.sleep(SILENCE_SECONDS)  # several more looks of both
    assert [one["user_id"] for one in await lines(settled=False)] == [one["id"] for one in admins]
    assert len(await told(database)) == before + len(admins)

    async def mailed() -> bool:
        alarms = [m for m in post[0].taken if "没有后台进程" in m["Subject"]]
        return {str(m["To"]) for m in alarms} == {one["email"] for one in admins}

    await until(mailed)
    start("worker")
    await until(lambda: is_ready(200, 1))

    async def is_settled() -> bool:
        return not await lines(settled=False)

    await until(is_settled)
    outages = await database.all(rows_of(Outage))
    assert all(one["ended_at"].year < 9999 for one in outages)

    async def told_the_end() -> bool:
        ends = [m for m in post[0].taken if "已恢复" in m["Subject"]]
        return {str(m["To"]) for m in ends} == {one["email"] for one in admins}

    await until(told_the_end)
