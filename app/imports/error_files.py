"""The file of refused rows: as they were sent, with their number and what is wrong, in the reader's language.

Both forms are written piece by piece: a file of 200,000 refused rows takes no more memory than one of 500.
"""

import asyncio
import csv
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from io import StringIO
from typing import Any

from app.database import Database
from app.imports.headers import words
from app.imports.service import piece, unpacked
from app.problems import field_text
from app.statements import Row
from app.tabular import BYTE_ORDER_MARK, Workbook, safe_cell

HEADINGS = (("行", "Row"), ("问题", "Problem"))
_CHUNK_BYTES = 256 * 1024


async def refused_csv(database: Database, row: Row, language: str) -> AsyncIterator[bytes]:
    """Yield the file as CSV in UTF-8 with a mark; no text in it is taken for a formula."""
    yield BYTE_ORDER_MARK.encode() + _lines([_headings(row, language)])
    async for rows in _refused(database, row, language):
        yield _lines(rows)


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(
        [safe_cell(one) for one in row] for row in rows
    )
    return out.getvalue().encode()


async def refused_xlsx(database: Database, row: Row, language: str) -> AsyncIterator[bytes]:
    """Yield the file as a workbook, whose cells are texts."""
    with tempfile.TemporaryFile() as file:
        book = Workbook(file)
        book.write_row(_headings(row, language))
        async for rows in _refused(database, row, language):
            for one in rows:
                book.write_row(one)
            await asyncio.sleep(0)
        await asyncio.to_thread(book.close)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _headings(row: Row, language: str) -> list[Any]:
    english = language.startswith("en")
    headers = [one or "" for one in row["about"]["headers"]]
    return [*headers, *(pair[english] for pair in HEADINGS)]


async def _refused(
    database: Database, row: Row, language: str
) -> AsyncIterator[list[Sequence[Any]]]:
    """Yield the refused rows, a piece at a time."""
    headers: list[str | None] = row["about"]["headers"]
    frame, number = await piece(database, row["id"], "rows", 0), 0
    sent = {one[0]: one[1] for one in unpacked(frame)} if frame else {}
    refused_number = 0
    while refused := await piece(database, row["id"], "refused", refused_number):
        refused_number += 1
        out: list[Sequence[Any]] = []
        for line, faults in unpacked(refused):
            while line not in sent:
                number += 1
                frame = await piece(database, row["id"], "rows", number)
                if frame is None:
                    return
                sent = {one[0]: one[1] for one in unpacked(frame)}
            cells = [cell or "" for cell in sent[line][: len(headers)]]
            cells += [""] * (len(headers) - len(cells))
            told = "; ".join(_told(fault, headers, language) for fault in faults)
            out.append([*cells, line, told])
        yield out


def _told(fault: Mapping[str, Any], headers: Sequence[str | None], language: str) -> str:
    """Return one sentence: which column or field, and what is wrong with it."""
    column, field = fault.get("column"), fault.get("field")
    where = None
    if column is not None and column < len(headers):
        where = headers[column]
    elif field is not None and field in words():
        where = words()[field][language.startswith("en")]
    text = field_text(fault["code"], fault.get("values") or {}, language)
    return f"{where}: {text}" if where else text
