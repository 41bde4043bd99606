"""The wall clock decides: gaps, repeated hours and a missing date, in the zones that are awkward."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.calendars.documents import (
    HOUR,
    MINUTE,
    NIGHT,
    NINE_TO_SIX,
    around_the_clock,
    calendar,
    every_day,
    local,
    utc,
)

NEW_YORK = ZoneInfo("America/New_York")
APIA = ZoneInfo("Pacific/Apia")
WHOLE_DAYS = every_day([["00:00", "24:00"]])


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Dublin", "2026-03-29", 23),
        ("Europe/Dublin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Africa/Cairo", "2026-04-24", 23),
        ("Africa/Cairo", "2026-10-29", 25),
        ("America/Havana", "2026-03-08", 23),
        ("America/Havana", "2026-11-01", 25),
        ("Asia/Shanghai", "2026-03-29", 24),
    ],
)
def test_a_whole_day_has_the_hours_that_its_clock_shows(zone: str, on: str, hours: float) -> None:
    whole = calendar(WHOLE_DAYS, zone)
    start = local(f"{on} 12:00", ZoneInfo(zone)) - timedelta(days=2)
    day = date.fromisoformat(on)
    shown = [
        at
        for at in (start + timedelta(minutes=15 * n) for n in range(4 * 96))
        if at.astimezone(ZoneInfo(zone)).date() == day
    ]
    end = shown[-1] + timedelta(minutes=15)
    assert whole.open_micros(shown[0], end) == round(hours * HOUR) == len(shown) * 15 * MINUTE
    assert whole.add(shown[0], round(hours * HOUR)) == end
    assert whole.add_working_days(shown[0] - timedelta(hours=1), 1) == end


# In New York clocks skip 02:00-03:00 on March 8, 2026 and show 01:00-02:00 twice on November 1.
@pytest.mark.parametrize(
    ("hours", "on", "open_parts"),
    [
        (["01:00", "04:00"], "2026-03-08", [("06:00", "08:00")]),
        (["01:00", "02:00"], "2026-03-08", [("06:00", "07:00")]),
        (["01:00", "02:30"], "2026-03-08", [("06:00", "07:00")]),
        (["02:00", "03:00"], "2026-03-08", []),
        (["02:15", "02:45"], "2026-03-08", []),
        (["02:30", "03:30"], "2026-03-08", [("07:00", "07:30")]),
        (["03:00", "04:00"], "2026-03-08", [("07:00", "08:00")]),
        (["00:00", "01:00"], "2026-11-01", [("04:00", "05:00")]),
        (["00:00", "01:30"], "2026-11-01", [("04:00", "05:30"), ("06:00", "06:30")]),
        (["01:00", "01:30"], "2026-11-01", [("05:00", "05:30"), ("06:00", "06:30")]),
        (["01:00", "02:00"], "2026-11-01", [("05:00", "07:00")]),
        (["01:30", "03:00"], "2026-11-01", [("05:30", "06:00"), ("06:30", "08:00")]),
        (["02:00", "03:00"], "2026-11-01", [("07:00", "08:00")]),
    ],
)
def test_hours_are_the_instants_at_which_the_clock_shows_them(
    hours: list[str], on: str, open_parts: list[tuple[str, str]]
) -> None:
    short = calendar(every_day([hours]), NEW_YORK.key)
    found = short.intervals(utc(f"{on} 04:00"), utc(f"{on} 12:00"))
    assert found == [(utc(f"{on} {start}"), utc(f"{on} {end}")) for start, end in open_parts]
    assert short.is_working_day(date.fromisoformat(on)) is bool(open_parts)


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-07", 7), ("2026-10-31", 9)])
def test_a_night_shift_is_as_long_as_the_night(evening: str, hours: int) -> None:
    nights = calendar(every_day(NIGHT), NEW_YORK.key)
    start = local(f"{evening} 22:00", NEW_YORK)
    assert nights.add(start, hours * HOUR) == start + timedelta(hours=hours)
    assert nights.add(start, hours * HOUR + 1) > start + timedelta(hours=20)


def test_a_shop_that_closes_as_the_hour_repeats_closes_once() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # shows 23:00-24:00 twice on October 29, 2026
    shop = calendar(every_day([["08:00", "23:00"]]), cairo.key)
    first = local("2026-10-29 23:00", cairo)
    assert not shop.is_open(first)
    assert not shop.is_open(local("2026-10-29 23:00", cairo, fold=1))
    assert shop.next_opening(first) == local("2026-10-30 08:00", cairo)


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-03-07 01:59:59.999999", 1, "2026-03-08T06:59:59.999999"),
        ("2026-03-07 02:00", 1, "2026-03-08T07:00:00"),
        ("2026-03-07 02:30", 1, "2026-03-08T07:00:00"),
        ("2026-03-07 03:00", 1, "2026-03-08T07:00:00"),
        ("2026-03-07 02:30", 2, "2026-03-09T06:30:00"),
        ("2026-10-31 00:59:59.999999", 1, "2026-11-01T04:59:59.999999"),
        ("2026-10-31 01:00", 1, "2026-11-01T05:00:00"),
        ("2026-10-31 01:30", 1, "2026-11-01T05:30:00"),
        ("2026-10-31 02:00", 1, "2026-11-01T07:00:00"),
    ],
)
def test_a_due_is_the_first_instant_at_which_the_clock_shows_it_or_later(
    start: str, days: int, due: str
) -> None:
    whole = calendar(WHOLE_DAYS, NEW_YORK.key)
    begun = local(start, NEW_YORK)
    assert whole.add_calendar_days(begun, days) == utc(due)
    assert whole.add_day(begun, days) == utc(due)


def test_months_follow_the_same_rule() -> None:
    whole = calendar(WHOLE_DAYS, NEW_YORK.key)
    assert whole.add_months(local("2026-02-08 02:30", NEW_YORK), 1) == utc("2026-03-08 07:00")
    assert whole.add_months(local("2026-10-01 01:30", NEW_YORK), 1) == utc("2026-11-01 05:30")
    second = local("2026-11-01 01:30", NEW_YORK, fold=1)
    assert whole.add_months(second, 0) == whole.add_calendar_days(second, 0) == second


def test_a_day_keeps_the_local_time_on_a_calendar_and_24_hours_around_the_clock() -> None:
    start = local("2026-03-07 10:00", NEW_YORK)
    daily = calendar(every_day(NINE_TO_SIX), NEW_YORK.key)
    assert daily.add_day(start) == start + timedelta(hours=23)
    assert around_the_clock(NEW_YORK.key).add_day(start) == start + timedelta(hours=24)


@pytest.mark.parametrize("hours", [[["00:00", "24:00"]], NINE_TO_SIX, NIGHT])
def test_samoas_missing_date_has_no_hours(hours: list[list[str]]) -> None:
    samoa = calendar(every_day(hours), APIA.key)
    assert samoa.is_working_day(date(2011, 12, 29))
    assert not samoa.is_working_day(date(2011, 12, 30))
    assert samoa.is_working_day(date(2011, 12, 31))


def test_time_runs_on_over_samoas_missing_date() -> None:
    turn = utc("2011-12-30 10:00")
    nights = calendar(every_day(NIGHT), APIA.key)
    # The shift of the 29th ends as its date does; the 30th's never began.
    assert nights.intervals(utc("2011-12-30 00:00"), utc("2011-12-31 12:00")) == [
        (utc("2011-12-30 08:00"), turn),
        (utc("2011-12-31 08:00"), utc("2011-12-31 12:00")),
    ]
    office = calendar(every_day(NINE_TO_SIX), APIA.key)
    before = local("2011-12-29 10:00", APIA)
    assert office.add_day(before) == local("2011-12-31 10:00", APIA) == before + timedelta(hours=24)
    assert office.add_working_days(before, 1) == local("2011-12-31 18:00", APIA)
    assert office.add_calendar_days(before, 1) == turn
    assert office.add_calendar_days(before, 2) == local("2011-12-31 10:00", APIA)
    assert office.add_months(local("2011-11-30 10:00", APIA), 1) == turn
    always = around_the_clock(APIA.key)
    assert always.add_working_days(before, 1) == local("2012-01-01 00:00", APIA)
    assert not always.is_working_day(date(2011, 12, 30))


def test_a_date_that_begins_after_midnight_ends_the_one_before_there() -> None:
    havana = ZoneInfo("America/Havana")  # March 8, 2026 begins at 01:00; November 1 begins twice
    always = around_the_clock(havana.key)
    assert always.add_working_days(local("2026-03-06 10:00", havana), 1) == utc("2026-03-08 05:00")
    assert always.add_working_days(local("2026-10-30 10:00", havana), 1) == utc("2026-11-01 04:00")


def test_the_first_uncertain_instant_is_local_midnight() -> None:
    pinned = calendar(every_day(NINE_TO_SIX), NEW_YORK.key, exceptions_loaded=[2025, 2026])
    assert pinned.provisional_from() == utc("2027-01-01 05:00")
