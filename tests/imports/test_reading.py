"""Files as people have them are read; hostile and broken ones are refused, each for its own reason."""

import datetime as dt
import tempfile
import zlib
from typing import Any

import orjson
import pytest

from app.imports import texts
from app.imports.reading import limits, reader
from app.imports.reading.faults import Unreadable
from app.imports.reading.reader import ReadFile, read_file
from app.imports.reading.table import Asked
from tests.imports.hostile_files import HOSTILE, LINES, many_strings, workbook


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may be slow without a file being hostile."""
    monkeypatch.setattr(limits, "SECONDS_MAX", 600.0)


async def read(content: bytes, **asked: Any) -> ReadFile:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return await read_file(file, Asked(**asked))


def rows(found: ReadFile) -> list[Any]:
    return [row for frame in found.frames for row in orjson.loads(zlib.decompress(frame))]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_for_its_own_reason(name: str) -> None:
    hostile = HOSTILE[name]
    with pytest.raises(Unreadable) as refused:
        await read(hostile.make(), **hostile.asked)
    assert (refused.value.code, refused.value.values) == (hostile.code, hostile.values)
    for text in texts.TEXTS[hostile.code]:
        assert "{" not in text.format(**refused.value.values)


def test_there_are_enough_hostile_files_for_every_reason() -> None:
    reached = {one.code for one in HOSTILE.values()}
    assert len(HOSTILE) >= 30
    # What takes a minute, a template (as any other type), a cell that no Excel writes.
    untried = {"file_too_slow", "file_too_complex", "template_file", "cell_too_long"}
    assert set(texts.READING) - reached <= untried


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (LINES.encode(), "utf-8"),
        (LINES.encode("utf-8-sig"), "utf-8"),
        (LINES.encode("gb18030"), "gb18030"),
        (LINES.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + LINES.encode("utf-16-be"), "utf-16"),
        (b"name,phone,note\nA,1,x\n", "utf-8"),
    ],
)
async def test_an_encoding_is_found(content: bytes, encoding: str) -> None:
    found = await read(content)
    assert found.about["encoding"] == encoding
    assert rows(found)[0][0] == 2
    if encoding != "utf-8" or content.startswith(b"\xef"):
        assert found.about["headers"] == ["客户名称", "电话", "备注"]


@pytest.mark.parametrize("encoding", ["big5", "windows-1252", "utf-16-le", "utf-16-be"])
async def test_an_encoding_that_cannot_be_found_can_be_said(encoding: str) -> None:
    text = "Société,Téléphone\nÉlan,1\n" if encoding == "windows-1252" else "名稱,電話\n華東,1\n"
    found = await read(text.encode(encoding), encoding=encoding)
    assert found.about["headers"] == text.split("\n", 1)[0].split(",")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
async def test_a_delimiter_is_found(delimiter: str) -> None:
    content = LINES.replace(",", delimiter).encode()
    found = await read(content)
    assert (found.about["delimiter"], found.about["headers"]) == (
        delimiter,
        ["客户名称", "电话", "备注"],
    )
    hinted = await read(f"sep={delimiter}\r\n".encode() + content)
    assert hinted.about["headers"] == found.about["headers"]


async def test_a_delimiter_can_be_said() -> None:
    found = await read("名称;备注,1\n华东;一,2\n".encode(), delimiter=",")
    assert found.about["headers"] == ["名称;备注", "1"]


async def test_quoted_line_breaks_quotes_and_delimiters_stay_in_their_cell() -> None:
    found = await read('名称,备注\r\n华东,"一\r\n二, ""三"""\r\n\r\n华南,四\r\n'.encode())
    assert rows(found) == [[2, ["华东", '一\r\n二, "三"'], {}], [4, ["华南", "四"], {}]]


async def test_a_single_column_has_its_header_first() -> None:
    found = await read("客户名称\n华东\n华南\n".encode())
    assert (found.about["headers"], found.about["row_count"]) == (["客户名称"], 2)


async def test_a_cell_beyond_the_headers_is_a_fault_of_its_row() -> None:
    found = await read("名称,电话\n华东,1,多余\n华南,2,\n".encode())
    assert rows(found) == [
        [2, ["华东", "1", "多余"], {"2": "cell_beyond_headers"}],
        [3, ["华南", "2", None], {}],
    ]


async def test_a_title_above_the_headers_is_passed_over() -> None:
    def change(sheet: Any) -> None:
        sheet.insert_rows(1, 2)
        sheet["A1"] = "二〇二六年客户一览"
        sheet.merge_cells("A1:C1")

    found = await read(workbook(change))
    assert (found.about["header_row"], found.about["row_count"]) == (3, 1)
    assert rows(found)[0][0] == 4


async def test_the_headers_can_be_said_to_be_further_down() -> None:
    content = "甲,乙\n名称,电话\n华东,1\n".encode()
    assert (await read(content, header_row=2)).about["headers"] == ["名称", "电话"]


async def test_cells_of_a_workbook_become_texts() -> None:
    values: list[Any] = [
        13800138000, 1234.5, 0.1 + 0.2, True, dt.date(2026, 3, 2), dt.datetime.combine(dt.date(2026, 3, 2), dt.time(9, 30)), dt.time(9, 30),
        " 文字 ", "a_x000D_b", "=not a formula", 10**17, -3.0,
    ]  # fmt: skip

    def change(sheet: Any) -> None:
        for column, value in enumerate(values, 1):
            sheet.cell(1, column, f"列{column}")
            sheet.cell(2, column, value)
        sheet.cell(2, 10).data_type = "s"

    _, cells, faults = rows(await read(workbook(change)))[0]
    assert cells == [
        "13800138000", "1234.5", "0.3", "TRUE", "2026-03-02", "2026-03-02 09:30:00", "09:30:00", "文字", "a\rb",
        "=not a formula", "100000000000000000", "-3",
    ]  # fmt: skip
    assert faults == {"10": "number_imprecise"}


async def test_a_formula_counts_as_its_value_and_is_a_fault_without_one() -> None:
    def change(sheet: Any) -> None:
        sheet["B2"] = "=1+1"
        sheet["C2"] = "#N/A"

    found = await read(workbook(change))
    assert rows(found)[0] == [
        2,
        ["华东仪器", None, "#N/A"],
        {"1": "formula_without_value", "2": "cell_error"},
    ]


async def test_hidden_sheets_are_passed_over_and_can_be_asked_for() -> None:
    def change(sheet: Any) -> None:
        shown = sheet.parent.create_sheet("客户")
        shown.append(["名称", "电话"])
        shown.append(["华东", "1"])
        sheet.sheet_state = "hidden"

    content = workbook(change)
    found = await read(content)
    assert (found.about["sheet"], found.about["sheets"]) == ("客户", ["Sheet", "客户"])
    assert (await read(content, sheet="Sheet")).about["headers"][0] == "客户名称"


async def test_rows_come_in_frames_and_blank_ones_not_at_all() -> None:
    count = limits.FRAME_ROWS + 1
    lines = "".join(f"公司{n},{n}\n,\n" for n in range(count))
    found = await read(f"名称,电话\n{lines}".encode())
    assert (len(found.frames), found.about["row_count"]) == (2, count)
    assert [row[0] for row in rows(found)] == list(range(2, 2 * count + 2, 2))


async def test_a_reader_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS_MAX", 0.0)
    with pytest.raises(Unreadable) as refused:
        await read(LINES.encode())
    assert refused.value.code == "file_too_slow"


async def test_a_file_that_fills_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY_BYTES_MAX", 128 * 1024 * 1024)
    assert (await read(workbook())).about["row_count"] == 1
    with pytest.raises(Unreadable) as refused:
        await read(many_strings())
    assert refused.value.code == "file_too_complex"


def test_a_reader_knows_no_secret() -> None:
    assert not [name for name in reader._ENVIRONMENT if name.startswith("HUIYING")]
