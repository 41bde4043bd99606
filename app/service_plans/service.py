"""Makes service plans, puts them into force and ends them; takes what was done for the customer (SOP CU-17).

Whoever may write the customer's file may write his service plans. A turn is also done by whoever it is assigned to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app import writing
from app.auth.permissions import Permission
from app.auth.principal import Principal
from app.customers import queries as customer_queries
from app.customers import service as customers
from app.customers.changes import publish_about
from app.database import Transaction
from app.errors import Conflict, NotFound, NotPermitted, invalid_field
from app.interactions.notes import check_note
from app.service_plans import queries, turning
from app.service_plans.models import (
    ServiceOccurrence,
    ServicePlan,
    ServicePlanItem,
    ServiceSeries,
)
from app.service_plans.queries import SUBJECT
from app.service_plans.schemas import (
    ITEMS_MAX,
    ItemStatus,
    OccurrenceStatus,
    PlanStatus,
    ServiceItemCreate,
    ServicePlanCreate,
)
from app.sla import service as sla
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row

# --- plans


async def create_plan(tx: Transaction, principal: Principal, command: ServicePlanCreate) -> Row:
    """Draft a service plan and return its row; raises `Invalid` for ids that name nothing."""
    try:
        customer = await customers.lock_customer(tx, principal, str(command.customer_id))
    except NotFound:
        raise invalid_field("/customer_id", "unknown_reference") from None
    at = await tx.now()
    plan = await writing.insert(
        tx,
        ServicePlan,
        customer_id=customer["id"],
        title=command.title,
        description=command.description,
        created_by=principal.user_id,
        created_at=at,
        updated_at=at,
    )
    for number, item in enumerate(command.items):
        await _add(tx, plan, item, f"/items/{number}", at)
    return plan


async def hold_plan(tx: Transaction, principal: Principal, public_id: str) -> dict[str, Any]:
    """Lock the customer's file and the plan, and return the plan; raises `NotFound`, `NotPermitted`."""
    found = await tx.one(queries.PLAN_CUSTOMER, public_id=public_id)
    if found is None:
        raise NotFound
    await customers.lock_customer(tx, principal, found["customer"])
    plan = await tx.one(queries.PLAN_LOCKED, public_id=public_id)
    assert plan is not None
    return dict(plan)


async def add_item(tx: Transaction, plan: Row, command: ServiceItemCreate) -> None:
    """Promise something more under a plan that has not ended; in an active plan it begins at once."""
    _check_not_ended(plan)
    items = await tx.all(queries.ITEMS, plan_key=plan["id"])
    if len(items) >= ITEMS_MAX:
        raise Conflict("service_items_too_many", most=ITEMS_MAX)
    at = await tx.now()
    item = await _add(tx, plan, command, "", at)
    if plan["status"] == PlanStatus.ACTIVE:
        await turning.begin(tx, await tx.all(queries.SERIES_OF_ITEMS, items=[item["id"]]))


async def _add(
    tx: Transaction, plan: Row, command: ServiceItemCreate, pointer: str, at: datetime
) -> Row:
    user_id = None
    if command.user_id is not None:
        user = await tx.one(queries.USER, public_id=str(command.user_id))
        if user is None or not user["is_active"]:
            code = "unknown_reference" if user is None else "user_inactive"
            raise invalid_field(f"{pointer}/user_id", code)
        user_id = user["id"]
    item = await writing.insert(
        tx,
        ServicePlanItem,
        plan_id=plan["id"],
        title=command.title,
        assignee=command.assignee.value,
        user_id=user_id,
        team_role=command.team_role,
        every_amount=command.every.amount if command.every else None,
        every_unit=command.every.unit.value if command.every else None,
        dates=[one.isoformat() for one in sorted(set(command.dates))],
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        created_at=at,
    )
    await writing.insert(tx, ServiceSeries, item_id=item["id"], customer_id=plan["customer_id"])
    return item


async def activate_plan(tx: Transaction, plan: Row) -> None:
    """Put a draft into force; publishes `service_plan.activated`. Raises `Conflict` where nothing is promised."""
    if plan["status"] != PlanStatus.DRAFT:
        raise Conflict("service_plan_not_draft", state=plan["status"])
    items = await _active_items(tx, plan)
    if not items:
        raise Conflict("service_plan_empty")
    at = await tx.now()
    values = {"status": PlanStatus.ACTIVE.value, "updated_at": at}
    await writing.update(tx, ServicePlan, plan, **values)
    await turning.begin(tx, await tx.all(queries.SERIES_OF_ITEMS, items=items))
    await _publish(tx, plan, "service_plan.activated", at)


async def end_plan(tx: Transaction, plan: Row, reason: str) -> None:
    """End a plan: open turns are cancelled, none follows; publishes `service_plan.ended`."""
    _check_not_ended(plan)
    await _stop(tx, await _active_items(tx, plan), reason)
    at = await tx.now()
    values = {"status": PlanStatus.ENDED.value, "end_reason": reason, "ended_at": at}
    await writing.update(tx, ServicePlan, plan, **values, updated_at=at)
    await _publish(tx, plan, "service_plan.ended", at)


async def end_item(tx: Transaction, plan: Row, public_id: str, reason: str) -> None:
    """Promise one thing no longer: its open turns are cancelled; raises `NotFound`, `Conflict`."""
    _check_not_ended(plan)
    items = await tx.all(queries.ITEMS, plan_key=plan["id"])
    item = next((one for one in items if one["public_id"] == public_id), None)
    if item is None:
        raise NotFound
    if item["status"] != ItemStatus.ACTIVE:
        raise Conflict("service_item_ended")
    await _stop(tx, [item["id"]], reason)
    await writing.update(tx, ServicePlanItem, item, status=ItemStatus.ENDED.value)
    await _touch(tx, plan)


async def _touch(tx: Transaction, plan: Row) -> None:
    await writing.update(tx, ServicePlan, plan, updated_at=await tx.now())


async def _active_items(tx: Transaction, plan: Row) -> list[int]:
    items = await tx.all(queries.ITEMS, plan_key=plan["id"])
    return [one["id"] for one in items if one["status"] == ItemStatus.ACTIVE]


async def _stop(tx: Transaction, items: Sequence[int], reason: str) -> None:
    await turning.stop(tx, await tx.all(queries.SERIES_OF_ITEMS, items=list(items)))
    for turn in await tx.all(queries.OPEN_TURNS, items=list(items)):
        fact = NewFact(FactKind.CANCELLED, {"reason": reason})
        await _end_turn(tx, turn, OccurrenceStatus.CANCELLED, reason, fact)


def _check_not_ended(plan: Row) -> None:
    if plan["status"] == PlanStatus.ENDED:
        raise Conflict("service_plan_ended")


# --- turns


async def hold_turn(tx: Transaction, principal: Principal, public_id: str) -> tuple[Row, Row]:
    """Lock a turn's series and return (series, turn); raises `NotFound`, or `NotPermitted`, `Conflict` once it has ended."""
    found = await tx.one(queries.FOUND, public_id=public_id)
    if found is None:
        raise NotFound
    series = await tx.one(queries.SERIES_LOCKED, key=found["series_id"])
    turn = await tx.one(queries.TURN_ROW, key=found["id"])
    customer = await tx.one(customer_queries.CUSTOMER, public_id=found["customer"])
    assert series is not None
    assert turn is not None
    assert customer is not None
    subject = await sla.lock(tx, SUBJECT, turn["id"])
    owners = (
        customer["owner_id"],
        customer["account_manager_id"],
        subject.row["owner_id"],
        *(member["user_id"] for member in customer["team"]),
    )
    permission = Permission.CUSTOMERS_WRITE
    if not principal.reaches(permission, owners=owners, department_id=customer["department_id"]):
        raise NotPermitted(permission=permission.value)
    return dict(series), dict(turn)


async def finish_turn(tx: Transaction, series: Row, turn: Row, note: str) -> None:
    """Take what was done in a held turn, and let the next one follow; publishes `service_plan.kept`.

    Turns before it that are still open stay missed for good: one visit does not make up for two. Raises `Invalid` for
    a vague note.
    """
    _check_open(turn)
    check_note(note, "/note")
    for earlier in await tx.all(queries.OPEN_TURNS, items=[turn["item_id"]]):
        if earlier["series_id"] == turn["series_id"] and earlier["number"] < turn["number"]:
            fact = NewFact(FactKind.CANCELLED, {"reason": "a later turn was done"})
            await _end_turn(tx, earlier, OccurrenceStatus.MISSED, None, fact)
    facts = (NewFact(FactKind.ANSWERED), NewFact(FactKind.CLOSED))
    subject = await _end_turn(tx, turn, OccurrenceStatus.DONE, note, *facts)
    due_at = subject.deadlines[0].due_at
    await turning.go_on(tx, series, turn, due_at, subject.now)
    plan = {"customer_id": series["customer_id"], "public_id": series["plan"]}
    await _publish(tx, plan, "service_plan.kept", subject.now, {"title": series["title"]})


async def cancel_turn(tx: Transaction, series: Row, turn: Row, reason: str) -> None:
    """Call a held turn off without a verdict, unless it is missed; the next one follows."""
    _check_open(turn)
    fact = NewFact(FactKind.CANCELLED, {"reason": reason})
    subject = await _end_turn(tx, turn, OccurrenceStatus.CANCELLED, reason, fact)
    await turning.go_on(tx, series, turn, subject.deadlines[0].due_at, subject.now)


def _check_open(turn: Row) -> None:
    if turn["status"] != OccurrenceStatus.OPEN:
        raise Conflict("service_turn_ended", state=turn["status"])


async def _end_turn(
    tx: Transaction, turn: Row, status: OccurrenceStatus, note: str | None, *facts: NewFact
) -> sla.LockedSubject:
    subject = await sla.lock(tx, SUBJECT, turn["id"])
    await sla.append(tx, subject, *facts)
    values = {"status": status.value, "note": note, "ended_at": subject.now}
    await writing.update(tx, ServiceOccurrence, turn, **values, ended_by=tx.actor.user_id)
    return subject


async def _publish(
    tx: Transaction, plan: Row, event: str, at: datetime, data: Mapping[str, Any] | None = None
) -> None:
    subject = ("service_plan", plan["public_id"])
    await publish_about(tx, event, plan["customer_id"], subject, at=at, payload={}, data=data)
