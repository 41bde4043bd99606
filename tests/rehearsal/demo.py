"""The demo company's histories as moves of the case table, for the pure engine.

What must hold is in `test_demo_company`; reading the files and loading them into a database is the product's.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from app.rehearsal.story import DemoDay, calendar, company, tickets
from app.sla.engine.terms import Rulebook
from app.sla.shipped import load_pack
from tests.sla.case_files import Case, Expectation, Move

_NO_FACTS = frozenset(
    {"split", "take-back", "approve-pause"}
)  # they concern rows and people, no clock


@cache
def rulebook() -> Rulebook:
    return Rulebook(
        policies={("toolkit", 1): load_pack("toolkit")},
        calendars={(name, 1): calendar(name) for name in ("office", "24x7")},
    )


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
