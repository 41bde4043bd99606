"""Which turn of a promise comes next, and when it opens: at most 35 days ahead, once the turn before is answered or due.

A turn on a closed day is due with the next working day; turns that would be due at the same instant are one. Pure but
for the calendar that it is given.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.calendars.working_time import Calendar
from app.service_plans.cadence import Cadence

HORIZON = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn: its number and date, when it opens, when it is due."""

    number: int
    on: date
    opens_at: datetime
    due_at: datetime


def turn_after(
    cadence: Cadence, calendar: Calendar, number: int, *, since: datetime, due_after: datetime
) -> Turn | None:
    """Return the first turn from `number` on that is due after `due_after`, opening at `since` at the earliest.

    None where there is none any more, and where it lies beyond what calendars serve.
    """
    while True:
        on = cadence.date_of(number)
        if on is None or on.year > due_after.year + 100:
            return None
        noon = datetime(on.year, on.month, on.day, 12, tzinfo=calendar.timezone)
        if noon + timedelta(days=1) > due_after:
            due_at = calendar.end_of_working_day(noon)
            if due_at > due_after:
                opens_at = max(since, calendar.start_of(on) - HORIZON)
                return Turn(number, on, opens_at, due_at)
        number += 1
