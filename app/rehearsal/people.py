"""The callers of a story told through the services: principals made from users, as the guard makes them of tokens."""

from sqlalchemy import bindparam, select

from app.auth.models import Department, User
from app.auth.permissions import Role, permissions_of, row_scope
from app.auth.principal import SUBTREE, Principal
from app.database import Reader
from app.statements import Statement

PERSON = Statement(
    select(User.id, User.public_id, User.name, User.role, User.department_id, Department.path)
    .outerjoin_from(User, Department, Department.id == User.department_id)
    .where(User.id == bindparam("user_id"))
)


async def principal_of(reader: Reader, user_id: int, role: Role | None = None) -> Principal:
    """Return a user as a caller, with the rights of his role (or of another), in his department and below it."""
    row = await reader.one(PERSON, user_id=user_id)
    assert row is not None
    acting = role or Role(row["role"])
    below = []
    if row["path"] is not None:
        below = await reader.all(SUBTREE, path=row["path"], path_end=row["path"] + "~")
    return Principal(
        user_id=row["id"],
        public_id=row["public_id"],
        name=row["name"],
        role=acting,
        grants={
            permission: scope
            for permission in permissions_of(acting)
            if (scope := row_scope(acting, permission)) is not None
        },
        department_id=row["department_id"],
        departments=tuple(one["id"] for one in below),
    )
