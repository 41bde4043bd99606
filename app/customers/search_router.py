"""Routes that find customers: by what anybody remembers of them, and by what a new one has in common with them."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.customers import candidates, search
from app.customers.search_schemas import (
    CandidatesAsked,
    DuplicateCandidates,
    SearchAsked,
    SearchRead,
)
from app.dispatch import Route
from app.reading import json_response

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], route_class=Route)
Reader = Annotated[Call, permits("customers:read")]


@router.get(
    "/search",
    operation_id="customers_search",
    summary="Search customers",
    response_model=SearchRead,
)
async def search_customers(asked: Annotated[SearchAsked, Query()], call: Reader) -> Response:
    """Ranked, with what matched. Masked numbers are found by their last four digits or whole, addresses whole."""
    answer = await search.find(
        call.database, asked.q, reveal=call.principal.reveals, limit=asked.limit
    )
    bodies = await search.shown(call.database, answer.hits)
    items = [
        {
            "score": hit.score,
            "matches": [
                {"term": one.term, "kind": one.kind, "extent": one.extent} for one in hit.matches
            ],
            "customer": orjson.Fragment(bodies[hit.customer_id]),
        }
        for hit in answer.hits
        if hit.customer_id in bodies
    ]
    return json_response(orjson.dumps({"items": items, "is_complete": answer.is_complete}))


@router.post(
    "/candidates",
    operation_id="customers_find_candidates",
    summary="Ask who a new customer may be already",
    response_model=DuplicateCandidates,
)
async def find_candidates(command: CandidatesAsked, call: Reader) -> Response:
    """Nothing is registered. The rule is the one by which registering is refused with `duplicate_suspected`."""
    async with call.write() as tx:
        found = await candidates.find_candidates(tx, tx.database.kind, command.profile())
        body = orjson.dumps({"items": [one.shown() for one in found]})
        return await call.answer_json(tx, body)
