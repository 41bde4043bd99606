"""What operators ask: is the process alive, is it ready, and its metrics."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy import String, column, select, table, text
from starlette.responses import Response

from app.calendars import service as calendars
from app.database import Database
from app.errors import Refusal
from app.health.schemas import Alive, Readiness
from app.observability import render_metrics, set_gauge
from app.outbox import relay
from app.sla.queries import OLDEST_DUE
from app.statements import Statement
from app.time import FAR_END, format_instant

router = APIRouter(tags=["health"])
SWEEP_LAG_SECONDS_MAX = 30
HEAD = Statement(select(column("version_num", String)).select_from(table("alembic_version")))
ONE = Statement(select(text("1 AS one")))


@router.get(
    "/healthz",
    operation_id="health_alive",
    summary="Whether the process is alive",
    response_model=Alive,
)
async def alive() -> dict[str, str]:
    """Answers without asking anything of anybody."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="health_ready",
    summary="Whether the deployment is ready, and why not",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready"}},
)
async def ready(request: Request) -> Response:
    """Database, migration, sweep lag (seconds since the oldest unfired level was due), calendar years loaded."""
    database: Database = request.app.state.guard.database
    checks: dict[str, Any] = {}
    try:
        checks["database"] = database.kind if await database.value(ONE) == 1 else "no answer"
        checks["migration"] = await database.value(HEAD)
        checks["sweep_lag_seconds"] = await sweep_lag_seconds(database)
        checks["outbox"] = await relay.counts(database)
        checks["calendars"] = await _calendar_years(database)
    except Refusal as refusal:
        checks["database"] = refusal.code
    lag = checks.get("sweep_lag_seconds", SWEEP_LAG_SECONDS_MAX + 1)
    is_ready = checks.get("migration") is not None and lag <= SWEEP_LAG_SECONDS_MAX
    body = orjson.dumps({"status": "ready" if is_ready else "not_ready", "checks": checks})
    return Response(body, status_code=200 if is_ready else 503, media_type="application/json")


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Metrics in Prometheus' text form, with the gauges that only the database knows."""
    database: Database = request.app.state.guard.database
    set_gauge(
        "huiying_sweep_lag_seconds",
        "Seconds since the oldest unfired level was due",
        await sweep_lag_seconds(database),
    )
    counts = await relay.counts(database)
    for state in ("pending", "dead"):
        set_gauge(
            f"huiying_outbox_{state}", f"Outbox messages that are {state}", counts.get(state, 0)
        )
    return Response(render_metrics(), media_type="text/plain; version=0.0.4")


async def sweep_lag_seconds(database: Database) -> float:
    """Return how long ago the oldest unfired level was due, 0 when none is, in the domain's seconds."""
    oldest = await database.value(OLDEST_DUE)
    if oldest is None or oldest == FAR_END:
        return 0.0
    lag: float = (await database.now() - oldest).total_seconds()
    return max(0.0, round(lag, 3))


async def _calendar_years(database: Database) -> dict[str, Any]:
    """Return for each calendar until when its dated exceptions are known, null for one that needs none."""
    in_force = calendars.in_force(
        database, await database.all(calendars.CURRENT), await database.all(calendars.NAMES)
    )
    out: dict[str, Any] = {}
    for name, number in in_force.current.items():
        until = in_force.versions[name, number].provisional_from()
        out[name] = None if until is None else format_instant(until)
    return out
