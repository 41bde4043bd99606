"""Chooses who gets a ticket (SOP TK-3, deadlines 7) and keeps the load counters behind it.

The comparison of candidates is in `dispatch` (pure); here: whose turn it is at all, the locks, the record. Locks
on load counters are taken after the ticket's own and always in the order of users, so that two dispatches wait
for each other instead of both choosing the same idle member.
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
from app.tickets import rows
from app.tickets.desks import Desk, Desks
from app.tickets.dispatch import Candidate, Standing, choose
from app.tickets.models import Dispatch, DispatchLoad
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

    `former_id` is the owner so far, whose counter is locked with the others; with `excludes_former` he is no
    candidate. `counts`: the ticket is work for its owner, not resolved.
    """

    type_code: str
    dispatch_to: str
    tier: str
    at: datetime
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

    Nobody present: the head of the department, or of the nearest one above; none: unassigned. Only the counters
    of those who are asked are locked, so that departments do not wait for each other.
    """
    line = await _line(tx, staff, matter)
    pool = [] if line else _fitting(staff, matter)
    if any(one["present"] for one in pool):
        asked: list[_Place] = []
    else:
        asked = _asked(line or _leaders(staff, matter, Rule.NOBODY_PRESENT))
    people = [*pool, *(place.person for place in asked)]
    former = [] if matter.former_id is None else [matter.former_id]
    loads = await lock_loads(tx, [*(one["id"] for one in people), *former])
    winner, considered = _choose(pool, loads)
    rule: str = Rule.LEAST_LOADED
    if winner is None:
        rule = asked[-1].rule if asked else Rule.UNASSIGNED
        winner = asked[-1].person if asked else None
        considered += tuple(_considered_in_line(asked, loads))
    if winner is None:
        return Decision(rule, None, staff.desk.id, considered=considered)
    if matter.counts:
        await _count(tx, loads[winner["id"]], matter.at)
    home = _home(desks, staff.desk, winner)
    return Decision(rule, winner["id"], home.id, winner["public_id"], considered)


def _home(desks: Desks, desk: Desk, person: Person) -> Desk:
    """Return the winner's own department where it lies below the one that handles the matter, else that one."""
    home = desks.departments.get(person["department_id"])
    return home if home is not None and home.path.startswith(desk.path) else desk


async def _line(tx: Transaction, staff: Staff, matter: Matter) -> list[_Place]:
    """Return whose turn it is one after the other, empty where loads decide."""
    if matter.tier == "A" and not await sla.is_working_time(tx, matter.at):
        return [
            *_places(Rule.ON_CALL, staff.on_call, matter),
            *_places(Rule.ACCOUNT_MANAGER, staff.managers, matter),
            *_leaders(staff, matter, Rule.HEAD),
        ]
    if matter.dispatch_to == DispatchTo.HEAD:
        return _leaders(staff, matter, Rule.HEAD)
    return []


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


def _choose(
    pool: Sequence[Person], loads: Mapping[int, Row]
) -> tuple[Person | None, tuple[Mapping[str, Any], ...]]:
    people = {one["id"]: one for one in pool}
    choice = choose(
        [
            Candidate(key, one["present"], loads[key]["open_count"], _idle_since(loads[key]))
            for key, one in people.items()
        ]
    )
    considered = tuple(
        _considered(people[one.candidate.user_id], loads, one.standing) for one in choice.considered
    )
    return (None if choice.winner is None else people[choice.winner.user_id]), considered


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


# --- load counters


async def lock_loads(tx: Transaction, user_keys: Iterable[int]) -> dict[int, Row]:
    """Lock the counters of these users in the order of their keys, making those that are missing."""
    keys = sorted(set(user_keys))
    if not keys:
        return {}
    found = await tx.all(rows.LOADS, user_keys=keys)
    if len(found) < len(keys):
        await _make_loads(tx, sorted(set(keys) - {row["user_id"] for row in found}))
        found = await tx.all(rows.LOADS, user_keys=keys)
    return {row["user_id"]: row for row in found}


async def _make_loads(tx: Transaction, user_keys: Iterable[int]) -> None:
    for key in user_keys:
        await writing.upsert(tx, DispatchLoad, ("user_id",), user_id=key)


async def _count(tx: Transaction, load: Row, at: datetime) -> None:
    count = load["open_count"] + 1
    changed = {"id": load["id"], "open_count": count, "assigned_at": at}
    await writing.update_many(tx, DispatchLoad, [changed])


async def shift_loads(
    tx: Transaction, *, taken_from: int | None, given_to: int | None, at: datetime
) -> None:
    """Take one open ticket off a user's counter and put it on another's, in the order of their keys."""
    if taken_from == given_to:
        return
    for key in sorted(one for one in (taken_from, given_to) if one is not None):
        change = -1 if key == taken_from else 1
        if not await _shift(tx, key, change, at):
            await _make_loads(tx, [key])
            await _shift(tx, key, change, at)


async def _shift(tx: Transaction, user_key: int, change: int, at: datetime) -> bool:
    statement = rows.GIVE_LOAD if change > 0 else rows.TAKE_LOAD
    changed = await writing.change_set(
        tx, DispatchLoad, statement, user_key=user_key, change=change, given_at=at
    )
    return bool(changed)
