"""Files of a published year: what is read from them, and where each fault is told."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.calendars.document import parse_calendar
from app.calendars.published_year import FileRefused, PublishedDay, exceptions_of, read_year
from app.calendars.revision import with_year
from app.calendars.shipped import shipped_document
from app.calendars.working_time import compile_calendar
from tests.calendars.test_shipped import PUBLISHED

CSV = "date,is_off_day,name\n2026-12-27,false,元旦\n2027-01-01,true,元旦\n2027-01-02,TRUE,元旦\n"
DAYS = [
    PublishedDay(date(2026, 12, 27), False, "元旦"),
    PublishedDay(date(2027, 1, 1), True, "元旦"),
    PublishedDay(date(2027, 1, 2), True, "元旦"),
]


def as_json(**change: Any) -> bytes:
    days = [
        {"date": one.on.isoformat(), "is_off_day": one.is_off_day, "name": one.name} for one in DAYS
    ]
    return json.dumps({"year": 2027, "days": days} | change).encode()


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("gb18030"),
        CSV.replace("\n", "\r\n").encode(),
        (CSV + "\n\n").encode(),
        CSV.replace("true", "1").replace("false", "0").encode(),
        "name,date,is_off_day\n元旦,2026-12-27,false\n元旦,2027-01-01,true\n 元旦 , 2027-01-02 ,true".encode(),
        as_json(),
        b"  \n" + as_json(),
    ],
)
def test_every_form_of_a_file_says_the_same(content: bytes) -> None:
    assert read_year(content, 2027) == DAYS


def test_of_a_file_of_many_years_the_notice_of_one_is_taken() -> None:
    text = (
        "date,is_off_day,name,source_year\n2025-12-31,true,元旦,2026\n2026-12-27,false,元旦,2027\n"
        "2027-01-01,true,元旦,2027\n2027-01-02,true,元旦,2027\n2028-01-01,true,元旦,2028\n"
    )
    assert read_year(text.encode(), 2027) == DAYS


def test_a_make_up_day_says_so_in_its_name() -> None:
    assert exceptions_of(DAYS[:2]) == [
        {"date": "2026-12-27", "kind": "working", "name": "元旦调休"},
        {"date": "2027-01-01", "kind": "closed", "name": "元旦"},
    ]
    english = PublishedDay(date(2027, 1, 9), False, "Working Saturday")
    assert exceptions_of([english])[0]["name"] == "Working Saturday"


@pytest.mark.parametrize(
    ("content", "where", "code"),
    [
        (b"", "line 1", "columns_unknown"),
        (b"date,name\n2027-01-01,x\n", "line 1", "columns_unknown"),
        (CSV.replace("2027-01-02", "2027-02-30").encode(), "line 4", "day_invalid"),
        (CSV.replace("2027-01-02", "2028-01-02").encode(), "line 4", "date_of_another_year"),
        (CSV.replace("2027-01-02", "2027-01-01").encode(), "line 4", "date_repeated"),
        (CSV.replace("2027-01-02", "2027-01-05").encode(), "line 4", "hole_in_holiday"),
        (CSV.replace("TRUE", "yes").encode(), "line 4", "bool_type"),
        (CSV.replace("TRUE,元旦", "TRUE,").encode(), "line 4", "calendar_title_invalid"),
        (CSV.replace("TRUE,元旦", "TRUE,a\x07").encode(), "line 4", "calendar_title_invalid"),
        (CSV.replace(",元旦\n2027-01-02", "\n2027-01-02").encode(), "line 3", "cells_missing"),
        (CSV.replace("true", '"true').encode(), "line 4", "csv_malformed"),
        (b"date,is_off_day,name\n", "", "year_without_day_off"),
        (CSV.replace("2027", "2026").encode(), "line 3", "date_of_another_year"),
        (b"\xff\xfe\x00\x00\xff", "", "file_encoding_unknown"),
        (b"x" * 1_048_577, "", "file_too_large"),
        (as_json(year=2028), "/year", "date_of_another_year"),
        (as_json(why=1), "/why", "extra_forbidden"),
        (as_json(days={}), "", "list_type"),
        (as_json(days=[1]), "/days/0", "model_attributes_type"),
        (as_json(days=[{"date": "2027-01-01", "is_off_day": True, "name": "元旦", "x": 1}]),
         "/days/0", "extra_forbidden"),
        (as_json(days=[{"date": 20270101, "is_off_day": True, "name": "元旦"}]), "/days/0", "day_invalid"),
        (as_json(days=[{}] * 401), "", "too_long"),
        (b'{"year": 2027', "", "malformed_json"),
        (b'{"year": 2027, "days": ' + b"[" * 100_000, "", "malformed_json"),
        (b'{"year": 2027, "days": [{"date": "2027-01-01", "is_off_day": NaN, "name": "x"}]}',
         "/days/0", "bool_type"),
        (b'{"year": 2027, "days": [{"date": "2027-01-01", "is_off_day": true, "name": "\\ud800"}]}',
         "/days/0", "calendar_title_invalid"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_at_its_line_or_pointer(
    content: bytes, where: str, code: str
) -> None:
    with pytest.raises(FileRefused) as refusal:
        read_year(content, 2027)
    assert (refusal.value.where, refusal.value.code) == (where, code)


def test_every_published_year_loads_and_gives_the_shipped_days() -> None:
    """Built up from nothing, year after year, the office works on the days on which the shipped one does."""
    if not PUBLISHED.exists():
        pytest.skip(f"{PUBLISHED.name} is not at hand")
    content = Path(PUBLISHED).read_bytes()
    shipped = shipped_document("office")
    document = {**shipped, "exceptions": [], "exceptions_loaded": [2006]}
    for year in range(2007, 2027):
        document = with_year(document, year, exceptions_of(read_year(content, year)))
    built, office = (compile_calendar(parse_calendar(one)) for one in (document, shipped))
    first = date(2007, 1, 1).toordinal()
    for day in range(first, date(2027, 1, 1).toordinal()):
        on = date.fromordinal(day)
        assert built.is_working_day(on) is office.is_working_day(on), on
    assert built.provisional_from() == office.provisional_from()
