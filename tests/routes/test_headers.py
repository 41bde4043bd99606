"""What stands beside every answer: no cache keeps it, versions are ETags, what is new has its place."""

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.database import Database
from tests.conftest import AsUser
from tests.routes.office import Office, Relation, make_office
from tests.routes.probes import operations, request_of
from tests.routes.targets import make_target, nearest

# What is answered 201 and is no resource of its own: the message stands in its ticket's list.
WITHOUT_ETAG = {"tickets_messages_create", "consents_record"}


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


def faults_of(answer: httpx.Response) -> list[str]:
    """Return what is wrong with an answer's headers."""
    headers, faults = answer.headers, []
    is_ours = answer.request.url.path.startswith("/api/")
    if is_ours and "no-store" not in headers.get("cache-control", ""):
        faults.append("a cache may keep it")
    if headers.get("x-content-type-options") != "nosniff" or "x-request-id" not in headers:
        faults.append("lacks nosniff or the request's id")
    if answer.status_code == 204 and answer.content:
        faults.append("has a body and says that it has none")
    if "set-cookie" in headers or "server" in headers:
        faults.append("says too much")
    if answer.status_code == 201 and not headers.get("location", "").startswith("/api/v1/"):
        faults.append("does not say where the new one is")
    return faults


async def test_every_answer_carries_the_headers_of_the_contract(
    app: FastAPI, client: httpx.AsyncClient, office: Office, as_user: AsUser
) -> None:
    faults, versions = [], 0
    for asked in operations(app):
        assert asked.probe is not None
        caller = await as_user(office.callers[Role.ADMIN].user)
        relation = Relation.OWN if asked.probe.owner_only else nearest(asked.probe.kind)
        target = await make_target(office, caller, asked.probe.kind, relation, asked.probe.state)
        good = await client.request(**request_of(asked, target), headers=caller)
        refused = await client.request(asked.method, request_of(asked, target)["url"], json=[])
        for answer in (good, refused):
            faults += [f"{asked.operation} {answer.status_code} {f}" for f in faults_of(answer)]
        is_json = good.headers.get("content-type") == "application/json"
        body = good.json() if is_json and good.content and good.is_success else None
        if isinstance(body, dict) and "version" in body and asked.operation not in WITHOUT_ETAG:
            versions += 1
            if good.headers.get("etag") != f'"{body["version"]}"':
                faults.append(f"{asked.operation} has no ETag of its version")
    assert not faults, "\n".join(faults)
    assert versions > 30


async def test_what_is_made_is_read_where_it_is_said_to_be(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin, tried = office.callers[Role.ADMIN], 0
    for asked in operations(app):
        assert asked.probe is not None
        if asked.probe.status != 201:
            continue
        target = await make_target(
            office, admin, asked.probe.kind, nearest(asked.probe.kind), asked.probe.state
        )
        made = await client.request(**request_of(asked, target), headers=admin)
        found = await client.get(made.headers["location"], headers=admin)
        assert found.status_code == 200, f"{asked.operation}: {made.headers['location']}"
        tried += 1
    assert tried >= 8
