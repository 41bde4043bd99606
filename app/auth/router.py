"""Routes of logging in and out, and of one's own account."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from app.auth import queries, service
from app.auth.login_limit import LoginLimit
from app.auth.permissions import Role
from app.auth.principal import Call, Guard, Principal, permits
from app.auth.schemas import MeRead, PasswordChange, RefreshRequest, TokenForm, TokenRead
from app.dispatch import Route
from app.errors import NotAuthenticated
from app.reading import json_response, one
from app.statements import Row

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], route_class=Route)
Anybody = Annotated[Call, permits(None)]


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _call_of(request: Request, user: Row, content: bytes | None = None) -> Call:
    """The call of somebody who has proved who he is without an access token; he may do nothing else with it."""
    guard: Guard = request.app.state.guard
    principal = Principal(
        user_id=user["id"],
        public_id=user["public_id"],
        name=user["name"],
        role=Role(user["role"]),
        grants={},
    )
    return Call(request, guard.database, principal, content)


@router.post(
    "/token",
    operation_id="auth_log_in",
    summary="Log in",
    response_model=TokenRead,
    responses={401: {}, 429: {}},
)
async def log_in(form: Annotated[TokenForm, Form()], request: Request) -> Response:
    """OAuth2's password form. Failures are limited for each account and address (429, `login_limited`)."""
    guard: Guard = request.app.state.guard
    limit: LoginLimit = request.app.state.login_limit
    with limit.attempt(form.username, _address(request)):
        proven = await service.prove_password(guard.database, form.username, form.password)
    content = f"{form.username}\n{form.password}".encode(errors="surrogatepass")
    call = _call_of(request, proven.user, content)
    async with call.write() as tx:
        pair = await service.log_in(tx, proven)
        return await call.answer_json(tx, pair.body, secret=True)


@router.post(
    "/refresh",
    operation_id="auth_refresh",
    summary="Get a new pair of tokens",
    response_model=TokenRead,
    responses={401: {}},
)
async def refresh(command: RefreshRequest, request: Request) -> Response:
    """Every refresh token is good for once; one that comes back has been stolen, and ends its whole login."""
    guard: Guard = request.app.state.guard
    found = await service.find_refresh_token(guard.database, command.refresh_token)
    call = _call_of(request, found)
    async with call.write() as tx:
        pair = await service.rotate(tx, found)
        if pair is not None:
            return await call.answer_json(tx, pair.body, secret=True)
    async with guard.database.transaction(call.actor) as tx:
        tx.after_commit.append(guard.forget)
        await service.end_session(tx, found["session_id"], service.SessionEnd.REFRESH_TOKEN_REUSED)
    raise NotAuthenticated("refresh_token_reused")


@router.post("/logout", operation_id="auth_log_out", summary="Log out", status_code=204)
async def log_out(call: Anybody) -> Response:
    """Ends the caller's session: its tokens are worth nothing any more, in every process within seconds."""
    session_id = service.require_session(call.principal)
    async with call.write() as tx:
        await service.end_session(tx, session_id, service.SessionEnd.LOGOUT)
        return await call.answer_json(tx, b"", status=204)


@router.post(
    "/password",
    operation_id="auth_change_password",
    summary="Change one's own password",
    status_code=204,
    responses={429: {}},
)
async def change_password(command: PasswordChange, call: Anybody) -> Response:
    """Ends every session of the user, this one too: log in with the new password."""
    service.require_session(call.principal)
    user = await one(call.database, queries.BY_KEY, user_id=call.principal.user_id)
    limit: LoginLimit = call.request.app.state.login_limit
    with limit.attempt(user["email"], _address(call.request)):
        new = await service.prove_old_password(
            call.database, user, command.old_password, command.new_password
        )
    async with call.write() as tx:
        await service.change_password(tx, new)
        return await call.answer_json(tx, b"", status=204)


@router.get("/me", operation_id="auth_me", summary="Who am I", response_model=MeRead)
async def read_me(call: Anybody) -> Response:
    """The caller, his role and department, and how far each of his permissions reaches."""
    me = call.principal
    user = await one(call.database, queries.USER, public_id=me.public_id)
    department = None
    if me.department_id is not None:
        row = await one(call.database, queries.DEPARTMENT_BY_KEY, department_id=me.department_id)
        department = {"id": row["public_id"], "name": row["name"]}
    answer = {
        "user": orjson.Fragment(user["body"]),
        "role": me.role.value,
        "permissions": {p.value: scope.value for p, scope in sorted(me.grants.items())},
        "department": department,
    }
    return json_response(orjson.dumps(answer))
