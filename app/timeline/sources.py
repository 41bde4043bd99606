"""Where entries come from: the histories that last, and how a row of each becomes an entry.

Neither the outbox, which forgets, nor the audit, which a merge must not move, but what the features themselves
keep: changes of the file, facts of tickets and obligations, deadlines that were missed, escalations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, Select, bindparam, literal, or_, select

from app.auth.models import User
from app.customers.models import CustomerChange
from app.database import Reader
from app.sla.models import DeadlineRow, Escalation, FactRow, Subject
from app.statements import Row, Statement, any_of
from app.tickets.models import Ticket
from app.time import FAR_END, format_instant
from app.timeline.kinds import KINDS, TimelineKind
from app.timeline.models import TimelineEntry

NAMESPACE = UUID("6c1b7c52-3f0e-5a8e-9d5b-2f1f4f0a7c11")
_entry = TimelineEntry.__table__.c
_change, _fact, _subject = CustomerChange.__table__.c, FactRow.__table__.c, Subject.__table__.c
_deadline, _escalation, _ticket = (
    DeadlineRow.__table__.c,
    Escalation.__table__.c,
    Ticket.__table__.c,
)

# What an entry takes over of a fact: codes, ids and instants; the rest is read at the subject.
FACT_DATA: Mapping[str, Sequence[str]] = {
    "message": ("by", "message"),
    "assigned": ("department",),
    "agreed": ("due_at",),
    "reclassified": ("type", "complexity", "priority"),
    "confirmed": ("answer", "rating", "channel"),
    "merged": ("into",),
    "corrected": ("clock", "claimed_at"),
}
_PLACED = {"corrected": TimelineKind.DEADLINE_CORRECTED}
_FACTS_SHOWN = frozenset(
    {kind.partition(".")[2] for kind in KINDS if kind.startswith(("ticket.", "obligation."))}
    - {"note"}
    | _PLACED.keys()
)


@dataclass(frozen=True, slots=True)
class Source:
    """A history. `page` is its next rows by key; `lacking` those of the given `ids` that have no entry yet.

    `entry` makes an entry of a row, None where it is none of a timeline's business.
    """

    name: str
    page: Statement
    lacking: Statement
    entry: Callable[[Row], dict[str, Any] | None]


def _source(
    name: str,
    rows: Select[Any],
    key: ColumnElement[int],
    of: ColumnElement[Any],
    entry: Callable[[Row], dict[str, Any] | None],
) -> Source:
    known = select(_entry.id).where(_entry.source == literal(name), _entry.source_key == key)
    ordered = rows.order_by(key)
    return Source(
        name,
        Statement(
            ordered.where(key > bindparam("after")).limit(bindparam("page_size", type_=key.type))
        ),
        Statement(ordered.where(any_of(of, "ids"), ~known.exists())),
        entry,
    )


def _change_entry(row: Row) -> dict[str, Any]:
    return {"kind": row["event"], "data": row["data"]}


def _fact_entry(row: Row) -> dict[str, Any] | None:
    code, told = row["fact"], row["data"]
    kind = _PLACED.get(code, f"{row['subject_type']}.{code}")
    if code == "message" and not told.get("public"):
        kind = TimelineKind.TICKET_NOTE
    if kind not in KINDS:
        return None
    data = {name: told[name] for name in FACT_DATA.get(code, ()) if told.get(name) is not None}
    return {"kind": kind, "data": data | _number(row), "owner": told.get("owner")}


def _missed_entry(row: Row) -> dict[str, Any]:
    data = {"deadline_id": str(row["deadline_id"]), "clock": row["clock"], "rule": row["rule"]}
    return {"kind": TimelineKind.DEADLINE_MISSED, "data": data | _number(row)}


def _escalation_entry(row: Row) -> dict[str, Any]:
    data = {
        "escalation_id": str(row["escalation_id"]),
        "level": row["level"],
        "rule": row["rule"],
        "due_at": format_instant(row["due_at"]),
    }
    return {"kind": TimelineKind.DEADLINE_ESCALATED, "data": data | _number(row)}


def _number(row: Row) -> dict[str, str]:
    return {} if row["number"] is None else {"number": row["number"]}


_SUBJECT_SHOWN = (
    _subject.customer_id,
    _subject.subject_type,
    _subject.subject_public_id.label("subject_id"),
    _ticket.number,
)
_SUBJECTS = Subject.__table__.outerjoin(
    Ticket.__table__, (_subject.subject_type == "ticket") & (_ticket.id == _subject.subject_id)
)
_OF_CUSTOMERS = _subject.customer_id.is_not(None)

CHANGES = _source(
    "change",
    select(
        _change.id,
        _change.customer_id,
        _change.at,
        _change.event,
        _change.subject_type,
        _change.subject_id,
        _change.actor_id,
        _change.data,
    ).where(any_of(_change.event, "events")),
    _change.id,
    _change.public_id,
    _change_entry,
)
FACTS = _source(
    "fact",
    select(
        _fact.id,
        _fact.occurred_at.label("at"),
        _fact.kind.label("fact"),
        _fact.actor_id,
        _fact.data,
        *_SUBJECT_SHOWN,
    )
    .select_from(_SUBJECTS.join(FactRow.__table__, _fact.subject_key == _subject.id))
    .where(_OF_CUSTOMERS, any_of(_fact.kind, "facts")),
    _fact.id,
    _subject.subject_public_id,
    _fact_entry,
)
# A correction takes the miss away, not what happened.
MISSES = _source(
    "deadline",
    select(
        _deadline.id,
        _deadline.due_at.label("at"),
        _deadline.public_id.label("deadline_id"),
        _deadline.clock,
        _deadline.rule,
        *_SUBJECT_SHOWN,
    )
    .select_from(_SUBJECTS.join(DeadlineRow.__table__, _deadline.subject_key == _subject.id))
    .where(
        _OF_CUSTOMERS,
        or_(_deadline.missed_at < literal(FAR_END, _deadline.missed_at.type), _deadline.adjustment.is_not(None)),
    ),
    _deadline.id,
    _subject.subject_public_id,
    _missed_entry,
)  # fmt: skip
# What fires before due warns the owner, and tells nothing of the customer.
ESCALATIONS = _source(
    "escalation",
    select(
        _escalation.id,
        _escalation.detected_at.label("at"),
        _escalation.public_id.label("escalation_id"),
        _escalation.level,
        _escalation.rule,
        _escalation.due_at,
        *_SUBJECT_SHOWN,
    )
    .select_from(
        _SUBJECTS.join(
            Escalation.__table__,
            (_escalation.subject_type == _subject.subject_type)
            & (_escalation.subject_id == _subject.subject_id),
        )
    )
    .where(_OF_CUSTOMERS, _escalation.fire_at >= _escalation.due_at),
    _escalation.id,
    _subject.subject_public_id,
    _escalation_entry,
)
SOURCES = (CHANGES, FACTS, MISSES, ESCALATIONS)
ASKED = {"events": sorted(KINDS), "facts": sorted(_FACTS_SHOWN)}

OWNERS = Statement(select(User.id, User.public_id).where(any_of(User.id, "keys")))


async def entries_of(reader: Reader, source: Source, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the entries of a source's rows, in their order, as the table's columns without `id`."""
    made = [(row, entry) for row in rows if (entry := source.entry(row)) is not None]
    keys = sorted({entry["owner"] for _, entry in made if entry.get("owner") is not None})
    found = await reader.all(OWNERS, keys=keys) if keys else []
    owners = {row["id"]: str(row["public_id"]) for row in found}
    return [_whole(source, row, entry, owners) for row, entry in made]


def _whole(
    source: Source, row: Row, entry: Mapping[str, Any], owners: Mapping[int, str]
) -> dict[str, Any]:
    owner = owners.get(entry.get("owner") or 0)
    return {
        "public_id": str(uuid5(NAMESPACE, f"{source.name}:{row['id']}")),
        "customer_id": row["customer_id"],
        "at": row["at"],
        "kind": str(entry["kind"]),
        "subject_type": row["subject_type"],
        "subject_id": str(row["subject_id"]),
        "actor_id": row.get("actor_id"),
        "data": entry["data"] if owner is None else {**entry["data"], "owner_id": owner},
        "source": source.name,
        "source_key": row["id"],
    }
