"""The working-time calendar: how much of a stretch is open, and when an amount is used up.

Here: `Calendar` with the arithmetic of deadlines 2 and 5, pure and exact to the microsecond.
Documents are parsed in `document`, hours compiled in `opening_table`, DST decided in `local_time`;
clocks, pauses and policies live in `sla`.

All instants are aware (a naive one raises TypeError) and results are in UTC. Open intervals are
half-open: the instant of opening is open, the instant of closing is not. Served are the years 1970
to 2199; beyond them, InstantOutOfRange. Where more than 366 days on end are closed before an
answer, NoWorkingTime.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from app.calendars.document import FIRST_YEAR, LAST_YEAR, CalendarSpec, ExceptionKind
from app.calendars.local_time import (
    DAY_MICROS,
    EPOCH,
    SECOND_MICROS,
    InstantOutOfRange,
    from_micros,
    resolve_local,
    to_micros,
)
from app.calendars.opening_table import OpeningTable, WorkingDay, compile_year

_EARLIEST = to_micros(EPOCH.replace(year=FIRST_YEAR)) + 3 * DAY_MICROS
_LATEST = to_micros(EPOCH.replace(year=LAST_YEAR + 1)) - 2 * DAY_MICROS
_LAST_ORDINAL = date(LAST_YEAR, 12, 31).toordinal()


class NoWorkingTime(ValueError):
    """More than 366 days on end are closed where an opening was needed."""


@lru_cache(maxsize=256)
def compile_calendar(spec: CalendarSpec) -> "Calendar":
    """The calendar of a document; equal documents share one.

    Hashing a document with many exceptions costs about as much as a ticket's clocks: keep the
    result.
    """
    return Calendar(spec)


class Calendar:
    """One calendar version, compiled lazily by local year.

    Tables are replaced whole and never changed, so threads may share a calendar.
    """

    __slots__ = ("_days", "_exceptions", "_table", "always_open", "name", "spec", "timezone")

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self.timezone = spec.timezone
        self.always_open = spec.always_open
        self._exceptions = {exception.on: exception for exception in spec.exceptions}
        self._days: dict[int, list[WorkingDay]] = {}
        self._table: OpeningTable | None = None

    def __repr__(self) -> str:
        return f"Calendar({self.name!r}, {self.timezone.key})"

    def open_micros(self, start: datetime, end: datetime) -> int:
        """Working time in [start, end) in microseconds; 0 if `end` is not after `start`."""
        first, last = to_micros(start), to_micros(end)
        if last <= first:
            return 0
        if self.always_open:
            return last - first
        table = self._table
        if table is None or first < table.covers_from or last >= table.covers_to:
            table = self._covering(first, last)
        return table.between(first, last)

    def open_seconds(self, start: datetime, end: datetime) -> int:
        """Whole seconds of working time in [start, end): `open_micros` rounded down."""
        return self.open_micros(start, end) // SECOND_MICROS

    def add(self, start: datetime, micros: int) -> datetime:
        """The earliest instant at which `micros` of working time since `start` are used up.

        30 minutes from Friday 17:30 with closing at 18:00 are used up on Friday 18:00, not at
        Monday's opening. 0 is `next_opening(start)`. Negative amounts raise ValueError.
        """
        if micros < 0:
            raise ValueError("working time to add must not be negative")
        if micros == 0:
            return self.next_opening(start)
        first = to_micros(start)
        if self.always_open:
            return from_micros(_served(first + micros))
        table = self._table
        if table is None or first < table.covers_from or first >= table.covers_to:
            table = self._covering(first, first)
        used = table.used(first) + micros
        found = table.reached(used)
        if found is not None and not table.voids:
            return from_micros(found)
        # Growing forward keeps the table's first span, so `used` stays comparable.
        return from_micros(self._search(table, first, lambda grown: grown.reached(used)))

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself if open, else the start of the next open interval."""
        instant = to_micros(at)
        return from_micros(instant if self.always_open else self._opening(instant))

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in an open interval: its start does, its end does not."""
        if self.always_open:
            return True
        instant = to_micros(at)
        return self._covering(instant, instant).is_open(instant)

    def is_working_day(self, on: date) -> bool:
        """Whether an open interval starts on the local date `on`.

        A night shift that ends on a date does not make it a working day, nor do hours that the
        zone skips altogether (Samoa's 2011-12-30).
        """
        noon = to_micros(EPOCH.replace(year=on.year, month=on.month, day=on.day, hour=12))
        return self._covering(noon, noon).day_on(on.toordinal()) is not None

    def shifts_on(self, on: date) -> list[tuple[datetime, datetime]]:
        """The open intervals that start on the local date `on`, merged, ascending, in UTC.

        A night shift is whole here: it ends on the following date.
        """
        noon = to_micros(EPOCH.replace(year=on.year, month=on.month, day=on.day, hour=12))
        day = self._covering(noon, noon).day_on(on.toordinal())
        spans = () if day is None else day.spans
        return [(from_micros(opens), from_micros(closes)) for opens, closes in spans]

    def start_of(self, on: date) -> datetime:
        """The first instant at which the zone shows the local date `on`, or a later one."""
        return from_micros(_served(resolve_local(datetime.combine(on, time()), self.timezone)))

    def add_day(self, start: datetime, days: int = 1) -> datetime:
        """`days` of the unit `days`, "1 day" being the toolkit's 24 hours (deadlines 2).

        On an always open calendar: 24 elapsed hours each. Otherwise a start in closed time first
        moves to the next opening; then the due is the same local time on the `days`-th working day
        after the one to which the start belongs (past midnight in a night shift: the day on which
        the shift began, and the due then lies past midnight of its working day too). Closed at
        that time: the end of the working day's last interval before it; none before it: the
        working day's first opening. The instant of closing counts as closed with its own end.
        0 days is `next_opening(start)`; a negative count raises ValueError.
        """
        _refuse_negative(days)
        if self.always_open:
            return from_micros(_served(to_micros(start) + days * DAY_MICROS))
        begun = self._opening(to_micros(start))
        if days == 0:
            return from_micros(begun)
        local = from_micros(begun).astimezone(self.timezone)
        own = local.toordinal()
        table = self._covering(begun, begun)
        home = table.day_of(begun, own).ordinal
        day = self._search_day(table, begun, home, days)
        target = self._at_time_of(local, day.ordinal + own - home)
        if self._covering(target, target).is_open(target):
            return from_micros(target)
        ended = [end for _, end in day.spans if end <= target]
        return from_micros(ended[-1] if ended else day.spans[0][0])

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """The end of the last open interval of the `days`-th working day (deadlines 2).

        The start's local date does not count, whether or not it is a working day, and the start is
        not moved: 1 working day from Friday 20:00 or from Saturday ends on Monday. An interval over
        midnight ends on the following date. On an always open calendar each day ends at the
        following local midnight. 0 days is `next_opening(start)`; negative raises ValueError.
        """
        _refuse_negative(days)
        if days == 0:
            return self.next_opening(start)
        instant = to_micros(start)
        own = start.astimezone(self.timezone).toordinal()
        table = self._covering(instant, instant)
        return from_micros(self._search_day(table, instant, own, days).spans[-1][1])

    def end_of_working_day(self, at: datetime) -> datetime:
        """The end of the last open interval of `at`'s local date, of the next working day if it is closed."""
        instant = to_micros(at)
        table = self._covering(instant, instant)
        before = at.astimezone(self.timezone).toordinal() - 1
        return from_micros(self._search_day(table, instant, before, 1).spans[-1][1])

    def add_calendar_days(self, start: datetime, days: int) -> datetime:
        """The same local time `days` dates later, open or not (DST as `local_time` says).

        0 days is `start` itself; a negative count raises ValueError.
        """
        _refuse_negative(days)
        if days == 0:
            return from_micros(to_micros(start))
        local = start.astimezone(self.timezone).replace(tzinfo=None)
        return from_micros(_served(self._at_time_of(local, local.toordinal() + days)))

    def add_months(self, anchor: datetime, months: int) -> datetime:
        """The same local day and time `months` later, open or not, clipped at the month's end.

        Count from the anchor, never chain: 31 August + 6 months is 28 or 29 February, 31 August +
        7 months is 31 March. DST as `local_time` says. 0 months is `anchor` itself; a negative
        count raises ValueError.
        """
        _refuse_negative(months)
        if months == 0:
            return from_micros(to_micros(anchor))
        local = anchor.astimezone(self.timezone).replace(tzinfo=None)
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        if year > LAST_YEAR:
            raise InstantOutOfRange(f"beyond the year {LAST_YEAR}")
        day = min(local.day, monthrange(year, month + 1)[1])
        return from_micros(_served(self._at_time_of(local, date(year, month + 1, day).toordinal())))

    def intervals(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The open intervals within [start, end), merged, ascending, in UTC."""
        first, last = to_micros(start), to_micros(end)
        if last <= first:
            return []
        if self.always_open:
            return [(from_micros(first), from_micros(last))]
        spans = self._covering(first, last).clipped(first, last)
        return [(from_micros(opens), from_micros(closes)) for opens, closes in spans]

    def provisional_from(self) -> datetime | None:
        """The first instant whose year's exceptions are not loaded, None if none are needed.

        Local 1 January after the unbroken run of loaded years that begins with the earliest: a
        hole in the list is where certainty ends. Years before the earliest are not asked about.
        """
        year = self.spec.next_year_to_load
        if year is None:
            return None
        return from_micros(resolve_local(datetime(year, 1, 1), self.timezone))  # noqa: DTZ001

    def exception_names(
        self, start: datetime, end: datetime
    ) -> list[tuple[date, ExceptionKind, str]]:
        """The dated exceptions on the local dates that [start, end) touches, ascending."""
        if end <= start:
            return []
        first = start.astimezone(self.timezone).date()
        last = (end - timedelta(microseconds=1)).astimezone(self.timezone).date()
        return [
            (exception.on, exception.kind, exception.name)
            for exception in self.spec.exceptions
            if first <= exception.on <= last
        ]

    def _opening(self, at: int) -> int:
        table = self._covering(at, at)
        found = table.opening(at)
        if found is not None and not table.voids:
            return found
        return self._search(table, at, lambda grown: grown.opening(at))

    def _search_day(self, table: OpeningTable, start: int, after: int, count: int) -> WorkingDay:
        """The `count`-th working day after the date `after`."""
        day = table.day_after(after, count)
        while day is None:
            table = self._longer(table, start)
            day = table.day_after(after, count)
        _refuse_void(table, start, day.spans[0][0])
        return day

    def _search(
        self, table: OpeningTable, start: int, ask: Callable[[OpeningTable], int | None]
    ) -> int:
        """The first answer at or after `start` that `ask` finds as the table grows forward."""
        found = ask(table)
        while found is None:
            table = self._longer(table, start)
            found = ask(table)
        _refuse_void(table, start, found)
        return found

    def _covering(self, first: int, last: int) -> OpeningTable:
        """A table complete for [first, last], at least the one that exists."""
        table = self._table
        if table is not None and table.covers_from <= first and last < table.covers_to:
            return table
        if first < _EARLIEST or last >= _LATEST:
            raise InstantOutOfRange(f"calendars serve {FIRST_YEAR} to {LAST_YEAR}")
        first_year = from_micros(first - 3 * DAY_MICROS).year
        last_year = from_micros(last + 2 * DAY_MICROS).year
        if table is not None:
            first_year = min(first_year, table.first_year)
            last_year = max(last_year, table.last_year)
        return self._compiled(first_year, last_year)

    def _longer(self, table: OpeningTable, start: int) -> OpeningTable:
        """`table` and as many years again, unless it already ends in a void after `start`.

        Doubling keeps an absurd amount from rebuilding the arrays for each of two hundred years.
        """
        _refuse_void(table, start, table.covers_to)
        if table.last_year == LAST_YEAR:
            raise InstantOutOfRange(f"beyond the year {LAST_YEAR}")
        years = table.last_year - table.first_year + 1
        return self._compiled(table.first_year, min(table.last_year + years, LAST_YEAR))

    def _compiled(self, first_year: int, last_year: int) -> OpeningTable:
        days: list[WorkingDay] = []
        for year in range(first_year, last_year + 1):
            if year not in self._days:
                self._days[year] = compile_year(self.spec, self._exceptions, year)
            days += self._days[year]
        self._table = OpeningTable(first_year, last_year, days)
        return self._table

    def _at_time_of(self, local: datetime, ordinal: int) -> int:
        """The instant of `local`'s time of day on another date."""
        return resolve_local(datetime.combine(_date(ordinal), local.time()), self.timezone)


def _served(instant: int) -> int:
    if instant >= _LATEST:
        raise InstantOutOfRange(f"beyond the year {LAST_YEAR}")
    return instant


def _refuse_negative(count: int) -> None:
    if count < 0:
        raise ValueError("a count to add must not be negative")


def _refuse_void(table: OpeningTable, start: int, end: int) -> None:
    if table.voids and table.void_between(start, end):
        raise NoWorkingTime("no working time within a year")


def _date(ordinal: int) -> date:
    if ordinal > _LAST_ORDINAL:
        raise InstantOutOfRange(f"beyond the year {LAST_YEAR}")
    return date.fromordinal(ordinal)
