"""The first administrator, made from the command line."""

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.auth import hashing
from app.auth.admin import create_admin, has_admin
from app.auth.models import User
from app.columns import table_columns
from app.database import Database
from app.errors import Conflict, Invalid
from app.statements import Statement
from tests.factories import make_user

USERS = Statement(select(*table_columns(User)).order_by(User.id))
AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))


async def test_an_admin_is_made_with_a_password_of_his_own(database: Database) -> None:
    assert not await has_admin(database)
    email, password = await create_admin(database, " Admin@Huiying.local ", None)
    assert email == "admin@huiying.local"
    row = (await database.all(USERS))[0]
    assert (row["email"], row["role"], row["is_active"]) == (email, "admin", True)
    assert await hashing.verify_password(row["password_hash"], password)
    assert await has_admin(database)
    entry = (await database.all(AUDIT))[0]
    assert (entry["action"], entry["actor_name"]) == ("user.create", "command line")
    assert password not in str(entry)


async def test_a_given_password_is_kept(database: Database) -> None:
    made = await create_admin(database, "a@example.com", "correct-horse-staple")
    assert made == ("a@example.com", "correct-horse-staple")


async def test_an_address_that_is_taken_stays_as_it_is(database: Database) -> None:
    await create_admin(database, "a@example.com", None)
    with pytest.raises(Conflict, match="email_taken"):
        await create_admin(database, "A@EXAMPLE.COM", None)
    assert len(await database.all(USERS)) == 1


@pytest.mark.parametrize(
    ("email", "password", "pointer"),
    [
        ("nonsense", None, "/email"),
        ("a@example.com", "short", "/password"),
        ("a@example.com", "x" * 2000, "/password"),
        ("a@example.com", "", "/password"),
    ],
)
async def test_what_will_not_do_makes_nobody(
    database: Database, email: str, password: str | None, pointer: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await create_admin(database, email, password)
    assert {error.pointer for error in caught.value.errors} == {pointer}
    assert await database.all(USERS) == []


@pytest.mark.parametrize(("role", "is_active"), [("admin", False), ("manager", True)])
async def test_only_an_active_admin_is_one(database: Database, role: str, is_active: bool) -> None:
    async with database.transaction() as tx:
        await make_user(tx, role=role, is_active=is_active)
    assert not await has_admin(database)
