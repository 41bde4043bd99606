"""The heart's one door: opening subjects, appending facts, and keeping the cache of deadlines true.

Whatever starts, stops, pauses or retargets a clock calls down to here in its own transaction: `lock` the subject,
take the instant it gives, `append` facts. Deadlines and levels are what `clock` says of the facts, nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from app import writing
from app.database import Transaction
from app.errors import NotFound
from app.sla import cache, queries
from app.sla.book import Book, ensure_packs, read_book, use_pack
from app.sla.engine.clock import fold
from app.sla.engine.clock_row import Flag
from app.sla.engine.deadline import Deadline
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.policy import Policy
from app.sla.engine.subject import Subject as FoldedSubject
from app.sla.engine.verdict import deadline_of
from app.sla.models import FactRow, Subject
from app.time import parse_instant

__all__ = [
    "LockedSubject", "NewFact", "append", "apply_fact", "change_inputs", "correct", "course_of",
    "ensure_packs", "forms_of", "is_working_time", "load_many", "lock", "missing_pins", "move_owner", "open_subject",
    "read_book", "use_pack", "write_courses", "write_fact",
]  # fmt: skip

_REMATCHED = frozenset({FactKind.RECLASSIFIED, FactKind.TIER_CHANGED})


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact to be appended; without `at` it happened at the subject's locked instant."""

    kind: FactKind
    data: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(slots=True)
class LockedSubject:
    """A subject whose row this transaction holds, and what its facts add up to.

    `now` was read after the lock: no fact of it can be stamped earlier than what others saw. `known` holds the
    cached rows' keys and levels, so that a change is written as the difference.
    """

    row: Mapping[str, Any]
    now: datetime
    book: Book
    facts: list[Fact]
    folded: FoldedSubject
    known: cache.Known

    @property
    def key(self) -> int:
        """The subject's own key."""
        return int(self.row["id"])

    @property
    def deadlines(self) -> list[Deadline]:
        """Every row as of the last fact."""
        return _deadlines(self.folded)

    @property
    def policy(self) -> Policy | None:
        """The policy in force."""
        return self.folded.setting.policy

    def open_deadline(self, clock: str) -> Deadline | None:
        """Return the clock's row that can still be answered, None where there is none."""
        return next((one for one in self.deadlines if one.clock == clock and one.open), None)


def _deadlines(folded: FoldedSubject) -> list[Deadline]:
    horizon = folded.last_at
    return [] if horizon is None else [deadline_of(track, horizon) for track in folded.tracks]


async def open_subject(
    tx: Transaction,
    *,
    subject_type: str,
    subject_id: int,
    public_id: str,
    label: str,
    customer_id: int | None,
    owner_id: int | None,
    department_id: int | None,
    inputs: Mapping[str, Any],
    at: datetime,
    accepted: bool = False,
    dedicated_manager_id: int | None = None,
    data: Mapping[str, Any] | None = None,
    facts: Sequence[NewFact] = (),
) -> LockedSubject:
    """Open a subject at `at` with the first policy that matches its inputs, and the clocks that start with it.

    `inputs` are {type, complexity, tier, channel, priority, department, tags}; `data` adds to the opening fact
    (a subject with one clock names `clock`, `rule`, `target` there). Nothing is asked of the database but a
    rulebook older than two seconds.
    """
    book = await read_book(tx)
    policy = book.policy_for(inputs)
    opening: dict[str, Any] = {
        "inputs": {**inputs, "owner": owner_id},
        "policy": policy.reference if policy is not None else None,
        "calendars": book.pins_for(policy),
        **(data or {}),
        **({"accepted": True} if accepted else {}),
    }
    row = await writing.insert(
        tx,
        Subject,
        subject_type=subject_type,
        subject_id=subject_id,
        subject_public_id=public_id,
        label=label,
        customer_id=customer_id,
        owner_id=owner_id,
        department_id=department_id,
        dedicated_manager_id=dedicated_manager_id,
        tier=inputs.get("tier"),
    )
    subject = LockedSubject(row, at, book, [], fold([], book.rulebook), cache.Known())
    await _note(tx, subject, [NewFact(FactKind.OPENED, opening), *facts])
    await cache.write(tx, [course_of(subject, {})])
    row |= {"sequence": len(subject.facts), "next_fire_at": subject.known.next_fire_at()}
    return subject


async def lock(tx: Transaction, subject_type: str, subject_id: int) -> LockedSubject:
    """Lock a subject's row, then read the instant and everything known of it; raises `NotFound`."""
    await tx.flush()
    statement = queries.LOCK_POSTGRESQL if tx.database.kind == "postgresql" else queries.LOCK_SQLITE
    rows = await tx.run(statement, {"subject_type": subject_type, "subject_id": subject_id})
    if not rows:
        raise NotFound
    state = (await tx.run(queries.STATE, {"subject_key": rows[0]["id"]}))[0]
    facts = [_fact(one) for one in _parsed(state["facts"])]
    return _loaded(rows[0], state, facts, await read_book(tx, facts))


async def load_many(
    tx: Transaction, rows: Sequence[Mapping[str, Any]]
) -> tuple[list[LockedSubject], list[int]]:
    """Return subjects whose rows this transaction has locked (each with its `now`), read in one question.

    Beside them the keys of those whose facts cannot be evaluated.
    """
    if not rows:
        return [], []
    states = await tx.run(queries.STATES, {"keys": [row["id"] for row in rows]})
    told = {state["id"]: state for state in states}
    facts = {row["id"]: [_fact(one) for one in _parsed(told[row["id"]]["facts"])] for row in rows}
    book = await read_book(tx, (one for some in facts.values() for one in some))
    subjects, faulty = [], []
    for row in rows:
        key = row["id"]
        try:
            subjects.append(_loaded(row, told[key], facts[key], book))
        except (LookupError, ValueError):
            faulty.append(key)
    return subjects, faulty


def _loaded(
    row: Mapping[str, Any], state: Mapping[str, Any], facts: list[Fact], book: Book
) -> LockedSubject:
    known = cache.Known.of(_parsed(state["deadlines"]), _parsed(state["levels"]))
    now = max(row["now"], facts[-1].at) if facts else row["now"]
    return LockedSubject(dict(row), now, book, facts, fold(facts, book.rulebook), known)


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _fact(one: Mapping[str, Any]) -> Fact:
    return Fact(
        sequence=one["sequence"],
        kind=FactKind(one["kind"]),
        at=parse_instant(one["occurred_at"]),
        data=one["data"],
        recorded_at=parse_instant(one["recorded_at"]),
    )


async def append(tx: Transaction, subject: LockedSubject, *facts: NewFact) -> LockedSubject:
    """Append facts to a locked subject and write what they change in deadlines and levels; returns the subject.

    A reclassification or a change of tier that makes another policy match carries that policy along.
    """
    before, tier = forms_of(subject), subject.row["tier"]
    await _note(tx, subject, facts)
    await write_courses(tx, [subject], [course_of(subject, before)])
    if subject.row["tier"] != tier:
        charged = {"charged_tier": subject.row["tier"]}
        await cache.recharge(tx, subject.known, subject.deadlines, charged, at=subject.now)
    return subject


def forms_of(subject: LockedSubject) -> dict[cache.Key, dict[str, Any]]:
    """Return what is stored of a subject's rows while its cache is true."""
    return {one.key: cache.stored_form(one) for one in subject.deadlines}


def course_of(
    subject: LockedSubject, before: Mapping[cache.Key, Mapping[str, Any]]
) -> cache.Course:
    """Return where a subject's rows stand now, beside what is stored of them."""
    return cache.Course(subject.row, subject.known, subject.deadlines, before)


async def write_courses(
    tx: Transaction, subjects: Sequence[LockedSubject], courses: Sequence[cache.Course]
) -> None:
    """Write what new facts changed in deadlines and levels of locked subjects; `courses` are theirs, in that order."""
    await cache.write(tx, courses)
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        values: dict[str, Any] = {
            "sequence": len(subject.facts),
            "next_fire_at": subject.known.next_fire_at(),
            "tier": subject.folded.setting.inputs.tier,
            "is_open": Flag.ENDED not in subject.folded.flags,
        }
        subject.row = {**subject.row, **values}
        rows.append({"id": subject.key, **values})
    await writing.update_many(tx, Subject, rows)


async def _note(tx: Transaction, subject: LockedSubject, facts: Sequence[NewFact]) -> None:
    """Append facts; what they change is written afterwards."""
    for new in facts:
        data = dict(new.data)
        if new.kind in _REMATCHED and "policy" not in data:
            data |= _rematched(subject, data)
        await write_fact(tx, subject, apply_fact(subject, NewFact(new.kind, data, new.at)))


def apply_fact(subject: LockedSubject, new: NewFact) -> Fact:
    """Take a fact into the subject's facts, and return it; nothing is written yet."""
    fact = Fact(len(subject.facts) + 1, new.kind, new.at or subject.now, new.data, subject.now)
    subject.facts.append(fact)
    subject.folded.apply(fact)
    return fact


async def write_fact(tx: Transaction, subject: LockedSubject, fact: Fact) -> None:
    """Hold back the row of a fact that was taken."""
    await writing.insert(
        tx,
        FactRow,
        subject_key=subject.key,
        sequence=fact.sequence,
        kind=fact.kind.value,
        occurred_at=fact.at,
        recorded_at=subject.now,
        actor_id=tx.actor.user_id,
        data=fact.data,
    )


def _rematched(subject: LockedSubject, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy that matches the changed inputs, where it is another one than that in force."""
    inputs = subject.folded.setting.inputs.changed(changed)
    found = next((p for p in subject.book.policies if p.conditions.holds(inputs)), None)
    current = subject.policy
    if (found.name if found else None) == (current.name if current else None):
        return {}
    policy = {"policy": found.reference if found is not None else None}
    return policy | missing_pins(subject.folded.setting.calendars, subject.book.pins_for(found))


def missing_pins(pinned: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return `calendars` for a fact's data where a policy runs in calendars that the subject is not pinned to."""
    missing = {role: reference for role, reference in wanted.items() if role not in pinned}
    return {"calendars": missing} if missing else {}


async def move_owner(
    tx: Transaction, subject: LockedSubject, *, owner_id: int | None, department_id: int | None
) -> LockedSubject:
    """Give a subject and its open deadlines to another owner; ended ones stay with whoever owned them.

    A miss is answered by the new owner but stays charged to the one who had it when it came due.

    The fact names the department as the opening does, by its name: policies are chosen by it.
    """
    values = {"owner_id": owner_id, "department_id": department_id}
    department = await tx.peek(queries.DEPARTMENT_NAME, department_id=department_id)
    name = department[0]["name"] if department else None
    row = {**subject.row, **values}
    charged = cache.charges(row)
    await cache.recharge(
        tx, subject.known, subject.deadlines, charged, at=subject.now, values=values
    )
    await writing.update(tx, Subject, subject.row, **values)
    subject.row = row
    return await append(
        tx, subject, NewFact(FactKind.ASSIGNED, {"owner": owner_id, "department": name})
    )


async def change_inputs(tx: Transaction, customer_id: int, *, tier: str) -> int:
    """Tell every open subject of a customer of his new tier; returns how many. Locked in the order of their keys."""
    await tx.flush()
    rows = await tx.all(queries.OPEN_SUBJECTS_OF_CUSTOMER, customer_id=customer_id)
    for row in rows:
        subject = await lock(tx, row["subject_type"], row["subject_id"])
        await append(tx, subject, NewFact(FactKind.TIER_CHANGED, {"tier": tier}))
    return len(rows)


async def correct(
    tx: Transaction,
    subject: LockedSubject,
    deadline: Mapping[str, Any],
    *,
    claimed_at: datetime,
    reason: str,
) -> LockedSubject:
    """Append a supervisor's correction of one deadline (a row with clock, cycle, revision); deadlines 1.7 and 1.8."""
    data = {
        "clock": deadline["clock"],
        "cycle": deadline["cycle"],
        "revision": deadline["revision"],
        "claimed_at": claimed_at,
        "reason": reason,
    }
    return await append(tx, subject, NewFact(FactKind.CORRECTED, data))


async def is_working_time(tx: Transaction, at: datetime) -> bool:
    """Return whether the deployment's working calendar is open at `at`."""
    return (await read_book(tx)).working.is_open(at)
