"""The scorecard counted the obvious way: every deadline read one by one in Python. It shares no code with the product's."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.database import Database
from app.sla.models import DeadlineRow
from app.statements import Row, Statement
from app.time import FAR_END

ROWS = Statement(select(*DeadlineRow.__table__.columns).order_by(DeadlineRow.id))
SHANGHAI = ZoneInfo("Asia/Shanghai")
COUNTS = ("kept", "late", "missed", "running", "paused", "superseded", "cancelled", "corrected")
SIDES = ("early_seconds", "early_elapsed_seconds", "late_seconds", "late_elapsed_seconds")
LIMITS = [5 * 60, 15 * 60, 30 * 60, 2 * 3600, 4 * 3600, 24 * 3600]
KEYS: Mapping[str, Callable[[Row], Any]] = {
    "rule": lambda row: row["rule"],
    "clock": lambda row: row["clock"],
    "policy": lambda row: row["policy"],
    "owner": lambda row: row["charged_owner_id"],
    "team": lambda row: row["charged_department_id"],
    "tier": lambda row: row["charged_tier"],
    "month": lambda row: row["due_at"].astimezone(SHANGHAI).strftime("%Y-%m"),
}


def read_state(row: Row, now: datetime) -> str:
    """How a row reads at `now` (deadlines 1.3)."""
    if row["ended_at"] != FAR_END:
        return "kept" if row["state"] == "met" else str(row["state"])
    if row["due_at"] < now:
        return "missed"
    waiting = row["pause_ends_at"] != FAR_END and now < row["pause_ends_at"]
    return "paused" if waiting else "running"


def figures_of(row: Row, now: datetime) -> dict[str, int]:
    """What one row adds to the figures."""
    state = read_state(row, now)
    out = {name: int(name == state) for name in COUNTS}
    out["corrected"] = int(row["adjustment"] is not None)
    for name in SIDES:
        counts = name.startswith("early") or state == "late"
        out[name] = (row[name] or 0) if counts else 0
    for side, seconds in (("early", row["early_seconds"]), ("late", row["late_seconds"])):
        measured = seconds is not None and (side == "early" or state == "late")
        place = sum(seconds >= limit for limit in LIMITS) if measured else None
        out |= {f"{side}_{n}": int(n == place) for n in range(7)}
    return out


def add_up(
    rows: list[Row], by: tuple[str, ...], now: datetime
) -> dict[tuple[Any, ...], dict[str, int]]:
    """The figures of every group."""
    groups: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in rows:
        key = tuple(KEYS[name](row) for name in by)
        sums = groups.setdefault(key, dict.fromkeys(figures_of(row, now), 0))
        for name, value in figures_of(row, now).items():
            sums[name] += value
    return groups


async def due_between(database: Database, first: date, last: date) -> list[Row]:
    """Every deadline whose local due date lies between two dates, both inclusive."""
    begins = datetime(first.year, first.month, first.day, tzinfo=SHANGHAI)
    ends = datetime(last.year, last.month, last.day, tzinfo=SHANGHAI) + timedelta(days=1)
    return [row for row in await database.all(ROWS) if begins <= row["due_at"] < ends]
