"""What the command line says of a backtest: a table of before and after. Printing is the command line's business."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from app.calendars.working_time import Calendar
from app.database import Database
from app.errors import Refusal
from app.sla.backtest_schemas import BacktestPolicy, BacktestStart
from app.sla.backtesting import Backtest, close, judge, report_of
from app.sla.backtests import backtest_of
from app.sla.book import book_for_reading
from app.sla.commands import DocumentRefused, WithDatabase, read_file
from app.sla.engine.outcomes import Figures
from app.sla.policy_schemas import PolicyDocument
from app.sla.texts import FIELD_TEXTS, TEXTS

MATTERS_LISTED = 20
_DAY = timedelta(days=1)
_ROW = "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}"
_HEADS = ("", "judged", "kept", "judged", "kept", "newly", "newly")
_HEADS_BELOW = ("", "before", "before", "after", "after", "kept", "broken")


def lines(document: str, first: str, last: str, with_database: WithDatabase) -> list[str]:
    """Judge what was opened on the local dates `first` to `last` by a file, or by `NAME@VERSION` of the database.

    Raises `DocumentRefused` with what is wrong.
    """
    policy = _policy(document)
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise DocumentRefused(f"{first} {last}: dates are written 2026-03-31") from error
    if days[1] < days[0]:
        raise DocumentRefused(f"{first} {last}: the last date lies before the first")

    async def work(database: Database) -> dict[str, Any]:
        book = await book_for_reading(database, ())
        command = _command(policy, *days, book.working)
        return await judge_all(database, await backtest_of(database, book, command))

    try:
        told: Mapping[str, Any] = with_database(work)
    except Refusal as error:
        raise DocumentRefused("\n".join(_refused(error))) from error
    return list(_table(told))


async def judge_all(database: Database, asked: Backtest) -> dict[str, Any]:
    """Return the whole answer at once."""
    after, figures, finished = 0, Figures(), False
    try:
        while not finished:
            judged = await judge(database, asked, after, figures)
            after, finished = judged.after, judged.finished
    finally:
        close(database)
    return await report_of(database, figures)


def _policy(named: str) -> BacktestPolicy:
    name, _, version = named.rpartition("@")
    if not name or Path(named).exists():
        return BacktestPolicy(document=PolicyDocument(dict(read_file(Path(named)))))
    try:
        return BacktestPolicy.model_validate({"name": name, "version": version})
    except ValueError as error:
        raise DocumentRefused(f"{named}: a version is a number, current or draft") from error


def _command(policy: BacktestPolicy, first: date, last: date, working: Calendar) -> BacktestStart:
    try:
        span = {"from": working.start_of(first), "to": working.start_of(last + _DAY)}
    except (ValueError, OverflowError) as error:
        raise DocumentRefused(f"{first} {last}: {error}") from error
    return BacktestStart.model_validate({"policy": policy, **span})


def _refused(error: Refusal) -> Iterator[str]:
    if not error.errors:
        yield TEXTS.get(error.code, ("", error.code))[1].format(**error.values)
    for one in error.errors:
        text = FIELD_TEXTS.get(one.code, ("", one.code))[1]
        yield f"{one.pointer.removeprefix('/policy/document') or '/'}: {text.format(**one.values)}"


def _table(told: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{told['subjects']} matters judged, {told['changed_subjects']} would have ended otherwise, "
        f"{told['faults']} could not be judged"
    )
    yield _ROW.format(*_HEADS).rstrip()
    yield _ROW.format(*_HEADS_BELOW).rstrip()
    yield _row("all", told["total"])
    for one in told["rules"]:
        yield _row(f"{one['rule']} {one['clock']}", one)
    for one in told["teams"]:
        yield _row(one["team"]["name"] if one["team"] else "no team", one)
    for one in told["tiers"]:
        yield _row(f"tier {one['tier'] or '-'}", one)
    for one in told["months"]:
        yield _row(one["month"], one)
    for one in told["most_changed"][:MATTERS_LISTED]:
        yield f"{one['label']}  {one['clock']}: {_side(one['before'])} -> {_side(one['after'])}"


def _row(name: str, cell: Mapping[str, Any]) -> str:
    figures: list[str] = []
    for side in (cell["before"], cell["after"]):
        share = side["kept_share"]
        figures.append(str(side["met"] + side["late"] + side["missed"]))
        figures.append("-" if share is None else f"{100 * share:.1f} %")
    return _ROW.format(name, *figures, cell["newly_kept"], cell["newly_broken"])


def _side(side: Mapping[str, Any] | None) -> str:
    return "none" if side is None else f"{side['state']}, due {side['due_at'][:16]}Z"
