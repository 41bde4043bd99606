"""Refusals: written at once the first time, summed for the rest of the minute, never in the answer's way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.audit import refusals as module
from app.audit.models import AuditEntry
from app.audit.refusals import Refusals
from app.auth.login_limit import LoginFailed
from app.auth.passwords import hash_password
from app.columns import table_columns
from app.database import Database
from app.errors import Conflict, NotAuthenticated, NotFound, NotPermitted, Refusal, Unavailable
from app.main import create_app
from app.settings import Settings
from app.statements import Row, Statement
from tests.conftest import LoginAs
from tests.factories import make_user

AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
KINDS = ("request.refused", "login.failed")
NOON = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEYS, ME, TOKEN = "/api/v1/api-keys", "/api/v1/auth/me", "/api/v1/auth/token"


class Clock:
    """Real time as a test tells it."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def scope(address: str = "192.0.2.1", **more: Any) -> dict[str, Any]:
    return {"method": "GET", "client": (address, 1), "huiying.request_id": "r-12345678", **more}


async def written(database: Database) -> list[Row]:
    return [row for row in await database.all(AUDIT) if row["action"] in KINDS]


def summary(row: Row) -> tuple[str, str | None, int]:
    return row["changes"]["code"], row["address"], row["count"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusals(database: Database, clock: Clock) -> Refusals:
    return Refusals(database, clock)


# --- through the application


async def test_a_401_names_the_address_the_code_and_the_route(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.get(f"{KEYS}/0197b1c2-7d3e-7aaa-8000-000000000000")
    await app.state.refusals.flush()
    [entry] = await written(database)
    assert entry["action"] == "request.refused"
    assert entry["entity"] == "request"
    assert (entry["actor_user_id"], entry["actor_name"]) == (None, "anonymous")
    assert entry["address"] == "127.0.0.1"
    assert entry["request_id"] == answer.json()["request_id"]
    assert entry["count"] == 1
    assert entry["changes"] == {
        "code": "not_authenticated",
        "method": "GET",
        "route": "/api/v1/api-keys/{api_key_id}",
    }


async def test_a_403_names_the_user(
    app: FastAPI, client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    caller = await login_as("sales", name="李雷")
    assert (await client.get(KEYS, headers=caller)).status_code == 403
    await app.state.refusals.flush()
    [entry] = await written(database)
    assert (entry["actor_user_id"], entry["actor_name"]) == (caller.user["id"], "李雷")
    assert entry["changes"]["code"] == "not_permitted"


async def test_a_failed_login_names_the_account_that_was_tried_and_no_password(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        user = await make_user(
            tx, email="li.lei@example.com", password_hash=hash_password("correct-horse-staple")
        )
    for name in ("li.lei@example.com", "nobody@example.com"):
        form = {"username": name, "password": "a-wrong-password"}
        assert (await client.post(TOKEN, data=form)).status_code == 401
    await app.state.refusals.flush()
    known, unknown = await written(database)
    assert known["action"] == unknown["action"] == "login.failed"
    assert (known["entity"], known["entity_id"]) == ("user", user["public_id"])
    assert (unknown["entity"], unknown["entity_id"]) == ("request", None)
    assert known["actor_user_id"] is None
    assert "wrong-password" not in str(await written(database))
    assert "nobody@example.com" not in str(await written(database))


async def test_a_refused_old_password_and_a_limited_login_count_as_failed_logins(
    app: FastAPI, client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    caller = await login_as("sales")
    body = {"old_password": "a-wrong-password", "new_password": "correct-horse-staple"}
    codes = set()
    for _ in range(21):
        answer = await client.post("/api/v1/auth/password", json=body, headers=caller)
        codes.add(answer.json()["code"])
    assert codes == {"password_wrong", "login_limited"}
    await app.state.refusals.flush(everything=True)
    entries = await written(database)
    assert {entry["action"] for entry in entries} == {"login.failed"}
    assert {entry["actor_user_id"] for entry in entries} == {caller.user["id"]}
    assert sum(entry["count"] for entry in entries) == 21


async def test_no_other_refusal_is_recorded(
    app: FastAPI, client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    missing = f"{KEYS}/0197b1c2-7d3e-7aaa-8000-000000000000"
    assert (await client.get(missing, headers=admin)).status_code == 404
    assert (await client.post(KEYS, json={}, headers=admin)).status_code == 422
    assert (await client.get("/nowhere")).status_code == 404
    await app.state.refusals.flush(everything=True)
    assert await written(database) == []


async def test_what_is_counted_is_written_when_the_application_stops(
    settings: Settings, database: Database
) -> None:
    application = create_app(settings, database)
    transport = httpx.ASGITransport(app=application)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        for _ in range(5):
            await client.get(ME)
    entries = await written(database)
    assert sum(entry["count"] for entry in entries) == 5
    assert len(entries) <= 3


# --- summing


async def test_the_first_of_a_minute_is_written_at_once_the_rest_when_it_is_over(
    refusals: Refusals, database: Database, clock: Clock
) -> None:
    for _ in range(7):
        refusals.record(scope(), NotAuthenticated())
    await refusals.flush()
    assert [summary(row) for row in await written(database)] == [
        ("not_authenticated", "192.0.2.1", 1)
    ]
    clock.at = NOON.replace(second=59, microsecond=999_999)
    await refusals.flush()
    assert len(await written(database)) == 1
    clock.at = NOON.replace(minute=1, second=0)
    await refusals.flush()
    first, rest = await written(database)
    assert rest["count"] == 6
    assert rest["changes"]["minute"] == "2026-03-02T12:00:00.000000Z"
    assert (first["request_id"], rest["request_id"]) == ("r-12345678", None)
    await refusals.flush(everything=True)
    assert len(await written(database)) == 2


async def test_the_next_minute_begins_with_an_entry_of_its_own(
    refusals: Refusals, database: Database, clock: Clock
) -> None:
    for _ in range(2):
        for _ in range(3):
            refusals.record(scope(), NotPermitted())
        clock.at += MINUTE
    await refusals.flush(everything=True)
    assert sorted(row["count"] for row in await written(database)) == [1, 1, 2, 2]


async def test_address_code_and_account_are_counted_apart(
    refusals: Refusals, database: Database
) -> None:
    for refusal in (NotAuthenticated(), NotPermitted(), LoginFailed(), LoginFailed((7, "u7"))):
        for address in ("192.0.2.1", "192.0.2.2"):
            for _ in range(3):
                refusals.record(scope(address), refusal)
    await refusals.flush(everything=True)
    entries = await written(database)
    assert sorted(row["count"] for row in entries) == [1] * 8 + [2] * 8
    assert {row["entity_key"] for row in entries} == {None, 7}


async def test_more_callers_than_are_kept_are_summed_without_their_address(
    refusals: Refusals, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 3)
    for number in range(10):
        refusals.record(scope(f"192.0.2.{number}"), NotAuthenticated())
    await refusals.flush(everything=True)
    entries = await written(database)
    assert [row["count"] for row in entries] == [1, 1, 1, 7]
    assert sum(1 for row in entries if row["address"] is not None) <= 4


@pytest.mark.parametrize("refusal", [NotFound(), Conflict(), Unavailable(), Refusal()])
async def test_what_is_neither_401_nor_403_is_left_alone(
    refusals: Refusals, database: Database, refusal: Refusal
) -> None:
    refusals.record(scope(), refusal)
    await refusals.flush(everything=True)
    assert await written(database) == []


# --- trouble


async def test_a_database_that_is_away_loses_no_refusal_and_breaks_no_answer(
    refusals: Refusals, database: Database, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    whole = database.transaction

    def away(*_: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr(database, "transaction", away)
    for _ in range(4):
        refusals.record(scope(), NotAuthenticated())
    clock.at += MINUTE
    await refusals.flush()
    assert await written(database) == []
    monkeypatch.setattr(database, "transaction", whole)
    await refusals.flush()
    assert sum(row["count"] for row in await written(database)) == 4


async def test_a_scope_that_cannot_be_read_is_no_callers_trouble(refusals: Refusals) -> None:
    refusals.record({}, NotAuthenticated())
    assert refusals._tasks == set()


async def test_many_at_once_lose_nothing(
    app: FastAPI, client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    callers = [await login_as("sales") for _ in range(3)]
    await asyncio.gather(
        *(client.get(KEYS, headers=caller) for caller in callers for _ in range(10))
    )
    await app.state.refusals.flush(everything=True)
    entries = await written(database)
    assert sum(row["count"] for row in entries) == 30
    assert {row["actor_user_id"] for row in entries} == {caller.user["id"] for caller in callers}
