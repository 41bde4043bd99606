"""Rows of a delimited text: its delimiter found or said, quoted line breaks kept, every fault with its line."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, TextIO

from app.imports.reading.faults import Unreadable
from app.imports.reading.limits import CELL_LENGTH_MAX, COLUMNS_MAX

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LENGTH = 65_536
_SAMPLE_ROWS = 20
_HINT = "sep="
_COMPUTED = frozenset("=+-@|%")

Row = tuple[int, list[str | None], dict[int, str]]


def open_text(file: BinaryIO, encoding: str) -> TextIO:
    """Return a file as text, line breaks untouched."""
    file.seek(0)
    return io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")


def delimiter_of(text: TextIO) -> str:
    """Return the delimiter under which the first rows agree on the most columns; the text is left at its beginning."""
    text.seek(0)
    sample = text.read(_SAMPLE_LENGTH)
    text.seek(0)
    if sample.startswith(_HINT) and sample[len(_HINT) : len(_HINT) + 1] in DELIMITERS:
        return sample[len(_HINT)]
    return max(DELIMITERS, key=lambda one: _agreement(sample, one))


def _agreement(sample: str, delimiter: str) -> tuple[float, int]:
    """Return how well a delimiter fits: the share of rows as wide as most, where those have two columns, and the width."""
    widths = Counter[int]()
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(reader):
            if number >= _SAMPLE_ROWS:
                break
            if row:
                widths[len(row)] += 1
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    return (round(count / widths.total(), 1) if width > 1 else 0.0), width


def csv_rows(text: TextIO, delimiter: str) -> Iterator[Row]:
    """Yield (number, cells, faults by column) of every record, numbered as a spreadsheet would number them.

    Raises `Unreadable` for an open or misplaced quote, a cell that is too long, more columns than are read.
    """
    csv.field_size_limit(CELL_LENGTH_MAX)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    try:
        for row in reader:
            if number == 0 and len(row) and row[0].startswith(_HINT) and len("".join(row)) <= 5:
                continue  # a word to Excel, not a row: it does not show it either
            number += 1
            if len(row) > COLUMNS_MAX and any(row[COLUMNS_MAX:]):
                raise Unreadable("too_many_columns", row=number, columns_max=COLUMNS_MAX)
            yield number, [_text(cell) for cell in row[:COLUMNS_MAX]], {}
    except csv.Error as error:
        raise Unreadable(_fault(str(error)), row=number + 1, line=reader.line_num) from error


def _text(cell: str) -> str | None:
    """Return a cell without blanks around it, and without the sign by which an export keeps it from being computed."""
    bare = cell.strip()
    if bare[:1] == "'" and bare[1:2] in _COMPUTED:
        bare = bare[1:]
    return bare or None


def _fault(message: str) -> str:
    return "csv_cell_too_long" if "field larger" in message else "csv_quote_broken"
