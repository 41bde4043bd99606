"""What a column means, told by its header: Chinese or English, with unit and signs, however it is written.

A field is named `customer.<field>`, `contact.<field>` or `custom.<key>`. Phones and e-mails may stand in several
columns. Pure.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SEVERAL = frozenset({"contact.phones", "contact.emails", "customer.tags", "customer.need_keywords"})
_BRACKETS = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
_NUMBERED = re.compile(r"[0-9一二三]+$")
_SCALES = {"千元": 1_000, "万元": 10_000, "百万": 1_000_000, "百万元": 1_000_000, "亿元": 100_000_000, "亿": 100_000_000, "万": 10_000, "k": 1_000, "m": 1_000_000, "million": 1_000_000, "thousand": 1_000}  # fmt: skip
_SCALED = frozenset({"customer.revenue", "customer.headcount"})


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a file is taken for; `scale` is how much one of its units is (万元: 10,000)."""

    column: int
    field: str
    scale: int = 1


@cache
def words() -> Mapping[str, tuple[str, ...]]:
    """Return the words of every field: how an export heads it in zh and en, then what else people write."""
    text = (files("app.imports") / "headers.toml").read_text(encoding="utf-8")
    return {
        f"{part}.{name}": tuple(known)
        for part, fields in tomllib.loads(text).items()
        for name, known in fields.items()
    }


@cache
def _fields() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for field, known in words().items():
        for word in known:
            found.setdefault(plain(word), field)
        found.setdefault(plain(field), field)
    return found


def plain(header: str) -> str:
    """Return a header's bare words: compatible characters, no case, blanks or signs."""
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(one for one in folded if one.isalnum())


def suggest(
    headers: Sequence[str | None],
    *,
    saved: Mapping[str, tuple[str, int]] | None = None,
    custom: Mapping[str, Iterable[str]] | None = None,
) -> list[Column]:
    """Return what the columns are taken for, the ones that say nothing left out.

    `saved` is a mapping kept earlier, (field, scale) by plain header; it comes first. `custom` are the titles of the
    deployment's own fields by their keys.
    """
    known = dict(_fields())
    for key, titles in (custom or {}).items():
        known |= {plain(title): f"custom.{key}" for title in (key, *titles)}
    found: list[Column] = []
    taken: set[str] = set()
    for column, header in enumerate(headers):
        if header is None:
            continue
        one = _kept(column, header, saved or {}) or _told(column, header, known)
        if one is None or (one.field in taken and one.field not in SEVERAL):
            continue
        taken.add(one.field)
        found.append(one)
    return found


def _kept(column: int, header: str, saved: Mapping[str, tuple[str, int]]) -> Column | None:
    kept = saved.get(plain(header))
    return None if kept is None else Column(column, *kept)


def _told(column: int, header: str, known: Mapping[str, str]) -> Column | None:
    bare = plain(_BRACKETS.sub("", header)) or plain(header)
    field = known.get(plain(header)) or known.get(bare) or known.get(_NUMBERED.sub("", bare))
    if field is None:
        return None
    return Column(column, field, _scale(header) if field in _SCALED else 1)


def _scale(header: str) -> int:
    """Return the unit that a header names in brackets, such as (万元)."""
    for found in _BRACKETS.findall(header):
        unit = plain(found).removeprefix("单位").removesuffix("人民币")
        if unit in _SCALES:
            return _SCALES[unit]
    return 1
