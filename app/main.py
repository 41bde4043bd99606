"""Builds the FastAPI application: routers, problem handlers, audit capture, health.

Everything that lives low but needs something high is plugged in here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import Response

from app.audit import router as audit
from app.audit.refusals import Refusals
from app.auth import api_keys_router, departments_router, users_router
from app.auth import router as auth
from app.auth import texts as auth_texts
from app.auth.login_limit import LoginLimit
from app.auth.principal import Guard, Replayed, replay_response
from app.calendars import router as calendars
from app.calendars import texts as calendar_texts
from app.contract import install_contract
from app.customers import consents_router, freshness_router
from app.customers import router as customers
from app.customers import search_router as customer_search
from app.customers import stages_router as customer_stages
from app.customers import texts as customer_texts
from app.database import Database
from app.dispatch import install_dispatcher
from app.duplicates import router as duplicates
from app.duplicates import texts as duplicate_texts
from app.engines import create_database
from app.errors import Refusal
from app.exports import router as exports
from app.exports import texts as export_texts
from app.fields import router as fields
from app.fields import texts as field_texts
from app.health import router as health
from app.heartbeats.alarm import WorkerWatch
from app.imports import mappings_router as import_mappings
from app.imports import router as imports
from app.imports import texts as import_texts
from app.lifecycle import router as lifecycle
from app.lifecycle import texts as lifecycle_texts
from app.needs import router as needs
from app.needs import texts as need_texts
from app.notifications import router as notifications
from app.notifications import texts as notification_texts
from app.obligations import router as obligations
from app.obligations import texts as obligation_texts
from app.observability import Observer, configure_logging, spare_collector
from app.operations import router as operations
from app.operations import texts as operation_texts
from app.problems import add_texts, install_handlers, problem_response
from app.rehearsal import router as rehearsal
from app.rehearsal import texts as rehearsal_texts
from app.reports import funnel_router
from app.reports import router as reports
from app.reports import texts as report_texts
from app.saved_views import router as saved_views
from app.saved_views import texts as saved_view_texts
from app.segments import router as segments
from app.segments import texts as segment_texts
from app.service_plans import router as service_plans
from app.service_plans import texts as service_plan_texts
from app.settings import ClockMode, Settings, get_settings
from app.sla import backtests_router, policies_router
from app.sla import router as sla
from app.sla import rules_router as sop_rules
from app.sla import texts as sla_texts
from app.subscribers import compose
from app.tickets import moves_router as ticket_moves
from app.tickets import router as tickets
from app.tickets import texts as ticket_texts
from app.tickets import types_router as ticket_types
from app.tiering import router as tier_policies
from app.tiering import texts as tiering_texts
from app.timeline import router as timeline

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    auth.router,
    users_router.router,
    departments_router.router,
    api_keys_router.router,
    audit.router,
    notifications.router,
    operations.router,
    calendars.router,
    sla.router,
    policies_router.router,
    sop_rules.router,
    backtests_router.router,
    lifecycle.router,
    fields.router,
    customer_search.router,
    tier_policies.router,
    funnel_router.router,
    customers.router,
    freshness_router.router,
    needs.router,
    customer_stages.router,
    consents_router.router,
    service_plans.router,
    duplicates.router,
    obligations.router,
    tickets.router,
    ticket_moves.router,
    ticket_types.router,
    timeline.router,
    segments.router,
    saved_views.router,
    reports.router,
    imports.router,
    import_mappings.router,
    exports.router,
)
TEXTS = (
    auth_texts,
    notification_texts,
    operation_texts,
    calendar_texts,
    sla_texts,
    lifecycle_texts,
    field_texts,
    tiering_texts,
    customer_texts,
    duplicate_texts,
    ticket_texts,
    rehearsal_texts,
    report_texts,
    obligation_texts,
    need_texts,
    segment_texts,
    saved_view_texts,
    service_plan_texts,
    import_texts,
    export_texts,
)


def create_app(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """Return the application; it opens its database when it starts, unless an open one is given."""
    settings = settings or get_settings()
    engine = compose(database or create_database(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if database is None:
            await engine.open()
        refusals: Refusals = app.state.refusals
        watches = [
            asyncio.create_task(watch)
            for watch in (app.state.guard.watch(), refusals.watch(), app.state.worker_watch.watch())
        ]
        yield
        for watch in watches:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        await refusals.flush(everything=True)
        if database is None:
            await engine.close()

    app = FastAPI(
        title="Huiying 回应",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # an address has one form; a redirect would be built from the Host header
        openapi_url="/openapi.json",
        middleware=[_observed(settings)],
    )
    app.state.guard = Guard(engine, settings.secret_key.get_secret_value().encode())
    app.state.login_limit = LoginLimit(settings.login_failures_per_quarter_hour)
    app.state.refusals = Refusals(engine)
    app.state.worker_watch = WorkerWatch(engine)
    for texts in TEXTS:
        add_texts(texts.TEXTS, getattr(texts, "FIELD_TEXTS", None))
    rehearsing = (rehearsal.router,) if settings.clock is ClockMode.virtual else ()
    for router in (*ROUTERS, *rehearsing):
        app.router.routes.extend(router.routes)
    install_handlers(app, _record_refusal)
    app.add_exception_handler(Replayed, _replay)
    install_contract(app)
    install_dispatcher(app)
    return app


def _observed(settings: Settings) -> Middleware:
    most = {name: getattr(settings, name) for name in ("body_bytes_max", "upload_bytes_max")}
    return Middleware(Observer, **most)


def _record_refusal(request: Request, refusal: Refusal) -> None:
    request.app.state.refusals.record(request.scope, refusal)


async def _replay(request: Request, error: Exception) -> Response:
    assert isinstance(error, Replayed)
    try:
        return replay_response(error.kept)
    except Refusal as refusal:
        return problem_response(refusal, request)


def serve_application() -> Any:
    """Return the application for a server process, with logging set up."""
    configure_logging(get_settings().log_level)
    application = create_app()
    spare_collector()
    return application
