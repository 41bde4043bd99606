"""What a calendar document may say, and the pointer at which a fault is reported."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import yaml

from app.calendars.document import CalendarInvalid, ExceptionKind, parse_calendar
from tests.calendars.documents import NINE_TO_SIX, document, weekdays

OFFICE = document(weekdays(NINE_TO_SIX))
ALWAYS = {"name": "24x7", "timezone": "UTC", "always_open": True}


def with_exception(**entry: object) -> dict[str, Any]:
    return OFFICE | {"exceptions": [{"date": "2026-01-05", "kind": "closed"}, entry]}


def test_a_document_becomes_minutes_of_the_day() -> None:
    spec = parse_calendar(
        document(
            {"mon": [["13:30", "18:00"], ["09:00", "12:00"]], "sun": [["22:00", "06:00"]]},
            title={"zh": "客服", "en": "Service"},
            exceptions_loaded=[2026, 2025],
        )
    )
    assert spec.week == (((540, 720), (810, 1080)), (), (), (), (), (), ((1320, 1800),))
    assert (spec.title_zh, spec.title_en) == ("客服", "Service")
    assert spec.exceptions_loaded == (2025, 2026)
    assert not spec.always_open


def test_exceptions_are_put_in_order_with_the_hours_in_force() -> None:
    spec = parse_calendar(
        OFFICE
        | {
            "exceptions": [
                {"date": "2026-02-16", "kind": "hours", "hours": [["09:00", "12:00"]]},
                {"date": "2026-01-04", "kind": "working", "name": "元旦调休"},
                {"date": "2026-01-10", "kind": "working", "hours": [["10:00", "11:00"]]},
                {"date": "2026-01-01", "kind": "closed"},
            ]
        }
    )
    assert [(e.on.day, e.kind, e.hours) for e in spec.exceptions] == [
        (1, ExceptionKind.CLOSED, ()),
        (4, ExceptionKind.WORKING, ((540, 1080),)),
        (10, ExceptionKind.WORKING, ((600, 660),)),
        (16, ExceptionKind.HOURS, ((540, 720),)),
    ]
    assert [e.name for e in spec.exceptions] == ["", "元旦调休", "", ""]


def test_what_may_be_left_out_is_left_out() -> None:
    spec = parse_calendar(OFFICE)
    assert spec.title_zh == spec.title_en == spec.name == "test"
    assert spec.exceptions == ()
    assert spec.exceptions_loaded is None


def test_around_the_clock_needs_no_week() -> None:
    spec = parse_calendar(ALWAYS)
    assert spec.always_open
    assert spec.timezone.key == "UTC"


def test_yaml_may_give_dates() -> None:
    text = "{date: 2026-01-01, kind: closed, name: 元旦}"
    spec = parse_calendar(OFFICE | {"exceptions": [yaml.safe_load(text)]})
    assert spec.exceptions[0].on == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("faulty", "pointer", "code"),
    [
        ([], "", "model_attributes_type"),
        (OFFICE | {"a/b~": 1}, "/a~1b~0", "extra_forbidden"),
        (OFFICE | {"name": ""}, "/name", "calendar_name_invalid"),
        (OFFICE | {"name": "x" * 65}, "/name", "calendar_name_invalid"),
        (OFFICE | {"name": "a\n"}, "/name", "calendar_name_invalid"),
        ({"timezone": "UTC", "week": {}}, "/name", "calendar_name_invalid"),
        (OFFICE | {"title": "Office"}, "/title", "model_attributes_type"),
        (OFFICE | {"title": {"de": "Büro"}}, "/title/de", "extra_forbidden"),
        (OFFICE | {"title": {"en": " "}}, "/title/en", "calendar_title_invalid"),
        (OFFICE | {"timezone": None}, "/timezone", "zone_unknown"),
        (OFFICE | {"timezone": "../etc/passwd"}, "/timezone", "zone_unknown"),
        (OFFICE | {"timezone": "Asia/../Asia/Shanghai"}, "/timezone", "zone_unknown"),
        (OFFICE | {"timezone": "Asia/Atlantis"}, "/timezone", "zone_unknown"),
        (OFFICE | {"timezone": "America"}, "/timezone", "zone_unknown"),
        (OFFICE | {"timezone": "localtime"}, "/timezone", "zone_unknown"),
        (OFFICE | {"always_open": "yes"}, "/always_open", "bool_type"),
        (OFFICE | {"always_open": True}, "/week", "always_open_has_none"),
        (ALWAYS | {"exceptions": []}, "/exceptions", "always_open_has_none"),
        (ALWAYS | {"exceptions_loaded": [2026]}, "/exceptions_loaded", "always_open_has_none"),
        ({"name": "x", "timezone": "UTC"}, "/week", "model_attributes_type"),
        (document({}), "/week", "no_working_time"),
        (document({"mon": []}), "/week", "no_working_time"),
        (document({"monday": NINE_TO_SIX}), "/week/monday", "extra_forbidden"),
        (OFFICE | {"week": {"mon": "09:00-18:00"}}, "/week/mon", "hours_invalid"),
        (OFFICE | {"week": {"mon": [["09:00"]]}}, "/week/mon/0", "hours_invalid"),
        (document({"mon": [["09:00", "9:30"]]}), "/week/mon/0/1", "local_time_invalid"),
        (document({"mon": [["09:00", "24:01"]]}), "/week/mon/0/1", "local_time_invalid"),
        (document({"mon": [["09:60", "10:00"]]}), "/week/mon/0/0", "local_time_invalid"),
        (document({"mon": [["٠٩:00", "10:00"]]}), "/week/mon/0/0", "local_time_invalid"),
        (document({"mon": [["09:00\n", "10:00"]]}), "/week/mon/0/0", "local_time_invalid"),
        (document({"mon": [["24:00", "10:00"]]}), "/week/mon/0/0", "opening_at_midnight_end"),
        (document({"mon": [["09:00", "09:00"]]}), "/week/mon/0", "interval_empty"),
        # YAML reads an unquoted 18:00 as the number 1080.
        (
            OFFICE | {"week": yaml.safe_load("{mon: [[09:00, 18:00]]}")},
            "/week/mon/0/1",
            "local_time_invalid",
        ),
        (OFFICE | {"exceptions": {}}, "/exceptions", "list_type"),
        (OFFICE | {"exceptions": ["2026-01-01"]}, "/exceptions/0", "model_attributes_type"),
        (
            with_exception(date="2026-01-01", kind="closed", why=""),
            "/exceptions/1/why",
            "extra_forbidden",
        ),
        (with_exception(kind="closed"), "/exceptions/1/date", "day_invalid"),
        (with_exception(date="20260101", kind="closed"), "/exceptions/1/date", "day_invalid"),
        (with_exception(date="2026-02-30", kind="closed"), "/exceptions/1/date", "day_invalid"),
        (with_exception(date="1969-12-31", kind="closed"), "/exceptions/1/date", "year_unserved"),
        (with_exception(date="2200-01-01", kind="closed"), "/exceptions/1/date", "year_unserved"),
        (
            with_exception(date=datetime(2026, 1, 1), kind="closed"),  # noqa: DTZ001 - as YAML does
            "/exceptions/1/date",
            "day_invalid",
        ),
        (with_exception(date="2026-01-05", kind="working"), "/exceptions/1/date", "date_repeated"),
        (
            with_exception(date="2026-01-06", kind="holiday"),
            "/exceptions/1/kind",
            "enum",
        ),
        (with_exception(date="2026-01-06", kind=[]), "/exceptions/1/kind", "enum"),
        (
            with_exception(date="2026-01-06", kind="closed", name=1),
            "/exceptions/1/name",
            "string_type",
        ),
        (
            with_exception(date="2026-01-06", kind="closed", hours=NINE_TO_SIX),
            "/exceptions/1/hours",
            "closed_day_has_none",
        ),
        (with_exception(date="2026-01-06", kind="hours"), "/exceptions/1/hours", "hours_missing"),
        (
            with_exception(date="2026-01-06", kind="hours", hours=[]),
            "/exceptions/1/hours",
            "hours_missing",
        ),
        (
            with_exception(date="2026-01-06", kind="working", hours=[]),
            "/exceptions/1/hours",
            "hours_missing",
        ),
        (
            with_exception(date="2026-01-06", kind="hours", hours=[["25:00", "26:00"]]),
            "/exceptions/1/hours/0/0",
            "local_time_invalid",
        ),
        (
            document({"tue": NINE_TO_SIX}, exceptions=[{"date": "2026-01-04", "kind": "working"}]),
            "/exceptions/0/hours",
            "monday_has_none",
        ),
        (OFFICE | {"exceptions_loaded": []}, "/exceptions_loaded", "too_short"),
        (OFFICE | {"exceptions_loaded": 2026}, "/exceptions_loaded", "list_type"),
        (OFFICE | {"exceptions_loaded": ["2026"]}, "/exceptions_loaded/0", "year_unserved"),
        (OFFICE | {"exceptions_loaded": [2026, True]}, "/exceptions_loaded/1", "year_unserved"),
        (OFFICE | {"exceptions_loaded": [2200]}, "/exceptions_loaded/0", "year_unserved"),
    ],
)
def test_a_faulty_document_is_refused_at_its_pointer(faulty: Any, pointer: str, code: str) -> None:
    with pytest.raises(CalendarInvalid) as refusal:
        parse_calendar(faulty)
    assert (refusal.value.pointer, refusal.value.code) == (pointer, code)


def mondays(count: int) -> list[dict[str, str]]:
    """Closures of this many Mondays on end from 2026-01-12."""
    first = date(2026, 1, 12)
    return [
        {"date": (first + timedelta(weeks=n)).isoformat(), "kind": "closed"} for n in range(count)
    ]


def test_a_year_of_closures_is_refused() -> None:
    week = {"mon": NINE_TO_SIX}
    parse_calendar(document(week, exceptions=mondays(51)))  # 364 days between openings
    with pytest.raises(CalendarInvalid, match="no_working_time"):
        parse_calendar(document(week, exceptions=mondays(52)))  # 371 days
    between = {"date": "2026-06-06", "kind": "hours", "hours": NINE_TO_SIX}
    parse_calendar(document(week, exceptions=[*mondays(52), between]))
