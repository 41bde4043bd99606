"""What the company's life left behind, against what the model says of the same facts.

The facts are read as stored; deadlines, levels, escalations, audit, outbox and explanations must be
what the model makes of them. Which levels must have fired is known from when a sound worker looked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import column, select, text

from app.sla.engine.facts import Fact, FactKind
from app.sla.models import DeadlineRow, Escalation, FactRow, Subject
from app.sla.rebuild import check_deadlines
from app.sla.shipped import PACK_NAMES, pack_document
from app.sla.views import STATE
from app.statements import Row, Statement
from app.time import FAR_END
from tests.sla.simulation.company import Company
from tests.sla.simulation.model import Model
from tests.sla.simulation.naive import NaiveCalendar
from tests.sla.simulation.promise import Promise
from tests.sla.simulation.stories import AROUND, YEARS

Key = tuple[str, int, int]
Level = tuple[int, str, int, int, int]  # subject, clock, cycle, revision, level

FACTS = Statement(
    select(*FactRow.__table__.columns).order_by(FactRow.subject_key, FactRow.sequence)
)
DEADLINES = Statement(
    select(*DeadlineRow.__table__.columns, STATE.label("read_state")).order_by(DeadlineRow.id)
)
ESCALATIONS = Statement(
    select(
        Escalation.id, Escalation.level, Escalation.told, Escalation.detected_at,
        Escalation.owner_id, Escalation.department_id, DeadlineRow.subject_key,
        DeadlineRow.clock, DeadlineRow.cycle, DeadlineRow.revision, Subject.dedicated_manager_id,
        Escalation.deadline_id,
    )
    .join_from(Escalation, DeadlineRow, DeadlineRow.id == Escalation.deadline_id)
    .join(Subject, Subject.id == DeadlineRow.subject_key)
    .order_by(Escalation.id)
)  # fmt: skip
WITNESSES = {
    "audit": "SELECT entity_key AS id FROM audit_entries WHERE action = 'deadline.escalate'",
    "levels": "SELECT deadline_id AS id FROM deadline_levels WHERE fired_at < '9999-01-01'",
    "outbox": "SELECT id FROM outbox_messages WHERE event = 'deadline.escalated'",
}
EXPLAINED = (
    "state", "started_at", "due_at", "pause_ends_at", "answered_at", "ended_at", "missed_at",
    "late_seconds", "late_elapsed_seconds", "intervals_skipped", "used_seconds", "length_seconds",
    "never_pauses",
)  # fmt: skip


@dataclass
class Fired:
    """Levels that a sound sweep must have found due, and those that any sweep could have found so."""

    must: set[Level] = field(default_factory=set)
    could: set[Level] = field(default_factory=set)


@dataclass
class Judge:
    """The company's stored facts by subject, and a model for each."""

    company: Company
    facts: Mapping[int, Sequence[Fact]]
    calendars: Mapping[tuple[str, int], NaiveCalendar]
    policies: Mapping[tuple[str, int], Any]

    @classmethod
    async def of(cls, company: Company) -> "Judge":
        facts: dict[int, list[Fact]] = {}
        for row in await company.house.database.all(FACTS):
            facts.setdefault(row["subject_key"], []).append(_fact(row))
        documents = {**company.calendars, "24x7": AROUND}
        packs = {name: pack_document(name) for name in PACK_NAMES}
        return cls(
            company,
            facts,
            {(name, 1): NaiveCalendar(one, *YEARS) for name, one in documents.items()},
            {(name, 1): one for name, one in {**packs, **company.policies}.items()},
        )

    def model(self, subject: int, at: datetime) -> Model:
        """The model of a subject as of an instant."""
        model = Model(self.policies, self.calendars)
        for fact in self.facts[subject]:
            if fact.at <= at:
                model.take(fact)
        return model

    async def check(self) -> dict[str, int]:
        """Fail unless everything is as the model says; returns how much there was."""
        rows = await self.company.house.database.all(DEADLINES)
        self._check_rows(rows)
        escalations = await self.company.house.database.all(ESCALATIONS)
        self._check_levels(escalations)
        await self._check_witnesses(len(escalations))
        await self._check_told(escalations)
        await self._check_explanations(rows)
        assert await check_deadlines(self.company.house.database) == []
        return {
            "tickets": len(self.facts),
            "moves": self.company.move_count,
            "facts": sum(map(len, self.facts.values())),
            "rows": len(rows),
            "escalations": len(escalations),
            "crashes": self.company.workers.crash_count,
        }

    def _check_rows(self, rows: Sequence[Row]) -> None:
        now = self.company.now
        stored: dict[int, dict[Key, Row]] = {subject: {} for subject in self.facts}
        for row in rows:
            stored[row["subject_key"]][row["clock"], row["cycle"], row["revision"]] = row
        for subject, found in stored.items():
            wanted = self.model(subject, now).rows(now)
            assert set(found) == set(wanted), f"rows of subject {subject}"
            for key, row in found.items():
                _check_row(row, wanted[key], f"subject {subject} {key}")

    def _check_levels(self, escalations: Sequence[Row]) -> None:
        fired = Counter(
            (row["subject_key"], row["clock"], row["cycle"], row["revision"], row["level"])
            for row in escalations
        )
        assert [level for level, count in fired.items() if count > 1] == [], "fired twice"
        wanted = Fired()
        for subject in self.facts:
            self._look(subject, wanted)
        assert wanted.must - set(fired) == set(), "due when a sound worker looked, and not fired"
        assert set(fired) - wanted.could == set(), "fired, though never due when anybody looked"

    def _look(self, subject: int, fired: Fired) -> None:
        """What each sweep found due of a subject: facts of its instant were there before it."""
        model, facts = Model(self.policies, self.calendars), list(self.facts[subject])
        done: set[int] = set()
        for now, sound in self.company.looks:
            while facts and facts[0].at <= now:
                model.take(facts.pop(0))
            for promise in model.promises:
                if id(promise) in done:
                    continue
                due = _due_levels(promise, now)
                key = (subject, promise.clock, promise.cycle, promise.revision)
                levels = {(*key, level) for level in due}
                fired.could |= levels
                if sound:
                    fired.must |= levels
                    if promise.ended is not None:
                        done.add(id(promise))

    async def _check_witnesses(self, count: int) -> None:
        """Every escalation has its level, audit entry and outbox message, and they have no others."""
        for name, sql in WITNESSES.items():
            rows = await self.company.house.database.all(Statement(text(sql).columns(column("id"))))
            assert len(rows) == count, name

    async def _check_told(self, escalations: Sequence[Row]) -> None:
        users = await self.company.users()
        told_before: dict[int, set[int]] = {}
        for row in escalations:
            told = {one["key"] for one in _json(row["told"])}
            before = told_before.setdefault(row["deadline_id"], set())
            assert told, f"nobody was told of escalation {row['id']}"
            strangers = told - self._circle(row, users) - before
            assert not strangers, f"escalation {row['id']} told {strangers}"
            for key in told - before:
                name = users[key]["name"]
                assert not self.company.is_absent(name, row["detected_at"]), (row["id"], name)
            before |= told

    def _circle(self, row: Row, users: Mapping[int, Row]) -> set[int]:
        """Whoever may be told of a deadline: owner, his line, heads, on-call, and their delegates."""
        house = self.company.house
        heads = {"office": "boss", "support": "support_head", "service": "service_head"}
        names = {*heads.values(), "sales_head", "admin", "li", "wu"}
        circle = {house.people[name]["id"] for name in names} | {row["dedicated_manager_id"]}
        at = row["owner_id"]
        while at is not None:
            circle.add(at)
            at = users[at]["manager_id"]
        named = [users[key]["name"] for key in circle if key in users]
        delegates = set().union(*(self.company.delegates(n, row["detected_at"]) for n in named))
        return circle | {house.people[name]["id"] for name in delegates}

    async def _check_explanations(self, rows: Sequence[Row]) -> None:
        """`explain?at=` says of random instants what the model says of the facts up to them."""
        random, house = self.company.random, self.company.house
        for row in random.sample(list(rows), min(len(rows), 25)):
            span = self.company.now - row["started_at"]
            at = row["started_at"] + random.random() * span
            if random.random() < 0.4 and row["started_at"] < row["due_at"] < self.company.now:
                at = row["due_at"] + random.choice((0, 1)) * timedelta(microseconds=1)
            wanted = self.model(row["subject_key"], at).rows(at)
            key = (row["clock"], row["cycle"], row["revision"])
            answer = await house.client.get(
                f"/api/v1/deadlines/{row['public_id']}/explain",
                params={"at": at.isoformat()},
                headers=house.callers["admin"],
            )
            if key not in wanted:  # a later revision counts from an earlier start
                assert answer.status_code in (404, 422), answer.text
                continue
            assert answer.status_code == 200, answer.text
            said = answer.json()
            for name in EXPLAINED:
                value = wanted[key][name]
                told = datetime.fromisoformat(said[name]) if _is_instant(value) else said[name]
                assert told == value, f"{key} at {at}: {name} {told}, not {value}"


def _is_instant(value: Any) -> bool:
    return isinstance(value, datetime)


def _due_levels(promise: Promise, now: datetime) -> set[int]:
    """Levels that a sweep finds: those reached of a row that is open, missed or late."""
    if promise.ended is not None and promise.ended not in ("missed", "late"):
        return set()
    return {level for level, at in promise.levels().items() if at <= now}


def _check_row(row: Row, wanted: Mapping[str, Any], where: str) -> None:
    names = ["started_at", "due_at", "answered_at", "ended_at", "on_retarget", "provisional"]
    if wanted["ended_at"] is not None:
        names += ["late_seconds", "late_elapsed_seconds", "intervals_skipped", "used_seconds"]
    assert row["read_state"] == wanted["state"], where
    for name in names:
        value = None if row[name] == FAR_END else row[name]
        assert value == wanted[name], f"{where}: {name} {value}, not {wanted[name]}"


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _fact(row: Row) -> Fact:
    data = dict(_json(row["data"]))
    for name in ("due_at", "claimed_at"):
        if name in data:
            data[name] = datetime.fromisoformat(data[name])
    return Fact(
        row["sequence"], FactKind(row["kind"]), row["occurred_at"], data, row["recorded_at"]
    )
