"""The organisation as the ladder sees it at an instant, read from users and departments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.auth.models import Department, OnCall, User
from app.database import Transaction
from app.sla.engine import ladder
from app.statements import Row, Statement

USERS = Statement(
    select(
        User.id, User.public_id, User.name, User.role, User.manager_id, User.delegate_id, User.absent_from,
        User.absent_until, User.is_active, User.zone, User.language,
    )
)  # fmt: skip
DEPARTMENTS = Statement(
    select(Department.id, Department.head_id, Department.parent_id).order_by(Department.id)
)
ON_CALL = Statement(
    select(OnCall.department_id, OnCall.user_id).order_by(OnCall.department_id, OnCall.position)
)


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who can be told, and how: the ladder's value and each person's row."""

    org: ladder.Org
    users: Mapping[int, Row]

    def zone(self, user_id: int) -> ZoneInfo:
        """Return the zone in which a person sleeps."""
        return ZoneInfo(self.users[user_id]["zone"])


@dataclass(frozen=True, slots=True)
class _Rows:
    users: list[Row]
    departments: list[Row]
    on_call: list[Row]


async def read_people(tx: Transaction, now: datetime) -> People:
    """Return the organisation as of `now`; the rows behind it are at most two seconds old."""
    rows: _Rows | None = tx.database.recall("people")
    if rows is None:
        rows = _Rows(await tx.peek(USERS), await tx.peek(DEPARTMENTS), await tx.peek(ON_CALL))
        tx.database.remember("people", rows, of=(User, Department, OnCall))
    on_call: dict[int, list[int]] = {}
    for row in rows.on_call:
        on_call.setdefault(row["department_id"], []).append(row["user_id"])
    org = ladder.Org(
        people={row["id"]: _person(row, now) for row in rows.users},
        departments={
            row["id"]: ladder.Department(
                row["id"], row["head_id"], tuple(on_call.get(row["id"], ())), row["parent_id"]
            )
            for row in rows.departments
        },
        admins=tuple(sorted(row["id"] for row in rows.users if row["role"] == "admin")),
    )
    return People(org, {row["id"]: row for row in rows.users})


def _person(row: Row, now: datetime) -> ladder.Person:
    absent = row["absent_from"] is not None and row["absent_from"] <= now
    if absent and row["absent_until"] is not None and row["absent_until"] <= now:
        absent = False
    return ladder.Person(
        row["id"],
        row["manager_id"],
        row["is_active"],
        present=not absent,
        delegate_id=row["delegate_id"],
    )
