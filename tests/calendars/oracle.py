"""An independent calendar, obviously right and slow, and random calendars to try it on.

It reads documents by itself and shares no code with the application: hours are laid out date by
date over the stretches in which the zone's offset stands still, and every question walks the list.
`shows_open` does not even do that: it looks at the wall clock at one instant.
"""

import random
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Africa/Cairo",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Havana",
)
DAY = timedelta(days=1)
ZERO = timedelta(0)

Piece = tuple[datetime, datetime]
Document = dict[str, Any]


@lru_cache
def offset_stretches(zone: str, first_year: int, last_year: int) -> list[tuple[Piece, timedelta]]:
    """The stretches of equal UTC offset, found by looking at every hour, then every minute."""
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    begun, offset = at, offset_at(at, zone)
    found = []
    while at < end:
        at += timedelta(hours=1)
        if offset_at(at, zone) != offset:
            turn = at - timedelta(hours=1)
            while offset_at(turn, zone) == offset:
                turn += timedelta(minutes=1)
            found.append(((begun, turn), offset))
            begun, offset = turn, offset_at(turn, zone)
    return [*found, ((begun, end), offset)]


@lru_cache
def is_shown(on: date, zone: str) -> bool:
    """Whether any clock in the zone ever shows the date."""
    midnight = datetime.combine(on, time(), tzinfo=UTC)
    hours = (midnight + timedelta(hours=h) for h in range(-24, 49))
    return any(at.astimezone(ZoneInfo(zone)).date() == on for at in hours)


def offset_at(at: datetime, zone: str) -> timedelta:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset


class Oracle:
    """Answers for instants well inside the years `first_year` to `last_year`."""

    def __init__(self, document: Document, first_year: int, last_year: int) -> None:
        self.zone = document["timezone"]
        self.week = document["week"]
        self.exceptions = {date.fromisoformat(e["date"]): e for e in document.get("exceptions", [])}
        self.stretches = offset_stretches(self.zone, first_year, last_year)
        self.known_hours: dict[date, list[tuple[timedelta, timedelta]]] = {}
        self.by_date: dict[date, list[Piece]] = {}
        on = date(first_year, 1, 5)
        while on < date(last_year, 12, 25):
            pieces = self._pieces(on)
            if pieces:
                self.by_date[on] = pieces
            on += DAY
        self.pieces = merged([piece for pieces in self.by_date.values() for piece in pieces])
        self.ends = [end for _, end in self.pieces]

    def hours(self, on: date) -> list[tuple[timedelta, timedelta]]:
        """Start and end as distances from midnight; an end over midnight exceeds a day."""
        if on not in self.known_hours:
            pairs = self._pairs(on)
            lengths = [(passed_at(start), passed_at(end)) for start, end in pairs]
            self.known_hours[on] = [(s, e if e > s else e + DAY) for s, e in lengths]
        return self.known_hours[on]

    def _pairs(self, on: date) -> list[list[str]]:
        exception = self.exceptions.get(on)
        if exception is None:
            pairs = self.week.get(WEEKDAYS[on.weekday()], [])
        elif exception["kind"] == "closed":
            pairs = []
        else:
            pairs = exception.get("hours") or self.week["mon"]
        return list(pairs)

    def shows_open(self, at: datetime) -> bool:
        """Whether the wall clock at `at` shows a time within hours of its date or the one before."""
        wall = at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        for on in (wall.date(), wall.date() - DAY):
            passed = wall - datetime.combine(on, time())
            if any(s <= passed < e for s, e in self.hours(on)) and is_shown(on, self.zone):
                return True
        return False

    def after(self, at: datetime) -> list[Piece]:
        """The pieces that end after `at`."""
        return self.pieces[bisect_right(self.ends, at) :]

    def within(self, start: datetime, end: datetime) -> list[Piece]:
        pieces = takewhile(lambda piece: piece[0] < end, self.after(start))
        return [(max(s, start), min(e, end)) for s, e in pieces]

    def used(self, start: datetime, end: datetime) -> timedelta:
        return sum((e - s for s, e in self.within(start, end)), ZERO)

    def add(self, start: datetime, amount: timedelta) -> datetime:
        if not amount:
            return self.next_opening(start)
        for opens, closes in self.after(start):
            room = closes - max(start, opens)
            if room >= amount:
                return max(start, opens) + amount
            amount -= room
        raise AssertionError("beyond the oracle's years")

    def is_open(self, at: datetime) -> bool:
        return any(s <= at < e for s, e in self.after(at)[:1])

    def next_opening(self, at: datetime) -> datetime:
        return max(at, self.after(at)[0][0])

    def add_working_days(self, start: datetime, days: int) -> datetime:
        return self.by_date[self._working_date_after(self._date(start), days)][-1][1]

    def add_day(self, start: datetime, days: int) -> datetime:
        begun = self.next_opening(start)
        own = home = self._date(begun)
        while not any(s <= begun < e for s, e in self.by_date.get(home, [])):
            home -= DAY
        working = self._working_date_after(home, days)
        wall = begun.astimezone(ZoneInfo(self.zone)).time()
        target = self.instant(datetime.combine(working + (own - home), wall))
        if self.is_open(target):
            return target
        ended = [e for _, e in self.by_date[working] if e <= target]
        return ended[-1] if ended else self.by_date[working][0][0]

    def instant(self, wall: datetime) -> datetime:
        """The first instant at which the clock shows `wall` or later."""
        return next(
            max(begun, wall.replace(tzinfo=UTC) - offset)
            for (begun, end), offset in self.stretches
            if wall.replace(tzinfo=UTC) - offset < end
        )

    def _date(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    def _working_date_after(self, on: date, count: int) -> date:
        while count:
            on += DAY
            count -= on in self.by_date
        return on

    def _pieces(self, on: date) -> list[Piece]:
        """The date's hours within each stretch of equal offset."""
        midnight = datetime.combine(on, time(), tzinfo=UTC)
        pieces = []
        shown = False
        for (begun, end), offset in self.stretches:
            shown |= begun < midnight + DAY - offset and midnight - offset < end
            for opens, closes in self.hours(on):
                start = max(begun, midnight + opens - offset)
                stop = min(end, midnight + closes - offset)
                if start < stop:
                    pieces.append((start, stop))
        return merged(pieces) if shown else []


def passed_at(clock_time: str) -> timedelta:
    return timedelta(hours=int(clock_time[:2]), minutes=int(clock_time[3:]))


def merged(pieces: list[Piece]) -> list[Piece]:
    result: list[Piece] = []
    for start, end in sorted(pieces):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def random_document(rng: random.Random, *, over_midnight: bool = True) -> Document:
    """A calendar with lunch breaks, night shifts, overlaps and exceptions of every kind."""
    zone = rng.choice(ZONES)
    year = 2011 if zone == "Pacific/Apia" else 2025
    week: dict[str, list[list[str]]] = {
        day: random_hours(rng, over_midnight) if rng.random() < 0.7 else [] for day in WEEKDAYS
    }
    week["mon"] = random_hours(rng, over_midnight)
    exceptions = []
    for day in rng.sample(range(365), rng.randrange(30)):
        kind = rng.choice(("closed", "working", "hours"))
        entry: Document = {
            "date": (date(year, 7, 1) + day * DAY).isoformat(),
            "kind": kind,
            "name": kind,
        }
        if kind == "hours" or (kind == "working" and rng.random() < 0.5):
            entry["hours"] = random_hours(rng, over_midnight)
        exceptions.append(entry)
    return {"name": "random", "timezone": zone, "week": week, "exceptions": exceptions}


def random_hours(rng: random.Random, over_midnight: bool) -> list[list[str]]:
    """One to three intervals on multiples of five minutes."""
    result = []
    for _ in range(rng.randint(1, 3)):
        start, end = rng.sample(range(0, 1440, 5), 2)
        if rng.random() < 0.1:
            start = 0
        if start > end and (not over_midnight or rng.random() < 0.6):
            start, end = end, start
        result.append([clock(start), "24:00" if rng.random() < 0.1 else clock(max(end, 5))])
    return [pair for pair in result if pair[0] != pair[1]] or [["00:00", "24:00"]]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
