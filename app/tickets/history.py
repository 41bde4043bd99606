"""A ticket's history as people read it: its facts, with a name where facts hold an owner's key."""

from typing import Any

import orjson

from app.database import Reader
from app.reading import PageRequest, page
from app.tickets import lists


async def history_page(
    reader: Reader, ticket_key: int, request: PageRequest, *, secret: bytes
) -> bytes:
    """Return a page of facts as JSON; an `owner` in their data is `{id, name}`, called what he is called now."""
    body = await page(
        reader, lists.HISTORY, request, secret=secret, values={"ticket_key": ticket_key}
    )
    document = orjson.loads(body)
    places = [place for item in document["items"] for place in _places(item["data"])]
    keys = {place["owner"] for place in places}
    found = await reader.all(lists.NAMES, keys=sorted(keys)) if keys else []
    names = {row["id"]: {"id": str(row["public_id"]), "name": row["name"]} for row in found}
    for place in places:
        place["owner"] = names.get(place["owner"])
    return orjson.dumps(document)


def _places(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the mappings of a fact's data that hold an owner's key."""
    inputs = data.get("inputs")
    both = [data, inputs] if isinstance(inputs, dict) else [data]
    return [place for place in both if isinstance(place.get("owner"), int)]
