"""Routes of departments."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth import departments, queries
from app.auth.principal import Call, permits
from app.auth.schemas import (
    DepartmentCreate,
    DepartmentFilter,
    DepartmentPage,
    DepartmentPatch,
    DepartmentRead,
    OnCallList,
)
from app.dispatch import Route
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/departments", tags=["departments"], route_class=Route)
Reader = Annotated[Call, permits("departments:read")]
Writer = Annotated[Call, permits("departments:write")]


@router.get(
    "",
    operation_id="departments_list",
    summary="List departments",
    response_model=DepartmentPage,
)
async def list_departments(asked: Annotated[DepartmentFilter, Query()], call: Reader) -> Response:
    """The tree as a list: every department names its parent."""
    body = await reading.page(
        call.database,
        queries.DEPARTMENTS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "parent_id": str(asked.parent_id) if asked.parent_id else None,
            "is_root": asked.is_root,
            "head_id": str(asked.head_id) if asked.head_id else None,
        },
    )
    return json_response(body)


@router.post(
    "",
    operation_id="departments_create",
    summary="Create a department",
    status_code=201,
    response_model=DepartmentRead,
)
async def create_department(command: DepartmentCreate, call: Writer) -> Response:
    """No two departments at the same place have the same name."""
    async with call.write() as tx:
        row = await departments.create_department(tx, command)
        return await call.answer(
            tx,
            queries.DEPARTMENT,
            status=201,
            location=f"{router.prefix}/{row['public_id']}",
            public_id=row["public_id"],
        )


@router.get(
    "/{department_id}",
    operation_id="departments_read",
    summary="Read a department",
    response_model=DepartmentRead,
)
async def read_department(department_id: UUID, call: Reader) -> Response:
    """With its head and its on-call list."""
    return await call.read(queries.DEPARTMENT, public_id=str(department_id))


@router.patch(
    "/{department_id}",
    operation_id="departments_patch",
    summary="Change or move a department",
    response_model=DepartmentRead,
)
async def patch_department(department_id: UUID, command: DepartmentPatch, call: Writer) -> Response:
    """What is below moves along; a move below itself is refused."""
    async with call.write() as tx:
        department = await departments.lock_department(tx, str(department_id))
        call.check_version(department)
        await departments.patch_department(tx, department, command)
        return await call.answer(tx, queries.DEPARTMENT, public_id=str(department_id))


@router.put(
    "/{department_id}/on-call",
    operation_id="departments_put_on_call",
    summary="Say who is on call",
    response_model=DepartmentRead,
)
async def put_on_call(department_id: UUID, command: OnCallList, call: Writer) -> Response:
    """Who answers for the department outside hours, the first first."""
    async with call.write() as tx:
        department = await departments.lock_department(tx, str(department_id))
        call.check_version(department)
        await departments.put_on_call(tx, department, command.user_ids)
        return await call.answer(tx, queries.DEPARTMENT, public_id=str(department_id))
