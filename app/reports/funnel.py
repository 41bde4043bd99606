"""The funnel of the lifecycle (SOP CU-11): who entered each stage, what became of them, how long stages were stayed in.

Counted by the database as a set; what a following stage means is the lifecycle's word.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.auth.principal import Principal
from app.database import Database
from app.lifecycle.rules import Lifecycle, StageKind
from app.lifecycle.service import read_current
from app.reports import queries
from app.reports.funnel_queries import ENTRIES, STAYS, USERS
from app.reports.funnel_schemas import FunnelFilter, FunnelGroupBy
from app.reports.scope import resolve_people, resolve_period
from app.statements import Row
from app.time import format_instant

DAYS_MAX = 800


async def funnel_json(
    database: Database, principal: Principal, asked: FunnelFilter
) -> dict[str, Any]:
    """Return the funnel in the contract's form; raises `Invalid` for a wrong period, `NotPermitted` for another's."""
    period = await resolve_period(database, asked.first, asked.last, days_max=DAYS_MAX)
    people = await resolve_people(database, principal, asked.owner_id, asked.department_id)
    departments = people.departments
    values = {
        "begins_at": period.begins_at,
        "ends_at": period.ends_at,
        "every_owner": people.person_key is None,
        "owner_key": people.person_key,
        "every_department": departments is None,
        "departments": [row["id"] for row in departments or ()],
    }
    lifecycle = await read_current(database, database)
    entries = await database.all(ENTRIES[asked.group_by], **values)
    stays = await database.all(STAYS[asked.group_by], **values)
    total_stays = stays if asked.group_by is None else await database.all(STAYS[None], **values)
    return {
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "zone": period.zone.key,
        "as_of": format_instant(await database.now()),
        "group_by": asked.group_by,
        "stages": _stages(lifecycle, entries, total_stays),
        "groups": await _groups(database, lifecycle, asked.group_by, entries, stays),
    }


async def _groups(
    database: Database,
    lifecycle: Lifecycle,
    group_by: FunnelGroupBy | None,
    entries: Iterable[Row],
    stays: Iterable[Row],
) -> list[dict[str, Any]]:
    """Return each group's funnel, by name; who is nobody's comes last."""
    if group_by is None:
        return []
    entries_of, stays_of = defaultdict(list), defaultdict(list)
    for row in entries:
        entries_of[row["group_key"]].append(row)
    for row in stays:
        stays_of[row["group_key"]].append(row)
    keys = entries_of.keys() | stays_of.keys()
    statement = USERS if group_by is FunnelGroupBy.OWNER else queries.DEPARTMENTS
    found = await database.all(statement, keys=sorted(key for key in keys if key is not None))
    names = {row["id"]: {"id": str(row["public_id"]), "name": row["name"]} for row in found}
    ordered = sorted(keys, key=lambda key: (key is None, names.get(key, {}).get("name"), key))
    return [
        {
            "owner": names.get(key) if group_by is FunnelGroupBy.OWNER else None,
            "department": names.get(key) if group_by is FunnelGroupBy.DEPARTMENT else None,
            "stages": _stages(lifecycle, entries_of[key], stays_of[key]),
        }
        for key in ordered
    ]


def _stages(
    lifecycle: Lifecycle, entries: Iterable[Row], stays: Iterable[Row]
) -> list[dict[str, Any]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in entries:
        counts[row["stage"]][_outcome(lifecycle, row)] += row["count"]
    stay_of = {row["stage"]: row for row in stays}
    return [_stage(lifecycle, code, counts[code], stay_of.get(code)) for code in lifecycle.stages]


def _outcome(lifecycle: Lifecycle, row: Row) -> str:
    """Return what became of those who entered a stage."""
    stage, following = row["stage"], row["following"]
    if following is None:
        return "staying"
    if lifecycle.stages[following].kind is StageKind.LOST:
        return "lost"
    return "converted" if lifecycle.is_forward(stage, following) else "returned"


OUTCOMES: Sequence[str] = ("converted", "lost", "returned", "staying")


def _stage(
    lifecycle: Lifecycle, code: str, counts: Mapping[str, int], stay: Row | None
) -> dict[str, Any]:
    stage, entered = lifecycle.stages[code], sum(counts.values())
    shown = ("count", "median_seconds", "p90_seconds")
    return {
        "stage": code,
        "title": stage.title,
        "kind": stage.kind.value,
        "entered": entered,
        **{name: counts.get(name, 0) for name in OUTCOMES},
        "rate": round(counts.get("converted", 0) / entered, 4) if entered else None,
        "stay": None if stay is None else {name: int(stay[name]) for name in shown},
    }
