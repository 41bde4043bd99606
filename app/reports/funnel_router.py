"""The route of the lifecycle's funnel."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.dispatch import Route
from app.reading import json_response
from app.reports.funnel import funnel_json
from app.reports.funnel_schemas import FunnelFilter, FunnelRead

router = APIRouter(prefix="/api/v1/customers", tags=["customers"], route_class=Route)
Reader = Annotated[Call, permits("scorecard:read")]


@router.get(
    "/funnel",
    operation_id="customers_read_funnel",
    summary="Read the funnel",
    response_model=FunnelRead,
)
async def read_funnel(asked: Annotated[FunnelFilter, Query()], call: Reader) -> Response:
    """How customers go through the lifecycle (SOP CU-11): entered, converted, lost, and the time in each stage.

    One's own customers; a manager's department and those below it; all for analysts and admins. At most 800 days.
    """
    return json_response(orjson.dumps(await funnel_json(call.database, call.principal, asked)))
