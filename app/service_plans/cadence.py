"""When the turns of a promise fall: every so many days, weeks or months, or on dates of its own. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

NUMBER_MAX = 10_000


class EveryUnit(StrEnum):
    """What a frequency counts."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Cadence:
    """A frequency from `starts_on` to `ends_on` (inclusive; None: without end), or `dates`, ascending."""

    starts_on: date | None = None
    ends_on: date | None = None
    amount: int = 1
    unit: EveryUnit = EveryUnit.MONTHS
    dates: Sequence[date] = ()

    def date_of(self, number: int) -> date | None:
        """Return the date of a turn, counted from 1; None after the last.

        Months are counted from the start, never chained, clipped at the month's end.
        """
        if self.starts_on is None:
            return self.dates[number - 1] if number <= len(self.dates) else None
        if number > NUMBER_MAX:
            return None
        on = self._counted(self.starts_on, (number - 1) * self.amount)
        return None if on is None or (self.ends_on is not None and on > self.ends_on) else on

    def _counted(self, start: date, count: int) -> date | None:
        try:
            if self.unit is EveryUnit.MONTHS:
                year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
                return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
            return start + timedelta(days=count * (7 if self.unit is EveryUnit.WEEKS else 1))
        except (OverflowError, ValueError):
            return None
