"""Finds the route in one step instead of three hundred, and reads bodies strictly.

The framework tries its routes one after the other; `Dispatcher` is a tree built once from the same routes, which a
test proves to agree with the framework. `Route` is the route class of every router: its JSON is orjson's (NaN,
Infinity, lone surrogates are refused), U+0000 is refused, bodies are bounded.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Router
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.documents import YAML, YAML_TYPES, read_yaml
from app.errors import BadRequest, BodyTooLarge, FieldError, Invalid, Refusal

API_BODY_BYTES_MAX = 1_048_576


class StrictRequest(Request):
    """A request whose JSON is read strictly and whose body, JSON or form, is bounded by `bytes_max`."""

    bytes_max = API_BODY_BYTES_MAX

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body's chunks; raises `BodyTooLarge` as soon as they are too long."""
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > self.bytes_max:
                raise BodyTooLarge(bytes_max=self.bytes_max)
            yield chunk

    async def json(self) -> Any:
        """Return the parsed body; raises `BadRequest` for what is not JSON, `Invalid` for U+0000 in a text."""
        if not hasattr(self, "_json"):
            raw = await self.body()
            self._json = _parsed(raw)
        return self._json


class YamlRequest(StrictRequest):
    """A request whose YAML the framework takes for JSON."""

    @property
    def headers(self) -> Headers:
        """The request's headers, but for the content type."""
        headers = MutableHeaders(raw=list(self.scope["headers"]))
        headers["content-type"] = "application/json"
        return headers

    async def json(self) -> Any:
        """Return the parsed body; raises `BadRequest` with line and column for what is not YAML, else as for JSON."""
        if not hasattr(self, "_json"):
            self._json = _parsed(read_yaml(await self.body()))
        return self._json


def _parsed(raw: bytes) -> Any:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest("malformed_json") from error
    if b"\\u0000" in raw and (pointer := find_nul(value)) is not None:
        raise Invalid(errors=[FieldError(pointer, "not_text")])
    return value


def find_nul(value: Any, pointer: str = "") -> str | None:
    """Return the JSON Pointer of the first text that holds U+0000, else None."""
    if isinstance(value, str):
        return pointer if "\x00" in value else None
    pairs: Any = ()
    if isinstance(value, dict):
        if any("\x00" in name for name in value):
            return pointer
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    return next(
        (
            found
            for name, item in pairs
            if (found := find_nul(item, f"{pointer}/{name}")) is not None
        ),
        None,
    )


class Route(APIRoute):
    """The route class of every router of the API. Whose contract (`openapi_extra`) says so takes YAML as well."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the framework's handler a strict request."""
        handler = super().get_route_handler()
        reads_form = (
            self.body_field is not None and type(self.body_field.field_info).__name__ == "Form"
        )

        described = (self.openapi_extra or {}).get("requestBody", {})
        takes_yaml = YAML in described.get("content", {})

        async def strict(request: Request) -> Response:
            if self.body_field is None:
                return await handler(request)
            if reads_form:
                return await _read_strictly(handler, request)
            kind = (
                request.headers.get("content-type", "application/json")
                .split(";")[0]
                .strip()
                .lower()
            )
            if takes_yaml and kind in YAML_TYPES:
                return await _read_strictly(handler, request, YamlRequest)
            if not (kind == "application/json" or kind.endswith("+json")):
                raise HTTPException(415)
            return await _read_strictly(handler, request)

        return strict


async def _read_strictly(
    handler: Callable[[Request], Coroutine[Any, Any, Response]],
    request: Request,
    kind: type[StrictRequest] = StrictRequest,
) -> Response:
    try:
        return await handler(kind(request.scope, request.receive))
    except HTTPException as error:
        # The framework turns whatever stops the reading of a body into its own plain 400.
        if isinstance(error.__cause__, Refusal):
            raise error.__cause__ from None
        raise


class _Node:
    """One path segment: its fixed continuations, its parameter, and the routes that end here by method."""

    __slots__ = ("fixed", "methods", "parameter")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, tuple[BaseRoute, tuple[str, ...]]] = {}


class Dispatcher:
    """The router's inner application: method and path -> route, by walking the path's segments once.

    What the tree does not hold (mounts, path convertors) is left to the framework's own router.
    """

    def __init__(self, router: Router, fallback: ASGIApp) -> None:
        self.router = router
        self.fallback = fallback
        self.root = _Node()
        for route in router.routes:
            self._add(route)

    def _add(self, route: BaseRoute) -> None:
        if not isinstance(route, StarletteRoute) or ":" in route.path or not route.methods:
            return
        node, names = self.root, []
        for part in route.path.split("/")[1:]:
            if part.startswith("{") and part.endswith("}"):
                names.append(part[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            elif "{" in part:
                return
            else:
                node = node.fixed.setdefault(part, _Node())
        for method in route.methods:
            node.methods.setdefault(method, (route, tuple(names)))

    def find(self, method: str, path: str) -> tuple[BaseRoute, dict[str, str]] | None:
        """Return the route and its path parameters, or None where the framework must decide (404, 405, mounts)."""
        found = self._walk(self.root, path.split("/")[1:], ())
        if found is None:
            return None
        node, values = found
        route = node.methods.get(method)
        return None if route is None else (route[0], dict(zip(route[1], values, strict=True)))

    def _walk(
        self, node: _Node, parts: list[str], values: tuple[str, ...]
    ) -> tuple[_Node, tuple[str, ...]] | None:
        if not parts:
            return (node, values) if node.methods else None
        part, rest = parts[0], parts[1:]
        fixed = node.fixed.get(part)
        if fixed is not None and (found := self._walk(fixed, rest, values)) is not None:
            return found
        if node.parameter is not None and part:
            return self._walk(node.parameter, rest, (*values, part))
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.fallback(scope, receive, send)
            return
        route, parameters = found
        scope["router"] = self.router
        scope["route"] = route
        scope["endpoint"] = getattr(route, "endpoint", None)
        scope["path_params"] = parameters
        await route.handle(scope, receive, send)


def install_dispatcher(app: Any) -> Dispatcher:
    """Put a dispatcher in front of the application's router; call it after every route is there."""
    dispatcher = Dispatcher(app.router, app.router.app)
    app.router.middleware_stack = dispatcher
    return dispatcher


def framework_finds(
    router: Router, method: str, path: str
) -> tuple[BaseRoute, dict[str, Any]] | None:
    """Return what the framework's linear search finds, for the test that compares."""
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    for route in router.routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            return route, child["path_params"]
    return None
