"""Routes of users."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth import queries, users
from app.auth.principal import Call, permits
from app.auth.schemas import (
    PasswordReset,
    UserCreate,
    UserCreated,
    UserFilter,
    UserPage,
    UserPatch,
    UserRead,
)
from app.dispatch import Route
from app.reading import PageRequest, json_response, resource_headers

router = APIRouter(prefix="/api/v1/users", tags=["users"], route_class=Route)
Reader = Annotated[Call, permits("users:read")]
Writer = Annotated[Call, permits("users:write")]


@router.get("", operation_id="users_list", summary="List users", response_model=UserPage)
async def list_users(asked: Annotated[UserFilter, Query()], call: Reader) -> Response:
    """Everybody sees his colleagues."""
    body = await reading.page(
        call.database,
        queries.USERS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "role": asked.role,
            "department_id": str(asked.department_id) if asked.department_id else None,
            "manager_id": str(asked.manager_id) if asked.manager_id else None,
            "is_active": asked.is_active,
            "email": asked.email,
        },
    )
    return json_response(body)


@router.post(
    "",
    operation_id="users_create",
    summary="Take a user in",
    status_code=201,
    response_model=UserCreated,
)
async def create_user(command: UserCreate, call: Writer) -> Response:
    """Without `password` one is made up and answered this once; such an answer is never replayed."""
    password_hash, made = await users.hash_initial_password(command.email, command.password)
    async with call.write() as tx:
        user = await users.create_user(tx, command, password_hash)
        row = await reading.one(tx, queries.USER, public_id=user["public_id"])
        body = orjson.loads(row["body"]) | {"initial_password": made}
        return await call.answer_json(
            tx,
            orjson.dumps(body),
            status=201,
            headers=resource_headers(row, f"{router.prefix}/{user['public_id']}"),
            secret=made is not None,
        )


@router.get("/{user_id}", operation_id="users_read", summary="Read a user", response_model=UserRead)
async def read_user(user_id: UUID, call: Reader) -> Response:
    """A colleague, active or not."""
    return await call.read(queries.USER, public_id=str(user_id))


@router.patch(
    "/{user_id}", operation_id="users_patch", summary="Change a user", response_model=UserRead
)
async def patch_user(user_id: UUID, command: UserPatch, call: Writer) -> Response:
    """A changed role holds, and a deactivated user is out, within seconds in every process."""
    async with call.write() as tx:
        user = await users.lock_user(tx, str(user_id))
        call.check_version(user)
        await users.patch_user(tx, user, command)
        return await call.answer(tx, queries.USER, public_id=str(user_id))


@router.post(
    "/{user_id}/reset-password",
    operation_id="users_reset_password",
    summary="Make up a new password for a user",
    responses={412: {}},
    response_model=PasswordReset,
)
async def reset_password(user_id: UUID, call: Writer) -> Response:
    """For who has forgotten his: ends all his sessions, and answers the new password this once."""
    email = (await reading.one(call.database, queries.EMAIL_OF, public_id=str(user_id)))["email"]
    password_hash, made = await users.hash_initial_password(email, None)
    async with call.write() as tx:
        user = await users.lock_user(tx, str(user_id))
        call.check_version(user)
        await users.reset_password(tx, user, password_hash)
        body = {"user_id": str(user_id), "initial_password": made}
        return await call.answer_json(tx, orjson.dumps(body), secret=True)
