"""Routes of segments, of customers' memberships and figures, and of the bounds of figures."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers.queries import EXISTS as CUSTOMER_EXISTS
from app.database import Transaction
from app.dispatch import Route
from app.fields.service import read_book
from app.reading import PageRequest, json_response
from app.segments import evaluation, queries, service
from app.segments.attributes import BANDS, attributes_of
from app.segments.condition import OPERATORS
from app.segments.schemas import (
    BandsRead,
    BandsWrite,
    CustomerFiguresRead,
    MemberFilter,
    MembershipFilter,
    MembershipPage,
    SegmentAttributes,
    SegmentCreate,
    SegmentCustomerPage,
    SegmentFilter,
    SegmentPage,
    SegmentPatch,
    SegmentPreview,
    SegmentPreviewed,
    SegmentRead,
)

PREFIX = "/api/v1/segments"
router = APIRouter(prefix="/api/v1", tags=["segments"], route_class=Route)
Reader = Annotated[Call, permits("segments:read")]
Writer = Annotated[Call, permits("segments:write")]


async def _answer(call: Call, tx: Transaction, public_id: str, status: int = 200) -> Response:
    location = f"{PREFIX}/{public_id}" if status == 201 else None
    return await call.answer(tx, queries.ONE, status=status, location=location, public_id=public_id)


# --- segments


@router.get(
    "/segments", operation_id="segments_list", summary="List segments", response_model=SegmentPage
)
async def list_segments(asked: Annotated[SegmentFilter, Query()], call: Reader) -> Response:
    """By name unless asked otherwise."""
    body = await reading.page(
        call.database,
        queries.LISTING,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"is_active": asked.is_active},
    )
    return json_response(body)


@router.post(
    "/segments",
    operation_id="segments_create",
    summary="Define a segment",
    status_code=201,
    response_model=SegmentRead,
)
async def create_segment(command: SegmentCreate, call: Writer) -> Response:
    """It fills within a minute, follows every change of a customer at once, and is looked at whole every night."""
    async with call.write() as tx:
        row = await service.create_segment(tx, call.principal, command)
        return await _answer(call, tx, row["public_id"], 201)


@router.post(
    "/segments/preview",
    operation_id="segments_preview",
    summary="Count who meets a condition",
    response_model=SegmentPreviewed,
)
async def preview_segment(command: SegmentPreview, call: Reader) -> Response:
    """Nothing is written."""
    condition = command.condition.root
    async with call.write() as tx:
        await service.check_condition(tx, tx.database, call.principal, condition)
        count = await evaluation.count_matching(tx, condition)
        return await call.answer_json(tx, orjson.dumps({"customer_count": count}))


@router.get(
    "/segments/{segment_id}",
    operation_id="segments_read",
    summary="Read a segment",
    response_model=SegmentRead,
)
async def read_segment(segment_id: UUID, call: Reader) -> Response:
    """With its condition and how many are in."""
    return await call.read(queries.ONE, public_id=str(segment_id))


@router.patch(
    "/segments/{segment_id}",
    operation_id="segments_change",
    summary="Change a segment",
    response_model=SegmentRead,
)
async def change_segment(segment_id: UUID, command: SegmentPatch, call: Writer) -> Response:
    """What is absent stays, null empties. With a new condition, who no longer meets it leaves within a minute."""
    async with call.write() as tx:
        row = await service.lock_segment(tx, str(segment_id))
        call.check_version(row)
        await service.patch_segment(tx, call.principal, row, command)
        return await _answer(call, tx, row["public_id"])


@router.get(
    "/segments/{segment_id}/customers",
    operation_id="segments_list_customers",
    summary="List who is in a segment",
    response_model=SegmentCustomerPage,
)
async def list_customers(
    segment_id: UUID, asked: Annotated[MemberFilter, Query()], call: Reader
) -> Response:
    """Who entered last comes first unless asked otherwise."""
    await reading.one(call.database, queries.EXISTS, public_id=str(segment_id))
    body = await reading.page(
        call.database,
        queries.CUSTOMERS,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"segment_id": str(segment_id)},
    )
    return json_response(body)


@router.get(
    "/segment-attributes",
    operation_id="segments_list_attributes",
    summary="List what conditions can be about",
    response_model=SegmentAttributes,
)
async def list_attributes(call: Reader) -> Response:
    """Attributes, figures and custom fields of customers, how each can be compared, and its choices."""
    attributes = attributes_of(await read_book(call.database, call.database))
    items = [
        {
            "attribute": name,
            "title": {"zh": one.zh, "en": one.en},
            "kind": one.term.kind,
            "operators": OPERATORS[one.term.kind],
            "choices": None if one.term.choices is None else sorted(one.term.choices),
        }
        for name, one in attributes.items()
    ]
    return json_response(orjson.dumps({"items": items}))


# --- a customer's memberships and figures


@router.get(
    "/customers/{customer_id}/segments",
    operation_id="segments_list_memberships",
    summary="List the segments of a customer",
    response_model=MembershipPage,
)
async def list_memberships(
    customer_id: UUID, asked: Annotated[MembershipFilter, Query()], call: Reader
) -> Response:
    """Those he is in and those he was in, the last entered first."""
    await reading.one(call.database, CUSTOMER_EXISTS, public_id=str(customer_id))
    body = await reading.page(
        call.database,
        queries.MEMBERSHIPS,
        PageRequest("-entered_at", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={"customer_id": str(customer_id), "is_current": asked.is_current},
    )
    return json_response(body)


@router.get(
    "/customers/{customer_id}/figures",
    operation_id="segments_read_figures",
    summary="Read a customer's behaviour figures",
    response_model=CustomerFiguresRead,
)
async def read_figures(customer_id: UUID, call: Reader) -> Response:
    """Counted from events; zero where nothing has happened yet."""
    return await call.read(queries.FIGURES, public_id=str(customer_id))


# --- bounds of figures


@router.get(
    "/figure-bands",
    operation_id="segments_read_bands",
    summary="Read from which figures on a customer buys often, and much",
    response_model=BandsRead,
)
async def read_bands(call: Reader) -> Response:
    """The shipped bounds until somebody changes them."""
    row = await call.database.one(queries.BANDS)
    if row is not None:
        return reading.resource_response(row)
    return json_response(orjson.dumps({**BANDS, "version": 1}), headers={"ETag": '"1"'})


@router.put(
    "/figure-bands",
    operation_id="segments_put_bands",
    summary="Set from which figures on a customer buys often, and much",
    response_model=BandsRead,
)
async def put_bands(command: BandsWrite, call: Writer) -> Response:
    """Every segment is looked at again. Honours `If-Match`."""
    async with call.write() as tx:
        await service.put_bands(tx, command, call.check_version)
        return await call.answer(tx, queries.BANDS)
