"""Compares each hot path, in one run, with a bare handler that does the same work on the same database.

`python -m scripts.bench [--engine postgres|sqlite] [--seconds 4] [--rounds 3] [--customers 100000] [--tickets 200000]`
prints throughput and server-CPU ratios (1.0 = as fast as bare), p50, p99 and memory. One server process each, on
loopback, one after the other, alternating; the database is the benchmark's own and is dropped afterwards.
"""

import argparse
import asyncio
import contextlib
import os
import re
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import psycopg
from sqlalchemy import column, text

from app import writing
from app.auth.models import Department, Session, User
from app.auth.tokens import issue_access_token
from app.calendars import service as calendars
from app.database import Database
from app.engines import create_database
from app.settings import ClockMode, Settings
from app.sla import service as sla
from app.statements import Statement
from app.subscribers import compose
from app.tickets import rows
from app.tickets.models import TicketType
from app.time import real_now
from scripts.bench_load import Load, request, run_load

SECRET = secrets.token_urlsafe(48)
POSTGRES = os.environ.get(
    "HUIYING_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
STAFF_COUNT = 40


@dataclass(slots=True)
class Stage:
    """The database of a run, somebody to call as, and some ids to ask for."""

    url: str
    token: str
    tickets: list[str]
    customers: list[str]


def settings_for(url: str) -> Settings:
    """Return the benchmark's settings: real clock."""
    return Settings(database_url=url, secret_key=SECRET, clock=ClockMode.real, log_level="WARNING")  # type: ignore[arg-type]


def migrate(url: str) -> None:
    """Bring the database to the newest version."""
    environment = {**os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_SECRET_KEY": SECRET}
    subprocess.run([sys.executable, "-m", "app.cli", "migrate"], env=environment, check=True)


async def prepare(url: str, customer_count: int, ticket_count: int) -> Stage:
    """Fill the database with a company, customers and tickets, and return whom to call as."""
    database = compose(create_database(settings_for(url)))
    await database.open()
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
    token = await _make_company(database)
    await database.close()
    fill(url, customer_count, ticket_count)
    database = compose(create_database(settings_for(url)))
    await database.open()
    sample = "SELECT public_id FROM {} WHERE id >= 1000000 AND id % 97 = 0 LIMIT 2000"
    found = {}
    for table in ("tickets", "customers"):
        found[table] = await database.all(
            Statement(text(sample.format(table)).columns(column("public_id")))
        )
    await database.close()
    return Stage(
        url,
        token,
        [str(row["public_id"]) for row in found["tickets"]],
        [str(row["public_id"]) for row in found["customers"]],
    )


async def _make_company(database: Database) -> str:
    now = real_now()
    common = {"created_at": now, "updated_at": now}
    async with database.transaction() as tx:
        department = await writing.insert(
            tx, Department, name="技术支持部", name_key="技术支持部", path="/1/", **common
        )
        admin = await writing.insert(
            tx, User, email="bench@example.cn", name="压测", name_key="压测", role="admin",
            department_id=department["id"], **common,
        )  # fmt: skip
        for number in range(STAFF_COUNT):
            await writing.insert(
                tx, User, email=f"s{number}@example.cn", name=f"工程师{number}", name_key=f"s{number:03}",
                role="support", department_id=department["id"], manager_id=admin["id"], **common,
            )  # fmt: skip
        await writing.update(
            tx, Department, department, head_id=admin["id"], path=f"/{department['id']}/"
        )
        for row in await tx.all(rows.TYPES):
            if row["code"] == "technical":
                await writing.update(tx, TicketType, row, department_id=department["id"])
        session = await writing.insert(
            tx, Session, user_id=admin["id"], created_at=now, expires_at=now + timedelta(days=1)
        )
    token, _ = issue_access_token(
        SECRET.encode(),
        subject=admin["public_id"],
        session=session["public_id"],
        now=now,
        lifetime=timedelta(hours=1),
    )
    return token


def fill(url: str, customer_count: int, ticket_count: int) -> None:
    """Put customers and tickets in by set-based SQL (data for reading; their promises are not part of it)."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            for sql in _fill_postgres(customer_count, ticket_count):
                connection.execute(sql.encode())
        return
    embedded = sqlite3.connect(url.removeprefix("sqlite:///"))
    for sql in _fill_sqlite(customer_count, ticket_count):
        embedded.execute(sql)
    embedded.commit()
    embedded.execute("ANALYZE")
    embedded.close()


_TICKET_FAR = (
    "happened_at", "wished_at", "agreed_at", "dispatched_at", "accepted_at", "progress_at", "resolved_at",
    "closed_at", "close_due_at",
)  # fmt: skip


def _fill_postgres(customers: int, tickets: int) -> Iterator[str]:
    far = "timestamptz '9999-12-31 23:59:59+00'"
    yield (
        "INSERT INTO customers (id, public_id, number, name, name_key, revenue_currency, source_channel, "
        "first_contact_at, status, tier, tags, version, created_at, updated_at) "
        f"SELECT 1000000 + g, gen_random_uuid(), 'C9' || lpad(g::text, 7, '0'), '公司' || g, 'k' || g, 'CNY', 'phone', {far}, 'won', "
        f"substr('ABC', 1 + g % 3, 1), '[]', 1, now() - g * interval '1 second', now() FROM generate_series(1, {customers}) g"
    )
    yield (
        "INSERT INTO tickets (id, public_id, number, customer_id, type, complexity, channel, priority, subject, "
        "description, tags, status, progress, owner_id, agreement_pending, opened_at, updated_at, version, "
        f"{', '.join(_TICKET_FAR)}) SELECT 1000000 + g, gen_random_uuid(), 'T9' || lpad(g::text, 7, '0'), "
        f"1000000 + 1 + g % {customers}, 'technical', 'normal', 'phone', 'normal', '设备报警 ' || g, '现场报警灯常亮,重启后仍出现', "
        "'[]', 'new', 0, (SELECT min(id) FROM users), false, now() - g * interval '10 second', now(), 1, "
        f"{', '.join([far] * len(_TICKET_FAR))} FROM generate_series(1, {tickets}) g"
    )
    # What the tickets' promises left behind: with empty tables the first plans, kept by each connection, scan them.
    yield (
        "INSERT INTO sla_subjects (id, subject_type, subject_id, subject_public_id, label, sequence, next_fire_at, "
        "is_open, fault_count) SELECT id, 'ticket', id, public_id::text, '', 1, "
        f"{far}, false, 0 FROM tickets"
    )
    yield (
        "INSERT INTO sla_facts (id, subject_key, sequence, kind, occurred_at, recorded_at, data) "
        "SELECT id, id, 1, 'opened', opened_at, opened_at, '{}' FROM tickets"
    )
    yield (
        "INSERT INTO deadlines (id, public_id, subject_key, subject_type, subject_id, subject_public_id, label, clock, "
        "rule, cycle, revision, state, started_at, due_at, answered_at, ended_at, pause_ends_at, missed_at, detected_at, "
        "on_retarget, provisional, intervals_skipped, used_seconds) SELECT id, gen_random_uuid(), id, 'ticket', id, "
        "public_id::text, '', 'accept', 'TK-2', 1, 1, 'met', opened_at, opened_at + interval '30 minutes', opened_at, "
        f"opened_at, {far}, {far}, {far}, false, false, 0, 0 FROM tickets"
    )
    yield "VACUUM ANALYZE"


def _fill_sqlite(customers: int, tickets: int) -> Iterator[str]:
    far, now = (
        "'9999-12-31T23:59:59.000000Z'",
        "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-' || (g * 10) || ' seconds')",
    )
    series = "WITH RECURSIVE s(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM s WHERE g < {})"
    uuid = "lower(printf('%s-%s-7%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))"
    yield (
        "INSERT INTO customers (id, public_id, number, name, name_key, revenue_currency, source_channel, "
        "first_contact_at, status, tier, tags, version, created_at, updated_at) "
        + series.format(customers)
        + f" SELECT 1000000 + g, {uuid}, printf('C9%07d', g), '公司' || g, 'k' || g, 'CNY', 'phone', {far}, 'won', "
        f"substr('ABC', 1 + g % 3, 1), '[]', 1, {now}, {now} FROM s"
    )
    yield (
        "INSERT INTO tickets (id, public_id, number, customer_id, type, complexity, channel, priority, subject, "
        "description, tags, status, progress, owner_id, agreement_pending, opened_at, updated_at, version, "
        f"{', '.join(_TICKET_FAR)}) "
        + series.format(tickets)
        + f" SELECT 1000000 + g, {uuid}, printf('T9%07d', g), 1000000 + 1 + g % {customers}, 'technical', 'normal', 'phone', "
        "'normal', '设备报警 ' || g, '现场报警灯常亮,重启后仍出现', '[]', 'new', 0, (SELECT min(id) FROM users), 0, "
        f"{now}, {now}, 1, {', '.join([far] * len(_TICKET_FAR))} FROM s"
    )


@dataclass(slots=True)
class Server:
    """A server process on its port, with the CPU seconds it has used."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextlib.contextmanager
def serving(target: str, port: int, url: str, *, factory: bool) -> Iterator[Server]:
    """Run one uvicorn process of `target` until the block ends."""
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        target,
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    environment = {
        **os.environ, "HUIYING_DATABASE_URL": url, "HUIYING_SECRET_KEY": SECRET, "HUIYING_CLOCK": "real",
        "HUIYING_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    process = subprocess.Popen([*command, *(["--factory"] if factory else [])], env=environment)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
                break
            time.sleep(0.1)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(20)


@dataclass(slots=True)
class Measured:
    """One path on one server in one round."""

    load: Load
    cpu_per_request: float


async def measure(
    server: Server, make: Callable[[int], bytes], seconds: float, connections: int
) -> Measured:
    """Load a path and return rate, latencies and the server's CPU seconds a request."""
    await run_load(server.port, make, seconds=0.5, connections=connections)
    before = server.cpu_seconds()
    load = await run_load(server.port, make, seconds=seconds, connections=connections)
    used = server.cpu_seconds() - before
    return Measured(load, used / max(1, len(load.latencies)))


def requests_of(stage: Stage, *, bare: bool) -> dict[str, Callable[[int], bytes]]:
    """Return the hot paths' requests."""
    prefix = "" if bare else "/api/v1"
    headers = {"Content-Type": "application/json"} | (
        {} if bare else {"Authorization": f"Bearer {stage.token}"}
    )
    shift = secrets.randbelow(1000)

    def read(number: int) -> bytes:
        ticket = stage.tickets[(number * 7 + shift) % len(stage.tickets)]
        return request("GET", f"{prefix}/tickets/{ticket}", headers=headers)

    def page(number: int) -> bytes:
        query = "" if bare else "?limit=50&sort=-opened_at"
        return request("GET", f"{prefix}/tickets{query}", headers=headers)

    def open_(number: int) -> bytes:
        body = {
            "customer_id": stage.customers[(number * 13 + shift) % len(stage.customers)],
            "type": "technical", "channel": "phone", "subject": "设备报警", "description": "现场报警灯常亮,重启后仍出现",
        }  # fmt: skip
        return request("POST", f"{prefix}/tickets", body=orjson.dumps(body), headers=headers)

    return {"read one": read, "page of 50": page, "open a ticket": open_}


async def compare(stage: Stage, arguments: argparse.Namespace) -> None:
    """Run every path on both servers, alternating, and print the ratios."""
    results: dict[str, dict[str, list[Measured]]] = {}
    with (
        serving("app.main:serve_application", 18701, stage.url, factory=True) as ours,
        serving("scripts.bench_bare:app", 18702, stage.url, factory=False) as bare,
    ):
        check_same_work(stage, ours, bare)
        for _ in range(arguments.rounds):
            for name in ("read one", "page of 50", "open a ticket"):
                for side, server in (("ours", ours), ("bare", bare)):
                    make = requests_of(stage, bare=side == "bare")[name]
                    done = await measure(server, make, arguments.seconds, arguments.connections)
                    results.setdefault(name, {}).setdefault(side, []).append(done)
        print_results(results, ours.memory_mb(), bare.memory_mb(), arguments)


def check_same_work(stage: Stage, ours: Server, bare: Server) -> None:
    """Fail unless both servers show the same page of tickets; the spelling of instants aside."""

    def items(server: Server, path: str, headers: dict[str, str]) -> object:
        asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            text = answer.read().decode()
        return orjson.loads(re.sub(r"\.0+Z", "Z", text))["items"]

    identified = {"Authorization": f"Bearer {stage.token}"}
    shown = items(ours, "/api/v1/tickets?limit=50&sort=-opened_at", identified)
    if shown != items(bare, "/tickets", {}):
        raise SystemExit("the bare handler does not show the same page")


def print_results(
    results: dict[str, dict[str, list[Measured]]],
    ours_mb: float,
    bare_mb: float,
    arguments: argparse.Namespace,
) -> None:
    """Print one line a path."""
    print(
        f"\n{arguments.engine}: {arguments.customers:,} customers, {arguments.tickets:,} tickets, one process each"
    )
    print(
        f"{'path':<15}{'ours/s':>9}{'bare/s':>9}{'ratio':>8}{'cpu ratio':>11}{'p50 ms':>9}{'p99 ms':>9}{'bare p50':>10}"
    )
    for name, sides in results.items():
        rates = {
            side: statistics.median(one.load.rate for one in done) for side, done in sides.items()
        }
        cpus = {
            side: statistics.median(one.cpu_per_request for one in done)
            for side, done in sides.items()
        }
        ours, bare = sides["ours"][-1].load, sides["bare"][-1].load
        odd = {s: n for s, n in ours.statuses.items() if s >= 300} | {
            -s: n for s, n in bare.statuses.items() if s >= 300
        }
        print(
            f"{name:<15}{rates['ours']:>9.0f}{rates['bare']:>9.0f}{rates['ours'] / rates['bare']:>8.2f}"
            f"{cpus['bare'] / cpus['ours']:>11.2f}{ours.percentile(0.5):>9.2f}{ours.percentile(0.99):>9.2f}"
            f"{bare.percentile(0.5):>10.2f}{'  ' + str(odd) if odd else ''}"
        )
    print(f"memory: ours {ours_mb:.0f} MB, bare {bare_mb:.0f} MB\n")


def main() -> None:
    """Run the comparison the arguments ask for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--tickets", type=int, default=200_000)
    arguments = parser.parse_args()
    with own_database(arguments.engine) as url:
        migrate(url)
        stage = asyncio.run(prepare(url, arguments.customers, arguments.tickets))
        asyncio.run(compare(stage, arguments))


@contextlib.contextmanager
def own_database(engine: str) -> Iterator[str]:
    """Make a database of the benchmark's own and drop it afterwards."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.sqlite3"
        return
    name = f"huiying_bench_{secrets.token_hex(4)}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield f"{POSTGRES.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


if __name__ == "__main__":
    main()
