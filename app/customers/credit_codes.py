"""The unified social credit code of a Chinese organisation (GB 32100-2015): 18 characters, the last one checks the rest."""

import unicodedata

LENGTH = 18
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z, which are mistaken for others


class CreditCodeInvalid(ValueError):
    """The text is no unified social credit code."""


def to_credit_code(text: str) -> str:
    """Return the code in its one spelling: upper case, plain width, no blanks. Raises `CreditCodeInvalid`."""
    code = "".join(unicodedata.normalize("NFKC", text).upper().split())
    if len(code) != LENGTH or any(character not in CHARACTERS for character in code):
        raise CreditCodeInvalid
    if check_character(code[:-1]) != code[-1]:
        raise CreditCodeInvalid
    return code


def check_character(body: str) -> str:
    """Return the 18th character that belongs to the first 17 (GB 32100-2015, weights 3^i modulo 31)."""
    total = sum(
        CHARACTERS.index(character) * pow(3, place, 31) for place, character in enumerate(body)
    )
    return CHARACTERS[-total % 31]
