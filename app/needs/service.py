"""Records needs and turns them to somebody; a complex one is promised a response plan (SOP CU-5, CU-6).

Whoever may write the customer's file may write his needs; the file's row is the lock of them all.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app import writing
from app.auth.permissions import Permission
from app.auth.principal import Principal
from app.customers import queries as customer_queries
from app.customers import service as customers
from app.customers.changes import publish_about
from app.database import Transaction
from app.errors import Conflict, NotFound, NotPermitted, invalid_field
from app.needs import queries
from app.needs.models import CustomerNeed
from app.needs.queries import NEED
from app.needs.schemas import NeedCreate, NeedPatch, NeedStatus
from app.needs.suggestion import REASONS, Candidate, Suggestion, suggest
from app.sla import service as sla
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row

CLOCK, RULE = "need_plan", "CU-6"
_LABEL_MAX = 300


async def record_need(tx: Transaction, principal: Principal, command: NeedCreate) -> Row:
    """Record a need and return its row; publishes `need.recorded`.

    Raises `Invalid` for ids that name nothing and for another first owner without a reason.
    """
    customer = await _customer_for(tx, principal, command.customer_id)
    suggestion = await _suggestion(tx, customer, command)
    values = await _first_owner(tx, command, _shown(suggestion)["user_id"])
    at = await tx.now()
    found = suggestion.candidate
    row = await writing.insert(
        tx,
        CustomerNeed,
        **{"first_owner_id": found.key if found else None, **values},
        customer_id=customer["id"],
        suggestion=_shown(suggestion),
        **command.model_dump(mode="json", exclude={"customer_id", *_OWNING}),
        created_by=principal.user_id,
        created_at=at,
        updated_at=at,
    )
    if command.is_complex:
        await promise_plan(tx, row, customer)
    await publish(tx, row, "need.recorded", at)
    return row


_OWNING = ("first_owner_id", "override_reason")


async def _customer_for(tx: Transaction, principal: Principal, public_id: UUID) -> Row:
    try:
        return await customers.lock_customer(tx, principal, str(public_id))
    except NotFound:
        raise invalid_field("/customer_id", "unknown_reference") from None


async def _suggestion(tx: Transaction, customer: Row, command: NeedCreate) -> Suggestion:
    """Suggest among the people who know the customer: his owner, his account manager, his account team."""
    known = [customer["owner_id"], customer["account_manager_id"]]
    known += [member["user_id"] for member in customer["team"]]
    keys = list(dict.fromkeys(key for key in known if key is not None))
    rows = {row["id"]: row for row in await tx.all(queries.PEOPLE, keys=keys)} if keys else {}
    candidates = [
        Candidate(key, str(rows[key]["public_id"]), rows[key]["role"])
        for key in keys
        if key in rows
    ]
    return suggest(command.kind, candidates, is_complex=command.is_complex)


def _shown(suggestion: Suggestion) -> dict[str, Any]:
    zh, en = REASONS[suggestion.reason]
    return {
        "role": suggestion.role.value,
        "user_id": suggestion.candidate.public_id if suggestion.candidate else None,
        "reason": suggestion.reason.value,
        "text": {"zh": zh, "en": en},
    }


async def _first_owner(
    tx: Transaction, command: NeedCreate | NeedPatch, suggested: str | None
) -> dict[str, Any]:
    """Return the columns of a first owner that a command names: somebody else than suggested needs a reason."""
    if "first_owner_id" not in command.model_fields_set or command.first_owner_id is None:
        return {}
    user = await person(tx, command.first_owner_id, "/first_owner_id")
    if suggested == user["public_id"]:
        return {"first_owner_id": user["id"], "override_reason": None}
    if suggested is not None and command.override_reason is None:
        raise invalid_field("/override_reason", "override_reason_missing")
    return {"first_owner_id": user["id"], "override_reason": command.override_reason}


async def person(tx: Transaction, public_id: UUID, pointer: str) -> Row:
    """Return an active user's row; raises `Invalid` at `pointer`."""
    row = await tx.one(queries.BY_PUBLIC_IDS, public_ids=[str(public_id)])
    if row is None:
        raise invalid_field(pointer, "unknown_reference")
    if not row["is_active"]:
        raise invalid_field(pointer, "user_inactive")
    return row


async def hold(
    tx: Transaction, principal: Principal, public_id: str, *, also: int | None = None
) -> tuple[Row, Row]:
    """Lock the customer's file and return (customer, need); raises `NotFound`, or `NotPermitted` where it is only read.

    `also` is the key of somebody who may write this beside those who may write the file.
    """
    found = await tx.one(queries.FOUND, public_id=public_id)
    if found is None:
        raise NotFound
    customer = await tx.one(customer_queries.CUSTOMER_LOCKED, public_id=found["customer"])
    need = await tx.one(queries.NEED_ROW, key=found["id"])
    assert customer is not None
    assert need is not None
    owners = (
        customer["owner_id"],
        customer["account_manager_id"],
        need["first_owner_id"],
        also,
        *(member["user_id"] for member in customer["team"]),
    )
    permission = Permission.CUSTOMERS_WRITE
    if not principal.reaches(permission, owners=owners, department_id=customer["department_id"]):
        raise NotPermitted(permission=permission.value)
    return dict(customer), dict(need)


def check_open(need: Row) -> None:
    """Raise `Conflict` for a need that has ended."""
    if need["status"] != NeedStatus.OPEN:
        raise Conflict("need_ended", state=need["status"])


async def patch_need(tx: Transaction, customer: Row, need: Row, command: NeedPatch) -> Row:
    """Change an open need and return its row; the plan's promise follows. Publishes `need.changed`."""
    check_open(need)
    values = command.model_dump(mode="json", exclude_unset=True, exclude=set(_OWNING))
    values |= await _first_owner(tx, command, need["suggestion"]["user_id"])
    if all(need[name] == value for name, value in values.items()):
        return need
    at = await tx.now()
    row = await writing.update(tx, CustomerNeed, need, **values, updated_at=at)
    if row["is_complex"] != need["is_complex"]:
        if row["is_complex"]:
            await promise_plan(tx, row, customer)
        else:
            await end_promise(tx, row, NewFact(FactKind.CANCELLED, {"reason": "not complex"}))
    elif row["first_owner_id"] != need["first_owner_id"] and row["is_complex"]:
        await _hand_over(tx, row, customer)
    await publish(tx, row, "need.changed", at)
    return row


async def end_need(
    tx: Transaction, need: Row, status: NeedStatus, outcome: str, *, event: str
) -> Row:
    """End an open need: answered, or dropped with a reason; publishes `event`.

    An answered need's plan that was never agreed is missing for good: its promise ends without a verdict unless missed.
    """
    check_open(need)
    if await _open_tasks(tx, need):
        raise Conflict("responsibilities_open")
    await end_promise(tx, need, NewFact(FactKind.CANCELLED, {"reason": f"need {status.value}"}))
    at = await tx.now()
    row = await writing.update(
        tx, CustomerNeed, need, status=status.value, outcome=outcome, ended_at=at, updated_at=at
    )
    await publish(tx, row, event, at)
    return row


async def _open_tasks(tx: Transaction, need: Row) -> bool:
    tasks = await tx.all(queries.TASKS, key=need["id"])
    return any(one["status"] == "open" for one in tasks)


# --- the plan's promise


def owner_of(need: Row, customer: Row) -> int | None:
    """Return who answers for a need: its first owner, else the customer's owner."""
    owner_id: int | None = need["first_owner_id"] or customer["owner_id"]
    return owner_id


async def promise_plan(tx: Transaction, need: Row, customer: Row) -> None:
    """Put a complex need's plan on the clock; one that was complex before begins anew."""
    data = {"clock": CLOCK, "rule": RULE}
    try:
        subject = await sla.lock(tx, NEED, need["id"])
    except NotFound:
        await sla.open_subject(
            tx,
            subject_type=NEED,
            subject_id=need["id"],
            public_id=need["public_id"],
            label=f"{customer['number']} {need['title']}"[:_LABEL_MAX],
            customer_id=customer["id"],
            owner_id=owner_of(need, customer),
            department_id=customer["department_id"],
            dedicated_manager_id=customer["account_manager_id"],
            inputs={"type": CLOCK, "tier": customer["tier"]},
            at=await tx.now(),
            data=data,
        )
        return
    await sla.append(tx, subject, NewFact(FactKind.REOPENED), NewFact(FactKind.OPENED, data))
    await _hand_over(tx, need, customer)


async def _hand_over(tx: Transaction, need: Row, customer: Row) -> None:
    subject = await sla.lock(tx, NEED, need["id"])
    if subject.open_deadline(CLOCK) is not None:
        await sla.move_owner(
            tx, subject, owner_id=owner_of(need, customer), department_id=customer["department_id"]
        )


async def end_promise(tx: Transaction, need: Row, *facts: NewFact) -> None:
    """Append what ends the promise of a plan, where one is open."""
    if not need["is_complex"] and not await tx.value(queries.PROMISED, key=need["id"]):
        return
    subject = await sla.lock(tx, NEED, need["id"])
    if subject.open_deadline(CLOCK) is not None:
        await sla.append(tx, subject, *facts)


async def publish(
    tx: Transaction, need: Row, event: str, at: Any, data: Mapping[str, Any] | None = None
) -> None:
    """Publish an event of a need, which stands on the customer's timeline."""
    told = {"kind": need["kind"], "priority": need["priority"], **(data or {})}
    await publish_about(
        tx, event, need["customer_id"], ("need", need["public_id"]), at=at, payload={}, data=told
    )
