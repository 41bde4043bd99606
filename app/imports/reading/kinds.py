"""What a file is, by its first bytes; its name and what the sender says of it count for nothing."""

from enum import StrEnum
from typing import BinaryIO

from app.imports.reading.faults import Unreadable

_HEAD_BYTES = 8
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_FOREIGN = (
    b"%PDF", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"BZh", b"\xfd7zXZ",
    b"{\\rtf", b"SQLite",
)  # fmt: skip
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<workboo")
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLE_WORKBOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))


class Kind(StrEnum):
    """What can be read."""

    CSV = "csv"
    XLSX = "xlsx"


def kind_of(file: BinaryIO) -> Kind:
    """Return what a file holds; raises `Unreadable` for what is neither text nor a new workbook."""
    file.seek(0)
    head = file.read(4096)
    if not head.strip():
        raise Unreadable("file_empty")
    if head.startswith(_OLE):
        raise Unreadable(_ole(file))
    if head.startswith(_ZIP):
        return Kind.XLSX
    if head.startswith(_FOREIGN):
        raise Unreadable("not_a_spreadsheet")
    if head.lstrip(b"\xef\xbb\xbf \r\n\t")[: _HEAD_BYTES + 1].lower().startswith(_MARKUP):
        raise Unreadable("markup_file")  # many systems name an HTML table .xls
    return Kind.CSV


def _ole(file: BinaryIO) -> str:
    """Return what an OLE container is: the old Excel, or a workbook under a password; names are in its directory."""
    file.seek(0)
    content = file.read()
    if _OLE_ENCRYPTED in content:
        return "file_encrypted"
    return "xls_file" if any(name in content for name in _OLE_WORKBOOKS) else "not_a_spreadsheet"
