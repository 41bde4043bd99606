"""Takes an uploaded file off a request: one part `file`, and what the sender says of it in fields beside it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from app.auth.principal import Call
from app.database import Database
from app.dispatch import StrictRequest
from app.errors import Invalid, Refusal, Unavailable
from app.imports.reading.faults import Unreadable
from app.imports.reading.limits import FILE_BYTES_MAX
from app.imports.reading.reader import ReadFile, read_file
from app.imports.reading.table import Asked
from app.imports.schemas import Delimiter, UploadOptions
from app.problems import refusal_of_validation

READERS = 2
READERS_WAITING_MAX = 8
_HASH_BYTES = 1024 * 1024
_DELIMITERS = {
    Delimiter.COMMA: ",",
    Delimiter.SEMICOLON: ";",
    Delimiter.TAB: "\t",
    Delimiter.PIPE: "|",
}


class _UploadRequest(StrictRequest):
    bytes_max = FILE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent; `digest` stands for it and its options where idempotency compares bodies."""

    file: IO[bytes]
    name: str
    asked: Asked
    digest: bytes


@asynccontextmanager
async def taken_upload(call: Call) -> AsyncIterator[Upload]:
    """Yield what was sent, until the block ends; raises `Invalid`, and `BodyTooLarge`."""
    request = _UploadRequest(call.request.scope, call.request.receive)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415)
    try:
        form = await request.form(max_files=1, max_fields=10)
    except HTTPException as error:
        if isinstance(error.__cause__, Refusal):
            raise error.__cause__ from None
        raise Invalid("upload_malformed") from error
    try:
        yield _upload(form)
    finally:
        await form.close()


def _upload(form: FormData) -> Upload:
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or len(form.multi_items()) != len(form):
        raise Invalid("upload_malformed")
    options = {name: value for name, value in form.items() if name != "file"}
    try:
        given = UploadOptions.model_validate(options)
    except ValidationError as error:
        raise refusal_of_validation(error.errors()) from error
    asked = Asked(
        encoding=given.encoding and given.encoding.value,
        delimiter=given.delimiter and _DELIMITERS[given.delimiter],
        sheet=given.sheet,
        header_row=given.header_row,
    )
    digest = hashlib.sha256(given.model_dump_json().encode())
    while chunk := sent.file.read(_HASH_BYTES):
        digest.update(chunk)
    return Upload(sent.file, _name(sent.filename), asked, digest.digest())


def _name(given: str | None) -> str:
    """Return a file's own name, without folders or signs that no name needs."""
    name = PurePath((given or "").replace("\\", "/")).name
    return "".join(one for one in name if one.isprintable())[:200] or "file"


async def read_upload(database: Database, upload: Upload) -> ReadFile:
    """Return the file's rows; few are read at once. Raises `Invalid`, and `Unavailable` where many wait."""
    readers: asyncio.Semaphore = database.memory.setdefault("readers", asyncio.Semaphore(READERS))
    waiting: Any = getattr(readers, "_waiters", None)
    if waiting is not None and len(waiting) >= READERS_WAITING_MAX:
        raise Unavailable("readers_busy", headers={"Retry-After": "10"})
    try:
        async with readers:
            return await read_file(upload.file, upload.asked)
    except Unreadable as fault:
        values: dict[str, Any] = dict(fault.values)
        raise Invalid(fault.code, **values) from fault
