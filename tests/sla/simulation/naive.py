"""Working time as the model sees it: a plain list of open pieces, walked from the front.

Built on the slow calendar of the calendars' own tests, which shares no code with the application.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from tests.calendars.oracle import Oracle, Piece

ZERO = timedelta(0)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


class NaiveCalendar:
    """One calendar document between the years `first` and `last`."""

    def __init__(self, document: dict[str, Any], first: int, last: int) -> None:
        self.document = document
        self.round_the_clock = bool(document.get("always_open"))
        plain = {**document, "week": {}} if self.round_the_clock else document
        self.oracle = Oracle(plain, first, last)

    def pieces(self, since: datetime) -> Iterator[Piece]:
        """Open pieces from `since` on; the first may begin there."""
        if self.round_the_clock:
            yield since, FAR
            return
        oracle = self.oracle
        for opens, closes in islice(oracle.pieces, bisect_right(oracle.ends, since), None):
            yield max(opens, since), closes

    def used(self, start: datetime, end: datetime) -> timedelta:
        """Open time in [start, end)."""
        total = ZERO
        for opens, closes in self.pieces(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The earliest instant at which the amount is used up; nothing ends at the next opening."""
        for opens, closes in self.pieces(start):
            if amount <= closes - opens:
                return opens + amount
            amount -= closes - opens
        raise AssertionError("beyond the model's years")

    def date_due(self, target: dict[str, int], start: datetime) -> datetime:
        """Where a target in days, working days, calendar days or months ends."""
        ((unit, amount),) = target.items()
        if unit == "working_days":
            return self.oracle.add_working_days(start, amount)
        if unit == "days":
            if self.round_the_clock:
                return start + timedelta(hours=24 * amount)
            return self.oracle.add_day(start, amount)
        wall = start.astimezone(ZoneInfo(self.oracle.zone)).replace(tzinfo=None)
        if unit == "calendar_days":
            return self.oracle.instant(wall + timedelta(days=amount))
        assert unit == "months"
        months = wall.year * 12 + wall.month - 1 + amount
        year, month = months // 12, months % 12 + 1
        day = min(wall.day, monthrange(year, month)[1])
        return self.oracle.instant(wall.replace(year=year, month=month, day=day))

    def known_until(self) -> datetime | None:
        """Local New Year of the first year whose holidays are not loaded; None: none are needed."""
        years = self.document.get("exceptions_loaded")
        if years is None:
            return None
        year = min(years)
        while year in years:
            year += 1
        return self.oracle.instant(datetime(year, 1, 1))  # noqa: DTZ001 - local wall time
