"""Who is calling at all: no token, worthless tokens, people who left, and API keys that hold one scope."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import API_KEY_SCOPES, Permission, Role
from app.database import Database
from tests.conftest import AsUser, Caller
from tests.factories import bearer, make_session, make_user
from tests.routes.office import NOBODY, Office, Relation, fingerprint, make_office
from tests.routes.probes import Asked, operations, request_of
from tests.routes.targets import Target

# Of those that ask for no permission: a key is nobody's session, so it can neither end nor change one.
NOT_FOR_KEYS = {"auth_log_out", "auth_change_password"}
ME = "/api/v1/auth/me"


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


async def ask_nobody(
    client: httpx.AsyncClient, office: Office, asked: Asked, headers: Mapping[str, Any]
) -> httpx.Response:
    """Send a route's own body about rows that do not exist."""
    caller = office.callers[Role.ADMIN]
    ids = dict.fromkeys(("customer", "other_customer", "contact", "other_ticket", "rule"), NOBODY)
    names = {"code": "no_such", "name": "no_such", "calendar": "no_such"}
    parts = [part[1:-1] for part in asked.path.split("/") if part.startswith("{")]
    target = Target(office, caller, {name: names.get(name, NOBODY) for name in parts}, ids)
    return await client.request(**request_of(asked, target), headers=dict(headers))


async def refuses_everywhere(
    client: httpx.AsyncClient, office: Office, headers: Mapping[str, Any]
) -> None:
    tried = 0
    for asked in operations(office.app):
        if not asked.guarded:
            continue
        answer = await ask_nobody(client, office, asked, headers)
        assert answer.status_code == 401, f"{asked.operation}: {answer.text}"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        tried += 1
    assert tried > 60


@pytest.mark.sop("SE-1")
async def test_without_a_token_every_guarded_route_refuses(
    client: httpx.AsyncClient, office: Office
) -> None:
    await refuses_everywhere(client, office, {})


@pytest.mark.sop("SE-1")
async def test_somebody_deactivated_is_out_of_every_route_at_once(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin, leaver = office.callers[Role.ADMIN], office.callers[Role.MANAGER]
    assert (await client.get(ME, headers=leaver)).status_code == 200
    url = f"/api/v1/users/{leaver.user['public_id']}"
    answer = await client.patch(url, json={"is_active": False}, headers=admin)
    assert answer.status_code == 200
    await refuses_everywhere(client, office, leaver)


async def test_a_demoted_manager_loses_his_grants_at_once(
    client: httpx.AsyncClient, office: Office
) -> None:
    admin, demoted = office.callers[Role.ADMIN], office.callers[Role.MANAGER]
    body = {"name": "新客户", "source_channel": "phone"}
    answer = await client.post("/api/v1/customers", json=body, headers=demoted)
    assert answer.status_code == 201
    url = f"/api/v1/users/{demoted.user['public_id']}"
    assert (await client.patch(url, json={"role": "analyst"}, headers=admin)).status_code == 200
    answer = await client.post("/api/v1/customers", json=body, headers=demoted)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


WORTHLESS = [
    b"", b"Bearer", b"Bearer ", b"Bearer  ", b"Basic YTpi", b"bearer", b"Bearer a.b.c", b"Bearer hy_",
    b"Bearer hy_" + b"x" * 60, b"Bearer hyr_" + b"x" * 43, b"Bearer \xff\xfe", b"Bearer \x00",
    b"Bearer " + b"x" * 9000, b"Token x", b"Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer 令牌".encode(),
    b"Bearer null", b"Bearer a b",
]  # fmt: skip


async def test_a_worthless_authorization_is_401(
    client: httpx.AsyncClient, database: Database
) -> None:
    before = await fingerprint(database)
    for value in WORTHLESS:
        answer = await client.get(ME, headers=[(b"authorization", value)])
        assert answer.status_code == 401, value
        assert answer.headers["content-type"] == "application/problem+json"
    assert await fingerprint(database) == before


async def test_a_token_signed_by_another_deployment_is_401(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="admin")
        session = await make_session(tx, user)
    forged = bearer(b"another-secret-with-enough-bytes-0123456789", user, session)
    assert (await client.get(ME, headers=dict(forged))).status_code == 401


# --- API keys


async def make_key(client: httpx.AsyncClient, maker: Caller, *scopes: Permission) -> dict[str, str]:
    body = {"name": "官网表单", "scopes": [scope.value for scope in scopes]}
    answer = await client.post("/api/v1/api-keys", json=body, headers=maker)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


@pytest.mark.sop("SE-1")
async def test_a_key_opens_the_routes_of_its_one_scope_and_no_other(
    client: httpx.AsyncClient, office: Office
) -> None:
    faults: list[str] = []
    for scope in sorted(API_KEY_SCOPES):
        faults += await faults_of_key(client, office, scope)
    assert not faults, "\n".join(faults)


async def faults_of_key(client: httpx.AsyncClient, office: Office, scope: Permission) -> list[str]:
    """Return where a key of one scope is let in against it, or kept out."""
    faults = []
    key = await make_key(client, office.callers[Role.ADMIN], scope)
    opened = 0
    for asked in operations(office.app):
        if not asked.guarded:
            continue
        may = asked.permission is scope or (
            asked.permission is None and asked.operation not in NOT_FOR_KEYS
        )
        answer = await ask_nobody(client, office, asked, key)
        if answer.status_code >= 500 or (answer.status_code not in (401, 403)) != may:
            faults.append(f"{scope} {asked.operation}: {answer.status_code} {answer.text[:200]}")
        opened += may
    return faults if opened else [f"{scope} opens nothing"]


async def test_no_key_holds_what_only_people_may(client: httpx.AsyncClient, office: Office) -> None:
    for scope in sorted(frozenset(Permission) - API_KEY_SCOPES):
        body = {"name": "官网表单", "scopes": [scope.value]}
        answer = await client.post(
            "/api/v1/api-keys", json=body, headers=office.callers[Role.ADMIN]
        )
        assert answer.status_code == 422, scope
        assert answer.json()["errors"][0]["pointer"] == "/scopes/0"


async def test_a_key_shrinks_with_the_person_in_whose_name_it_was_made(
    client: httpx.AsyncClient, office: Office, as_user: AsUser
) -> None:
    admin = office.callers[Role.ADMIN]
    async with office.database.transaction() as tx:
        maker = await make_user(tx, role="admin", department=office.east)
    key = await make_key(client, await as_user(maker), Permission.CUSTOMERS_WRITE)
    far, _ = await office.customer(admin, Relation.OTHER)
    near, _ = await office.customer(admin, Relation.DEPARTMENT)
    statuses = {}
    for role in ("admin", "sales", "analyst"):
        url = f"/api/v1/users/{maker['public_id']}"
        assert (await client.patch(url, json={"role": role}, headers=admin)).status_code == 200
        statuses[role] = [
            (
                await client.patch(
                    f"/api/v1/customers/{row['public_id']}", json={"region": role}, headers=key
                )
            ).status_code
            for row in (near, far)
        ]
    assert statuses == {"admin": [200, 200], "sales": [200, 403], "analyst": [403, 403]}
