"""Routes of the rehearsal: they exist only where promises run on the virtual clock."""

from datetime import UTC, timedelta
from typing import Annotated

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.auth.principal import Call, permits
from app.dispatch import Route
from app.errors import invalid_field
from app.reading import json_response
from app.rehearsal import service
from app.rehearsal.schemas import ClockAdvance, ClockRead, RehearsalRead
from app.time import format_instant

router = APIRouter(prefix="/api/v1/rehearsal", tags=["rehearsal"], route_class=Route)
Director = Annotated[Call, permits("rehearsal:advance")]


@router.get(
    "/clock",
    operation_id="rehearsal_read_clock",
    summary="Read the virtual clock",
    response_model=ClockRead,
)
async def read_clock(call: Director) -> Response:
    """The instant that promises run on, and whether it stands still."""
    row = await call.database.one(service.CLOCK)
    now = await call.database.now()
    frozen = row is not None and row["frozen_at"] is not None
    return json_response(orjson.dumps({"now": format_instant(now), "frozen": frozen}))


@router.post(
    "/clock",
    operation_id="rehearsal_advance_clock",
    summary="Advance the virtual clock",
    response_model=RehearsalRead,
)
async def advance_clock(command: ClockAdvance, call: Director) -> Response:
    """Step through every due instant in order: each fires at its own time, as if it had been lived through."""
    async with call.write():
        pass  # a repeat ends here; the steps are transactions of their own, so the answer is kept after them
    now = await call.database.now()
    to = command.to or now + timedelta(seconds=command.advance_seconds or 0)
    if to - now > service.ADVANCE_MAX:
        raise invalid_field("/to", "too_far", days_max=service.ADVANCE_MAX.days)
    done = await service.advance(call.database, to.astimezone(UTC))
    answer = {
        "began_at": format_instant(done.began_at),
        "ended_at": format_instant(done.ended_at),
        "step_count": done.step_count,
        "fired": done.fired,
    }
    async with call.write() as tx:
        return await call.answer_json(tx, orjson.dumps(answer))
