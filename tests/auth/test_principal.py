"""The guard: what a process remembers of callers, and how soon it forgets what has changed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.auth import api_keys, departments, service, users
from app.auth.permissions import Permission, Role, RowScope
from app.auth.principal import (
    CACHE_SIZE_MAX,
    UNPOLLED_CACHE_SECONDS,
    Guard,
    Principal,
)
from app.auth.queries import VERSION
from app.auth.schemas import ApiKeyCreate, DepartmentPatch, UserPatch
from app.columns import new_public_id
from app.database import Database
from app.errors import NotAuthenticated, NotFound
from app.statements import Row
from app.time import real_now
from tests.conftest import SECRET, Caller, LoginAs
from tests.factories import make_department, make_user

LONG_AGO = timedelta(seconds=UNPOLLED_CACHE_SECONDS)


def guard(database: Database) -> Guard:
    """Another process's guard."""
    return Guard(database, SECRET.encode())


def token(caller: Caller) -> str:
    return caller["Authorization"].removeprefix("Bearer ")


def age(known: Guard, by: timedelta = LONG_AGO) -> None:
    """Let the last poll be `by` ago."""
    assert known.polled_at is not None
    known.polled_at -= by


async def session_of(database: Database, caller: Caller) -> int:
    known = await guard(database).identify(token(caller))
    assert known.session_key is not None
    return known.session_key


async def log_out(database: Database, caller: Caller) -> None:
    key = await session_of(database, caller)
    async with database.transaction() as tx:
        await service.end_session(tx, key, service.SessionEnd.LOGOUT)


# --- two processes


async def test_a_logout_in_one_process_holds_in_another_within_five_seconds(
    database: Database, login_as: LoginAs
) -> None:
    here, there = guard(database), guard(database)
    caller = await login_as("sales")
    for process in (here, there):
        assert (await process.identify(token(caller))).public_id == caller.user["public_id"]
    await log_out(database, caller)
    age(there, LONG_AGO - timedelta(seconds=1))
    assert (await there.identify(token(caller))).user_id == caller.user["id"]
    age(there, timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="token_revoked"):
        await there.identify(token(caller))


async def test_the_poll_of_every_two_seconds_makes_it_sooner(
    database: Database, login_as: LoginAs
) -> None:
    there = guard(database)
    caller = await login_as("sales")
    await there.identify(token(caller))
    await log_out(database, caller)
    await there.poll()
    with pytest.raises(NotAuthenticated, match="token_revoked"):
        await there.identify(token(caller))


async def test_a_changed_role_holds_in_another_process_after_its_poll(
    database: Database, login_as: LoginAs
) -> None:
    there = guard(database)
    caller = await login_as("manager")
    assert (await there.identify(token(caller))).role is Role.MANAGER
    async with database.transaction() as tx:
        row = await users.lock_user(tx, caller.user["public_id"])
        await users.patch_user(tx, row, UserPatch(role=Role.ANALYST))
    assert (await there.identify(token(caller))).role is Role.MANAGER
    age(there)
    changed = await there.identify(token(caller))
    assert changed.role is Role.ANALYST
    assert not changed.may(Permission.TICKETS_WRITE)


async def test_a_revoked_key_is_forgotten_in_another_process_after_its_poll(
    database: Database, login_as: LoginAs
) -> None:
    there = guard(database)
    caller = await login_as("admin")
    principal = await there.identify(token(caller))
    command = ApiKeyCreate(name="k", scopes=[Permission.USERS_READ])
    async with database.transaction() as tx:
        row, plain = await api_keys.create_api_key(tx, principal, command)
    assert (await there.identify(plain)).api_key_id == row["id"]
    async with database.transaction() as tx:
        await api_keys.revoke(tx, await api_keys.lock_api_key(tx, row["public_id"]))
    age(there)
    with pytest.raises(NotAuthenticated, match="token_revoked"):
        await there.identify(plain)


async def test_a_moved_department_changes_who_reaches_what_after_the_poll(
    database: Database, login_as: LoginAs
) -> None:
    async with database.transaction() as tx:
        upper = await make_department(tx, name="a")
        lower = await make_department(tx, name="b")
    there = guard(database)
    caller = await login_as("manager", department=upper)
    assert (await there.identify(token(caller))).departments == (upper["id"],)
    async with database.transaction() as tx:
        row = await departments.lock_department(tx, lower["public_id"])
        await departments.patch_department(tx, row, DepartmentPatch(parent_id=upper["public_id"]))
    age(there)
    assert set((await there.identify(token(caller))).departments) == {upper["id"], lower["id"]}


# --- the memory


async def test_what_is_known_and_fresh_is_asked_of_the_database_no_more(
    database: Database, login_as: LoginAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = guard(database)
    caller = await login_as("sales")
    known = await process.identify(token(caller))

    async def no_question(*_: Any, **__: Any) -> list[Row]:
        raise AssertionError("asked the database")

    monkeypatch.setattr(database, "all", no_question)
    assert await process.identify(token(caller)) is known


async def test_a_caller_read_before_a_change_is_not_remembered_after_it(
    database: Database, login_as: LoginAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = guard(database)
    caller = await login_as("manager")
    await process.poll()
    read = Guard._load

    async def slow_load(self: Guard, credential: str, now: datetime) -> tuple[Principal, datetime]:
        answer = await read(self, credential, now)
        async with database.transaction() as tx:
            row = await users.lock_user(tx, caller.user["public_id"])
            await users.patch_user(tx, row, UserPatch(role=Role.ANALYST))
        await self.poll()
        return answer

    monkeypatch.setattr(Guard, "_load", slow_load)
    assert (await process.identify(token(caller))).role is Role.MANAGER
    monkeypatch.setattr(Guard, "_load", read)
    assert (await process.identify(token(caller))).role is Role.ANALYST


async def test_a_wall_clock_set_back_does_not_keep_the_memory_alive(
    database: Database, login_as: LoginAs
) -> None:
    process = guard(database)
    caller = await login_as("sales")
    await process.identify(token(caller))
    await log_out(database, caller)
    age(process, timedelta(hours=-1))
    with pytest.raises(NotAuthenticated, match="token_revoked"):
        await process.identify(token(caller))


async def test_the_memory_is_bounded(database: Database, login_as: LoginAs) -> None:
    process = guard(database)
    caller = await login_as("sales")
    one = await process.identify(token(caller))
    entry = process.known[token(caller)]
    process.known |= {str(number): entry for number in range(CACHE_SIZE_MAX)}
    other = await login_as("sales")
    await process.identify(token(other))
    assert set(process.known) == {token(other)}
    assert (await process.identify(token(caller))) == one


async def test_nothing_is_remembered_past_the_tokens_own_end(
    database: Database, login_as: LoginAs
) -> None:
    process = guard(database)
    caller = await login_as("sales")
    await process.identify(token(caller))
    until = process.known[token(caller)].until
    assert until <= real_now() + timedelta(seconds=60)
    process.known[token(caller)].until = real_now()
    await log_out(database, caller)
    with pytest.raises(NotAuthenticated):
        await process.identify(token(caller))


async def test_every_change_of_rights_moves_the_version_once(
    database: Database, login_as: LoginAs
) -> None:
    caller = await login_as("sales")
    before = await database.value(VERSION)
    await log_out(database, caller)
    assert await database.value(VERSION) == before + 1
    with pytest.raises(NotFound):
        async with database.transaction() as tx:
            await users.lock_user(tx, new_public_id())
    assert await database.value(VERSION) == before + 1


# --- scopes


@pytest.mark.parametrize(
    ("role", "owner", "department", "is_reached"),
    [
        (Role.SALES, "own", "other", True),
        (Role.SALES, "another", "own", True),
        (Role.SALES, "another", "below", True),
        (Role.SALES, "another", "other", False),
        (Role.SALES, "another", None, False),
        (Role.ADMIN, "another", None, True),
        (Role.ANALYST, "own", "own", False),
    ],
)
async def test_how_far_a_permission_reaches(
    database: Database,
    login_as: LoginAs,
    *,
    role: Role,
    owner: str,
    department: str | None,
    is_reached: bool,
) -> None:
    async with database.transaction() as tx:
        places = {"own": await make_department(tx, name="own")}
        places["below"] = await make_department(tx, name="below", parent=places["own"])
        places["other"] = await make_department(tx, name="other")
        another = await make_user(tx)
    caller = await login_as(role.value, department=places["own"])
    principal = await guard(database).identify(token(caller))
    assert is_reached is principal.reaches(
        Permission.TICKETS_WRITE,
        owners=(caller.user["id"] if owner == "own" else another["id"], None),
        department_id=None if department is None else places[department]["id"],
    )


async def test_only_who_may_see_every_customers_fields_reads_them_in_clear(
    database: Database, login_as: LoginAs
) -> None:
    process = guard(database)
    reveals = {
        role: (await process.identify(token(await login_as(role.value)))).reveals for role in Role
    }
    assert {role for role, does in reveals.items() if does} == {
        Role.ADMIN,
        Role.MANAGER,
        Role.SUPPORT,
        Role.SERVICE,
    }
    sales = await process.identify(token(await login_as("sales")))
    assert sales.scope(Permission.CUSTOMERS_REVEAL) is RowScope.DEPARTMENT
