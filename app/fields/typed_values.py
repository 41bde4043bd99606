"""What values a custom field of a type takes, and their one form: pure. The fields themselves are rows (`service`)."""

import re
from collections.abc import Collection
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any

TEXT_LENGTH_MAX = 1000
CHOICES_MAX = 100
NUMBER_END = 10**15  # up to here a float tells every whole number from the next

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class FieldType(StrEnum):
    """The types of custom fields."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    BOOLEAN = "boolean"


CHOOSING = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})
ORDERED = frozenset({FieldType.NUMBER, FieldType.DATE})


class ValueInvalid(ValueError):
    """A value that its field does not take: `code` names the fault, `values` are the figures of its text."""

    def __init__(self, code: str, **values: Any) -> None:
        self.code, self.values = code, values
        super().__init__(code)


def to_value(kind: FieldType, value: Any, choices: Collection[str] | None = ()) -> Any:
    """Return a value in its one form: text stripped, whole numbers as int, dates as ISO text, choices once each.

    `choices` are the codes that may be chosen, None where any text is. Raises `ValueInvalid`.
    """
    match kind:
        case FieldType.TEXT:
            return _text(value, TEXT_LENGTH_MAX)
        case FieldType.NUMBER:
            return _number(value)
        case FieldType.DATE:
            return _date(value)
        case FieldType.CHOICE:
            return _choice(value, choices)
        case FieldType.MULTI_CHOICE:
            return _choices(value, choices)
        case FieldType.BOOLEAN:
            if not isinstance(value, bool):
                raise ValueInvalid("bool_type")
            return value


def read_asked(kind: FieldType, text: str) -> Any:
    """Return what a list is asked for, written as text in its address. Raises `ValueInvalid`."""
    if kind is FieldType.NUMBER:
        if not _NUMBER.fullmatch(text):
            raise ValueInvalid("number_invalid")
        return float(text)
    if kind is FieldType.BOOLEAN:
        if text not in ("true", "false"):
            raise ValueInvalid("bool_type")
        return text
    return _date(text) if kind is FieldType.DATE else _text(text, TEXT_LENGTH_MAX)


def _text(value: Any, length_max: int) -> str:
    if not isinstance(value, str):
        raise ValueInvalid("string_type")
    text = value.strip()
    if not text:
        raise ValueInvalid("string_too_short", min_length=1)
    if len(text) > length_max:
        raise ValueInvalid("string_too_long", max_length=length_max)
    if "\x00" in text:
        raise ValueInvalid("not_text")
    return text


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueInvalid("number_invalid")
    if not isfinite(value) or abs(value) >= NUMBER_END:
        raise ValueInvalid("number_invalid")
    return int(value) if value == int(value) else value


def _date(value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueInvalid("date_invalid")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise ValueInvalid("date_invalid") from error


def _choice(value: Any, choices: Collection[str] | None) -> str:
    text = _text(value, 100)
    if choices is not None and text not in choices:
        raise ValueInvalid("not_in_list")
    return text


def _choices(value: Any, choices: Collection[str] | None) -> list[str]:
    if not isinstance(value, list):
        raise ValueInvalid("list_type")
    if len(value) > CHOICES_MAX:
        raise ValueInvalid("too_long", max_length=CHOICES_MAX)
    return list(dict.fromkeys(_choice(one, choices) for one in value))
