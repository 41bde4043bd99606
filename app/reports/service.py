"""The scorecard: how often promises were kept, by rule, clock, team, owner, tier, policy and month (SOP AN-4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.auth.principal import Principal
from app.database import Database
from app.reports import queries
from app.reports.figures import STATES, Figures, Margin
from app.reports.periods import Span, days, month_span
from app.reports.schemas import GroupBy, ScorecardFilter, ScorecardScope
from app.reports.scope import resolve_people, resolve_period
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.deadline import State
from app.sla.engine.register import REGISTER
from app.sla.own_rules import OWN_RULES, own_row
from app.statements import Row
from app.time import format_instant

DAYS_MAX = 1100
_ROWS = "/api/v1/deadlines"
_EMPTY = Figures.total(())


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted: the period, as dates and instants, and the conditions with their parameters and links."""

    first: date
    last: date
    begins_at: datetime
    ends_at: datetime
    zone: str
    values: Mapping[str, Any]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its values by dimension (public ids and names where they have any), figures, later adjustments."""

    key: Mapping[GroupBy, Any]
    figures: Figures
    adjustments: Figures
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The answer: groups in the order of their keys, and all of them together."""

    asked: Asked
    as_of: datetime
    group_by: tuple[GroupBy, ...]
    closed: Sequence[Row]
    total: Group
    groups: Sequence[Group]
    clocks: Sequence[ClockRow]

    def title_of(self, rule: str | None, clock: str | None) -> dict[str, str] | None:
        """Return what a clock, or else the first clock of a rule, is called; None where neither is known."""
        for row in self.clocks:
            if (clock is not None and row.clock == clock) or (clock is None and row.rule == rule):
                return {"zh": row.title_zh, "en": row.title_en}
        return None


async def resolve_scope(
    database: Database, principal: Principal | None, asked: ScorecardScope
) -> Asked:
    """Return what the caller may count of what was asked (no principal: everything).

    Raises `Invalid` for a period that is none or too long, `NotPermitted` for another's figures.
    """
    period = await resolve_period(database, asked.first, asked.last, days_max=DAYS_MAX)
    values: dict[str, Any] = {
        name: getattr(asked, name)
        for name in ("rule", "clock", "policy")
        if getattr(asked, name) is not None
    }
    links = {name: str(value) for name, value in values.items()}
    if asked.tier is not None:
        values["tier"] = links["charged_tier"] = asked.tier
    people = await resolve_people(database, principal, asked.owner_id, asked.department_id)
    if people.person_id is not None:
        values["owner_id"], links["charged_owner_id"] = people.person_key, str(people.person_id)
    if people.departments is not None:
        values["departments"] = [row["id"] for row in people.departments]
        links["charged_within_id"] = str(people.department_id)
    return Asked(
        period.first, period.last, period.begins_at, period.ends_at, period.zone.key, values, links
    )


async def read_scorecard(
    database: Database, asked: Asked, group_by: Iterable[GroupBy]
) -> Scorecard:
    """Count what was asked, in one statement; group names are looked up beside it."""
    dimensions = tuple(dict.fromkeys(group_by))
    closed = [
        row
        for row in await database.all(queries.CLOSED)
        if asked.begins_at <= row["begins_at"] and row["ends_at"] <= asked.ends_at
    ]
    as_of = await database.now()
    spans = [
        [format_instant(one.begins_at), format_instant(one.ends_at), one.month]
        for one in _spans(asked, closed)
    ]
    statement = queries.scorecard(
        database.kind, tuple(one.value for one in dimensions), tuple(sorted(asked.values))
    )
    rows = await database.all(statement, spans=spans, **asked.values)
    columns = {one: queries.DIMENSIONS.get(one.value, one.value) for one in dimensions}
    by_key: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        by_key.setdefault(tuple(row[name] for name in columns.values()), []).append(row)
    names = await _names(database, columns, rows)
    groups = [
        _group(asked, dict(zip(columns, key, strict=True)), some, names)
        for key, some in by_key.items()
    ]
    groups = [one for one in groups if not (one.figures.is_empty and one.adjustments.is_empty)]
    groups.sort(key=lambda one: [(value is None, str(_shown(value))) for value in one.key.values()])
    own = [own_row(row) for row in await database.all(OWN_RULES)]
    total = _group(asked, {}, rows, names)
    return Scorecard(asked, as_of, dimensions, closed, total, groups, (*REGISTER, *own))


def _spans(asked: Asked, closed: Sequence[Row]) -> Iterable[Span]:
    """Yield the closed months that lie wholly in the period, and the days that they leave."""
    for row in closed:
        yield Span(row["begins_at"], row["ends_at"], row["month"])
    for day in days(asked.first, asked.last, ZoneInfo(asked.zone)):
        begins_at, ends_at = day.begins_at, day.ends_at
        for row in closed:  # a month closed in another zone may cut a day
            if row["begins_at"] <= begins_at < row["ends_at"]:
                begins_at = row["ends_at"]
            elif begins_at < row["begins_at"] < ends_at:
                ends_at = row["begins_at"]
        if begins_at < ends_at:
            yield Span(begins_at, ends_at, day.month)


def _shown(value: Any) -> Any:
    return value["name"] if isinstance(value, Mapping) else value


Names = Mapping[GroupBy, Mapping[int, Mapping[str, str]]]


async def _names(database: Database, columns: Mapping[GroupBy, str], rows: Sequence[Row]) -> Names:
    """Return public id and name of every person and department among the groups."""
    found: dict[GroupBy, dict[int, Mapping[str, str]]] = {}
    for one, statement in ((GroupBy.OWNER, queries.USERS), (GroupBy.TEAM, queries.DEPARTMENTS)):
        if one in columns:
            keys = {row[columns[one]] for row in rows} - {None}
            named = await database.all(statement, keys=sorted(keys))
            found[one] = {r["id"]: {"id": r["public_id"], "name": r["name"]} for r in named}
    return found


def _group(asked: Asked, key: Mapping[GroupBy, Any], rows: Iterable[Row], names: Names) -> Group:
    rows = list(rows)
    shown = {
        one: names[one].get(value) if one in names and value is not None else value
        for one, value in key.items()
    }
    return Group(
        key=shown,
        figures=Figures.total(row for row in rows if not row["adjusts"]),
        adjustments=Figures.total(row for row in rows if row["adjusts"]),
        links=_links(asked, shown),
    )


_FILTER_OF = {
    GroupBy.RULE: "rule", GroupBy.CLOCK: "clock", GroupBy.POLICY: "policy", GroupBy.TIER: "charged_tier",
    GroupBy.OWNER: "charged_owner_id", GroupBy.TEAM: "charged_department_id",
}  # fmt: skip


def _links(asked: Asked, key: Mapping[GroupBy, Any]) -> dict[str, str]:
    """Return the questions that `GET /deadlines` answers with exactly the group's rows, all and by state."""
    begins_at, ends_at = asked.begins_at, asked.ends_at
    query = dict(asked.links)
    for one, value in key.items():
        if one is GroupBy.MONTH:
            month = month_span(date.fromisoformat(f"{value}-01"), ZoneInfo(asked.zone))
            begins_at, ends_at = max(begins_at, month.begins_at), min(ends_at, month.ends_at)
        else:
            shown = value["id"] if isinstance(value, Mapping) else value
            query[_FILTER_OF[one]] = "none" if shown is None else str(shown)
    query |= {"due_at[gte]": format_instant(begins_at), "due_at[lt]": format_instant(ends_at)}
    rows = f"{_ROWS}?{urlencode(query, safe=':[]')}"
    states = {name: State.MET.value if name == "kept" else name for name in STATES}
    return {"rows": rows} | {name: f"{rows}&state={state}" for name, state in states.items()}


# --- as JSON


def as_json(card: Scorecard) -> dict[str, Any]:
    """Return the scorecard as `ScorecardRead` has it."""
    return {
        "from": card.asked.first,
        "to": card.asked.last,
        "zone": card.asked.zone,
        "as_of": format_instant(card.as_of),
        "group_by": [one.value for one in card.group_by],
        "closed_months": [
            {"month": row["month"], "closed_at": format_instant(row["counted_at"])}
            for row in card.closed
        ],
        "total": _figures_json(card.total),
        "groups": [{**_key_json(card, one.key), **_figures_json(one)} for one in card.groups],
    }


def _key_json(card: Scorecard, key: Mapping[GroupBy, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {one.value: key.get(one) for one in GroupBy}
    return {**shown, "title": card.title_of(shown["rule"], shown["clock"])}


def _figures_json(group: Group) -> dict[str, Any]:
    figures, later = group.figures, group.adjustments
    return {
        **{name: figures[name] for name in (*STATES, "corrected")},
        "judged": figures.judged,
        "kept_rate": figures.kept_rate,
        "early": _margin_json(figures.margin("early")),
        "late_by": _margin_json(figures.margin("late")),
        "adjustments": None if later.is_empty else {name: later[name] for name in STATES},
        "links": group.links,
    }


def _margin_json(margin: Margin | None) -> dict[str, int] | None:
    if margin is None:
        return None
    return {name: getattr(margin, name) for name in Margin.__dataclass_fields__}


async def scorecard_json(
    database: Database, principal: Principal, asked: ScorecardFilter
) -> dict[str, Any]:
    """Return the caller's scorecard as JSON values."""
    scope = await resolve_scope(database, principal, asked)
    return as_json(await read_scorecard(database, scope, asked.group_by))
