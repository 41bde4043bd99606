"""API keys: made in somebody's name with scopes, shown once, revoked for ever."""

from collections.abc import Sequence
from typing import Any

from app import writing
from app.auth import queries, tokens
from app.auth.models import ApiKey
from app.auth.permissions import API_KEY_SCOPES, Permission
from app.auth.principal import Principal
from app.auth.schemas import ApiKeyCreate
from app.auth.service import move_authorization
from app.database import Transaction
from app.errors import FieldError, Invalid, NotFound, invalid_field
from app.statements import Row
from app.time import real_now


async def create_api_key(
    tx: Transaction, principal: Principal, command: ApiKeyCreate
) -> tuple[dict[str, Any], str]:
    """Make a key in the caller's name; returns its row and the key itself, which is kept nowhere.

    Raises `Invalid` for scopes that no key may hold (`/scopes/0`) and for an end that has passed.
    """
    now = real_now()
    _check_scopes(command.scopes)
    if command.expires_at is not None and command.expires_at <= now:
        raise invalid_field("/expires_at", "instant_passed")
    made = tokens.new_api_key()
    row = await writing.insert(
        tx,
        ApiKey,
        name=command.name,
        key_id=made.key_id,
        secret_hash=made.key_hash,
        scopes=sorted({scope.value for scope in command.scopes}),
        user_id=principal.user_id,
        expires_at=command.expires_at,
        created_at=now,
    )
    return row, made.plain


def _check_scopes(scopes: Sequence[Permission]) -> None:
    refused = [
        FieldError(f"/scopes/{number}", "scope_refused")
        for number, scope in enumerate(scopes)
        if scope not in API_KEY_SCOPES
    ]
    if refused:
        raise Invalid(errors=refused)


async def lock_api_key(tx: Transaction, public_id: str) -> Row:
    """Return a key's row, held for writing; raises `NotFound`."""
    await move_authorization(tx)
    row = await tx.one(queries.API_KEY_LOCKED, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def revoke(tx: Transaction, key: Row) -> None:
    """Revoke a key that `lock_api_key` returned, now and for ever; once revoked it stays as it is."""
    if key["revoked_at"] is None:
        await writing.update(tx, ApiKey, key, revoked_at=real_now())
