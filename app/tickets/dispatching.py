"""Chooses who gets a ticket (SOP TK-3, deadlines 7) and keeps the load counters behind it.

Here: whose turn it is at all, and the record. The turn itself is taken in `loads`; how each candidate compared with
the winner is said by `dispatch` (pure).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app import writing
from app.database import Transaction
from app.sla import service as sla
from app.statements import Row
from app.tickets import staffing
from app.tickets.desks import Desk, Desks
from app.tickets.dispatch import Candidate, Choice, Standing, choose
from app.tickets.loads import read_loads, take_turn
from app.tickets.models import Dispatch
from app.tickets.staffing import Person, Staff
from app.tickets.type_schemas import DispatchTo
from app.time import FAR_END, format_instant

# Whose trade a shipped type is; any front role handles the others.
FITTING_ROLE: Mapping[str, str] = {
    "consult": "sales",
    "technical": "support",
    "after_sales": "service",
}


class Rule(StrEnum):
    """Why the winner won; a record of a ticket taken back names it after `taken_back:`."""

    LEAST_LOADED = "least_loaded"
    HEAD = "head"
    ON_CALL = "on_call"
    ACCOUNT_MANAGER = "account_manager"
    NOBODY_PRESENT = "nobody_present"
    UNASSIGNED = "unassigned"
    ASSIGNED = "assigned"
    FOR_ONESELF = "for_oneself"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets a ticket, by which rule, in which department; `considered` is what is recorded of who was asked."""

    rule: str
    owner_id: int | None
    department_id: int | None
    owner_public_id: str | None = None
    considered: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What a dispatch is about.

    `former_id` is the owner so far; with `excludes_former` he is no candidate. `counts`: the ticket is work for its
    owner, not resolved.
    """

    type_code: str
    dispatch_to: str
    tier: str
    at: datetime
    account_manager_id: int | None = None
    former_id: int | None = None
    excludes_former: bool = False
    counts: bool = True

    def allows(self, person: Person) -> bool:
        """Return whether the person may be chosen at all."""
        return not self.excludes_former or person["id"] != self.former_id


@dataclass(frozen=True, slots=True)
class _Place:
    """Somebody whose turn it may be, and the rule by which it would be."""

    rule: Rule
    person: Person


async def decide(tx: Transaction, desks: Desks, staff: Staff, matter: Matter) -> Decision:
    """Choose among a department's people and count the ticket for the winner.

    Nobody present: the head of the department, or of the nearest one above; none: unassigned.
    """
    line = await _line(tx, staff, matter)
    pool = [] if line else _fitting(staff, matter)
    if any(one["present"] for one in pool):
        asked: list[_Place] = []
    else:
        asked = _asked(line or _leaders(staff, matter, Rule.NOBODY_PRESENT))
    people = {one["id"]: one for one in (*pool, *(place.person for place in asked))}
    loads, choice, winner_id = await _take_turn(tx, pool, asked, matter)
    considered = (
        *(_considered(people[c.candidate.user_id], loads, c.standing) for c in choice.considered),
        *_considered_in_line(asked, loads),
    )
    if winner_id is None:
        return Decision(Rule.UNASSIGNED, None, staff.desk.id, considered=considered)
    rule, winner = asked[-1].rule if asked else Rule.LEAST_LOADED, people[winner_id]
    home = _home(desks, staff.desk, winner)
    return Decision(rule, winner_id, home.id, winner["public_id"], considered)


async def _take_turn(
    tx: Transaction, pool: Sequence[Person], asked: Sequence[_Place], matter: Matter
) -> tuple[Mapping[int, Row], Choice, int | None]:
    """Return the counters before the turn, how the pool compares, and whose turn it is."""
    keys = [*(one["id"] for one in pool), *(place.person["id"] for place in asked)]
    turn = [place.person["id"] for place in asked[-1:]] or [p["id"] for p in pool if p["present"]]
    counted: int | None = None
    loads: Mapping[int, Row]
    if turn and matter.counts:
        loads, counted = await take_turn(tx, keys, turn, at=matter.at)
    else:
        loads = await read_loads(tx, keys)
    choice = choose(
        [
            Candidate(
                p["id"], p["present"], loads[p["id"]]["open_count"], _idle_since(loads[p["id"]])
            )
            for p in pool
        ]
    )
    if counted is not None or not turn:
        return loads, choice, counted
    return loads, choice, turn[0] if asked or choice.winner is None else choice.winner.user_id


def _home(desks: Desks, desk: Desk, person: Person) -> Desk:
    """Return the winner's own department where it lies below the one that handles the matter, else that one."""
    home = desks.departments.get(person["department_id"])
    return home if home is not None and home.path.startswith(desk.path) else desk


async def _line(tx: Transaction, staff: Staff, matter: Matter) -> list[_Place]:
    """Return whose turn it is one after the other, empty where loads decide."""
    if matter.tier == "A" and not await sla.is_working_time(tx, matter.at):
        return [
            *_places(Rule.ON_CALL, staff.on_call, matter),
            *_places(Rule.ACCOUNT_MANAGER, await _account_managers(tx, matter), matter),
            *_leaders(staff, matter, Rule.HEAD),
        ]
    if matter.dispatch_to == DispatchTo.HEAD:
        return _leaders(staff, matter, Rule.HEAD)
    return []


async def _account_managers(tx: Transaction, matter: Matter) -> list[Person]:
    if matter.account_manager_id is None:
        return []
    return await staffing.read_people(tx, [matter.account_manager_id], at=matter.at)


def _places(rule: Rule, people: Iterable[Person], matter: Matter) -> list[_Place]:
    return [_Place(rule, one) for one in people if matter.allows(one)]


def _leaders(staff: Staff, matter: Matter, rule: Rule) -> list[_Place]:
    """Return the department's head, whoever stands in for him, then the heads above."""
    return _places(rule, [*staff.heads[:1], *staff.deputies, *staff.heads[1:]], matter)


def _asked(line: Sequence[_Place]) -> list[_Place]:
    """Return who is asked, the last of them being the winner: the first present.

    Nobody there: the nearest head, since he answers for it, absent or not.
    """
    for number, place in enumerate(line):
        if place.person["present"]:
            return list(line[: number + 1])
    heads = [place for place in line if place.rule in (Rule.HEAD, Rule.NOBODY_PRESENT)]
    return [*(place for place in line if place not in heads[:1]), *heads[:1]] if heads else []


def _fitting(staff: Staff, matter: Matter) -> list[Person]:
    """Return the members of the type's trade; all of them where the department has nobody of it."""
    members = [one for one in staff.members if matter.allows(one)]
    role = FITTING_ROLE.get(matter.type_code)
    return [one for one in members if one["role"] == role] or members


def _considered_in_line(
    asked: Sequence[_Place], loads: Mapping[int, Row]
) -> Iterator[Mapping[str, Any]]:
    for place in asked:
        standing = Standing.WON if place is asked[-1] else Standing.ABSENT
        yield _considered(place.person, loads, standing)


def _considered(person: Person, loads: Mapping[int, Row], standing: str) -> Mapping[str, Any]:
    load = loads[person["id"]]
    idle_since = _idle_since(load)
    return {
        "user_id": person["public_id"],
        "name": person["name"],
        "present": bool(person["present"]),
        "open_count": load["open_count"],
        "idle_since": None if idle_since is None else format_instant(idle_since),
        "standing": str(standing),
    }


def _idle_since(load: Row) -> datetime | None:
    assigned_at: datetime = load["assigned_at"]
    return None if assigned_at == FAR_END else assigned_at


# --- the record


async def record(
    tx: Transaction, ticket_id: int, decision: Decision, *, at: datetime, prefix: str = ""
) -> None:
    """Hold back one row that says how the owner was chosen."""
    await writing.insert(
        tx,
        Dispatch,
        ticket_id=ticket_id,
        decided_at=at,
        rule=prefix + decision.rule,
        department_id=decision.department_id,
        winner_id=decision.owner_id,
        candidates=[dict(one) for one in decision.considered],
    )
