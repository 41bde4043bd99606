"""How long a promise may take: an amount and a unit, and where it ends in a calendar.

Adding up working time over pauses and changes of calendar is in `sla.engine.segments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.calendars.working_time import Calendar

MICROS_A_SECOND = 1_000_000


class Unit(StrEnum):
    """Units of a target (deadlines section 2)."""

    MINUTES = "minutes"
    HOURS = "hours"
    ELAPSED_HOURS = "elapsed_hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    MONTHS = "months"


_MICROS = {
    Unit.MINUTES: 60 * MICROS_A_SECOND,
    Unit.HOURS: 3600 * MICROS_A_SECOND,
    Unit.ELAPSED_HOURS: 3600 * MICROS_A_SECOND,
}
_PAUSABLE = frozenset({*_MICROS, Unit.DAYS})


@dataclass(frozen=True, slots=True)
class Target:
    """A target such as 4 hours; `amount` is a positive whole number of `unit`."""

    amount: int
    unit: Unit

    @property
    def summed(self) -> bool:
        """Say whether the target is added up over segments; the others are dates from a start."""
        return self.unit in _MICROS

    @property
    def pausable(self) -> bool:
        """Say whether a policy may pause a clock with this target."""
        return self.unit in _PAUSABLE

    @property
    def micros(self) -> int:
        """Return the length of a summed target in microseconds; KeyError for a date unit."""
        return self.amount * _MICROS[self.unit]

    @property
    def calendar_role(self) -> str | None:
        """Return the calendar that the unit itself demands, None where the policy decides.

        Elapsed hours run around the clock; working days, calendar days and months are always
        those of the deployment's working-day calendar, also for tier A.
        """
        if self.unit is Unit.ELAPSED_HOURS:
            return "24x7"
        if self.summed or self.unit is Unit.DAYS:
            return None
        return "working"

    @property
    def needs_exceptions(self) -> bool:
        """Say whether dated exceptions (holidays, make-up days) can move the due instant."""
        return self.unit not in (Unit.ELAPSED_HOURS, Unit.CALENDAR_DAYS, Unit.MONTHS)


def date_due(target: Target, start: datetime, calendar: Calendar) -> datetime:
    """Return the due instant of a date unit counted from `start`, without pauses.

    One day is 24 hours on a calendar that never closes, otherwise the calendar's own rule.
    """
    if target.unit is Unit.DAYS:
        if calendar.always_open:
            return start + timedelta(days=target.amount)
        return calendar.add_day(start, target.amount)
    if target.unit is Unit.WORKING_DAYS:
        return calendar.add_working_days(start, target.amount)
    if target.unit is Unit.CALENDAR_DAYS:
        return calendar.add_calendar_days(start, target.amount)
    return calendar.add_months(start, target.amount)


def due_from(target: Target, start: datetime, calendar: Calendar) -> datetime:
    """Return the instant at which a target of any unit ends, counted from `start` unpaused."""
    if target.summed:
        return calendar.add(start, target.micros)
    return date_due(target, start, calendar)
