"""How like two customers are: the one rule by which registration, forms, imports and the scan suspect duplicates.

`keys_of` gives what two likely duplicates share, so that an index finds the candidates; `compare` then scores each of
them with its reasons. Pure.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from app.customers import names
from app.customers.names import NameParts

SUSPECTED = 0.75
SAME_FIRM_MAX = 0.5  # of two firms with different credit codes
CORE_LENGTH_MIN = 4
WHOLE_LENGTH_MIN = 6
SHIFTS = (1, 2, 3)  # a misspelt place stays before the core
_LIKE_MIN = 80.0


class Reason(StrEnum):
    """What speaks for one customer being the other; the last three speak against."""

    CREDIT_CODE = "credit_code"
    PHONE = "phone"
    EMAIL = "email"
    SAME_NAME = "same_name"
    SAME_CORE = "same_core"
    SAME_CORE_ELSEWHERE = "same_core_elsewhere"
    SAME_CORE_OTHER_BRANCH = "same_core_other_branch"
    SAME_READING = "same_reading"
    ONE_CHARACTER = "one_character"
    SHORT_NAME = "short_name"
    SAME_BRAND = "same_brand"
    SIMILAR_NAME = "similar_name"
    SAME_PLACE = "same_place"
    SIMILAR_ADDRESS = "similar_address"
    ADDRESS_DIFFERS = "address_differs"
    PHONE_DIFFERS = "phone_differs"
    CREDIT_CODE_DIFFERS = "credit_code_differs"


_WEIGHTS: Mapping[Reason, float] = {
    Reason.CREDIT_CODE: 1.0,
    Reason.PHONE: 0.9,
    Reason.EMAIL: 0.9,
    Reason.SAME_NAME: 1.0,
    Reason.SAME_CORE: 0.95,
    Reason.SAME_CORE_ELSEWHERE: 0.65,
    Reason.SAME_CORE_OTHER_BRANCH: 0.6,
    Reason.SAME_READING: 0.8,
    Reason.ONE_CHARACTER: 0.85,
    Reason.SHORT_NAME: 0.8,
    Reason.SAME_BRAND: 0.45,
    Reason.SAME_PLACE: 0.2,
    Reason.SIMILAR_ADDRESS: 0.5,
}
SAME_PERSON = 0.85  # people share names more often than firms do
_AGAINST_PEOPLE: Mapping[Reason, float] = {
    Reason.ADDRESS_DIFFERS: 0.75,
    Reason.PHONE_DIFFERS: 0.85,
}
_SUPPORT = frozenset({Reason.PHONE, Reason.EMAIL, Reason.SIMILAR_ADDRESS})


@dataclass(frozen=True)
class Profile:
    """What is known of a customer for comparing: phones as E.164, e-mails in lower case."""

    name: str
    short_name: str | None = None
    credit_code: str | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    address: str | None = None

    @cached_property
    def parts(self) -> NameParts:
        """The name's parts."""
        return names.name_parts(self.name)

    @cached_property
    def short(self) -> str:
        """The short name in the compact spelling, empty where there is none."""
        return names.compact(self.short_name or "")


@dataclass(frozen=True, slots=True)
class Likeness:
    """A score from 0 to 1 and what it comes from, strongest first."""

    score: float
    reasons: tuple[Reason, ...]

    @property
    def is_suspected(self) -> bool:
        """Whether somebody has to look before a second file is made."""
        return self.score >= SUSPECTED


def keys_of(profile: Profile) -> frozenset[str]:
    """Return the keys of which likely duplicates share at least one.

    Their first letter says what they are: credit code, phone, e-mail, name but one character, reading, short name.
    """
    parts = profile.parts
    found = {f"k{key}" for key in names.one_off(parts.core)} if parts.core else set()
    if parts.core:
        found.add(f"y{names.letters_of(names.reading(parts.core))}")
        found.add(f"s{parts.words}")
    if parts.brand:
        found.add(f"b{parts.brand}")
    if profile.short:
        found |= {f"s{profile.short}", f"b{profile.short}"}
    if profile.credit_code:
        found.add(f"c{profile.credit_code.casefold()}")
    found |= {f"d{number_digits(phone)}" for phone in profile.phones}
    found |= {f"e{names.compact(email)}" for email in profile.emails}
    return frozenset(found)


def asked_keys_of(profile: Profile) -> frozenset[str]:
    """Return the keys to look for: also those of a core that a misspelt place or ending hides in this one's."""
    core = profile.parts.core
    hidden = {core[shift:][: names.ONE_OFF_LENGTH] for shift in SHIFTS}
    hidden |= {core[:length] for length in range(CORE_LENGTH_MIN, names.ONE_OFF_LENGTH)}
    return keys_of(profile) | {f"k{one}" for one in hidden if len(one) >= CORE_LENGTH_MIN}


def number_digits(phone: str) -> str:
    """Return the digits of an E.164 number from the end: `8310…68`; without its extension."""
    return "".join(one for one in phone.partition(";")[0] if one.isdigit())[::-1]


def compare(one: Profile, other: Profile) -> Likeness:
    """Return how likely both are one customer; the order of the two makes no difference."""
    weighed = dict(_weigh(one, other))
    doubt = 1.0
    for weight in weighed.values():
        doubt *= 1 - weight
    reasons = sorted(weighed, key=lambda reason: (-weighed[reason], reason))
    score = 1 - doubt
    for reason in _against(one, other, weighed.keys()):
        score *= _AGAINST_PEOPLE[reason]
        reasons.append(reason)
    score = round(score, 4)
    if one.credit_code and other.credit_code and one.credit_code != other.credit_code:
        return Likeness(min(score, SAME_FIRM_MAX), (*reasons, Reason.CREDIT_CODE_DIFFERS))
    return Likeness(score, tuple(reasons))


def _weigh(one: Profile, other: Profile) -> Iterable[tuple[Reason, float]]:
    if one.credit_code and one.credit_code == other.credit_code:
        yield Reason.CREDIT_CODE, _WEIGHTS[Reason.CREDIT_CODE]
    if _shared_phones(one, other):
        yield Reason.PHONE, _WEIGHTS[Reason.PHONE]
    if {email.casefold() for email in one.emails} & {email.casefold() for email in other.emails}:
        yield Reason.EMAIL, _WEIGHTS[Reason.EMAIL]
    named = _name_reason(one, other)
    if named is not None:
        yield named
    if named is not None and one.parts.places & other.parts.places:
        yield Reason.SAME_PLACE, _WEIGHTS[Reason.SAME_PLACE]
    if one.address and other.address and _is_like(one.address, other.address):
        yield Reason.SIMILAR_ADDRESS, _WEIGHTS[Reason.SIMILAR_ADDRESS]


def _against(one: Profile, other: Profile, reasons: Set[Reason]) -> Iterable[Reason]:
    """Say what makes two people of one name two; firms have several addresses and numbers."""
    if one.parts.is_firm or other.parts.is_firm or _SUPPORT & reasons:
        return
    if one.address and other.address and not _is_like(one.address, other.address):
        yield Reason.ADDRESS_DIFFERS
    if one.phones and other.phones and not _shared_phones(one, other):
        yield Reason.PHONE_DIFFERS


def _shared_phones(one: Profile, other: Profile) -> set[str]:
    mine, yours = ({number_digits(phone) for phone in profile.phones} for profile in (one, other))
    return mine & yours


def _is_like(one: str, other: str) -> bool:
    return fuzz.ratio(names.compact(one), names.compact(other)) >= _LIKE_MIN


def _name_reason(one: Profile, other: Profile) -> tuple[Reason, float] | None:
    """Return the strongest thing that the two names say."""
    mine, yours = one.parts, other.parts
    if not mine.core or not yours.core:
        return None
    if mine.compact == yours.compact:
        return Reason.SAME_NAME, _WEIGHTS[Reason.SAME_NAME] if mine.is_firm else SAME_PERSON
    if mine.words == yours.words:
        return _same_core(mine, yours)
    weighed = [(Reason.SAME_BRAND, _brand_weight(mine, yours))]
    if _shortens(one, other) or _shortens(other, one):
        weighed.append((Reason.SHORT_NAME, _WEIGHTS[Reason.SHORT_NAME]))
    if not _contradict(mine, yours):
        weighed += _spelling_reasons(mine, yours)
    reason, weight = max(weighed, key=lambda pair: pair[1])
    return (reason, weight) if weight > 0 else None


def _same_core(mine: NameParts, yours: NameParts) -> tuple[Reason, float]:
    if mine.branch != yours.branch:
        reason = Reason.SAME_CORE_OTHER_BRANCH
    elif mine.places and yours.places and not mine.places & yours.places:
        reason = Reason.SAME_CORE_ELSEWHERE
    else:
        reason = Reason.SAME_CORE
    return reason, min(_WEIGHTS[reason], 1.0 if mine.is_firm or yours.is_firm else SAME_PERSON)


def _contradict(mine: NameParts, yours: NameParts) -> bool:
    """Whether the places or the branches say that two like names are two firms."""
    apart = bool(mine.places and yours.places) and not mine.places & yours.places
    return apart or mine.branch != yours.branch


def _shortens(one: Profile, other: Profile) -> bool:
    """Whether the short name of one is what the other is called."""
    known = {other.parts.core, other.parts.compact, other.short}
    return bool(one.short) and one.short in known


def _brand_weight(mine: NameParts, yours: NameParts) -> float:
    """Return the weight of a common brand: 华为 and 华为技术 say more than two lines of business beside one brand."""
    if mine.brand != yours.brand:
        return 0.0
    plain = mine.brand in {mine.core, yours.core}
    return _WEIGHTS[Reason.SAME_BRAND] + (0.2 if plain and not _contradict(mine, yours) else 0.0)


def _spelling_reasons(mine: NameParts, yours: NameParts) -> list[tuple[Reason, float]]:
    found = []
    length = max(len(mine.core), len(yours.core))
    if names.reading(mine.core) == names.reading(yours.core):
        found.append((Reason.SAME_READING, _WEIGHTS[Reason.SAME_READING]))
    if _is_beside_brand(mine, yours) or _is_beside_brand(yours, mine):
        found.append((Reason.ONE_CHARACTER, _WEIGHTS[Reason.ONE_CHARACTER]))
    elif OSA.distance(mine.core, yours.core, score_cutoff=1) == 1 and length >= CORE_LENGTH_MIN:
        found.append((Reason.ONE_CHARACTER, round(1 - 1.5 / length, 4)))
    likeness = fuzz.ratio(mine.core, yours.core)
    if likeness >= _LIKE_MIN:
        found.append((Reason.SIMILAR_NAME, round(likeness / 100 - 0.25, 4)))
    return found


def _is_beside_brand(mine: NameParts, yours: NameParts) -> bool:
    """Whether one character of the whole names differs, and not in the brand: 柳州国联运输 and 味州国联运输."""
    if len(mine.compact) < WHOLE_LENGTH_MIN or mine.brand not in yours.compact:
        return False
    return mine.brand != mine.compact and (
        OSA.distance(mine.compact, yours.compact, score_cutoff=1) == 1
    )
