"""Tables for spreadsheets: texts that nobody computes, workbooks in constant memory."""

import re
from collections.abc import Iterable, Sequence
from typing import IO, Any

import xlsxwriter

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads Chinese as something else
# What a spreadsheet would compute, also behind blanks; a telephone number in E.164 it would too, but harmlessly: 8.6E+11.
_DANGEROUS = re.compile(r"\s*[=+\-@|%]|[\t\r\n]")
_CELL_LENGTH_MAX = 32_767
_UNKEPT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def safe_cell(value: Any) -> Any:
    """Return a value as a CSV cell; a text that a spreadsheet would compute is made plain by a leading apostrophe."""
    if isinstance(value, str) and _DANGEROUS.match(value):
        return f"'{value}"
    return value


class Workbook:
    """A workbook of one sheet, written row by row to an open file; texts stay texts."""

    def __init__(self, file: IO[bytes]) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._book = xlsxwriter.Workbook(file, options)
        self._sheet = self._book.add_worksheet()
        self._row = 0

    def write_row(self, values: Sequence[Any]) -> None:
        """Write the next row: numbers as numbers, everything else as text, None as nothing."""
        for column, value in enumerate(values):
            if value is None or value == "":
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._sheet.write_number(self._row, column, value)
            else:
                text = _UNKEPT.sub("", str(value))[:_CELL_LENGTH_MAX]
                self._sheet.write_string(self._row, column, text)
        self._row += 1

    def write_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write the next rows."""
        for one in rows:
            self.write_row(one)

    def close(self) -> None:
        """Complete the file."""
        self._book.close()
