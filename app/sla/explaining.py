"""Answers `explain`: reads a deadline's facts, evaluates them as of an instant, and writes the reasons as JSON.

What the reasons are is decided in `explain` and `reasons`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson

from app.database import Database
from app.errors import NotFound, invalid_field
from app.sla.book import Book, book_for_reading
from app.sla.engine.clock import evaluate, fold
from app.sla.engine.deadline import Deadline
from app.sla.engine.facts import Fact, FactKind
from app.sla.reasons import Fired, reasons
from app.sla.views import EXPLANATION
from app.statements import Row
from app.time import format_instant, parse_instant

FACTS_MAX = 100


async def explain_deadline(
    database: Database, public_id: str, at: datetime | None, language: str
) -> bytes:
    """Return the explanation of a deadline as of `at` (now if None) as JSON.

    Raises `NotFound`, and `Invalid` for an instant in the domain's future or before the row began.
    """
    row = await database.one(EXPLANATION, public_id=public_id)
    if row is None:
        raise NotFound
    if at is not None and at > row["now"]:
        raise invalid_field("/query/at", "in_the_future")
    instant = at or row["now"]
    told = _parsed(row["facts"])
    facts = facts_of(told)
    book = await book_for_reading(database, facts)
    deadline = _evaluated(row, facts, book, instant)
    known = [one for one, fact in zip(told, facts, strict=True) if fact.known_at <= instant]
    why = reasons(
        deadline,
        instant,
        policy=book.rulebook.policies[deadline.policy] if deadline.policy is not None else None,
        inputs=fold(facts, book.rulebook, instant).setting.inputs,
        fired=_fired(_parsed(row["escalations"]), instant),
        language=language,
    )
    return _written(
        {
            "deadline_id": row["public_id"],
            "subject_type": row["subject_type"],
            "subject_id": row["subject_public_id"],
            "label": row["label"],
            **why,
            "facts": _facts(known),
        }
    )


def facts_of(told: Sequence[Mapping[str, Any]]) -> list[Fact]:
    """Return the facts of a subject as the database's JSON tells them."""
    return [
        Fact(
            sequence=one["sequence"],
            kind=FactKind(one["kind"]),
            at=parse_instant(one["occurred_at"]),
            data=one["data"],
            recorded_at=parse_instant(one["recorded_at"]),
        )
        for one in told
    ]


def _evaluated(row: Row, facts: Sequence[Fact], book: Book, instant: datetime) -> Deadline:
    key = (row["clock"], row["cycle"], row["revision"])
    for deadline in evaluate(facts, book.rulebook, now=instant):
        if deadline.key == key:
            return deadline
    raise invalid_field("/query/at", "before_start", started_at=format_instant(row["started_at"]))


def _fired(escalations: Sequence[Mapping[str, Any]], instant: datetime) -> list[Fired]:
    fired = [
        Fired(
            level=one["level"],
            fired_at=parse_instant(one["detected_at"]),
            escalation_id=one["id"],
            told=tuple(person["name"] for person in one["told"]),
        )
        for one in escalations
    ]
    return [one for one in fired if one.fired_at <= instant]


def _facts(known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kept = known[-FACTS_MAX:]
    return {
        "fact_count": len(known),
        "omitted_count": len(known) - len(kept),
        "items": [
            {
                "sequence": one["sequence"],
                "kind": one["kind"],
                "at": one["occurred_at"],
                "recorded_at": one["recorded_at"],
                "actor_id": one["actor_id"],
                "actor": one["actor"],
            }
            for one in kept
        ],
    }


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _written(answer: Mapping[str, Any]) -> bytes:
    return orjson.dumps(answer, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"not JSON: {type(value).__name__}")
