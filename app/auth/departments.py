"""Changes of departments: the tree with its paths, heads, and who is on call.

Runs after `move_authorization`: who may see what follows from the tree, and two moves at once could close a cycle.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app import writing
from app.auth import queries
from app.auth.models import Department, OnCall
from app.auth.schemas import DepartmentCreate, DepartmentPatch
from app.auth.service import move_authorization
from app.auth.users import find_active_users, name_key
from app.database import Transaction
from app.errors import Conflict, NotFound, invalid_field
from app.statements import Row

_ROOT = "/"
_PATH_END = "~"  # sorts behind every digit and slash


async def create_department(tx: Transaction, command: DepartmentCreate) -> dict[str, Any]:
    """Put a department into the tree and return its row; raises `Conflict` (`department_name_taken`), `Invalid`."""
    await move_authorization(tx)
    parent = await _find_parent(tx, command.parent_id)
    head_id = await _head_key(tx, command.head_id)
    await _check_name(tx, command.name, parent)
    key = await tx.next_key(Department)
    at = await tx.now()
    return await writing.insert(
        tx,
        Department,
        id=key,
        name=command.name,
        name_key=name_key(command.name),
        parent_id=None if parent is None else parent["id"],
        path=_path(key, parent),
        head_id=head_id,
        created_at=at,
        updated_at=at,
    )


async def lock_department(tx: Transaction, public_id: str) -> Row:
    """Return a department's row, held for writing; raises `NotFound`."""
    await move_authorization(tx)
    row = await tx.one(queries.DEPARTMENT_LOCKED, public_id=public_id)
    if row is None:
        raise NotFound
    return dict(row)


async def patch_department(tx: Transaction, department: Row, command: DepartmentPatch) -> None:
    """Change what the command names of a department that `lock_department` returned; what is below moves along.

    Raises `Conflict` (`department_cycle`, `department_name_taken`) and `Invalid`.
    """
    asked = command.model_fields_set
    values: dict[str, Any] = {}
    if "head_id" in asked:
        values["head_id"] = await _head_key(tx, command.head_id)
    if "name" in asked:
        values |= {"name": command.name, "name_key": name_key(command.name)}
    parent = await _parent_after(tx, department, command)
    if "parent_id" in asked:
        values["parent_id"] = None if parent is None else parent["id"]
        values["path"] = _path(department["id"], parent)
    changed = {name: value for name, value in values.items() if department[name] != value}
    if not changed:
        return
    if "name_key" in changed or "parent_id" in changed:
        name = str(values.get("name", department["name"]))
        await _check_name(tx, name, parent, department["id"])
    below = await _below(tx, department) if "path" in changed else []
    at = await tx.now()
    await writing.update(tx, Department, department, **changed, updated_at=at)
    for row in below:
        path = changed["path"] + row["path"].removeprefix(department["path"])
        await writing.update(tx, Department, row, path=path, updated_at=at)


async def put_on_call(tx: Transaction, department: Row, user_ids: Sequence[UUID]) -> None:
    """Make `user_ids`, in this order, the on-call list of a department that `lock_department` returned."""
    if len(set(user_ids)) != len(user_ids):
        raise invalid_field("/user_ids", "duplicate_member")
    wanted = {f"/user_ids/{number}": at for number, at in enumerate(user_ids)}
    keys = [row["id"] for row in (await find_active_users(tx, wanted)).values()]
    before = {
        row["user_id"]: row for row in await tx.all(queries.ON_CALL, department_id=department["id"])
    }
    if keys == [row["user_id"] for row in sorted(before.values(), key=lambda r: r["position"])]:
        return
    # The list is part of the department's representation: its version moves even if the frozen clock does not.
    await writing.update(
        tx, Department, department, version=department["version"] + 1, updated_at=await tx.now()
    )
    for user_id in before.keys() - set(keys):
        await writing.delete(tx, OnCall, before[user_id])
    for position, user_id in enumerate(keys):
        if user_id in before:
            await writing.update(tx, OnCall, before[user_id], position=position)
        else:
            await writing.insert(
                tx, OnCall, department_id=department["id"], user_id=user_id, position=position
            )


def _path(key: int, parent: Row | None) -> str:
    return f"{_ROOT if parent is None else parent['path']}{key}/"


async def _find_parent(tx: Transaction, public_id: UUID | None) -> Row | None:
    if public_id is None:
        return None
    row = await tx.one(queries.DEPARTMENT_NAMED, public_id=str(public_id))
    if row is None:
        raise invalid_field("/parent_id", "unknown_reference")
    return row


async def _parent_after(tx: Transaction, department: Row, command: DepartmentPatch) -> Row | None:
    """The parent that the department has after the command, which is neither itself nor below it."""
    if "parent_id" not in command.model_fields_set:
        if department["parent_id"] is None:
            return None
        return await tx.one(queries.DEPARTMENT_BY_KEY, department_id=department["parent_id"])
    parent = await _find_parent(tx, command.parent_id)
    if parent is not None and parent["path"].startswith(department["path"]):
        raise Conflict("department_cycle")
    return parent


async def _head_key(tx: Transaction, public_id: UUID | None) -> int | None:
    if public_id is None:
        return None
    rows = await find_active_users(tx, {"/head_id": public_id})
    return int(rows["/head_id"]["id"])


async def _check_name(
    tx: Transaction, name: str, parent: Row | None, but: int | None = None
) -> None:
    rows = await tx.all(
        queries.SIBLINGS, name_key=name_key(name), parent=0 if parent is None else parent["id"]
    )
    if any(row["id"] != but for row in rows):
        raise Conflict("department_name_taken")


async def _below(tx: Transaction, department: Row) -> list[Row]:
    path = department["path"]
    return await tx.all(queries.BELOW_LOCKED, path=path, path_end=path + _PATH_END)
