"""The process that reads a file: `python -m app.imports.reading.child QUESTION MEMORY`, the file being its standard input.

It holds little memory and processor time by the kernel's own limits, writes no file and knows no secret. It answers on
its standard output with frames (a length in four bytes, zlib'd JSON of rows), a length of zero, and another one
with a JSON document: what the file is, or why it is refused.
"""

import gc
import os
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import orjson

from app.imports.reading import limits
from app.imports.reading.faults import Unreadable
from app.imports.reading.table import Asked, Table

LENGTH = struct.Struct(">I")


def confine(memory_bytes: int) -> None:
    """Bind this process: whatever the file does to it, it ends."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, limits.PROCESSOR_SECONDS_MAX),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(what, (most, most))
    os.nice(5)  # whatever has to be on time goes first
    gc.disable()  # it would look through millions of cells again and again; reference counts free them


def read(file: BinaryIO, asked: Asked, write: Callable[[bytes], Any]) -> dict[str, Any]:
    """Read a file, write its rows in frames, and return what it is or why it is refused."""
    try:
        table = Table(file, asked)
        frame: list[Any] = []
        for number, cells, faults in table.rows():
            frame.append([number, cells, {str(column): code for column, code in faults.items()}])
            if len(frame) == limits.FRAME_ROWS:
                write(_packed(frame))
                frame = []
        if frame:
            write(_packed(frame))
        return {"about": table.about.plain()}
    except Unreadable as fault:
        return {"refused": fault.code, "values": fault.values}
    except (MemoryError, RecursionError):
        return {"refused": "file_too_complex", "values": {}}


def _packed(frame: list[Any]) -> bytes:
    body = zlib.compress(orjson.dumps(frame), 1)
    return LENGTH.pack(len(body)) + body


def main() -> None:
    """Answer the question in the first argument; the second is how many bytes of memory may be had."""
    confine(int(sys.argv[2]))
    asked = Asked(**orjson.loads(sys.argv[1]))
    out = sys.stdout.buffer
    told = read(sys.stdin.buffer, asked, out.write)
    answer = orjson.dumps(told)
    out.write(LENGTH.pack(0) + LENGTH.pack(len(answer)) + answer)
    out.flush()


if __name__ == "__main__":
    main()
