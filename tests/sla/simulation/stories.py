"""Random stories: calendars, policies and the moves of one ticket, as its own case of the case table.

Half of the moves lie at, just before or just after an instant that matters: a due, a level, the end
of a pause. The model is asked for those while the story is told. Moves are those that a ticket's
status permits.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from app.calendars.document import parse_calendar
from app.calendars.working_time import compile_calendar
from app.sla.engine.facts import Fact
from app.sla.engine.policy_document import parse_policy
from app.sla.engine.terms import Rulebook
from tests.calendars.oracle import WEEKDAYS, ZONES, Oracle, random_document
from tests.sla.case_facts import facts_of
from tests.sla.case_files import Case, Expectation, Move
from tests.sla.case_form import MOVES, REQUIRED, TICKET_DEFAULTS
from tests.sla.simulation.model import Model
from tests.sla.simulation.naive import NaiveCalendar

Document = dict[str, Any]
YEARS = (2025, 2028)
BEGIN = datetime(2025, 7, 10, tzinfo=UTC)
MICRO, SECOND, MINUTE = (timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1))
AROUND: Document = {"name": "24x7", "timezone": "Asia/Shanghai", "always_open": True}
HOURS = (
    [["09:00", "18:00"]],
    [["09:00", "12:00"], ["13:30", "18:00"]],
    [["22:00", "06:00"]],
    [["06:00", "14:00"], ["14:00", "22:00"]],
    [["00:00", "24:00"]],
    [["08:30", "11:30"], ["12:15", "12:45"], ["13:00", "17:15"]],
)
WORK = ("new", "accepted", "waiting")
# Move -> in which status it is possible, and the status afterwards (None: as before).
LIFE: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "accept": (("new",), "accepted"),
    "assign": ((*WORK, "resolved"), None),
    "message": ((*WORK, "resolved", "closed"), None),
    "no-reply-needed": ((*WORK, "resolved"), None),
    "agree": (WORK, None),
    "approve-agreement": (WORK, None),
    "plan": (WORK, None),
    "wait": (("accepted", "waiting"), "waiting"),  # again once the limit has passed
    "resume": (("waiting",), "accepted"),
    "resolve": (WORK, "resolved"),
    "confirm": (("resolved",), None),
    "reopen": (("resolved", "closed"), "accepted"),
    "reclassify": (WORK, None),
    "tier": ((*WORK, "resolved"), None),
    "policy": ((*WORK, "resolved"), None),
    "calendar": ((*WORK, "resolved"), None),
    "close": (("resolved",), "closed"),
    "cancel": (WORK, "cancelled"),
    "merge": ((*WORK, "resolved"), "merged"),
    "correct": ((*WORK, "resolved", "closed", "cancelled"), None),
}
OFTEN = (
    "message", "message", "message", "accept", "wait", "wait", "resume", "resolve", "reopen",
    "correct", "agree", "agree", "close",
)  # fmt: skip


@dataclass(frozen=True)
class Story:
    """One seed's world: documents by name, and the moves of its ticket."""

    seed: int
    calendars: Mapping[str, Document]
    policies: Mapping[str, Document]
    case: Case
    naive: Mapping[str, NaiveCalendar] = field(repr=False)

    @cached_property
    def facts(self) -> list[Fact]:
        return facts_of(self.case)

    @cached_property
    def rulebook(self) -> Rulebook:
        return Rulebook(
            {(name, 1): parse_policy(document) for name, document in self.policies.items()},
            {
                (name, 1): compile_calendar(parse_calendar(document))
                for name, document in self.calendars.items()
            },
        )

    def model(self) -> Model:
        return Model(
            {(name, 1): document for name, document in self.policies.items()},
            {(name, 1): calendar for name, calendar in self.naive.items()},
        )

    def told(self, history: tuple[Move, ...]) -> "Story":
        """The same world with other moves."""
        return replace(self, case=replace(self.case, history=history))

    @property
    def possible(self) -> bool:
        """Whether the ticket's status permits every move."""
        first, *others = self.case.history
        status = status_after_opening(first)
        for move in others:
            allowed, _ = LIFE[move.do]
            if status not in allowed:
                return False
            status = after(status, move)
        return True


def status_after_opening(opening: Move) -> str:
    """Opening for oneself is acceptance."""
    return "accepted" if opening.arguments.get("owner") == "self" else "new"


def after(status: str, move: Move) -> str:
    """The status after a move."""
    given = move.arguments
    if move.do == "confirm":
        return {"partly": "accepted", "none": "closed"}.get(given["answer"], status)
    if move.do == "message" and given["by"] == "customer" and not given["automatic"]:
        if status == "waiting":
            return "accepted"
        return "accepted" if status == "closed" and not given["courtesy"] else status
    return LIFE[move.do][1] or status


def tell(seed: int) -> Story:
    """The story of a seed; the same for ever."""
    return _Teller(seed).tell()


class _Teller:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.calendars = {name: self._calendar(name) for name in ("one", "two")} | {"24x7": AROUND}
        self.policies = {name: self._policy(name) for name in ("first", "second")}
        self.naive = {
            name: NaiveCalendar(document, *YEARS) for name, document in self.calendars.items()
        }

    def tell(self) -> Story:
        rng = self.random
        ticket = {
            **TICKET_DEFAULTS,
            "complexity": rng.choice(("normal", "normal", "complex", "super")),
            "tier": rng.choice("ABC"),
        }
        at = self._beginning()
        first = self._move(at, "open", **({"owner": "self"} if rng.random() < 0.3 else {}))
        case = Case(
            "simulation", f"seed {self.seed}", ("TK-5",), "the simulation", None, "one",
            rng.choice(tuple(self.policies)), ticket, (first,),
            Expectation(at, (), (), {}, only=False), ("engine",),
        )  # fmt: skip
        story = Story(self.seed, self.calendars, self.policies, case, self.naive)
        status = status_after_opening(first)
        model, seen = story.model(), 0
        for _ in range(rng.randint(5, 25)):
            for fact in story.facts[seen:]:
                model.take(fact)
            seen = len(story.facts)
            at = self._next_instant(model, at)
            do = self._choose(status)
            if do is None:
                break
            move = self._with_arguments(model, at, do)
            if move is None or (status == "closed" and not self._soon(model, move)):
                continue
            story = story.told((*story.case.history, move))
            status = after(status, move)
        return story

    def _beginning(self) -> datetime:
        rng = self.random
        at: datetime = BEGIN + timedelta(seconds=rng.randrange(300 * 86_400))
        if rng.random() < 0.3:
            turns = [begun for (begun, _), _ in self.naive["one"].oracle.stretches[1:]]
            near = [turn for turn in turns if BEGIN < turn < BEGIN + timedelta(days=300)]
            if near:
                at = rng.choice(near) - timedelta(minutes=rng.randrange(3 * 1440))
        if rng.random() < 0.5:
            at += rng.randrange(10**6) * MICRO
        return at if rng.random() < 0.3 else self.naive["one"].add(at, timedelta(0))

    def _choose(self, status: str) -> str | None:
        possible = [do for do in (*LIFE, *OFTEN) if status in LIFE[do][0]]
        rarely = {"cancel", "merge"}
        if self.random.random() < 0.9:
            possible = [do for do in possible if do not in rarely]
        return self.random.choice(possible) if possible else None

    def _next_instant(self, model: Model, at: datetime) -> datetime:
        rng = self.random
        if rng.random() < 0.6:
            marks = [
                mark
                for promise in model.open.values()
                for mark in (promise.due, *promise.levels().values())
            ] + ([model.wait_ends] if model.wait_ends else [])
            if model.closed_at is not None:
                marks.append(model.closed_at + timedelta(days=7))
            ahead = [mark for mark in marks if at <= mark < at + timedelta(days=40)]
            if ahead:
                near = (-SECOND, -MICRO, *(timedelta(0),) * 5, MICRO, SECOND)
                return max(at, rng.choice(ahead) + rng.choice(near))
        gap = rng.choice((0, 5, 30, 120, 300, 1000, 6000))
        return at + gap * rng.random() * MINUTE

    def _soon(self, model: Model, move: Move) -> bool:
        """Whether what is said to a closed ticket is still said to this one."""
        if move.do == "reopen":
            return model.closed_at is not None and move.at - model.closed_at <= timedelta(days=7)
        return not move.arguments.get("automatic")

    def _move(self, at: datetime, do: str, **given: Any) -> Move:
        known = {name: v for name, v in MOVES[do].items() if not _placeholder(v)}
        return Move(at, do, {**known, **given})

    def _with_arguments(self, model: Model, at: datetime, do: str) -> Move | None:
        if do == "correct":
            return self._correction(model, at)
        if do == "agree":
            return self._agreement(model, at)
        choices = _ARGUMENTS.get(do, ({},))
        return self._move(at, do, **self.random.choice(choices))

    def _agreement(self, model: Model, at: datetime) -> Move:
        rng = self.random
        resolve = model.open.get("resolve")
        due = at + rng.randrange(1, 6000) * MINUTE
        if resolve is not None and rng.random() < 0.3:
            due = resolve.due + rng.choice((-MICRO, timedelta(0), MICRO, 60 * MINUTE))
        wish, approved = rng.random() < 0.8, rng.random() < 0.4
        return self._move(at, "agree", due_at=due, wish_recorded=wish, approved=approved)

    def _correction(self, model: Model, at: datetime) -> Move | None:
        broken = [p for p in model.promises if p.state(at) in ("missed", "late")]
        if not broken:
            return None
        promise = self.random.choice(broken)
        claimed = self.random.choice(
            (promise.due, promise.due + MICRO, promise.started, at, promise.due - MINUTE)
        )
        return self._move(
            at, "correct", clock=promise.clock, cycle=promise.cycle, revision=promise.revision,
            claimed_at=min(max(claimed, promise.started), at),
        )  # fmt: skip

    def _calendar(self, name: str) -> Document:
        rng = self.random
        zones = [zone for zone in ZONES if zone != "Pacific/Apia"]
        while True:
            if rng.random() < 0.3:
                document = random_document(rng)
            else:
                days = rng.choice((5, 5, 6, 7))
                hours = rng.choice(HOURS)
                week = {day: hours if n < days else [] for n, day in enumerate(WEEKDAYS)}
                document = {
                    "timezone": rng.choice(zones), "week": week,
                    "exceptions": list(self._exceptions()),
                }  # fmt: skip
            document["name"] = name
            if rng.random() < 0.5:
                document["exceptions_loaded"] = rng.choice(([2025], [2025, 2026]))
            if document["timezone"] in zones and _open_enough(document):
                return document

    def _exceptions(self) -> Iterator[Document]:
        rng = self.random
        for day in rng.sample(range(360), rng.choice((0, 10, 60))):
            on = (date(2025, 7, 1) + timedelta(days=day)).isoformat()
            kind = rng.choice(("closed", "closed", "working", "hours"))
            hours = {"hours": rng.choice(HOURS)} if kind == "hours" else {}
            yield {"date": on, "kind": kind, "name": kind, **hours}

    def _policy(self, name: str) -> Document:
        rng = self.random
        clocks: Document = {
            clock: self._clock(clock)
            for clock in ("accept", "plan", "progress", "next_reply", "resolve", "first_answer")
            if rng.random() < 0.75
        }
        if rng.random() < 0.7:
            clocks["confirm"] = {"target": rng.choice(({"working_days": 2}, {"hours": 9}))}
        if rng.random() < 0.3:
            clocks["agreed"] = {"calendar": rng.choice(("24x7", "working"))}
        document: Document = {
            "name": name, "conditions": {}, "clocks": clocks, "ladder": self._ladder(),
            "calendars": rng.choice(
                ({"A": "24x7", "otherwise": "working"}, {"otherwise": "working"},
                 {"C": "working", "otherwise": "24x7"})
            ),
        }  # fmt: skip
        paused = [clock for clock in ("resolve", "progress") if _may_pause(clocks.get(clock))]
        if paused and rng.random() < 0.8:
            limits = ({"working_days": 3}, {"hours": 6}, {"elapsed_hours": 30}, {"days": 1})
            document["waiting"] = {
                "pauses": rng.sample(paused, rng.randint(1, len(paused))),
                "limit": rng.choice(limits),
            }
        return document

    def _clock(self, clock: str) -> Document:
        rng = self.random
        rule: Document = {"target": self._target()} if rng.random() < 0.9 else {}
        if not rule or rng.random() < 0.6:
            rule["cases"] = [
                {"when": {name: [value]}, "target": self._target()}
                for name, value in rng.sample(_CASES, rng.randint(1, 2))
            ]
        if rng.random() < 0.15:
            rule["calendar"] = rng.choice(
                ("24x7", "working", {"B": "24x7", "otherwise": "working"})
            )
        if clock == "resolve":
            rule["answered_by"] = rng.choice((["resolved"], ["resolved"], ["closed"]))
        return rule

    def _target(self) -> Document:
        rng = self.random
        unit, most = rng.choice(_UNITS)
        return {unit: rng.randint(1, most)}

    def _ladder(self) -> list[Document]:
        rng = self.random
        before = rng.sample(
            ({"percent": -25}, {"percent": -50}, {"minutes": -30}), rng.randint(0, 2)
        )
        later = sorted(rng.sample((0, 0, 15, 60, 240, 500), rng.randint(1, 4)))
        steps = [*before, *({"minutes": minutes} for minutes in later)]
        return [{"level": n, "tell": ["owner"], **step} for n, step in enumerate(steps, 1)]


_UNITS = (
    ("minutes", 90), ("hours", 10), ("hours", 10), ("elapsed_hours", 50), ("days", 3),
    ("working_days", 3), ("calendar_days", 4),
)  # fmt: skip
_CASES = (
    ("complexity", "super"), ("complexity", "complex"), ("tier", "A"), ("tier", "B"),
    ("priority", "high"), ("type", "billing"), ("department", "sales"), ("tags", "vip"),
)  # fmt: skip
_SAID = {"public": True, "automatic": False}
_STAFF: Document = {"by": "staff", **_SAID, "vague": False}
_CUSTOMER: Document = {"by": "customer", **_SAID, "courtesy": False}
_ARGUMENTS: Mapping[str, tuple[Document, ...]] = {
    "message": (
        _STAFF, _STAFF, _CUSTOMER, _CUSTOMER,
        {**_STAFF, "vague": True, "text": "已处理"},
        {**_STAFF, "public": False},
        {**_STAFF, "automatic": True},
        {**_CUSTOMER, "courtesy": True, "text": "谢谢"},
        {**_CUSTOMER, "automatic": True},
    ),
    "confirm": ({"answer": "solved"}, {"answer": "partly"}, {"answer": "none"}),
    "reclassify": (
        {"complexity": "normal"}, {"complexity": "complex"}, {"complexity": "super"},
        {"complexity": "super"}, {"priority": "high"}, {"type": "billing"}, {"tags": ["vip"]},
    ),
    "tier": ({"tier": "A"}, {"tier": "B"}, {"tier": "C"}),
    "assign": ({"owner": "x", "department": "support"}, {"owner": "x", "department": "sales"}),
    "policy": (
        {"name": "first"}, {"name": "second"},
        {"name": "first", "from_start": True}, {"name": "second", "from_start": True},
    ),
    "calendar": (
        {"name": "one"}, {"name": "two"},
        {"name": "one", "from_start": True}, {"name": "two", "from_start": True},
    ),
}  # fmt: skip


def _placeholder(value: Any) -> bool:
    return value is REQUIRED or type(value) is object


def _may_pause(rule: Document | None) -> bool:
    if rule is None:
        return False
    targets = [case["target"] for case in rule.get("cases", ())]
    targets += [rule["target"]] if "target" in rule else []
    never = {"working_days", "calendar_days", "months"}
    return not any(never & set(target) for target in targets)


def _open_enough(document: Document) -> bool:
    """Whether the calendar is open for ten hours a week at least, or a story would take years."""
    oracle = Oracle({**document, "exceptions": []}, 2026, 2026)
    week = datetime(2026, 3, 2, tzinfo=UTC)
    return oracle.used(week, week + timedelta(days=7)) >= timedelta(hours=10)
