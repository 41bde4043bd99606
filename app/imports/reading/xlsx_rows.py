"""Rows of a workbook's sheet as texts: openpyxl parses (over defusedxml), row by row, nothing is padded.

A formula counts as what was computed when the file was saved. What a text cannot say is a fault of its cell: a formula
without a value, an error value, a number with more digits than Excel keeps.
"""

import datetime as dt
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import DEFUSEDXML, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from app.imports.reading.csv_rows import Row
from app.imports.reading.faults import Unreadable
from app.imports.reading.limits import CELL_LENGTH_MAX, COLUMNS_MAX

_EXACT_MAX = 10**15  # Excel keeps fifteen digits of a number
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_FAULTS = {"f": "formula_without_value", "e": "cell_error"}
_WORDS = {None: None, True: "TRUE", False: "FALSE"}
_BROKEN = (
    ParseError, KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, OSError, EOFError,
    InvalidFileException, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Sheet:
    """One sheet: its rows, and once they are read its merged ranges."""

    def __init__(self, workbook: Any, sheet: Any) -> None:
        self.name: str = sheet.title
        self.names: list[str] = [one.title for one in workbook.worksheets]
        self._sheet = sheet
        self._workbook = workbook
        self._merged: Any = None

    def rows(self) -> Iterator[Row]:
        """Yield (number, cells, faults by column) of every row that the file has."""
        with _told(), self._sheet._get_source() as source:
            parser = _Parser(
                source,
                self._sheet._shared_strings,
                data_only=True,
                epoch=self._workbook.epoch,
                date_formats=self._workbook._date_formats,
                timedelta_formats=self._workbook._timedelta_formats,
            )
            for number, cells in parser.parse():
                yield _row(number, cells)
            self._merged = parser.merged_cells

    def merged(self) -> list[tuple[str, int, int]]:
        """Return (range, first row, last row) of every merged range; read the rows first."""
        ranges = [] if self._merged is None else [str(one.ref) for one in self._merged.mergeCell]
        with _told():
            bounds = [(one, range_boundaries(one)) for one in ranges]
        return [(one, int(top or 1), int(bottom or 1)) for one, (_, top, _, bottom) in bounds]


def open_sheet(file: BinaryIO, asked: str | None) -> Sheet:
    """Return the sheet asked for by name, else the first that is shown; raises `Unreadable`."""
    assert DEFUSEDXML, "openpyxl reads hostile XML through defusedxml only"
    file.seek(0)
    with _told():
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheets = [one for one in workbook.worksheets if one.sheet_state == "visible"]
        if asked is not None:
            sheets = [one for one in workbook.worksheets if one.title == asked]
            if not sheets:
                raise Unreadable("sheet_unknown")
        if not sheets:
            raise Unreadable("file_empty")
        return Sheet(workbook, sheets[0])


@contextmanager
def _told() -> Iterator[None]:
    """Tell faults of the file's making as `Unreadable`."""
    warnings.simplefilter("ignore")
    try:
        yield
    except _BROKEN as error:
        hostile = DefusedXmlException in {type(error).__base__, type(error.__cause__).__base__}
        raise Unreadable("xml_hostile" if hostile else "workbook_broken") from error


class _Parser(WorkSheetParser):
    """Tells formulas without a value, and keeps nothing of rows that are gone."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            cell["data_type"] = "f"
        return cell

    def parse_row(self, row: Any) -> tuple[int, list[dict[str, Any]]]:
        self.row_dimensions.clear()
        result: tuple[int, list[dict[str, Any]]] = super().parse_row(row)
        return result


def _row(number: int, cells: list[dict[str, Any]]) -> Row:
    texts: list[str | None] = []
    faults: dict[int, str] = {}
    for cell in cells:
        text, fault = _text(cell["value"], cell["data_type"])
        if text is None and fault is None:
            continue
        column = cell["column"] - 1
        if column >= COLUMNS_MAX:
            place = f"{get_column_letter(column + 1)}{number}"
            raise Unreadable("cell_too_far", cell=place, columns_max=COLUMNS_MAX)
        if len(text or "") > CELL_LENGTH_MAX:
            raise Unreadable("cell_too_long", row=number, length_max=CELL_LENGTH_MAX)
        texts += [None] * (column + 1 - len(texts))
        texts[column] = text
        if fault is not None:
            faults[column] = fault
    return number, texts, faults


def _text(value: Any, kind: str) -> tuple[str | None, str | None]:
    """Return a cell's text, and its fault; both None for an empty cell."""
    if kind in _FAULTS:
        return (None if value is None else str(value)), _FAULTS[kind]
    match value:
        case None | bool():
            return _WORDS[value], None
        case int() | float():
            return _number(value)
        case dt.date() | dt.time():
            return _instant(value), None
    text = _ESCAPED.sub(_unescaped, str(value)).strip()
    return text or None, None


def _instant(value: dt.date | dt.time) -> str:
    if not isinstance(value, dt.datetime):
        return value.isoformat()
    if value.time() == dt.time():
        return value.date().isoformat()
    return value.replace(microsecond=0).isoformat(" ")


def _number(value: float) -> tuple[str | None, str | None]:
    if not math.isfinite(value):
        return None, "cell_error"
    if value == int(value):
        return str(int(value)), "number_imprecise" if abs(value) >= _EXACT_MAX else None
    return repr(round(value, 10)), None


def _unescaped(found: re.Match[str]) -> str:
    """Return the character that a workbook writes as `_xHHHH_`; what no text holds is left out."""
    character = chr(int(found[1], 16))
    return "" if character == "\x00" or "\ud800" <= character <= "\udfff" else character
