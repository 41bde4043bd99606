"""The demo company as its tests read it: relative instants resolved, histories as moves of the case table.

Here lives only reading. What must hold is in `test_demo_company`; loading it into a database is the
product's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from app.calendars.document import parse_calendar
from app.calendars.shipped import shipped_document
from app.calendars.working_time import Calendar, compile_calendar
from app.sla.shipped import load_pack
from app.sla.terms import Rulebook
from tests.sla.case_files import Case, Expectation, Move

FOLDER = Path(__file__).parent.parent.parent / "app" / "rehearsal"
_MOMENT = re.compile(r"([+-]?\d+)([dc])(?: (\d\d:\d\d))?")
_NO_FACTS = frozenset({"split", "take-back"})  # they concern rows and people, no clock


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def company() -> Mapping[str, Any]:
    return dict(read("demo_company"))


@cache
def tickets() -> Mapping[str, Mapping[str, Any]]:
    return {ticket["key"]: ticket for ticket in read("demo_tickets")["tickets"]}


@cache
def calendar(name: str) -> Calendar:
    return compile_calendar(parse_calendar(shipped_document(name)))


@cache
def rulebook() -> Rulebook:
    return Rulebook(
        policies={("toolkit", 1): load_pack("toolkit")},
        calendars={(name, 1): calendar(name) for name in ("office", "24x7")},
    )


@dataclass(frozen=True, slots=True)
class DemoDay:
    """The day on which the demo stands; a working day."""

    today: date

    @property
    def now(self) -> datetime:
        return self.instant(f"0d {company()['now']}")

    def instant(self, moment: str) -> datetime:
        """The UTC instant of a moment as demo_company.yaml explains it."""
        match = _MOMENT.fullmatch(moment)
        assert match is not None, moment
        count, unit, clock_time = int(match[1]), match[2], match[3]
        local = time.fromisoformat(clock_time or "00:00")
        zone = calendar("office").timezone
        return datetime.combine(self._day(count, unit), local, zone).astimezone(UTC)

    def _day(self, count: int, unit: str) -> date:
        if unit == "c":
            return self.today + timedelta(days=count)
        day, left = self.today, abs(count)
        while left:
            day += timedelta(days=1 if count > 0 else -1)
            left -= calendar("office").is_working_day(day)
        return day


def opening_of(key: str) -> Mapping[str, Any]:
    """What opened the ticket: at, by, owner, type, complexity, channel, customer."""
    ticket = tickets()[key]
    if "comes_from" not in ticket:
        return {**ticket, "at": ticket["opened_at"], "by": ticket["opened_by"]}
    origin = tickets()[ticket["comes_from"]]
    move = next(move for move in origin["history"] if key in (move.get("into"), move.get("opens")))
    inherited = {name: origin[name] for name in ("customer", "type", "channel")}
    return {**inherited, **move, "key": key}


def head_of_type(code: str) -> str | None:
    """Who gets a ticket of a type that goes to a head; None for the other types."""
    entry = next(entry for entry in company()["ticket_types"] if entry["code"] == code)
    heads = {department["key"]: department["head"] for department in company()["departments"]}
    return heads[entry["department"]] if entry["dispatch"] == "head" else None


def case_of(key: str, day: DemoDay) -> Case:
    """The ticket's history as a case whose facts the engine can evaluate."""
    opening = opening_of(key)
    tiers = {customer["key"]: customer["tier"] for customer in company()["customers"]}
    ticket = {
        "type": opening["type"],
        "complexity": opening.get("complexity", "normal"),
        "tier": tiers[opening["customer"]],
        "channel": opening["channel"],
        "priority": opening.get("priority", "normal"),
        "department": "support",
        "tags": opening.get("tags", []),
    }
    return Case(
        file="demo",
        name=key,
        rules=(),
        see="",
        decision=None,
        calendar="office",
        policy="toolkit",
        ticket=ticket,
        history=tuple(_moves(key, day)),
        expect=Expectation(day.now, (), (), {}, only=False),
        runs=(),
    )


def _moves(key: str, day: DemoDay) -> Iterator[Move]:
    opening = opening_of(key)
    by_himself = opening.get("owner") == opening["by"]
    yield Move(day.instant(opening["at"]), "open", {"owner": "self"} if by_himself else {})
    for entry in tickets()[key]["history"]:
        if entry["do"] not in _NO_FACTS:
            yield _move(entry, day)
    if closed_at := closed_by_the_system_at(key, day):
        yield Move(closed_at, "confirm", {"answer": "none"})


def _move(entry: Mapping[str, Any], day: DemoDay) -> Move:
    arguments = {name: value for name, value in entry.items() if name not in {"at", "by", "do"}}
    match entry["do"]:
        case "message":
            arguments = {
                "by": entry.get("from", "staff"),
                "public": entry.get("public", True),
                "text": entry["body"],
                "automatic": False,
            }
        case "agree":
            arguments["due_at"] = day.instant(entry["due_at"])
            arguments |= {"approved": False, "replay": False}
        case "merge" | "reopen":
            arguments["reason"] = "duplicate"
    return Move(day.instant(entry["at"]), entry["do"], arguments)


def closed_by_the_system_at(key: str, day: DemoDay) -> datetime | None:
    """When a resolved ticket that nobody confirmed was closed by the system; None if not yet."""
    dos = [entry["do"] for entry in tickets()[key]["history"]]
    if not dos or dos[-1] != "resolve":
        return None
    resolved_at = day.instant(tickets()[key]["history"][-1]["at"])
    closed_at = calendar("office").add_working_days(resolved_at, 5)
    return closed_at if closed_at <= day.now else None
