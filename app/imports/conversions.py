"""What people write in cells, as the API takes it: dates, amounts, whole numbers, yes and no, lists.

A text that cannot be one is given on as it is, so that the API's own validation says what is wrong with it. Pure.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:[-/.年](?P<month>[0-9]{1,2})[-/.月](?P<day>[0-9]{1,2})日?|(?P<digits>[0-9]{4}))"
    r"(?:[T ]+(?P<hour>[0-9]{1,2})[:时](?P<minute>[0-9]{2})(?:[:分](?P<second>[0-9]{2})秒?|分)?)?"
)
_BIRTHDAY = re.compile(r"(?P<month>[0-9]{1,2})(?:[-/.]|月)(?P<day>[0-9]{1,2})日?")
_LUNAR = re.compile(r"^(?:农历|阴历)\s*")
_MONEY_SIGNS = re.compile(
    r"^(?:¥|￥|\$|€|£|rmb|cny|usd|人民币)\s*|\s*(?:元|圆|rmb|cny)(?:整)?$", re.I
)
_COUNT_SIGNS = re.compile(r"\s*(?:人|名|个|位|员工|employees|people)$", re.I)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_TENS = {"千": 1_000, "万": 10_000, "百万": 1_000_000, "亿": 100_000_000}
_SEPARATORS = re.compile(r"[,,;;、|\n]+")
_YES = frozenset({"是", "有", "对", "√", "✓", "y", "yes", "true", "t", "1"})
_NO = frozenset({"否", "无", "不是", "×", "✗", "n", "no", "false", "f", "0"})


def to_day(text: str) -> str:
    """Return `2026-03-02` of a date as people write it; the time of day is left out."""
    found = _DATE.fullmatch(_plain(text))
    if found is None:
        return text
    year, month, day = _day_of(found)
    return f"{year:04}-{month:02}-{day:02}"


def to_instant(text: str, zone: ZoneInfo) -> str:
    """Return RFC 3339 of an instant as people write it, in `zone` unless it says otherwise."""
    found = _DATE.fullmatch(_plain(text))
    if found is None:
        return text
    year, month, day = _day_of(found)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).isoformat()
    except ValueError:
        return text


def _day_of(found: re.Match[str]) -> tuple[int, int, int]:
    digits = found["digits"]
    month, day = (digits[:2], digits[2:]) if digits else (found["month"], found["day"])
    return int(found["year"]), int(month), int(day)


def to_birthday(text: str) -> Mapping[str, object] | str:
    """Return a birthday with or without its year; 农历 before it makes it a lunar one."""
    plain = _plain(text)
    bare = _LUNAR.sub("", plain)
    calendar = "solar" if bare == plain else "lunar"
    found, short = _DATE.fullmatch(bare), _BIRTHDAY.fullmatch(bare)
    if found is not None:
        year, month, day = _day_of(found)
        return {"calendar": calendar, "year": year, "month": month, "day": day}
    if short is not None:
        return {"calendar": calendar, "month": int(short["month"]), "day": int(short["day"])}
    return text


DIGITS_MAX = 26  # fewer than decimal arithmetic keeps, so that nothing is rounded unseen


def to_amount(text: str, scale: int = 1) -> str:
    """Return a decimal text of an amount as people write it: `¥1,200.50`, `1.2万`, a column in 万元 (`scale` 10,000)."""
    number = _number(_MONEY_SIGNS.sub("", _plain(text)), scale)
    return text if number is None else f"{number:f}"


def to_count(text: str, scale: int = 1) -> int | str:
    """Return a whole number: `320`, `1,200人`, `320.0`."""
    number = _number(_COUNT_SIGNS.sub("", _plain(text)), scale)
    return text if number is None or number != number.to_integral_value() else int(number)


def to_number(text: str) -> int | float | str:
    """Return a number: `3`, `1,200.5`, `1.2万`."""
    number = _number(_plain(text), 1)
    if number is None:
        return text
    return int(number) if number == number.to_integral_value() else float(number)


def _number(text: str, scale: int) -> Decimal | None:
    plain = text.replace(",", "") if _GROUPED.fullmatch(text) else text
    for unit, factor in sorted(_TENS.items(), key=lambda one: -len(one[0])):
        if plain.endswith(unit):
            plain, scale = plain.removesuffix(unit), scale * factor
            break
    try:
        written = Decimal(plain)
    except InvalidOperation:
        return None
    if not written.is_finite() or len(written.as_tuple().digits) > DIGITS_MAX:
        return None
    number = written * scale
    if number.adjusted() >= DIGITS_MAX:
        return None
    exact = number.normalize()
    return exact if int(exact.as_tuple().exponent) <= 0 else exact.quantize(Decimal(1))


def to_flag(text: str) -> bool | str:
    """Return whether a text says yes or no."""
    word = _plain(text).casefold()
    return True if word in _YES else False if word in _NO else text


def to_list(text: str) -> list[str]:
    """Return the words between commas, semicolons, 、 and line breaks."""
    return [one.strip() for one in _SEPARATORS.split(text) if one.strip()]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()
