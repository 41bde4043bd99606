"""Which fields a column can be mapped to: those of the customer's file, of one contact, and the deployment's own."""

from collections.abc import Mapping

from app.database import Reader
from app.fields.queries import ALL_FIELDS, ALL_LISTS
from app.fields.shipped import SHIPPED
from app.imports.headers import plain, words
from app.statements import Row

FIELDS = frozenset(words())


async def custom_titles(reader: Reader) -> Mapping[str, tuple[str, ...]]:
    """Return the titles of the deployment's own fields by their keys, those in use."""
    return {row["key"]: tuple(row["title"].values()) for row in await own_fields(reader)}


async def own_fields(reader: Reader) -> list[Row]:
    """Return the deployment's own fields in use."""
    return [row for row in await reader.all(ALL_FIELDS) if row["is_active"]]


async def choices_of(reader: Reader) -> Mapping[str, Mapping[str, str]]:
    """Return the codes of every choice list by their titles in both languages and by themselves."""
    lists = {**SHIPPED, **{row["code"]: row for row in await reader.all(ALL_LISTS)}}
    return {
        code: {
            plain(word): choice["code"]
            for choice in one["choices"]
            for word in (choice["code"], *choice["title"].values())
        }
        for code, one in lists.items()
    }


def is_field(name: str, custom: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether a column can be mapped to `name`."""
    part, _, key = name.partition(".")
    return key in custom if part == "custom" else name in FIELDS
