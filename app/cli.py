"""The command line: `huiying serve | worker | migrate | admin | demo | replay | scorecard | rebuild-... | outbox ...`.

Commands import what they run when they run it, so that `--help` answers at once.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app import rebuilding

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
policy = typer.Typer(help="Policy documents", no_args_is_help=True)
calendar = typer.Typer(help="Working time, holidays and make-up days", no_args_is_help=True)
app.add_typer(admin, name="admin")
app.add_typer(demo, name="demo")
app.add_typer(outbox, name="outbox")
app.add_typer(calendar, name="calendar")
app.add_typer(policy, name="policy")


UNITS = "minutes, hours, elapsed_hours, days, working_days, calendar_days or months"


class Pack(StrEnum):
    """The policy packs that ship."""

    TOOLKIT = "toolkit"
    TIERED_CASES = "tiered-cases"
    NONE = "none"


def main() -> None:
    """Run the command line."""
    app()


def with_database(work: "Callable[[Database], Awaitable[Any]]") -> Any:
    """Run `work` with the settings' database, opened and composed."""
    from app import deployment

    return deployment.with_database(work)


@app.command()
def migrate() -> None:
    """Bring the database to the newest version, and store the shipped calendars, policies and ticket types."""
    from app import deployment

    deployment.migrate()


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
    from app.supervision import Supervised

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


@app.command()
def scorecard(
    first: Annotated[
        str | None, typer.Option("--from", help="2026-03-01; default: this month")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="2026-03-31, inclusive")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page for managers")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the figures by rule and month")] = None,
    language: Annotated[str, typer.Option(help="zh-CN or en")] = "zh-CN",
) -> None:
    """Write down how often every promise was kept, whole; without a file the CSV is printed."""
    from app.reports.files import NoPeriod, write_scorecard

    files = {path: kind for path, kind in ((html, "html"), (csv, "csv")) if path is not None}
    try:
        texts = with_database(
            lambda db: write_scorecard(db, first, last, language, html=bool(html))
        )
    except NoPeriod as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    for path, kind in files.items():
        path.write_text(texts[kind], encoding="utf-8", newline="")
    if not files:
        sys.stdout.write(texts["csv"])


app.command("rebuild-deadlines")(rebuilding.rebuild_deadlines)
app.command("rebuild-timeline")(rebuilding.rebuild_timeline)


@app.command("rebuild-search")
def rebuild_search(
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit 1 on a difference")
    ] = False,
) -> None:
    """Make the words by which customers are found anew, and write (or with --check only count) what differs."""
    from app.customers import search

    count = with_database(lambda database: search.rebuild(database, check=check))
    print(f"{count} {'differences' if check else 'rows written anew'}")
    raise typer.Exit(1 if check and count else 0)


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


@policy.command("check")
def check_policy(file: Path) -> None:
    """Check a policy document, YAML or JSON; exit 1 with the place and the reason where it is none."""
    from app.sla import commands

    print(commands.check(file))


@policy.command("diff")
def diff_policies(before: str, after: str) -> None:
    """Compare two policy documents place by place: files, or NAME@VERSION of the database (`toolkit@draft`)."""
    from app.sla import commands

    for line in commands.diff(before, after, with_database):
        print(line)


@policy.command("backtest")
def backtest_policy(document: str, first: str, last: str) -> None:
    """How matters opened from a date to another and closed since would have ended under a FILE or NAME@VERSION."""
    from app.sla import backtest_command

    print(*backtest_command.lines(document, first, last, with_database), sep="\n")


@calendar.command("list")
def list_calendars() -> None:
    """List calendars: name, version, zone, until when holidays are known, and which one is the working calendar."""
    from app.calendars import commands

    _print_lines(commands.list_lines)


@calendar.command("show")
def show_calendar(
    name: str,
    version: Annotated[int | None, typer.Option(min=1, help="Default: the current one")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Default: today")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366)] = 30,
) -> None:
    """Show a calendar's week and its days: open hours, holidays, make-up days, what is provisional."""
    from app.calendars import commands

    start = None if first is None else first.date()
    _print_lines(lambda database: commands.show_lines(database, name, version, start, days))


@calendar.command("add")
def add_to_instant(
    name: str,
    start: Annotated[str, typer.Argument(help="An instant; local time if it names no zone")],
    amount: Annotated[int, typer.Argument(min=1, max=100_000)],
    unit: Annotated[str, typer.Argument(help=UNITS)],
) -> None:
    """Say when an amount of a unit is used up: `huiying calendar add office "2026-09-30 17:00" 2 working_days`."""
    from app.calendars import commands
    from app.calendars.target import Target, Unit

    if unit not in list(Unit):
        raise typer.BadParameter(f"the unit is one of {UNITS}")
    try:
        begun = datetime.fromisoformat(start)
    except ValueError as error:
        raise typer.BadParameter("the start is such as 2026-09-30T17:00") from error
    target = Target(amount, Unit(unit))
    _print_lines(lambda database: commands.add_lines(database, name, begun, target))


@calendar.command("load")
def load_calendar_year(
    name: Annotated[str, typer.Argument(help="A calendar, or cn: all that keep China's years")],
    year: Annotated[int, typer.Argument(min=1970, max=2199)],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or JSON")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Drop the year's exceptions that the file does not name"),
    ] = False,
) -> None:
    """Load a year's public holidays and make-up days: a new version, all or nothing.

    The file is CSV (date,is_off_day,name) or JSON ({"year": 2027, "days": [...]}).
    """
    from app.calendars import commands

    content = file.read_bytes()
    _print_lines(
        lambda database: commands.load_lines(database, name, year, content, anew=replace), file
    )


def _print_lines(
    work: "Callable[[Database], Awaitable[list[str]]]", file: Path | None = None
) -> None:
    """Print what `work` returns; a refusal is told in words, with exit code 1 (no such calendar) or 2 (bad input)."""
    from app.calendars import texts
    from app.calendars.local_time import InstantOutOfRange
    from app.calendars.published_year import FileRefused
    from app.calendars.working_time import NoWorkingTime
    from app.errors import NotFound, Refusal
    from app.problems import add_texts, field_text

    add_texts(texts.TEXTS, texts.FIELD_TEXTS)
    try:
        lines = with_database(work)
    except (InstantOutOfRange, NoWorkingTime) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except FileRefused as error:
        where = " ".join(filter(None, [error.where, field_text(error.code, error.values, "en")]))
        print(f"{file}: {where}", file=sys.stderr)
        raise typer.Exit(2) from error
    except NotFound as error:
        print("no such calendar", file=sys.stderr)
        raise typer.Exit(1) from error
    except Refusal as error:
        for one in error.errors:
            print(f"{one.pointer}: {field_text(one.code, one.values, 'en')}", file=sys.stderr)
        raise typer.Exit(2) from error
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
