"""Boundary tables of working time in a zone without DST. March 6, 2026 is a Friday."""

from datetime import date, datetime

import pytest

from app.calendars.document import ExceptionKind, parse_calendar
from app.calendars.working_time import Calendar
from tests.calendars.documents import (
    HOLIDAYS,
    HOUR,
    MINUTE,
    NIGHT,
    NINE_TO_SIX,
    SECOND,
    SHANGHAI,
    WITH_LUNCH,
    around_the_clock,
    calendar,
    document,
    every_day,
    local,
    weekdays,
)

OFFICE = calendar(weekdays(NINE_TO_SIX))
LUNCH = calendar(weekdays(WITH_LUNCH))
NIGHTS = calendar(weekdays(NIGHT))


@pytest.mark.parametrize(
    ("start", "end", "micros"),
    [
        ("2026-03-06 08:00", "2026-03-06 09:00", 0),
        ("2026-03-06 08:00", "2026-03-06 09:00:00.000001", 1),
        ("2026-03-06 11:59:59.999999", "2026-03-06 12:00", 1),
        ("2026-03-06 11:59:59.999999", "2026-03-06 13:30", 1),
        ("2026-03-06 11:59:59.999999", "2026-03-06 13:30:00.000001", 2),
        ("2026-03-06 12:00", "2026-03-06 13:30", 0),
        ("2026-03-06 09:00", "2026-03-06 18:00", 7 * HOUR + 30 * MINUTE),
        ("2026-03-06 17:59:59.999999", "2026-03-06 18:00", 1),
        ("2026-03-06 18:00", "2026-03-09 09:00", 0),
        ("2026-03-06 17:30", "2026-03-09 09:30", HOUR),
        ("2026-03-07 00:00", "2026-03-08 23:59:59", 0),
        ("2026-03-06 10:00", "2026-03-06 10:00", 0),
        ("2026-03-06 11:00", "2026-03-06 10:00", 0),
    ],
)
def test_open_time_is_counted_over_half_open_intervals(start: str, end: str, micros: int) -> None:
    assert LUNCH.open_micros(local(start), local(end)) == micros


def test_open_seconds_are_rounded_down() -> None:
    start = local("2026-03-06 10:00")
    assert OFFICE.open_seconds(start, local("2026-03-06 10:00:00.999999")) == 0
    assert OFFICE.open_seconds(start, local("2026-03-06 10:00:01")) == 1
    assert OFFICE.open_seconds(start, local("2026-03-06 10:00:01.000001")) == 1


@pytest.mark.parametrize(
    ("start", "micros", "due"),
    [
        # Used up exactly at closing is due at closing, not at the next opening (deadlines 2).
        ("2026-03-06 17:30", 30 * MINUTE - 1, "2026-03-06 17:59:59.999999"),
        ("2026-03-06 17:30", 30 * MINUTE, "2026-03-06 18:00"),
        ("2026-03-06 17:30", 30 * MINUTE + 1, "2026-03-09 09:00:00.000001"),
        ("2026-03-06 11:30", 30 * MINUTE, "2026-03-06 12:00"),
        ("2026-03-06 11:30", 30 * MINUTE + SECOND, "2026-03-06 13:30:01"),
        # A start in closed time moves to the next opening.
        ("2026-03-06 12:00", MINUTE, "2026-03-06 13:31"),
        ("2026-03-06 12:15", MINUTE, "2026-03-06 13:31"),
        ("2026-03-06 18:00", MINUTE, "2026-03-09 09:01"),
        ("2026-03-07 03:00", MINUTE, "2026-03-09 09:01"),
        ("2026-03-09 08:59:59.999999", MINUTE, "2026-03-09 09:01"),
        ("2026-03-09 09:00", MINUTE, "2026-03-09 09:01"),
        # Nothing to add: the start if open, else the next opening.
        ("2026-03-06 10:00", 0, "2026-03-06 10:00"),
        ("2026-03-06 11:59:59.999999", 0, "2026-03-06 11:59:59.999999"),
        ("2026-03-06 12:00", 0, "2026-03-06 13:30"),
        ("2026-03-06 18:00", 0, "2026-03-09 09:00"),
        ("2026-03-06 09:00", 75 * HOUR, "2026-03-19 18:00"),
    ],
)
def test_due_is_the_earliest_instant_at_which_the_amount_is_used_up(
    start: str, micros: int, due: str
) -> None:
    assert LUNCH.add(local(start), micros) == local(due)


def test_a_fact_on_saturday_is_late_by_no_working_time() -> None:
    due = OFFICE.add(local("2026-03-06 17:30"), 30 * MINUTE)
    assert OFFICE.open_micros(due, local("2026-03-07 18:00")) == 0


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-06 08:59:59.999999", False),
        ("2026-03-06 09:00", True),
        ("2026-03-06 11:59:59.999999", True),
        ("2026-03-06 12:00", False),
        ("2026-03-06 13:30", True),
        ("2026-03-06 18:00", False),
        ("2026-03-07 10:00", False),
    ],
)
def test_opening_is_open_and_closing_is_not(at: str, *, is_open: bool) -> None:
    assert LUNCH.is_open(local(at)) is is_open


def test_intervals_that_overlap_or_touch_are_one() -> None:
    merged = calendar(weekdays([["13:00", "18:00"], ["09:00", "12:00"], ["11:00", "13:00"]]))
    day = (local("2026-03-06 00:00"), local("2026-03-07 00:00"))
    assert merged.intervals(*day) == OFFICE.intervals(*day)
    assert merged.open_micros(*day) == 9 * HOUR


def test_a_night_shift_that_meets_the_next_day_is_one_interval() -> None:
    shifts = calendar(weekdays([["06:00", "14:00"], ["14:00", "22:00"], ["22:00", "06:00"]]))
    assert shifts.intervals(local("2026-03-02 00:00"), local("2026-03-09 00:00")) == [
        (local("2026-03-02 06:00"), local("2026-03-07 06:00"))
    ]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-06 21:00", "2026-03-06 22:00", 0),
        ("2026-03-06 22:00", "2026-03-07 00:00", 2),
        ("2026-03-07 00:00", "2026-03-07 06:00", 6),
        ("2026-03-07 06:00", "2026-03-09 22:00", 0),
    ],
)
def test_a_night_shift_belongs_to_the_day_on_which_it_starts(
    start: str, end: str, hours: int
) -> None:
    assert NIGHTS.open_micros(local(start), local(end)) == hours * HOUR


def test_a_date_on_which_a_shift_only_ends_is_no_working_day() -> None:
    assert NIGHTS.is_working_day(date(2026, 3, 6))
    assert not NIGHTS.is_working_day(date(2026, 3, 7))


def test_closing_a_day_leaves_the_shift_of_the_evening_before() -> None:
    closed = calendar(weekdays(NIGHT), exceptions=[{"date": "2026-03-03", "kind": "closed"}])
    assert closed.is_open(local("2026-03-03 05:59"))
    assert not closed.is_open(local("2026-03-03 22:00"))
    assert not closed.is_open(local("2026-03-04 05:59"))


@pytest.mark.parametrize("end", ["24:00", "00:00"])
def test_midnight_can_be_written_in_two_ways(end: str) -> None:
    late = calendar(weekdays([["18:00", end]]))
    assert late.open_micros(local("2026-03-06 00:00"), local("2026-03-08 00:00")) == 6 * HOUR
    assert late.is_open(local("2026-03-06 23:59:59.999999"))
    assert not late.is_open(local("2026-03-07 00:00"))


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2025-12-31 17:00", 1, "2025-12-31 18:00"),
        # Thursday and Friday are closed, Sunday is made up with Monday's hours.
        ("2025-12-31 17:00", 2, "2026-01-04 10:00"),
        ("2026-01-04 17:00", 2, "2026-01-05 10:00"),
        # An extra Saturday with hours of its own, then replaced hours on a Monday.
        ("2026-01-09 17:30", 1, "2026-01-10 10:30"),
        ("2026-01-09 17:30", 2, "2026-01-12 09:30"),
        ("2026-02-16 11:00", 2, "2026-02-17 10:00"),
    ],
)
def test_exceptions_close_open_and_replace_days(start: str, hours: int, due: str) -> None:
    assert HOLIDAYS.add(local(start), hours * HOUR) == local(due)


def test_exceptions_are_named_for_the_dates_that_a_stretch_touches() -> None:
    closed, working = ExceptionKind.CLOSED, ExceptionKind.WORKING
    named = HOLIDAYS.exception_names(local("2026-01-02 23:59"), local("2026-01-04 00:00"))
    assert named == [(date(2026, 1, 2), closed, "元旦"), (date(2026, 1, 3), closed, "元旦")]
    named = HOLIDAYS.exception_names(local("2026-01-03 23:59"), local("2026-01-04 00:00:00.000001"))
    assert named[-1] == (date(2026, 1, 4), working, "元旦调休")
    now = local("2026-01-02 12:00")
    assert HOLIDAYS.exception_names(now, now) == []


def test_around_the_clock_every_instant_is_open() -> None:
    always = around_the_clock()
    start, end = local("2026-03-06 17:30"), local("2026-03-08 17:30")
    assert always.open_micros(start, end) == 48 * HOUR
    assert always.open_micros(end, start) == 0
    assert always.intervals(start, end) == [(start, end)]
    assert always.intervals(end, start) == []
    assert always.add(start, 48 * HOUR) == end
    assert always.add(start, 0) == start
    assert always.next_opening(start) == start
    assert always.is_open(start)
    assert always.is_working_day(date(2026, 3, 7))
    assert always.add_day(start, 2) == end
    assert always.add_working_days(start, 1) == local("2026-03-08 00:00")
    assert always.add_working_days(start, 0) == start
    assert always.exception_names(start, end) == []
    assert always.provisional_from() is None


@pytest.mark.parametrize("amount", [-1])
def test_negative_amounts_are_refused(amount: int) -> None:
    now = local("2026-03-06 10:00")
    for add in (
        OFFICE.add,
        OFFICE.add_day,
        OFFICE.add_working_days,
        OFFICE.add_calendar_days,
        OFFICE.add_months,
    ):
        with pytest.raises(ValueError, match="negative"):
            add(now, amount)


def test_naive_instants_are_refused() -> None:
    naive = datetime(2026, 3, 6, 10)  # noqa: DTZ001 - the mistake in question
    with pytest.raises(TypeError):
        OFFICE.add(naive, 0)
    with pytest.raises(TypeError):
        OFFICE.open_micros(naive, local("2026-03-06 10:00"))


def test_instants_of_any_zone_are_understood_and_results_are_utc() -> None:
    shanghai = local("2026-03-06 17:30").astimezone(SHANGHAI)
    due = OFFICE.add(shanghai, HOUR)
    assert due.isoformat() == "2026-03-09T01:30:00+00:00"
    assert OFFICE.open_micros(shanghai, due.astimezone(SHANGHAI)) == HOUR


@pytest.mark.parametrize(
    ("loaded", "first"),
    [
        ([2026], "2027-01-01 00:00"),
        ([2024, 2025, 2026], "2027-01-01 00:00"),
        ([2027, 2024, 2025], "2026-01-01 00:00"),
    ],
)
def test_certainty_ends_with_the_unbroken_run_of_loaded_years(
    loaded: list[int], first: str
) -> None:
    pinned = calendar(weekdays(NINE_TO_SIX), exceptions_loaded=loaded)
    assert pinned.provisional_from() == local(first)


def test_a_calendar_that_needs_no_exceptions_is_never_provisional() -> None:
    assert OFFICE.provisional_from() is None


def test_growing_into_other_years_changes_no_answer() -> None:
    spec = parse_calendar(document(every_day(NIGHT)))
    grown, fresh = Calendar(spec), Calendar(spec)
    new_year = (local("2026-12-31 21:00"), local("2027-01-01 23:00"))
    before = grown.open_micros(*new_year)
    grown.open_micros(local("2015-06-01 00:00"), local("2033-06-01 00:00"))
    assert grown.open_micros(*new_year) == before == fresh.open_micros(*new_year) == 9 * HOUR
    assert grown.intervals(*new_year) == fresh.intervals(*new_year)
    assert grown.add(local("2026-12-31 23:00"), 7 * HOUR) == local("2027-01-01 06:00")


def test_equal_documents_share_one_compiled_calendar() -> None:
    assert calendar(weekdays(NINE_TO_SIX)) is calendar(weekdays(NINE_TO_SIX))
    assert repr(OFFICE) == "Calendar('test', Asia/Shanghai)"
