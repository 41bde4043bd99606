"""Who runs an import, and what words in its cells stand for: codes, people by e-mail or name, departments."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select

from app.auth.models import Department, User
from app.auth.permissions import Permission, Role, permissions_of, row_scope
from app.auth.principal import SUBTREE, Principal
from app.database import Reader
from app.errors import NotPermitted
from app.imports.fields import choices_of, own_fields
from app.imports.headers import plain
from app.imports.rows import Words
from app.statements import Statement

_PEOPLE_FIELDS = ("customer.owner", "customer.account_manager")
LISTED = ("trade_kind", "purchasing_power")
_DEPARTMENT_FIELD = "customer.department"
USERS = Statement(
    select(User.public_id, User.name, User.email).where(User.is_active).order_by(User.id)
)
DEPARTMENTS = Statement(select(Department.public_id, Department.name).order_by(Department.id))
PERSON = Statement(
    select(
        User.id, User.public_id, User.name, User.role, User.is_active, User.department_id, Department.path
    )
    .outerjoin_from(User, Department, Department.id == User.department_id)
    .where(User.id == bindparam("user_id"))
)  # fmt: skip


async def principal_of(reader: Reader, user_id: int, *needed: Permission) -> Principal:
    """Return a user as a caller with the rights that he has now; raises `NotPermitted` without those `needed`."""
    row = await reader.one(PERSON, user_id=user_id)
    assert row is not None
    role = Role(row["role"])
    held = permissions_of(role) if row["is_active"] else frozenset()
    for one in needed:
        if one not in held:
            raise NotPermitted(permission=one.value)
    below = []
    if row["path"] is not None:
        below = await reader.all(SUBTREE, path=row["path"], path_end=row["path"] + "~")
    return Principal(
        user_id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        role=role,
        grants={one: scope for one in held if (scope := row_scope(role, one)) is not None},
        department_id=row["department_id"],
        departments=tuple(one["id"] for one in below),
    )


@cache
def _codes() -> Mapping[str, Mapping[str, str]]:
    text = (files("app.imports") / "words.toml").read_text(encoding="utf-8")
    return {
        field: {plain(word): code for code, known in codes.items() for word in (code, *known)}
        for field, codes in tomllib.loads(text).items()
    }


async def words_for(reader: Reader, fields: Iterable[str], zone: ZoneInfo) -> Words:
    """Return what words in the cells of these fields mean; a name that two people bear means nobody."""
    asked, choices = set(fields), dict(_codes())
    if asked & set(_PEOPLE_FIELDS):
        rows = await reader.all(USERS)
        people = _once((row["name"], row["public_id"]) for row in rows)
        people |= {plain(row["email"]): row["public_id"] for row in rows}
        choices |= dict.fromkeys(_PEOPLE_FIELDS, people)
    lists = await choices_of(reader)
    choices |= {f"customer.{name}": lists[name] for name in LISTED if name in lists}
    own = {row["key"]: row for row in await own_fields(reader) if f"custom.{row['key']}" in asked}
    kinds = {f"custom.{key}": row["type"] for key, row in own.items()}
    for key, row in own.items():
        if row["choice_list"] in lists:
            choices[f"custom.{key}"] = lists[row["choice_list"]]
    if _DEPARTMENT_FIELD in asked:
        rows = await reader.all(DEPARTMENTS)
        choices[_DEPARTMENT_FIELD] = _once((row["name"], row["public_id"]) for row in rows)
    return Words(zone, choices, kinds)


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    known = [(plain(name), value) for name, value in pairs]
    count = Counter(name for name, _ in known)
    return {name: value for name, value in known if count[name] == 1}
