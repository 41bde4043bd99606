"""Routes of operations: long work that was asked for, how far it is, and calling it off."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.operations import queries, service
from app.operations.runner import OperationFailed
from app.operations.schemas import OperationFilter, OperationPage, OperationRead
from app.problems import problem_document
from app.reading import PageRequest, json_response
from app.statements import Row

PREFIX = "/api/v1/operations"
router = APIRouter(prefix=PREFIX, tags=["operations"], route_class=Route)
Reader = Annotated[Call, permits("operations:read")]
Canceller = Annotated[Call, permits("operations:cancel")]


@router.get(
    "", operation_id="operations_list", summary="List operations", response_model=OperationPage
)
async def list_operations(asked: Annotated[OperationFilter, Query()], call: Reader) -> Response:
    """Long work that the caller has asked for, newest first; an admin sees everybody's and the system's own."""
    page = PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total)
    body = await reading.page(
        call.database,
        queries.OPERATIONS,
        page,
        secret=call.secret,
        filters={"state": asked.state, "kind": asked.kind},
        values=queries.visible_to(call.principal),
    )
    return json_response(body)


@router.get(
    "/{operation_id}",
    operation_id="operations_read",
    summary="Read an operation",
    response_model=OperationRead,
)
async def read_operation(operation_id: UUID, call: Reader) -> Response:
    """How far it is, and its result, or the problem that ended it; `done` says that it has ended."""
    asked = {"public_id": str(operation_id), **queries.visible_to(call.principal)}
    row = await reading.one(call.database, queries.OPERATION, **asked)
    return json_response(_told(row, call.language))


@router.post(
    "/{operation_id}/cancel",
    operation_id="operations_cancel",
    summary="Cancel an operation",
    response_model=OperationRead,
)
async def cancel_operation(operation_id: UUID, call: Canceller) -> Response:
    """It ends after the batch that it is in; what was written until then stays. 409 for one that has ended."""
    async with call.write() as tx:
        await service.cancel(tx, call.principal, str(operation_id))
        asked = {"public_id": str(operation_id), **queries.visible_to(call.principal)}
        row = await reading.one(tx, queries.OPERATION, **asked)
        return await call.answer_json(tx, _told(row, call.language))


def _told(row: Row, language: str) -> bytes:
    """Return an operation as JSON, what ended it as a problem document in the caller's language."""
    told: dict[str, Any] = orjson.loads(row["body"])
    if told["error"] is not None:
        told["error"] = problem_document(
            OperationFailed(told["error"]),
            language=language,
            instance=f"{PREFIX}/{told['id']}",
            request_id=None,
        )
    return orjson.dumps(told)
