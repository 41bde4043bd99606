"""Policies as YAML: the same values as in JSON, taken strictly, given back to be edited and sent again."""

from contextlib import suppress

import httpx
import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.documents import DEPTH_MAX, YAML_BYTES_MAX, prefers_yaml, read_yaml
from app.errors import BadRequest
from tests.sla.retargets import Publisher, toolkit
from tests.sla.world import API

YAML = "application/yaml"


async def put(publisher: Publisher, body: bytes, kind: str = YAML) -> httpx.Response:
    return await publisher.world.http.put(
        f"{API}/sla/policies/toolkit/draft",
        content=body,
        headers={**publisher.admin, "Content-Type": kind},
    )


async def get(publisher: Publisher, path: str) -> httpx.Response:
    return await publisher.world.http.get(
        f"{API}/sla/policies/{path}", headers={**publisher.admin, "Accept": YAML}
    )


async def test_a_document_goes_out_is_edited_and_comes_back(publisher: Publisher) -> None:
    told = await get(publisher, "toolkit")
    assert told.headers["content-type"] == YAML
    assert told.headers["etag"] == '"1"'
    assert told.headers["vary"] == "Accept"
    document = yaml.safe_load(told.content)
    assert document == toolkit()
    assert "客户服务工具包" in told.text
    edited = told.text.replace("minutes: 30", "minutes: 20", 1)
    answer = await put(publisher, edited.encode())
    assert answer.status_code == 200, answer.text
    assert answer.json()["draft"]["clocks"]["accept"] == {"target": {"minutes": 20}}


@pytest.mark.parametrize("kind", [YAML, "application/x-yaml; charset=utf-8", "text/yaml"])
async def test_a_policy_is_made_of_yaml(publisher: Publisher, kind: str) -> None:
    written = yaml.safe_dump({**toolkit(), "name": "night"}, allow_unicode=True)
    answer = await publisher.world.http.post(
        f"{API}/sla/policies",
        content=written.encode(),
        headers={**publisher.admin, "Content-Type": kind},
    )
    assert answer.status_code == 201, answer.text
    assert yaml.safe_load((await get(publisher, "night")).content)["name"] == "night"


async def test_a_version_is_given_as_its_document(publisher: Publisher) -> None:
    told = await get(publisher, "toolkit/versions/1")
    assert yaml.safe_load(told.content) == toolkit()


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (b"name: [a\nb: c", "malformed_yaml", "2"),
        (b"name: a\n  b: c: d", "malformed_yaml", "2"),
        (b"a: 1\nb: \xff", "malformed_yaml", "2"),
        (b"a: 1\nb: \x01", "malformed_yaml", "2"),
        (b"a: &x [1]\nb: *x", "yaml_alias", "2"),
        (b"a: !!python/object:os.system {}", "malformed_yaml", "1"),
        (b"a: " + b"[" * 60_000, "yaml_too_deep", str(DEPTH_MAX)),
        (b"1: a", "yaml_not_json", "JSON"),
        (b"a: 123456789012345678901234567890", "yaml_not_json", "JSON"),
        (b"a: 2026-13-41", "yaml_not_json", "JSON"),
        (b"a: !!binary aGk=", "yaml_not_json", "JSON"),
        (b"a: !!set {x, y}", "yaml_not_json", "JSON"),
    ],
)
async def test_what_is_no_document_is_refused_where_it_stands(
    publisher: Publisher, body: bytes, code: str, place: str
) -> None:
    answer = await put(publisher, body)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (400, code)
    assert place in told["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"- a", b"text", b'name: "a\\0b"', b"name: x"])
async def test_what_is_no_policy_is_refused_as_it_is_in_json(
    publisher: Publisher, body: bytes
) -> None:
    assert (await put(publisher, body)).status_code == 422


async def test_a_few_lines_that_mean_gigabytes_are_refused(publisher: Publisher) -> None:
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    answer = await put(publisher, "\n".join(lines).encode())
    assert answer.json()["code"] == "yaml_alias"


async def test_yaml_is_bounded_and_taken_nowhere_else(publisher: Publisher) -> None:
    assert (await put(publisher, b"a: b\n" * (YAML_BYTES_MAX // 5 + 1))).status_code == 413
    answer = await publisher.world.http.patch(
        f"{API}/sla/policies/toolkit",
        content=b"is_active: true",
        headers={**publisher.admin, "Content-Type": YAML},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("accept", "yes"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("application/yaml", True),
        ("text/yaml, */*;q=0.1", True),
        ("application/json, application/yaml", False),
        ("text/html, application/x-yaml", True),
    ],
)
def test_json_is_given_to_whoever_does_not_ask_for_yaml(accept: str | None, yes: bool) -> None:
    assert prefers_yaml(accept) is yes


@given(st.binary(max_size=200) | st.text("ab:-[]{}&*!|>#'\"\n \t%@0é", max_size=80).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_are_json_or_refused(raw: bytes) -> None:
    with suppress(BadRequest):
        orjson.loads(read_yaml(raw))
