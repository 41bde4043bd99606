"""The route of the audit; nothing changes it from outside."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app import reading
from app.audit import queries
from app.audit.schemas import AuditFilter, AuditPage
from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import PageRequest, json_response

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], route_class=Route)
Reader = Annotated[Call, permits("audit:read")]


@router.get("", operation_id="audit_list", summary="Read the audit", response_model=AuditPage)
async def list_audit(asked: Annotated[AuditFilter, Query()], call: Reader) -> Response:
    """The latest first. Personal fields are opened only for who reads every customer's in clear."""
    customer = None
    if asked.customer is not None:
        customer = await queries.customer_key(call.database, str(asked.customer))
    page = await reading.page(
        call.database,
        queries.LISTING,
        PageRequest(asked.sort.value, asked.limit, asked.cursor, asked.total),
        secret=call.secret,
        filters={
            "entity": asked.entity,
            "entity_id": str(asked.entity_id) if asked.entity_id else None,
            "action": asked.action,
            "actor": str(asked.actor) if asked.actor else None,
            "customer": customer,
            "recorded_from": asked.recorded_from,
            "recorded_before": asked.recorded_before,
        },
    )
    reveal = call.principal.reveals
    return json_response(await queries.make_readable(call.database, page, reveal=reveal))
