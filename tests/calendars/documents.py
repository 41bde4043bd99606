"""Calendar documents and short ways to write instants for the tables of these tests."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.calendars.document import parse_calendar
from app.calendars.working_time import Calendar, compile_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE_TO_SIX = [["09:00", "18:00"]]
WITH_LUNCH = [["09:00", "12:00"], ["13:30", "18:00"]]
NIGHT = [["22:00", "06:00"]]
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def weekdays(hours: list[list[str]]) -> dict[str, list[list[str]]]:
    return dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), hours)


def every_day(hours: list[list[str]]) -> dict[str, list[list[str]]]:
    return weekdays(hours) | {"sat": hours, "sun": hours}


def document(
    week: dict[str, list[list[str]]], zone: str = "Asia/Shanghai", **more: object
) -> dict[str, Any]:
    return {"name": "test", "timezone": zone, "week": week, **more}


def calendar(
    week: dict[str, list[list[str]]], zone: str = "Asia/Shanghai", **more: object
) -> Calendar:
    return compile_calendar(parse_calendar(document(week, zone, **more)))


def around_the_clock(zone: str = "Asia/Shanghai") -> Calendar:
    return compile_calendar(parse_calendar({"name": "24x7", "timezone": zone, "always_open": True}))


def local(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> datetime:
    """The instant of a local time such as "2026-03-06 17:30" (a Friday)."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Lunch breaks, and exceptions of every kind around the new year of 2026.
HOLIDAYS = calendar(
    weekdays(WITH_LUNCH),
    exceptions=[
        {"date": "2026-01-01", "kind": "closed", "name": "元旦"},
        {"date": "2026-01-02", "kind": "closed", "name": "元旦"},
        {"date": "2026-01-03", "kind": "closed", "name": "元旦"},
        {"date": "2026-01-04", "kind": "working", "name": "元旦调休"},
        {"date": "2026-01-10", "kind": "working", "hours": [["10:00", "11:00"]]},
        {"date": "2026-02-16", "kind": "hours", "name": "除夕", "hours": [["09:00", "12:00"]]},
    ],
)
