"""Rows the tests start from, made through `writing` like everything else; one section per feature.

Each builder takes the transaction first, gives every NOT NULL column a plain value, and lets the caller name
what the test is about. Not here: what a test expects.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app import writing
from app.auth import tokens
from app.auth.models import Department, Session, User
from app.columns import new_public_id
from app.database import Transaction
from app.statements import Row
from app.time import real_now

# --- auth: departments, users, sessions


async def make_department(
    tx: Transaction, *, name: str = "技术支持部", parent: Row | None = None, **values: Any
) -> dict[str, Any]:
    """Return a department, under `parent` if one is given; its `path` is kept as the service keeps it."""
    key = await tx.next_key(Department)
    above = "/" if parent is None else parent["path"]
    now = await tx.now()
    given = {
        "id": key,
        "name": name,
        "name_key": name,
        "parent_id": None if parent is None else parent["id"],
        "path": f"{above}{key}/",
        "created_at": now,
        "updated_at": now,
    }
    return await writing.insert(tx, Department, **(given | values))


async def make_user(
    tx: Transaction,
    *,
    role: str = "support",
    name: str = "韩梅梅",
    department: Row | None = None,
    manager: Row | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Return a user without a password; `email` is unique unless given."""
    now = await tx.now()
    given = {
        "email": f"{role}-{new_public_id()[-12:]}@example.com",
        "name": name,
        "name_key": name,
        "role": role,
        "department_id": None if department is None else department["id"],
        "manager_id": None if manager is None else manager["id"],
        "created_at": now,
        "updated_at": now,
    }
    return await writing.insert(tx, User, **(given | values))


async def make_session(tx: Transaction, user: Row, **values: Any) -> dict[str, Any]:
    """Return a live session of `user`."""
    now = real_now()
    given = {
        "user_id": user["id"],
        "created_at": now,
        "expires_at": now + timedelta(days=30),
    }
    return await writing.insert(tx, Session, **(given | values))


def bearer(secret: bytes, user: Row, session: Row) -> Mapping[str, str]:
    """Return the header of a real access token of `session`, good for 15 minutes."""
    token, _ = tokens.issue_access_token(
        secret,
        subject=user["public_id"],
        session=session["public_id"],
        now=real_now(),
        lifetime=timedelta(minutes=15),
    )
    return {"Authorization": f"Bearer {token}"}
