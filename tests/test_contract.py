"""The contract: every operation says what it is, what it takes and answers, who may; and answers keep to it."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import Draft202012Validator
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from app.auth.permissions import Permission, Role
from app.database import Database
from app.main import create_app
from scripts import export_openapi
from scripts.breaking_changes import FOLDER, breaking_changes
from tests.conftest import AsUser, make_settings
from tests.routes.office import NOBODY, Office, Relation, make_office
from tests.routes.probes import operations, request_of
from tests.routes.targets import make_target

OPERATION_ID = re.compile(r"[a-z]+(_[a-z]+)+")
# What anybody may call: to log in, and for whoever runs the machine.
PUBLIC = {"auth_log_in", "auth_refresh", "health_alive", "health_ready"}
PROBLEM = "application/problem+json"
Operation = tuple[str, str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of an application with every route."""
    folder: Path = tmp_path_factory.mktemp("contract")
    return create_app(make_settings("sqlite:///:memory:", folder)).openapi()


def each(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield method, path and operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def resolve(document: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference stands for."""
    while "$ref" in one:
        found: Any = document
        for part in one["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        one = found
    return one


def examples_of(document: Mapping[str, Any], media: Mapping[str, Any]) -> list[Any]:
    """Return the examples of a body: beside its schema, in it, or in the one alternative to null."""
    schema = resolve(document, media["schema"])
    given: list[Any] = [
        *([media["example"]] if "example" in media else []),
        *schema.get("examples", ()),
    ]
    for other in schema.get("anyOf", ()):
        given += resolve(document, other).get("examples", ())
    return given


# --- every operation


def test_every_operation_is_named_noun_verb_and_no_two_alike(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in each(document)]
    assert len(names) == len(set(names)) > 70
    assert [name for name in names if not OPERATION_ID.fullmatch(name)] == []


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    known = {tag["name"] for tag in document["tags"]}
    for method, path, operation in each(document):
        where = f"{method} {path}"
        assert operation["summary"][0].isupper(), where
        assert not operation["summary"].endswith("."), where
        assert operation["description"], where
        assert len(operation["tags"]) == 1, where
        assert set(operation["tags"]) <= known, where


@pytest.mark.sop("SE-1")
def test_every_operation_names_its_permission_or_is_public(document: dict[str, Any]) -> None:
    permissions = {permission.value for permission in Permission} | {"authenticated"}
    public = set()
    for method, path, operation in each(document):
        if operation["security"]:
            assert operation["x-permission"] in permissions, f"{method} {path}"
        else:
            public.add(operation["operationId"])
            assert "x-permission" not in operation
    assert public == PUBLIC


def test_every_operation_declares_its_refusals_as_problem_documents(
    document: dict[str, Any],
) -> None:
    for method, path, operation in each(document):
        answers = operation["responses"]
        needed = {"401", "403"} if operation["security"] else set()
        needed |= {"404"} if "{" in path else set()
        needed |= {"422"} if operation["security"] else set()
        needed |= {"409", "413", "415"} if method in ("post", "patch", "put") else set()
        assert needed <= answers.keys(), f"{method} {path}"
        for status, answer in answers.items():
            if status >= "4" and not path.startswith("/readyz"):
                assert list(resolve(document, answer)["content"]) == [PROBLEM], f"{method} {path}"


def test_every_answer_has_a_schema_unless_it_has_no_body(document: dict[str, Any]) -> None:
    for method, path, operation in each(document):
        good = {s: a for s, a in operation["responses"].items() if s.startswith("2")}
        assert len(good) == 1, f"{method} {path}"
        for status, answer in good.items():
            if status == "204":
                assert "content" not in answer
                continue
            kinds = {"application/json", "application/yaml", "text/csv", "text/html", OFFICE}
            assert set(answer["content"]) <= kinds
            for media in answer["content"].values():
                assert media["schema"], f"{method} {path} {status}"


def test_every_body_and_answer_has_an_example_that_its_schema_takes(
    document: dict[str, Any],
) -> None:
    lacking = []
    for method, path, operation in each(document):
        bodies = {"body": operation.get("requestBody", {})}
        bodies |= {s: a for s, a in operation["responses"].items() if s.startswith("2")}
        for name, body in bodies.items():
            for media in body.get("content", {}).values():
                examples = examples_of(document, media)
                if not examples:
                    lacking.append(f"{method} {path} {name}")
                schema = {**media["schema"], "components": document["components"]}
                validator = Draft202012Validator(schema, validate_formats=True)
                for example in examples:
                    validator.validate(example)
    assert lacking == []


# --- drift and compatibility


def test_the_committed_document_is_what_the_routes_say() -> None:
    assert export_openapi.TARGET.read_bytes() == export_openapi.render(), (
        "run python -m scripts.export_openapi"
    )


def test_nothing_breaks_clients_of_the_released_contract(document: dict[str, Any]) -> None:
    released = FOLDER / "released.json"
    if not released.exists():
        pytest.skip("no contract has been released yet")
    assert breaking_changes(orjson.loads(released.read_bytes()), document) == []


# --- answers keep to it

OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


async def test_no_simple_call_is_answered_with_an_undeclared_status(
    app: FastAPI,
    client: httpx.AsyncClient,
    office: Office,
    as_user: AsUser,
    document: dict[str, Any],
) -> None:
    faults, tried, answered, roles = [], 0, Counter[int](), (Role.AUDITOR, Role.SALES, Role.ADMIN)
    for asked in operations(app):
        assert asked.probe is not None
        declared = document["paths"][asked.path][asked.method.lower()]["responses"]
        target = await make_target(
            office, office.callers[Role.ADMIN], asked.probe.kind, Relation.OTHER, asked.probe.state
        )
        good = request_of(asked, target)
        missing = {**good, "url": asked.path.format(**dict.fromkeys(target.path, NOBODY))}
        wrong = {"method": asked.method, "url": good["url"], "json": {"no_such_field": 1}}
        stale = {**good, "headers": {"If-Match": '"999"'}}
        for request in (missing, wrong, stale, good, good):
            for role in (None, *roles):
                caller = {} if role is None else office.callers[role]
                headers = {**request.get("headers", {}), **caller}
                answer = await client.request(**{**request, "headers": headers})
                tried += 1
                answered[answer.status_code] += 1
                if role is not None and asked.probe.ends_sessions and answer.is_success:
                    office.callers[role] = await as_user(office.callers[role].user)
                if str(answer.status_code) not in declared:
                    faults.append(f"{asked.operation}: {answer.status_code} {answer.text[:200]}")
    assert sorted(set(faults)) == []
    assert tried > 1000
    assert answered.keys() >= {200, 201, 204, 401, 403, 404, 409, 412, 422}


# Whoever logs out or moves the clock changes the ground under the other requests; parts of an upload are no JSON.
NOT_GENERATED = {"auth_log_out", "rehearsal_advance_clock", "imports_upload"}
CASES_EACH = max(1, int(os.environ.get("HUIYING_EXAMPLES", "100")) // 25)


def generate(operation: Any) -> list[Any]:
    """Return requests made up from an operation's schemas, the same ones every time."""
    cases: list[Any] = []

    @settings(
        max_examples=CASES_EACH,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


async def test_generated_requests_are_answered_by_the_contract(
    app: FastAPI, client: httpx.AsyncClient, office: Office, document: dict[str, Any]
) -> None:
    admin, faults, tried = office.callers[Role.ADMIN], list[str](), 0
    probes = {asked.operation: asked.probe for asked in operations(app)}
    for result in openapi.from_dict(document).get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        name = operation.definition.raw["operationId"]
        probe = probes[name]
        if name in NOT_GENERATED or probe is None:
            continue
        target = await make_target(office, admin, probe.kind, Relation.OTHER, probe.state)
        for number, case in enumerate(generate(operation)):
            if number > 0:  # one asks for nobody's row, the others for one that is there
                case.path_parameters = dict(target.path)
            request = case.as_transport_kwargs(base_url="http://test")
            headers = {**(request.pop("headers", None) or {}), **admin}
            request.pop("cookies", None)
            if isinstance(request.get("data"), (bytes, str)):
                request["content"] = request.pop("data")
            answer = await client.request(**request, headers=headers)
            tried += 1
            try:
                case.validate_response(
                    answer, checks=[not_a_server_error, response_schema_conformance]
                )
            except FailureGroup as failures:
                faults.append(f"{name}: {failures} {failures.exceptions}")
    assert faults == []
    assert tried > 250
