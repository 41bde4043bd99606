"""Moves a customer through the lifecycle (SOP CU-11) and keeps the history of it.

Every function works in the caller's transaction, on a customer's row that the caller holds for writing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app import writing
from app.audit.service import write_entry
from app.auth.permissions import Role
from app.customers import freshness
from app.customers import history_queries as queries
from app.customers.changes import publish_change, told_of
from app.customers.models import Customer, CustomerStageChange
from app.customers.stage_schemas import StageMove
from app.database import Database, Reader, Transaction
from app.errors import Conflict, FieldError, Invalid, NotPermitted, invalid_field
from app.lifecycle.rules import (
    CUSTOMER_COLUMNS,
    Attempt,
    Fault,
    Lifecycle,
    RequiredField,
    Stage,
    StageKind,
    check,
    missing_of,
)
from app.lifecycle.service import read_current
from app.statements import Row
from app.time import format_instant


async def check_initial(tx: Transaction, code: str) -> Stage:
    """Return the stage that a customer is to be registered in; raises `Invalid` for one that takes nobody new."""
    stage = (await read_current(tx, tx.database)).stages.get(code)
    if stage is None or not stage.is_active:
        raise invalid_field("/status", "stage_unknown")
    if not stage.is_initial:
        raise invalid_field("/status", "stage_not_initial")
    return stage


async def register(tx: Transaction, customer: Row, at: datetime) -> None:
    """Hold back the first step of a customer's history."""
    await _write_step(tx, customer, source=None, at=at)


async def move(tx: Transaction, role: Role, customer: Row, command: StageMove) -> Row:
    """Move a customer to another stage and return his row; where he is already, nothing happens.

    The first time that he is won sets `cooperation_started_on` to the local date, unless it is set. Raises
    `NotPermitted`, `Conflict` or `Invalid` as the move's rule says. Publishes `customer.stage_changed`.
    """
    if command.stage == customer["status"]:
        return customer
    lifecycle = await read_current(tx, tx.database)
    attempt = Attempt(
        source=customer["status"],
        target=command.stage,
        role=role.value,
        reason_code=command.reason_code,
        reason=command.reason,
        filled=await _filled(tx, customer),
    )
    _refuse(check(lifecycle, attempt))
    entered_at = await _entered_at(tx, customer)
    at = await tx.now()
    values: dict[str, Any] = {"status": command.stage}
    stage = lifecycle.stages[command.stage]
    if customer["cooperation_started_on"] is None:
        values |= beginning_of(stage, at, tx.database)
    row = await writing.update(tx, Customer, customer, **values, updated_at=at)
    stayed_seconds = max(0, int((at - entered_at).total_seconds()))
    given = {"reason_code": command.reason_code, "reason": command.reason}
    await _write_step(
        tx, row, source=customer["status"], at=at, stayed_seconds=stayed_seconds, **given
    )
    await _note_reason(tx, row, given)
    await publish_change(tx, "customer.stage_changed", row, at=at, data=told_of(customer, values))
    await freshness.follow(tx, customer, row, at=at)
    return row


def beginning_of(stage: Stage, at: datetime, database: Database) -> dict[str, Any]:
    """Return `cooperation_started_on` for who is in this stage from `at` on, nothing unless he is won."""
    if stage.kind is not StageKind.WON:
        return {}
    return {"cooperation_started_on": at.astimezone(ZoneInfo(database.settings.zone)).date()}


def _refuse(faults: list[Fault]) -> None:
    if not faults:
        return
    first = faults[0]
    if first.pointer is not None:
        raise Invalid(errors=[FieldError(one.pointer or "", one.code) for one in faults])
    if first.code == "stage_move_not_permitted":
        raise NotPermitted(first.code, **first.values)
    raise Conflict(first.code, **first.values)


async def _filled(reader: Reader, customer: Row) -> set[str]:
    """Return the required fields that the file has."""
    filled = {
        name.value for name in CUSTOMER_COLUMNS if customer[name.value] not in (None, "", [], {})
    }
    found = await reader.one(queries.CONTACTS_KNOWN, customer_key=customer["id"])
    known: Mapping[str, Any] = found or {}
    if known.get("contacts"):
        filled.add(RequiredField.CONTACT.value)
    if known.get("deciders"):
        filled.add(RequiredField.DECISION_MAKER.value)
    return filled


async def _entered_at(reader: Reader, customer: Row) -> datetime:
    row = await reader.one(queries.LAST_STEP, customer_key=customer["id"])
    entered_at: datetime = customer["created_at"] if row is None else row["changed_at"]
    return entered_at


async def _write_step(
    tx: Transaction, customer: Row, *, source: str | None, at: datetime, **values: Any
) -> None:
    await writing.insert(
        tx,
        CustomerStageChange,
        customer_id=customer["id"],
        from_stage=source,
        to_stage=customer["status"],
        changed_at=at,
        changed_by=tx.actor.user_id,
        owner_id=customer["owner_id"],
        department_id=customer["department_id"],
        **values,
    )


async def _note_reason(tx: Transaction, customer: Row, given: Mapping[str, str | None]) -> None:
    changes = {name: [None, value] for name, value in given.items() if value is not None}
    if changes:
        await write_entry(
            tx,
            "customer.stage_change",
            entity="customer",
            entity_key=customer["id"],
            entity_id=customer["public_id"],
            customer_id=customer["id"],
            changes=changes,
        )


async def stage_of(database: Database, role: Role, customer: Row) -> dict[str, Any]:
    """Return where a customer stands and where he can go from there, in the contract's form."""
    lifecycle = await read_current(database, database)
    last = await database.one(queries.LAST_STEP, customer_key=customer["id"])
    filled = await _filled(database, customer)
    stage = lifecycle.stages[customer["status"]]
    entered_at = customer["created_at"] if last is None else last["changed_at"]
    return {
        "stage": stage.code,
        "title": stage.title,
        "kind": stage.kind.value,
        "entered_at": format_instant(entered_at),
        "reason_code": None if last is None else last["reason_code"],
        "reason": None if last is None else last["reason"],
        "moves": _moves(lifecycle, stage, role, filled),
    }


def _moves(
    lifecycle: Lifecycle, stage: Stage, role: Role, filled: set[str]
) -> list[dict[str, Any]]:
    return [
        {
            "to": one.target,
            "title": lifecycle.stages[one.target].title,
            "is_permitted": not one.roles or role.value in one.roles,
            "requires": list(one.requires),
            "missing": missing_of(one, filled),
            "reason": one.reason.value,
        }
        for one in lifecycle.moves_from(stage.code)
    ]
