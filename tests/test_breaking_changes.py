"""What breaks a client of the contract, and what only adds to it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from scripts.breaking_changes import breaking_changes

Document = dict[str, Any]


def make_document() -> Document:
    """Return a contract with one resource: a list, an opening that takes a body, a reading."""
    thing = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "name": {"type": "string"},
            "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "parent": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    create = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 200, "minLength": 1},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "count": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "note": {"type": "string"},
        },
    }
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    taken = {"application/json": {"schema": {"$ref": "#/components/schemas/Create"}}}
    return {
        "paths": {
            "/things": {
                "get": {
                    "operationId": "things_list",
                    "x-permission": "things:read",
                    "parameters": [
                        {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}}
                    ],
                    "responses": {"200": answer, "422": {}},
                },
                "post": {
                    "operationId": "things_create",
                    "x-permission": "things:write",
                    "requestBody": {"content": taken},
                    "responses": {"201": answer},
                },
            },
            "/things/{id}": {"get": {"operationId": "things_read", "responses": {"200": answer}}},
        },
        "components": {"schemas": {"Thing": thing, "Create": create}},
    }  # fmt: skip


def changed(change: Callable[[Any, Any, Any], object]) -> list[str]:
    """Return what breaks when `change(paths, Thing, Create)` is made."""
    before, after = make_document(), make_document()
    schemas = after["components"]["schemas"]
    change(after["paths"], schemas["Thing"], schemas["Create"])
    return breaking_changes(before, after)


BREAKING: dict[str, tuple[Callable[[Any, Any, Any], object], str]] = {
    "a path is removed": (lambda p, t, c: p.pop("/things/{id}"), "/things/{id}: the path is gone"),
    "an operation is removed": (
        lambda p, t, c: p["/things"].pop("post"), "POST /things: the operation is gone",
    ),
    "an operation is renamed": (
        lambda p, t, c: p["/things"]["get"].update(operationId="x_y"),
        "GET /things: operationId is another one",
    ),
    "another permission is asked": (
        lambda p, t, c: p["/things"]["get"].update({"x-permission": "all:things"}),
        "GET /things: asks for another permission",
    ),
    "a parameter is removed": (
        lambda p, t, c: p["/things"]["get"].pop("parameters"), "GET /things: parameter limit is gone",
    ),
    "a parameter takes less": (
        lambda p, t, c: p["/things"]["get"]["parameters"][0]["schema"].update(maximum=100),
        "GET /things ?limit: maximum is 100 now",
    ),
    "a parameter is newly required": (
        lambda p, t, c: p["/things"]["get"]["parameters"].append(
            {"in": "query", "name": "q", "required": True, "schema": {}}
        ),
        "GET /things: parameter q is required now",
    ),
    "a body is newly required": (
        lambda p, t, c: p["/things"]["post"]["requestBody"].update(required=True),
        "POST /things: a body is required now",
    ),
    "a media type is removed": (
        lambda p, t, c: p["/things"]["post"]["requestBody"].update(content={}),
        "POST /things: takes application/json no more",
    ),
    "a success is answered otherwise": (
        lambda p, t, c: p["/things"]["post"].update(responses={"200": {}}),
        "POST /things: 201 is answered no more",
    ),
    "an answer's field is removed": (
        lambda p, t, c: t["properties"].pop("name"), "GET /things/{id} 200.name: is gone",
    ),
    "an answer's field may be absent": (
        lambda p, t, c: t["required"].remove("name"), "GET /things/{id} 200.name: may be absent now",
    ),
    "an answer's field changes its type": (
        lambda p, t, c: t["properties"].update(name={"type": "integer"}),
        "GET /things/{id} 200.name: may be integer now",
    ),
    "an answer's field may be null": (
        lambda p, t, c: t["properties"].update(name={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "GET /things/{id} 200.name: may be null now",
    ),
    "an answer's items change their type": (
        lambda p, t, c: t["properties"]["tags"].update(items={"type": "object"}),
        "GET /things/{id} 200.tags[]: may be object now",
    ),
    "an input is removed": (
        lambda p, t, c: c["properties"].pop("note"), "POST /things body.note: is gone",
    ),
    "an input is newly required": (
        lambda p, t, c: c["required"].append("note"), "POST /things body.note: is required now",
    ),
    "a new required input": (
        lambda p, t, c: (c["required"].append("x"), c["properties"].update(x={"type": "string"})),
        "POST /things body.x: is required now",
    ),
    "an input takes no null any more": (
        lambda p, t, c: c["properties"].update(count={"type": "integer", "minimum": 0}),
        "POST /things body.count: takes null no more",
    ),
    "an input's format changes": (
        lambda p, t, c: c["properties"].update(note={"type": "string", "format": "date"}),
        "POST /things body.note: takes string no more",
    ),
    "an input takes fewer values": (
        lambda p, t, c: c["properties"]["kind"].update(enum=["a"]),
        "POST /things body.kind: takes b no more",
    ),
    "an input takes only some values": (
        lambda p, t, c: c["properties"]["note"].update(enum=["x"]),
        "POST /things body.note: takes other values no more",
    ),
    "an input takes shorter texts": (
        lambda p, t, c: c["properties"]["name"].update(maxLength=100),
        "POST /things body.name: maxLength is 100 now",
    ),
    "an input takes no short texts": (
        lambda p, t, c: c["properties"]["name"].update(minLength=2),
        "POST /things body.name: minLength is 2 now",
    ),
    "a nullable input takes fewer numbers": (
        lambda p, t, c: c["properties"]["count"]["anyOf"][0].update(minimum=1),
        "POST /things body.count: minimum is 1 now",
    ),
    "an input wants a pattern": (
        lambda p, t, c: c["properties"]["note"].update(pattern="^x"),
        "POST /things body.note: the pattern is another one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found(name: str) -> None:
    change, line = BREAKING[name]
    assert line in changed(change)


ADDITIVE: dict[str, Callable[[Any, Any, Any], object]] = {
    "nothing": lambda p, t, c: None,
    "a path": lambda p, t, c: p.update({"/others": {"get": {"responses": {}}}}),
    "an operation": lambda p, t, c: p["/things"].update({"put": {"responses": {}}}),
    "an optional parameter": lambda p, t, c: p["/things"]["get"]["parameters"].append(
        {"in": "query", "name": "q", "schema": {"type": "string"}}
    ),
    "a field of an answer": lambda p, t, c: t["properties"].update(more={"type": "string"}),
    "a field that is always there now": lambda p, t, c: t["required"].append("tags"),
    "a field that is never null now": lambda p, t, c: t["properties"].update(
        count={"type": "integer"}
    ),
    "an optional input": lambda p, t, c: c["properties"].update(more={"type": "string"}),
    "a value of an input": lambda p, t, c: c["properties"]["kind"]["enum"].append("c"),
    "any value of an input": lambda p, t, c: c["properties"]["kind"].pop("enum"),
    "longer texts": lambda p, t, c: c["properties"]["name"].update(maxLength=300),
    "texts of any length": lambda p, t, c: c["properties"]["name"].pop("maxLength"),
    "null in an input": lambda p, t, c: c["properties"].update(
        note={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "any number where only whole ones were": lambda p, t, c: c["properties"].update(
        count={"anyOf": [{"type": "number"}, {"type": "null"}]}
    ),
    "an input that may be left out": lambda p, t, c: c["required"].remove("name"),
    "a refusal": lambda p, t, c: p["/things"]["get"]["responses"].update({"429": {}}),
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_what_only_adds_breaks_nobody(name: str) -> None:
    assert changed(ADDITIVE[name]) == []


def test_a_schema_that_holds_itself_is_compared_once() -> None:
    document = make_document()
    assert breaking_changes(document, copy.deepcopy(document)) == []
