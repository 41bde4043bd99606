"""Laws of working time that hold for every calendar, amount and instant."""

import os
import random
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.calendars.document import parse_calendar
from app.calendars.working_time import Calendar, compile_calendar
from tests.calendars.documents import (
    HOUR,
    NINE_TO_SIX,
    WITH_LUNCH,
    calendar,
    every_day,
    utc,
    weekdays,
)
from tests.calendars.oracle import random_document

EXAMPLES = int(os.environ.get("HUIYING_EXAMPLES", "300"))
MICRO = timedelta(microseconds=1)
DAY = timedelta(days=1)

# Each compiles for some milliseconds, so examples choose from a fixed set and wander in time.
CALENDARS = [
    compile_calendar(parse_calendar(random_document(random.Random(seed)))) for seed in range(60)
]
# Zones without DST: a repeated hour's second half may be due before its first on the next day.
DAYTIME = [
    calendar(weekdays(NINE_TO_SIX)),
    calendar({"mon": WITH_LUNCH, "tue": [["07:00", "07:30"]], "thu": [["14:00", "24:00"]]}),
    calendar(every_day([["00:00", "10:00"], ["10:30", "24:00"]])),
]
WITHIN_MIDNIGHT = DAYTIME + [
    compile_calendar(parse_calendar(random_document(random.Random(seed), over_midnight=False)))
    for seed in range(60, 90)
]

law = settings(max_examples=EXAMPLES, deadline=None)
calendars = st.sampled_from(CALENDARS)
instants = st.sampled_from((utc("2011-07-01"), utc("2025-07-01"))).flatmap(
    lambda first: st.timedeltas(timedelta(0), timedelta(days=540)).map(lambda past: first + past)
)
amounts = st.integers(0, 500 * HOUR) | st.integers(0, 2000).map(
    lambda minutes: minutes * 60 * 10**6
)
stretches = st.timedeltas(timedelta(0), timedelta(days=60))
counts = st.integers(0, 20)


@law
@given(calendars, instants, stretches, amounts)
def test_a_later_start_is_never_due_earlier(
    office: Calendar, start: datetime, later: timedelta, micros: int
) -> None:
    assert office.add(start, micros) <= office.add(start + later, micros)


@law
@given(calendars, instants, amounts, amounts)
def test_a_larger_amount_is_never_due_earlier(
    office: Calendar, start: datetime, less: int, more: int
) -> None:
    due = office.add(start, less + more)
    assert office.add(start, less) <= due or more == 0


@law
@given(calendars, instants, stretches, stretches)
def test_open_time_of_two_stretches_is_that_of_both(
    office: Calendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    middle, end = start + first, start + first + second
    both = office.open_micros(start, middle) + office.open_micros(middle, end)
    assert both == office.open_micros(start, end) <= (end - start) // MICRO


@law
@given(calendars, instants, amounts, st.integers(1, 500 * HOUR))
def test_adding_twice_is_adding_the_sum(
    office: Calendar, start: datetime, first: int, second: int
) -> None:
    assert office.add(office.add(start, first), second) == office.add(start, first + second)


@law
@given(calendars, instants, amounts)
def test_what_was_added_is_what_is_counted(office: Calendar, start: datetime, micros: int) -> None:
    assert office.open_micros(start, office.add(start, micros)) == micros


@law
@given(calendars, instants, st.integers(1, 500 * HOUR))
def test_a_due_is_the_earliest_instant(office: Calendar, start: datetime, micros: int) -> None:
    due = office.add(start, micros)
    assert office.open_micros(start, due - MICRO) == micros - 1
    assert office.is_open(due - MICRO)


@law
@given(calendars, instants, st.integers(1, 500 * HOUR), stretches, stretches)
def test_a_pause_never_makes_due_earlier_and_moves_it_by_what_it_covers(
    office: Calendar, start: datetime, micros: int, until_pause: timedelta, length: timedelta
) -> None:
    due = office.add(start, micros)
    paused, resumed = start + until_pause, start + until_pause + length
    left = micros - office.open_micros(start, paused)
    if left <= 0:
        return  # used up before the pause
    moved = office.add(resumed, left)
    assert moved >= due
    assert office.open_micros(due, moved) == office.open_micros(paused, resumed)


@law
@given(calendars, instants, stretches)
def test_adding_what_was_counted_ends_within_the_stretch(
    office: Calendar, start: datetime, length: timedelta
) -> None:
    end = start + length
    counted = office.open_micros(start, end)
    if counted:
        due = office.add(start, counted)
        assert due <= end
        assert office.open_micros(due, end) == 0


@law
@given(calendars, instants)
def test_the_next_opening_is_open_and_nothing_before_it_is(office: Calendar, at: datetime) -> None:
    opening = office.next_opening(at)
    assert office.is_open(opening)
    assert office.open_micros(at, opening) == 0
    assert (opening == at) is office.is_open(at)
    assert office.add(at, 0) == opening


@law
@given(calendars, instants, stretches)
def test_intervals_are_apart_and_sum_to_the_open_time(
    office: Calendar, start: datetime, length: timedelta
) -> None:
    end = start + length
    intervals = office.intervals(start, end)
    edges = [edge for interval in intervals for edge in interval]
    assert edges == sorted(set(edges))
    assert all(start <= edge <= end for edge in edges)
    total = sum((closes - opens for opens, closes in intervals), timedelta(0))
    assert total // MICRO == office.open_micros(start, end)


@law
@given(calendars, instants)
def test_a_date_lasts_from_its_start_to_the_next_ones(office: Calendar, at: datetime) -> None:
    on = at.astimezone(office.timezone).date()
    start, end = office.start_of(on), office.start_of(on + DAY)
    assert start <= at < end
    assert timedelta(hours=23) <= end - start <= timedelta(hours=25)
    for instant in (start, end - MICRO):
        assert instant.astimezone(office.timezone).date() == on


@law
@given(st.sampled_from(WITHIN_MIDNIGHT), instants, st.integers(0, 60))
def test_the_shifts_of_some_dates_are_their_open_time(
    office: Calendar, at: datetime, count: int
) -> None:
    first = at.astimezone(office.timezone).date()
    dates = [first + n * DAY for n in range(count)]
    shifts = [shift for on in dates for shift in office.shifts_on(on)]
    start, end = office.start_of(first), office.start_of(first + count * DAY)
    total = sum((closes - opens for opens, closes in shifts), timedelta(0))
    assert total // MICRO == office.open_micros(start, end)
    assert all(bool(office.shifts_on(on)) is office.is_working_day(on) for on in dates)


@law
@given(calendars, instants, st.integers(1, 20))
def test_working_days_end_at_a_closing_after_their_start(
    office: Calendar, start: datetime, days: int
) -> None:
    due = office.add_working_days(start, days)
    assert due > start
    assert office.is_open(due - MICRO)


# A shift over midnight may outlast the whole next day's hours; its own day then ends later.
@law
@given(st.sampled_from(WITHIN_MIDNIGHT), instants, stretches, st.integers(1, 20))
def test_a_later_start_or_a_larger_count_of_working_days_is_never_due_earlier(
    office: Calendar, start: datetime, later: timedelta, days: int
) -> None:
    due = office.add_working_days(start, days)
    assert due <= office.add_working_days(start + later, days)
    assert due < office.add_working_days(start, days + 1)


@law
@given(calendars, instants, counts)
def test_a_day_unit_ends_open_or_at_closing_and_not_before_its_start(
    office: Calendar, start: datetime, days: int
) -> None:
    due = office.add_day(start, days)
    assert due >= office.next_opening(start)
    assert office.is_open(due) or office.is_open(due - MICRO)


@law
@given(st.sampled_from(DAYTIME), instants, stretches, counts)
def test_a_later_start_of_a_day_unit_is_never_due_earlier(
    office: Calendar, start: datetime, later: timedelta, days: int
) -> None:
    assert office.add_day(start, days) <= office.add_day(start + later, days)


@law
@given(calendars, instants, st.integers(0, 48), st.integers(0, 48))
def test_months_counted_from_the_anchor_never_go_back(
    office: Calendar, anchor: datetime, months: int, more: int
) -> None:
    assert office.add_months(anchor, months) <= office.add_months(anchor, months + more)


@law
@given(calendars, instants, stretches)
def test_what_is_compiled_already_changes_no_answer(
    office: Calendar, start: datetime, length: timedelta
) -> None:
    fresh = Calendar(office.spec)
    end = start + length
    assert fresh.add(start, 9 * HOUR) == office.add(start, 9 * HOUR)
    assert fresh.open_micros(start, end) == office.open_micros(start, end)
    assert fresh.add_working_days(end, 3) == office.add_working_days(end, 3)
