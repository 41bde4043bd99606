"""Routes of the timeline: one list over everything that concerns a customer."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.auth.principal import Call, permits
from app.customers.queries import EXISTS
from app.dispatch import Route
from app.reading import PageRequest, json_response
from app.timeline import queries
from app.timeline.kinds import KINDS, shown_to
from app.timeline.schemas import TimelineFilter, TimelineKinds, TimelinePage

router = APIRouter(prefix="/api/v1", tags=["timeline"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]


@router.get(
    "/customers/{customer_id}/timeline",
    operation_id="timeline_list",
    summary="List what happened to a customer",
    response_model=TimelinePage,
)
async def list_timeline(
    customer_id: UUID, asked: Annotated[TimelineFilter, Query()], call: Reader
) -> Response:
    """Newest first: his file, contacts, tickets, obligations, missed deadlines and escalations (SOP CU-13).

    Kinds that the caller may not read are left out. An entry is there a moment after what it tells of.
    """
    await reading.one(call.database, EXISTS, public_id=str(customer_id))
    shown = shown_to(call.principal.grants)
    kinds = sorted(shown.intersection(asked.kind) if asked.kind is not None else shown)
    body = await reading.page(
        call.database,
        queries.LISTING,
        PageRequest("-at", asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "customer_id": str(customer_id),
            "kind": kinds[0] if len(kinds) == 1 else None,
            "kinds": kinds if len(kinds) != 1 and len(kinds) < len(KINDS) else None,
            "since": asked.since,
            "before": asked.before,
        },
    )
    return json_response(body)


@router.get(
    "/timeline-kinds",
    operation_id="timeline_kinds",
    summary="List the kinds of entries",
    response_model=TimelineKinds,
)
async def list_kinds(call: Reader) -> Response:
    """What a timeline can be filtered by, with words in both languages."""
    shown = shown_to(call.principal.grants)
    items = [
        {"kind": kind, "title": {"zh": one.zh, "en": one.en}}
        for kind, one in KINDS.items()
        if kind in shown
    ]
    return json_response(orjson.dumps({"items": items}))
