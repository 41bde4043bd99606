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
    try:
        number = phonenumbers.parse(dialled, region)
    except phonenumbers.NumberParseException as error:
        raise PhoneInvalid from error
    if not phonenumbers.is_valid_number(number):
        raise PhoneInvalid
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain};ext={extension}" if extension else plain


def _split(text: str) -> tuple[str, str | None]:
    """Return what is dialled, in plain characters, and the extension's digits."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES).strip().removeprefix("tel:")
    found = _EXTENSION.search(plain)
    return (plain, None) if found is None else (plain[: found.start()], found[1])
