"""Filters of the customer list by custom fields: `custom[key]=`, and for numbers and dates `custom[key][gte]=`, `[lt]=`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from app.customers import queries
from app.customers.models import Customer
from app.database import Database, Reader
from app.errors import FieldError, Invalid
from app.fields import service as fields
from app.fields.queries import custom_condition
from app.fields.typed_values import ORDERED, FieldType, ValueInvalid, read_asked
from app.reading import Listing

FILTERS_MAX = 10
_ASKED = re.compile(r"custom\[([a-z][a-z0-9_]{0,39})\](?:\[(gte|lt)\])?")

_Condition = tuple[str, FieldType, str]  # key, type, operator


async def read_custom_filters(
    reader: Reader, database: Database, given: Mapping[str, Any]
) -> tuple[Listing, dict[str, Any]]:
    """Return the customer list that knows the conditions asked for, and their values by its filters' names.

    `given` are the parameters that the list does not declare. Raises `Invalid` for whatever is no filter.
    """
    if not given:
        return queries.LISTING, {}
    book = await fields.read_book(reader, database)
    conditions: list[_Condition] = []
    values: dict[str, Any] = {}
    errors = []
    for name, asked in given.items():
        try:
            condition, value = _read(book, name, asked)
        except ValueInvalid as fault:
            errors.append(FieldError(f"/query/{name}", fault.code, fault.values))
            continue
        conditions.append(condition)
        values[_filter_name(condition)] = value
    if len(given) > FILTERS_MAX:
        errors.append(FieldError("/query/custom", "too_long", {"max_length": FILTERS_MAX}))
    if errors:
        raise Invalid(errors=errors)
    return _listing(tuple(sorted(conditions))), values


def _read(book: fields.FieldBook, name: str, asked: Any) -> tuple[_Condition, Any]:
    found = _ASKED.fullmatch(name)
    field = book.fields.get(found[1]) if found is not None else None
    if found is None or field is None:
        raise ValueInvalid("extra_forbidden")
    kind, operator = FieldType(field["type"]), found[2] or "eq"
    if operator != "eq" and kind not in ORDERED:
        raise ValueInvalid("not_ordered")
    if not isinstance(asked, str):
        raise ValueInvalid("string_type")
    return (found[1], kind, operator), read_asked(kind, asked)


def _filter_name(condition: _Condition) -> str:
    key, _, operator = condition
    return f"custom_{operator}_{key}"


@lru_cache(maxsize=256)
def _listing(conditions: tuple[_Condition, ...]) -> Listing:
    """Return the list of customers with these filters too; made once, since its statements are kept by it."""
    added = {
        _filter_name(one): custom_condition(
            Customer.__table__.c.custom, one[0], one[1], one[2], _filter_name(one)
        )
        for one in conditions
    }
    return replace(queries.LISTING, filters={**queries.LISTING.filters, **added})
