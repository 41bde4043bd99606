"""The report of pauses: who let tickets wait for the customer, why, for how long, and how it ended (deadlines 3).

Each wait is counted where it began, whole, from the facts of its ticket; nothing is stored, so nothing can be stale.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from app import reading
from app.auth.principal import Principal
from app.database import Database
from app.errors import invalid_field
from app.reports import pause_queries, queries
from app.reports.pause_schemas import PauseFilter, PauseGroupBy, PauseRowFilter, PauseScope
from app.reports.periods import first_of_month, month_name, next_month
from app.reports.scope import Period, resolve_people, resolve_period
from app.sla.engine.waiting import Pause, PauseEnd
from app.sla.pauses import read_pauses
from app.statements import Row
from app.time import format_instant

DAYS_MAX = 400
WAITS_MAX = 20_000
REASONS_SHOWN = 50
_ROWS = "/api/v1/sop/pauses/rows"
OTHERS = object()  # the reason of what was for rarer reasons


@dataclass(frozen=True, slots=True)
class Asked:
    """Which waits are counted: the period, the conditions by name, and the query that asks for the same rows."""

    period: Period
    filters: Mapping[str, Any]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait with what groups it; `reason` is the normal form."""

    pause: Pause
    person: int | None
    reason: Any
    team: str | None
    month: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its values by dimension, as shown, its waits, and how many rarer reasons they were for."""

    key: Mapping[PauseGroupBy, Any]
    waits: Sequence[Wait]
    other_reason_count: int
    rows: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """The answer: groups, the longest paused first, and all of them together."""

    asked: Asked
    as_of: datetime
    group_by: tuple[PauseGroupBy, ...]
    total: Group
    groups: Sequence[Group]
    left_out_count: int


def normal(reason: str) -> str:
    """Return the form in which reasons are compared: without outer blanks and letter case."""
    return reason.strip().casefold()


async def resolve_pauses(
    database: Database, principal: Principal | None, asked: PauseScope
) -> Asked:
    """Return what the caller may count of what was asked (no principal: everything).

    Raises `Invalid` for a period that is none or too long, `NotPermitted` for another's figures.
    """
    period = await resolve_period(database, asked.first, asked.last, days_max=DAYS_MAX)
    people = await resolve_people(database, principal, asked.person_id, asked.department_id)
    filters: dict[str, Any] = {"begins_at": period.begins_at, "ends_at": period.ends_at}
    links = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    if people.person_id is not None:
        filters["person"], links["person_id"] = people.person_key, str(people.person_id)
    if people.departments is not None:
        filters["departments"] = [str(row["public_id"]) for row in people.departments]
        links["department_id"] = str(people.department_id)
    return Asked(period, filters, links)


async def read_report(database: Database, asked: Asked, group_by: Iterable[PauseGroupBy]) -> Report:
    """Count what was asked; raises `Invalid` where more than `WAITS_MAX` waits began."""
    dimensions = tuple(dict.fromkeys(group_by))
    as_of = await database.now()
    statement = pause_queries.waits(tuple(sorted(asked.filters)))
    rows = await database.all(statement, wait_limit=WAITS_MAX + 1, **asked.filters)
    _check_count(rows)
    waits = await _waits(database, asked, rows, as_of)
    spelled = {normal(row["reason"] or ""): row["reason"] for row in reversed(rows)}
    shown = _most_common(waits)
    by_key: dict[tuple[Any, ...], list[Wait]] = {}
    for one in waits:
        by_key.setdefault(tuple(_value(one, by, shown) for by in dimensions), []).append(one)
    names = await _names(
        database, {one.person for one in waits}, {one.team for one in waits}, set()
    )
    groups = [
        _group(asked, dict(zip(dimensions, key, strict=True)), some, names, spelled)
        for key, some in by_key.items()
    ]
    groups.sort(key=lambda one: -sum(wait.pause.seconds for wait in one.waits))
    total = _group(asked, {}, waits, names, spelled)
    return Report(asked, as_of, dimensions, total, groups, len(rows) - len(waits))


def _check_count(rows: Sequence[Row]) -> None:
    if len(rows) > WAITS_MAX:
        raise invalid_field("/query/to", "too_many_waits", waits_max=WAITS_MAX)


async def _waits(
    database: Database, asked: Asked, rows: Sequence[Row], as_of: datetime
) -> list[Wait]:
    keys = list(dict.fromkeys(row["subject_key"] for row in rows))
    pauses = await read_pauses(database, keys, as_of)
    zone = asked.period.zone
    found = []
    for row in rows:
        pause = pauses.get(row["subject_key"], {}).get(row["sequence"])
        if pause is not None:
            month = month_name(row["started_at"].astimezone(zone).date())
            reason, approved = normal(row["reason"] or ""), row["approved_by"] is not None
            found.append(Wait(pause, row["actor_id"], reason, row["team_id"], month, approved))
    return found


def _most_common(waits: Iterable[Wait]) -> frozenset[str]:
    """Return the reasons that are told apart: the commonest, in the order of their texts where equally common."""
    counted = Counter(one.reason for one in waits)
    ordered = sorted(counted, key=lambda reason: (-counted[reason], reason))
    return frozenset(ordered[:REASONS_SHOWN])


def _value(wait: Wait, by: PauseGroupBy, shown: frozenset[str]) -> Any:
    if by is PauseGroupBy.REASON and wait.reason not in shown:
        return OTHERS
    return getattr(wait, by.value)


# --- names, links


Names = Mapping[Any, Mapping[str, str]]


async def _names(
    database: Database, people: set[int | None], teams: set[str | None], approvers: set[str | None]
) -> Names:
    """Return public id and name: of people by their keys, of departments and approvers by their public ids."""
    users = await database.all(queries.USERS, keys=sorted(key for key in people if key is not None))
    named: dict[Any, Mapping[str, str]] = {
        row["id"]: {"id": row["public_id"], "name": row["name"]} for row in users
    }
    for statement, ids in (
        (pause_queries.DEPARTMENTS_BY_ID, teams),
        (pause_queries.USERS_BY_ID, approvers),
    ):
        asked = sorted(one for one in ids if one is not None)
        if asked:
            for row in await database.all(statement, public_ids=asked):
                named[row["public_id"]] = {"id": row["public_id"], "name": row["name"]}
    return named


def _group(
    asked: Asked,
    key: Mapping[PauseGroupBy, Any],
    waits: Sequence[Wait],
    names: Names,
    spelled: Mapping[str, str],
) -> Group:
    shown = dict(key)
    for by in (PauseGroupBy.PERSON, PauseGroupBy.TEAM):
        if by in key:
            shown[by] = names.get(key[by])
    others = 0
    if PauseGroupBy.REASON in key:
        reason = key[PauseGroupBy.REASON]
        others = len({one.reason for one in waits}) if reason is OTHERS else 0
        shown[PauseGroupBy.REASON] = None if reason is OTHERS else spelled[reason]
    return Group(shown, waits, others, _link(asked, shown))


def _link(asked: Asked, key: Mapping[PauseGroupBy, Any]) -> str | None:
    """Return the question for exactly the group's rows; None for rarer reasons, and for what is nobody's."""
    query = dict(asked.links)
    for by, value in key.items():
        if not value:
            return None
        if by is PauseGroupBy.MONTH:
            first = date.fromisoformat(f"{value}-01")
            last = next_month(first_of_month(first)) - timedelta(days=1)
            query["from"] = max(asked.period.first, first).isoformat()
            query["to"] = min(asked.period.last, last).isoformat()
        elif by is PauseGroupBy.REASON:
            query["reason"] = value
        else:
            query[f"{by.value}_id"] = value["id"]
    return f"{_ROWS}?{urlencode(query)}"


# --- as JSON


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as `PausesRead` has it."""
    period = report.asked.period
    return {
        "from": period.first,
        "to": period.last,
        "zone": period.zone.key,
        "as_of": format_instant(report.as_of),
        "group_by": [one.value for one in report.group_by],
        "left_out_count": report.left_out_count,
        "total": _figures(report.total),
        "groups": [
            {
                **{by.value: one.key.get(by) for by in PauseGroupBy},
                "other_reason_count": one.other_reason_count,
                **_figures(one),
            }
            for one in report.groups
        ],
    }


def _figures(group: Group) -> dict[str, Any]:
    seconds = [one.pause.seconds for one in group.waits]
    ends = Counter(one.pause.end for one in group.waits)
    return {
        "wait_count": len(seconds),
        **{f"{end.value}_count": ends[end] for end in PauseEnd},
        "approved_count": sum(one.approved for one in group.waits),
        "paused_seconds": sum(seconds),
        "mean_seconds": round(sum(seconds) / len(seconds)) if seconds else None,
        "longest_seconds": max(seconds, default=None),
        "rows": group.rows,
    }


async def pauses_json(
    database: Database, principal: Principal, asked: PauseFilter
) -> dict[str, Any]:
    """Return the caller's report as JSON values."""
    scope = await resolve_pauses(database, principal, asked)
    return as_json(await read_report(database, scope, asked.group_by))


# --- the waits themselves


async def pause_rows(
    database: Database, principal: Principal, asked: PauseRowFilter, *, secret: bytes
) -> bytes:
    """Return a page of the waits that the caller may count, each as it stands now, as JSON."""
    scope = await resolve_pauses(database, principal, asked)
    filters, values = dict(scope.filters), dict[str, Any]()
    if asked.team_id is not None:
        filters["team"] = str(asked.team_id)
    if asked.reason is not None:
        values["spellings"] = await _spellings(database, filters, normal(asked.reason))
        filters["reason"] = normal(asked.reason)
    page = reading.PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total)
    body = await reading.page(
        database, pause_queries.ROWS, page, secret=secret, filters=filters, values=values
    )
    document = orjson.loads(body)
    rows = document["items"]
    keys = list(dict.fromkeys(row["subject_key"] for row in rows))
    pauses = await read_pauses(database, keys, await database.now())
    people, teams, approvers = (
        {row[name] for row in rows} for name in ("actor_id", "team_id", "approved_by")
    )
    names = await _names(database, people, teams, approvers)
    document["items"] = [
        _row(one, pauses.get(one["subject_key"], {}).get(one["sequence"]), names) for one in rows
    ]
    return orjson.dumps(document)


async def _spellings(database: Database, filters: Mapping[str, Any], reason: str) -> list[str]:
    """Return the reasons as written that have this normal form: letter case is Python's on both engines."""
    statement = pause_queries.reasons(tuple(sorted(filters)))
    rows = await database.all(statement, wait_limit=WAITS_MAX + 1, **filters)
    _check_count(rows)
    return [row["reason"] for row in rows if normal(row["reason"] or "") == reason]


def _row(row: Mapping[str, Any], pause: Pause | None, names: Names) -> dict[str, Any]:
    return {
        "ticket_id": row["ticket_id"],
        "ticket": row["ticket"],
        "person": names.get(row["actor_id"]),
        "team": names.get(row["team_id"]),
        "reason": row["reason"],
        "started_at": row["started_at"],
        "ends_at": format_instant(pause.ends_at) if pause else None,
        "end": pause.end.value if pause else None,
        "seconds": pause.seconds if pause else None,
        "approved_by": names.get(row["approved_by"]),
    }
