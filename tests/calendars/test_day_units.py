"""Days, working days, calendar days and months in a zone without DST. March 6, 2026 is a Friday."""

import pytest

from tests.calendars.documents import (
    HOLIDAYS,
    NIGHT,
    NINE_TO_SIX,
    WITH_LUNCH,
    calendar,
    local,
    weekdays,
)

OFFICE = calendar(weekdays(NINE_TO_SIX))
NIGHTS = calendar(weekdays(NIGHT))


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-03-02 10:00", 1, "2026-03-03 10:00"),
        ("2026-03-02 09:00", 1, "2026-03-03 09:00"),
        ("2026-03-02 17:59:59.999999", 1, "2026-03-03 17:59:59.999999"),
        ("2026-03-06 10:00", 1, "2026-03-09 10:00"),
        ("2026-03-06 10:00", 2, "2026-03-10 10:00"),
        # Closed starts move to the next opening: lunch, evening, weekend.
        ("2026-03-02 12:00", 1, "2026-03-03 13:30"),
        ("2026-03-02 18:00", 1, "2026-03-04 09:00"),
        ("2026-03-07 15:00", 1, "2026-03-10 09:00"),
        ("2026-03-06 12:30", 0, "2026-03-06 13:30"),
        ("2026-03-06 11:30", 0, "2026-03-06 11:30"),
        # Over the new year's holiday to the make-up Sunday.
        ("2025-12-31 10:00", 1, "2026-01-04 10:00"),
        # Closed at that time on a short day: its last end before, its first opening if none is.
        ("2026-02-13 11:59:59.999999", 1, "2026-02-16 11:59:59.999999"),
        ("2026-02-13 15:00", 1, "2026-02-16 12:00"),
        ("2026-01-09 09:30", 1, "2026-01-10 10:00"),
        ("2026-01-09 10:59:59.999999", 1, "2026-01-10 10:59:59.999999"),
        ("2026-01-09 11:00", 1, "2026-01-10 11:00"),
        ("2026-01-09 11:00:00.000001", 1, "2026-01-10 11:00"),
    ],
)
def test_a_day_is_the_same_local_time_on_the_next_working_day(
    start: str, days: int, due: str
) -> None:
    assert HOLIDAYS.add_day(local(start), days) == local(due)


def test_a_day_that_would_end_in_the_lunch_break_ends_with_the_morning() -> None:
    mixed = calendar({"mon": NINE_TO_SIX, "tue": WITH_LUNCH})
    assert mixed.add_day(local("2026-03-02 12:00")) == local("2026-03-03 12:00")
    assert mixed.add_day(local("2026-03-02 12:30")) == local("2026-03-03 12:00")
    assert mixed.add_day(local("2026-03-02 13:30")) == local("2026-03-03 13:30")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-03-02 23:00", "2026-03-03 23:00"),
        ("2026-03-03 02:00", "2026-03-04 02:00"),
        ("2026-03-06 23:00", "2026-03-09 23:00"),
        # Saturday 02:00 belongs to Friday's shift: the same hour of Monday's shift.
        ("2026-03-07 02:00", "2026-03-10 02:00"),
        ("2026-03-07 06:00", "2026-03-10 22:00"),
    ],
)
def test_a_day_of_a_night_shift_is_the_same_hour_of_the_next_shift(start: str, due: str) -> None:
    assert NIGHTS.add_day(local(start)) == local(due)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-03-02 09:00", 1, "2026-03-03 18:00"),
        ("2026-03-02 00:00", 1, "2026-03-03 18:00"),
        ("2026-03-02 23:59:59.999999", 1, "2026-03-03 18:00"),
        ("2026-03-03 00:00", 1, "2026-03-04 18:00"),
        ("2026-03-05 10:00", 3, "2026-03-10 18:00"),
        # Neither a closed evening nor a closed date counts or moves the start.
        ("2026-03-06 20:00", 1, "2026-03-09 18:00"),
        ("2026-03-07 10:00", 1, "2026-03-09 18:00"),
        ("2026-03-08 23:59", 3, "2026-03-11 18:00"),
        ("2025-12-31 10:00", 1, "2026-01-04 18:00"),
        ("2025-12-31 10:00", 2, "2026-01-05 18:00"),
        ("2026-02-13 10:00", 1, "2026-02-16 12:00"),
        ("2026-03-06 10:00", 0, "2026-03-06 10:00"),
        ("2026-03-06 12:00", 0, "2026-03-06 13:30"),
    ],
)
def test_working_days_end_with_their_last_interval(start: str, days: int, due: str) -> None:
    assert HOLIDAYS.add_working_days(local(start), days) == local(due)


def test_a_working_day_of_night_shifts_ends_on_the_next_morning() -> None:
    assert NIGHTS.add_working_days(local("2026-03-05 23:00"), 1) == local("2026-03-07 06:00")
    assert NIGHTS.add_working_days(local("2026-03-06 02:00"), 1) == local("2026-03-10 06:00")


@pytest.mark.parametrize(
    ("anchor", "months", "due"),
    [
        ("2026-08-31 10:00", 0, "2026-08-31 10:00"),
        ("2026-08-31 10:00", 1, "2026-09-30 10:00"),
        ("2026-08-31 10:00", 6, "2027-02-28 10:00"),
        ("2027-08-31 10:00", 6, "2028-02-29 10:00"),
        ("2026-08-31 10:00", 7, "2027-03-31 10:00"),
        ("2026-12-15 23:59", 1, "2027-01-15 23:59"),
        ("2024-02-29 00:00", 12, "2025-02-28 00:00"),
        ("2026-11-30 00:00", 1, "2026-12-30 00:00"),
    ],
)
def test_months_are_counted_from_the_anchor_and_clipped(anchor: str, months: int, due: str) -> None:
    assert OFFICE.add_months(local(anchor), months) == local(due)


def test_calendar_days_keep_the_local_time_and_ignore_opening() -> None:
    start = local("2026-03-06 23:30")
    assert OFFICE.add_calendar_days(start, 0) == start
    assert OFFICE.add_calendar_days(start, 1) == local("2026-03-07 23:30")
    assert OFFICE.add_calendar_days(start, 300) == local("2026-12-31 23:30")
