"""Users: taken in, changed, absent, deactivated; what must hold between them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.auth.models import Session, User
from app.auth.permissions import Role
from app.auth.schemas import UserCreated, UserPage, UserRead
from app.auth.users import name_key
from app.columns import table_columns
from app.database import Database
from app.statements import Statement
from tests.auth.answers import code_of, errors_of
from tests.conftest import AsUser, LoginAs
from tests.factories import make_department, make_user

URL = "/api/v1/users"
TOKEN = "/api/v1/auth/token"
NEW = {"email": "han.meimei@example.com", "name": "韩梅梅", "role": "support"}
USERS = Statement(select(*table_columns(User)).order_by(User.id))
SESSIONS = Statement(select(*table_columns(Session)).order_by(Session.id))
AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
NOBODY = "0197b1c2-7d3e-7aaa-8000-000000000000"
FROM = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = datetime(2026, 3, 7, tzinfo=UTC)
STAFF = [role.value for role in Role if role is not Role.ADMIN]


async def person(database: Database, **values: Any) -> dict[str, Any]:
    async with database.transaction() as tx:
        return await make_user(tx, **values)


async def department(database: Database, **values: Any) -> dict[str, Any]:
    async with database.transaction() as tx:
        return await make_department(tx, **values)


def at(row: Any) -> str:
    return f"{URL}/{row['public_id']}"


# --- taking in


async def test_a_new_user_gets_a_made_up_password_once(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    answer = await client.post(URL, json=NEW, headers=await login_as("admin"))
    assert answer.status_code == 201
    made = UserCreated.model_validate(answer.json())
    assert made.initial_password
    assert answer.headers["location"] == f"{URL}/{made.id}"
    assert answer.headers["etag"] == '"1"'
    form = {"username": NEW["email"], "password": made.initial_password}
    assert (await client.post(TOKEN, data=form)).status_code == 200
    read = await client.get(answer.headers["location"], headers=await login_as("sales"))
    assert read.json() == {k: v for k, v in answer.json().items() if k != "initial_password"}


async def test_a_given_password_is_not_answered(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    password = "correct-horse-staple"
    answer = await client.post(
        URL, json={**NEW, "password": password}, headers=await login_as("admin")
    )
    assert answer.json()["initial_password"] is None
    assert password not in answer.text
    form = {"username": NEW["email"], "password": password}
    assert (await client.post(TOKEN, data=form)).status_code == 200
    assert password not in str(await database.all(AUDIT))


async def test_every_field_of_a_new_user_is_kept(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    place = await department(database)
    boss = await person(database, role="manager")
    stand_in = await person(database)
    body = NEW | {
        "email": "Han.MeiMei@Example.com",
        "title": "高级技术支持",
        "department_id": place["public_id"],
        "manager_id": boss["public_id"],
        "delegate_id": stand_in["public_id"],
        "absent_from": "2026-03-02T08:00:00+08:00",
        "absent_until": "2026-03-07T08:00:00+08:00",
        "zone": "Europe/Berlin",
        "language": "en",
    }
    answer = await client.post(URL, json=body, headers=await login_as("admin"))
    made = answer.json()
    expected = body | {
        "email": "han.meimei@example.com",
        "absent_from": "2026-03-02T00:00:00.000000Z",
        "absent_until": "2026-03-07T00:00:00.000000Z",
    }
    assert {name: made[name] for name in expected} == expected
    assert made["is_active"] is True


@pytest.mark.parametrize("role", STAFF)
async def test_only_the_admin_writes_users(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, role: str
) -> None:
    caller = await login_as(role)
    other = await person(database)
    for answer in (
        await client.post(URL, json=NEW, headers=caller),
        await client.patch(at(other), json={"name": "x"}, headers=caller),
        await client.patch(at(caller.user), json={"role": "admin"}, headers=caller),
        await client.post(f"{at(other)}/reset-password", headers=caller),
    ):
        assert code_of(answer) == (403, "not_permitted")
    assert [u["role"] for u in await database.all(USERS)] == [role, "support"]


async def test_every_route_of_users_wants_a_login(
    client: httpx.AsyncClient, database: Database
) -> None:
    url = at(await person(database))
    for answer in (
        await client.get(URL),
        await client.post(URL, json=NEW),
        await client.get(url),
        await client.patch(url, json={}),
        await client.post(f"{url}/reset-password"),
    ):
        assert code_of(answer) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"email": "nonsense"}, "/email", "email_invalid"),
        ({"email": None}, "/email", "string_type"),
        ({"name": "  "}, "/name", "string_too_short"),
        ({"name": "x" * 101}, "/name", "string_too_long"),
        ({"name": "a\x00"}, "/name", "not_text"),
        ({"role": "emperor"}, "/role", "enum"),
        ({"zone": "Mars/Olympus"}, "/zone", "zone_unknown"),
        ({"zone": "../etc/passwd"}, "/zone", "zone_unknown"),
        ({"language": "fr"}, "/language", "enum"),
        ({"password": "short"}, "/password", "password_too_short"),
        ({"password": NEW["email"]}, "/password", "password_is_email"),
        ({"is_admin": True}, "/is_admin", "extra_forbidden"),
        ({"is_active": False}, "/is_active", "extra_forbidden"),
        ({"department_id": "x"}, "/department_id", "uuid_parsing"),
        ({"department_id": NOBODY}, "/department_id", "unknown_reference"),
        ({"manager_id": NOBODY}, "/manager_id", "unknown_reference"),
        ({"delegate_id": NOBODY}, "/delegate_id", "unknown_reference"),
        ({"absent_from": "2026-03-02T00:00:00"}, "/absent_from", "timezone_aware"),
        ({"absent_from": 1772400000}, "/absent_from", "datetime_parsing"),
        ({"absent_from": "0001-01-01T00:00:00+14:00"}, "/absent_from", "instant_out_of_range"),
        ({"absent_from": "9999-12-31T23:59:59Z"}, "/absent_from", "instant_out_of_range"),
        ({"absent_from": "2026-03-02T00:00:00Z"}, "/absent_until", "absence_incomplete"),
        ({"absent_until": "2026-03-02T00:00:00Z"}, "/absent_until", "absence_incomplete"),
    ],
)
async def test_a_user_that_will_not_do_is_refused_at_its_field(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    *,
    change: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    answer = await client.post(URL, json=NEW | change, headers=await login_as("admin"))
    assert errors_of(answer)[0] == (pointer, code)
    assert len(await database.all(USERS)) == 1


async def test_an_address_is_taken_once_whatever_its_case(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    assert (await client.post(URL, json=NEW, headers=admin)).status_code == 201
    again = await client.post(URL, json=NEW | {"email": "HAN.meimei@EXAMPLE.com"}, headers=admin)
    assert code_of(again) == (409, "email_taken")
    other = await client.post(URL, json=NEW | {"email": "b@example.com"}, headers=admin)
    url = other.headers["location"]
    moved = await client.patch(url, json={"email": NEW["email"]}, headers=admin)
    assert code_of(moved) == (409, "email_taken")
    own = await client.patch(url, json={"email": "B@example.com"}, headers=admin)
    assert own.status_code == 200
    assert own.headers["etag"] == '"1"'


async def test_of_many_who_want_one_address_at_once_one_gets_it(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    answers = await asyncio.gather(*(client.post(URL, json=NEW, headers=admin) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await database.all(USERS)) == 2


async def test_a_made_up_password_is_never_replayed_a_given_one_is_not_in_the_answer(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    first = {**admin, "Idempotency-Key": "k-1"}
    assert (await client.post(URL, json=NEW, headers=first)).status_code == 201
    assert code_of(await client.post(URL, json=NEW, headers=first)) == (
        409,
        "secret_not_replayable",
    )
    other = await client.post(URL, json=NEW | {"name": "x"}, headers=first)
    assert code_of(other) == (422, "idempotency_key_reused")
    body = NEW | {"email": "b@example.com", "password": "correct-horse-staple"}
    second = {**admin, "Idempotency-Key": "k-2"}
    made = await client.post(URL, json=body, headers=second)
    again = await client.post(URL, json=body, headers=second)
    assert again.status_code == 201
    assert again.content == made.content
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == made.headers["location"]
    assert len(await database.all(USERS)) == 3


# --- reading


async def test_the_list_filters_sorts_and_pages(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    place = await department(database)
    admin = await login_as("admin", name="管理员", email="z@example.com")
    boss = await person(database, role="manager", name="b", email="b@example.com")
    for name in ("d", "C", "a"):
        await person(
            database,
            name=name,
            name_key=name_key(name),
            email=f"{name.lower()}@example.com",
            department=place,
            manager=boss,
            is_active=name != "d",
        )

    async def names(**asked: Any) -> list[str]:
        answer = await client.get(URL, params=asked, headers=admin)
        page = UserPage.model_validate(answer.json())
        return [user.name for user in page.items]

    assert await names() == ["a", "b", "C", "d", "管理员"]
    assert await names(sort="-email") == ["管理员", "d", "C", "b", "a"]
    assert await names(sort="created_at") == ["管理员", "b", "d", "C", "a"]
    assert await names(department_id=place["public_id"]) == ["a", "C", "d"]
    assert await names(manager_id=boss["public_id"], is_active="true") == ["a", "C"]
    assert await names(is_active="false") == ["d"]
    assert await names(role="manager") == ["b"]
    assert await names(email="B@example.com") == ["b"]
    assert await names(manager_id=NOBODY) == []
    seen: list[str] = []
    cursor: str | None = None
    while True:
        asked: dict[str, Any] = {"limit": 2, "total": "true"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = (await client.get(URL, params=asked, headers=admin)).json()
        assert page["total"] == 5
        seen += [user["name"] for user in page["items"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert seen == ["a", "b", "C", "d", "管理员"]


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"limit": 0}, "/query/limit"),
        ({"sort": "password_hash"}, "/query/sort"),
        ({"role": "emperor"}, "/query/role"),
        ({"email": "a\x00@example.com"}, "/query/email"),
        ({"department_id": "1"}, "/query/department_id"),
        ({"password_hash": "x"}, "/query/password_hash"),
    ],
)
async def test_a_question_that_the_list_does_not_know_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, asked: dict[str, Any], pointer: str
) -> None:
    answer = await client.get(URL, params=asked, headers=await login_as("sales"))
    assert [where for where, _ in errors_of(answer)] == [pointer]


async def test_a_cursor_of_another_list_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    await person(database)
    cursor = (await client.get(URL, params={"limit": 1}, headers=admin)).json()["next_cursor"]
    other = {"limit": 1, "cursor": cursor, "role": "admin"}
    assert code_of(await client.get(URL, params=other, headers=admin)) == (
        400,
        "cursor_of_another_list",
    )
    forged = {"cursor": "AAAA" + cursor[4:]}
    assert code_of(await client.get(URL, params=forged, headers=admin)) == (400, "cursor_invalid")


@pytest.mark.parametrize("role", [role.value for role in Role])
async def test_everybody_reads_his_colleagues_and_never_a_hash(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, role: str
) -> None:
    other = await person(database, password_hash="$argon2id$secret")
    answer = await client.get(at(other), headers=await login_as(role))
    assert answer.status_code == 200
    UserRead.model_validate(answer.json())
    assert "argon2" not in answer.text


async def test_who_does_not_exist_is_not_found(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    url = f"{URL}/{uuid4()}"
    assert code_of(await client.get(url, headers=admin)) == (404, "not_found")
    assert code_of(await client.patch(url, json={"name": "x"}, headers=admin)) == (404, "not_found")
    reset = await client.post(f"{url}/reset-password", headers=admin)
    assert code_of(reset) == (404, "not_found")
    assert errors_of(await client.get(f"{URL}/1", headers=admin)) == [
        ("/path/user_id", "uuid_parsing")
    ]


# --- changing


async def test_a_patch_changes_what_it_names_and_null_empties(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    boss = await person(database, role="manager")
    user = await person(database, manager=boss, title="工程师")
    answer = await client.patch(at(user), json={"name": "Ａnna"}, headers=admin)
    assert answer.headers["etag"] == '"2"'
    changed = answer.json()
    assert (changed["name"], changed["title"]) == ("Ａnna", "工程师")
    assert changed["manager_id"] == boss["public_id"]
    emptied = await client.patch(at(user), json={"manager_id": None, "title": ""}, headers=admin)
    assert (emptied.json()["manager_id"], emptied.json()["title"]) == (None, "")
    row = (await database.all(USERS))[-1]
    assert row["name_key"] == "anna"
    entries = [e for e in await database.all(AUDIT) if e["action"] == "user.update"]
    assert entries[0]["changes"] == {
        "name": ["韩梅梅", "Ａnna"],
    }
    assert entries[0]["actor_user_id"] == admin.user["id"]


async def test_a_patch_that_changes_nothing_leaves_the_version(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    user = await person(database)
    for body in ({}, {"name": user["name"]}):
        answer = await client.patch(at(user), json=body, headers=await login_as("admin"))
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"email": None}, "/email"),
        ({"role": None}, "/role"),
        ({"is_active": None}, "/is_active"),
        ({"is_active": "no"}, "/is_active"),
        ({"zone": None}, "/zone"),
        ({"password": "correct-horse-staple"}, "/password"),
        ({"version": 7}, "/version"),
    ],
)
async def test_what_a_user_must_have_cannot_be_emptied(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    body: dict[str, Any],
    pointer: str,
) -> None:
    user = await person(database)
    answer = await client.patch(at(user), json=body, headers=await login_as("admin"))
    assert [where for where, _ in errors_of(answer)] == [pointer]


async def test_a_stale_version_changes_nothing(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    user = await person(database)
    first = {**admin, "If-Match": '"1"'}
    assert (await client.patch(at(user), json={"title": "a"}, headers=first)).status_code == 200
    stale = await client.patch(at(user), json={"title": "b"}, headers=first)
    assert code_of(stale) == (412, "stale_version")
    reset = await client.post(f"{at(user)}/reset-password", headers=first)
    assert code_of(reset) == (412, "stale_version")
    nonsense = await client.patch(at(user), json={}, headers={**admin, "If-Match": "x"})
    assert code_of(nonsense) == (400, "etag_invalid")
    assert (await database.all(USERS))[-1]["title"] == "a"


async def test_a_changed_role_holds_at_once(client: httpx.AsyncClient, login_as: LoginAs) -> None:
    admin, caller = await login_as("admin"), await login_as("admin")
    assert (await client.get("/api/v1/api-keys", headers=caller)).status_code == 200
    answer = await client.patch(at(caller.user), json={"role": "analyst"}, headers=admin)
    assert answer.json()["role"] == "analyst"
    refused = await client.get("/api/v1/api-keys", headers=caller)
    assert code_of(refused) == (403, "not_permitted")


async def test_the_deactivated_are_out_and_come_back_without_their_old_sessions(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin, caller = await login_as("admin"), await login_as("sales")
    me = "/api/v1/auth/me"
    assert (await client.get(me, headers=caller)).status_code == 200
    out = await client.patch(at(caller.user), json={"is_active": False}, headers=admin)
    assert out.json()["is_active"] is False
    assert code_of(await client.get(me, headers=caller)) == (401, "token_revoked")
    await client.patch(at(caller.user), json={"is_active": True}, headers=admin)
    assert code_of(await client.get(me, headers=caller)) == (401, "token_revoked")
    ended = [s["end_reason"] for s in await database.all(SESSIONS)]
    assert ended == [None, "user_deactivated"]


# --- the last admin


@pytest.mark.parametrize("body", [{"role": "manager"}, {"is_active": False}])
async def test_the_last_active_admin_stays(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database, body: dict[str, Any]
) -> None:
    admin = await login_as("admin")
    await person(database, role="admin", is_active=False)
    refused = await client.patch(at(admin.user), json=body, headers=admin)
    assert code_of(refused) == (409, "last_admin")
    await person(database, role="admin")
    assert (await client.patch(at(admin.user), json=body, headers=admin)).status_code == 200


async def test_two_admins_who_dismiss_each_other_at_once_leave_one(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    first, second = await login_as("admin"), await login_as("admin")
    await asyncio.gather(
        client.patch(at(second.user), json={"role": "sales"}, headers=first),
        client.patch(at(first.user), json={"role": "sales"}, headers=second),
    )
    assert sorted(u["role"] for u in await database.all(USERS)) == ["admin", "sales"]


# --- the line of managers


async def test_a_line_of_managers_has_no_cycle(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    top = await person(database, role="manager")
    middle = await person(database, role="manager", manager=top)
    low = await person(database, manager=middle)
    for manager in (low, middle, top):
        answer = await client.patch(
            at(top), json={"manager_id": manager["public_id"]}, headers=admin
        )
        assert code_of(answer) == (409, "manager_cycle")
    fine = await client.patch(at(low), json={"manager_id": top["public_id"]}, headers=admin)
    assert fine.status_code == 200


async def test_two_who_make_each_other_manager_at_once_close_no_cycle(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    a, b = await person(database), await person(database)
    answers = await asyncio.gather(
        client.patch(at(a), json={"manager_id": b["public_id"]}, headers=admin),
        client.patch(at(b), json={"manager_id": a["public_id"]}, headers=admin),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_cycle_that_is_there_already_ends_the_search(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    async with database.transaction() as tx:
        key = await tx.next_key(User)
        looped = await make_user(tx, id=key, manager={"id": key})
    user = await person(database)
    answer = await client.patch(at(user), json={"manager_id": looped["public_id"]}, headers=admin)
    assert answer.status_code == 200


# --- absence


async def absent(
    client: httpx.AsyncClient, admin: dict[str, str], user: Any, **body: Any
) -> httpx.Response:
    given = {n: v.isoformat() if isinstance(v, datetime) else v for n, v in body.items()}
    return await client.patch(at(user), json=given, headers=admin)


async def test_an_absence_ends_after_it_begins_or_goes_as_a_whole(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    user = await person(database)
    tick = timedelta(microseconds=1)
    for until in (FROM - tick, FROM):
        answer = await absent(client, admin, user, absent_from=FROM, absent_until=until)
        assert errors_of(answer) == [("/absent_until", "absence_reversed")]
    answer = await absent(client, admin, user, absent_from=FROM, absent_until=FROM + tick)
    assert answer.json()["absent_until"] == "2026-03-02T00:00:00.000001Z"
    half = await absent(client, admin, user, absent_from=None)
    assert errors_of(half) == [("/absent_until", "absence_incomplete")]
    gone = await absent(client, admin, user, absent_from=None, absent_until=None)
    assert gone.json()["absent_from"] is None


async def test_a_delegate_is_somebody_else_and_active(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    user, left = await person(database), await person(database, is_active=False)
    answer = await absent(client, admin, user, delegate_id=user["public_id"])
    assert errors_of(answer) == [("/delegate_id", "delegate_is_self")]
    answer = await absent(client, admin, user, delegate_id=left["public_id"])
    assert errors_of(answer) == [("/delegate_id", "user_inactive")]
    answer = await absent(client, admin, user, manager_id=left["public_id"])
    assert errors_of(answer) == [("/manager_id", "user_inactive")]


@pytest.mark.parametrize(
    ("away_from", "away_until", "is_fine"),
    [
        (UNTIL, UNTIL + timedelta(days=1), True),
        (UNTIL - timedelta(microseconds=1), UNTIL + timedelta(days=1), False),
        (FROM - timedelta(days=1), FROM, True),
        (FROM - timedelta(days=1), FROM + timedelta(microseconds=1), False),
        (FROM + timedelta(days=1), UNTIL - timedelta(days=1), False),
        (FROM - timedelta(days=1), UNTIL + timedelta(days=1), False),
    ],
)
async def test_a_delegate_is_present_while_he_stands_in(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    *,
    away_from: datetime,
    away_until: datetime,
    is_fine: bool,
) -> None:
    admin = await login_as("admin")
    stand_in = await person(database, absent_from=away_from, absent_until=away_until)
    user = await person(database)
    named = {"delegate_id": stand_in["public_id"]}
    answer = await absent(client, admin, user, absent_from=FROM, absent_until=UNTIL, **named)
    if is_fine:
        assert answer.status_code == 200
        return
    assert errors_of(answer) == [("/delegate_id", "delegate_absent")]
    assert (await absent(client, admin, user, **named)).status_code == 200
    later = await absent(client, admin, user, absent_from=FROM, absent_until=UNTIL)
    assert errors_of(later) == [("/delegate_id", "delegate_absent")]


async def test_a_delegate_who_left_stops_no_other_change(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    admin = await login_as("admin")
    left = await person(database, is_active=False)
    user = await person(database, delegate_id=left["id"])
    assert (await absent(client, admin, user, title="x")).status_code == 200


# --- forgotten passwords


async def test_a_reset_password_is_answered_once_and_ends_the_sessions(
    client: httpx.AsyncClient, login_as: LoginAs, as_user: AsUser, database: Database
) -> None:
    admin = await login_as("admin")
    user = await person(database, email="li.lei@example.com")
    caller = await as_user(user)
    headers = {**admin, "Idempotency-Key": "k-1"}
    answer = await client.post(f"{at(user)}/reset-password", headers=headers)
    assert answer.status_code == 200
    form = {"username": user["email"], "password": answer.json()["initial_password"]}
    assert (await client.post(TOKEN, data=form)).status_code == 200
    assert code_of(await client.get("/api/v1/auth/me", headers=caller)) == (401, "token_revoked")
    again = await client.post(f"{at(user)}/reset-password", headers=headers)
    assert code_of(again) == (409, "secret_not_replayable")
    assert form["password"] not in str(await database.all(AUDIT))


@given(st.text(max_size=300))
def test_the_key_of_a_name_is_bounded_and_settled(name: str) -> None:
    key = name_key(name)
    assert len(key) <= 200
    assert key == key.strip()
    assert name_key(f"  {name} ") == key
