"""Routes of kept mappings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.database import Transaction
from app.dispatch import Route
from app.imports import mappings, queries
from app.imports.schemas import (
    MappingCreate,
    MappingFilter,
    MappingPage,
    MappingPatch,
    MappingRead,
)
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/import-mappings", tags=["imports"], route_class=Route)
Importer = Annotated[Call, permits("customers:import")]


async def _answer(
    call: Call, tx: Transaction, public_id: str, status: int = 200, location: str | None = None
) -> Response:
    seen = queries.visible_to(call.principal)
    return await call.answer(
        tx, queries.MAPPING, status=status, location=location, public_id=public_id, **seen
    )


@router.get(
    "",
    operation_id="import_mappings_list",
    summary="List kept mappings",
    response_model=MappingPage,
)
async def list_mappings(asked: Annotated[MappingFilter, Query()], call: Importer) -> Response:
    """One's own; the newest change wins where two name one header. An admin sees everybody's."""
    body = await reading.page(
        call.database,
        queries.MAPPINGS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        values=queries.visible_to(call.principal),
    )
    return json_response(body)


@router.post(
    "",
    operation_id="import_mappings_create",
    summary="Keep a mapping",
    status_code=201,
    response_model=MappingRead,
)
async def create_mapping(command: MappingCreate, call: Importer) -> Response:
    """Later uploads with these headers are suggested these fields."""
    async with call.write() as tx:
        row = await mappings.create_mapping(tx, call.principal, command)
        location = f"{router.prefix}/{row['public_id']}"
        return await _answer(call, tx, row["public_id"], 201, location)


@router.get(
    "/{mapping_id}",
    operation_id="import_mappings_read",
    summary="Read a kept mapping",
    response_model=MappingRead,
)
async def read_mapping(mapping_id: UUID, call: Importer) -> Response:
    """What its headers mean."""
    seen = queries.visible_to(call.principal)
    return await call.read(queries.MAPPING, public_id=str(mapping_id), **seen)


@router.patch(
    "/{mapping_id}",
    operation_id="import_mappings_patch",
    summary="Change a kept mapping",
    response_model=MappingRead,
)
async def patch_mapping(mapping_id: UUID, command: MappingPatch, call: Importer) -> Response:
    """`columns` takes the place of all of them."""
    async with call.write() as tx:
        row = await mappings.lock_mapping(tx, call.principal, str(mapping_id))
        call.check_version(row)
        await mappings.patch_mapping(tx, row, command)
        return await _answer(call, tx, row["public_id"])


@router.delete(
    "/{mapping_id}",
    operation_id="import_mappings_delete",
    summary="Forget a kept mapping",
    status_code=204,
)
async def delete_mapping(mapping_id: UUID, call: Importer) -> Response:
    """Imports that used it keep their own."""
    async with call.write() as tx:
        row = await mappings.lock_mapping(tx, call.principal, str(mapping_id))
        call.check_version(row)
        await mappings.delete_mapping(tx, row)
    return Response(status_code=204, headers={"Cache-Control": "private, no-store"})
