"""Routes of the tier policy (SOP CU-9); what it makes of a customer is read in `customers`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.operations import queries as operation_queries
from app.operations.schemas import OperationRead
from app.reading import PageRequest, json_response
from app.tiering import queries, service
from app.tiering.schemas import (
    TierPolicyDocument,
    TierPolicyFilter,
    TierPolicyPage,
    TierPolicyPublish,
    TierPolicyPublished,
    TierPolicyRead,
)

PREFIX = "/api/v1/tier-policies"
router = APIRouter(prefix=PREFIX, tags=["tier-policies"], route_class=Route)
Reader = Annotated[Call, permits("tier_policies:read")]
Writer = Annotated[Call, permits("tier_policies:write")]
VersionNumber = Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,8})$")]


@router.get(
    "",
    operation_id="tier_policies_list",
    summary="List published versions of the tier policy",
    response_model=TierPolicyPage,
)
async def list_policies(asked: Annotated[TierPolicyFilter, Query()], call: Reader) -> Response:
    """Newest first, the first being in force (SOP CU-9); version 0, which ships, is no publication."""
    page = PageRequest("-number", asked.limit, asked.cursor, asked.total)
    return json_response(
        await reading.page(call.database, queries.LISTING, page, secret=call.secret)
    )


@router.post(
    "",
    operation_id="tier_policies_publish",
    summary="Publish a tier policy",
    status_code=202,
    responses={412: {}},
    response_model=TierPolicyPublished,
)
async def publish_policy(command: TierPolicyPublish, call: Writer) -> Response:
    """In force at once, as it was previewed; an operation computes every customer's tier anew. Overrides stay."""
    async with call.write() as tx:
        before = await service.lock_newest(tx)
        call.check_version(before)
        number, operation = await service.publish(tx, before, command.document, command.preview_id)
        headers, told = {"ETag": f'"{number}"'}, b"null"
        if operation is not None:
            headers["Location"] = f"/api/v1/operations/{operation['public_id']}"
            told = await _operation(tx, call, operation)
        policy = service.shipped_body()
        if number:
            row = await reading.one(tx, queries.VERSION, number=number)
            policy = str(row["body"]).encode()
        body = b'{"policy":%b,"operation":%b}' % (policy, told)
        return await call.answer_json(tx, body, status=202, headers=headers)


@router.post(
    "/preview",
    operation_id="tier_policies_preview",
    summary="Preview a tier policy",
    status_code=202,
    response_model=OperationRead,
)
async def preview_policy(command: TierPolicyDocument, call: Writer) -> Response:
    """An operation that changes no tier: its result counts how many customers would move, from which tier to which."""
    async with call.write() as tx:
        return await _accepted(tx, call, await service.preview(tx, command))


@router.post(
    "/recompute",
    operation_id="tier_policies_recompute",
    summary="Compute every tier anew",
    status_code=202,
    response_model=OperationRead,
)
async def recompute(call: Writer) -> Response:
    """By the policy in force. Happens by itself after every change of a customer and every night; overrides stay."""
    async with call.write() as tx:
        return await _accepted(tx, call, await service.recompute(tx))


@router.get(
    "/current",
    operation_id="tier_policies_read_current",
    summary="Read the tier policy in force",
    response_model=TierPolicyRead,
)
async def read_current(call: Reader) -> Response:
    """Weights, measures and thresholds (SOP CU-9)."""
    return await _version(call, (await service.newest(call.database))["number"])


@router.get(
    "/{number}",
    operation_id="tier_policies_read",
    summary="Read a version of the tier policy",
    response_model=TierPolicyRead,
)
async def read_policy(number: VersionNumber, call: Reader) -> Response:
    """Versions never change; 0 is the one that ships."""
    return await _version(call, int(number))


async def _version(call: Call, number: int) -> Response:
    if number == 0:
        return json_response(service.shipped_body(), headers={"ETag": '"0"'})
    return await call.read(queries.VERSION, number=number)


async def _operation(tx: Transaction, call: Call, operation: dict[str, Any]) -> bytes:
    visible = {"public_id": operation["public_id"], **operation_queries.visible_to(call.principal)}
    row = await reading.one(tx, operation_queries.OPERATION, **visible)
    return str(row["body"]).encode()


async def _accepted(tx: Transaction, call: Call, operation: dict[str, Any]) -> Response:
    headers = {"Location": f"/api/v1/operations/{operation['public_id']}"}
    body = await _operation(tx, call, operation)
    return await call.answer_json(tx, body, status=202, headers=headers)
