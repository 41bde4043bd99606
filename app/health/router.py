"""What operators ask: is the process alive, is it ready, and its metrics."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from fastapi import APIRouter, Request
from sqlalchemy import String, column, select, table, text
from starlette.responses import Response

from app.calendars import service as calendars
from app.calendars.service import CalendarsInForce
from app.database import Database
from app.errors import Refusal
from app.health.schemas import Alive, Readiness
from app.heartbeats.alarm import WorkerWatch
from app.heartbeats.service import Signs
from app.observability import render_metrics, set_gauge
from app.outbox import relay
from app.sla.queries import OLDEST_DUE
from app.statements import Statement
from app.time import FAR_END, format_instant, parse_instant

router = APIRouter(tags=["health"])
SWEEP_LAG_SECONDS_MAX = 30
CALENDAR_WARNING = timedelta(days=60)  # China publishes a year's holidays in the November before
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
    """Database, migration, sweep lag (seconds since the oldest unfired level was due), workers, calendar years loaded.

    `warnings` name what needs an operator and does not stop the deployment yet: the working calendar's holidays are
    known for less than 60 days.

    Not ready also where no worker has given a sign for `HUIYING_WORKER_SILENCE_SECONDS`; a process that has just
    started waits so long before it says so.
    """
    database: Database = request.app.state.guard.database
    checks: dict[str, Any] = {}
    try:
        checks["database"] = database.kind if await database.value(ONE) == 1 else "no answer"
        checks["migration"] = await database.value(HEAD)
        checks["sweep_lag_seconds"] = await sweep_lag_seconds(database)
        checks["workers"] = await _workers(request.app.state.worker_watch)
        checks["outbox"] = await relay.counts(database)
        in_force = await calendars.read_in_force(database, database.all)
        checks["calendars"] = _calendar_years(in_force)
        checks["warnings"] = _warnings(in_force, await database.now())
    except Refusal as refusal:
        checks["database"] = refusal.code
    lag = checks.get("sweep_lag_seconds", SWEEP_LAG_SECONDS_MAX + 1)
    silent = checks.get("workers", {}).get("silent", True)
    is_ready = checks.get("migration") is not None and lag <= SWEEP_LAG_SECONDS_MAX and not silent
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
    _set_worker_gauges(await request.app.state.worker_watch.signs())
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


async def _workers(watch: WorkerWatch) -> dict[str, Any]:
    """Return how many workers live, when the last sign came, and which jobs failed when they last ran."""
    signs = await watch.signs()
    return {
        "alive": len(signs.living),
        "last_beat_seconds": signs.last_beat_seconds,
        "silent": watch.is_silent(signs),
        "failing_jobs": sorted(name for name, run in signs.jobs().items() if run["error"]),
    }


def _set_worker_gauges(signs: Signs) -> None:
    set_gauge("huiying_workers_alive", "Workers that gave a sign lately", len(signs.living))
    seconds = signs.last_beat_seconds
    set_gauge(
        "huiying_worker_last_beat_seconds",
        "Seconds since any worker gave a sign, NaN when none ever did",
        float("nan") if seconds is None else seconds,
    )
    for name, run in signs.jobs().items():
        ran_at = parse_instant(run["ran_at"])
        for measure, help_text, value in (
            ("last_run_seconds", "Seconds since the job last ran", (signs.now - ran_at).total_seconds()),
            ("duration_seconds", "Seconds that the job's last run took", run["seconds"]),
            ("failures", "Failed runs of the job, of the living workers since they started", run["failure_count"]),
        ):  # fmt: skip
            set_gauge(f"huiying_job_{measure}", help_text, value, job=name)


def _calendar_years(in_force: CalendarsInForce) -> dict[str, Any]:
    """Return for each calendar until when its dated exceptions are known, null for one that needs none."""
    out: dict[str, Any] = {}
    for name, number in in_force.current.items():
        until = in_force.versions[name, number].provisional_from()
        out[name] = None if until is None else format_instant(until)
    return out


def _warnings(in_force: CalendarsInForce, now: datetime) -> list[dict[str, Any]]:
    """Return what does not stop the deployment yet: holidays of the working calendar that are soon unknown."""
    working = in_force.versions.get(in_force.working)
    until = working.provisional_from() if working is not None else None
    if working is None or until is None or until - now > CALENDAR_WARNING:
        return []
    return [
        {
            "code": "calendar_year_missing",
            "calendar": working.name,
            "year": working.spec.next_year_to_load,
            "known_until": format_instant(until),
            "days_left": max(0, (until - now).days),
        }
    ]
