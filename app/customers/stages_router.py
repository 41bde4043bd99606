"""Routes of a customer's stage and tier: where he stands, why, and since when."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers import history_queries, queries, service, stages, tiers
from app.customers.schemas import CustomerRead
from app.customers.stage_schemas import HistoryFilter, StageChangePage, StageMove, StageRead
from app.customers.tier_schemas import TierChangePage, TierOverride, TierRead
from app.database import Transaction
from app.dispatch import Route
from app.errors import NotFound
from app.reading import Listing, PageRequest, json_response
from app.statements import Row

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]


async def _customer(call: Call, customer_id: UUID) -> Row:
    row = await call.database.one(history_queries.ONE, public_id=str(customer_id))
    if row is None:
        raise NotFound
    return row


async def _answer(call: Call, tx: Transaction, customer: Row) -> Response:
    reveal = call.principal.reveals
    return await call.answer(tx, queries.ONE, public_id=customer["public_id"], reveal=reveal)


async def _history(
    call: Call, listing: Listing, customer_id: UUID, asked: HistoryFilter
) -> Response:
    await reading.one(call.database, queries.EXISTS, public_id=str(customer_id))
    body = await reading.page(
        call.database,
        listing,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"customer_id": str(customer_id)},
    )
    return json_response(body)


# --- the stage


@router.get(
    "/{customer_id}/stage",
    operation_id="customers_read_stage",
    summary="Read a customer's stage",
    response_model=StageRead,
)
async def read_stage(customer_id: UUID, call: Reader) -> Response:
    """Where he stands in the lifecycle (SOP CU-11), since when, and where he can go: what each way asks and still lacks."""
    row = await _customer(call, customer_id)
    return json_response(
        orjson.dumps(await stages.stage_of(call.database, call.principal.role, row))
    )


@router.post(
    "/{customer_id}/stage",
    operation_id="customers_move_stage",
    summary="Move a customer to another stage",
    responses={412: {}},
    response_model=CustomerRead,
)
async def move_stage(customer_id: UUID, command: StageMove, call: Writer) -> Response:
    """By the lifecycle's rules (SOP CU-11): 403 for a role, 409 where there is no way or the file lacks a field.

    The first time that he is won, `cooperation_started_on` is set to the local date unless it is set already.
    """
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await stages.move(tx, call.principal.role, row, command)
        return await _answer(call, tx, row)


@router.get(
    "/{customer_id}/stage/history",
    operation_id="customers_list_stage_changes",
    summary="List a customer's stages",
    response_model=StageChangePage,
)
async def list_stage_changes(
    customer_id: UUID, asked: Annotated[HistoryFilter, Query()], call: Reader
) -> Response:
    """Every step (SOP CU-11): from where to where, when, by whom, why, and how long he had stayed."""
    return await _history(call, history_queries.STEPS, customer_id, asked)


# --- the tier


@router.get(
    "/{customer_id}/tier",
    operation_id="customers_read_tier",
    summary="Read a customer's tier and why",
    response_model=TierRead,
)
async def read_tier(customer_id: UUID, call: Reader) -> Response:
    """The tier in force and what the policy says (SOP CU-9): every factor's points, in figures and in words.

    An override stands until it expires or is withdrawn. Tier A asks for an account manager (SOP CU-10). Amounts are
    masked for roles that need not know them.
    """
    row = await _customer(call, customer_id)
    told = await tiers.explain(call.database, row, reveals=call.principal.reveals)
    return json_response(orjson.dumps(told))


@router.post(
    "/{customer_id}/tier",
    operation_id="customers_change_tier",
    summary="Override the tier, with a reason",
    responses={412: {}},
    response_model=CustomerRead,
)
async def override_tier(customer_id: UUID, command: TierOverride, call: Writer) -> Response:
    """Whatever the policy says (SOP CU-9), until it expires.

    The customer's open promises are counted anew from now: due times may move, verdicts stay.
    """
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await tiers.override(tx, row, command)
        return await _answer(call, tx, row)


@router.delete(
    "/{customer_id}/tier",
    operation_id="customers_withdraw_tier",
    summary="Withdraw the override of the tier",
    response_model=CustomerRead,
)
async def withdraw_tier(customer_id: UUID, call: Writer) -> Response:
    """The customer has the tier that the policy says (SOP CU-9), at once. 409 where it is not overridden."""
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await tiers.withdraw(tx, row)
        return await _answer(call, tx, row)


@router.get(
    "/{customer_id}/tier/history",
    operation_id="customers_list_tier_changes",
    summary="List a customer's tiers",
    response_model=TierChangePage,
)
async def list_tier_changes(
    customer_id: UUID, asked: Annotated[HistoryFilter, Query()], call: Reader
) -> Response:
    """Every change (SOP CU-9): computed, overridden or an override's end, with its reason, score and points."""
    return await _history(call, history_queries.TIER_CHANGES, customer_id, asked)
