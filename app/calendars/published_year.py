"""A published year of public holidays: days off and make-up days, read from a file, checked, made into exceptions.

Pure. The rules are those of the Chinese State Council's yearly notice (国务院办公厅关于部分节假日安排的通知), which names
whole holidays with the weekend days worked in exchange; a year of any other country's holidays fits them too.

A file is CSV with the columns `date,is_off_day,name` (and perhaps `source_year`, then only the rows of that year's
notice are taken) or JSON such as `{"year": 2027, "days": [{"date": "2027-01-01", "is_off_day": true, "name": "元旦"}]}`,
in UTF-8 or GB18030.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from itertools import groupby, pairwise
from typing import Any

from app.calendars.document import (
    TEXT_LENGTH_MAX,
    CalendarInvalid,
    CalendarSpec,
    ExceptionKind,
    parse_date,
)

FILE_BYTES_MAX = 1_048_576
DAYS_MAX = 400
HOLE_DAYS_MAX = 3
MAKE_UP = "调休"
_COLUMNS = ("date", "is_off_day", "name")
_SOURCE = "source_year"
_DAY = timedelta(days=1)


class FileRefused(Exception):
    """A file that cannot be taken: where (`line 12`, or a JSON Pointer), a code of `texts`, and its values."""

    def __init__(self, where: str, code: str, **values: object) -> None:
        super().__init__(f"{where}: {code}")
        self.where = where
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """One date of the notice: off, or worked although the week says otherwise."""

    on: date
    is_off_day: bool
    name: str


def read_year(content: bytes, year: int) -> list[PublishedDay]:
    """The days of a year's file; raises FileRefused at the line, or pointer, of the first fault."""
    if len(content) > FILE_BYTES_MAX:
        raise FileRefused("", "file_too_large", bytes_max=FILE_BYTES_MAX)
    text = _decoded(content)
    places, entries = _from_json(text, year) if text.lstrip()[:1] == "{" else _from_csv(text, year)
    try:
        days = parse_days(entries)
        check_days(year, days)
    except CalendarInvalid as error:
        _, _, index = error.pointer.partition("/days/")
        number = index.split("/")[0]
        where = places[int(number)] if number.isdecimal() else ""
        raise FileRefused(where, error.code, **error.values) from error
    return days


def parse_days(entries: object) -> list[PublishedDay]:
    """The days of a list under `/days`, as JSON has them; raises CalendarInvalid."""
    if not isinstance(entries, list):
        raise CalendarInvalid("/days", "list_type")
    if len(entries) > DAYS_MAX:
        raise CalendarInvalid("/days", "too_long", max_length=DAYS_MAX)
    return [_day(entry, f"/days/{index}") for index, entry in enumerate(entries)]


def _day(entry: object, pointer: str) -> PublishedDay:
    if not isinstance(entry, Mapping):
        raise CalendarInvalid(pointer, "model_attributes_type")
    for key in entry:
        if key not in _COLUMNS:
            raise CalendarInvalid(f"{pointer}/{key}", "extra_forbidden")
    on = parse_date(entry.get("date"), f"{pointer}/date")
    is_off_day, name = entry.get("is_off_day"), entry.get("name")
    if not isinstance(is_off_day, bool):
        raise CalendarInvalid(f"{pointer}/is_off_day", "bool_type")
    if not isinstance(name, str) or not _is_name(name):
        raise CalendarInvalid(
            f"{pointer}/name", "calendar_title_invalid", max_length=TEXT_LENGTH_MAX
        )
    return PublishedDay(on, is_off_day, name.strip())


def _is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= TEXT_LENGTH_MAX


def check_days(year: int, days: Sequence[PublishedDay]) -> None:
    """Refuse what is no notice of `year`: raises CalendarInvalid at the first day that is wrong.

    A date lies in the year, or in the December before (where New Year's make-up days may lie); no date comes twice;
    a holiday has no weekday within it that the notice does not name; at least one day of the year is off.
    """
    seen: set[date] = set()
    for index, day in enumerate(days):
        if day.on.year != year and (day.on.year, day.on.month) != (year - 1, 12):
            raise CalendarInvalid(f"/days/{index}/date", "date_of_another_year", year=year)
        if day.on in seen:
            raise CalendarInvalid(f"/days/{index}/date", "date_repeated")
        seen.add(day.on)
    if not any(day.is_off_day and day.on.year == year for day in days):
        raise CalendarInvalid("/days", "year_without_day_off", year=year)
    for index, missing in _holes(days, seen):
        raise CalendarInvalid(
            f"/days/{index}/date",
            "hole_in_holiday",
            date=missing.isoformat(),
            name=days[index].name,
        )


def _holes(days: Sequence[PublishedDay], seen: set[date]) -> list[tuple[int, date]]:
    """Weekdays that nobody names between two days off of one holiday, each with the place of the day after it."""
    off = sorted((day.name, day.on, index) for index, day in enumerate(days) if day.is_off_day)
    found = []
    for _, holiday in groupby(off, key=lambda one: one[0]):
        for (_, earlier, _), (_, later, index) in pairwise(holiday):
            if (later - earlier).days > HOLE_DAYS_MAX + 1:
                continue  # another holiday of the same name
            between = (earlier + n * _DAY for n in range(1, (later - earlier).days))
            found += [(index, on) for on in between if on.weekday() < 5 and on not in seen]
    return found


def check_year(spec: CalendarSpec, year: int) -> None:
    """Refuse a year that the calendar cannot load: raises CalendarInvalid at `/year`.

    A calendar that is always open has no holidays; years are loaded without a gap, for certainty ends at the first
    one that is missing.
    """
    if spec.always_open:
        raise CalendarInvalid("/year", "always_open_has_none")
    loaded, following = spec.exceptions_loaded, spec.next_year_to_load
    if loaded is None or following is None or year in loaded:
        return
    if not loaded[0] - 1 <= year <= following:
        raise CalendarInvalid("/year", "years_between_missing", next=following)


def exceptions_of(days: Sequence[PublishedDay]) -> list[dict[str, Any]]:
    """The entries of a calendar document for these days; a make-up day says so in its name."""
    return [
        {
            "date": day.on.isoformat(),
            "kind": (ExceptionKind.CLOSED if day.is_off_day else ExceptionKind.WORKING).value,
            "name": day.name if day.is_off_day else _make_up_name(day.name),
        }
        for day in days
    ]


def _make_up_name(name: str) -> str:
    return name if MAKE_UP in name or not _is_chinese(name) else f"{name}{MAKE_UP}"


def _is_chinese(name: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in name)


# --- files


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused("", "file_encoding_unknown")


def _from_json(text: str, year: int) -> tuple[list[str], object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileRefused("", "malformed_json") from error
    if unknown := document.keys() - {"year", "days"}:
        raise FileRefused(f"/{min(unknown)}", "extra_forbidden")
    if document.get("year") != year:
        raise FileRefused("/year", "date_of_another_year", year=year)
    days = document.get("days")
    places = [f"/days/{index}" for index, _ in enumerate(days)] if isinstance(days, list) else []
    return places, days


def _from_csv(text: str, year: int) -> tuple[list[str], list[dict[str, Any]]]:
    reader = csv.reader(StringIO(text), strict=True)
    places, entries = [], []
    try:
        header = [name.strip() for name in next(reader, [])]
        if sorted(header) not in (sorted(_COLUMNS), sorted([*_COLUMNS, _SOURCE])):
            raise FileRefused("line 1", "columns_unknown", columns=",".join(_COLUMNS))
        for cells in reader:
            where = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                raise FileRefused(where, "cells_missing", count=len(header))
            row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            if row.pop(_SOURCE, str(year)) == str(year):
                places.append(where)
                entries.append({**row, "is_off_day": _FLAGS.get(row["is_off_day"].lower())})
    except csv.Error as error:
        raise FileRefused(f"line {reader.line_num}", "csv_malformed") from error
    return places, entries


_FLAGS = {"true": True, "1": True, "false": False, "0": False}
