"""What operators see: one middleware (request id, access log, metrics, last resort), JSON logs, metrics.

One pure ASGI middleware; a request's id comes from `X-Request-Id` when it is well formed, else it is made here.
"""

import gc
import logging
import re
import sys
import time
from functools import cache
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.columns import new_public_id
from app.errors import BodyTooLarge, Refusal
from app.problems import problem_response

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "huiying_requests_total", "Answered requests", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "huiying_request_seconds", "Seconds to answer", ["method", "route"], registry=REGISTRY,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
GAUGES: dict[str, Gauge] = {}
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")
log = structlog.get_logger("huiying")


class InternalError(Refusal):
    """Something went wrong inside; the log holds it under the request's id."""

    status = 500
    default_code = "internal_error"


class Observer:
    """The middleware around everything."""

    def __init__(self, app: ASGIApp, *, body_bytes_max: int, upload_bytes_max: int) -> None:
        self.app = app
        self.body_bytes_max = body_bytes_max
        self.upload_bytes_max = upload_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, measured and logged."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.match(given) else new_public_id()
        scope["huiying.request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            length = headers.get(b"content-length", b"0")
            is_upload = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
            most = self.upload_bytes_max if is_upload else self.body_bytes_max
            if length.isdigit() and len(length) < 20 and int(length) > most:
                response = problem_response(BodyTooLarge(bytes_max=most), Request(scope))
                await response(scope, receive, sending)
            else:
                await self.app(scope, receive, sending)
        except Exception:
            log.exception("request_failed", request_id=request_id, path=scope["path"])
            if status:
                raise
            await problem_response(InternalError(), Request(scope))(scope, receive, sending)
        finally:
            _observe(scope, request_id, status, time.perf_counter() - began)


def _observe(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    counter, histogram = _children(scope["method"], route, status)
    counter.inc()
    histogram.observe(seconds)
    principal = scope.get("huiying.principal")
    log.info(
        "request",
        request_id=request_id,
        method=scope["method"],
        path=scope["path"],
        status=status,
        milliseconds=round(seconds * 1000, 2),
        user=getattr(principal, "public_id", None),
    )


@cache
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the series of a route: looking them up by label costs more than counting."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def set_gauge(name: str, help_text: str, value: float, **labels: str) -> None:
    """Set a gauge of `/metrics`, made on its first use; its labels are always the same ones."""
    if name not in GAUGES:
        GAUGES[name] = Gauge(name, help_text, tuple(labels), registry=REGISTRY)
    (GAUGES[name].labels(**labels) if labels else GAUGES[name]).set(value)


def render_metrics() -> bytes:
    """Return the metrics in Prometheus' text form."""
    return generate_latest(REGISTRY)


def configure_logging(level: str) -> None:
    """Write every log line as one JSON object to stderr; the standard library's loggers join in."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=level.upper(), stream=sys.stderr, format="%(message)s")
    for name in ("uvicorn.access", "apscheduler"):
        logging.getLogger(name).setLevel(logging.WARNING)


def spare_collector() -> None:
    """Keep what a process has loaded out of the garbage collector's sight, and let it look less often.

    Reference counts free nearly everything here; looking through modules and statements again and again costs a fifth
    of a sweep. Call it once, when everything is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
