"""Real processes of the product that are killed and started again, and a driver that uses them meanwhile."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.faults import POINTS
from tests.crash.cluster import free_port


@dataclass(slots=True)
class Process:
    """One process of the fleet; it is started again whenever it is dead."""

    arguments: Sequence[str]
    environment: dict[str, str]
    port: int | None = None
    handle: subprocess.Popen[bytes] | None = None
    death_count: int = 0
    kill_count: int = 0

    def ensure(self, faults: str) -> None:
        """Start it where it does not run, with fault points armed."""
        if self.handle is not None and self.handle.poll() is None:
            return
        if self.handle is not None:
            self.death_count += 1
            self.kill_count += self.handle.returncode == -signal.SIGKILL
        environment = {**self.environment, "HUIYING_FAULTS": faults}
        self.handle = subprocess.Popen(
            [sys.executable, *self.arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        if self.handle is not None and self.handle.poll() is None:
            self.handle.send_signal(signal.SIGKILL)
            self.handle.wait()

    def end(self) -> None:
        """SIGTERM and wait."""
        if self.handle is not None and self.handle.poll() is None:
            self.handle.terminate()
            try:
                self.handle.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass(slots=True)
class Fleet:
    """API and worker processes over one database."""

    environment: dict[str, str]
    random: random.Random
    apis: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    @classmethod
    def make(
        cls, url: str, secret: str, seed: int, *, api_count: int, worker_count: int
    ) -> "Fleet":
        """Return a fleet that is not started yet."""
        environment = {
            **os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_SECRET_KEY": secret, "HUIYING_CLOCK": "virtual",
            "HUIYING_LOG_LEVEL": "ERROR", "HUIYING_POSTGRES_POOL_SIZE": "3",
        }  # fmt: skip
        fleet = cls(environment, random.Random(seed))
        for _ in range(api_count):
            port = free_port()
            arguments = ["-m", "app.cli", "serve", "--port", str(port)]
            fleet.apis.append(Process(arguments, environment, port))
        fleet.workers = [
            Process(["-m", "app.cli", "worker"], environment) for _ in range(worker_count)
        ]
        return fleet

    @property
    def processes(self) -> list[Process]:
        """Everybody."""
        return [*self.apis, *self.workers]

    @property
    def death_count(self) -> int:
        """How often a process has died so far."""
        return sum(one.death_count for one in self.processes)

    @property
    def kill_count(self) -> int:
        """How many of those deaths were by SIGKILL, at a fault point or by us."""
        return sum(one.kill_count for one in self.processes)

    def ensure(self, *, armed: bool) -> None:
        """Start whoever is dead; `armed` ones die by themselves at a fault point some time later."""
        for one in self.processes:
            point = self.random.choice(sorted(POINTS))
            one.ensure(f"{point}:{self.random.randint(1, 40)}" if armed else "")

    def kill_one(self) -> None:
        """Kill somebody at random: a worker twice as often as an API process, which takes longer to come back."""
        self.random.choice([*self.apis, *self.workers, *self.workers]).kill()

    def end(self) -> None:
        """Stop everybody."""
        for one in self.processes:
            one.end()

    async def wait_ready(self, seconds: float = 180) -> None:
        """Wait until every API process answers."""
        until = time.monotonic() + seconds
        async with httpx.AsyncClient() as http:
            for one in self.apis:
                while True:
                    try:
                        if (
                            await http.get(f"http://127.0.0.1:{one.port}/healthz")
                        ).status_code == 200:
                            break
                    except httpx.TransportError:
                        pass
                    assert time.monotonic() < until, "an API process did not come up"
                    await asyncio.sleep(0.1)


@dataclass(slots=True)
class Acknowledged:
    """What the API has acknowledged: an id for every idempotency key, and moves that were answered 2xx."""

    tickets: dict[str, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    conflicts: int = 0


async def post(
    fleet: Fleet, http: httpx.AsyncClient, path: str, key: str, body: Any
) -> httpx.Response | None:
    """Send a write with its key until somebody answers it; None when nobody did in time."""
    for _ in range(60):
        port = fleet.random.choice(fleet.apis).port
        try:
            answer = await http.post(
                f"http://127.0.0.1:{port}{path}",
                json=body,
                headers={"Idempotency-Key": key},
                timeout=10,
            )
        except httpx.TransportError:
            await asyncio.sleep(0.2)
            continue
        if answer.status_code in (503, 500) or answer.headers.get("retry-after"):
            await asyncio.sleep(0.2)
            continue
        return answer
    return None


async def work(
    fleet: Fleet, caller: tuple[str, str], lane: int, said: Acknowledged, stop: asyncio.Event
) -> None:
    """Open tickets and accept every second one until told to stop; `caller` is (token, customer's id)."""
    token, customer_id = caller
    number = 0
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        while not stop.is_set():
            number += 1
            key = f"open-{lane}-{number}"
            body = {
                "customer_id": customer_id, "type": "technical", "channel": "phone",
                "subject": f"设备报警 {lane}-{number}", "description": "现场报警灯常亮,重启后仍出现",
            }  # fmt: skip
            answer = await post(fleet, http, "/api/v1/tickets", key, body)
            if answer is None or answer.status_code != 201:
                assert answer is None or answer.status_code < 500, answer.text
                continue
            said.tickets[key] = answer.json()["id"]
            if number % 2 == 0:
                accepted = await post(
                    fleet,
                    http,
                    f"/api/v1/tickets/{said.tickets[key]}/accept",
                    f"accept-{lane}-{number}",
                    {},
                )
                if accepted is not None and accepted.status_code == 200:
                    said.accepted.add(said.tickets[key])
