"""A ticket's history as people read it: its facts, with names where facts hold keys."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from app.database import Reader
from app.reading import PageRequest, page
from app.statements import Statement
from app.tickets import lists

Named = Mapping[int, Mapping[str, str]]


async def history_page(
    reader: Reader, ticket_key: int, request: PageRequest, *, secret: bytes
) -> bytes:
    """Return a page of facts as JSON; `owner` and `department` in their data are `{id, name}`, the way they are now."""
    body = await page(
        reader, lists.HISTORY, request, secret=secret, values={"ticket_key": ticket_key}
    )
    document = orjson.loads(body)
    places = [place for item in document["items"] for place in _places(item["data"])]
    users = await _names(reader, lists.NAMES_OF_USERS, _keys(places, "owner"))
    departments = await _names(reader, lists.NAMES_OF_DEPARTMENTS, _keys(places, "department"))
    for place in places:
        for name, known in (("owner", users), ("department", departments)):
            if isinstance(place.get(name), int):
                place[name] = known.get(place[name])
    return orjson.dumps(document)


def _places(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the mappings of a fact's data that may hold keys."""
    inputs = data.get("inputs")
    return [data, inputs] if isinstance(inputs, dict) else [data]


def _keys(places: Iterable[Mapping[str, Any]], name: str) -> list[int]:
    return sorted({place[name] for place in places if isinstance(place.get(name), int)})


async def _names(reader: Reader, statement: Statement, keys: list[int]) -> Named:
    if not keys:
        return {}
    found = await reader.all(statement, keys=keys)
    return {row["id"]: {"id": str(row["public_id"]), "name": row["name"]} for row in found}
