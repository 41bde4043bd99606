"""The scorecard equals the brute-force count: whatever happened, whatever was asked, whichever jobs have run.

HUIYING_SEEDS gives the number of random companies; a failing one names its seed.
"""

import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.database import Database
from app.engines import create_database
from app.reports.figures import FIGURES
from app.reports.models import ScorecardPeriod
from app.reports.rollup import close_months, refresh_scorecard
from app.reports.schemas import GroupBy, ScorecardScope
from app.reports.service import read_scorecard, resolve_scope
from app.sla import service
from app.sla.enforcement import sweep
from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from app.sla.models import DeadlineChange
from app.sla.service import NewFact
from app.statements import Row, Statement
from app.subscribers import compose
from tests.factories import freeze, make_department, make_rules, make_subject, make_user
from tests.reports.brute import SHANGHAI, add_up, due_between

SEEDS = range(int(os.environ.get("HUIYING_SEEDS", "200")) // 50)
START = datetime(2026, 1, 19, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Shanghai
DIMENSIONS = [one.value for one in GroupBy]
MARKS = Statement(select(*DeadlineChange.__table__.columns))
PERIODS = Statement(select(*ScorecardPeriod.__table__.columns).order_by(ScorecardPeriod.begins_at))
Sums = dict[tuple[Any, ...], dict[str, int]]


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """A second worker's database."""
    engine = compose(create_database(database.settings))
    await engine.open()
    yield engine
    await engine.close()


class Story:
    """A random company: what happens to its tickets, and what its workers do, step by step."""

    def __init__(self, seed: int, workers: list[Database]) -> None:
        self.random = random.Random(seed)
        self.workers = workers
        self.database = workers[0]
        self.now = START
        self.tickets = 0
        self.people: list[Row] = []
        self.departments: list[Row] = []
        self.frozen: dict[str, Sums] = {}

    async def begin(self) -> None:
        await make_rules(self.database, START)
        async with self.database.transaction() as tx:
            self.departments = [await make_department(tx, name=name) for name in ("一部", "二部")]
            self.people = [
                await make_user(tx, department=self.random.choice(self.departments))
                for _ in range(3)
            ]

    async def step(self) -> None:
        """Let some time pass, something happen, and some jobs run in any order."""
        hours = self.random.choice([0.0, 0.4, 3, 9, 20, 60])
        self.now += timedelta(hours=hours, microseconds=self.random.randrange(1000))
        await freeze(self.database, self.now)
        if self.tickets < 3 or self.random.random() < 0.3:
            await self.open()
        else:
            await self.move(self.random.randint(1, self.tickets))
        for job in self.random.sample(
            [self.sweep, self.refresh, self.close], self.random.randint(0, 3)
        ):
            await job(self.random.choice(self.workers))

    async def sweep(self, worker: Database) -> None:
        await sweep(worker)

    async def refresh(self, worker: Database) -> None:
        await refresh_scorecard(worker)

    async def close(self, worker: Database) -> None:
        """Close months, and count by hand what their figures must be for ever."""
        known = {row["month"] for row in await worker.all(PERIODS) if row["is_closed"]}
        await close_months(worker)
        for row in await worker.all(PERIODS):
            if row["is_closed"] and row["month"] not in known:
                first = row["begins_at"].astimezone(SHANGHAI).date()
                last = (row["ends_at"].astimezone(SHANGHAI) - timedelta(days=1)).date()
                rows = await due_between(self.database, first, last)
                self.frozen[row["month"]] = add_up(rows, ("owner", "clock", "tier"), self.now)

    async def open(self) -> None:
        self.tickets += 1
        async with self.database.transaction() as tx:
            await make_subject(
                tx,
                number=self.tickets,
                owner=self.random.choice([None, *self.people]),
                department=self.random.choice([None, *self.departments]),
                accepted=self.random.random() < 0.2,
                tier=self.random.choice("ABC"),
                complexity=self.random.choice(["normal", "complex", "super"]),
            )

    async def move(self, number: int) -> None:
        async with self.database.transaction() as tx:
            subject = await service.lock(tx, "ticket", number)
            if self.random.random() < 0.15:
                owner = self.random.choice(self.people)
                await service.move_owner(
                    tx, subject, owner_id=owner["id"], department_id=owner["department_id"]
                )
                return
            fact = self.correction(subject) if self.random.random() < 0.2 else None
            await service.append(tx, subject, fact or self.fact(subject))

    def correction(self, subject: service.LockedSubject) -> NewFact | None:
        for one in subject.deadlines:
            if one.state_at(subject.now) in (State.MISSED, State.LATE):
                at = self.random.choice([one.started_at, one.due_at, subject.now])
                data = {"clock": one.clock, "cycle": one.cycle, "revision": one.revision}
                return NewFact(FactKind.CORRECTED, {**data, "claimed_at": at, "reason": "录音为证"})
        return None

    def fact(self, subject: service.LockedSubject) -> NewFact:
        said = {"public": True, "automatic": False, "vague": False, "courtesy": False}
        midnight = datetime.combine(
            (self.now + timedelta(days=self.random.randint(1, 9))).astimezone(SHANGHAI).date(),
            datetime.min.time(),
            SHANGHAI,
        )  # due on the very edge of a day, now and then of a month
        agreed = midnight - self.random.choice([timedelta(0), timedelta(microseconds=1)])
        return self.random.choice(
            [
                NewFact(FactKind.ACCEPTED),
                NewFact(FactKind.ACCEPTED),
                NewFact(FactKind.MESSAGE, {"by": "staff", **said}),
                NewFact(FactKind.MESSAGE, {"by": "customer", **said}),
                NewFact(FactKind.WAITING, {"reason": "等客户"}),
                NewFact(FactKind.AGREED, {"due_at": agreed.astimezone(UTC), "wish_recorded": True}),
                NewFact(FactKind.TIER_CHANGED, {"tier": self.random.choice("ABC")}),
                NewFact(
                    FactKind.RECLASSIFIED,
                    {"complexity": self.random.choice(["normal", "complex", "super"])},
                ),
                NewFact(FactKind.RESOLVED),
                NewFact(FactKind.REOPENED),
                NewFact(FactKind.CLOSED),
            ]
        )

    def period(self) -> tuple[date, date]:
        """A random period, now and then one that holds whole months."""
        first = date(2026, 1, 1) + timedelta(days=self.random.choice([0, 0, 18, 31, 31, 59, 59]))
        return first, first + timedelta(days=self.random.choice([0, 6, 27, 30, 58, 89, 200]))


def together(card: Any, by: tuple[str, ...]) -> Sums:
    """Figures and adjustments of every group, by the keys that brute force uses."""
    return {
        key: dict((one.figures + one.adjustments).values) for key, one in keyed(card, by).items()
    }


def keyed(card: Any, by: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """The groups by their keys, people and departments by their public ids."""
    found = {}
    for one in card.groups:
        values = [one.key[GroupBy(name)] for name in by]
        found[tuple(v["id"] if isinstance(v, dict) else v for v in values)] = one
    return found


async def named(database: Database, story: Story, sums: Sums, by: tuple[str, ...]) -> Sums:
    """Brute force's groups with the public ids that the scorecard shows."""
    ids = {
        "owner": {p["id"]: p["public_id"] for p in story.people},
        "team": {d["id"]: d["public_id"] for d in story.departments},
    }
    return {
        tuple(
            ids[name][value] if name in ids and value is not None else value
            for name, value in zip(by, key, strict=True)
        ): one
        for key, one in sums.items()
    }


def plain(sums: Sums) -> dict[str, Any]:
    """Comparable: keys as text, groups without any figure left out."""
    return {
        repr(key): {name: one[name] for name in FIGURES}
        for key, one in sums.items()
        if any(one.values())
    }


async def compare(story: Story) -> None:
    database, by = (
        story.random.choice(story.workers),
        tuple(story.random.sample(DIMENSIONS, story.random.randint(0, 3))),
    )
    first, last = story.period()
    asked = await resolve_scope(
        database, None, ScorecardScope.model_validate({"from": first, "to": last})
    )
    card = await read_scorecard(database, asked, [GroupBy(name) for name in by])
    rows = await due_between(database, first, last)
    wanted = await named(database, story, add_up(rows, by, story.now), by)
    if by:
        assert plain(together(card, by)) == plain(wanted), (first, last, by, story.now)
    whole = {name: sum(one[name] for one in wanted.values()) for name in FIGURES}
    assert dict((card.total.figures + card.total.adjustments).values) == whole


async def compare_frozen(story: Story) -> None:
    """The figures of closed months are those of their closing, whatever was corrected since."""
    by = ("owner", "clock", "tier")
    for month, sums in story.frozen.items():
        first = date.fromisoformat(f"{month}-01")
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        scope = ScorecardScope.model_validate({"from": first, "to": last})
        asked = await resolve_scope(story.database, None, scope)
        card = await read_scorecard(story.database, asked, [GroupBy(name) for name in by])
        shown = {key: dict(one.figures.values) for key, one in keyed(card, by).items()}
        assert plain(shown) == plain(await named(story.database, story, sums, by)), month


@pytest.mark.sop("AN-4")
@pytest.mark.parametrize("seed", SEEDS)
async def test_the_scorecard_equals_the_count_of_deadlines_one_by_one(
    database: Database, other: Database, seed: int
) -> None:
    story = Story(seed, [database, other])
    await story.begin()
    for _ in range(90):
        await story.step()
        if story.random.random() < 0.3:
            await compare(story)
    await compare_frozen(story)
    while await refresh_scorecard(other):
        pass
    assert await database.all(MARKS) == []
    for _ in range(5):
        await compare(story)
    await compare_frozen(story)
    assert len(story.frozen) >= 1
