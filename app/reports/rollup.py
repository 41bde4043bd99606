"""Keeps the rollup near: counts marked and outdated days anew, and freezes a month when it closes.

Counting runs outside any transaction, so that SQLite's one writer is held for the writing alone; a period's `serial`
fences off whoever counted before somebody else wrote. Marks are read first and taken away last: a change that commits
meanwhile leaves its mark for the next run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app import writing
from app.calendars.working_time import Calendar
from app.database import Database, Transaction
from app.reports import queries
from app.reports.figures import FIGURES
from app.reports.models import MonthClosing, ScorecardCell, ScorecardPeriod
from app.reports.periods import Span, closes_at, day_span, days, month_span, next_month
from app.sla.book import book_for_reading
from app.sla.models import DeadlineChange
from app.statements import Row
from app.time import FAR_END, MICROSECOND

MARKS_MAX = 5000
DAYS_AT_ONCE = 60
AHEAD = timedelta(days=400)  # days further away are counted when they are asked for
_ROLLUP_LOCK = 7_105_203
KEY = ("rule", "clock", "policy", "owner_id", "department_id", "tier")


@dataclass(frozen=True, slots=True)
class Count:
    """What a count of a period said, when, and until when it holds as far as time alone goes."""

    cells: Sequence[Row]
    counted_at: datetime
    valid_until: datetime


async def refresh_scorecard(database: Database) -> int:
    """Count again every day and closed month that was marked or has gone out of date; returns how many."""
    if await database.value(queries.FIRST_DUE) is None:
        return 0
    calendar = await working_calendar(database)
    known = {(row["begins_at"], row["ends_at"]): row for row in await database.all(queries.PERIODS)}
    marks = await database.all(queries.MARKS, mark_limit=MARKS_MAX)
    asked = _spans_of((row["due_at"] for row in marks), known.values(), calendar.timezone)
    asked |= {_span(row) for row in await database.all(queries.STALE)}
    asked |= set(await _never_counted(database, known, calendar.timezone))
    done = 0
    for span in sorted(asked, key=lambda one: one.begins_at):
        within = [row["id"] for row in marks if span.begins_at <= row["due_at"] < span.ends_at]
        done += await _refresh(database, span, known.get((span.begins_at, span.ends_at)), within)
    return done


async def working_calendar(database: Database) -> Calendar:
    """Return the deployment's working calendar: its zone says where a day ends."""
    return (await book_for_reading(database, ())).working


def _span(row: Row) -> Span:
    return Span(row["begins_at"], row["ends_at"], row["month"])


def _spans_of(dues: Iterable[datetime], known: Iterable[Row], zone: ZoneInfo) -> set[Span]:
    """Return the closed month of each instant, else its local day."""
    closed = [row for row in known if row["is_closed"]]
    found: dict[date, Span] = {}
    spans: set[Span] = set()
    for due in dues:
        month = next((row for row in closed if row["begins_at"] <= due < row["ends_at"]), None)
        if month is not None:
            spans.add(_span(month))
            continue
        on = due.astimezone(zone).date()
        found.setdefault(on, day_span(on, zone))
    return spans | {span for span in found.values() if span.begins_at < span.ends_at}


async def _never_counted(
    database: Database, known: Mapping[Any, Row], zone: ZoneInfo
) -> Sequence[Span]:
    """Return the first days that hold deadlines and were never counted in this zone; asked until there is none.

    A rollup that begins over a full table, or after the working calendar moved to another zone, is filled by these.
    """
    if database.memory.get("scorecard_filled") == zone.key:
        return ()
    first = await database.value(queries.FIRST_DUE)
    if first is None:
        return ()
    last = await database.value(queries.LAST_DUE, dead_end=await database.now() + AHEAD)
    closed = [row for row in known.values() if row["is_closed"]]
    end = (last or first).astimezone(zone).date()
    lacking = [
        span
        for span in days(first.astimezone(zone).date(), end, zone)
        if (span.begins_at, span.ends_at) not in known
        and not any(
            r["begins_at"] <= span.begins_at and span.ends_at <= r["ends_at"] for r in closed
        )
    ]
    if not lacking:
        database.memory["scorecard_filled"] = zone.key
    return lacking[:DAYS_AT_ONCE]


async def _refresh(database: Database, span: Span, known: Row | None, marks: Sequence[int]) -> int:
    count = await count_period(database, span)
    async with database.transaction() as tx:
        # Passing over a day that another worker holds would leave it to the next run.
        await tx.lock_name(_ROLLUP_LOCK, wait=True)
        if known is None:
            if await tx.one(queries.PERIOD, begins_at=span.begins_at, ends_at=span.ends_at):
                return 0
            await _insert_period(tx, span, count, is_closed=False)
        elif not await _count_again(tx, known, count):
            return 0
        await writing.change_set(tx, DeadlineChange, queries.DROP_MARKS, keys=list(marks))
    return 1


async def count_period(database: Database, span: Span) -> Count:
    """Count a period's deadlines as they read now."""
    values = {"begins_at": span.begins_at, "ends_at": span.ends_at}
    now = await database.now()  # not later than the count's own instant
    cells = await database.all(queries.COUNT_PERIOD, **values)
    flips = [row["next_due_at"] + MICROSECOND for row in cells if row["next_due_at"] is not None]
    flips += [row["next_resume_at"] for row in cells if row["next_resume_at"] is not None]
    counted_at = max((row["now"] for row in cells), default=now)
    return Count(cells, counted_at, min(flips, default=FAR_END))


async def _insert_period(tx: Transaction, span: Span, count: Count, *, is_closed: bool) -> None:
    row = await writing.insert(
        tx,
        ScorecardPeriod,
        begins_at=span.begins_at,
        ends_at=span.ends_at,
        month=span.month,
        is_closed=is_closed,
        counted_at=count.counted_at,
        valid_until=FAR_END if is_closed else count.valid_until,
    )
    await _insert_cells(tx, row["id"], count.cells, is_adjustment=False)


async def _insert_cells(
    tx: Transaction, period_id: int, cells: Iterable[Mapping[str, Any]], *, is_adjustment: bool
) -> None:
    rows = [
        {"period_id": period_id, "is_adjustment": is_adjustment, **{n: cell[n] for n in (*KEY, *FIGURES)}}
        for cell in cells
    ]  # fmt: skip
    await writing.insert_many(tx, ScorecardCell, rows)


async def _count_again(tx: Transaction, known: Row, count: Count) -> bool:
    """Write a newer count of a known period; of a closed one the difference to what is frozen."""
    values = {
        "period_key": known["id"],
        "serial_seen": known["serial"],
        "new_counted_at": known["counted_at"] if known["is_closed"] else count.counted_at,
        "new_valid_until": FAR_END if known["is_closed"] else count.valid_until,
    }
    if not await writing.change_set(tx, ScorecardPeriod, queries.COUNTED_AGAIN, **values):
        return False
    cells = count.cells
    if known["is_closed"]:
        cells = differences(await tx.all(queries.CELLS, period_key=known["id"]), count.cells)
    which = {"periods": [known["id"]], "adjusting": known["is_closed"]}
    await writing.change_set(tx, ScorecardCell, queries.DROP_CELLS, **which)
    await _insert_cells(tx, known["id"], cells, is_adjustment=known["is_closed"])
    return True


def differences(frozen: Sequence[Row], fresh: Sequence[Row]) -> list[Row]:
    """Return what must be added to the frozen cells to have the fresh ones; cells without any difference are left out."""
    before = {tuple(cell[name] for name in KEY): cell for cell in frozen}
    after = {tuple(cell[name] for name in KEY): cell for cell in fresh}
    found: list[Row] = []
    for key in {**before, **after}:
        was, is_now = before.get(key), after.get(key)
        figures = {
            name: (is_now[name] if is_now else 0) - (was[name] if was else 0) for name in FIGURES
        }
        if any(figures.values()):
            found.append({**dict(zip(KEY, key, strict=True)), **figures})
    return found


# --- closing months


async def close_months(database: Database) -> int:
    """Freeze the figures of every month whose closing has come; returns how many months."""
    closing, done = await database.one(queries.CLOSING), 0
    if closing is None:
        first = await database.value(queries.FIRST_DUE)
        if first is None:
            return 0
        closing = await _begin_closing(database, first)
    while closing["closes_at"] <= await database.now():
        if not await _close(database, closing):
            break  # another worker was faster
        done += 1
        closing = await database.one(queries.CLOSING)
        assert closing is not None
    return done


async def _begin_closing(database: Database, first: datetime) -> Row:
    """Write down which month closes first: that of the first deadline, at the latest the present one."""
    calendar = await working_calendar(database)
    async with database.transaction() as tx:
        at = min(first, await tx.now())
        row = _closing_of(at.astimezone(calendar.timezone).date().replace(day=1), calendar)
        await writing.upsert(tx, MonthClosing, ("id",), **row)
    return row


def _closing_of(month: date, calendar: Calendar) -> dict[str, Any]:
    return {"id": 1, "month": month.isoformat(), "closes_at": closes_at(month, calendar)}


async def _close(database: Database, closing: Row) -> bool:
    calendar = await working_calendar(database)
    month = date.fromisoformat(closing["month"])
    span = month_span(month, calendar.timezone)
    count = await count_period(database, span)
    async with database.transaction() as tx:
        await tx.lock_name(_ROLLUP_LOCK, wait=True)
        now_closing = await tx.one(queries.CLOSING)
        if now_closing is None or now_closing["month"] != closing["month"]:
            return False
        rows = await tx.all(queries.PERIODS)
        if not any(r["is_closed"] and r["month"] == span.month for r in rows):
            inside = [
                row["id"]
                for row in rows
                if span.begins_at <= row["begins_at"] and row["ends_at"] <= span.ends_at
            ]
            which = {"periods": inside, "adjusting": False}
            await writing.change_set(tx, ScorecardCell, queries.DROP_CELLS, **which)
            await writing.change_set(tx, ScorecardPeriod, queries.DROP_PERIODS, periods=inside)
            await _insert_period(tx, span, count, is_closed=True)
        following = _closing_of(next_month(month), calendar)
        await writing.upsert(tx, MonthClosing, ("id",), **following)
    return True
