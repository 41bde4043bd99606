"""Hostile and broken files, each made here, and what is said of it: the code of the refusal and its values."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import openpyxl

from app.imports.reading import limits

Make = Callable[[], bytes]
HEADERS = ("客户名称", "电话", "备注")
ROW = ("华东仪器", "021-66881234", "重点")
LINES = "客户名称,电话,备注\r\n华东仪器,021-66881234,重点\r\n"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504
_SHEET = "xl/worksheets/sheet1.xml"
_TYPES = "[Content_Types].xml"


@dataclass(frozen=True)
class Hostile:
    """A file that is refused; `asked` is what the sender says of it."""

    make: Make
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


def workbook(change: Callable[[Any], None] | None = None) -> bytes:
    """Return an XLSX with headers and a row, changed by `change(sheet)`."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADERS)
    sheet.append(ROW)
    if change is not None:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@cache
def plain() -> bytes:
    return workbook()


def repacked(changes: Mapping[str, bytes | None], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return the plain workbook with entries replaced, added, or (None) left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain())) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def entry(name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(plain())) as archive:
        return archive.read(name)


def typed(mark: bytes) -> Make:
    """Return the maker of a workbook whose main part is of another type."""
    main = b"spreadsheetml.sheet.main+xml"
    return lambda: repacked({_TYPES: entry(_TYPES).replace(main, mark)})


def sheet_xml(text: str) -> Make:
    """Return the maker of a workbook whose sheet is this XML."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return lambda: repacked(
        {_SHEET: text.replace("<worksheet", f'<worksheet xmlns="{space}"').encode()}
    )


def merged(cells: str) -> Make:
    return lambda: workbook(lambda sheet: sheet.merge_cells(cells))


def cell(place: str, value: Any) -> Make:
    return lambda: workbook(lambda sheet: sheet.__setitem__(place, value))


def twice_named() -> bytes:
    """Two sheets of one name in the archive: readers differ in which they take."""
    out = io.BytesIO(plain())
    with zipfile.ZipFile(out, "a") as archive, _silent():
        archive.writestr(_SHEET, b"<worksheet/>")
    return out.getvalue()


def _silent() -> Any:
    import warnings  # noqa: PLC0415 - zipfile warns of what is meant here

    context = warnings.catch_warnings()
    warnings.simplefilter("ignore")
    return context


def lying_bomb() -> bytes:
    """An entry that says to be small and unpacks to much: the sizes in both headers are forged."""
    content = b"<worksheet>" + b" " * 50_000_000
    raw = repacked({_SHEET: content})
    true, forged = struct.pack("<I", len(content)), struct.pack("<I", 1000)
    return raw.replace(true, forged)


def encrypted_entry() -> bytes:
    """Every entry of the archive marked as under a password."""
    raw = bytearray(plain())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(mark, at + 4)
    return bytes(raw)


def billion_laughs() -> bytes:
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    text = f"<!DOCTYPE w [{entities}]><worksheet><sheetData><row><c t='inlineStr'><is><t>&j;</t></is></c></row></sheetData></worksheet>"
    return sheet_xml(text)()


def many_strings() -> bytes:
    """A table of strings that fills the memory."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = f'<sst xmlns="{space}">' + "<si><t>0123456789abcdef</t></si>" * 1_200_000 + "</sst>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    types = entry(_TYPES).replace(b"</Types>", part.encode())
    changes = {"xl/sharedStrings.xml": text.encode(), _TYPES: types}
    return repacked(changes, method=zipfile.ZIP_STORED)


def foreign(text: str, encoding: str) -> Make:
    return lambda: (text * 20).encode(encoding)


def many(count: int, line: str = "华东仪器,1\n") -> Make:
    return ("客户名称,电话\n" + line * count).encode


CHOICES = {"choices": "utf-8, gb18030, utf-16-le, utf-16-be, big5, windows-1252"}
HOSTILE: Mapping[str, Hostile] = {
    # --- nothing, or something else
    "empty": Hostile(lambda: b"", "file_empty"),
    "blank": Hostile(lambda: b" \r\n\t\r\n", "file_empty"),
    "commas alone": Hostile(lambda: b",,,\r\n,,,\r\n", "file_empty"),
    "headers alone": Hostile("客户名称,电话\r\n".encode, "file_without_rows"),
    "a workbook of headers": Hostile(lambda: workbook(lambda s: s.delete_rows(2)), "file_without_rows"),
    "pdf": Hostile(lambda: b"%PDF-1.7\n%\xe2\xe3", "not_a_spreadsheet"),
    "picture": Hostile(lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "not_a_spreadsheet"),
    "gzip": Hostile(lambda: b"\x1f\x8b\x08\x00" + zlib.compress(LINES.encode()), "not_a_spreadsheet"),
    "a zip of something": Hostile(lambda: repacked({_TYPES: None}), "not_a_spreadsheet"),
    "word document": Hostile(typed(b"wordprocessingml.document.main+xml"), "not_a_spreadsheet"),
    "web page called xls": Hostile(f"<html><table><tr><td>{LINES}".encode, "markup_file"),
    "old excel": Hostile(lambda: _OLE + "Workbook".encode("utf-16-le") * 2, "xls_file"),
    "excel under a password": Hostile(lambda: _OLE + "EncryptedPackage".encode("utf-16-le"), "file_encrypted"),
    "zip under a password": Hostile(encrypted_entry, "file_encrypted"),
    "macro type": Hostile(lambda: repacked({_TYPES: entry(_TYPES).replace(
        b"openxmlformats-officedocument.spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main")}), "macro_file"),
    "macro hidden in a plain workbook": Hostile(lambda: repacked({"xl/vbaProject.bin": b"\x00"}), "macro_file"),
    "binary workbook": Hostile(typed(b"sheet.binary.main"), "xlsb_file"),
    "open document": Hostile(lambda: repacked({_TYPES: None, "mimetype": b"application/vnd.oasis"}), "ods_file"),
    # --- archives
    "workbook cut off": Hostile(lambda: plain()[:-400], "archive_broken"),
    "workbook of a broken entry": Hostile(
        lambda: plain().replace(zlib.compress(entry(_TYPES))[2:20], b"\xff" * 18) or b"", "archive_broken"),
    "zip bomb": Hostile(lambda: repacked({_SHEET: b"\x00" * 100_000_000}), "archive_hostile"),
    "zip bomb that lies": Hostile(lying_bomb, "workbook_broken"),
    "ten thousand entries": Hostile(
        lambda: repacked({f"xl/{n}.xml": b"" for n in range(limits.ENTRIES_MAX + 1)}), "archive_hostile"),
    "two entries of one name": Hostile(twice_named, "archive_hostile"),
    "xml cut off": Hostile(sheet_xml("<worksheet><sheetData><row><c><v>1"), "workbook_broken"),
    "billion laughs": Hostile(billion_laughs, "xml_hostile"),
    "shared string that is not there": Hostile(
        sheet_xml("<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>99</v></c></row></sheetData></worksheet>"),
        "workbook_broken"),
    # --- sheets
    "sheet that is not there": Hostile(plain, "sheet_unknown", asked={"sheet": "客户"}),
    "merged headers": Hostile(merged("A1:B1"), "header_merged", {"cells": "A1:B1"}),
    "merged cells": Hostile(merged("A2:A5"), "cells_merged", {"cells": "A2:A5"}),
    "cell at the far end": Hostile(cell("XFD1048576", "x"), "cell_too_far", {"cell": "XFD1048576", "columns_max": 200}),
    "header that is a formula": Hostile(cell("B1", "=A2"), "header_no_text", {"row": 1}),
    "header that is there twice": Hostile(cell("C1", "电话"), "header_twice", {"row": 1, "column": 2}),
    "headers where there are none": Hostile(plain, "header_row_missing", {"row": 9}, {"header_row": 9}),
    # --- texts
    "cell without end": Hostile(
        f"名称,备注\n华东,{'x' * 40_000}\n".encode, "csv_cell_too_long", {"row": 2, "line": 2}),
    "a million columns": Hostile(lambda: b"a," * 1_000_000 + b"a\n", "too_many_columns", {"row": 1, "columns_max": 200}),
    "too many rows": Hostile(many(limits.ROWS_MAX + 1), "too_many_rows", {"rows_max": limits.ROWS_MAX}),
    "quote never closed": Hostile(
        '名称,备注\n"华东,一\n华南,二\n'.encode, "csv_quote_broken", {"row": 2, "line": 3}),
    "quote in the middle": Hostile(
        '名称,备注\n"华东"仪器,一\n'.encode, "csv_quote_broken", {"row": 2, "line": 2}),
    "header like a letter": Hostile(
        f"{'x' * 201},电话\n1,2\n".encode, "header_too_long", {"row": 1, "length_max": 200}),
    "zeros": Hostile(lambda: b"name,phone\na\x00b,1\n", "file_has_nul"),
    "utf-16 without a mark": Hostile(lambda: LINES.encode("utf-16-le"), "file_has_nul"),
    "utf-8 cut within a character": Hostile(
        lambda: b"\xef\xbb\xbf" + LINES.encode()[:-4] + b"\xe9\x87", "encoding_broken", {"encoding": "utf-8"}),
    "big5": Hostile(foreign("客戶名稱,電話\n華東儀器有限公司,02-2345-6789\n", "big5"), "encoding_unknown", CHOICES),
    "shift-jis": Hostile(foreign("会社名,電話\n東京精密機器株式会社,03-1234-5678\n", "shift-jis"), "encoding_unknown", CHOICES),
    "latin-1": Hostile(foreign("Société,Téléphone\nÉlévation Générale,01\n", "latin-1"), "encoding_unknown", CHOICES),
    "bytes of no encoding": Hostile(lambda: bytes(range(1, 256)) * 4, "encoding_unknown", CHOICES),
    "encoding said wrongly": Hostile(
        lambda: LINES.encode("gb18030"), "encoding_wrong", {"encoding": "utf-8"}, {"encoding": "utf-8"}),
}  # fmt: skip
