"""Has a file read by a process of its own, within limits of memory and time; a file that kills it is refused."""

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

import app
from app.imports.reading import limits
from app.imports.reading.child import LENGTH
from app.imports.reading.faults import Unreadable
from app.imports.reading.table import Asked

_CHILD = "app.imports.reading.child"
_ENVIRONMENT = {
    "PYTHONPATH": str(Path(app.__file__).parent.parent),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as it was read: what it is, and its rows in frames of `limits.FRAME_ROWS` (zlib'd JSON)."""

    about: dict[str, Any]
    frames: list[bytes]


async def read_file(file: IO[bytes], asked: Asked) -> ReadFile:
    """Return an uploaded file's rows; raises `Unreadable`. `file` is a real one, and is left anywhere."""
    file.flush()
    file.seek(0)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _CHILD,
        orjson.dumps(asdict(asked)).decode(),
        str(limits.MEMORY_BYTES_MAX),
        stdin=file.fileno(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(limits.SECONDS_MAX):
            frames, told = await _frames(child.stdout)
            await child.wait()
    except TimeoutError as error:
        raise Unreadable("file_too_slow", seconds=int(limits.SECONDS_MAX)) from error
    except asyncio.IncompleteReadError as error:
        raise Unreadable("file_too_complex") from error
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if "refused" in told:
        raise Unreadable(told["refused"], **told["values"])
    return ReadFile(told["about"], frames)


async def _frames(source: asyncio.StreamReader) -> tuple[list[bytes], dict[str, Any]]:
    frames, size = list[bytes](), 0
    while body := await _frame(source):
        size += len(body)
        if size > limits.FRAMES_BYTES_MAX:
            raise Unreadable("file_too_complex")
        frames.append(body)
    return frames, orjson.loads(await _frame(source))


async def _frame(source: asyncio.StreamReader) -> bytes:
    length = LENGTH.unpack(await source.readexactly(LENGTH.size))[0]
    if length > limits.FRAMES_BYTES_MAX:
        raise Unreadable("file_too_complex")
    return await source.readexactly(length)
