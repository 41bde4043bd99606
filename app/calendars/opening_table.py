"""Opening hours of a span of local years as sorted integer arrays, asked by bisection.

Here: compiling a `CalendarSpec` year by year, and the questions about one compiled span. Growing
the span, units and refusals are the business of `working_time`.

An interval belongs to the local day on which it starts, so closing a day leaves alone the night
shift that began the evening before. Intervals that overlap or touch are one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from app.calendars.document import CalendarException, CalendarSpec, Hours
from app.calendars.local_time import (
    DAY_MICROS,
    EPOCH,
    SECOND_MICROS,
    Span,
    shown_spans,
    steady_instant,
    to_micros,
)

LONGEST_VOID_MICROS = 366 * DAY_MICROS

_MINUTE = 60 * SECOND_MICROS


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """A local day with open time: its ordinal and the merged spans that start on it."""

    ordinal: int
    spans: tuple[Span, ...]


def compile_year(
    spec: CalendarSpec, exceptions: Mapping[date, CalendarException], year: int
) -> list[WorkingDay]:
    """The working days of a local year in order; `exceptions` are those of `spec` by date."""
    first = date(year, 1, 1).toordinal()
    days = []
    for ordinal in range(first, date(year, 12, 31).toordinal() + 1):
        on = date.fromordinal(ordinal)
        exception = exceptions.get(on)
        hours = exception.hours if exception else spec.week[on.weekday()]
        if not hours:
            continue
        spans = tuple(_spans(on, hours, spec.timezone))
        if spans:
            days.append(WorkingDay(ordinal, spans))
    return days


def _spans(on: date, hours: Hours, zone: ZoneInfo) -> Iterator[Span]:
    """The instants covered by the hours of a local date, merged; none on a date that is skipped."""
    midnight = datetime(on.year, on.month, on.day)  # noqa: DTZ001 - local wall time
    # Hours end within two days of midnight, and on most dates no transition is near.
    opens = steady_instant(midnight, midnight + timedelta(days=2), zone)
    if opens is not None:
        return _merged((opens + start * _MINUTE, opens + end * _MINUTE) for start, end in hours)
    if not shown_spans(midnight, midnight + timedelta(days=1), zone):
        return iter(())
    return _merged(
        span
        for start, end in hours
        for span in shown_spans(
            midnight + timedelta(minutes=start), midnight + timedelta(minutes=end), zone
        )
    )


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same instants as ascending spans that neither overlap nor touch."""
    current: Span | None = None
    for start, end in sorted(spans):
        if current is None:
            current = (start, end)
        elif start <= current[1]:
            current = (current[0], max(current[1], end))
        else:
            yield current
            current = (start, end)
    if current is not None:
        yield current


class OpeningTable:
    """What is open in the local years `first_year` to `last_year`; never changed once built.

    Complete for instants in [covers_from, covers_to): the years' edges are left out by more than
    any offset and any shift over midnight can reach.
    """

    def __init__(self, first_year: int, last_year: int, days: list[WorkingDay]) -> None:
        spans = list(_merged(span for day in days for span in day.spans))
        self.first_year = first_year
        self.last_year = last_year
        self.covers_from = to_micros(EPOCH.replace(year=first_year)) + 3 * DAY_MICROS
        self.covers_to = to_micros(EPOCH.replace(year=last_year + 1)) - 2 * DAY_MICROS
        self.days = days
        self.ordinals = [day.ordinal for day in days]
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]
        # used_after[i]: open time of the spans 0..i; used_before[i]: of those before span i.
        self.used_after = list(accumulate(end - start for start, end in spans))
        self.used_before = [0, *self.used_after][: len(spans)]
        self.voids = self._long_closures()

    def used(self, at: int) -> int:
        """Open microseconds from the table's first span up to `at` (exclusive)."""
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return 0
        end = self.ends[index]
        return self.used_before[index] + (at if at < end else end) - self.starts[index]

    def between(self, start: int, end: int) -> int:
        """Open microseconds in [start, end); most stretches asked about lie in one span."""
        index = bisect_right(self.starts, start) - 1
        if index < 0:
            return self.used(end)
        closes = self.ends[index]
        if end <= closes:
            return end - start
        last = bisect_right(self.starts, end, index) - 1
        until = self.ends[last] if end > self.ends[last] else end
        since = start if start < closes else closes
        used = self.used_before[last] - self.used_before[index]
        return used + (until - self.starts[last]) - (since - self.starts[index])

    def is_open(self, at: int) -> bool:
        """Whether `at` lies in a span: the start is open, the end is not."""
        index = bisect_right(self.starts, at) - 1
        return index >= 0 and at < self.ends[index]

    def opening(self, at: int) -> int | None:
        """`at` itself if open, else the start of the next span; None if the table holds none."""
        index = bisect_right(self.ends, at)
        if index == len(self.ends):
            return None
        return max(at, self.starts[index])

    def reached(self, used: int) -> int | None:
        """The earliest instant at which `used` (> 0, see `used()`) is reached; None if later."""
        index = bisect_left(self.used_after, used)
        if index == len(self.used_after):
            return None
        return self.starts[index] + used - self.used_before[index]

    def day_after(self, ordinal: int, count: int) -> WorkingDay | None:
        """The `count`-th (>= 1) working day after the date `ordinal`; None if later."""
        index = bisect_right(self.ordinals, ordinal) + count - 1
        return self.days[index] if index < len(self.days) else None

    def day_on(self, ordinal: int) -> WorkingDay | None:
        """The working day of the date `ordinal`, None if it is none."""
        index = bisect_left(self.ordinals, ordinal)
        if index < len(self.ordinals) and self.ordinals[index] == ordinal:
            return self.days[index]
        return None

    def day_of(self, at: int, ordinal: int) -> WorkingDay:
        """The working day to which the open instant `at`, on local date `ordinal`, belongs.

        That of its own date if one of the date's spans holds it, else the one whose shift runs
        over midnight.
        """
        for index in range(bisect_right(self.ordinals, ordinal) - 1, -1, -1):
            for start, end in self.days[index].spans:
                if start <= at < end:
                    return self.days[index]
        raise ValueError("not an open instant")

    def clipped(self, start: int, end: int) -> list[Span]:
        """The merged spans within [start, end)."""
        first = bisect_right(self.ends, start)
        last = bisect_left(self.starts, end)
        return [
            (max(start, self.starts[index]), min(end, self.ends[index]))
            for index in range(first, last)
        ]

    def void_between(self, start: int, end: int) -> bool:
        """Whether more than 366 days on end are closed after `start` and before `end`."""
        return any(
            min(end, closed_to) - max(start, closed_from) > LONGEST_VOID_MICROS
            for closed_from, closed_to in self.voids
        )

    def _long_closures(self) -> list[Span]:
        edges = zip([self.covers_from, *self.ends], [*self.starts, self.covers_to], strict=True)
        return [(shut, opens) for shut, opens in edges if opens - shut > LONGEST_VOID_MICROS]
