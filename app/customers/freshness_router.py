"""Routes of a file's freshness: somebody's word that it is fresh, and the refreshes so far."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers import freshness, freshness_queries, queries, service
from app.customers.freshness_schemas import FreshWord, RefreshFilter, RefreshPage
from app.customers.schemas import CustomerRead
from app.dispatch import Route
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]


@router.post(
    "/{customer_id}/confirm-fresh",
    operation_id="customers_confirm_fresh",
    summary="Say that a file is fresh",
    responses={412: {}},
    response_model=CustomerRead,
)
async def confirm_fresh(customer_id: UUID, command: FreshWord, call: Writer) -> Response:
    """Answers the monthly refresh (SOP CU-7) and begins the next month. 409 for who is lost. Honours `If-Match`."""
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await freshness.confirm(tx, row, command)
        public_id, reveal = row["public_id"], call.principal.reveals
        return await call.answer(tx, queries.ONE, public_id=public_id, reveal=reveal)


@router.get(
    "/{customer_id}/refreshes",
    operation_id="customers_list_refreshes",
    summary="List the refreshes of a file",
    response_model=RefreshPage,
)
async def list_refreshes(
    customer_id: UUID, asked: Annotated[RefreshFilter, Query()], call: Reader
) -> Response:
    """Newest first: what was promised, when it was answered, and by what (SOP CU-7)."""
    await reading.one(call.database, queries.EXISTS, public_id=str(customer_id))
    body = await reading.page(
        call.database,
        freshness_queries.LISTING,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"customer_id": str(customer_id)},
    )
    return json_response(body)
