"""Reading log files: order, lines, bad rows, and files that are no log."""

import lzma
from pathlib import Path

import pytest

from app.rehearsal.logs import Log, LogUnreadable, read_log
from app.rehearsal.mapping import parse_mapping
from tests.rehearsal.test_mapping import EVENTS

HEADER = "case,at,what,who,rank"
MAPPING = parse_mapping(EVENTS)


def read(folder: Path, *lines: str | bytes, limit: int | None = None) -> Log:
    path = folder / "log.csv"
    path.write_bytes(b"\n".join(x.encode() if isinstance(x, str) else x for x in lines) + b"\n")
    return read_log(path, MAPPING, limit=limit)


def test_events_are_in_the_order_of_instants_then_lines(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        HEADER,
        "b,2024-03-01 12:00:00+02:00,take,Ann,",
        "a,2024-03-01 11:00:00+00:00,new,Ann,",
        "c,2024-03-01 10:00:00+00:00,new,Ann,",  # the same instant as line 2
    )
    assert [event.line for event in log.events] == [2, 4, 3]
    assert log.row_count == 3


def test_bad_rows_are_listed_with_the_line_on_which_they_begin_and_stop_nothing(
    tmp_path: Path,
) -> None:
    log = read(
        tmp_path,
        HEADER,
        'a,2024-03-01 10:00:00+02:00,new,"Ann\nand Bob",',
        "a,soon,take,Ann,",
        "",
        "a,2024-03-01 10:00:00+02:00,dance,Ann,",
        "a,2024-03-01 10:00:00+02:00,take",
        b"\xff,2024-03-01 10:00:00+02:00,take,Ann,",
        "a\x00b,2024-03-01 10:00:00+02:00,take,Ann,",
        'a,2024-03-01 10:00:00+02:00,"take"x,Ann,',
        "a,2024-03-01 11:00:00+02:00,done,Ann,",
    )
    assert [(bad.line, bad.reason) for bad in log.bad_rows] == [
        (4, "at is no instant: 'soon'"),
        (6, "unknown activity 'dance'"),
        (7, "3 columns where the header has 5"),
        (8, "case is not UTF-8"),
        (9, "U+0000 in case"),
        (10, "not CSV: ',' expected after '\"'"),
    ]
    assert [event.line for event in log.events] == [2, 11]
    assert log.row_count == 8


def test_the_limit_counts_rows_good_and_bad(tmp_path: Path) -> None:
    lines = [HEADER, "a,soon,new,,", *["a,2024-03-01 10:00:00+02:00,take,Ann,"] * 5]
    log = read(tmp_path, *lines, limit=3)
    assert (log.row_count, len(log.events), len(log.bad_rows)) == (3, 2, 1)


def test_a_byte_order_mark_and_xz_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.xz"
    text = f"\ufeff{HEADER}\r\na,2024-03-01 10:00:00+02:00,new,张三,\r\n"
    path.write_bytes(lzma.compress(text.encode()))
    (event,) = read_log(path, MAPPING).events
    assert (event.by, event.line) == ("张三", 2)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("case,at,what,who", "no column 'rank'"),
        ("case,at,what,who,rank,at", "more than one column 'at'"),
        ("", "no column 'at'"),
    ],
)
def test_a_file_without_the_mappings_columns_is_refused(
    tmp_path: Path, header: str, message: str
) -> None:
    with pytest.raises(LogUnreadable, match=message):
        read(tmp_path, header, "a,b,c,d,e")


def test_a_column_that_nobody_asks_for_may_come_twice(tmp_path: Path) -> None:
    log = read(tmp_path, HEADER + ",x,x", "a,2024-03-01 10:00:00+02:00,new,Ann,,1,2")
    assert len(log.events) == 1


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.xz"
    path.write_bytes(lzma.compress(HEADER.encode() * 100)[:-20])
    with pytest.raises(LogUnreadable, match="is damaged"):
        read_log(path, MAPPING)
    path.write_bytes(b"no archive")
    with pytest.raises(LogUnreadable, match="is damaged"):
        read_log(path, MAPPING)
