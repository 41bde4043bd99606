"""Looks at a workbook's archive before anything is unpacked: what it is, how many entries, how much they grow."""

import zipfile
import zlib
from typing import BinaryIO

from app.imports.reading import limits
from app.imports.reading.faults import Unreadable

_CONTENT_TYPES = "[Content_Types].xml"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_OTHERS = (  # what a content type says, and how it is told
    ("sheet.macroEnabled", "macro_file"),
    ("template.macroEnabled", "macro_file"),
    ("sheet.binary", "xlsb_file"),
    ("spreadsheetml.template", "template_file"),
    ("wordprocessingml", "not_a_spreadsheet"),
    ("presentationml", "not_a_spreadsheet"),
)
_TYPES_BYTES_MAX = 1024 * 1024


def check_archive(file: BinaryIO) -> None:
    """Return for a plain XLSX of bearable size; raises `Unreadable` for anything else."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_sizes(entries)
            _check_kind(archive, {entry.filename for entry in entries})
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise Unreadable("archive_broken") from error


def _check_sizes(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > limits.ENTRIES_MAX or len({one.filename for one in entries}) < len(entries):
        raise Unreadable("archive_hostile")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("file_encrypted")
    inflated = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if inflated > limits.INFLATED_BYTES_MAX or (
        inflated > limits.INFLATION_FREE_BYTES and inflated > packed * limits.INFLATION_MAX
    ):
        raise Unreadable("archive_hostile")


def _check_kind(archive: zipfile.ZipFile, names: set[str]) -> None:
    if _CONTENT_TYPES not in names:
        raise Unreadable("ods_file" if "mimetype" in names else "not_a_spreadsheet")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Unreadable("macro_file")
    if archive.getinfo(_CONTENT_TYPES).file_size > _TYPES_BYTES_MAX:
        raise Unreadable("archive_hostile")
    types = archive.read(_CONTENT_TYPES).decode("utf-8", "replace")
    for mark, code in _OTHERS:
        if mark in types:
            raise Unreadable(code)
    if _MAIN not in types:
        raise Unreadable("not_a_spreadsheet")
