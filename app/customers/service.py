"""Changes of the customer file: customers, their tier, their account team; what tickets need to know of them.

Every function works in the caller's transaction and publishes what it did, ids only. Contacts are changed in
`contacts`; what may be read, and masked how, is in `queries`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from app import writing
from app.audit.personal import begin_file
from app.audit.service import write_entry
from app.auth.permissions import Permission, Role
from app.auth.principal import Principal
from app.customers import freshness, queries, search, stages, tiers
from app.customers.changes import publish_change, told_of
from app.customers.models import AccountTeamMember, Customer
from app.customers.names import name_key
from app.customers.schemas import AccountTeam, CustomerCreate, CustomerPatch
from app.database import Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound, NotPermitted, invalid_field
from app.fields import service as fields
from app.statements import Row, Statement
from app.tiering.scoring import Tier
from app.time import FAR_END

FOUND_BY = frozenset({"name", "short_name", "credit_code", "tags"})
_PEOPLE = ("owner_id", "account_manager_id")
# Each has a choice list of its name.
_LISTED = ("trade_kind", "purchasing_power", "industry", "region")


# --- finding and guarding


async def lock_customer(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return a customer's row, held for writing; raises `NotFound`, or `NotPermitted` where it may only be read.

    `team` are the account team's `{"user_id": key}` in order.
    """
    return await _customer_for(
        tx, principal, public_id, Permission.CUSTOMERS_WRITE, queries.CUSTOMER_LOCKED
    )


async def customer_to_reveal(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return a customer's row whose personal fields the caller may see; raises as `lock_customer` does."""
    return await _customer_for(
        tx, principal, public_id, Permission.CUSTOMERS_REVEAL, queries.CUSTOMER
    )


async def lock_to_merge(tx: Transaction, principal: Principal, public_id: str) -> Row:
    """Return a customer's row, held for merging or its undoing; raises as `lock_customer` does."""
    return await _customer_for(
        tx, principal, public_id, Permission.CUSTOMERS_MERGE, queries.CUSTOMER_LOCKED
    )


async def _customer_for(
    tx: Transaction,
    principal: Principal,
    public_id: str,
    permission: Permission,
    statement: Statement,
) -> Row:
    row = await tx.one(statement, public_id=public_id)
    if row is None:
        raise NotFound
    owners = (
        row["owner_id"],
        row["account_manager_id"],
        *(member["user_id"] for member in row["team"]),
    )
    if not principal.reaches(permission, owners=owners, department_id=row["department_id"]):
        raise NotPermitted(permission=permission.value)
    if row["merged_into"] is not None:
        raise Conflict("customer_merged", merged_into=row["merged_into"])
    return dict(row)


async def find_for_ticket(
    tx: Transaction, customer_public_id: str, contact_public_id: str | None
) -> Row:
    """Return `{customer_id, contact_id, name, tier, owner_id, department_id, account_manager_id}`, keys inside.

    The customer cannot change tier before this transaction ends. Raises `Invalid` with `unknown_reference` at
    `/customer_id`, or at `/contact_id` where the contact is not this customer's.
    """
    row = await tx.one(queries.FOR_TICKET, customer=customer_public_id, contact=contact_public_id)
    if row is None:
        raise invalid_field("/customer_id", "unknown_reference")
    if contact_public_id is not None and row["contact_id"] is None:
        raise invalid_field("/contact_id", "unknown_reference")
    return row


async def team_of(tx: Transaction, customer_id: int) -> tuple[int, ...]:
    """Return the keys of the account team's users, in the team's order."""
    rows = await tx.peek(queries.TEAM, customer_key=customer_id)
    return tuple(row["user_id"] for row in rows)


# --- customers


async def create_customer(
    tx: Transaction,
    principal: Principal,
    command: CustomerCreate,
    *,
    starts_clocks: bool = True,
    is_indexed: bool = True,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Register a customer (SOP CU-1) under a new number (SOP CU-2) and return his row.

    Without an owner in the command a seller owns what he registers; without a department the owner's is taken,
    else the caller's. `starts_clocks`: the file's own promises begin with it. `is_indexed`: the search knows him at
    once, else the caller sees to it. `at` is now unless the caller has asked for it. Publishes `customer.created`.
    """
    given = command.model_dump(exclude={"duplicates_checked"})
    values = await _listed(tx, _columns(given), {})
    values |= await _references(tx, command, {})
    if "owner_id" not in command.model_fields_set and principal.role is Role.SALES:
        values |= {"owner_id": principal.user_id, "owner_department": principal.department_id}
    owner_department = values.pop("owner_department", None)
    if values["department_id"] is None:
        values["department_id"] = owner_department or principal.department_id
    values |= _tier_given(values)
    stage = await stages.check_initial(tx, values["status"])
    at = at or await tx.now()
    if values["cooperation_started_on"] is None:
        values |= stages.beginning_of(stage, at, tx.database)
    number = f"C{await tx.next_number(Customer):06d}"
    row = await writing.insert(
        tx,
        Customer,
        **values,
        number=number,
        created_by=principal.user_id,
        created_at=at,
        updated_at=at,
    )
    if is_indexed:
        await search.index_new(tx, row)
    begin_file(tx, row["id"])
    await stages.register(tx, row, at)
    await tiers.register(tx, row, at)
    await publish_change(tx, "customer.created", row, at=at)
    if starts_clocks:
        await freshness.begin(tx, [row], at=at)
    return row


def _tier_given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tier to begin with, an override where one is given; raises `Invalid` for a reason without one."""
    if values["tier"] is None and values["tier_reason"] is not None:
        raise invalid_field("/tier", "missing")
    return {
        "tier": values["tier"] or Tier.C.value,
        "tier_is_overridden": values["tier"] is not None,
    }


async def patch_customer(tx: Transaction, customer: Row, command: CustomerPatch) -> Row:
    """Change what the command names and return the row; a new owner brings his department unless one is named.

    Publishes `customer.updated` where anything differs.
    """
    values = await _listed(tx, _columns(command.model_dump(exclude_unset=True)), customer)
    values |= await _references(tx, command, customer)
    owner_department = values.pop("owner_department", None)
    is_handed_over = values.get("owner_id", customer["owner_id"]) != customer["owner_id"]
    if is_handed_over and owner_department is not None and "department_id" not in values:
        values["department_id"] = owner_department
    if all(customer[name] == value for name, value in values.items()):
        return customer
    at = await tx.now()
    row = await writing.update(tx, Customer, customer, **values, updated_at=at)
    if not FOUND_BY.isdisjoint(values):
        await search.refresh(tx, customer["id"])
    await publish_change(tx, "customer.updated", row, at=at, data=told_of(customer, values))
    await freshness.follow(tx, customer, row, at=at)
    return row


async def reveal_customer(tx: Transaction, customer: Row, reason: str) -> dict[str, Any]:
    """Return what the mask hides of a customer, and record who looked and why."""
    await write_entry(
        tx,
        "customer.reveal",
        entity="customer",
        entity_key=customer["id"],
        entity_id=customer["public_id"],
        customer_id=customer["id"],
        changes={"reason": [None, reason]},
    )
    revenue = customer["revenue"]
    return {
        "id": customer["public_id"],
        "revenue": None if revenue is None else str(revenue),
        "revenue_currency": customer["revenue_currency"],
    }


def _columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a command's own values; references are resolved apart."""
    values = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in given.items()
        if not name.endswith("_id")
    }
    if "name" in values:
        values["name_key"] = name_key(values["name"])
    if values.get("revenue") is not None:
        values["revenue"] = Decimal(values["revenue"])
    if "first_contact_at" in values:
        values["first_contact_at"] = values["first_contact_at"] or FAR_END
    return values


async def _listed(
    tx: Transaction, values: dict[str, Any], old: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values with custom ones laid over what was there; raises `Invalid` for what lists and fields refuse."""
    book = await fields.read_book(tx, tx.database)
    errors = book.check_choices({name: values[name] for name in _LISTED if name in values}, old)
    if "custom" in values:
        values["custom"], wrong = book.merge_custom(values["custom"], old.get("custom", {}))
        errors += wrong
    if errors:
        raise Invalid(errors=errors)
    return values


async def _references(
    tx: Transaction, command: CustomerCreate | CustomerPatch, old: Row
) -> dict[str, Any]:
    """Return the keys of the people and the department that a command names, and `owner_department`.

    Raises `Invalid` for ids that name nothing, and for somebody inactive who was not there before.
    """
    wanted = command.model_dump(
        include={*_PEOPLE, "department_id"}, exclude_unset=isinstance(command, CustomerPatch)
    )
    users = await _users(tx, [wanted[name] for name in _PEOPLE if wanted.get(name) is not None])
    values: dict[str, Any] = dict.fromkeys(wanted)
    errors = []
    for name in _PEOPLE:
        if wanted.get(name) is None:
            continue
        user = users.get(str(wanted[name]))
        fault = _fault(user, () if not old else (old[name],))
        if user is None or fault is not None:
            errors.append(FieldError(f"/{name}", fault or "unknown_reference"))
            continue
        values[name] = user["id"]
        if name == "owner_id":
            values["owner_department"] = user["department_id"]
    if wanted.get("department_id") is not None:
        key = await tx.value(queries.DEPARTMENT, public_id=str(wanted["department_id"]))
        values["department_id"] = key
        if key is None:
            errors.append(FieldError("/department_id", "unknown_reference"))
    if errors:
        raise Invalid(errors=errors)
    return values


async def _users(tx: Transaction, public_ids: Sequence[UUID]) -> dict[str, Row]:
    if not public_ids:
        return {}
    rows = await tx.all(queries.USERS, public_ids=[str(one) for one in public_ids])
    return {row["public_id"]: row for row in rows}


def _fault(user: Row | None, known: Sequence[int | None]) -> str | None:
    """Return why a user cannot be named, None where he can; who was there before may stay though he has left."""
    if user is None:
        return "unknown_reference"
    return None if user["is_active"] or user["id"] in known else "user_inactive"


# --- the account team


async def replace_team(tx: Transaction, customer: Row, command: AccountTeam) -> Row:
    """Make the account team what the command says, in its order (SOP CU-10), and return the customer's row.

    Publishes `customer.team_changed` where anything differs. Raises `Invalid` at `/members/N/user_id`.
    """
    before = [dict(row) for row in await tx.all(queries.TEAM, customer_key=customer["id"])]
    wanted = await _team_wanted(tx, command, [row["user_id"] for row in before])
    if wanted == [(row["user_id"], row["role"]) for row in before]:
        return customer
    await _write_team(tx, customer["id"], before, wanted)
    at = await tx.now()
    row = await writing.update(
        tx, Customer, customer, version=customer["version"] + 1, updated_at=at
    )
    await publish_change(tx, "customer.team_changed", row, at=at)
    return row


async def _team_wanted(
    tx: Transaction, command: AccountTeam, known: Sequence[int]
) -> list[tuple[int, str]]:
    users = await _users(tx, [member.user_id for member in command.members])
    wanted: dict[int, str] = {}
    errors = []
    for number, member in enumerate(command.members):
        user = users.get(str(member.user_id))
        fault = _fault(user, known)
        if fault is None and user is not None and user["id"] in wanted:
            fault = "duplicate_member"
        if user is None or fault is not None:
            errors.append(FieldError(f"/members/{number}/user_id", fault or "unknown_reference"))
            continue
        wanted[user["id"]] = member.role
    if errors:
        raise Invalid(errors=errors)
    return list(wanted.items())


async def _write_team(
    tx: Transaction, customer_id: int, before: Sequence[Row], wanted: Sequence[tuple[int, str]]
) -> None:
    """Write the difference; where the order of those who stay changes or one joins, all rows are made anew."""
    roles = dict(wanted)
    staying = [row for row in before if row["user_id"] in roles]
    keeps_order = [row["user_id"] for row in staying] == list(roles)
    for row in before:
        if not keeps_order or row["user_id"] not in roles:
            await writing.delete(tx, AccountTeamMember, row)
    if keeps_order:
        for row in staying:
            await writing.update(tx, AccountTeamMember, row, role=roles[row["user_id"]])
        return
    rows = [{"customer_id": customer_id, "user_id": user, "role": role} for user, role in wanted]
    await writing.insert_many(tx, AccountTeamMember, rows)
