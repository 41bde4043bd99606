"""Routes of saved views: what a list was asked for, kept under a name."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.reading import PageRequest, json_response
from app.saved_views import queries, service
from app.saved_views.schemas import (
    SavedViewCreate,
    SavedViewFilter,
    SavedViewPage,
    SavedViewPatch,
    SavedViewRead,
)

PREFIX = "/api/v1/saved-views"
router = APIRouter(prefix=PREFIX, tags=["saved-views"], route_class=Route)
Reader = Annotated[Call, permits("saved_views:read")]
Writer = Annotated[Call, permits("saved_views:write")]


async def _answer(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    return await call.answer(
        tx,
        queries.ONE,
        status=status,
        location=f"{PREFIX}/{public_id}" if status == 201 else None,
        public_id=public_id,
        **queries.seen_by(call.principal),
    )


@router.get(
    "", operation_id="saved_views_list", summary="List saved views", response_model=SavedViewPage
)
async def list_views(asked: Annotated[SavedViewFilter, Query()], call: Reader) -> Response:
    """One's own and those that are shared with one, by name."""
    body = await reading.page(
        call.database,
        queries.LISTING,
        PageRequest("name", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"resource": asked.resource},
        values=queries.seen_by(call.principal),
    )
    return json_response(body)


@router.post(
    "",
    operation_id="saved_views_create",
    summary="Save a view",
    status_code=201,
    response_model=SavedViewRead,
)
async def create_view(command: SavedViewCreate, call: Writer) -> Response:
    """The query is checked as the list itself would check it."""
    async with call.write() as tx:
        row = await service.create_view(tx, call.principal, command)
        return await _answer(call, tx, row["public_id"], 201)


@router.get(
    "/{view_id}",
    operation_id="saved_views_read",
    summary="Read a saved view",
    response_model=SavedViewRead,
)
async def read_view(view_id: UUID, call: Reader) -> Response:
    """Its query is sent to the list as it stands here."""
    return await call.read(queries.ONE, public_id=str(view_id), **queries.seen_by(call.principal))


@router.patch(
    "/{view_id}",
    operation_id="saved_views_change",
    summary="Change a saved view",
    response_model=SavedViewRead,
)
async def change_view(view_id: UUID, command: SavedViewPatch, call: Writer) -> Response:
    """What is absent stays; only its owner may."""
    async with call.write() as tx:
        row = await service.lock_view(tx, call.principal, str(view_id))
        call.check_version(row)
        await service.patch_view(tx, call.principal, row, command)
        return await _answer(call, tx, row["public_id"])


@router.delete(
    "/{view_id}",
    operation_id="saved_views_delete",
    summary="Delete a saved view",
    status_code=204,
)
async def delete_view(view_id: UUID, call: Writer) -> Response:
    """Only its owner may; whoever began with it begins without."""
    async with call.write() as tx:
        row = await service.lock_view(tx, call.principal, str(view_id))
        call.check_version(row)
        await service.delete_view(tx, row)
    return Response(status_code=204, headers={"Cache-Control": "private, no-store"})


@router.post(
    "/{view_id}/set-default",
    operation_id="saved_views_set_default",
    summary="Begin a list with a view",
    response_model=SavedViewRead,
)
async def set_default(view_id: UUID, call: Writer) -> Response:
    """The caller's own choice, one a list; also a shared view can be chosen."""
    async with call.write() as tx:
        await service.begin_with(tx, call.principal, str(view_id))
        return await _answer(call, tx, str(view_id))


@router.post(
    "/{view_id}/unset-default",
    operation_id="saved_views_unset_default",
    summary="Begin a list without this view",
    response_model=SavedViewRead,
)
async def unset_default(view_id: UUID, call: Writer) -> Response:
    """Nothing happens where the caller began with another one."""
    async with call.write() as tx:
        await service.begin_without(tx, call.principal, str(view_id))
        return await _answer(call, tx, str(view_id))
