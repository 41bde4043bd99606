"""Changes of users: who they are, whom they answer to, when they are away, whether they may log in.

Everything here runs after `move_authorization`, one write after the other, so that what must hold between users
(one address each, no cycle of managers, an active admin) is checked without a race.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app import writing
from app.auth import hashing, queries
from app.auth.models import User
from app.auth.passwords import generate_password
from app.auth.permissions import Role
from app.auth.schemas import UserCreate, UserPatch
from app.auth.service import SessionEnd, check_new_password, end_sessions, move_authorization
from app.database import Transaction
from app.errors import Conflict, NotFound, invalid_field
from app.statements import Row

_NAME_KEY_LENGTH_MAX = 200
_COLLEAGUES = ("manager_id", "delegate_id")
_ABSENCE = frozenset({"absent_from", "absent_until", "delegate_id"})


def name_key(name: str) -> str:
    """Return the form by which names are sorted and compared: compatible characters, no case, single blanks."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return plain[:_NAME_KEY_LENGTH_MAX]


async def hash_initial_password(email: str, given: str | None) -> tuple[str, str | None]:
    """Return the hash of a new user's password, and the password itself where it was made up here.

    Raises `Invalid` at `/password` for a given one that breaks a rule. Call it before the transaction.
    """
    if given is not None:
        check_new_password(given, email=email, pointer="/password")
        return await hashing.hash_password(given), None
    made = generate_password()
    return await hashing.hash_password(made), made


async def create_user(tx: Transaction, command: UserCreate, password_hash: str) -> dict[str, Any]:
    """Take a user in and return his row.

    Raises `Conflict` (`email_taken`) and `Invalid` for what the command names and is not there.
    """
    await move_authorization(tx)
    await _check_email(tx, command.email)
    values = command.model_dump(exclude={"password"})
    values |= await _references(tx, values)
    at = await tx.now()
    return await writing.insert(
        tx,
        User,
        **_columns(values),
        password_hash=password_hash,
        created_at=at,
        updated_at=at,
    )


async def lock_user(tx: Transaction, public_id: str) -> Row:
    """Return a user's row, held for writing; raises `NotFound`."""
    await move_authorization(tx)
    row = await tx.one(queries.USER_LOCKED, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def patch_user(tx: Transaction, user: Row, command: UserPatch) -> None:
    """Change what the command names of a user that `lock_user` returned.

    Deactivating ends all his sessions. Raises `Conflict` (`email_taken`, `last_admin`, `manager_cycle`) and
    `Invalid`.
    """
    values = command.model_dump(exclude_unset=True)
    if values.get("email", user["email"]) != user["email"]:
        await _check_email(tx, values["email"])
    values |= await _references(tx, values, user)
    changed = {n: v for n, v in _columns(values).items() if user[n] != v}
    if not changed:
        return
    after = {**user, **changed}
    await _check_admin_remains(tx, user, after)
    await writing.update(tx, User, user, **changed, updated_at=await tx.now())
    if user["is_active"] and not after["is_active"]:
        await end_sessions(tx, user["id"], SessionEnd.USER_DEACTIVATED)


async def reset_password(tx: Transaction, user: Row, password_hash: str) -> None:
    """Give a user that `lock_user` returned another password; all his sessions end."""
    await writing.update(tx, User, user, password_hash=password_hash, updated_at=await tx.now())
    await end_sessions(tx, user["id"], SessionEnd.PASSWORD_RESET)


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """The table's columns: enums as text, and the name with its key."""
    out = {n: v.value if n in ("role", "language") else v for n, v in values.items()}
    if "name" in out:
        out["name_key"] = name_key(out["name"])
    return out


# --- what must hold


async def _check_email(tx: Transaction, email: str) -> None:
    if await tx.value(queries.EMAIL_OWNER, email=email) is not None:
        raise Conflict("email_taken")


async def _check_admin_remains(tx: Transaction, user: Row, after: Mapping[str, Any]) -> None:
    if not _is_active_admin(user) or _is_active_admin(after):
        return
    if await tx.value(queries.OTHER_ADMINS, user_id=user["id"]) == 0:
        raise Conflict("last_admin")


def _is_active_admin(user: Mapping[str, Any]) -> bool:
    return user["role"] == Role.ADMIN.value and bool(user["is_active"])


async def _references(
    tx: Transaction, values: Mapping[str, Any], user: Row | None = None
) -> dict[str, Any]:
    """The keys that the public ids in `values` name, after everything they must satisfy; `user` is the row before."""
    keys: dict[str, Any] = {}
    if (department_id := values.get("department_id")) is not None:
        keys["department_id"] = await department_key(tx, department_id, "/department_id")
    colleagues = {name: values[name] for name in _COLLEAGUES if values.get(name) is not None}
    rows = await find_active_users(tx, {f"/{name}": at for name, at in colleagues.items()})
    keys |= {name: rows[f"/{name}"]["id"] for name in colleagues}
    if user is not None and keys.get("manager_id") is not None:
        await _check_line(tx, user["id"], keys["manager_id"])
    if not _ABSENCE.isdisjoint(values):
        await _check_absence(tx, {**(user or {}), **values, **keys}, rows.get("/delegate_id"))
    return keys


async def department_key(tx: Transaction, public_id: UUID, pointer: str) -> int:
    """Return a department's key; raises `Invalid` with `unknown_reference` at `pointer`."""
    row = await tx.one(queries.DEPARTMENT_NAMED, public_id=str(public_id))
    if row is None:
        raise invalid_field(pointer, "unknown_reference")
    return int(row["id"])


async def find_active_users(tx: Transaction, wanted: Mapping[str, UUID]) -> dict[str, Row]:
    """Return the rows of users by the pointer that names each.

    Raises `Invalid` with `unknown_reference` or `user_inactive` at the first pointer that will not do.
    """
    if not wanted:
        return {}
    found = await tx.all(queries.USERS_NAMED, public_ids=[str(at) for at in wanted.values()])
    by_id = {row["public_id"]: row for row in found}
    for pointer, at in wanted.items():
        row = by_id.get(str(at))
        if row is None:
            raise invalid_field(pointer, "unknown_reference")
        if not row["is_active"]:
            raise invalid_field(pointer, "user_inactive")
    return {pointer: by_id[str(at)] for pointer, at in wanted.items()}


async def _check_line(tx: Transaction, user_id: int, manager_id: int) -> None:
    """Refuse a manager whose own line leads to the user."""
    seen: set[int] = set()
    above: int | None = manager_id
    while above is not None and above not in seen:
        if above == user_id:
            raise Conflict("manager_cycle")
        seen.add(above)
        above = await tx.value(queries.MANAGER_OF, user_id=above)


async def _check_absence(tx: Transaction, after: Mapping[str, Any], delegate: Row | None) -> None:
    begins, ends = after.get("absent_from"), after.get("absent_until")
    if (begins is None) != (ends is None):
        raise invalid_field("/absent_until", "absence_incomplete")
    if begins is not None and begins >= ends:
        raise invalid_field("/absent_until", "absence_reversed")
    if after.get("delegate_id") is None:
        return
    if after["delegate_id"] == after.get("id"):
        raise invalid_field("/delegate_id", "delegate_is_self")
    if delegate is None:
        delegate = await tx.one(queries.BY_KEY, user_id=after["delegate_id"])
    if begins is None or delegate is None or delegate["absent_from"] is None:
        return
    if delegate["absent_from"] < ends and begins < delegate["absent_until"]:
        raise invalid_field("/delegate_id", "delegate_absent")
