"""The kinds of values that the customer file takes: bounded texts, amounts, instants, phones, e-mail addresses.

Each refuses what it cannot keep with a code of its own, whose words are in `texts`. Not here: the fields (schemas).
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

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

from app.customers.credit_codes import CreditCodeInvalid, to_credit_code
from app.customers.masks import is_masked
from app.customers.phones import LENGTH_MAX, PhoneInvalid, to_e164

LONG_TEXT_MAX = 10_000
TAGS_MAX = 30
POINTS_MAX = 10
HEADCOUNT_MAX = 100_000_000
WEBSITE_LENGTH_MAX = 500
_NOT_IN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f<>\"\\^`{|}]")
INSTANT_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
INSTANT_END = datetime(2200, 1, 1, tzinfo=UTC)


def _written(value: str) -> str:
    """Refuse a text of blanks alone; what was written is kept as it is, line breaks included."""
    if not value.strip():
        raise PydanticCustomError("string_too_short", "blank", {"min_length": 1})
    return value


def _storable(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("not_text", "U+0000")
    return value


def _money(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,2})?", value):
        raise PydanticCustomError("money_invalid", "not an amount")
    return value


def _phone(value: str) -> str:
    try:
        return to_e164(value)
    except PhoneInvalid as error:
        raise PydanticCustomError("phone_invalid", "not a phone number") from error


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email_invalid", "not an e-mail address") from error


def _credit_code(value: str) -> str:
    try:
        return to_credit_code(value)
    except CreditCodeInvalid as error:
        raise PydanticCustomError("credit_code_invalid", "not a credit code") from error


def _website(value: str) -> str:
    """Return an http address; where no scheme was written it is https."""
    text = value if "://" in value else f"https://{value}"
    try:
        address = urlsplit(text)
        host, port = address.hostname or "", address.port
    except ValueError:
        host, port, address = "", None, urlsplit("")
    is_whole = address.scheme.lower() in ("http", "https") and "." in host.strip(".") and port != 0
    if not is_whole or address.username is not None or _NOT_IN_ADDRESS.search(text):
        raise PydanticCustomError("website_invalid", "not an http address")
    if len(text) > WEBSITE_LENGTH_MAX:
        raise PydanticCustomError("string_too_long", "long", {"max_length": WEBSITE_LENGTH_MAX})
    return text


def _currency(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise PydanticCustomError("currency_invalid", "not ISO 4217")
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


def _date_text(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            found = date.fromisoformat(value)
            if found < INSTANT_END.date():  # the last date there is reads as infinity on PostgreSQL
                return found
    except ValueError:
        pass
    raise PydanticCustomError("date_invalid", "not a date")


def _once_each(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LongText = Annotated[str, StringConstraints(max_length=LONG_TEXT_MAX), AfterValidator(_written)]
Asked = Annotated[Name, AfterValidator(_storable)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Tags = Annotated[list[Tag], Field(max_length=TAGS_MAX), AfterValidator(_once_each)]
Amount = Annotated[
    str,
    StringConstraints(max_length=20),
    AfterValidator(_money),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,16}(\.[0-9]{1,2})?$"}),
]
CreditCode = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_credit_code),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-HJ-NP-RTUWXY]{18}$"}),
]
Website = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=WEBSITE_LENGTH_MAX),
    AfterValidator(_website),
]
ListCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Custom = Annotated[dict[str, Any], Field(max_length=200)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
Currency = Annotated[
    str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
KeptPhone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LENGTH_MAX),
    AfterValidator(lambda value: value if is_masked(value) else _phone(value)),
]
KeptEmail = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
    AfterValidator(lambda value: value if is_masked(value) else _email(value)),
]
Phone = Annotated[
    str, StringConstraints(min_length=1, max_length=LENGTH_MAX), AfterValidator(_phone)
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Instant = Annotated[
    AwareDatetime, BeforeValidator(_instant_text), AfterValidator(_instant_in_range)
]
Day = Annotated[date, BeforeValidator(_date_text)]
Headcount = Annotated[int, Field(strict=True, ge=0, le=HEADCOUNT_MAX)]
Flag = Annotated[bool, Field(strict=True)]
