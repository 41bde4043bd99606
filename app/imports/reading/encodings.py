"""Which encoding a text file is in: its mark, strict UTF-8, strict GB18030, else whoever sent it must say.

GB18030 decodes nearly everything, so what it gives must also look like Chinese: most of its characters are among the
3,755 everyday ones of GB 2312 and its signs. Big5, Shift-JIS and Latin texts do not pass.
"""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from app.imports.reading.faults import Unreadable

CHOICES = ("utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5", "windows-1252")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GB18030_MARK = b"\x84\x31\x95\x33"
_CHUNK_BYTES = 1024 * 1024
_SAMPLE = 4096
_EVERYDAY_MIN = 0.85


def encoding_of(file: BinaryIO, asked: str | None = None) -> str:
    """Return the encoding to read a file in, as Python names it; the whole file is decodable in it.

    Raises `Unreadable`: `encoding_unknown` where it must be said, `encoding_wrong` where what was said is not so,
    `file_has_nul`.
    """
    file.seek(0)
    head = file.read(4)
    if asked is not None:
        encoding = _marked(head, asked)
        if not _decodes(file, encoding):
            raise Unreadable("encoding_wrong", encoding=asked)
        return encoding
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if not _decodes(file, encoding):
                raise Unreadable("encoding_broken", encoding=encoding.removesuffix("-sig"))
            return encoding
    if _decodes(file, "utf-8"):
        return "utf-8"
    if _decodes(file, "gb18030") and (head == _GB18030_MARK or _looks_chinese(file)):
        return "gb18030"
    raise Unreadable("encoding_unknown", choices=", ".join(CHOICES))


def _marked(head: bytes, asked: str) -> str:
    """Return the encoding that skips its own mark."""
    if asked == "utf-8":
        return "utf-8-sig"
    has_mark = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if asked.startswith("utf-16") and has_mark else asked


def _decodes(file: BinaryIO, encoding: str) -> bool:
    try:
        for text in _decoded(file, encoding):
            if "\x00" in text:
                raise Unreadable("file_has_nul")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(file: BinaryIO, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _looks_chinese(file: BinaryIO) -> bool:
    foreign = ""
    for text in _decoded(file, "gb18030"):
        foreign += "".join(one for one in text if one > "\x7f")[: _SAMPLE - len(foreign)]
        if len(foreign) >= _SAMPLE:
            break
    everyday = sum(_is_everyday(one) for one in foreign)
    return everyday >= _EVERYDAY_MIN * len(foreign)


def _is_everyday(character: str) -> bool:
    code = character.encode("gb18030")
    # Rows 1 to 9 are signs, full-width letters and kana; 16 to 55 the everyday characters.
    return (
        len(code) == 2 and code[1] >= 0xA1 and (0xA1 <= code[0] <= 0xA3 or 0xB0 <= code[0] <= 0xD7)
    )
