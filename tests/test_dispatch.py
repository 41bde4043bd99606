"""The dispatcher finds what the framework finds, and bodies are read strictly."""

import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.dispatch import Dispatcher, find_nul, framework_finds
from app.main import create_app
from tests.conftest import SHARED, LoginAs, make_settings


@pytest.fixture(scope="module")
def whole_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder: Path = tmp_path_factory.mktemp("app")
    return create_app(make_settings("sqlite:///:memory:", folder))


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Every (method, path) of the application."""
    return [
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def fill(path: str, value: str) -> str:
    """The path with every parameter filled."""
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


def test_the_dispatcher_agrees_with_the_framework_on_every_route(whole_app: FastAPI) -> None:
    dispatcher = whole_app.router.middleware_stack
    assert isinstance(dispatcher, Dispatcher)
    values = (str(uuid4()), "me", "unread-count", "a b", "%2F", "中文")
    for method, path in routes_of(whole_app):
        for value in values:
            asked = fill(path, value)
            theirs, ours = (
                framework_finds(whole_app.router, method, asked),
                dispatcher.find(method, asked),
            )
            assert ours is not None, f"{method} {asked} is not found"
            assert theirs is not None
            assert ours == (theirs[0], theirs[1]), f"{method} {asked}"


def test_what_is_no_route_is_left_to_the_framework(whole_app: FastAPI) -> None:
    dispatcher = whole_app.router.middleware_stack
    assert isinstance(dispatcher, Dispatcher)
    for method, path in (
        ("GET", "/api/v1/nothing"),
        ("DELETE", "/healthz"),
        ("GET", "/api/v1//customers"),
        ("GET", "/docs/assets/x.js"),
        ("GET", "/api/v1/customers/"),
    ):
        assert dispatcher.find(method, path) is None


def test_a_nul_is_found_wherever_it_is() -> None:
    assert find_nul({"a": [{"b": "x\x00"}]}) == "/a/0/b"
    assert find_nul({"a\x00": 1}) == ""
    assert find_nul({"a": ["b", 1, None, True]}) is None


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/api/v1/nothing", 404, "not_found"), ("/healthz", 405, "method_not_allowed")],
)
async def test_the_framework_refuses_in_our_words(
    client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.delete(path, headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


BODIES: dict[str, bytes] = {
    "malformed": b'{"name": ',
    "nan": b'{"name": NaN}',
    "infinity": b'{"name": 1e999}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "invalid utf-8": b'{"name": "\xff\xfe"}',
    "nul": b'{"name": "a\\u0000b"}',
    "not an object": b"[1, 2]",
    "a text": b'"text"',
    "null": b"null",
    "empty": b"",
    "deep": b"[" * 5000,
    "unknown field": b'{"no_such_field_anywhere": 1}',
}

ABSENT = {"null", "empty"}  # right where a body may be left out


async def test_every_writing_route_refuses_bad_bodies_clearly(
    app: FastAPI, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    headers = {**await login_as("admin"), "Content-Type": "application/json"}
    tried = 0
    for method, path in routes_of(app):
        route = next(
            r
            for r in app.routes
            if isinstance(r, APIRoute) and r.path == path and method in (r.methods or ())
        )
        if method == "GET" or route.body_field is None or path.endswith("/auth/token"):
            continue
        for name, body in BODIES.items():
            if name in ABSENT and not route.body_field.field_info.is_required():
                continue
            answer = await client.request(
                method, fill(path, str(uuid4())), content=body, headers=headers
            )
            where = f"{method} {path} with {name}: {answer.status_code} {answer.text[:200]}"
            assert 400 <= answer.status_code < 500, where
            assert answer.headers["content-type"] == "application/problem+json", where
            assert "no_such" not in answer.json()["detail"], where
            tried += 1
    assert tried >= 50


async def test_a_large_body_is_refused_before_it_is_read(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    headers = {**await login_as("admin"), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/customers", content=b"x" * 10_000_000, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    answer = await client.post("/api/v1/customers", content=chunks(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_another_content_type_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    headers = {**await login_as("admin"), "Content-Type": "text/plain"}
    answer = await client.post("/api/v1/customers", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_the_public_parsing_files_never_break_a_route(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    archive = SHARED / "data" / "adversarial" / "JSONTestSuite.tar.xz"
    if not archive.exists():
        pytest.skip("the parsing files are not here")
    headers = {**await login_as("admin"), "Content-Type": "application/json"}
    count = 0
    with tarfile.open(archive) as files:
        for member in files:
            name = Path(member.name).name
            if (
                not member.isfile()
                or not name.endswith(".json")
                or name[:2] not in ("y_", "n_", "i_")
            ):
                continue
            content = files.extractfile(member)
            assert content is not None
            answer = await client.post("/api/v1/customers", content=content.read(), headers=headers)
            assert 400 <= answer.status_code < 500, f"{name}: {answer.status_code}"
            count += 1
    assert count >= 300
