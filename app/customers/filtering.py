"""What a customer filter asks of the listing: for the list, and for everything that takes the same filter."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

PAGING = frozenset({"sort", "limit", "cursor", "total"})


def conditions_of(asked: BaseModel) -> dict[str, Any]:
    """Return the filters of `queries.LISTING` by name (None: not asked).

    What the model does not name (`custom[key]`) is not among them.
    """
    extra = asked.model_extra or {}
    filters = {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in asked.model_dump(exclude={*PAGING, *extra}, mode="python").items()
    }
    stale = filters.pop("stale", None)
    if stale is not None:
        filters["stale" if stale else "fresh"] = True
    if filters.get("needs_account_manager") is False:
        filters |= {"needs_account_manager": None, "has_account_manager": True}
    return filters
