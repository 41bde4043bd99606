"""Routes of customers and their contacts."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers import candidates, contacts, queries, service
from app.customers.contact_schemas import (
    ContactCreate,
    ContactFilter,
    ContactPage,
    ContactPatch,
    ContactRead,
    ContactRevealed,
)
from app.customers.custom_filters import read_custom_filters
from app.customers.filtering import conditions_of
from app.customers.schemas import (
    AccountTeam,
    CustomerCreate,
    CustomerFilter,
    CustomerPage,
    CustomerPatch,
    CustomerRead,
    CustomerRevealed,
    RevealReason,
)
from app.database import Transaction
from app.dispatch import Route
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]
Revealer = Annotated[Call, permits("customers:reveal")]
CUSTOM_FILTERS = {
    "name": "custom",
    "in": "query",
    "required": False,
    "style": "deepObject",
    "explode": True,
    "description": "Custom fields: `custom[key]=value`, `custom[key][gte]=` and `[lt]=` of numbers and dates",
    "schema": {"type": "object", "additionalProperties": True},
}


async def _answer(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{router.prefix}/{public_id}" if status == 201 else None
    return await call.answer(
        tx,
        queries.ONE,
        status=status,
        location=location,
        public_id=public_id,
        reveal=call.principal.reveals,
    )


async def _answer_contact(
    call: Call, tx: Transaction, customer_id: str, contact_id: str, status: int = 200
) -> Response:
    location = f"{router.prefix}/{customer_id}/contacts/{contact_id}" if status == 201 else None
    return await call.answer(
        tx,
        queries.CONTACT_ONE,
        status=status,
        location=location,
        customer_id=customer_id,
        contact_id=contact_id,
        reveal=call.principal.reveals,
    )


# --- customers


@router.get(
    "",
    operation_id="customers_list",
    summary="List customers",
    response_model=CustomerPage,
    openapi_extra={"parameters": [CUSTOM_FILTERS]},
)
async def list_customers(asked: Annotated[CustomerFilter, Query()], call: Reader) -> Response:
    """Every staff role sees every customer; the list holds no personal data."""
    extra = asked.model_extra or {}
    listing, custom = await read_custom_filters(call.database, call.database, extra)
    body = await reading.page(
        call.database,
        listing,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters=conditions_of(asked) | custom,
    )
    return json_response(body)


@router.post(
    "",
    operation_id="customers_create",
    summary="Register a customer",
    status_code=201,
    response_model=CustomerRead,
)
async def create_customer(command: CustomerCreate, call: Writer) -> Response:
    """The number is given by the system. A seller owns what he registers unless `owner_id` says otherwise.

    Refused with `duplicate_suspected` and the candidates while one of them is not named in `duplicates_checked`.
    """
    async with call.write() as tx:
        await candidates.refuse_suspected(tx, command.profile(), command.duplicates_checked)
        row = await service.create_customer(tx, call.principal, command)
        return await _answer(call, tx, row["public_id"], 201)


@router.get(
    "/{customer_id}",
    operation_id="customers_read",
    summary="Read a customer's file",
    response_model=CustomerRead,
)
async def read_customer(customer_id: UUID, call: Reader) -> Response:
    """The revenue is masked for roles that need not know it.

    The id of a customer who was merged answers the winner's file; `Content-Location` is its own address.
    """
    asked = str(customer_id)
    answer = await call.read(queries.ONE, public_id=asked, reveal=call.principal.reveals)
    found = orjson.loads(answer.body)["id"]
    if found != asked:
        answer.headers["Content-Location"] = f"{router.prefix}/{found}"
    return answer


@router.patch(
    "/{customer_id}",
    operation_id="customers_patch",
    summary="Change a customer's file",
    response_model=CustomerRead,
)
async def patch_customer(customer_id: UUID, command: CustomerPatch, call: Writer) -> Response:
    """What is absent stays, null empties. Writable by owner, account manager, account team and department."""
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await service.patch_customer(tx, row, command)
        return await _answer(call, tx, row["public_id"])


@router.put(
    "/{customer_id}/account-team",
    operation_id="customers_put_account_team",
    summary="Set the account team",
    response_model=CustomerRead,
)
async def put_account_team(customer_id: UUID, command: AccountTeam, call: Writer) -> Response:
    """The list is the whole team, in its order; its members may write the file."""
    async with call.write() as tx:
        row = await service.lock_customer(tx, call.principal, str(customer_id))
        call.check_version(row)
        await service.replace_team(tx, row, command)
        return await _answer(call, tx, row["public_id"])


@router.post(
    "/{customer_id}/reveal",
    operation_id="customers_reveal",
    summary="Look at a customer's masked figures",
    response_model=CustomerRevealed,
)
async def reveal_customer(customer_id: UUID, command: RevealReason, call: Revealer) -> Response:
    """Recorded in the audit with its reason; the answer is not kept for a repeated Idempotency-Key."""
    async with call.write() as tx:
        row = await service.customer_to_reveal(tx, call.principal, str(customer_id))
        revealed = await service.reveal_customer(tx, row, command.reason)
        return await call.answer_json(tx, orjson.dumps(revealed), secret=True)


# --- contacts


@router.get(
    "/{customer_id}/contacts",
    operation_id="customers_list_contacts",
    summary="List a customer's contacts",
    response_model=ContactPage,
)
async def list_contacts(
    customer_id: UUID, asked: Annotated[ContactFilter, Query()], call: Reader
) -> Response:
    """Numbers and addresses are masked for roles that need not know them."""
    await reading.one(call.database, queries.EXISTS, public_id=str(customer_id))
    body = await reading.page(
        call.database,
        queries.CONTACTS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"customer_id": str(customer_id)},
        values={"reveal": call.principal.reveals},
    )
    return json_response(body)


@router.post(
    "/{customer_id}/contacts",
    operation_id="customers_create_contact",
    summary="Add a contact",
    status_code=201,
    response_model=ContactRead,
)
async def create_contact(customer_id: UUID, command: ContactCreate, call: Writer) -> Response:
    """A primary contact takes the place of the one before."""
    async with call.write() as tx:
        customer = await service.lock_customer(tx, call.principal, str(customer_id))
        row = await contacts.create_contact(tx, customer, command)
        return await _answer_contact(call, tx, customer["public_id"], row["public_id"], 201)


@router.get(
    "/{customer_id}/contacts/{contact_id}",
    operation_id="customers_read_contact",
    summary="Read a contact",
    response_model=ContactRead,
)
async def read_contact(customer_id: UUID, contact_id: UUID, call: Reader) -> Response:
    """Numbers and addresses are masked for roles that need not know them."""
    return await call.read(
        queries.CONTACT_ONE,
        customer_id=str(customer_id),
        contact_id=str(contact_id),
        reveal=call.principal.reveals,
    )


@router.patch(
    "/{customer_id}/contacts/{contact_id}",
    operation_id="customers_patch_contact",
    summary="Change a contact",
    response_model=ContactRead,
)
async def patch_contact(
    customer_id: UUID, contact_id: UUID, command: ContactPatch, call: Writer
) -> Response:
    """What is absent stays, null empties."""
    async with call.write() as tx:
        customer = await service.lock_customer(tx, call.principal, str(customer_id))
        contact = await contacts.lock_contact(tx, customer, str(contact_id))
        call.check_version(contact)
        await contacts.patch_contact(tx, customer, contact, command)
        return await _answer_contact(call, tx, customer["public_id"], contact["public_id"])


@router.delete(
    "/{customer_id}/contacts/{contact_id}",
    operation_id="customers_delete_contact",
    summary="Delete a contact",
    status_code=204,
)
async def delete_contact(customer_id: UUID, contact_id: UUID, call: Writer) -> Response:
    """Refused while any record names the contact: empty its phones and e-mails instead."""
    async with call.write() as tx:
        customer = await service.lock_customer(tx, call.principal, str(customer_id))
        contact = await contacts.lock_contact(tx, customer, str(contact_id))
        call.check_version(contact)
        await contacts.delete_contact(tx, customer, contact)
    return Response(status_code=204, headers={"Cache-Control": "private, no-store"})


@router.post(
    "/{customer_id}/contacts/{contact_id}/reveal",
    operation_id="customers_reveal_contact",
    summary="Look at a contact's numbers and addresses",
    response_model=ContactRevealed,
)
async def reveal_contact(
    customer_id: UUID, contact_id: UUID, command: RevealReason, call: Revealer
) -> Response:
    """Recorded in the audit with its reason; the answer is not kept for a repeated Idempotency-Key."""
    async with call.write() as tx:
        customer = await service.customer_to_reveal(tx, call.principal, str(customer_id))
        revealed = await contacts.reveal_contact(tx, customer, str(contact_id), command.reason)
        return await call.answer_json(tx, orjson.dumps(revealed), secret=True)
