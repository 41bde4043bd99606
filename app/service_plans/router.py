"""Routes of service plans: what customers are promised, and each turn of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.reading import Listing, PageRequest, json_response
from app.service_plans import queries, service
from app.service_plans.schemas import (
    EndReason,
    OccurrenceDone,
    OccurrenceFilter,
    OccurrencePage,
    OccurrenceRead,
    ServiceItemCreate,
    ServicePlanCreate,
    ServicePlanFilter,
    ServicePlanPage,
    ServicePlanRead,
)

PREFIX = "/api/v1/service-plans"
router = APIRouter(prefix="/api/v1", tags=["service-plans"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]


async def _whole(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{PREFIX}/{public_id}" if status == 201 else None
    return await call.answer(tx, queries.ONE, status=status, location=location, public_id=public_id)


async def _page(
    call: Call, listing: Listing, asked: ServicePlanFilter | OccurrenceFilter
) -> Response:
    values = asked.model_dump(exclude={"sort", "limit", "cursor", "total"})
    filters = {n: str(v) if isinstance(v, UUID) else v for n, v in values.items()}
    page = PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total)
    body = await reading.page(call.database, listing, page, secret=call.secret, filters=filters)
    return json_response(body)


# --- plans


@router.get(
    "/service-plans",
    operation_id="service_plans_list",
    summary="List service plans",
    response_model=ServicePlanPage,
)
async def list_plans(asked: Annotated[ServicePlanFilter, Query()], call: Reader) -> Response:
    """With `customer_id` and `status=active`: all that a customer is promised (SOP CU-17)."""
    return await _page(call, queries.LISTING, asked)


@router.post(
    "/service-plans",
    operation_id="service_plans_create",
    summary="Draft a service plan",
    status_code=201,
    response_model=ServicePlanRead,
)
async def create_plan(command: ServicePlanCreate, call: Writer) -> Response:
    """Nothing is promised before it is activated."""
    async with call.write() as tx:
        plan = await service.create_plan(tx, call.principal, command)
        return await _whole(call, tx, plan["public_id"], 201)


@router.get(
    "/service-plans/{plan_id}",
    operation_id="service_plans_read",
    summary="Read a service plan",
    response_model=ServicePlanRead,
)
async def read_plan(plan_id: UUID, call: Reader) -> Response:
    """What is promised, by whom, how often, and when the next turn of each begins to count."""
    return await call.read(queries.ONE, public_id=str(plan_id))


@router.post(
    "/service-plans/{plan_id}/activate",
    operation_id="service_plans_activate",
    summary="Put a service plan into force",
    responses={412: {}},
    response_model=ServicePlanRead,
)
async def activate_plan(plan_id: UUID, call: Writer) -> Response:
    """From now on each turn is a promise with a clock. Honours `If-Match`."""
    async with call.write() as tx:
        plan = await service.hold_plan(tx, call.principal, str(plan_id))
        call.check_version(plan)
        await service.activate_plan(tx, plan)
        return await _whole(call, tx, str(plan_id))


@router.post(
    "/service-plans/{plan_id}/end",
    operation_id="service_plans_end",
    summary="End a service plan",
    responses={412: {}},
    response_model=ServicePlanRead,
)
async def end_plan(plan_id: UUID, command: EndReason, call: Writer) -> Response:
    """Open turns are cancelled; what was missed stays missed. Honours `If-Match`."""
    async with call.write() as tx:
        plan = await service.hold_plan(tx, call.principal, str(plan_id))
        call.check_version(plan)
        await service.end_plan(tx, plan, command.reason)
        return await _whole(call, tx, str(plan_id))


@router.post(
    "/service-plans/{plan_id}/items",
    operation_id="service_plans_add_item",
    summary="Promise something more",
    status_code=201,
    response_model=ServicePlanRead,
)
async def add_item(plan_id: UUID, command: ServiceItemCreate, call: Writer) -> Response:
    """In an active plan it counts at once."""
    async with call.write() as tx:
        plan = await service.hold_plan(tx, call.principal, str(plan_id))
        await service.add_item(tx, plan, command)
        return await _whole(call, tx, str(plan_id), 201)


@router.post(
    "/service-plans/{plan_id}/items/{item_id}/end",
    operation_id="service_plans_end_item",
    summary="Promise something no longer",
    response_model=ServicePlanRead,
)
async def end_item(plan_id: UUID, item_id: UUID, command: EndReason, call: Writer) -> Response:
    """Its open turns are cancelled."""
    async with call.write() as tx:
        plan = await service.hold_plan(tx, call.principal, str(plan_id))
        await service.end_item(tx, plan, str(item_id), command.reason)
        return await _whole(call, tx, str(plan_id))


# --- turns


@router.get(
    "/service-occurrences",
    operation_id="service_occurrences_list",
    summary="List turns of what is promised",
    response_model=OccurrencePage,
)
async def list_occurrences(asked: Annotated[OccurrenceFilter, Query()], call: Reader) -> Response:
    """Newest first, each with its verdict (SOP CU-17)."""
    return await _page(call, queries.TURNS, asked)


@router.get(
    "/service-occurrences/{occurrence_id}",
    operation_id="service_occurrences_read",
    summary="Read a turn",
    response_model=OccurrenceRead,
)
async def read_occurrence(occurrence_id: UUID, call: Reader) -> Response:
    """With its verdict at this moment."""
    return await call.read(queries.TURN, public_id=str(occurrence_id))


@router.post(
    "/service-occurrences/{occurrence_id}/done",
    operation_id="service_occurrences_done",
    summary="Tell what was done for the customer",
    responses={412: {}},
    response_model=OccurrenceRead,
)
async def finish_occurrence(occurrence_id: UUID, command: OccurrenceDone, call: Writer) -> Response:
    """A vague note is refused (SOP IN-2). Earlier turns that are still open stay missed. Honours `If-Match`."""
    async with call.write() as tx:
        series, turn = await service.hold_turn(tx, call.principal, str(occurrence_id))
        call.check_version(turn)
        await service.finish_turn(tx, series, turn, command.note)
        return await call.answer(tx, queries.TURN, public_id=str(occurrence_id))


@router.post(
    "/service-occurrences/{occurrence_id}/cancel",
    operation_id="service_occurrences_cancel",
    summary="Call a turn off",
    responses={412: {}},
    response_model=OccurrenceRead,
)
async def cancel_occurrence(occurrence_id: UUID, command: EndReason, call: Writer) -> Response:
    """Without a verdict, unless it is missed already. Honours `If-Match`."""
    async with call.write() as tx:
        series, turn = await service.hold_turn(tx, call.principal, str(occurrence_id))
        call.check_version(turn)
        await service.cancel_turn(tx, series, turn, command.reason)
        return await call.answer(tx, queries.TURN, public_id=str(occurrence_id))
