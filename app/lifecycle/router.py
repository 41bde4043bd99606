"""Routes of the lifecycle's configuration (SOP CU-11); customers are moved through it in `customers`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.lifecycle import queries, service
from app.lifecycle.schemas import LifecycleDocument, LifecycleFilter, LifecyclePage, LifecycleRead
from app.reading import PageRequest, json_response

PREFIX = "/api/v1/lifecycle"
router = APIRouter(prefix=PREFIX, tags=["lifecycle"], route_class=Route)
Reader = Annotated[Call, permits("lifecycle:read")]
Writer = Annotated[Call, permits("lifecycle:write")]
VersionNumber = Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,8})$")]


async def _version(call: Call, number: int) -> Response:
    if number == 0:
        return json_response(service.shipped_body(), headers={"ETag": '"0"'})
    return await call.read(queries.VERSION, number=number)


@router.get(
    "",
    operation_id="lifecycle_read",
    summary="Read the lifecycle",
    response_model=LifecycleRead,
)
async def read_lifecycle(call: Reader) -> Response:
    """Stages, moves with their rules, and reasons (SOP CU-11), as they are in force."""
    return await _version(call, (await service.newest(call.database))["number"])


@router.put(
    "",
    operation_id="lifecycle_publish",
    summary="Publish a lifecycle",
    response_model=LifecycleRead,
)
async def publish_lifecycle(command: LifecycleDocument, call: Writer) -> Response:
    """A new version, in force at once; customers stay in their stages, and codes once published stay."""
    async with call.write() as tx:
        before = await service.lock_newest(tx)
        call.check_version(before)
        number = await service.publish(tx, before, command)
        if number == 0:
            headers = {"ETag": '"0"'}
            return await call.answer_json(tx, service.shipped_body(), headers=headers)
        return await call.answer(tx, queries.VERSION, number=number)


@router.get(
    "/versions",
    operation_id="lifecycle_list_versions",
    summary="List published versions of the lifecycle",
    response_model=LifecyclePage,
)
async def list_versions(asked: Annotated[LifecycleFilter, Query()], call: Reader) -> Response:
    """Newest first; version 0, which ships, is no publication."""
    page = PageRequest("-number", asked.limit, asked.cursor, asked.total)
    return json_response(
        await reading.page(call.database, queries.LISTING, page, secret=call.secret)
    )


@router.get(
    "/versions/{number}",
    operation_id="lifecycle_read_version",
    summary="Read a version of the lifecycle",
    response_model=LifecycleRead,
)
async def read_version(number: VersionNumber, call: Reader) -> Response:
    """Versions never change; 0 is the one that ships."""
    return await _version(call, int(number))
