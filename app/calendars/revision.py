"""What an edit makes of a calendar's document, and how two versions differ. Pure.

Documents are compared and stored in one form (`normalized`), so that an edit that says nothing new makes no version.
Every function returns a document of the caller's own; whether it is a calendar is `document.parse_calendar`'s to say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.calendars.document import WEEKDAYS

Document = dict[str, Any]
Dated = Mapping[str, Any]  # one entry of a document's `exceptions`


@dataclass(frozen=True, slots=True)
class Difference:
    """What a later version says otherwise: dates with an exception added, changed, removed, ascending; the other keys."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    years_loaded: tuple[int, ...]
    years_unloaded: tuple[int, ...]
    keys: tuple[str, ...]


def normalized(document: Mapping[str, Any]) -> Document:
    """The stored form of a document that `parse_calendar` takes: whole titles and week, dates and years in order."""
    name = document["name"]
    title = document.get("title") or {}
    plain: Document = {
        "name": name,
        "title": {language: title.get(language, name) for language in ("zh", "en")},
        "timezone": document["timezone"],
    }
    if document.get("always_open"):
        return {**plain, "always_open": True}
    plain["week"] = {day: _hours(document["week"].get(day, [])) for day in WEEKDAYS}
    plain["exceptions"] = in_order(map(_exception, document.get("exceptions", ())))
    if "exceptions_loaded" in document:
        plain["exceptions_loaded"] = sorted(set(document["exceptions_loaded"]))
    return plain


def in_order(exceptions: Iterable[Dated]) -> list[Document]:
    """Entries in the order of their dates, the last one of a date."""
    by_date = {one["date"]: dict(one) for one in exceptions}
    return [by_date[on] for on in sorted(by_date)]


def with_exceptions(document: Document, given: Iterable[Dated]) -> Document:
    """The document with each of these in the place of whatever its date had."""
    return normalized(
        {**document, "exceptions": in_order([*document.get("exceptions", ()), *given])}
    )


def without_exception(document: Document, on: date) -> Document | None:
    """The document with an ordinary date, None where it is one already."""
    kept = [one for one in document.get("exceptions", ()) if one["date"] != on.isoformat()]
    if len(kept) == len(document.get("exceptions", ())):
        return None
    return normalized({**document, "exceptions": kept})


def with_year(
    document: Document, year: int, given: Iterable[Dated], *, anew: bool = False
) -> Document:
    """The document with a loaded year: its entries laid over what is there, or with `anew` over an empty year."""
    before = document.get("exceptions", ())
    kept = [one for one in before if not (anew and one["date"].startswith(f"{year}-"))]
    years = [*document.get("exceptions_loaded", ()), year]
    return with_exceptions({**document, "exceptions": kept, "exceptions_loaded": years}, given)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """What `after` says otherwise than `before`, both normalized; an empty `before` is no calendar yet."""
    old, new = _by_date(before), _by_date(after)
    loaded = set(before.get("exceptions_loaded", ())), set(after.get("exceptions_loaded", ()))
    dated = {"exceptions", "exceptions_loaded"}
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(on for on in new.keys() & old.keys() if new[on] != old[on])),
        removed=tuple(sorted(old.keys() - new.keys())),
        years_loaded=tuple(sorted(loaded[1] - loaded[0])),
        years_unloaded=tuple(sorted(loaded[0] - loaded[1])),
        keys=tuple(
            key
            for key in {**after, **before}
            if key not in dated and after.get(key) != before.get(key)
        ),
    )


def _by_date(document: Mapping[str, Any]) -> dict[str, Dated]:
    return {one["date"]: one for one in document.get("exceptions", ())}


def _exception(entry: Dated) -> Document:
    plain = {"date": str(entry["date"]), "kind": entry["kind"], "name": entry.get("name", "")}
    return {**plain, "hours": _hours(entry["hours"])} if "hours" in entry else plain


def _hours(pairs: Iterable[Iterable[str]]) -> list[list[str]]:
    return sorted(list(pair) for pair in pairs)
