"""What calendars refuse: a year without working time, and years that are not served. March 6, 2026 is a Friday."""

from datetime import date, timedelta

import pytest

from app.calendars.document import CalendarException, CalendarSpec, ExceptionKind, parse_calendar
from app.calendars.local_time import InstantOutOfRange
from app.calendars.working_time import Calendar, NoWorkingTime, compile_calendar
from tests.calendars.documents import (
    HOUR,
    MINUTE,
    NINE_TO_SIX,
    around_the_clock,
    calendar,
    document,
    every_day,
    local,
    utc,
    weekdays,
)

MICRO = timedelta(microseconds=1)
OFFICE = calendar(weekdays(NINE_TO_SIX))


def spec_closed_until(last: date, *, opens_again: bool = True) -> CalendarSpec:
    """Open on Mondays from the day after `last` on and on 2026-03-02; not through the parser."""
    parsed = parse_calendar(
        document(
            {"mon": NINE_TO_SIX},
            exceptions=[{"date": "2026-03-02", "kind": "working"}],
        )
    )
    closed = [
        CalendarException(date.fromordinal(day), ExceptionKind.CLOSED, "", ())
        for day in range(date(2026, 3, 3).toordinal(), last.toordinal() + 1)
    ]
    week = parsed.week if opens_again else ((),) * 7
    return CalendarSpec(
        name=parsed.name,
        title_zh=parsed.title_zh,
        title_en=parsed.title_en,
        timezone=parsed.timezone,
        always_open=False,
        week=week,
        exceptions=(*parsed.exceptions, *closed),
        exceptions_loaded=None,
    )


@pytest.mark.parametrize("warm", [False, True])
def test_no_working_time_within_a_year_is_refused(*, warm: bool) -> None:
    # Closed from 2026-03-02 18:00; Monday 2027-03-08 is 371 days later, Monday 03-01 is 364.
    closed = compile_calendar(spec_closed_until(date(2027, 3, 7)))
    late = local("2027-03-08 10:00")
    if warm:  # the refusal must not depend on what is compiled already
        assert closed.open_micros(local("2025-01-01 00:00"), late) > 0
    start = local("2026-03-02 18:00")
    for ask in (
        closed.next_opening,
        lambda at: closed.add(at, 1),
        closed.add_day,
        lambda at: closed.add_working_days(at, 1),
    ):
        with pytest.raises(NoWorkingTime):
            ask(start)
    with pytest.raises(NoWorkingTime):
        closed.add(local("2026-03-02 17:00"), HOUR + 1)
    assert closed.add(local("2026-03-02 17:00"), HOUR) == start
    # From within the closure the opening is less than a year away.
    assert closed.next_opening(local("2026-03-09 00:00")) == local("2027-03-08 09:00")


def test_a_closure_of_less_than_a_year_is_served() -> None:
    closed = compile_calendar(spec_closed_until(date(2027, 2, 28)))
    start = local("2026-03-02 18:00")
    assert closed.next_opening(start) == local("2027-03-01 09:00")
    assert closed.add(start, MINUTE) == local("2027-03-01 09:01")
    assert closed.add_working_days(start, 1) == local("2027-03-01 18:00")


def test_a_calendar_that_never_opens_again_is_refused_and_counts_nothing() -> None:
    dead = compile_calendar(spec_closed_until(date(2026, 3, 3), opens_again=False))
    start = local("2026-03-02 18:00")
    with pytest.raises(NoWorkingTime):
        dead.add(start, 1)
    with pytest.raises(NoWorkingTime):
        dead.add_working_days(start, 1)
    assert dead.open_micros(start, local("2030-01-01 00:00")) == 0
    assert not dead.is_working_day(date(2026, 3, 9))


def test_years_that_are_not_served_are_refused() -> None:
    now = local("2026-03-06 10:00")
    for too_far in (
        lambda: OFFICE.add(now, 10**18),
        lambda: around_the_clock().add(now, 10**18),
        lambda: around_the_clock().add(now, 10**30),
        lambda: OFFICE.add_day(now, 10**6),
        lambda: around_the_clock().add_day(now, 10**6),
        lambda: OFFICE.add_working_days(now, 10**6),
        lambda: around_the_clock().add_working_days(now, 10**6),
        lambda: OFFICE.add_calendar_days(now, 10**6),
        lambda: OFFICE.add_months(now, 10**6),
        lambda: OFFICE.next_opening(local("2200-01-01 00:00")),
        lambda: OFFICE.is_open(local("1969-12-31 00:00")),
        lambda: OFFICE.is_working_day(date(1, 1, 1)),
    ):
        with pytest.raises(InstantOutOfRange):
            too_far()


def test_the_served_span_ends_to_the_microsecond() -> None:
    earliest, latest = utc("1970-01-04"), utc("2199-12-30")
    OFFICE.is_open(earliest)
    OFFICE.is_open(latest - MICRO)
    for beyond in (earliest - MICRO, latest):
        with pytest.raises(InstantOutOfRange):
            OFFICE.is_open(beyond)
    always = around_the_clock()
    assert always.add(latest - timedelta(hours=1), HOUR - 1) == latest - MICRO
    with pytest.raises(InstantOutOfRange):
        always.add(latest - timedelta(hours=1), HOUR)


def test_the_last_year_is_served_too() -> None:
    anchor = local("2199-05-31 10:00")
    assert OFFICE.add_months(anchor, 1) == local("2199-06-30 10:00")
    assert OFFICE.add_calendar_days(anchor, 1) == local("2199-06-01 10:00")
    assert OFFICE.add_working_days(anchor, 1) == local("2199-06-03 18:00")  # over a weekend


def test_an_empty_stretch_has_no_interval_even_while_open() -> None:
    friday = local("2026-03-06 10:00")
    assert OFFICE.is_open(friday)
    assert OFFICE.intervals(friday, friday) == []
    assert OFFICE.intervals(friday, friday - MICRO) == []
    assert OFFICE.intervals(friday, friday + MICRO) == [(friday, friday + MICRO)]


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Asia/Shanghai", "2025-12-31T20:00"),  # the first of January there
        ("America/New_York", "2026-01-01T02:00"),  # still the last of December there
        ("Asia/Shanghai", "2025-12-31T16:30"),
    ],
)
def test_a_year_begins_where_its_zone_says(zone: str, at: str) -> None:
    for week in (every_day([["00:00", "24:00"]]), every_day([["12:00", "11:59"]])):
        fresh = Calendar(parse_calendar(document(week, zone)))
        assert fresh.is_open(utc(at))
        fresh = Calendar(parse_calendar(document(week, zone)))
        assert fresh.open_micros(utc(at) - timedelta(hours=1), utc(at)) == HOUR
