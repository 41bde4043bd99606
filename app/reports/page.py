"""The scorecard as a page for managers: what is kept, where it slips, what is late and what is about to be.

Makes values for the template; figures come from `service`, words from `wording`. No script, nothing from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.database import Database
from app.reports import queries
from app.reports.charts import Bar, bar_of, trend_of
from app.reports.figures import Figures
from app.reports.periods import first_of_month, midnight, months_before, next_month
from app.reports.schemas import GroupBy
from app.reports.service import Asked, Group, Scorecard, read_scorecard
from app.reports.wording import PAGE, duration, percent
from app.sla.engine.deadline import State
from app.statements import Row
from app.time import FAR_END

TREND_MONTHS = 12
PEOPLE_MAX, WORST_MAX, NEXT_MAX = 12, 10, 10
SOON = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table of figures."""

    name: str
    note: str
    figures: Figures
    bar: Bar
    rate: str
    below: bool
    early: str
    late: str
    late_p90: str
    adjusted: str


@dataclass(frozen=True, slots=True)
class Matter:
    """One deadline that a manager should look at."""

    label: str
    promise: str
    owner: str
    team: str
    due_at: str
    state: str
    by: str
    link: str


async def scorecard_page(database: Database, asked: Asked, language: str) -> str:
    """Return the page's HTML in `zh-CN` or `en`."""
    words = PAGE["en" if language.startswith("en") else "zh"]
    now = await database.now()
    card = await read_scorecard(database, asked, [GroupBy.RULE, GroupBy.CLOCK])
    teams = await read_scorecard(database, asked, [GroupBy.TEAM])
    people = await read_scorecard(database, asked, [GroupBy.OWNER])
    trend = await _trend(database, asked)
    before = await read_scorecard(database, _previous(asked), [])
    zone, goal = ZoneInfo(asked.zone), database.settings.scorecard_goal
    running = await _matters(database, asked, "running", limit=200)
    late = await _matters(database, asked, "late", limit=WORST_MAX)
    missed = await _matters(database, asked, "missed", limit=WORST_MAX)
    worst = sorted([*late, *missed], key=lambda row: -_overdue(row, now))[:WORST_MAX]
    promises = [
        _line(one, _promise(card, one, words), str(one.key[GroupBy.RULE]), goal, words)
        for one in card.groups
    ]
    page: str = _template().render(
        t=words,
        language="en" if language.startswith("en") else "zh-CN",
        asked=asked,
        as_of=f"{now.astimezone(zone):%Y-%m-%d %H:%M}",
        goal=percent(goal),
        total=card.total.figures,
        rate=percent(card.total.figures.kept_rate),
        reached=(card.total.figures.kept_rate or 0) >= goal,
        change=_change(card.total.figures.kept_rate, before.total.figures.kept_rate, words),
        soon=sum(row["due_at"] < now + SOON for row in running),
        trend=trend_of(trend, goal),
        promises=promises,
        teams=_worst_first(teams.groups, GroupBy.TEAM, goal, words),
        people=_worst_first(people.groups, GroupBy.OWNER, goal, words)[:PEOPLE_MAX],
        worst=[_matter(card, row, zone, now, words) for row in worst],
        coming=[_matter(card, row, zone, now, words) for row in running[:NEXT_MAX]],
        closed=[row["month"] for row in card.closed],
        adjustments=None if card.total.adjustments.is_empty else card.total.adjustments,
    )
    return page


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("app.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("scorecard.html")


def _within(asked: Asked, first: date, last: date) -> Asked:
    """Return the same question about other dates."""
    zone = ZoneInfo(asked.zone)
    ends_at = midnight(last + timedelta(days=1), zone)
    return replace(asked, first=first, last=last, begins_at=midnight(first, zone), ends_at=ends_at)


def _previous(asked: Asked) -> Asked:
    """Return the period before: the month before a whole month, else as many days."""
    if asked.first == first_of_month(asked.first) and asked.last + timedelta(1) == next_month(
        asked.first
    ):
        return _within(asked, months_before(asked.first, 1), asked.first - timedelta(1))
    length = asked.last - asked.first + timedelta(1)
    return _within(asked, asked.first - length, asked.first - timedelta(1))


async def _trend(database: Database, asked: Asked) -> list[tuple[str, Figures]]:
    """Return the figures of the twelve months up to that of the last date."""
    first = months_before(asked.last, TREND_MONTHS - 1)
    whole = _within(asked, first, next_month(asked.last) - timedelta(1))
    card = await read_scorecard(database, whole, [GroupBy.MONTH])
    found = {one.key[GroupBy.MONTH]: one.figures for one in card.groups}
    names = [
        f"{on:%Y-%m}"
        for on in (months_before(asked.last, n) for n in reversed(range(TREND_MONTHS)))
    ]
    return [(name, found.get(name, Figures.total(()))) for name in names]


async def _matters(database: Database, asked: Asked, which: str, *, limit: int) -> Sequence[Row]:
    values = {**asked.values, "matter_limit": limit}
    if which != "running":
        values |= {"begins_at": asked.begins_at, "ends_at": asked.ends_at}
    return await database.all(queries.matters(which, tuple(sorted(asked.values))), **values)


def _overdue(row: Row, now: datetime) -> float:
    until = min(now, row["answered_at"], row["ended_at"])
    return float((until - row["due_at"]).total_seconds())


def _matter(card: Scorecard, row: Row, zone: ZoneInfo, now: datetime, words: Any) -> Matter:
    is_late = row["ended_at"] != FAR_END
    away = (row["due_at"] - now).total_seconds()
    state = row["state"]
    return Matter(
        label=row["label"],
        promise=f"{_title(card, row['rule'], row['clock'], words)} {row['rule']}",
        owner=row["owner"] or words["nobody"],
        team=row["team"] or "",
        due_at=f"{row['due_at'].astimezone(zone):%m-%d %H:%M}",
        state=words[State.LATE.value if is_late else state],
        by=duration(away if state in ("running", "paused") else _overdue(row, now), words),
        link=f"/api/v1/deadlines/{row['public_id']}/explain",
    )


def _title(card: Scorecard, rule: str | None, clock: str | None, words: Any) -> str:
    title = card.title_of(rule, clock)
    return clock or "" if title is None else title[words["language"]]


def _promise(card: Scorecard, group: Group, words: Any) -> str:
    return _title(card, group.key[GroupBy.RULE], group.key[GroupBy.CLOCK], words)


def _worst_first(groups: Sequence[Group], by: GroupBy, goal: float, words: Any) -> list[Line]:
    """Return the judged groups, the lowest kept rate first; those with nothing judged come last."""
    lines = []
    for one in groups:
        value = one.key[by]
        name = words["nobody"] if value is None else value["name"]
        lines.append(_line(one, name, "", goal, words))
    return sorted(
        lines,
        key=lambda line: (
            line.figures.kept_rate is None,
            line.figures.kept_rate or 0,
            -line.figures.judged,
        ),
    )


def _line(group: Group, name: str, note: str, goal: float, words: Any) -> Line:
    figures = group.figures
    early, late = figures.margin("early"), figures.margin("late")
    rate = figures.kept_rate
    later = group.adjustments
    changes = [f"{words[n]} {later[n]:+d}" for n in ("kept", "late", "missed") if later[n]]
    return Line(
        name=name,
        note=note,
        figures=figures,
        bar=bar_of(figures, goal),
        rate=percent(rate),
        below=rate is not None and rate < goal,
        early=duration(early.median_seconds, words) if early else "",
        late=duration(late.median_seconds, words) if late else "",
        late_p90=duration(late.p90_seconds, words) if late else "",
        adjusted=" · ".join(changes),
    )


def _change(rate: float | None, before: float | None, words: Any) -> str:
    if rate is None or before is None:
        return str(words["no_comparison"])
    points = round((rate - before) * 100, 1)
    arrow = "▲" if points > 0 else "▼" if points < 0 else "＝"
    return f"{arrow} {abs(points):.1f} {words['points']}"
