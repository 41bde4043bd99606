"""The compiled calendar agrees with a slow one on random calendars around every kind of DST."""

import os
import random
from datetime import UTC, datetime, time, timedelta

import pytest

from app.calendars.document import parse_calendar
from app.calendars.working_time import Calendar, compile_calendar
from tests.calendars.oracle import DAY, Oracle, random_document

CALENDARS = 300
CASES = 300  # of each calendar
WINDOWS = 17  # of each calendar, of up to three days: 5,100 in all
MORE_CALENDARS = int(os.environ.get("HUIYING_EXAMPLES", "10000")) // 10
BATCHES = 10
MICRO = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def compiled(seed: int) -> tuple[random.Random, Calendar, Oracle]:
    """A random calendar twice, and the random numbers for its cases."""
    rng = random.Random(seed)
    document = random_document(rng)
    year = 2011 if document["timezone"] == "Pacific/Apia" else 2025
    calendar = compile_calendar(parse_calendar(document))
    return rng, calendar, Oracle(document, year, year + 2)


def beginning(oracle: Oracle) -> datetime:
    """The first of July of the oracle's first year; 18 months from then on are asked about."""
    return oracle.stretches[0][0][0] + 181 * DAY


def edges_of(oracle: Oracle) -> list[datetime]:
    """Every opening and closing that is asked about."""
    begin = beginning(oracle)
    return [e for piece in oracle.pieces for e in piece if begin <= e <= begin + 540 * DAY]


def random_instant(rng: random.Random, oracle: Oracle, edges: list[datetime]) -> datetime:
    """An instant of the 18 months; often at or beside an edge of opening or DST."""
    begin = beginning(oracle)
    draw = rng.random()
    if draw < 0.4:
        return begin + timedelta(microseconds=rng.randrange(540 * 86_400 * 10**6))
    if draw < 0.7:
        return begin + timedelta(minutes=rng.randrange(540 * 1440))
    if draw < 0.8 and len(oracle.stretches) > 2:
        turn = rng.choice(oracle.stretches[1:-1])[0][0]
        near = turn + timedelta(minutes=rng.randrange(-180, 180, 5))
        return min(max(near, begin), begin + 540 * DAY)
    return rng.choice(edges) + rng.choice((-MICRO, timedelta(0), MICRO))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_answer_agrees_with_the_slow_calendar(batch: int) -> None:
    for seed in range(batch, CALENDARS, BATCHES):
        compare(seed)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_minute_agrees_with_the_wall_clock(batch: int) -> None:
    for seed in range(10_000 + batch, 10_000 + CALENDARS, BATCHES):
        compare_minutes(seed)


@pytest.mark.heavy
@pytest.mark.parametrize("batch", range(BATCHES))
def test_more_calendars_agree_in_both_ways(batch: int) -> None:
    for seed in range(100_000 + batch, 100_000 + MORE_CALENDARS, BATCHES):
        compare(seed)
        compare_minutes(seed)


def compare(seed: int) -> None:
    """Asks both calendars of a seed the same things."""
    rng, calendar, oracle = compiled(seed)
    edges = edges_of(oracle)
    for _ in range(CASES):
        start = random_instant(rng, oracle, edges)
        end = start + timedelta(microseconds=rng.randrange(40 * 86_400 * 10**6))
        amount = timedelta(minutes=rng.choice((0, 5, 30, 240, rng.randrange(1, 5000))))
        days = rng.randint(1, 4)
        case = f"seed {seed}, start {start!r}"
        micros = amount // MICRO
        assert calendar.open_micros(start, end) == oracle.used(start, end) // MICRO, case
        assert calendar.add(start, micros) == oracle.add(start, amount), (case, amount)
        assert calendar.is_open(start) == oracle.is_open(start), case
        assert calendar.next_opening(start) == oracle.next_opening(start), case
        due = calendar.add_working_days(start, days)
        assert due == oracle.add_working_days(start, days), (case, days)
        assert calendar.add_day(start, days) == oracle.add_day(start, days), (case, days)
        on = start.date()
        assert calendar.is_working_day(on) == (on in oracle.by_date), case
        assert calendar.shifts_on(on) == oracle.by_date.get(on, []), case
        assert calendar.start_of(on) == oracle.instant(datetime.combine(on, time())), case
        assert calendar.intervals(start, end) == oracle.within(start, end), case


def compare_minutes(seed: int) -> None:
    """Looks at the wall clock, minute by minute, in a few windows of a seed's calendar."""
    rng, calendar, oracle = compiled(seed)
    edges = edges_of(oracle)
    for _ in range(WINDOWS):
        start = random_instant(rng, oracle, edges).replace(second=0, microsecond=0)
        length = rng.randint(1, rng.choice((60, 240, 1440, 3 * 1440)))
        scan(calendar, oracle, [start + n * MINUTE for n in range(length)])


def scan(calendar: Calendar, oracle: Oracle, minutes: list[datetime]) -> None:
    """Compares each of these minutes on end, their sum, and the instant at which it is used up."""
    shown = [oracle.shows_open(at) for at in minutes]
    case = (calendar.spec, minutes[0])
    assert [calendar.is_open(at) for at in minutes] == shown, case
    micros = sum(shown) * 60 * 10**6
    assert calendar.open_micros(minutes[0], minutes[-1] + MINUTE) == micros, case
    if any(shown):
        last = max(at for at, is_open in zip(minutes, shown, strict=True) if is_open)
        assert calendar.add(minutes[0], micros) == last + MINUTE, case


def test_the_slow_calendar_can_disagree() -> None:
    document = random_document(random.Random(1))
    altered = {**document, "week": {**document["week"], "mon": [["00:00", "00:05"]]}}
    start = datetime(2025, 7, 1, tzinfo=UTC)
    honest = compile_calendar(parse_calendar(document)).open_micros(start, start + 30 * DAY)
    assert Oracle(altered, 2025, 2027).used(start, start + 30 * DAY) // MICRO != honest
