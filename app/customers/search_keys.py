"""What a customer is found by: the words and keys of `customer_search`, and the questions put to them.

A token's first letter says what it is: `k` `s` `b` `y` `c` `d` `e` as in `matching.keys_of`, `j` the core's initials, `n`
the number, `t` a tag, `p` three letters of a reading, `i` two initials; two characters alone are a name's. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.customers import names
from app.customers.matching import Profile, keys_of

TOKEN_LENGTH_MAX = 200
TERMS_MAX = 5
TAIL_SHOWN = 4  # digits of a masked number that everybody sees
DIGITS_MIN = 4
_NUMBER = re.compile(r"c?([0-9]{1,9})")
_CREDIT_CODE = re.compile(r"[0-9a-z]{18}")
# Three letters that many syllables share tell little, and cost the index most.
_COMMON = frozenset(
    [
        "ang",
        "eng",
        "ing",
        "ong",
        "ian",
        "iao",
        "uan",
        "hua",
        "zho",
        "hon",
        "sha",
        "she",
        "shi",
        "che",
        "chu",
        "zhi",
        "jia",
        "xia",
        "lia",
        "yua",
        "hen",
        "han",
        "uang",
    ]
)
_TELLING_MIN = 3
# Nearly every firm's name holds these.
_LEGAL_FORMS = ("股份有限公司", "有限责任公司", "集团有限公司", "控股有限公司", "分公司")
_READABLE = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What one customer is found by.

    `names` are compact, `readings` beside them: of the whole name, its core, the short name (or empty), then contacts and earlier names.
    `tokens` are sorted, with a blank before, between and after them.
    """

    names: tuple[str, ...]
    readings: tuple[str, ...]
    tokens: str

    def has(self, token: str, *, is_prefix: bool = False) -> bool:
        """Say whether a token is there, or one that begins so."""
        return f" {token}" in self.tokens if is_prefix else f" {token} " in self.tokens


def found_by(
    profile: Profile,
    *,
    numbers: Iterable[str],
    tags: Iterable[str],
    contacts: Iterable[str],
    earlier: Iterable[str] = (),
) -> Found:
    """Return what a customer is found by; `contacts` are his people's names, `earlier` those of files merged into his."""
    own = [profile.parts.compact, profile.parts.core, profile.short]
    people = [names.compact(name) for name in (*contacts, *earlier)]
    spoken = tuple(one[:TOKEN_LENGTH_MAX] for one in (*own, *(one for one in people if one)))
    readings = tuple(names.reading(one) for one in spoken)
    tokens = set(keys_of(profile)) | {f"n{number.casefold()}" for number in numbers}
    tokens |= {f"t{names.compact(tag)}" for tag in tags}
    for one, read in zip(spoken, readings, strict=True):
        tokens |= names.grams(one, 2) | _reading_tokens(read)
    tokens.add(f"j{names.initials_of(readings[1])}")
    kept = {one[:TOKEN_LENGTH_MAX] for one in tokens if len(one) > 1}
    return Found(spoken, readings, f" {' '.join(sorted(kept))} ")


def _reading_tokens(read: str) -> set[str]:
    letters, initials = names.letters_of(read), names.initials_of(read)
    return {f"p{one}" for one in names.grams(letters, 3)} | {
        f"i{one}" for one in names.grams(initials, 2)
    }


def stored(found: Found) -> dict[str, Any]:
    """Return the columns of `customer_search`, the same bytes for the same customer."""
    return {
        "names": "\n".join(found.names),
        "readings": "\n".join(found.readings),
        "tokens": found.tokens.strip(),
    }


def read_stored(row: Mapping[str, Any]) -> Found:
    """Return what `stored` kept."""
    return Found(
        tuple(row["names"].split("\n")),
        tuple(row["readings"].split("\n")),
        f" {row['tokens']} ",
    )


# --- questions


@dataclass(frozen=True, slots=True)
class Token:
    """A token to be there, or one that begins so."""

    text: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of which all, or any, must be there; at least one part."""

    join: Literal["and", "or"]
    parts: tuple["Token | Group", ...]


Wanted = Token | Group


def postgresql_text(wanted: Wanted) -> str:
    """Return a question as PostgreSQL's `tsquery` reads it."""
    if isinstance(wanted, Token):
        return f"'{wanted.text}'" + (":*" if wanted.is_prefix else "")
    mark = " & " if wanted.join == "and" else " | "
    return "(" + mark.join(postgresql_text(part) for part in wanted.parts) + ")"


def sqlite_text(wanted: Wanted) -> str:
    """Return a question as SQLite's FTS5 reads it."""
    if isinstance(wanted, Token):
        return f'"{wanted.text}"' + (" *" if wanted.is_prefix else "")
    mark = " AND " if wanted.join == "and" else " OR "
    return "(" + mark.join(sqlite_text(part) for part in wanted.parts) + ")"


@dataclass(frozen=True, slots=True)
class Term:
    """One word of what is asked for: compact; `digits` from the end where it may be a telephone number's."""

    text: str
    digits: str = ""
    is_email: bool = False


def terms_of(asked: str, phone: str | None = None) -> tuple[Term, ...]:
    """Return the words asked for, five at most; `phone` is the E.164 form where all of it is a number's."""
    if phone is not None:
        from_end = "".join(one for one in phone.partition(";")[0] if one.isdigit())[::-1]
        return (Term(names.compact(asked), digits=from_end),)
    words = [word for word in asked.split() if names.has_letters(word)] or [asked]
    terms = []
    for word in words[:TERMS_MAX]:
        text = names.compact(word)[:TOKEN_LENGTH_MAX]
        if text:
            digits = text[::-1] if text.isascii() and text.isdigit() else ""
            terms.append(Term(text, digits, is_email="@" in word))
    return tuple(terms)


def questions(terms: Sequence[Term], *, reveal: bool) -> tuple[Wanted, ...]:
    """Return what to ask the index, the likeliest first: exactly so, beginning so, anywhere.

    Without `reveal` a telephone number is found by its last four digits, which the mask shows, or by all of them; an
    e-mail address by all of it.
    """
    whole = "".join(term.text for term in terms)
    exact: list[Wanted] = [Token(f"{kind}{whole}") for kind in "syjnct"]
    start: list[Wanted] = [Token(f"k{whole[: names.ONE_OFF_LENGTH]}", is_prefix=True)]
    if _READABLE.fullmatch(whole):
        start += [Token(f"{kind}{whole}", is_prefix=True) for kind in "yj"]
    anywhere = [Group("or", tuple(_ways(term, reveal=reveal))) for term in terms]
    return (Group("or", tuple(exact)), Group("or", tuple(start)), Group("and", tuple(anywhere)))


def _ways(term: Term, *, reveal: bool) -> Iterable[Wanted]:
    text = term.text
    yield Token(f"t{text}")
    if len(text) == 1:
        yield Token(f"k{text}", is_prefix=True)
    else:
        yield Group("and", tuple(Token(one) for one in sorted(names.grams(text, 2))))
    if _READABLE.fullmatch(text):
        yield from _reading_ways(text)
    if number := number_of(text):
        yield Token(f"n{number}")
    if _CREDIT_CODE.fullmatch(text):
        yield Token(f"c{text}")
    if len(term.digits) >= DIGITS_MIN:
        may_begin = reveal or len(term.digits) == TAIL_SHOWN
        yield Token(f"d{term.digits}", is_prefix=may_begin)
    if term.is_email:
        yield Token(f"e{text}", is_prefix=reveal)


def _reading_ways(text: str) -> Iterable[Wanted]:
    if len(text) >= 2:
        yield Group("and", tuple(Token(f"i{one}") for one in sorted(names.grams(text, 2))))
    if len(text) >= 3:
        grams = sorted(names.grams(text, 3))
        telling = [one for one in grams if one not in _COMMON]
        kept = telling if len(telling) >= _TELLING_MIN else grams
        yield Group("and", tuple(Token(f"p{one}") for one in kept))
    else:
        yield Token(f"y{text}", is_prefix=True)


def is_everywhere(terms: Sequence[Term]) -> bool:
    """Say whether nearly every customer answers: nothing but parts of a legal form is asked for."""
    return all(any(term.text in form for form in _LEGAL_FORMS) for term in terms)


def number_of(text: str) -> str | None:
    """Return the customer number that a text stands for: `c000012` for `12`, `c12` and `c000012`; else None."""
    found = _NUMBER.fullmatch(text)
    return f"c{int(found[1]):06d}" if found else None
