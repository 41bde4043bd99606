"""The check behind `huiying rebuild-deadlines [--check]`: every deadline anew from its facts.

A healthy database shows no difference. What differs is written again under its subject's lock; what fired stays
fired, and when the sweep noticed a miss stays known.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select

from app import writing
from app.database import Database, Transaction
from app.sla import cache, service
from app.sla.book import book_for_reading
from app.sla.cache import Key, stored_form
from app.sla.comparison import Difference, Stored, differences, key_of, marked_missed, plain
from app.sla.engine.clock import fold
from app.sla.engine.deadline import Deadline
from app.sla.engine.facts import Fact
from app.sla.engine.terms import Rulebook
from app.sla.engine.verdict import deadline_of
from app.sla.explaining import facts_of
from app.sla.models import DeadlineLevel, DeadlineRow, Escalation, FactRow, Subject
from app.sla.views import NOW
from app.statements import Row, Statement, any_of, json_list
from app.time import parse_instant

PAGE_SIZE = 500
_subject = Subject.__table__.c
_deadline = DeadlineRow.__table__.c
_level = DeadlineLevel.__table__.c
_fact = FactRow.__table__.c
_escalation = Escalation.__table__.c


def _all_of(table: Any, *order: Any) -> Any:
    columns = table.__table__.c
    rows = select(columns.id).where(columns.subject_key == _subject.id).order_by(*order)
    return json_list(rows, [(one.name, one) for one in columns], Subject.__table__)


_columns = [column for column in _subject if column.name != "next_fire_at"]
_WHOLE = select(
    *_columns,
    _subject.next_fire_at,
    NOW.label("now"),
    _all_of(FactRow, _fact.sequence).label("facts"),
    _all_of(DeadlineRow, _deadline.id).label("deadlines"),
    _all_of(DeadlineLevel, _level.deadline_id, _level.level).label("levels"),
)
PAGE = Statement(
    _WHOLE.where(_subject.id > bindparam("after"))
    .order_by(_subject.id)
    .limit(bindparam("page_size", type_=_subject.id.type))
)
ONE = Statement(_WHOLE.where(_subject.id == bindparam("subject_key")))
ESCALATED = Statement(
    select(_escalation.deadline_id).where(any_of(_escalation.deadline_id, "keys"))
)
_DROP_LEVELS = Statement(
    delete(DeadlineLevel).where(any_of(_level.deadline_id, "keys")).returning(_level.id)
)
_DROP_ROWS = Statement(
    delete(DeadlineRow)
    .where(any_of(_deadline.id, "keys"))
    .returning(_deadline.id, _deadline.due_at)
)


async def check_deadlines(database: Database) -> list[Difference]:
    """Return every stored value that is not what the facts say; empty for a healthy database."""
    found: list[Difference] = []
    async for page in _pages(database):
        found += await _check_page(database, page)
    return found


async def rebuild_deadlines(database: Database) -> int:
    """Write again what differs, subject by subject; returns how many rows were written or dropped.

    A subject whose facts cannot be evaluated is left as it is, and so is a row that no fact knows of but that has
    escalated: `check_deadlines` goes on naming both.
    """
    count = 0
    async for page in _pages(database):
        damaged = {one.subject_key for one in await _check_page(database, page)}
        for row in page:
            if row["id"] in damaged:
                count += await _rebuild_subject(database, row)
    return count


async def _pages(database: Database) -> AsyncIterator[list[Row]]:
    after = 0
    while page := await database.all(PAGE, after=after, page_size=PAGE_SIZE):
        yield page
        after = page[-1]["id"]


async def _check_page(database: Database, page: Sequence[Row]) -> list[Difference]:
    facts = {row["id"]: facts_of(_parsed(row["facts"])) for row in page}
    book = await book_for_reading(database, [one for some in facts.values() for one in some])
    found: list[Difference] = []
    for row in page:
        found += _check(row, facts[row["id"]], book.rulebook)
    return found


def _check(row: Row, facts: Sequence[Fact], rulebook: Rulebook) -> list[Difference]:
    stored = _stored(row)
    try:
        computed, tier = _computed(facts, rulebook)
    except (LookupError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
        return [Difference(row["id"], stored.label, None, "facts", len(facts), why)]
    return differences(stored, computed, fact_count=len(facts), tier=tier, now=row["now"])


def _computed(facts: Sequence[Fact], rulebook: Rulebook) -> tuple[list[Deadline], str | None]:
    folded = fold(facts, rulebook)
    horizon = folded.last_at
    rows = [] if horizon is None else [deadline_of(track, horizon) for track in folded.tracks]
    return rows, folded.setting.inputs.tier


def _stored(row: Row) -> Stored:
    subject = {column.name: row[column.name] for column in _columns}
    subject["next_fire_at"] = plain(row["next_fire_at"])
    return Stored(subject, _parsed(row["deadlines"]), _parsed(row["levels"]))


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


async def _rebuild_subject(database: Database, row: Row) -> int:
    """Compare again under the subject's lock, and write what differs still."""
    async with database.transaction() as tx:
        try:
            subject = await service.lock(tx, row["subject_type"], row["subject_id"])
        except (LookupError, ValueError):
            return 0
        stored = _stored((await tx.peek(ONE, subject_key=subject.key))[0])
        found = differences(
            stored,
            subject.deadlines,
            fact_count=len(subject.facts),
            tier=subject.folded.setting.inputs.tier,
            now=subject.now,
        )
        keys = {one.key for one in found if one.key is not None}
        rows = {key_of(one): one for one in stored.deadlines}
        known = {one.key for one in subject.deadlines}
        _forget(subject, keys - known)
        await _write_rows(tx, subject, rows, keys)
        values = {
            "sequence": len(subject.facts),
            "tier": subject.folded.setting.inputs.tier,
            "next_fire_at": subject.known.next_fire_at(),
        }
        await writing.update_many(tx, Subject, [{"id": subject.key, **values}])
        dropped = await _drop(tx, [rows[key]["id"] for key in keys - known])
        return len(keys & known) + dropped + any(one.key is None for one in found)


def _forget(subject: service.LockedSubject, keys: Iterable[Key]) -> None:
    """Leave levels of rows that no fact knows of out of the subject's next look."""
    known = subject.known
    gone = {known.deadlines.pop(key) for key in keys}
    known.levels = {at: level for at, level in known.levels.items() if at[0] not in gone}


async def _write_rows(
    tx: Transaction,
    subject: service.LockedSubject,
    rows: Mapping[Key, Mapping[str, Any]],
    keys: Iterable[Key],
) -> None:
    """Write the rows of `keys` as the engine says them, leaving marks of the sweep that are true."""
    deadlines = [
        one.as_at(subject.now)
        if one.key in rows and marked_missed(rows[one.key], one, subject.now)
        else one
        for one in subject.deadlines
    ]
    as_stored = {one.key: stored_form(one) for one in deadlines if one.key not in set(keys)}
    await cache.write(tx, [cache.Course(subject.row, subject.known, deadlines, as_stored)])
    wrong = [one for one in deadlines if one.key in set(keys) and one.key in rows]
    await cache.mark_changed(tx, (parse_instant(rows[one.key]["due_at"]) for one in wrong))
    owner = {name: subject.row[name] for name in ("owner_id", "department_id")}
    await writing.update_many(
        tx,
        DeadlineRow,
        [
            {
                "id": rows[one.key]["id"],
                "rule": one.rule,
                "customer_id": subject.row["customer_id"],
                **(owner if one.open else {name: rows[one.key][name] for name in owner}),
            }
            for one in wrong
        ],
    )


async def _drop(tx: Transaction, keys: Sequence[int]) -> int:
    """Delete rows that no fact knows of, unless somebody was told of them."""
    if not keys:
        return 0
    told = {row["deadline_id"] for row in await tx.all(ESCALATED, keys=list(keys))}
    gone = [key for key in keys if key not in told]
    await writing.change_set(tx, DeadlineLevel, _DROP_LEVELS, keys=gone)
    dropped = await writing.change_set(tx, DeadlineRow, _DROP_ROWS, keys=gone)
    await cache.mark_changed(tx, (row["due_at"] for row in dropped))
    return len(dropped)
