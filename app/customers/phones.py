"""Telephone numbers in one spelling: E.164, with `;ext=` (RFC 3966) where an extension was given.

Written for Chinese habits: landlines with area code, 400 and 800 numbers, 转/分机 before an extension, full-width
digits; any other country's number comes with its `+`. Not here: who may read a number (`queries` masks it).
"""

import re
import unicodedata

import phonenumbers

DEFAULT_REGION = "CN"
LENGTH_MAX = 64

_EXTENSION = re.compile(
    r"\s*(?:转|轉|分机|分機|;ext=|ext\.?|x|#)\s*[:.]?\s*([0-9]{1,6})$", re.IGNORECASE
)
_NEIGHBOUR = re.compile(r"\(?(?:852|853|886)\)?[ \-]?[0-9(]")
_DASHED_EXTENSION = re.compile(r"(\(?0[0-9]{2,3}\)?[ \-]?[0-9]{7,8})-([0-9]{1,6})")
_DASHES = str.maketrans(dict.fromkeys("‐–—−", "-"))
_DIALLED = re.compile(r"[+0-9 ().\-/]+")


class PhoneInvalid(ValueError):
    """The text is no telephone number that can be dialled from outside its town."""


def to_e164(text: str, region: str = DEFAULT_REGION) -> str:
    """Return the one spelling of a number, such as `+8613800138000` or `+861012345678;ext=801`.

    `region` (ISO 3166) is where a number without country code lies. Raises `PhoneInvalid`: a landline without
    area code, too few digits, letters, two numbers in one text.
    """
    if len(text) > LENGTH_MAX:
        raise PhoneInvalid
    dialled, extension = _split(text)
    if not _DIALLED.fullmatch(dialled):
        raise PhoneInvalid
    plain = _valid(dialled, region)
    if plain is None and region == DEFAULT_REGION:
        plain, extension = _by_habit(dialled, extension)
    if plain is None:
        raise PhoneInvalid
    return f"{plain};ext={extension}" if extension else plain


def _valid(dialled: str, region: str) -> str | None:
    """Return a number as E.164, None where nobody has such a number."""
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _by_habit(dialled: str, extension: str | None) -> tuple[str | None, str | None]:
    """Return number and extension of what is no Chinese number as it stands, but written so in China.

    852, 853 and 886 come without their `+`; an extension follows a landline after a third dash.
    """
    if _NEIGHBOUR.match(dialled):
        return _valid(f"+{dialled.lstrip('(')}", DEFAULT_REGION), extension
    found = _DASHED_EXTENSION.fullmatch(dialled)
    if found is None or extension is not None:
        return None, extension
    return _valid(found[1], DEFAULT_REGION), found[2]


def _split(text: str) -> tuple[str, str | None]:
    """Return what is dialled, in plain characters, and the extension's digits."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES).strip().removeprefix("tel:")
    found = _EXTENSION.search(plain)
    return (plain, None) if found is None else (plain[: found.start()], found[1])
