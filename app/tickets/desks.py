"""Who handles what, as a process remembers it: ticket types, the tree of departments, heads, on-call lists.

Asked again after two seconds, so that a change takes effect everywhere within that time; what is not found is
looked for at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.auth.models import Department, OnCall
from app.database import Transaction
from app.statements import Row, Statement
from app.tickets.models import TicketType

_KEY = "desks"
TYPES = Statement(
    select(TicketType.code, TicketType.department_id, TicketType.dispatch_to, TicketType.is_active)
)
DEPARTMENTS = Statement(
    select(
        Department.id, Department.public_id, Department.name, Department.path, Department.head_id
    ).order_by(Department.path)
)
ON_CALL = Statement(
    select(OnCall.department_id, OnCall.user_id).order_by(OnCall.position, OnCall.id)
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A department with everything below and above it. `above` begins with itself; `called` in order."""

    id: int
    public_id: str
    name: str
    path: str
    head_id: int | None
    on_call: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Desks:
    """Types by code, departments by key, in the order of their paths."""

    types: Mapping[str, Row]
    departments: Mapping[int, Desk]

    def by_public_id(self, public_id: str) -> Desk | None:
        """Return a department by the id that the API shows."""
        return next((one for one in self.departments.values() if one.public_id == public_id), None)

    def below(self, desk: Desk) -> list[Desk]:
        """Return the department and those below it, parents first."""
        return [one for one in self.departments.values() if one.path.startswith(desk.path)]

    def heads(self, desk: Desk) -> list[int]:
        """Return the heads of the department and of those above it, nearest first."""
        line = [one for one in self.departments.values() if desk.path.startswith(one.path)]
        line.sort(key=lambda one: -len(one.path))
        return list(dict.fromkeys(one.head_id for one in line if one.head_id is not None))

    def on_call(self, desk: Desk) -> list[int]:
        """Return who is on call: the department's own list first, then those of the departments below it."""
        return list(dict.fromkeys(user for one in self.below(desk) for user in one.on_call))


async def read_desks(tx: Transaction, *, at_once: bool = False) -> Desks:
    """Return what is known, at most two seconds old; with `at_once` as it is in the database now."""
    known: Desks | None = None if at_once else tx.database.recall(_KEY)
    if known is None:
        known = await _load(tx)
        tx.database.remember(_KEY, known, of=(TicketType, Department, OnCall))
    return known


async def _load(tx: Transaction) -> Desks:
    types, departments = await tx.peek(TYPES), await tx.peek(DEPARTMENTS)
    on_call: dict[int, list[int]] = {}
    for row in await tx.peek(ON_CALL):
        on_call.setdefault(row["department_id"], []).append(row["user_id"])
    return Desks(
        {row["code"]: row for row in types},
        {
            row["id"]: Desk(
                row["id"],
                str(row["public_id"]),
                row["name"],
                row["path"],
                row["head_id"],
                tuple(on_call.get(row["id"], ())),
            )
            for row in departments
        },
    )
