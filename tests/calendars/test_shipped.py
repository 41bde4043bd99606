"""The calendars that ship, against the State Council's published days where these are at hand."""

import csv
import json
from datetime import date, timedelta
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

from app.calendars.document import ExceptionKind, parse_calendar
from app.calendars.shipped import SHIPPED_NAMES, shipped_document, statutory_exceptions
from app.calendars.working_time import Calendar, compile_calendar
from tests.calendars.documents import HOUR, MINUTE, local

PUBLISHED = Path(__file__).parents[3] / "shared/data/calendar/cn-workday-overrides-2007-2026.csv"


@pytest.fixture(scope="module")
def office() -> Calendar:
    return compile_calendar(parse_calendar(shipped_document("office")))


def test_every_shipped_document_is_valid_under_its_name() -> None:
    for name in SHIPPED_NAMES:
        assert parse_calendar(shipped_document(name)).name == name
    with pytest.raises(KeyError):
        shipped_document("../secrets")


def test_a_shipped_document_is_the_callers_own() -> None:
    shipped_document("office")["exceptions"].clear()
    assert shipped_document("office")["exceptions"]


def test_the_office_works_nine_to_six_in_shanghai(office: Calendar) -> None:
    assert office.timezone.key == "Asia/Shanghai"
    assert office.add(local("2026-03-06 17:30"), 30 * MINUTE) == local("2026-03-06 18:00")
    assert office.add(local("2026-03-06 17:30"), 30 * MINUTE + 1) > local("2026-03-09 09:00")
    assert office.open_micros(local("2026-03-02 00:00"), local("2026-03-09 00:00")) == 45 * HOUR


def test_around_the_clock_is_always_open() -> None:
    always = compile_calendar(parse_calendar(shipped_document("24x7")))
    assert always.always_open
    assert always.is_open(local("2026-10-01 03:00"))
    assert always.provisional_from() is None


def test_the_national_holiday_of_2026_is_closed_and_made_up(office: Calendar) -> None:
    # 1 to 7 October are off, Sunday 20 September and Saturday 10 October are worked (国庆节).
    assert office.add_working_days(local("2026-09-30 17:00"), 1) == local("2026-10-08 18:00")
    assert office.is_working_day(date(2026, 9, 20))
    assert office.is_working_day(date(2026, 10, 10))
    named = office.exception_names(local("2026-10-07 00:00"), local("2026-10-11 00:00"))
    assert named == [
        (date(2026, 10, 7), ExceptionKind.CLOSED, "国庆节"),
        (date(2026, 10, 10), ExceptionKind.WORKING, "国庆节调休"),
    ]


def test_2027_is_not_published_and_so_provisional(office: Calendar) -> None:
    assert office.provisional_from() == local("2027-01-01 00:00")
    assert office.spec.exceptions_loaded == tuple(range(2007, 2027))


def test_every_loaded_year_has_exceptions_of_both_signs() -> None:
    entries = statutory_exceptions()["exceptions"]
    for year in statutory_exceptions()["exceptions_loaded"]:
        kinds = {entry["kind"] for entry in entries if entry["date"].startswith(str(year))}
        assert kinds == {"closed", "working"}, year


def test_every_day_agrees_with_the_published_calendar(office: Calendar) -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED.name} is not at hand")
    with PUBLISHED.open(encoding="utf-8") as lines:
        off = {
            date.fromisoformat(row["date"]): row["is_off_day"] == "true"
            for row in csv.DictReader(lines)
        }
    on, days = date(2007, 1, 1), 0
    while on < date(2027, 1, 1):
        assert office.is_working_day(on) is not off.get(on, on.weekday() >= 5), on
        on += timedelta(days=1)
        days += 1
    assert days == 7305


def test_every_published_day_off_is_named(office: Calendar) -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED.name} is not at hand")
    with PUBLISHED.open(encoding="utf-8") as lines:
        off = {row["date"] for row in csv.DictReader(lines) if row["is_off_day"] == "true"}
    closed = {e.on.isoformat() for e in office.spec.exceptions if e.kind is ExceptionKind.CLOSED}
    assert off <= closed


def test_the_shipped_file_is_what_the_script_writes() -> None:
    pytest.importorskip("chinese_calendar")
    seed = import_module("scripts.seed_cn_calendar")
    shipped = (files("app.calendars") / "shipped/cn_exceptions.json").read_text(encoding="utf-8")
    assert seed.rendered(2007, 2026) == shipped
    with pytest.raises(SystemExit, match="2099"):
        seed.statutory_exceptions(2099, 2099)
    assert json.loads(shipped)["exceptions"][0]["date"] == "2007-01-01"
