"""Reads a log of tickets from a file: CSV, plain or .xz, in the order in which things happened.

A bad row is noted with its line and reason, and stops nothing; a file that is no such log at all is refused.
"""

import csv
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.rehearsal.events import BadRow, Event, RowInvalid, events_of
from app.rehearsal.mapping import LogMapping

# Bytes that are no UTF-8 come through as these, so that one bad row does not spoil the file.
_ESCAPED = range(0xDC80, 0xDD00)


class LogUnreadable(ValueError):
    """The file is no log of this mapping; the message says why."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it was read: events by instant, then line; `row_count` counts the bad ones too."""

    events: tuple[Event, ...]
    bad_rows: tuple[BadRow, ...]
    row_count: int


def read_log(path: Path, mapping: LogMapping, *, limit: int | None = None) -> Log:
    """Return the first `limit` rows of a file as events; raises `LogUnreadable`, `OSError`."""
    events: list[Event] = []
    bad: list[BadRow] = []
    count = 0
    try:
        with _open(path) as file:
            for line, row in _rows(file, mapping):
                if limit is not None and count >= limit:
                    break
                count += 1
                try:
                    events += events_of(mapping, line, _checked(row))
                except RowInvalid as error:
                    bad.append(BadRow(line, str(error)))
    except (lzma.LZMAError, EOFError) as error:
        raise LogUnreadable(f"{path.name} is damaged: {error}") from error
    events.sort(key=lambda event: event.order)
    return Log(tuple(events), tuple(bad), count)


def _open(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _rows(file: TextIO, mapping: LogMapping) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    """Yield the line of every row, and its cells by column or what is wrong with it."""
    reader = csv.reader(file, strict=True)
    places, width = _header(reader, mapping)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"not CSV: {error}"
            continue
        if not cells:
            continue
        if len(cells) != width:
            yield line, f"{len(cells)} columns where the header has {width}"
            continue
        yield line, {name: cells[place] for name, place in places.items()}


def _header(reader: "Iterator[list[str]]", mapping: LogMapping) -> tuple[dict[str, int], int]:
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise LogUnreadable(f"the header is not CSV: {error}") from error
    for column in sorted(mapping.columns):
        if names.count(column) != 1:
            often = "no" if column not in names else "more than one"
            raise LogUnreadable(f"the file has {often} column {column!r}")
    return {column: names.index(column) for column in mapping.columns}, len(names)


def _checked(row: Mapping[str, str] | str) -> Mapping[str, str]:
    """Return a row whose cells can be stored; raises `RowInvalid`."""
    if isinstance(row, str):
        raise RowInvalid(row)
    for name, cell in row.items():
        if "\x00" in cell:
            raise RowInvalid(f"U+0000 in {name}")
        if not cell.isascii() and any(ord(character) in _ESCAPED for character in cell):
            raise RowInvalid(f"{name} is not UTF-8")
    return row
