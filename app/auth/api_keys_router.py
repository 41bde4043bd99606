"""Routes of API keys."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth import api_keys, queries
from app.auth.principal import Call, permits
from app.auth.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyFilter, ApiKeyPage, ApiKeyRead
from app.dispatch import Route
from app.reading import PageRequest, json_response, resource_headers

router = APIRouter(prefix="/api/v1/api-keys", tags=["api-keys"], route_class=Route)
Reader = Annotated[Call, permits("api_keys:read")]
Writer = Annotated[Call, permits("api_keys:write")]


@router.get("", operation_id="api_keys_list", summary="List API keys", response_model=ApiKeyPage)
async def list_api_keys(asked: Annotated[ApiKeyFilter, Query()], call: Reader) -> Response:
    """Without their secrets, which nobody can read again."""
    body = await reading.page(
        call.database,
        queries.API_KEYS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "user_id": str(asked.user_id) if asked.user_id else None,
            "is_revoked": asked.is_revoked,
        },
    )
    return json_response(body)


@router.post(
    "",
    operation_id="api_keys_create",
    summary="Make an API key",
    status_code=201,
    response_model=ApiKeyCreated,
)
async def create_api_key(command: ApiKeyCreate, call: Writer) -> Response:
    """In the caller's own name. `key` is answered this once, and never replayed."""
    async with call.write() as tx:
        row, plain = await api_keys.create_api_key(tx, call.principal, command)
        shown = await reading.one(tx, queries.API_KEY, public_id=row["public_id"])
        body = orjson.loads(shown["body"]) | {"key": plain}
        return await call.answer_json(
            tx,
            orjson.dumps(body),
            status=201,
            headers=resource_headers(shown, f"{router.prefix}/{row['public_id']}"),
            secret=True,
        )


@router.get(
    "/{api_key_id}",
    operation_id="api_keys_read",
    summary="Read an API key",
    response_model=ApiKeyRead,
)
async def read_api_key(api_key_id: UUID, call: Reader) -> Response:
    """Without its secret."""
    return await call.read(queries.API_KEY, public_id=str(api_key_id))


@router.delete(
    "/{api_key_id}",
    operation_id="api_keys_revoke",
    summary="Revoke an API key",
    status_code=204,
)
async def revoke_api_key(api_key_id: UUID, call: Writer) -> Response:
    """For ever, in every process within seconds; the row stays as a record. A repeat changes nothing."""
    async with call.write() as tx:
        key = await api_keys.lock_api_key(tx, str(api_key_id))
        call.check_version(key)
        await api_keys.revoke(tx, key)
        return await call.answer_json(tx, b"", status=204)
