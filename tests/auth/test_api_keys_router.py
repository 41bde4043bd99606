"""API keys: shown once, kept hashed, as far as their scopes and their owner reach, revoked for ever."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.audit.models import AuditEntry
from app.auth.models import ApiKey, User
from app.auth.permissions import API_KEY_SCOPES, Permission, Role
from app.auth.schemas import ApiKeyCreated, ApiKeyPage, ApiKeyRead
from app.columns import table_columns
from app.database import Database
from app.statements import Statement
from app.time import format_instant, real_now
from tests.auth.answers import code_of, errors_of
from tests.conftest import LoginAs
from tests.factories import make_rules

URL = "/api/v1/api-keys"
NEW = {"name": "官网表单", "scopes": ["users:read", "departments:read"]}
KEYS = Statement(select(*table_columns(ApiKey)).order_by(ApiKey.id))
AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
STAFF = [role.value for role in Role if role is not Role.ADMIN]


async def make(client: httpx.AsyncClient, headers: dict[str, str], **changes: Any) -> Any:
    answer = await client.post(URL, json=NEW | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearing(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['key']}"}


async def test_a_key_is_shown_once_and_kept_hashed(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    answer = await client.post(URL, json=NEW, headers=admin)
    assert answer.status_code == 201
    made = ApiKeyCreated.model_validate(answer.json())
    assert made.key.startswith(made.prefix + "_")
    assert str(made.user_id) == admin.user["public_id"]
    assert answer.headers["location"] == f"{URL}/{made.id}"
    read = await client.get(answer.headers["location"], headers=admin)
    ApiKeyRead.model_validate(read.json())
    assert "key" not in read.json()
    secret = made.key.rpartition("_")[2]
    row = (await database.all(KEYS))[0]
    assert secret not in str(row)
    written = str(await database.all(AUDIT))
    assert secret not in written
    assert row["secret_hash"] not in written


async def test_a_key_may_what_its_scopes_say_and_no_more(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    key = bearing(await make(client, admin, scopes=["users:read", "users:read"]))
    assert (await client.get("/api/v1/users", headers=key)).status_code == 200
    for url in ("/api/v1/departments", URL, "/api/v1/audit"):
        assert code_of(await client.get(url, headers=key)) == (403, "not_permitted")
    assert (await database.all(KEYS))[0]["scopes"] == ["users:read"]


async def test_a_key_shrinks_with_its_owner_and_rests_with_him(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin, owner = await login_as("admin"), await login_as("admin")
    key = bearing(await make(client, owner, scopes=["customers:read", "users:read"]))
    customers = "/api/v1/customers"
    assert (await client.get(customers, headers=key)).status_code == 200
    url = f"/api/v1/users/{owner.user['public_id']}"
    await client.patch(url, json={"role": "auditor"}, headers=admin)
    assert code_of(await client.get(customers, headers=key)) == (403, "not_permitted")
    assert (await client.get("/api/v1/users", headers=key)).status_code == 200
    await client.patch(url, json={"is_active": False}, headers=admin)
    assert code_of(await client.get("/api/v1/users", headers=key)) == (401, "token_revoked")


async def test_who_works_through_a_key_is_named_with_it_in_the_audit(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    await make_rules(database, real_now())  # a new file is promised a monthly refresh
    admin = await login_as("admin")
    made = await make(client, admin, scopes=["customers:write", "customers:read"])
    body = {"name": "华为", "source_channel": "phone"}
    answer = await client.post("/api/v1/customers", json=body, headers=bearing(made))
    assert answer.status_code == 201
    entry = (await database.all(AUDIT))[-1]
    assert entry["actor_user_id"] == admin.user["id"]
    assert entry["actor_api_key_id"] == (await database.all(KEYS))[0]["id"]


async def test_a_key_lives_up_to_not_including_its_end(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    end = format_instant(real_now() + timedelta(days=1))
    key = bearing(await make(client, admin, expires_at=end))
    assert (await client.get("/api/v1/users", headers=key)).status_code == 200
    other = bearing(await make(client, admin, expires_at=end))
    async with database.transaction() as tx:
        row = (await tx.all(KEYS))[-1]
        await writing.update(tx, ApiKey, row, expires_at=real_now())
    assert code_of(await client.get("/api/v1/users", headers=other)) == (401, "token_revoked")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"scopes": ["users:read"]}, "/name", "missing"),
        ({"name": "k"}, "/scopes", "missing"),
        ({"name": "k", "scopes": []}, "/scopes", "too_short"),
        ({"name": "k", "scopes": ["users:fly"]}, "/scopes/0", "enum"),
        ({"name": "k", "scopes": ["users:read"] * 51}, "/scopes", "too_long"),
        ({"name": "k", "scopes": ["users:read"], "key": "x"}, "/key", "extra_forbidden"),
        (NEW | {"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at", "instant_passed"),
        (NEW | {"expires_at": "2030-01-01"}, "/expires_at", "datetime_parsing"),
    ],
)
async def test_a_key_that_will_not_do_is_refused_at_its_field(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    body: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    answer = await client.post(URL, json=body, headers=await login_as("admin"))
    assert errors_of(answer) == [(pointer, code)]


@pytest.mark.parametrize("scope", sorted(frozenset(Permission) - API_KEY_SCOPES))
async def test_what_only_people_may_is_no_scope(
    client: httpx.AsyncClient, login_as: LoginAs, scope: Permission
) -> None:
    body = {"name": "k", "scopes": ["users:read", scope.value]}
    answer = await client.post(URL, json=body, headers=await login_as("admin"))
    assert errors_of(answer) == [("/scopes/1", "scope_refused")]


async def test_a_key_is_never_replayed_nor_made_twice(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    headers = {**await login_as("admin"), "Idempotency-Key": "k-1"}
    assert (await client.post(URL, json=NEW, headers=headers)).status_code == 201
    again = await client.post(URL, json=NEW, headers=headers)
    assert code_of(again) == (409, "secret_not_replayable")
    other = await client.post(URL, json=NEW | {"name": "x"}, headers=headers)
    assert code_of(other) == (422, "idempotency_key_reused")
    assert len(await database.all(KEYS)) == 1


@pytest.mark.parametrize("role", STAFF)
async def test_only_the_admin_sees_and_makes_keys(
    client: httpx.AsyncClient, login_as: LoginAs, role: str
) -> None:
    url = f"{URL}/{(await make(client, await login_as('admin')))['id']}"
    caller = await login_as(role)
    for answer in (
        await client.get(URL, headers=caller),
        await client.get(url, headers=caller),
        await client.post(URL, json=NEW, headers=caller),
        await client.delete(url, headers=caller),
    ):
        assert code_of(answer) == (403, "not_permitted")


async def test_every_route_of_keys_wants_a_login(client: httpx.AsyncClient) -> None:
    url = f"{URL}/{uuid4()}"
    for answer in (
        await client.get(URL),
        await client.get(url),
        await client.post(URL, json=NEW),
        await client.delete(url),
    ):
        assert code_of(answer) == (401, "not_authenticated")


async def test_a_key_that_does_not_exist_is_not_found(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    url = f"{URL}/{uuid4()}"
    assert code_of(await client.get(url, headers=admin)) == (404, "not_found")
    assert code_of(await client.delete(url, headers=admin)) == (404, "not_found")


async def test_the_list_filters_and_sorts(client: httpx.AsyncClient, login_as: LoginAs) -> None:
    admin, other = await login_as("admin"), await login_as("admin")
    first = await make(client, admin, name="a")
    await make(client, admin, name="b")
    await make(client, other, name="c")
    await client.delete(f"{URL}/{first['id']}", headers=admin)

    async def names(**asked: Any) -> list[str]:
        answer = await client.get(URL, params=asked, headers=admin)
        return [key.name for key in ApiKeyPage.model_validate(answer.json()).items]

    assert await names() == ["c", "b", "a"]
    assert await names(sort="created_at") == ["a", "b", "c"]
    assert await names(is_revoked="true") == ["a"]
    assert await names(is_revoked="false", user_id=admin.user["public_id"]) == ["b"]
    refused = await client.get(URL, params={"secret_hash": "x"}, headers=admin)
    assert errors_of(refused) == [("/query/secret_hash", "extra_forbidden")]


async def test_a_revoked_key_is_worth_nothing_and_stays_revoked(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    made = await make(client, admin)
    url = f"{URL}/{made['id']}"
    assert (await client.get("/api/v1/users", headers=bearing(made))).status_code == 200
    stale = await client.delete(url, headers={**admin, "If-Match": '"7"'})
    assert code_of(stale) == (412, "stale_version")
    assert (await client.get("/api/v1/users", headers=bearing(made))).status_code == 200
    for _ in range(2):
        answer = await client.delete(url, headers=admin)
        assert (answer.status_code, answer.content) == (204, b"")
    revoked_at = (await database.all(KEYS))[0]["revoked_at"]
    assert (await client.get(url, headers=admin)).json()["revoked_at"] == format_instant(revoked_at)
    refused = await client.get("/api/v1/users", headers=bearing(made))
    assert code_of(refused) == (401, "token_revoked")
    entries = [e["action"] for e in await database.all(AUDIT) if e["entity"] == "api_key"]
    assert entries == ["api_key.create", "api_key.update"]


async def test_a_wrong_secret_behind_a_right_prefix_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    made = await make(client, await login_as("admin"))
    forged = {"Authorization": f"Bearer {made['prefix']}_{'x' * 43}"}
    assert code_of(await client.get("/api/v1/users", headers=forged)) == (401, "token_invalid")


async def test_an_owner_who_is_switched_off_behind_the_apis_back_switches_his_key_off(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    made = await make(client, admin)
    async with database.transaction() as tx:
        await writing.update(tx, User, admin.user, is_active=False)
    refused = await client.get("/api/v1/users", headers=bearing(made))
    assert code_of(refused) == (401, "token_revoked")
