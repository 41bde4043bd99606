"""What a caller may count: the period in local dates, and whose figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.auth.permissions import Permission, RowScope
from app.auth.principal import Principal
from app.database import Database
from app.errors import NotPermitted, invalid_field
from app.reports import queries
from app.reports.periods import first_of_month, midnight, next_month
from app.reports.rollup import working_calendar
from app.statements import Row


@dataclass(frozen=True, slots=True)
class Period:
    """Local dates, both inclusive, and the instants [begins_at, ends_at) that they cover."""

    first: date
    last: date
    begins_at: datetime
    ends_at: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class People:
    """Whose figures are counted: one person's, those of departments; None is everybody's."""

    person_id: UUID | None = None
    person_key: int | None = None
    department_id: UUID | None = None
    departments: Sequence[Row] | None = None


async def resolve_period(
    database: Database, first: date | None, last: date | None, *, days_max: int
) -> Period:
    """Return the period asked for, this month by default; raises `Invalid` for one that is none or too long."""
    zone = (await working_calendar(database)).timezone
    today = (await database.now()).astimezone(zone).date()
    first = first or first_of_month(last or today)
    last = last or max(next_month(today) - timedelta(days=1), first)
    if last < first:
        raise invalid_field("/query/to", "period_backwards")
    if (last - first).days >= days_max:
        raise invalid_field("/query/to", "period_too_long", days_max=days_max)
    ends_at = midnight(last + timedelta(days=1), zone)
    return Period(first, last, midnight(first, zone), ends_at, zone)


async def resolve_people(
    database: Database,
    principal: Principal | None,
    person_id: UUID | None,
    department_id: UUID | None,
) -> People:
    """Return whose figures the caller may count of those asked for (no principal: everybody's).

    Raises `NotPermitted` for another's.
    """
    reach, person_key, departments = _reach(principal), None, None
    if principal is not None and reach is RowScope.OWN:
        if person_id not in (None, UUID(principal.public_id)):
            raise NotPermitted(permission=Permission.SCORECARD_READ.value)
        person_id = UUID(principal.public_id)
    if principal is not None and reach is RowScope.DEPARTMENT and department_id is None:
        department_id = await _department_id(database, principal)
    if person_id is not None:
        person_key = await database.value(queries.USER_KEY, public_id=str(person_id)) or 0
    if department_id is not None:
        departments = await database.all(queries.SUBTREE, public_id=str(department_id))
        if principal is not None and reach is RowScope.DEPARTMENT:
            _check_below(principal, department_id, departments)
    return People(person_id, person_key, department_id, departments)


def _reach(principal: Principal | None) -> RowScope:
    """Return whose figures are counted; a manager of no department has his own."""
    scope = RowScope.ALL
    if principal is not None:
        scope = principal.scope(Permission.SCORECARD_READ) or RowScope.OWN
        if scope is RowScope.DEPARTMENT and not principal.departments:
            return RowScope.OWN
    return scope


def _check_below(principal: Principal, department_id: UUID, below: Sequence[Row]) -> None:
    """Refuse a department that is not the manager's own or one below it."""
    top = next((row["id"] for row in below if row["public_id"] == str(department_id)), None)
    if top is not None and top not in principal.departments:
        raise NotPermitted(permission=Permission.SCORECARD_READ.value)


async def _department_id(database: Database, principal: Principal) -> UUID:
    (row,) = await database.all(queries.DEPARTMENTS, keys=[principal.department_id])
    return UUID(row["public_id"])
