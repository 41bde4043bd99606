"""Routes of choice lists and of customers' custom fields."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.fields import queries, service
from app.fields.schemas import (
    ChoiceListCreate,
    ChoiceListFilter,
    ChoiceListPage,
    ChoiceListPatch,
    ChoiceListRead,
    Code,
    CustomFieldCreate,
    CustomFieldFilter,
    CustomFieldPage,
    CustomFieldPatch,
    CustomFieldRead,
)
from app.reading import PageRequest, json_response

LISTS, FIELDS = "/choice-lists", "/custom-fields"
router = APIRouter(prefix="/api/v1", route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("fields:write")]


@router.get(
    LISTS,
    operation_id="choice_lists_list",
    summary="List choice lists",
    tags=["choice-lists"],
    response_model=ChoiceListPage,
)
async def list_lists(asked: Annotated[ChoiceListFilter, Query()], call: Reader) -> Response:
    """In the order of their codes; `trade_kind`, `purchasing_power`, `industry` and `region` ship (SOP CU-8)."""
    body = await reading.page(
        call.database,
        queries.LISTS,
        PageRequest("code", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
    )
    return json_response(body)


@router.post(
    LISTS,
    operation_id="choice_lists_create",
    summary="Add a choice list",
    tags=["choice-lists"],
    status_code=201,
    response_model=ChoiceListRead,
)
async def create_list(command: ChoiceListCreate, call: Writer) -> Response:
    """For custom fields to take their values from."""
    async with call.write() as tx:
        row = await service.create_list(tx, command)
        location = f"{router.prefix}{LISTS}/{row['code']}"
        return await call.answer(
            tx, queries.LIST_ONE, status=201, location=location, code=row["code"]
        )


@router.get(
    f"{LISTS}/{{code}}",
    operation_id="choice_lists_read",
    summary="Read a choice list",
    tags=["choice-lists"],
    response_model=ChoiceListRead,
)
async def read_list(code: Code, call: Reader) -> Response:
    """Its choices in their order, active or not."""
    return await call.read(queries.LIST_ONE, code=code)


@router.patch(
    f"{LISTS}/{{code}}",
    operation_id="choice_lists_change",
    summary="Change a choice list",
    tags=["choice-lists"],
    response_model=ChoiceListRead,
)
async def change_list(code: Code, command: ChoiceListPatch, call: Writer) -> Response:
    """What customers hold stays; a choice can be made inactive, not taken out. Honours `If-Match`."""
    async with call.write() as tx:
        row = await service.change_list(tx, code, command, call.check_version)
        return await call.answer(tx, queries.LIST_ONE, code=row["code"])


@router.get(
    FIELDS,
    operation_id="custom_fields_list",
    summary="List custom fields",
    tags=["custom-fields"],
    response_model=CustomFieldPage,
)
async def list_fields(asked: Annotated[CustomFieldFilter, Query()], call: Reader) -> Response:
    """In the order of their keys."""
    body = await reading.page(
        call.database,
        queries.FIELDS,
        PageRequest("key", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"is_active": asked.is_active},
    )
    return json_response(body)


@router.post(
    FIELDS,
    operation_id="custom_fields_create",
    summary="Add a custom field",
    tags=["custom-fields"],
    status_code=201,
    response_model=CustomFieldRead,
)
async def create_field(command: CustomFieldCreate, call: Writer) -> Response:
    """Customers hold its values in `custom`; their list is filtered by `custom[key]`."""
    async with call.write() as tx:
        row = await service.create_field(tx, command)
        location = f"{router.prefix}{FIELDS}/{row['key']}"
        return await call.answer(
            tx, queries.FIELD_ONE, status=201, location=location, key=row["key"]
        )


@router.get(
    f"{FIELDS}/{{key}}",
    operation_id="custom_fields_read",
    summary="Read a custom field",
    tags=["custom-fields"],
    response_model=CustomFieldRead,
)
async def read_field(key: Code, call: Reader) -> Response:
    """Active or not."""
    return await call.read(queries.FIELD_ONE, key=key)


@router.patch(
    f"{FIELDS}/{{key}}",
    operation_id="custom_fields_change",
    summary="Change a custom field",
    tags=["custom-fields"],
    response_model=CustomFieldRead,
)
async def change_field(key: Code, command: CustomFieldPatch, call: Writer) -> Response:
    """One that is not active keeps its values and takes no new ones. Honours `If-Match`."""
    async with call.write() as tx:
        row = await service.change_field(tx, key, command, call.check_version)
        return await call.answer(tx, queries.FIELD_ONE, key=row["key"])
