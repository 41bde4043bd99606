"""Why a customer is among what was found, and how far up: every word asked for is looked at again, exactly. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.customers import names
from app.customers.search_keys import DIGITS_MIN, TAIL_SHOWN, Found, Term, number_of


class MatchKind(StrEnum):
    """What of a customer answered a word."""

    NUMBER = "number"
    CREDIT_CODE = "credit_code"
    NAME = "name"
    SHORT_NAME = "short_name"
    PINYIN = "pinyin"
    INITIALS = "initials"
    CONTACT_NAME = "contact_name"
    CONTACT_PINYIN = "contact_pinyin"
    CONTACT_INITIALS = "contact_initials"
    PHONE = "phone"
    EMAIL = "email"
    TAG = "tag"


class Extent(StrEnum):
    """How much of it: all, its beginning (a telephone number's end), or a part."""

    WHOLE = "whole"
    START = "start"
    PART = "part"


_POINTS = {Extent.WHOLE: 0, Extent.START: 10, Extent.PART: 30}
_BEST = {
    MatchKind.NUMBER: 100,
    MatchKind.CREDIT_CODE: 100,
    MatchKind.NAME: 100,
    MatchKind.PHONE: 96,
    MatchKind.EMAIL: 96,
    MatchKind.SHORT_NAME: 95,
    MatchKind.PINYIN: 85,
    MatchKind.INITIALS: 80,
    MatchKind.CONTACT_NAME: 75,
    MatchKind.TAG: 70,
    MatchKind.CONTACT_PINYIN: 60,
    MatchKind.CONTACT_INITIALS: 55,
}


@dataclass(frozen=True, slots=True)
class Match:
    """One word's best answer; `points` of 100."""

    term: str
    kind: MatchKind
    extent: Extent

    @property
    def points(self) -> int:
        """Return how good an answer it is."""
        return _BEST[self.kind] - _POINTS[self.extent]


def matches(terms: Sequence[Term], found: Found, *, reveal: bool) -> tuple[Match, ...] | None:
    """Return the best match of each word, None where a word has none; `reveal` as in `search_keys.questions`."""
    best = []
    for term in terms:
        ways = [*_by_name(term, found), *_by_key(term, found, reveal=reveal)]
        if not ways:
            return None
        best.append(max(ways, key=lambda match: match.points))
    return tuple(best)


def _by_name(term: Term, found: Found) -> Iterable[Match]:
    kinds = (MatchKind.NAME, MatchKind.NAME, MatchKind.SHORT_NAME)
    for at, (spoken, read) in enumerate(zip(found.names, found.readings, strict=True)):
        is_own = at < len(kinds)
        extent = _extent(term.text, spoken)
        if extent:
            yield Match(term.text, kinds[at] if is_own else MatchKind.CONTACT_NAME, extent)
        if not term.text.isascii():
            continue
        extent = _extent(term.text, names.letters_of(read), read)
        if extent:
            kind = MatchKind.PINYIN if is_own else MatchKind.CONTACT_PINYIN
            yield Match(term.text, kind, extent)
        extent = _extent(term.text, names.initials_of(read)) if len(term.text) > 1 else None
        if extent:
            kind = MatchKind.INITIALS if is_own else MatchKind.CONTACT_INITIALS
            yield Match(term.text, kind, extent)


def _starts(read: str) -> frozenset[int]:
    """Return where a reading's words begin in its letters."""
    starts, at = set(), 0
    for word in read.split():
        starts.add(at)
        at += len(word)
    return frozenset(starts)


def _extent(wanted: str, text: str, read: str = "") -> Extent | None:
    """Return how `text` holds what is wanted; in the letters of a reading, only where one of its words begins."""
    at = text.find(wanted)
    if at < 0:
        return None
    if wanted == text:
        return Extent.WHOLE
    if at == 0:
        return Extent.START
    if read:
        starts = _starts(read)
        while at >= 0 and at not in starts:
            at = text.find(wanted, at + 1)
    return Extent.PART if at >= 0 else None


def _by_key(term: Term, found: Found, *, reveal: bool) -> Iterable[Match]:
    if found.has(f"t{term.text}"):
        yield Match(term.text, MatchKind.TAG, Extent.WHOLE)
    if found.has(f"c{term.text}"):
        yield Match(term.text, MatchKind.CREDIT_CODE, Extent.WHOLE)
    number = number_of(term.text)
    if number and found.has(f"n{number}"):
        yield Match(term.text, MatchKind.NUMBER, Extent.WHOLE)
    if len(term.digits) >= DIGITS_MIN:
        may_begin = reveal or len(term.digits) == TAIL_SHOWN
        yield from _held(term.text, MatchKind.PHONE, f"d{term.digits}", found, may_begin)
    if term.is_email:
        yield from _held(term.text, MatchKind.EMAIL, f"e{term.text}", found, reveal)


def _held(text: str, kind: MatchKind, token: str, found: Found, may_begin: bool) -> Iterable[Match]:
    if found.has(token):
        yield Match(text, kind, Extent.WHOLE)
    elif may_begin and found.has(token, is_prefix=True):
        yield Match(text, kind, Extent.START)
