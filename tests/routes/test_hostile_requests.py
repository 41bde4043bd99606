"""Hostile headers, queries, path ids and types on every route: a clear 4xx problem document, and nothing changed."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.database import Database
from tests.conftest import AsUser, Caller
from tests.routes.office import NOBODY, Office, fingerprint, make_office
from tests.routes.probes import Asked, operations, request_of
from tests.routes.targets import make_target, nearest
from tests.routes.test_ids import put, resolve

API = "/api/v1"
JUNK = (
    "", " ", "abc", "0", "-1", "201", "1e3", "9" * 30, "null", "%00", "a%00b", "%FF%FE", "%ED%A0%80", "%",
    "'%3B%20DROP%20TABLE%20users%3B--", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-03-02",
    "2026-03-02T09:00:00", "2026-03-02T09:00:00%2B99:99", NOBODY.upper(), "%7B" + NOBODY + "%7D", NOBODY + "x",
    "x" * 5000, "true,false", quote("😀"), "[1]", "1%20OR%201=1", "..%2F..%2Fetc%2Fpasswd", "%0D%0ASet-Cookie:a=b",
    "Infinity", "NaN", "-0", "+1", "%E2%80%AE", "1.0", "0x10", "me", "١٢",
)  # fmt: skip


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


def is_clear(answer: httpx.Response) -> bool:
    """Say whether a refusal is a problem document of the caller's own fault."""
    if not 400 <= answer.status_code < 500:
        return False
    return answer.headers["content-type"] == "application/problem+json"


def says(answer: httpx.Response) -> str:
    return f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"


def raw(caller: Caller) -> list[tuple[bytes, bytes]]:
    """Return a caller's headers as bytes, to stand beside some that are no text."""
    return [(name.encode(), value.encode()) for name, value in caller.items()]


# --- queries


def questions(app: FastAPI) -> Iterator[tuple[Asked, Mapping[str, Any]]]:
    """Yield every parameter that a query can have."""
    document = app.openapi()
    for asked in operations(app):
        for one in document["paths"][asked.path][asked.method.lower()].get("parameters", ()):
            if one["in"] == "query":
                yield asked, one


def lists(app: FastAPI) -> list[Asked]:
    """Return the operations that answer pages."""
    return [asked for asked, one in questions(app) if one["name"] == "cursor"]


async def address(office: Office, asked: Asked) -> str:
    assert asked.probe is not None
    admin = office.callers[Role.ADMIN]
    target = await make_target(office, admin, asked.probe.kind, nearest(asked.probe.kind))
    return asked.path.format(**target.path)


async def test_no_value_of_any_query_parameter_breaks_a_route(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    headers, faults, tried = office.callers[Role.ADMIN], list[str](), 0
    urls: dict[str, str] = {}
    for asked, one in questions(app):
        url = urls.get(asked.path) or urls.setdefault(asked.path, await address(office, asked))
        for junk in JUNK:
            answer = await client.get(f"{url}?{quote(one['name'])}={junk}", headers=headers)
            tried += 1
            if answer.status_code != 200 and not is_clear(answer):
                faults.append(says(answer))
    assert not faults, "\n".join(faults)
    assert tried > 2000


async def test_every_list_refuses_what_it_does_not_take(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    headers = office.callers[Role.ADMIN]
    tried = lists(app)
    assert len(tried) >= 15
    for asked in tried:
        url = await address(office, asked)
        for name, value in (
            ("limit", "0"), ("limit", "-1"), ("limit", "201"), ("limit", "abc"), ("limit", ""),
            ("limit", "1.5"), ("sort", "password_hash"), ("sort", "id; DROP TABLE users"), ("no_such", "1"),
            ("total", "perhaps"), ("Limit", "1"), ("limit[gte]", "1"),
        ):  # fmt: skip
            answer = await client.get(url, params={name: value}, headers=headers)
            assert answer.status_code == 422, says(answer)
            assert [one["pointer"] for one in answer.json()["errors"]] == [f"/query/{name}"]
        for limit in (1, 200):
            answer = await client.get(url, params={"limit": limit}, headers=headers)
            assert answer.status_code == 200, says(answer)


async def test_a_cursor_serves_its_own_list_and_order_only(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    headers = office.callers[Role.ADMIN]
    first = await client.get(f"{API}/users", params={"limit": 1}, headers=headers)
    cursor = first.json()["next_cursor"]
    swapped = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    for asked in lists(app):
        url = await address(office, asked)
        answer = await client.get(url, params={"cursor": cursor}, headers=headers)
        if asked.path != f"{API}/users":
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_of_another_list")
        for forged in (
            swapped,
            cursor[:-4],
            cursor + "AAAA",
            "AAAA",
            "=",
            "a" * 2000,
            "🙂",
            "\u00e9",
        ):
            answer = await client.get(url, params={"cursor": forged}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid"), forged
    for change in ({"sort": "-name"}, {"role": "admin"}):
        params = {"cursor": cursor, "limit": "1", **change}
        answer = await client.get(f"{API}/users", params=params, headers=headers)
        assert answer.json()["code"] == "cursor_of_another_list"


async def test_a_parameter_given_twice_is_no_fault(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    headers = office.callers[Role.ADMIN]
    for asked in lists(app):
        url = await address(office, asked)
        for query in (
            "limit=1&limit=2",
            "cursor=a&cursor=b",
            "limit=1&limit=abc",
            "total=true&total=x",
        ):
            answer = await client.get(f"{url}?{query}", headers=headers)
            assert answer.status_code == 200 or is_clear(answer), says(answer)


# --- path ids


async def test_a_path_that_names_no_id_is_refused_clearly_and_changes_nothing(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin, faults, tried = office.callers[Role.ADMIN], list[str](), 0
    taken = {"me", "unread-count", "read-all"}
    for asked in operations(app):
        if "{" not in asked.path:
            continue
        assert asked.probe is not None
        target = await make_target(
            office, admin, asked.probe.kind, nearest(asked.probe.kind), asked.probe.state
        )
        request = request_of(asked, target)
        before = await fingerprint(office.database)
        for name in target.path:
            for junk in JUNK:
                if junk in taken or (not junk.strip("%20 ") and asked.method == "GET"):
                    continue
                path = {**target.path, name: junk}
                request["url"] = asked.path.format(**path)
                answer = await client.request(**request, headers=admin)
                tried += 1
                if not is_clear(answer):
                    faults.append(says(answer))
        if await fingerprint(office.database) != before:
            faults.append(f"{asked.operation} changed something")
    assert not faults, "\n".join(faults)
    assert tried > 1000


# --- headers


@pytest.mark.parametrize(
    "value",
    [
        b"", b"short", b"x" * 65, b"x" * 10_000, b"with a blank", b"a\r\nSet-Cookie: stolen=1", b"\xff\xfe\xfd\xfc" * 4,
        b"<script>alert(1)</script>", "请求编号请求编号".encode(), b"12345678\n", b"a\x00bcdefgh", b"${jndi:ldap://x}",
    ],
)  # fmt: skip
async def test_a_malformed_request_id_is_replaced(client: httpx.AsyncClient, value: bytes) -> None:
    answer = await client.get("/healthz", headers=[(b"x-request-id", value)])
    assert answer.status_code == 200
    given = answer.headers.get_list("x-request-id")
    assert len(given) == 1
    assert given[0].encode() != value
    assert len(given[0]) == 36
    assert "set-cookie" not in answer.headers


async def test_a_wellformed_request_id_comes_back(client: httpx.AsyncClient) -> None:
    for value in ("abcdefgh", "a" * 64, "0197b1c2-7d3e-7bbb-8000-000000000000", "A.b_c-1.2"):
        answer = await client.get(f"{API}/nothing", headers={"X-Request-Id": value})
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == value


async def test_no_accept_language_breaks_a_refusal(client: httpx.AsyncClient) -> None:
    for value in (
        b"", b";", b",,,", b"en;q=", b"en;q=abc", b"en;q=nan", b"zh;q=-1, en;q=1e999", b"*", b"*;q=0", b"\xff\xfe",
        b"xx-YY, qq;q=0.3", b"en" * 5000, b"," * 10_000, b"en;q=0.5;q=0.9", b"de", b"\r\nX-Evil: 1", "中文".encode(),
    ):  # fmt: skip
        answer = await client.get(f"{API}/nothing", headers=[(b"accept-language", value)])
        assert answer.status_code == 404
        assert answer.json()["title"] in ("没有找到", "Not found")
        assert "x-evil" not in answer.headers


async def test_an_idempotency_key_that_is_none_is_refused_and_nothing_is_made(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    body = {"name": "新客户", "source_channel": "phone"}
    before = await fingerprint(office.database)
    for value in (
        b"", b" ", b"a b", b"x" * 256, b"x" * 60_000, b"\xff", b"a\x00b", b"a\tb", b"\x7f", "键".encode(), b"a\r\nb",
    ):  # fmt: skip
        headers = [*raw(admin), (b"idempotency-key", value)]
        answer = await client.post(f"{API}/customers", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid"), (
            value
        )
    assert await fingerprint(office.database) == before


async def test_an_if_match_that_is_no_version_is_refused_wherever_versions_count(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin, faults, tried = office.callers[Role.ADMIN], list[str](), 0
    for asked in operations(app):
        assert asked.probe is not None
        is_move = asked.operation.startswith("tickets_") and asked.method == "POST"
        versioned = asked.method in ("PATCH", "PUT", "DELETE") or is_move
        if not versioned or asked.probe.kind is None:
            continue
        target = await make_target(
            office, admin, asked.probe.kind, nearest(asked.probe.kind), asked.probe.state
        )
        before = await fingerprint(office.database)
        for value, status in (
            (b"abc", 400), (b'""', 400), (b"", 400), (b'"1", "2"', 400), (b'"-1"', 400), (b'"1.0"', 400),
            (b"9" * 19, 400), (b"9" * 18, 412), (b'"999"', 412), (b'W/"999"', 412), (b"\xb2", 400), (b'"0"', 412),
            (b"x" * 20_000, 400), (b"1\r\nX-Evil: 1", 400), ('"٣"'.encode(), 400),
        ):  # fmt: skip
            answer = await client.request(
                **request_of(asked, target), headers=[*raw(admin), (b"if-match", value)]
            )
            tried += 1
            if answer.status_code != status and not (
                asked.probe.owner_only and answer.status_code == 403
            ):
                faults.append(f"{value!r:.40} wanted {status}: {says(answer)}")
        if await fingerprint(office.database) != before:
            faults.append(f"{asked.operation} changed something")
    assert not faults, "\n".join(faults)
    assert tried > 300


async def test_bodies_of_other_kinds_are_refused(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin = office.callers[Role.ADMIN]
    before = await fingerprint(office.database)
    url, form = f"{API}/customers", f"{API}/auth/token"
    good = b'{"name": "x", "source_channel": "phone"}'
    for target, kind, body in (
        (url, "multipart/form-data", good), (url, "application/x-www-form-urlencoded", b"name=x&source_channel=phone"),
        (url, "text/json", good), (url, "application/jsonp", good), (url, "", b"\x1f\x8b\x08"), (url, "*/*", good),
        (url, "application/xml", b"<a/>"), (url, "application/json", good.decode().encode("utf-16")),
        (form, "application/json", b'{"username": "a@b.cn", "password": "x"}'), (form, "multipart/form-data", b"x"),
        (form, "multipart/form-data; boundary=x", b"--x\r\n"), (form, "multipart/form-data; boundary=", b"----"),
        (form, "application/x-www-form-urlencoded", b"username=%00&password=%00"),
        (form, "application/x-www-form-urlencoded", b"username=%FF%FE&password=%FF"),
        (form, "application/x-www-form-urlencoded", b"a=b&" * 5000), (form, "text/plain", b""),
        (form, "application/x-www-form-urlencoded", b"username=a&username=b&password=c&grant_type=implicit"),
        (form, "multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="username"; filename="a.txt"\r\n\r\nroot\r\n--x--\r\n'),
    ):  # fmt: skip
        answer = await client.post(target, content=body, headers={**admin, "Content-Type": kind})
        assert is_clear(answer), f"{kind} {body[:60]!r}: {says(answer)}"
    assert await fingerprint(office.database) == before


# --- types in bodies

OF_A_TYPE: Mapping[str, tuple[Any, ...]] = {
    "string": ("", "1", "true"),
    "integer": (1, -(10**40)),
    "number": (1.5, 1e300),
    "boolean": (True,),
    "null": (None,),
    "array": ([], [[]]),
    "object": ({}, {"a": {"b": [1]}}),
}


def types_of(document: Mapping[str, Any], schema: Mapping[str, Any]) -> set[str]:
    """Return the JSON types that a schema takes."""
    schema = resolve(document, schema)
    found = {schema["type"]} if "type" in schema else set()
    for one in schema.get("anyOf", ()):
        found |= types_of(document, one)
    return found | ({"number"} if "integer" in found else set())


def fields_of(
    document: Mapping[str, Any], schema: Mapping[str, Any], pointer: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every field of a body with its schema, within lists and objects too."""
    schema = resolve(document, schema)
    for name, field in schema.get("properties", {}).items():
        yield f"{pointer}/{name}", field
        yield from fields_of(document, field, f"{pointer}/{name}")
    for other in schema.get("anyOf", ()):
        yield from fields_of(document, other, pointer)
    if "items" in schema:
        yield f"{pointer}/0", schema["items"]
        yield from fields_of(document, schema["items"], f"{pointer}/0")


async def test_a_value_of_a_wrong_type_is_refused_in_every_field(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin, document = office.callers[Role.ADMIN], app.openapi()
    faults, tried = list[str](), 0
    for asked in operations(app):
        assert asked.probe is not None
        operation = document["paths"][asked.path][asked.method.lower()]
        if asked.probe.body is None or asked.probe.form or "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        target = await make_target(
            office, admin, asked.probe.kind, nearest(asked.probe.kind), asked.probe.state
        )
        request = request_of(asked, target)
        before = await fingerprint(office.database)
        for place, field in fields_of(document, schema):
            taken = types_of(document, field)
            wrong = [v for kind, values in OF_A_TYPE.items() if kind not in taken for v in values]
            for value in wrong if taken else ():
                body = put(asked.probe.body(target), place, value)
                answer = await client.request(**{**request, "json": body}, headers=admin)
                tried += 1
                if answer.status_code not in (400, 422) or not is_clear(answer):
                    faults.append(f"{place} = {value!r:.60}: {says(answer)}")
        if await fingerprint(office.database) != before:
            faults.append(f"{asked.operation} changed something")
    assert not faults, "\n".join(faults)
    assert tried > 800
