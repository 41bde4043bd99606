"""What the command line does with calendars, as lines of text: listing, showing, adding, and loading a year's file.

Printing and exit codes are `cli`'s; the rules are those of the routes.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from app.calendars import edits
from app.calendars.document import WEEKDAYS, CalendarSpec, Hours, parse_calendar
from app.calendars.edits import Edit
from app.calendars.preview import preview, reckon
from app.calendars.published_year import read_year
from app.calendars.service import find_version, identified, read_in_force
from app.calendars.target import Target
from app.calendars.working_time import Calendar
from app.database import Database, Transaction
from app.errors import NotFound
from app.time import format_instant

# Not a calendar unless one is so named: every calendar that keeps China's published years.
CHINA = "cn"
CHINA_ZONE = "Asia/Shanghai"
SHOWN_DAYS = 30


async def list_lines(database: Database) -> list[str]:
    """Return one line a calendar: name, version, zone, until when its holidays are known, whether it is the working one."""
    in_force = await read_in_force(database, database.all)
    lines = []
    for name, number in sorted(in_force.current.items()):
        calendar = in_force.versions[name, number]
        working = "working calendar" if name == in_force.working[0] else ""
        lines.append(
            "\t".join([name, str(number), calendar.timezone.key, _known(calendar), working])
        )
    return lines


async def show_lines(
    database: Database, name: str, number: int | None, first: date | None, days: int = SHOWN_DAYS
) -> list[str]:
    """Return a calendar's hours and its days from `first` (today on it) on; raises `NotFound`, `Invalid`."""
    (_, version), calendar = await find_version(database, name, number)
    start = first or (await database.now()).astimezone(calendar.timezone).date()
    told = preview(calendar, version, start, start + timedelta(days=days - 1))
    return [
        f"{calendar.name} version {version}, {calendar.timezone.key}, {_known(calendar)}",
        *_week(calendar.spec),
        *(_day(one) for one in told["days"]),
    ]


async def add_lines(database: Database, name: str, start: datetime, target: Target) -> list[str]:
    """Return when an amount of a unit is used up; a naive `start` is local time of the calendar's zone.

    Raises `NotFound`, InstantOutOfRange, NoWorkingTime.
    """
    (_, version), calendar = await find_version(database, name, None)
    begun = start if start.tzinfo is not None else start.replace(tzinfo=calendar.timezone)
    told = reckon(calendar, version, begun, target)
    return [
        f"{told['due_local']} ({format_instant(told['due'])})",
        told["sentence"]["zh"],
        told["sentence"]["en"],
    ]


async def load_lines(
    database: Database, name: str, year: int, content: bytes, *, anew: bool = False
) -> list[str]:
    """Load a year's file into a calendar, or into every one that keeps China's years (`cn`), all or none of them.

    Returns one line a calendar. Raises FileRefused, `NotFound` and `Invalid`.
    """
    days = read_year(content, year)
    async with database.transaction() as tx:
        found = [
            await edits.load_days(
                tx, await edits.lock_calendar(tx, identified(one)), year, days, anew=anew
            )
            for one in await _names(tx, name)
        ]
    return [_loaded(one, year) for one in found]


async def _names(tx: Transaction, name: str) -> Sequence[str]:
    in_force = await read_in_force(tx.database, tx.all)
    if name != CHINA or name in in_force.current:
        return [name]
    specs = (in_force.versions[reference].spec for reference in sorted(in_force.current.items()))
    names = [
        spec.name for spec in specs if spec.exceptions_loaded and spec.timezone.key == CHINA_ZONE
    ]
    if not names:
        raise NotFound
    return names


def _loaded(edit: Edit, year: int) -> str:
    row, differs = edit.row, edit.difference
    spec = parse_calendar(row["document"])
    if edit.from_version == row["current_version"]:
        return f"{row['name']}: version {edit.from_version} holds {year} already, nothing changed"
    return (
        f"{row['name']}: version {edit.from_version} -> {row['current_version']}, {year} loaded: "
        f"{len(differs.added)} dates added, {len(differs.changed)} changed, "
        f"{len(differs.removed)} removed; next year to load: {spec.next_year_to_load}"
    )


def _known(calendar: Calendar) -> str:
    until = calendar.provisional_from()
    if until is None:
        return "needs no holidays"
    return f"holidays known until {until.astimezone(calendar.timezone).date() - timedelta(days=1)}"


def _week(spec: CalendarSpec) -> Iterator[str]:
    for name, hours in zip(WEEKDAYS, spec.week, strict=True):
        yield f"{name}  {_hours(hours) or 'closed'}"


def _hours(hours: Hours) -> str:
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in hours)


def _clock(minutes: int) -> str:
    within = minutes if minutes <= 1440 else minutes - 1440
    return f"{within // 60:02}:{within % 60:02}"


def _day(told: dict[str, Any]) -> str:
    on: date = told["date"]
    hours = f"{told['open_seconds'] / 3600:g} h" if told["is_working"] else "closed"
    said = [on.isoformat(), WEEKDAYS[on.weekday()], hours]
    if told["kind"] != "regular":
        said.append(f"{told['kind']} {told['name'] or ''}".rstrip())
    if told["provisional"]:
        said.append("provisional")
    return "  ".join(said)
