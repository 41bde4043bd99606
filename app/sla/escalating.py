"""What a level that fires writes: its escalation, the audit entry, the message and the notices. Rows' values, no more."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit import service as audit
from app.database import Transaction
from app.notifications.service import Notice
from app.outbox import service as outbox
from app.sla.engine.ladder import Recipient, release_at
from app.sla.people import People
from app.statements import Row
from app.time import format_instant


@dataclass(frozen=True, slots=True)
class Fired:
    """A level that fires, and whom it tells; `overtaken` where a higher one of its deadline fires with it."""

    subject: Row
    row: Row
    chosen: tuple[Recipient, ...]
    overtaken: bool
    ended: bool


def escalation_of(
    fired: Fired, people: People, now: datetime, operation_id: int | None
) -> dict[str, Any]:
    """Return the escalation's values; what an operation brought about carries its key."""
    subject, row = fired.subject, fired.row
    return {
        "deadline_id": row["deadline_id"],
        "level": row["level"],
        "subject_type": subject["subject_type"],
        "subject_id": subject["subject_id"],
        "subject_public_id": subject["subject_public_id"],
        "customer_id": subject["customer_id"],
        "owner_id": row["owner_id"],
        "department_id": row["department_id"],
        "rule": row["rule"],
        "due_at": row["due_at"],
        "fire_at": row["fire_at"],
        "detected_at": now,
        "overtaken": fired.overtaken,
        "told": [_told(people, one) for one in fired.chosen],
        "operation_id": operation_id,
    }


def entry_of(tx: Transaction, escalation: Row) -> dict[str, Any]:
    """Return the audit entry of a written escalation."""
    told = [one["user_id"] for one in escalation["told"]]
    return audit.entry(
        tx,
        "deadline.escalate",
        entity="escalation",
        entity_key=escalation["id"],
        entity_id=escalation["public_id"],
        customer_id=escalation["customer_id"],
        changes={"level": [None, escalation["level"]], "told": [None, told]},
    )


def message_of(escalation: Row, now: datetime) -> dict[str, Any]:
    """Return the message that tells of it."""
    payload = {
        "escalation_id": escalation["public_id"],
        "level": escalation["level"],
        "rule": escalation["rule"],
    }
    about = (escalation["subject_type"], escalation["subject_public_id"])
    return outbox.message("deadline.escalated", about, payload, at=now)


def _told(people: People, one: Recipient) -> dict[str, Any]:
    absent = people.users.get(one.in_place_of) if one.in_place_of is not None else None
    return {
        "key": one.user_id,
        "user_id": people.users[one.user_id]["public_id"],
        "name": people.users[one.user_id]["name"],
        "why": one.why.value,
        "in_place_of": absent["public_id"] if absent is not None else None,
    }


def notice_of(
    fired: Fired, one: Recipient, escalation: Row, people: People, now: datetime
) -> Notice:
    """Return what one recipient is to be told of it, when he may be told."""
    subject, row = fired.subject, fired.row
    owner = people.users.get(row["owner_id"])
    return Notice(
        user_id=one.user_id,
        kind="deadline.escalated",
        deliver_at=release_at(now, people.zone(one.user_id), subject["tier"]),
        escalation_id=escalation["id"],
        data={
            "level": row["level"],
            "rule": row["rule"],
            "clock": row["clock"],
            "label": subject["label"],
            "subject_type": subject["subject_type"],
            "subject_id": subject["subject_public_id"],
            "deadline_id": row["deadline_public_id"],
            "owner": owner["name"] if owner is not None else None,
            "started_at": format_instant(row["started_at"]),
            "due_at": format_instant(row["due_at"]),
            "at": format_instant(now),
            "why": one.why.value,
        },
    )
