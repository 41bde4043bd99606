"""Routes of obligations: promises about matters of other systems, on this deployment's clock."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.obligations import queries, service
from app.obligations.schemas import (
    AnswerGiven,
    CancelGiven,
    ObligationCreate,
    ObligationFilter,
    ObligationPage,
    ObligationPatch,
    ObligationRead,
)
from app.reading import PageRequest, json_response

PREFIX = "/api/v1/obligations"
router = APIRouter(prefix=PREFIX, tags=["obligations"], route_class=Route)
Reader = Annotated[Call, permits("obligations:read")]
Writer = Annotated[Call, permits("obligations:write")]


async def _whole(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{PREFIX}/{public_id}" if status == 201 else None
    return await call.answer(tx, queries.ONE, status=status, location=location, public_id=public_id)


@router.get(
    "", operation_id="obligations_list", summary="List obligations", response_model=ObligationPage
)
async def list_obligations(asked: Annotated[ObligationFilter, Query()], call: Reader) -> Response:
    """Newest first unless asked otherwise; `subject_type` and `subject_ref` find what one matter was promised."""
    values = asked.model_dump(exclude={"sort", "limit", "cursor", "total"})
    filters = {n: str(v) if isinstance(v, UUID) else v for n, v in values.items()}
    page = PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total)
    body = await reading.page(
        call.database, queries.LISTING, page, secret=call.secret, filters=filters
    )
    return json_response(body)


@router.post(
    "",
    operation_id="obligations_create",
    summary="Put a matter on the clock",
    status_code=201,
    response_model=ObligationRead,
)
async def create_obligation(command: ObligationCreate, call: Writer) -> Response:
    """Under one of the deployment's own rules (`POST /sop/rules`). 409 where the rule has an open one for the matter."""
    async with call.write() as tx:
        row = await service.open_obligation(tx, call.principal, command)
        return await _whole(call, tx, row["public_id"], 201)


@router.get(
    "/{obligation_id}",
    operation_id="obligations_read",
    summary="Read an obligation",
    response_model=ObligationRead,
)
async def read_obligation(obligation_id: UUID, call: Reader) -> Response:
    """With its clock as it stands at this moment."""
    return await call.read(queries.ONE, public_id=str(obligation_id))


@router.patch(
    "/{obligation_id}",
    operation_id="obligations_change",
    summary="Change an open obligation",
    response_model=ObligationRead,
)
async def change_obligation(
    obligation_id: UUID, command: ObligationPatch, call: Writer
) -> Response:
    """Whose it is, how it is named. What is absent stays. Honours `If-Match`."""
    public_id = str(obligation_id)
    async with call.write() as tx:
        row, subject = await service.hold(tx, call.principal, public_id)
        call.check_version(row)
        await service.patch(tx, row, subject, command)
        return await _whole(call, tx, public_id)


@router.post(
    "/{obligation_id}/answer",
    operation_id="obligations_answer",
    responses={412: {}},
    summary="Tell what answered an obligation",
    response_model=ObligationRead,
)
async def answer_obligation(obligation_id: UUID, command: AnswerGiven, call: Writer) -> Response:
    """Kept if it happened by due and is told by due; told later it is late. Honours `If-Match`."""
    public_id = str(obligation_id)
    async with call.write() as tx:
        row, subject = await service.hold(tx, call.principal, public_id)
        call.check_version(row)
        await service.answer(tx, row, subject, command)
        return await _whole(call, tx, public_id)


@router.post(
    "/{obligation_id}/cancel",
    operation_id="obligations_cancel",
    responses={412: {}},
    summary="Cancel an obligation",
    response_model=ObligationRead,
)
async def cancel_obligation(obligation_id: UUID, command: CancelGiven, call: Writer) -> Response:
    """Ends it without a verdict; one that is missed stays missed. Honours `If-Match`."""
    public_id = str(obligation_id)
    async with call.write() as tx:
        row, subject = await service.hold(tx, call.principal, public_id)
        call.check_version(row)
        await service.cancel(tx, row, subject, command)
        return await _whole(call, tx, public_id)
