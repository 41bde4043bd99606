"""The columns of an export: what each shows of a customer, under the header that an import knows it by."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from app.imports.headers import words
from app.statements import Row
from app.time import FAR_END

Show = Callable[[Row], Any]
_LISTS = frozenset({"customer.tags", "customer.need_keywords", "contact.interests"})
_WORDS = ("customer.source_channel", "customer.status")
_MORE: Mapping[str, tuple[str, str]] = {
    "customer.created_at": ("登记时间", "Registered at"),
    "customer.updated_at": ("更新时间", "Updated at"),
}
_LEFT_OUT = frozenset({"contact.preferences"})
_TIMES = frozenset({"customer.first_contact_at", *_MORE})
COLUMNS: tuple[str, ...] = tuple(one for one in (*words(), *_MORE) if one not in _LEFT_OUT)


def headings(fields: Sequence[str], own: Mapping[str, Row], language: str) -> list[str]:
    """Return the headers in the caller's language; `own` are the deployment's own fields by `custom.<key>`."""
    known = {**words(), **_MORE}
    known |= {one: (row["title"]["zh"], row["title"]["en"]) for one, row in own.items()}
    return [known[one][language.startswith("en")] for one in fields]


def shows(
    fields: Sequence[str], own: Mapping[str, Row], language: str, zone: ZoneInfo
) -> list[Show]:
    """Return how each field is shown of a row that holds it by its name; instants are local to `zone`."""
    yes = ("是", "否") if language == "zh-CN" else ("yes", "no")
    return [
        _own(own[one]["key"], yes) if one in own else _show(one, language, zone) for one in fields
    ]


def _own(key: str, yes: tuple[str, str]) -> Show:
    """Return how a field of the deployment's own is shown; choices as their codes."""

    def show(row: Row) -> Any:
        match (row["custom"] or {}).get(key):
            case bool(value):
                return yes[not value]
            case list(values):
                return "、".join(values)
            case value:
                return value

    return show


def _show(field: str, language: str, zone: ZoneInfo) -> Show:
    if field in _LISTS:
        return lambda row: "、".join(row[field] or ())
    if field in _TIMES:
        return lambda row: _local(row[field], zone)
    if field in _WORDS:
        told = _told(field, language)
        return lambda row: told.get(row[field], row[field])
    if field == "contact.is_decision_maker":
        yes = "yes" if language.startswith("en") else "是"
        return lambda row: yes if row[field] else None
    if field == "contact.birthday":
        return lambda row: _birthday(row[field])
    return lambda row: row[field]


def _local(value: datetime, zone: ZoneInfo) -> str | None:
    if value.year == FAR_END.year:
        return None
    return value.astimezone(zone).isoformat(" ", "minutes")[:16]


def _birthday(value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    day = f"{value['month']:02}-{value['day']:02}"
    if value.get("year"):
        day = f"{value['year']:04}-{day}"
    return f"农历{day}" if value["calendar"] == "lunar" else day


@cache
def _told(field: str, language: str) -> Mapping[str, str]:
    """Return the word for each code: the first that an import knows it by, in English the code itself."""
    if language.startswith("en"):
        return {}
    text = (files("app.imports") / "words.toml").read_text(encoding="utf-8")
    return {code: known[0] for code, known in tomllib.loads(text)[field].items()}
