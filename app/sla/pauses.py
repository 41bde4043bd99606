"""Reads tickets' pauses from their facts: nothing is stored of a pause but the facts that begin and end it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from app.calendars.target import Target
from app.database import Database
from app.errors import NotFound
from app.sla.book import book_for_reading
from app.sla.engine.clock import fold
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.waiting import Pause, PauseBudget, pause_budget, pause_limit, pauses
from app.sla.explaining import facts_of
from app.sla.models import FactRow, Subject
from app.sla.views import NOW
from app.statements import Statement, any_of, json_list

SUBJECTS_AT_ONCE = 50
_subject, _fact = Subject.__table__.c, FactRow.__table__.c
_told = select(
    _subject.id,
    NOW.label("now"),
    json_list(
        select(_fact.id).where(_fact.subject_key == _subject.id).order_by(_fact.sequence),
        [
            ("sequence", _fact.sequence),
            ("kind", _fact.kind),
            ("occurred_at", _fact.occurred_at),
            ("recorded_at", _fact.recorded_at),
            ("actor_id", _fact.actor_id),
            ("data", _fact.data),
        ],
        Subject.__table__,
    ).label("facts"),
)
FACTS = Statement(_told.where(any_of(_subject.id, "keys")))
FACTS_OF = Statement(
    _told.where(
        _subject.subject_type == bindparam("subject_type"),
        _subject.subject_id == bindparam("subject_id"),
    )
)


@dataclass(frozen=True, slots=True)
class Asking:
    """What the fact of a wait says: who asked the customer, why, and who approved a wait beyond the budget."""

    actor_id: int | None
    reason: str
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A subject's pauses with who asked for each, its budget, and how long a single wait may be."""

    pauses: Sequence[tuple[Pause, Asking]]
    budget: PauseBudget
    limit: Target


async def read_pauses(
    database: Database, keys: Sequence[int], as_of: datetime
) -> dict[int, dict[int, Pause]]:
    """Return pauses as of an instant, by the keys of their subjects and the sequences of their facts.

    A subject whose facts cannot be evaluated is left out. Read in pages, between which others get their turn.
    """
    found: dict[int, dict[int, Pause]] = {}
    for first in range(0, len(keys), SUBJECTS_AT_ONCE):
        rows = await database.all(FACTS, keys=keys[first : first + SUBJECTS_AT_ONCE])
        facts = {row["id"]: facts_of(_parsed(row["facts"])) for row in rows}
        book = await book_for_reading(database, (one for some in facts.values() for one in some))
        for key, some in facts.items():
            try:
                folded = fold(some, book.rulebook, as_of)
            except (LookupError, ValueError):
                continue
            found[key] = {one.sequence: one for one in pauses(folded, as_of)}
        await asyncio.sleep(0)
    return found


async def read_waiting(database: Database, subject_type: str, subject_id: int) -> Waiting:
    """Return how one subject has waited up to now; raises `NotFound`."""
    row = await database.one(FACTS_OF, subject_type=subject_type, subject_id=subject_id)
    if row is None:
        raise NotFound
    told = _parsed(row["facts"])
    facts: list[Fact] = facts_of(told)
    now = max(row["now"], facts[-1].at)
    folded = fold(facts, (await book_for_reading(database, facts)).rulebook)
    asked = {one["sequence"]: _asking(one) for one in told if one["kind"] == FactKind.WAITING}
    return Waiting(
        [(one, asked[one.sequence]) for one in pauses(folded, now)],
        pause_budget(folded, now),
        pause_limit(folded),
    )


def _asking(told: Any) -> Asking:
    data = told["data"]
    return Asking(told["actor_id"], data.get("reason", ""), data.get("approved_by"))


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
