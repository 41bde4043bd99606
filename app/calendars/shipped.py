"""The calendars that ship with the product, as documents ready to be stored or parsed.

Here: reading the package's own files. `office` (Monday to Friday 09:00-18:00, Asia/Shanghai, with
the Chinese statutory exceptions) and `24x7`. Storing them and loading later years is the service's.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

SHIPPED_NAMES = ("office", "24x7")

_WITH_STATUTORY_EXCEPTIONS = frozenset({"office"})


def shipped_document(name: str) -> dict[str, Any]:
    """The document of a shipped calendar, the caller's own copy; KeyError for another name."""
    if name not in SHIPPED_NAMES:
        raise KeyError(name)
    document = _read(f"{name}.json")
    if name in _WITH_STATUTORY_EXCEPTIONS:
        document |= statutory_exceptions()
    return document


def statutory_exceptions() -> dict[str, Any]:
    """`exceptions_loaded` and `exceptions` of the Chinese statutory calendar (国务院放假调休).

    Both are members of a calendar document, so they can be laid over any calendar in China.
    """
    return _read("cn_exceptions.json")


def _read(file_name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_text(file_name))
    return content


@cache
def _text(file_name: str) -> str:
    return (files("app.calendars") / "shipped" / file_name).read_text(encoding="utf-8")
