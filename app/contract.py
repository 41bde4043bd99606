"""The contract: the OpenAPI 3.1 document with what the framework cannot know, and the docs page without any CDN.

Permissions are read off the routes' own guards, so the document says what the code does. Every operation gets its
headers and its refusals as problem documents, every answer an example (`contract_examples.json`: real answers about
one ticket, by the name of the schema).
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from app.auth.principal import Permits

ASSETS = "/docs/assets"
EXAMPLES = files("app") / "contract_examples.json"
DESCRIPTION = """事事有回应,件件有着落: every matter is answered, every case is settled.

Huiying gives each promise of a customer-relationship SOP a clock, an owner, an escalation and a verdict.

* **Log in** with `POST /api/v1/auth/token` and send `Authorization: Bearer ...`.
* **Lists** take `limit` (at most 200), an opaque `cursor`, `sort`, and answer `{items, next_cursor, has_more}`.
* **Writes** take an `Idempotency-Key`; resources carry an `ETag`, honoured by `If-Match`.
* **Refusals** are `application/problem+json` (RFC 9457) in zh-CN or en by `Accept-Language`.
* **Instants** are RFC 3339 in UTC with `Z`; ids are UUIDv7; money is a decimal string.
"""
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A refusal (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "`urn:huiying:problem:` and the code"},
        "title": {"type": "string", "description": "The kind of refusal, in the caller's language"},
        "status": {"type": "integer", "description": "The HTTP status"},
        "detail": {"type": "string", "description": "What is wrong here, in the caller's language"},
        "instance": {"type": "string", "description": "The path asked for"},
        "code": {"type": "string", "description": "Stable, for programs"},
        "request_id": {"type": ["string", "null"], "description": "Names the request in the logs"},
        "values": {
            "type": "object",
            "description": "Figures and names behind the text",
            "additionalProperties": True,
        },
        "errors": {
            "type": "array",
            "description": "The wrong places in the input",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON Pointer into the body, or /query/name",
                    },
                    "code": {"type": "string", "description": "Stable, for programs"},
                    "detail": {"type": "string", "description": "In the caller's language"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "urn:huiying:problem:not_found",
            "title": "没有找到",
            "status": 404,
            "detail": "没有找到",
            "instance": "/api/v1/tickets/0197b1c2-7d3e-7aaa-8000-000000000000",
            "code": "not_found",
            "request_id": "0197b1c2-7d3e-7bbb-8000-000000000000",
        }
    ],
}
REFUSALS: dict[int, tuple[str, str]] = {
    400: ("BadRequest", "The request cannot be read"),
    401: ("NotAuthenticated", "Nobody is known to be calling"),
    403: ("NotPermitted", "The caller may not do this"),
    404: ("NotFound", "There is no such thing, or it is invisible to the caller"),
    409: ("Conflict", "The present state does not allow this, or the key is in use"),
    412: ("StaleVersion", "If-Match names an older version"),
    413: ("BodyTooLarge", "The body is too large"),
    415: ("UnsupportedMediaType", "The body is not JSON"),
    422: ("Invalid", "The input breaks rules; see errors"),
    429: ("TooManyRequests", "A limit is used up; see Retry-After"),
    503: ("Unavailable", "It cannot be had just now; see Retry-After"),
}
TAGS: dict[str, str] = {
    "auth": "Logging in and out, and who one is",
    "users": "Staff: roles, departments, managers, absences",
    "departments": "The tree of departments, heads and on-call lists",
    "api-keys": "Keys for integrations, shown once",
    "obligations": "Promises about matters of other systems, on this clock",
    "customers": "One file that every department shares",
    "duplicates": "Customers who look like one, merging them and undoing it",
    "choice-lists": "Configurable lists of choices",
    "custom-fields": "Fields that a deployment adds to its customers' files",
    "lifecycle": "The stages of a customer's life, and the rules of moving between them",
    "timeline": "Everything that happened to a customer, newest first",
    "needs": "What customers need, and the response plans of complex needs",
    "segments": "Customers who meet a condition, and what they do, counted",
    "saved-views": "What a list was asked for, kept under a name",
    "service-plans": "What customers are promised regularly, and each turn of it",
    "exports": "Customers as files, masked and scoped as the caller reads them",
    "imports": "Files of others: read, mapped, tried, imported",
    "tier-policies": "How a customer's tier is computed: weights, measures, thresholds",
    "tickets": "One matter of a customer, from opening to closing",
    "ticket-types": "The configurable list of ticket types",
    "deadlines": "Promises with their clocks and verdicts",
    "escalations": "Levels that fired: who was told, when, why",
    "sla": "Policies: which promise applies to what",
    "calendars": "Working time, holidays and make-up days",
    "sop": "The rules of the SOP as the engine runs them",
    "notifications": "One's own inbox",
    "operations": "Long work: progress, result, cancelling",
    "audit": "Who changed what",
    "rehearsal": "The virtual clock of a rehearsal",
    "health": "For operators",
}


def install_contract(app: FastAPI) -> None:
    """Give the application its OpenAPI document and its docs page; call it after every route is there."""
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    app.mount(
        ASSETS,
        StaticFiles(directory=Path(str(files("fastapi_offline") / "static"))),
        name="docs-assets",
    )

    async def swagger() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Huiying 回应 · API",
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS}/favicon.png",
            swagger_ui_parameters={
                "persistAuthorization": True,
                "docExpansion": "none",
                "filter": True,
            },
        )

    async def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url="/openapi.json",
            title="Huiying 回应 · API",
            redoc_js_url=f"{ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{ASSETS}/favicon.png",
            with_google_fonts=False,
        )

    app.add_api_route("/docs", swagger, include_in_schema=False, methods=["GET"])
    app.add_api_route("/redoc", redoc, include_in_schema=False, methods=["GET"])


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        used = {tag for route in app.routes if isinstance(route, APIRoute) for tag in route.tags}
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            tags=[
                {"name": name, "description": text} for name, text in TAGS.items() if name in used
            ],
            servers=[{"url": "/", "description": "This deployment"}],
            contact={"name": "Huiying", "url": "https://example.com/huiying"},
            license_info={"name": "Proprietary", "identifier": "LicenseRef-Proprietary"},
        )
        _complete(app, document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(app: FastAPI, document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _add_examples(schemas)
    schemas["Problem"] = PROBLEM
    components["responses"] = {name: _refusal(text) for name, text in REFUSALS.values()}
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, or an API key (`hy_...`)",
        }
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _complete_operation(
                    document["paths"][route.path_format][method.lower()], route, method
                )


def _add_examples(schemas: dict[str, Any]) -> None:
    """Show a real answer beside each schema of answers; a page shows one item of its list."""
    examples = orjson.loads(EXAMPLES.read_bytes())
    for name, example in examples.items():
        schemas[name]["examples"] = [example]
    for schema in schemas.values():
        fields = schema.get("properties", {})
        if "next_cursor" in fields:
            item = fields["items"]["items"]["$ref"].rpartition("/")[2]
            page = {"items": [examples[item]], "next_cursor": None, "has_more": False}
            schema["examples"] = [page]


def _refusal(text: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "content": content}


def _complete_operation(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    guard = guard_of(route)
    operation["security"] = []
    if guard is not None:
        operation["security"] = [{"bearer": []}]
        operation["x-permission"] = guard.permission.value if guard.permission else "authenticated"
    statuses = {422} if method == "GET" else {400, 409, 413, 415, 422}
    statuses |= {401, 403} if guard is not None else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {412} if method in ("PATCH", "PUT", "DELETE") else set()
    statuses |= {400} if "cursor" in str(operation.get("parameters")) else set()
    declared = {int(status) for status in route.responses} & REFUSALS.keys()
    statuses |= declared  # a route names a refusal that cannot be read off it by the status alone
    responses = operation["responses"]
    for status in {422, *declared}:
        responses.pop(str(status), None)
    for status in sorted(statuses):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{REFUSALS[status][0]}"})
    parameters = operation.setdefault("parameters", [])
    headers = _headers(method, guarded=guard is not None, versioned=412 in statuses)
    parameters += [_header(*one) for one in headers]
    if not parameters:
        del operation["parameters"]


def guard_of(route: APIRoute) -> Permits | None:
    """Return the guard of a route, None where anybody may call it."""
    found = [d.call for d in route.dependant.dependencies if isinstance(d.call, Permits)]
    return found[0] if found else None


def _headers(method: str, *, guarded: bool, versioned: bool) -> list[tuple[str, str]]:
    headers = [("Accept-Language", "`zh-CN` (default) or `en`, for texts")]
    if method == "POST" and guarded:
        headers.append(
            (
                "Idempotency-Key",
                "Makes a repeat harmless: the first 2xx answer is given again for 48 h",
            )
        )
    if versioned:
        headers.append(("If-Match", "The ETag that was read; another version is refused with 412"))
    return headers


def _header(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": text,
        "schema": {"type": "string"},
    }
