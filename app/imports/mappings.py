"""Mappings kept for later files: what headers mean."""

from collections.abc import Sequence
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.customers.names import name_key
from app.database import Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.imports import queries
from app.imports.fields import custom_titles, is_field
from app.imports.headers import plain
from app.imports.models import ImportMapping
from app.imports.schemas import KeptColumn, MappingCreate, MappingPatch
from app.statements import Row


async def create_mapping(tx: Transaction, principal: Principal, command: MappingCreate) -> Row:
    """Keep a mapping and return its row; raises `Conflict` for a name that is taken, `Invalid`."""
    await _check(tx, command.columns)
    key = name_key(command.name)
    if await tx.value(queries.MAPPING_NAMED, user_key=principal.user_id, name_key=key):
        raise Conflict("mapping_name_taken")
    at = await tx.now()
    return await writing.insert(
        tx,
        ImportMapping,
        **command.model_dump(mode="json"),
        name_key=key,
        created_by=principal.user_id,
        created_at=at,
        updated_at=at,
    )


async def lock_mapping(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return a mapping's row held for writing; raises `NotFound`."""
    seen = queries.visible_to(principal)
    row = await tx.one(queries.MAPPING_LOCKED, public_id=public_id, **seen)
    if row is None:
        raise NotFound
    return dict(row)


async def patch_mapping(tx: Transaction, mapping: Row, command: MappingPatch) -> Row:
    """Change what the command names and return the row; raises as `create_mapping` does."""
    values: dict[str, Any] = command.model_dump(mode="json", include=command.model_fields_set)
    if "columns" in values:
        await _check(tx, command.columns)
    if "name" in values:
        values["name_key"] = name_key(command.name)
        asked = {"user_key": mapping["created_by"], "name_key": values["name_key"]}
        found = await tx.value(queries.MAPPING_NAMED, **asked)
        if found not in (None, mapping["id"]):
            raise Conflict("mapping_name_taken")
    if all(mapping[name] == value for name, value in values.items()):
        return mapping
    return await writing.update(tx, ImportMapping, mapping, **values, updated_at=await tx.now())


async def delete_mapping(tx: Transaction, mapping: Row) -> None:
    """Forget a mapping."""
    await writing.delete(tx, ImportMapping, mapping)


async def _check(tx: Transaction, columns: Sequence[KeptColumn]) -> None:
    custom, seen, errors = await custom_titles(tx), set[str](), []
    for number, one in enumerate(columns):
        if not is_field(one.field, custom):
            errors.append(FieldError(f"/columns/{number}/field", "field_unknown"))
        if plain(one.header) in seen:
            errors.append(FieldError(f"/columns/{number}/header", "header_known"))
        seen.add(plain(one.header))
    if errors:
        raise Invalid(errors=errors[:50])
