"""Logging in and out, refreshing, passwords, and one's own account."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

from app import writing
from app.audit.models import AuditEntry
from app.auth import hashing, passwords, service, tokens
from app.auth.models import RefreshToken, Session, User
from app.auth.schemas import MeRead, TokenRead
from app.columns import table_columns
from app.database import Database
from app.idempotency.models import IdempotentAnswer
from app.statements import Statement
from app.time import real_now
from tests.auth.answers import code_of, errors_of
from tests.conftest import SECRET, LoginAs
from tests.factories import make_department, make_user

EMAIL = "li.lei@example.com"
PASSWORD = "correct-horse-staple"
OTHER = "battery-and-a-lamp"
HASH = passwords.hash_password(PASSWORD)
SESSIONS = Statement(select(*table_columns(Session)).order_by(Session.id))
LINKS = Statement(select(*table_columns(RefreshToken)).order_by(RefreshToken.id))
USERS = Statement(select(*table_columns(User)).order_by(User.id))
AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
KEPT = Statement(select(*table_columns(IdempotentAnswer)))
TOKEN, REFRESH, LOGOUT, CHANGE, ME = (
    f"/api/v1/auth/{name}" for name in ("token", "refresh", "logout", "password", "me")
)


@pytest.fixture
async def user(database: Database) -> dict[str, Any]:
    async with database.transaction() as tx:
        return await make_user(tx, name="李雷", email=EMAIL, password_hash=HASH)


async def log_in(
    client: httpx.AsyncClient, password: str = PASSWORD, username: str = EMAIL, **headers: str
) -> httpx.Response:
    form = {"username": username, "password": password}
    return await client.post(TOKEN, data=form, headers=headers)


async def pair_of(client: httpx.AsyncClient, password: str = PASSWORD) -> dict[str, Any]:
    answer = await log_in(client, password)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def bearing(pair: dict[str, Any], **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}", **headers}


async def refresh(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await client.post(REFRESH, json={"refresh_token": token}, headers=headers)


# --- logging in


@pytest.mark.usefixtures("user")
async def test_a_right_password_gives_a_pair_of_tokens_that_no_cache_keeps(
    client: httpx.AsyncClient,
) -> None:
    answer = await log_in(client)
    assert answer.status_code == 200
    assert TokenRead.model_validate(answer.json()).expires_in == 900
    assert answer.headers["cache-control"] == "private, no-store"
    assert (await client.get(ME, headers=bearing(answer.json()))).status_code == 200


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("username", ["LI.Lei@Example.COM", f"  {EMAIL} "])
async def test_case_and_blanks_around_an_address_do_not_matter(
    client: httpx.AsyncClient, username: str
) -> None:
    assert (await log_in(client, username=username)).status_code == 200


@pytest.mark.usefixtures("user")
async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    client: httpx.AsyncClient,
) -> None:
    wrong = await log_in(client, OTHER)
    unknown = await log_in(client, username="nobody@example.com")
    assert code_of(wrong) == code_of(unknown) == (401, "login_failed")
    different = {"request_id"}
    assert {k: v for k, v in wrong.json().items() if k not in different} == {
        k: v for k, v in unknown.json().items() if k not in different
    }
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_nobody_and_the_deactivated_cost_a_password_check_too(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction() as tx:
        await make_user(tx, email=EMAIL, password_hash=HASH, is_active=False)
    checked: list[str | None] = []

    async def verify(stored: str | None, password: str) -> bool:
        del password
        checked.append(stored)
        return stored is not None

    monkeypatch.setattr(hashing, "verify_password", verify)
    assert code_of(await log_in(client)) == (401, "login_failed")
    assert code_of(await log_in(client, username="nobody@example.com")) == (401, "login_failed")
    assert checked == [None, None]


async def test_a_user_without_a_password_cannot_log_in(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        await make_user(tx, email=EMAIL)
    assert code_of(await log_in(client, "")) == (422, "validation_failed")
    assert code_of(await log_in(client)) == (401, "login_failed")


async def test_a_password_changed_while_it_was_checked_opens_no_session(
    client: httpx.AsyncClient,
    database: Database,
    user: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def verify(stored: str | None, password: str) -> bool:
        del stored, password
        async with database.transaction() as tx:
            await writing.update(tx, User, user, password_hash="another")
        return True

    monkeypatch.setattr(hashing, "verify_password", verify)
    assert code_of(await log_in(client)) == (401, "login_failed")
    assert await database.all(SESSIONS) == []


async def test_a_hash_of_another_cost_is_made_anew_at_the_login(
    client: httpx.AsyncClient, database: Database
) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    async with database.transaction() as tx:
        await make_user(tx, email=EMAIL, password_hash=cheap.hash(PASSWORD))
    await pair_of(client)
    stored = (await database.all(USERS))[0]["password_hash"]
    assert not passwords.needs_rehash(stored)
    await pair_of(client)


@pytest.mark.parametrize(
    ("form", "pointer", "code"),
    [
        ({"password": PASSWORD}, "/username", "missing"),
        ({"username": EMAIL}, "/password", "missing"),
        ({"username": "a\x00b", "password": PASSWORD}, "/username", "not_text"),
        ({"username": "a" * 255, "password": PASSWORD}, "/username", "string_too_long"),
        ({"username": EMAIL, "password": "x" * 1025}, "/password", "string_too_long"),
        ({"username": EMAIL, "password": "x", "grant_type": "code"}, "/grant_type", "literal_error"),
        ({"username": EMAIL, "password": "x", "otp": "1"}, "/otp", "extra_forbidden"),
    ],
)  # fmt: skip
async def test_a_form_that_is_none_is_refused_field_by_field(
    client: httpx.AsyncClient, form: dict[str, str], pointer: str, code: str
) -> None:
    answer = await client.post(TOKEN, data=form)
    assert (pointer, code) in errors_of(answer)
    assert form.get("password", "?") not in answer.text or len(form["password"]) == 1


async def test_a_form_without_end_is_cut_off(client: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"username=" + b"a" * 65536

    answer = await client.post(
        TOKEN, content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert code_of(answer) == (413, "body_too_large")


@pytest.mark.usefixtures("user")
async def test_a_login_with_a_key_is_not_answered_twice_and_opens_one_session(
    client: httpx.AsyncClient, database: Database
) -> None:
    assert (await log_in(client, **{"Idempotency-Key": "k-1"})).status_code == 200
    again = await log_in(client, **{"Idempotency-Key": "k-1"})
    assert code_of(again) == (409, "secret_not_replayable")
    assert len(await database.all(SESSIONS)) == 1


async def test_a_login_is_audited_without_its_secrets(
    client: httpx.AsyncClient, database: Database, user: dict[str, Any]
) -> None:
    pair = await pair_of(client)
    entries = await database.all(AUDIT)
    login = entries[-1]
    assert (login["action"], login["actor_user_id"]) == ("session.create", user["id"])
    assert login["changes"].keys() == {"user_id", "expires_at"}
    written = str(entries)
    for secret in (PASSWORD, HASH, pair["access_token"], pair["refresh_token"]):
        assert secret not in written
    assert tokens.hash_refresh_token(pair["refresh_token"]) not in written


async def test_a_body_kept_for_repeats_is_hashed_under_the_deployments_secret(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    body = b'{"name": "a", "parent_id": null}'
    headers = await login_as("admin") | {
        "Idempotency-Key": "k-1",
        "Content-Type": "application/json",
    }
    answer = await client.post("/api/v1/departments", content=body, headers=headers)
    assert answer.status_code == 201
    kept = (await database.all(KEPT))[0]["request_hash"]
    guesses = {hashlib.sha256(text).hexdigest() for text in (body, b"\n" + body)}
    assert kept not in guesses


# --- the limit


@pytest.mark.usefixtures("user")
async def test_after_too_many_failures_even_the_right_password_waits(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(stored: str | None, password: str) -> bool:
        return stored is not None and password == PASSWORD

    monkeypatch.setattr(hashing, "verify_password", verify)
    for _ in range(20):
        assert code_of(await log_in(client, OTHER)) == (401, "login_failed")
    limited = await log_in(client)
    assert code_of(limited) == (429, "login_limited")
    assert 1 <= int(limited.headers["retry-after"]) <= 900
    assert limited.headers["ratelimit-policy"] == '"login";q=20;w=900'
    assert limited.headers["ratelimit"].startswith('"login";r=0;t=')
    elsewhere = httpx.ASGITransport(app=app, client=("10.9.8.7", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://test") as other:
        assert code_of(await log_in(other)) == (429, "login_limited")
        assert code_of(await log_in(other, username="x@example.com")) == (401, "login_failed")


# --- refreshing


@pytest.mark.usefixtures("user")
async def test_a_refresh_gives_a_new_pair_and_uses_the_token_up(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await pair_of(client)
    answer = await refresh(client, first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    TokenRead.model_validate(second)
    assert second["refresh_token"] != first["refresh_token"]
    assert (await client.get(ME, headers=bearing(second))).status_code == 200
    assert (await client.get(ME, headers=bearing(first))).status_code == 200
    links = await database.all(LINKS)
    assert [link["used_at"] is not None for link in links] == [True, False]


@pytest.mark.usefixtures("user")
async def test_a_used_token_that_comes_back_ends_the_whole_login(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await pair_of(client)
    other_login = await pair_of(client)
    second = (await refresh(client, first["refresh_token"])).json()
    stolen = await refresh(client, first["refresh_token"])
    assert code_of(stolen) == (401, "refresh_token_reused")
    assert code_of(await refresh(client, second["refresh_token"])) == (401, "refresh_token_invalid")
    assert code_of(await client.get(ME, headers=bearing(second))) == (401, "token_revoked")
    assert (await refresh(client, other_login["refresh_token"])).status_code == 200
    session = (await database.all(SESSIONS))[0]
    assert session["end_reason"] == "refresh_token_reused"
    ended = [e for e in await database.all(AUDIT) if e["action"] == "session.update"]
    assert ended[0]["entity_id"] == session["public_id"]
    assert ended[0]["changes"]["end_reason"] == [None, "refresh_token_reused"]


@pytest.mark.usefixtures("user")
async def test_of_two_refreshes_at_once_one_wins_and_the_login_ends(
    client: httpx.AsyncClient, database: Database
) -> None:
    pair = await pair_of(client)
    answers = await asyncio.gather(*(refresh(client, pair["refresh_token"]) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert (await database.all(SESSIONS))[0]["end_reason"] == "refresh_token_reused"
    assert len(await database.all(LINKS)) == 2


@pytest.mark.usefixtures("user")
async def test_a_refresh_repeated_under_its_key_is_no_theft(client: httpx.AsyncClient) -> None:
    pair = await pair_of(client)
    second = await refresh(client, pair["refresh_token"], **{"Idempotency-Key": "k-1"})
    again = await refresh(client, pair["refresh_token"], **{"Idempotency-Key": "k-1"})
    assert code_of(again) == (409, "secret_not_replayable")
    other = await refresh(client, second.json()["refresh_token"], **{"Idempotency-Key": "k-1"})
    assert code_of(other) == (422, "idempotency_key_reused")
    assert (await refresh(client, second.json()["refresh_token"])).status_code == 200


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("token", ["hyr_" + "x" * 43, "nonsense", "hyr_中文"])
async def test_a_refresh_token_that_is_none_of_ours_is_refused(
    client: httpx.AsyncClient, token: str
) -> None:
    assert code_of(await refresh(client, token)) == (401, "refresh_token_invalid")


async def test_a_session_ends_at_its_fixed_end_whatever_was_refreshed(
    client: httpx.AsyncClient, database: Database, user: dict[str, Any]
) -> None:
    link = tokens.new_refresh_token()
    now = real_now()
    async with database.transaction() as tx:
        session = await writing.insert(
            tx, Session, user_id=user["id"], created_at=now, expires_at=now
        )
        await writing.insert(
            tx, RefreshToken, session_id=session["id"], token_hash=link.token_hash, issued_at=now
        )
    assert code_of(await refresh(client, link.plain)) == (401, "refresh_token_invalid")


async def test_tokens_of_sessions_that_are_over_for_a_day_are_forgotten(
    client: httpx.AsyncClient, database: Database, user: dict[str, Any]
) -> None:
    live = await pair_of(client)
    now, day = real_now(), timedelta(days=1)
    over = [(now - day, None), (now + day, now - day), (now, None), (now + day, now)]
    async with database.transaction() as tx:
        for expires_at, ended_at in over:
            session = await writing.insert(
                tx,
                Session,
                user_id=user["id"],
                created_at=now,
                expires_at=expires_at,
                ended_at=ended_at,
            )
            await writing.insert(
                tx,
                RefreshToken,
                session_id=session["id"],
                token_hash=tokens.new_refresh_token().token_hash,
                issued_at=now,
            )
    assert await service.purge_refresh_tokens(database) == 2
    assert await service.purge_refresh_tokens(database) == 0
    assert len(await database.all(LINKS)) == 3
    assert len(await database.all(SESSIONS)) == 5
    assert (await refresh(client, live["refresh_token"])).status_code == 200


async def test_the_deactivated_cannot_refresh(
    client: httpx.AsyncClient, database: Database, user: dict[str, Any]
) -> None:
    pair = await pair_of(client)
    async with database.transaction() as tx:
        await writing.update(tx, User, user, is_active=False)
    assert code_of(await refresh(client, pair["refresh_token"])) == (401, "refresh_token_invalid")


@pytest.mark.parametrize("body", [{}, {"refresh_token": 1}, {"refresh_token": "a", "b": 1}, []])
async def test_a_refresh_of_another_form_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    assert code_of(await client.post(REFRESH, json=body)) == (422, "validation_failed")


async def test_a_body_that_cannot_be_read_says_why(client: httpx.AsyncClient) -> None:
    async def post(content: bytes, kind: str = "application/json") -> tuple[int, str]:
        return code_of(await client.post(REFRESH, content=content, headers={"Content-Type": kind}))

    assert await post(b'{"refresh_token": NaN}') == (400, "malformed_json")
    assert await post(b'{"refresh_token": "\\ud800"}') == (400, "malformed_json")
    assert await post(b'{"refresh_token": "\\u0000"}') == (422, "validation_failed")
    assert await post(b"{}", "text/plain") == (415, "unsupported_media_type")
    assert await post(b'"' + b"a" * 1_048_577 + b'"') == (413, "body_too_large")


# --- logging out


@pytest.mark.usefixtures("user")
async def test_a_logout_ends_this_login_and_no_other(
    client: httpx.AsyncClient, database: Database
) -> None:
    pair, other = await pair_of(client), await pair_of(client)
    answer = await client.post(LOGOUT, headers=bearing(pair))
    assert (answer.status_code, answer.content) == (204, b"")
    assert code_of(await client.get(ME, headers=bearing(pair))) == (401, "token_revoked")
    assert code_of(await refresh(client, pair["refresh_token"])) == (401, "refresh_token_invalid")
    assert (await client.get(ME, headers=bearing(other))).status_code == 200
    assert [s["end_reason"] for s in await database.all(SESSIONS)] == ["logout", None]


async def test_only_who_is_logged_in_logs_out(client: httpx.AsyncClient) -> None:
    assert code_of(await client.post(LOGOUT)) == (401, "not_authenticated")


# --- changing a password


async def change(
    client: httpx.AsyncClient, headers: dict[str, str], old: str = PASSWORD, new: str = OTHER
) -> httpx.Response:
    body = {"old_password": old, "new_password": new}
    return await client.post(CHANGE, json=body, headers=headers)


@pytest.mark.usefixtures("user")
async def test_a_new_password_ends_every_session_of_the_user(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    pair, other = await pair_of(client), await pair_of(client)
    colleague = await login_as("sales")
    assert (await change(client, bearing(pair))).status_code == 204
    for ended in (pair, other):
        assert code_of(await client.get(ME, headers=bearing(ended))) == (401, "token_revoked")
        assert code_of(await refresh(client, ended["refresh_token"])) == (
            401,
            "refresh_token_invalid",
        )
    assert (await client.get(ME, headers=colleague)).status_code == 200
    assert code_of(await log_in(client)) == (401, "login_failed")
    await pair_of(client, OTHER)
    changes = [e["changes"] for e in await database.all(AUDIT) if e["action"] == "user.update"]
    assert changes == [{"password_hash": ["***", "***"]}]


@pytest.mark.usefixtures("user")
async def test_who_does_not_know_the_old_password_changes_nothing(
    client: httpx.AsyncClient, database: Database
) -> None:
    pair = await pair_of(client)
    assert code_of(await change(client, bearing(pair), old=OTHER)) == (403, "password_wrong")
    assert (await database.all(USERS))[0]["password_hash"] == HASH
    assert (await client.get(ME, headers=bearing(pair))).status_code == 200


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("tiny-9", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("aaaaaaaaaaaa", "password_too_uniform"),
        ("password123", "password_too_common"),
        (EMAIL, "password_is_email"),
        (PASSWORD, "password_unchanged"),
    ],
)
async def test_a_new_password_that_will_not_do_is_refused_with_the_rule(
    client: httpx.AsyncClient, new: str, code: str
) -> None:
    answer = await change(client, bearing(await pair_of(client)), new=new)
    assert ("/new_password", code) in errors_of(answer)
    assert new not in answer.text


async def test_of_two_password_changes_at_once_one_wins(
    client: httpx.AsyncClient, database: Database, user: dict[str, Any]
) -> None:
    del user
    first, second = await pair_of(client), await pair_of(client)
    answers = await asyncio.gather(
        change(client, bearing(first), new=OTHER),
        change(client, bearing(second), new="yet-another-phrase"),
    )
    assert sorted(a.status_code for a in answers) in ([204, 401], [204, 409])
    assert all(s["ended_at"] is not None for s in await database.all(SESSIONS))


async def test_an_api_key_has_neither_session_nor_password(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    made = await client.post(
        "/api/v1/api-keys", json={"name": "k", "scopes": ["users:read"]}, headers=admin
    )
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    assert code_of(await client.post(LOGOUT, headers=key)) == (403, "people_only")
    assert code_of(await change(client, key)) == (403, "people_only")
    me = (await client.get(ME, headers=key)).json()
    assert me["permissions"] == {"users:read": "all"}


async def test_a_password_change_needs_a_login_and_both_passwords(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    assert code_of(await change(client, {})) == (401, "not_authenticated")
    answer = await client.post(CHANGE, json={"old_password": "x"}, headers=await login_as("sales"))
    assert code_of(answer) == (422, "validation_failed")


# --- who am I


async def test_me_says_who_is_calling_and_how_far_he_reaches(
    client: httpx.AsyncClient, database: Database, login_as: LoginAs
) -> None:
    async with database.transaction() as tx:
        department = await make_department(tx, name="华东销售部")
    caller = await login_as("sales", department=department, name="李雷")
    answer = await client.get(ME, headers=caller)
    me = MeRead.model_validate(answer.json())
    assert me.user.name == "李雷"
    assert me.role == "sales"
    assert me.department is not None
    assert me.department.name == "华东销售部"
    assert me.permissions["tickets:write"] == "department"  # type: ignore[index]
    assert me.permissions["tickets:read"] == "all"  # type: ignore[index]
    assert "users:write" not in answer.json()["permissions"]
    assert "hash" not in answer.text


async def test_me_of_somebody_without_department(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    assert (await client.get(ME, headers=await login_as("admin"))).json()["department"] is None


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("Basic abc", "not_authenticated"),
        ("Bearer ", "not_authenticated"),
        ("Bearer nonsense", "token_invalid"),
        ("Bearer hy_nonsense", "token_invalid"),
        ("Bearer hy_aaaaaaaaaaaa_" + "x" * 43, "token_invalid"),
        ("Bearer " + "x" * 8193, "not_authenticated"),
    ],
)
async def test_what_proves_nothing_is_refused(
    client: httpx.AsyncClient, header: str | None, code: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    assert code_of(await client.get(ME, headers=headers)) == (401, code)


async def test_an_access_token_ends_to_the_second(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    caller = await login_as("admin")
    claims = tokens.verify_access_token(
        SECRET.encode(), caller["Authorization"].removeprefix("Bearer "), now=real_now()
    )
    assert (await client.get(ME, headers=caller)).status_code == 200
    old, _ = tokens.issue_access_token(
        SECRET.encode(),
        subject=claims.subject,
        session=claims.session,
        now=claims.issued_at - (claims.expires_at - claims.issued_at),
        lifetime=claims.expires_at - claims.issued_at,
    )
    answer = await client.get(ME, headers={"Authorization": f"Bearer {old}"})
    assert code_of(answer) == (401, "token_invalid")
