"""Puts matters of other systems on the clock, and takes what happened to them.

A matter's clock is that of its rule; the heart does the rest. Facts may be told up to 24 hours late (deadlines 1.7):
told before due they count when they happened, told afterwards they are late, and a supervisor may correct that.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from app import writing
from app.auth.permissions import Permission, Role, permissions_of
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotFound, NotPermitted, invalid_field
from app.obligations import queries
from app.obligations.models import Obligation
from app.obligations.queries import SUBJECT
from app.obligations.schemas import (
    AnswerGiven,
    CancelGiven,
    ObligationCreate,
    ObligationPatch,
    ObligationStatus,
)
from app.outbox import service as outbox
from app.sla import own_rules
from app.sla import service as sla
from app.sla.engine.facts import FactKind
from app.sla.service import LockedSubject, NewFact
from app.statements import Row
from app.time import format_instant

TOLD_WITHIN = timedelta(hours=24)
CLOCKS_APART = timedelta(minutes=5)  # a caller's clock may run ahead of ours by this much
DATA_BYTES_MAX = 16_384


async def open_obligation(tx: Transaction, principal: Principal, command: ObligationCreate) -> Row:
    """Put a matter on its rule's clock and return its row; publishes `obligation.opened`.

    Raises `Invalid` for what names nothing, `Conflict` where the rule has an open obligation for the matter.
    """
    rule = await _rule(tx, command)
    whose = await _whose(tx, principal, command, rule)
    customer = await _customer(tx, command.customer_id)
    now = await tx.now()
    opened_at = _told(now, command.opened_at, "/opened_at", since=None)
    if command.due_at is not None and command.due_at <= opened_at:
        raise invalid_field("/due_at", "not_ahead")
    _check_size(command.data)
    row = await writing.insert(
        tx,
        Obligation,
        rule_id=rule["id"],
        subject_type=command.subject.type,
        subject_ref=command.subject.ref,
        label=command.subject.label,
        link=command.subject.link,
        data=command.data,
        customer_id=customer.get("id"),
        opened_at=opened_at,
        created_by=principal.user_id,
        updated_at=now,
        owner_id=whose["owner_id"],
        department_id=whose["department_id"],
    )
    tier = command.tier.value if command.tier is not None else customer.get("tier")
    inputs = {"type": rule["clock"], "tier": tier, "department": whose["department"]}
    subject = await _open_clock(tx, row, rule, customer, inputs, due_at=command.due_at)
    await _publish(tx, row, "obligation.opened", now)
    if command.answer is not None:
        subject.now = now
        row = await _answer(tx, row, subject, command.answer)
    return row


async def _open_clock(
    tx: Transaction,
    row: Row,
    rule: Row,
    customer: Row,
    inputs: Mapping[str, Any],
    *,
    due_at: datetime | None,
) -> LockedSubject:
    return await sla.open_subject(
        tx,
        subject_type=SUBJECT,
        subject_id=row["id"],
        public_id=row["public_id"],
        label=row["label"],
        customer_id=row["customer_id"],
        owner_id=row["owner_id"],
        department_id=row["department_id"],
        dedicated_manager_id=customer.get("account_manager_id"),
        inputs=inputs,
        at=row["opened_at"],
        data={
            "clock": rule["clock"],
            "rule": rule["rule"],
            "target": {"amount": rule["target_amount"], "unit": rule["target_unit"]},
            "calendar": rule["calendar"],
            **({"due_at": format_instant(due_at)} if due_at is not None else {}),
        },
    )


async def hold(
    tx: Transaction, principal: Principal, public_id: str
) -> tuple[dict[str, Any], LockedSubject]:
    """Lock an obligation's facts and return its row with them; raises `NotFound`, `NotPermitted`."""
    found = await tx.one(queries.FOUND, public_id=public_id)
    if found is None:
        raise NotFound
    subject = await sla.lock(tx, SUBJECT, found["id"])
    row = await tx.one(queries.ROW, key=found["id"])
    assert row is not None
    owners = (row["owner_id"], row["created_by"])
    permission = Permission.OBLIGATIONS_WRITE
    if not principal.reaches(permission, owners=owners, department_id=row["department_id"]):
        raise NotPermitted(permission=permission.value)
    return dict(row), subject


async def answer(
    tx: Transaction, row: dict[str, Any], subject: LockedSubject, command: AnswerGiven
) -> None:
    """Take the fact that answers a held obligation; publishes `obligation.answered`."""
    _check_open(row)
    await _answer(tx, row, subject, command)


async def _answer(
    tx: Transaction, row: Row, subject: LockedSubject, command: AnswerGiven
) -> dict[str, Any]:
    at = _told(subject.now, command.occurred_at, "/occurred_at", since=row["opened_at"])
    facts = (NewFact(FactKind.ANSWERED, at=at), NewFact(FactKind.CLOSED))
    await sla.append(tx, subject, *facts)
    return await _end(tx, row, subject, ObligationStatus.ANSWERED, note=command.note)


async def cancel(
    tx: Transaction, row: dict[str, Any], subject: LockedSubject, command: CancelGiven
) -> None:
    """End a held obligation without a verdict, unless it was missed; publishes `obligation.cancelled`."""
    _check_open(row)
    await sla.append(tx, subject, NewFact(FactKind.CANCELLED, {"reason": command.reason}))
    await _end(tx, row, subject, ObligationStatus.CANCELLED, note=command.reason)


async def patch(
    tx: Transaction, row: dict[str, Any], subject: LockedSubject, command: ObligationPatch
) -> None:
    """Give a held obligation to others, name it anew; publishes `obligation.changed`."""
    _check_open(row)
    given = command.model_fields_set
    changes: dict[str, Any] = {name: getattr(command, name) for name in given & {"label", "data"}}
    if "data" in changes:
        _check_size(command.data)
    if given & {"owner_id", "department_id"}:
        whose = await _given_to(tx, row, command)
        await sla.move_owner(tx, subject, **whose)
        changes |= whose
    await writing.update(tx, Obligation, row, updated_at=subject.now, **changes)
    await _publish(tx, row, "obligation.changed", subject.now)


# --- what a command names


async def _rule(tx: Transaction, command: ObligationCreate) -> Row:
    rule = await tx.one(own_rules.OWN_RULE, clock=command.clock)
    if rule is None:
        raise invalid_field("/clock", "unknown_reference")
    if not rule["is_active"]:
        raise invalid_field("/clock", "rule_inactive")
    asked = {"rule_id": rule["id"], "subject_type": command.subject.type}
    twin = await tx.value(queries.OPEN, subject_ref=command.subject.ref, **asked)
    if twin is not None:
        raise Conflict("obligation_open", obligation_id=str(twin))
    return rule


async def _whose(
    tx: Transaction, principal: Principal, command: ObligationCreate, rule: Row
) -> dict[str, Any]:
    """Return the owner, and the department that answers: the one named, the owner's, the rule's, the caller's."""
    owner = await _owner(tx, command.owner_id)
    named = await _department(tx, command.department_id)
    home = rule["answers_department_id"] or principal.department_id
    department_id = named.get("id") or owner.get("department_id") or home
    return {
        "owner_id": owner.get("id"),
        "department_id": department_id,
        "department": named.get("name"),
    }


async def _given_to(tx: Transaction, row: Row, command: ObligationPatch) -> dict[str, int | None]:
    given = command.model_fields_set
    owner_id, department_id = row["owner_id"], row["department_id"]
    if "owner_id" in given:
        owner = await _owner(tx, command.owner_id)
        owner_id = owner.get("id")
        department_id = owner.get("department_id") or department_id
    if "department_id" in given:
        department_id = (await _department(tx, command.department_id)).get("id")
    return {"owner_id": owner_id, "department_id": department_id}


async def _owner(tx: Transaction, public_id: UUID | None) -> Row:
    if public_id is None:
        return {}
    user = await tx.one(queries.OWNER, public_id=str(public_id))
    if user is None:
        raise invalid_field("/owner_id", "unknown_reference")
    if not user["is_active"]:
        raise invalid_field("/owner_id", "user_inactive")
    if Permission.OBLIGATIONS_WRITE not in permissions_of(Role(user["role"])):
        raise invalid_field("/owner_id", "cannot_answer")
    return user


async def _department(tx: Transaction, public_id: UUID | None) -> Row:
    if public_id is None:
        return {}
    row = await tx.one(queries.DEPARTMENT, public_id=str(public_id))
    if row is None:
        raise invalid_field("/department_id", "unknown_reference")
    return row


async def _customer(tx: Transaction, public_id: UUID | None) -> Row:
    if public_id is None:
        return {}
    row = await tx.one(queries.CUSTOMER, public_id=str(public_id))
    if row is None:
        raise invalid_field("/customer_id", "unknown_reference")
    return row


def _told(now: datetime, at: datetime | None, pointer: str, *, since: datetime | None) -> datetime:
    """Return when a fact happened; refuses what lies ahead, more than 24 hours back, or before `since`."""
    if at is None:
        return now
    if at > now + CLOCKS_APART:
        raise invalid_field(pointer, "in_the_future")
    if at < now - TOLD_WITHIN:
        raise invalid_field(pointer, "too_long_ago")
    if since is not None and at < since:
        raise invalid_field(pointer, "before_opening", opened_at=format_instant(since))
    return min(at, now)


def _check_size(data: dict[str, Any]) -> None:
    if len(orjson.dumps(data)) > DATA_BYTES_MAX:
        raise invalid_field("/data", "data_too_large", most=DATA_BYTES_MAX)


def _check_open(row: Row) -> None:
    if row["status"] != ObligationStatus.OPEN:
        raise Conflict("obligation_ended", state=row["status"])


# --- leaving it changed


async def _end(
    tx: Transaction,
    row: Row,
    subject: LockedSubject,
    status: ObligationStatus,
    *,
    note: str | None,
) -> dict[str, Any]:
    at = subject.now
    ended = await writing.update(
        tx, Obligation, row, status=status.value, ended_at=at, note=note, updated_at=at
    )
    await _publish(tx, row, f"obligation.{status.value}", at)
    return dict(ended)


async def _publish(tx: Transaction, row: Row, event: str, at: datetime) -> None:
    payload = {"subject_type": row["subject_type"], "subject_ref": row["subject_ref"]}
    await outbox.publish(
        tx, event, at=at, subject_type=SUBJECT, subject_id=row["public_id"], payload=payload
    )
