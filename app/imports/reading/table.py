"""A file as a table: where its headers are, its rows below them, and what it is."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, BinaryIO

from app.imports.reading import limits
from app.imports.reading.archive import check_archive
from app.imports.reading.csv_rows import Row, csv_rows, delimiter_of, open_text
from app.imports.reading.encodings import encoding_of
from app.imports.reading.faults import Unreadable
from app.imports.reading.kinds import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender says of his file; what he does not say is found out. Rows are numbered from 1."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass(slots=True)
class About:
    """What was found out of a file. `headers` has a None where a column has no header."""

    kind: str
    headers: list[str | None]
    header_row: int
    row_count: int = 0
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    sheets: list[str] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class Table:
    """The rows of a file below its headers; `about` is complete when they have been read."""

    def __init__(self, file: BinaryIO, asked: Asked) -> None:
        self._merged: Callable[[], list[tuple[str, int, int]]] = list
        kind = kind_of(file)
        found: dict[str, Any] = {}
        if kind is Kind.XLSX:
            check_archive(file)
            rows = self._open_workbook(file, asked, found)
        else:
            rows = self._open_text(file, asked, found)
        self._rows: Iterator[Row] = (one for one in rows if any(one[1]) or one[2])
        number, headers = self._find_headers(asked.header_row)
        self.about = About(kind.value, headers, number, **found)

    def _open_text(self, file: BinaryIO, asked: Asked, found: dict[str, Any]) -> Iterator[Row]:
        encoding = encoding_of(file, asked.encoding)
        text = open_text(file, encoding)
        delimiter = asked.delimiter or delimiter_of(text)
        found |= {"encoding": encoding.removesuffix("-sig"), "delimiter": delimiter}
        return csv_rows(text, delimiter)

    def _open_workbook(self, file: BinaryIO, asked: Asked, found: dict[str, Any]) -> Iterator[Row]:
        from app.imports.reading.xlsx_rows import open_sheet  # noqa: PLC0415 - a text needs no openpyxl

        sheet = open_sheet(file, asked.sheet)
        self._merged = sheet.merged
        found |= {"sheet": sheet.name, "sheets": sheet.names}
        return sheet.rows()

    def _find_headers(self, asked: int | None) -> tuple[int, list[str | None]]:
        """Return the headers' row and texts: the row asked for, else the first with two cells, else the first."""
        seen: list[Row] = []
        for row in self._rows:
            seen.append(row)
            full = sum(cell is not None for cell in row[1])
            if row[0] == asked or (asked is None and full > 1):
                break
            if (asked is not None and row[0] > asked) or len(seen) == limits.HEADER_ROWS_SEARCHED:
                break
        if not seen:
            raise Unreadable("file_empty")
        if asked is not None and seen[-1][0] != asked:
            raise Unreadable("header_row_missing", row=asked)
        at = len(seen) - 1
        if asked is None and sum(cell is not None for cell in seen[-1][1]) < 2:
            at = 0  # one column only: its first cell is its header
        self._rows = chain(seen[at + 1 :], self._rows)
        number, cells, faults = seen[at]
        return number, _headers(number, cells, faults)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; raises `Unreadable` for too many, none at all, or cells merged at the headers or below."""
        for row in self._rows:
            self.about.row_count += 1
            if self.about.row_count > limits.ROWS_MAX:
                raise Unreadable("too_many_rows", rows_max=limits.ROWS_MAX)
            yield self._checked(row)
        header = self.about.header_row
        for place, first, last in self._merged():
            if first <= header <= last:
                raise Unreadable("header_merged", cells=place)
            if first > header:
                raise Unreadable("cells_merged", cells=place)
        if not self.about.row_count:
            raise Unreadable("file_without_rows")

    def _checked(self, row: Row) -> Row:
        """Return a row with what stands beyond the headers marked."""
        number, cells, faults = row
        width = len(self.about.headers)
        beyond = {
            column: "cell_beyond_headers"
            for column in range(width, len(cells))
            if cells[column] is not None
        }
        return number, cells, {**faults, **beyond}


def _headers(number: int, cells: list[str | None], faults: dict[int, str]) -> list[str | None]:
    if faults:
        raise Unreadable("header_no_text", row=number)
    headers = [None if cell is None else " ".join(cell.split()) for cell in cells]
    while headers and headers[-1] is None:
        headers.pop()
    known: set[str] = set()
    for one in headers:
        if one is None:
            continue
        if len(one) > limits.HEADER_LENGTH_MAX:
            raise Unreadable("header_too_long", row=number, length_max=limits.HEADER_LENGTH_MAX)
        if one.casefold() in known:
            raise Unreadable("header_twice", row=number, column=headers.index(one) + 1)
        known.add(one.casefold())
    return headers
