"""Routes of a contact's consents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers import consent_queries, contacts, service
from app.customers.consent_schemas import ConsentCreate, ConsentFilter, ConsentPage, ConsentRead
from app.customers.consents import record_consent
from app.dispatch import Route
from app.reading import PageRequest, json_response

router = APIRouter(
    prefix="/api/v1/customers/{customer_id}/contacts/{contact_id}/consents",
    tags=["customers"],
    route_class=Route,
)
Reader = Annotated[Call, permits("customers:read")]
Writer = Annotated[Call, permits("customers:write")]


@router.get(
    "",
    operation_id="consents_list",
    summary="List what a contact allowed and withdrew",
    response_model=ConsentPage,
)
async def list_consents(
    customer_id: UUID, contact_id: UUID, asked: Annotated[ConsentFilter, Query()], call: Reader
) -> Response:
    """Everything that was recorded, newest first; the contact shows what counts now."""
    contact = await reading.one(
        call.database,
        consent_queries.CONTACT,
        customer_id=str(customer_id),
        contact_id=str(contact_id),
    )
    body = await reading.page(
        call.database,
        consent_queries.LISTING,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"contact_key": contact["id"], "channel": asked.channel},
    )
    return json_response(body)


@router.post(
    "",
    operation_id="consents_record",
    summary="Record a consent or a withdrawal",
    status_code=201,
    response_model=ConsentRead,
)
async def record(
    customer_id: UUID, contact_id: UUID, command: ConsentCreate, call: Writer
) -> Response:
    """Appended for ever (SOP SE-3); of a channel the newest one by `given_at` counts."""
    async with call.write() as tx:
        customer = await service.lock_customer(tx, call.principal, str(customer_id))
        contact = await contacts.lock_contact(tx, customer, str(contact_id))
        row = await record_consent(tx, customer, contact, command)
        names = {
            "customer_id": customer["public_id"],
            "contact_id": contact["public_id"],
            "consent_id": row["public_id"],
        }
        location = f"{router.prefix}/{{consent_id}}".format(**names)
        return await call.answer(tx, consent_queries.ONE, status=201, location=location, **names)


@router.get(
    "/{consent_id}",
    operation_id="consents_read",
    summary="Read a consent",
    response_model=ConsentRead,
)
async def read_consent(
    customer_id: UUID, contact_id: UUID, consent_id: UUID, call: Reader
) -> Response:
    """With its text, its way and its evidence."""
    return await call.read(
        consent_queries.ONE,
        customer_id=str(customer_id),
        contact_id=str(contact_id),
        consent_id=str(consent_id),
    )
