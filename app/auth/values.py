"""The kinds of values that identity takes: e-mail addresses, names, passwords, instants, time zones.

Each refuses what it cannot keep with a code whose words are in `texts`. Not here: the fields (schemas), and which
passwords are good enough (`passwords`).
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

EMAIL_LENGTH_MAX = 254
PASSWORD_LENGTH_MAX = 1024  # far above the rule's 128, so that the rule's own code answers
_INTRANET = frozenset(
    {"local", "test"}
)  # staff may have addresses that no one outside can write to
_OUTSIDE = ".com"
INSTANT_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
INSTANT_END = datetime(2200, 1, 1, tzinfo=UTC)


class Language(StrEnum):
    """The languages that texts and notices are written in."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


def fold_email(address: str) -> str:
    """Return the one form under which an address is kept and looked up."""
    return address.strip().lower()


def _email(value: str) -> str:
    # The library refuses names without meaning outside; the form of the rest is checked all the same.
    ending = _OUTSIDE if value.rpartition(".")[2].lower() in _INTRANET else ""
    try:
        checked = validate_email(
            value + ending, check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise PydanticCustomError("email_invalid", "not an e-mail address") from error
    return fold_email(checked.normalized.removesuffix(ending))


def _storable(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("not_text", "U+0000")
    return value


def _instant_text(value: Any) -> Any:
    """Refuse numbers, which would be read as seconds since 1970."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value):
        raise PydanticCustomError("datetime_parsing", "not RFC 3339 text")
    return value


def _instant_in_range(value: datetime) -> datetime:
    if not INSTANT_FIRST <= value < INSTANT_END:
        raise PydanticCustomError("instant_out_of_range", "out of range")
    return value.astimezone(UTC)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise PydanticCustomError("zone_unknown", "not an IANA time zone")
    return value


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=EMAIL_LENGTH_MAX),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": EMAIL_LENGTH_MAX}),
]
# What somebody typed to log in: looked up, never judged, so that an answer tells nothing about it.
TypedEmail = Annotated[
    str, StringConstraints(max_length=EMAIL_LENGTH_MAX), AfterValidator(_storable)
]
TypedPassword = Annotated[str, StringConstraints(min_length=1, max_length=PASSWORD_LENGTH_MAX)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Instant = Annotated[
    AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_instant_in_range)
]
Flag = Annotated[bool, Field(strict=True)]
