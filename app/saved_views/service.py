"""Changes of saved views. What a view asks for is checked by the very filter of the list that it is a view of."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from app import writing
from app.auth.principal import Principal
from app.customers.custom_filters import read_custom_filters
from app.customers.names import name_key
from app.customers.schemas import CustomerFilter
from app.database import Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound, NotPermitted
from app.problems import refusal_of_validation
from app.saved_views import queries
from app.saved_views.models import SavedView, SavedViewDefault
from app.saved_views.schemas import Resource, SavedViewCreate, SavedViewPatch, Sharing
from app.statements import Row, Statement
from app.tickets.schemas import TicketFilter

PAGING = frozenset({"limit", "cursor", "total"})


# What each list can be asked for. Whoever may not read a list gets nothing out of a view of it.
FILTERS: Mapping[Resource, type[BaseModel]] = {
    Resource.CUSTOMERS: CustomerFilter,
    Resource.TICKETS: TicketFilter,
}


async def checked_query(
    tx: Transaction, resource: Resource, query: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a query as it is kept, by the list's parameter names; raises `Invalid` at `/query/...`."""
    if paging := sorted(PAGING & query.keys()):
        raise Invalid(errors=[FieldError(f"/query/{name}", "extra_forbidden") for name in paging])
    try:
        asked = FILTERS[resource].model_validate(dict(query))
    except ValidationError as error:
        found = refusal_of_validation([dict(one) for one in error.errors()]).errors
        places = [FieldError(f"/query{one.pointer}", one.code, one.values) for one in found]
        raise Invalid(errors=places) from error
    if resource is Resource.CUSTOMERS:
        await read_custom_filters(tx, tx.database, asked.model_extra or {})
    return asked.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


async def create_view(tx: Transaction, principal: Principal, command: SavedViewCreate) -> Row:
    """Keep a view under its owner's name for it and return its row; raises `Conflict` where he has one of that name."""
    query = await checked_query(tx, command.resource, command.query)
    await _check_name(tx, principal, command.resource, command.name, key=0)
    at = await tx.now()
    return await writing.insert(
        tx,
        SavedView,
        owner_id=principal.user_id,
        resource=command.resource.value,
        name=command.name,
        name_key=name_key(command.name),
        query=query,
        created_at=at,
        updated_at=at,
        **_shared(principal, command.sharing),
    )


async def lock_view(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return one's own view, held for writing; raises `NotFound`, or `NotPermitted` where it is another's."""
    row = await _seen(tx, principal, public_id, queries.LOCKED)
    if row["owner_id"] != principal.user_id:
        raise NotPermitted
    return row


async def _seen(
    tx: Transaction, principal: Principal, public_id: str, statement: Statement
) -> dict[str, Any]:
    row = await tx.one(statement, public_id=public_id, **queries.seen_by(principal))
    if row is None:
        raise NotFound
    return dict(row)


async def patch_view(
    tx: Transaction, principal: Principal, view: Row, command: SavedViewPatch
) -> None:
    """Change what the command names; raises `Invalid`, `Conflict` as `create_view` does."""
    given, resource = command.model_fields_set, Resource(view["resource"])
    values: dict[str, Any] = {}
    if "name" in given:
        await _check_name(tx, principal, resource, command.name, key=view["id"])
        values |= {"name": command.name, "name_key": name_key(command.name)}
    if "query" in given:
        values["query"] = await checked_query(tx, resource, command.query)
    if "sharing" in given:
        values |= _shared(principal, command.sharing)
    if any(view[name] != value for name, value in values.items()):
        await writing.update(tx, SavedView, view, **values, updated_at=await tx.now())


def _shared(principal: Principal, sharing: Sharing) -> dict[str, Any]:
    """Return with whom; who has no department shares with none, and can share with all."""
    department = principal.department_id if sharing is Sharing.DEPARTMENT else None
    if sharing is Sharing.DEPARTMENT and department is None:
        raise Conflict("no_department_to_share_with")
    return {"sharing": sharing.value, "department_id": department}


async def _check_name(
    tx: Transaction, principal: Principal, resource: Resource, name: str, *, key: int
) -> None:
    asked = {"caller": principal.user_id, "resource": resource.value, "key": key}
    if await tx.value(queries.NAMED, name_key=name_key(name), **asked) is not None:
        raise Conflict("view_name_taken")


async def delete_view(tx: Transaction, view: Row) -> None:
    """Forget a held view; nobody begins with it any more."""
    for row in await tx.all(queries.DEFAULTS, key=view["id"]):
        await writing.delete(tx, SavedViewDefault, row)
    await writing.delete(tx, SavedView, view)


async def begin_with(tx: Transaction, principal: Principal, public_id: str) -> None:
    """Make a view the caller's first of its list, in place of the one before; raises `NotFound`."""
    view = await _seen(tx, principal, public_id, queries.SHARED_LOCK)
    row = await _default_of(tx, principal, view)
    if row is None:
        await writing.insert(
            tx,
            SavedViewDefault,
            user_id=principal.user_id,
            resource=view["resource"],
            view_id=view["id"],
        )
    else:
        await writing.update(tx, SavedViewDefault, row, view_id=view["id"])


async def begin_without(tx: Transaction, principal: Principal, public_id: str) -> None:
    """Take that back; what is not the caller's first stays as it is. Raises `NotFound`."""
    view = await _seen(tx, principal, public_id, queries.SHARED_LOCK)
    row = await _default_of(tx, principal, view)
    if row is not None and row["view_id"] == view["id"]:
        await writing.delete(tx, SavedViewDefault, row)


async def _default_of(tx: Transaction, principal: Principal, view: Row) -> Row | None:
    return await tx.one(queries.DEFAULT, caller=principal.user_id, resource=view["resource"])
