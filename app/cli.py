"""The command line: `huiying serve | worker | migrate | admin | demo | replay | rebuild-deadlines | outbox`.

Commands import what they run when they run it, so that `--help` answers at once.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.database import Database
    from app.errors import Invalid

app = typer.Typer(
    name="huiying",
    help="Huiying 回应: 事事有回应,件件有着落",
    no_args_is_help=True,
    add_completion=False,
)
admin = typer.Typer(help="Administrators", no_args_is_help=True)
demo = typer.Typer(help="The demo company", no_args_is_help=True)
outbox = typer.Typer(help="Messages on their way", no_args_is_help=True)
app.add_typer(admin, name="admin")
app.add_typer(demo, name="demo")
app.add_typer(outbox, name="outbox")


class Pack(StrEnum):
    """The policy packs that ship."""

    TOOLKIT = "toolkit"
    TIERED_CASES = "tiered-cases"
    NONE = "none"


MIGRATIONS = Path(__file__).parent.parent / "migrations"


def main() -> None:
    """Run the command line."""
    app()


def with_database(work: "Callable[[Database], Awaitable[Any]]") -> Any:
    """Open the settings' database, composed, run `work` with it, and close it."""
    from app.engines import create_database
    from app.settings import get_settings
    from app.subscribers import compose

    async def run() -> Any:
        database = compose(create_database(get_settings()))
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


@app.command()
def migrate() -> None:
    """Bring the database to the newest version, and store the shipped calendars, policies and ticket types."""
    from alembic import command
    from alembic.config import Config

    from app.settings import get_settings

    settings = get_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = settings.resolved_database_url
    command.upgrade(config, "head")
    with_database(ensure_shipped)


async def ensure_shipped(database: "Database") -> None:
    """Store what every deployment starts with, where it is missing."""
    from app.calendars import service as calendars
    from app.sla import service as sla
    from app.tickets import defaults as tickets

    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        await tickets.ensure_ticket_types(tx)


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Server processes")] = 1,
    with_worker: Annotated[
        bool, typer.Option("--with-worker", help="Run one worker beside them")
    ] = False,
) -> None:
    """Serve the API; with `--with-worker` one worker runs as a supervised child, whatever `--workers` is."""
    import uvicorn

    from app.settings import get_settings

    get_settings()
    child = (
        Supervised([sys.executable, "-m", "app.cli", "worker", "--parent", str(os.getpid())])
        if with_worker
        else None
    )
    # The server raises the signal that ended it once more: it must not kill us before the child is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.run(
            "app.main:serve_application",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=20,
        )
    finally:
        if child is not None:
            child.stop()


class Supervised:
    """A child process that is started again when it dies, with a growing pause, until it is stopped."""

    def __init__(self, command: list[str]) -> None:
        import threading

        self.command = command
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.process = subprocess.Popen(command)
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        pause = 1.0
        while not self.stopping.is_set():
            began = time.monotonic()
            self.process.wait()
            if self.stopping.wait(pause):
                return
            pause = 1.0 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
            with self.lock:
                if self.stopping.is_set():
                    return
                self.process = subprocess.Popen(self.command)

    def stop(self) -> None:
        """End the child and wait for it."""
        with self.lock:
            self.stopping.set()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


@app.command()
def worker(
    parent: Annotated[
        int | None, typer.Option(help="End when this process, which started it, is gone")
    ] = None,
) -> None:
    """Run the background jobs until told to stop."""
    from app.worker import run_worker

    asyncio.run(run_worker(parent=parent))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, plain or .xz")],
    mapping: Annotated[
        str, typer.Option(help="helpdesk, boston311, or the path of a mapping's YAML file")
    ],
    policy: Annotated[
        Pack | None, typer.Option(help="Default: the mapping's own, else toolkit")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Read only the first so many rows of the file")
    ] = None,
) -> None:
    """Replay a real ticket log through the services, in a database of its own; prints what was kept and what not."""
    from app.observability import configure_logging
    from app.rehearsal import replay as replaying
    from app.settings import get_settings

    settings = get_settings()
    configure_logging("WARNING")
    pack = None if policy is None else policy.value
    try:
        text, speed = replaying.replay_file(settings, file, mapping, policy=pack, limit=limit)
    except replaying.REFUSED as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    sys.stdout.write(text)
    print(speed, file=sys.stderr)


@app.command("rebuild-deadlines")
def rebuild_deadlines(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit 1 on a difference")
    ] = False,
) -> None:
    """Compute every deadline anew from its facts, and write (or with --check only report) what differs."""
    from app.sla import rebuild

    if not check:
        count = with_database(rebuild.rebuild_deadlines)
        print(f"{count} rows written anew")
        return
    differences = with_database(rebuild.check_deadlines)
    for difference in differences:
        print(difference)
    print(f"{len(differences)} differences")
    raise typer.Exit(1 if differences else 0)


@admin.command("create")
def create_admin(
    email: Annotated[
        str, typer.Option(help="Default: HUIYING_ADMIN_EMAIL or admin@huiying.local")
    ] = "",
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Do nothing where an admin exists")
    ] = False,
) -> None:
    """Create an administrator; prints `e-mail password` once (the password from HUIYING_ADMIN_PASSWORD, or made)."""
    from app.auth import admin as administration

    address = email or os.environ.get("HUIYING_ADMIN_EMAIL") or "admin@huiying.local"
    password = os.environ.get("HUIYING_ADMIN_PASSWORD")

    async def work(database: "Database") -> Any:
        if if_missing and await administration.has_admin(database):
            return None
        return await administration.create_admin(database, address, password)

    made = with_database(work)
    if made is not None:
        print(f"{made[0]} {made[1]}")


@demo.command("load")
def load_demo() -> None:
    """Load the demo company into a database that holds no company yet.

    Its people log in with HUIYING_DEMO_PASSWORD, or with a password made up and printed once.
    """
    from app.auth.passwords import generate_password
    from app.errors import Invalid
    from app.rehearsal import demo as company

    given = os.environ.get("HUIYING_DEMO_PASSWORD")
    password = given or generate_password()
    try:
        loaded = with_database(lambda database: company.load_if_empty(database, password))
    except (company.DemoUnfinished, Invalid) as error:
        print(error if not isinstance(error, Invalid) else _faults(error), file=sys.stderr)
        raise typer.Exit(1) from error
    if not loaded:
        print("the database holds a company already; nothing loaded", file=sys.stderr)
        return
    shown = "HUIYING_DEMO_PASSWORD" if given else password
    print(f"demo users, such as {company.EXAMPLE_USER}, log in with {shown}")


def _faults(error: "Invalid") -> str:
    return f"HUIYING_DEMO_PASSWORD: {', '.join(one.code for one in error.errors)}"


@outbox.command("list")
def list_outbox(
    state: Annotated[str, typer.Option(help="dead, pending or done")] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List messages, oldest first."""
    from app.outbox.relay import list_messages

    for row in with_database(lambda database: list_messages(database, state, limit)):
        print(row["public_id"], row["event"], row["attempts"], row["last_error"] or "", sep="\t")


@outbox.command()
def requeue(message_id: str) -> None:
    """Make a dead message pending again."""
    from app.outbox.relay import requeue as requeue_message

    if not with_database(lambda database: requeue_message(database, message_id)):
        print("no dead message has this id", file=sys.stderr)
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
