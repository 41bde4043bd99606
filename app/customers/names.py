"""Names taken apart: one plain spelling, the place, the legal form, what is the firm's own, and how it is read.

The keys by which a name is found (`bigrams`, `trigrams`, `one_off`) are made here too. Pure, except that `pypinyin`
knows the readings. Not here: how like two customers are (`matching`), and what is stored of it (`search`).
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pypinyin import lazy_pinyin
from pypinyin.seg.mmseg import seg

_WORDS = {
    kind: frozenset(words.split())
    for kind, words in tomllib.loads(
        Path(__file__).with_name("name_words.toml").read_text("utf-8")
    ).items()
}
PROVINCES, CITIES, NO_PLACES = _WORDS["provinces"], _WORDS["cities"], _WORDS["no_places"]
_PLACES = PROVINCES | CITIES
TRADE_WORDS, LATIN_FORMS = _WORDS["trade_words"], _WORDS["latin_forms"]
NAME_KEY_LENGTH_MAX = 200
CORE_LENGTH_MIN = 2
ONE_OFF_LENGTH = 6  # a wrong character beyond leaves the beginning as it is

_LEGAL_FORM = re.compile(
    r"(?:集团)?(?:控股)?(?:股份)?(?:合作)?(?:有限)?(?:责任)?(?:总)?公司$|(?:集团|股份|有限合伙|普通合伙|个体工商户|特殊普通合伙)$"
)
_BRANCH = re.compile(
    r"^(.*?(?:公司|集团|银行|商行|事务所|[^市]店))(.{0,12}(?:分公司|子公司|办事处|代表处|分行|支行|营业部|分店|分部|分院|分所))$"
)
_RANKED = re.compile(
    r"^(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|地区|省|市|州|盟)"
)
_SMALLER = re.compile(
    r"^[\u4e00-\u9fff]{1,5}?(?:自治县|自治州|经济技术开发区|高新技术开发区|经济开发区|高新区|开发区|新区|市|县|区|旗(?!区)|镇)"
)
_PLACE_LENGTHS = sorted({len(place) for place in PROVINCES | CITIES}, reverse=True)
_TRADE_LENGTH_MAX = max(len(word) for word in TRADE_WORDS)
_USUAL_FORM = "有限公司"
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class NameParts:
    """A name's parts, all in the compact spelling.

    `compact` is all of it; `core` is without place, legal form and branch; `brand` is the core without its lines of
    business; `places` stand before or behind it, without rank; `branch` is the branch's own part of the name. `words`
    is the core whatever the order of its words, where it has blanks between them. `is_firm` says that nobody is called
    so: the name has a legal form or a line of business.
    """

    compact: str
    core: str
    brand: str
    words: str
    places: frozenset[str]
    branch: str
    is_firm: bool


def name_key(name: str) -> str:
    """Return the simple form by which names are sorted: compatible characters, no case, single blanks."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return plain[
        :NAME_KEY_LENGTH_MAX
    ]  # some characters grow eighteenfold; an index entry has its limit


def compact(text: str) -> str:
    """Return the letters and digits of a text alone: compatible characters, no case, no blanks, no marks.

    A text without any is spelt by the numbers of its characters, so that it can be told and found too.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(one for one in plain if unicodedata.category(one)[0] in "LN")
    return kept or "".join(f"x{ord(one):x}" for one in plain if not one.isspace())


def has_letters(text: str) -> bool:
    """Say whether a text has any letter or digit."""
    return any(unicodedata.category(one)[0] in "LN" for one in unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=8192)
def name_parts(name: str) -> NameParts:
    """Return the parts of a company's (or anybody's) name; a part that would leave nothing stays in the core."""
    plain = name_key(name)
    branch_found = _BRANCH.match(compact(plain))
    head, branch = branch_found.groups() if branch_found else (compact(plain), "")
    if not _HAN.search(head):
        return _latin_parts(plain, head)
    places: set[str] = set()
    rest = _without_bracketed_places(plain, places) if not branch else head
    rest = _without_form(_without_places(rest, places))
    rest = _without_place_behind(rest, places)
    brand = _brand(rest)
    if brand in TRADE_WORDS:  # 上海银行: the place is the name
        rest = brand = _without_form(head)
        places = set()
    is_firm = bool(branch) or brand != rest or _without_form(head) != head
    return NameParts(compact(plain), rest, brand, rest, frozenset(places), branch, is_firm)


def _latin_parts(plain: str, whole: str) -> NameParts:
    parts = re.split(r"[\s,./()&-]+", plain)
    words = [compact(part) for part in parts if has_letters(part)] or [whole]
    own = [word for word in words if word not in LATIN_FORMS] or words
    core = "".join(own)
    is_firm = len(own) < len(words)
    return NameParts(whole, core, core, "".join(sorted(own)), frozenset(), "", is_firm)


def _without_bracketed_places(plain: str, places: set[str]) -> str:
    """Return the compact name without `(上海)`; other brackets hold parts of the name."""

    def drop(found: re.Match[str]) -> str:
        inner = compact(found[1]) if has_letters(found[1]) else ""
        rest = _without_places(f"{inner}##", places)
        return "" if rest == "##" or inner in {"中国", "集团", "控股"} else inner

    return compact(re.sub(r"[\(\[{〔【]([^)\]}〕】]*)[\)\]}〕】]", drop, plain))


def _without_places(text: str, places: set[str]) -> str:
    """Return the text without the places that it begins with, from the province down; they go into `places`."""
    while True:
        place = next((text[:n] for n in _PLACE_LENGTHS if text[:n] in _PLACES), None)
        if place is None:
            break
        rest = text[len(place) :]
        ranked = _RANKED.match(rest)
        rest = rest[ranked.end() :] if ranked else rest
        if not _stands_alone(rest):
            return text
        places.add(place)
        text = rest
    smaller = _SMALLER.match(text)
    if smaller and smaller[0][-2:] not in NO_PLACES and len(smaller[0]) >= CORE_LENGTH_MIN + 1:
        rest = text[smaller.end() :]
        if _stands_alone(rest):
            places.add(smaller[0])
            return rest
    return text


def _stands_alone(rest: str) -> bool:
    """Whether something would be left of the name: more than its legal form."""
    return len(_LEGAL_FORM.sub("", rest)) >= CORE_LENGTH_MIN


def _without_form(text: str) -> str:
    """Return the text without its legal form, also where one character of 有限公司 is wrong."""
    ending = zip(text[-len(_USUAL_FORM) :], _USUAL_FORM, strict=False)
    is_misspelt = sum(one != other for one, other in ending) == 1
    text_read = text[: -len(_USUAL_FORM)] + _USUAL_FORM if is_misspelt else text
    rest = _LEGAL_FORM.sub("", text_read)
    return rest if len(rest) >= CORE_LENGTH_MIN else text


def _without_place_behind(text: str, places: set[str]) -> str:
    """Return the text without a place at its end, as in 新月能源石家庄公司."""
    bare = text.removesuffix("市")
    for length in _PLACE_LENGTHS:
        if bare[-length:] in _PLACES and len(bare) - length > CORE_LENGTH_MIN:
            places.add(bare[-length:])
            return bare[:-length]
    return text


def _brand(core: str) -> str:
    rest = core
    while True:
        for length in range(min(_TRADE_LENGTH_MAX, len(rest) - CORE_LENGTH_MIN), 0, -1):
            if rest[-length:] in TRADE_WORDS:
                rest = rest[:-length]
                break
        else:
            return rest


# --- readings


@lru_cache(maxsize=8192)
def reading(text: str) -> str:
    """Return how a compact text is read: one word a character, `hua wei`; letters and digits stay as they are."""
    return " ".join(read for word in seg.cut(text) for read in _read_word(word))


@lru_cache(maxsize=65536)
def _read_word(word: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(word, errors=list))  # type: ignore[arg-type]


def letters_of(read: str) -> str:
    """Return a reading's letters in one word: `huawei`."""
    return read.replace(" ", "")


def initials_of(read: str) -> str:
    """Return the first letters of a reading's words: `hw`."""
    return "".join(word[0] for word in read.split())


# --- keys


def grams(text: str, length: int) -> set[str]:
    """Return every run of `length` characters of a text."""
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def one_off(core: str) -> set[str]:
    """Return the keys that two cores share where one character at most is wrong, missing or too much.

    They are the beginning and the beginning without one of its characters. Cores of three characters and fewer have
    themselves alone: there another character is another name.
    """
    start = core[:ONE_OFF_LENGTH]
    if len(core) <= CORE_LENGTH_MIN + 1:
        return {start}
    return {start} | {start[:at] + start[at + 1 :] for at in range(len(start))}
