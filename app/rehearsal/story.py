"""The demo company's story as it is written in `demo_company.yaml` and `demo_tickets.yaml`, laid on a day.

Reading, and turning moments like "-3d 10:15" into instants. Telling the story to a database is in `demo`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from app.calendars.document import parse_calendar
from app.calendars.shipped import shipped_document
from app.calendars.working_time import Calendar, compile_calendar

_MOMENT = re.compile(r"([+-]?\d+)([dc])(?: (\d\d:\d\d))?")


@cache
def company() -> Mapping[str, Any]:
    """Return the company: people, departments, customers."""
    return dict(_read("demo_company"))


@cache
def tickets() -> Mapping[str, Mapping[str, Any]]:
    """Return the tickets by their key, in the file's order."""
    return {ticket["key"]: ticket for ticket in _read("demo_tickets")["tickets"]}


def _read(name: str) -> Any:
    text = files("app.rehearsal").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


@cache
def calendar(name: str) -> Calendar:
    """Return a shipped calendar."""
    return compile_calendar(parse_calendar(shipped_document(name)))


@dataclass(frozen=True, slots=True)
class DemoDay:
    """The day on which the demo stands; a working day."""

    today: date

    @property
    def now(self) -> datetime:
        """The instant at which the demo stands, in UTC."""
        return self.instant(f"0d {company()['now']}")

    def instant(self, moment: str) -> datetime:
        """Return the UTC instant of a moment as `demo_company.yaml` explains it; ValueError for no moment."""
        match = _MOMENT.fullmatch(moment)
        if match is None:
            raise ValueError(f"no moment: {moment!r}")
        local = time.fromisoformat(match[3] or "00:00")
        zone = calendar(company()["calendar"]).timezone
        return datetime.combine(self.on(moment), local, zone).astimezone(UTC)

    def on(self, moment: str) -> date:
        """Return the local date of a moment."""
        match = _MOMENT.fullmatch(moment)
        if match is None:
            raise ValueError(f"no moment: {moment!r}")
        count, unit = int(match[1]), match[2]
        if unit == "c":
            return self.today + timedelta(days=count)
        day, left = self.today, abs(count)
        while left:
            day += timedelta(days=1 if count > 0 else -1)
            left -= calendar(company()["calendar"]).is_working_day(day)
        return day


def demo_day(at: datetime, *, ended: bool = False) -> DemoDay:
    """Return the latest working day that is not after `at`; with `ended` one whose demo instant is not."""
    office = calendar(company()["calendar"])
    today = at.astimezone(office.timezone).date()
    while not office.is_working_day(today) or (ended and DemoDay(today).now > at):
        today -= timedelta(days=1)
    return DemoDay(today)


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens to a ticket: its opening (`do` is `open`) or a move of its history."""

    at: datetime
    key: str
    do: str
    entry: Mapping[str, Any]


def scenes(day: DemoDay) -> Sequence[Scene]:
    """Return everything that happens to tickets, in order of time; at the same instant in the file's order."""
    return sorted(_scenes(day), key=lambda scene: scene.at)


def _scenes(day: DemoDay) -> Iterator[Scene]:
    for key, ticket in tickets().items():
        if "comes_from" not in ticket:
            opening = {**ticket, "by": ticket["opened_by"]}
            yield Scene(day.instant(ticket["opened_at"]), key, "open", opening)
        for entry in ticket["history"]:
            yield Scene(day.instant(entry["at"]), key, entry["do"], entry)
