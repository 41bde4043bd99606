"""What saved views take and give. What a list can be asked for is its own filter's to say (`service`)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Resource(StrEnum):
    """Lists whose views can be saved."""

    CUSTOMERS = "customers"
    TICKETS = "tickets"


class Sharing(StrEnum):
    """Who sees a view: its owner, his department with those below it, everybody."""

    PRIVATE = "private"
    DEPARTMENT = "department"
    ALL = "all"


ViewName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ViewQuery = Annotated[
    dict[str, Any],
    Field(
        max_length=40,
        description="The list's own parameters by their names, `sort` among them; without limit, cursor and total",
    ),
]


def _refusing(example: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


class SavedViewCreate(BaseModel):
    """What a list is asked for, to be kept under a name (SOP CU-12)."""

    model_config = _refusing(
        {
            "name": "上海的重点客户",
            "resource": "customers",
            "query": {"tier": ["A", "B"], "tag": "重点", "sort": "name"},
            "sharing": "department",
        }
    )

    name: ViewName
    resource: Resource
    query: ViewQuery
    sharing: Sharing = Sharing.PRIVATE


class SavedViewPatch(BaseModel):
    """Changes of a view: what is absent stays."""

    model_config = _refusing({"sharing": "all"})

    name: ViewName = Field(default_factory=str)
    query: ViewQuery = Field(default_factory=dict)
    sharing: Sharing = Field(default_factory=lambda: Sharing.PRIVATE)


class SavedViewFilter(BaseModel):
    """What the list of views can be asked for."""

    model_config = ConfigDict(extra="forbid")

    resource: Resource | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class ViewOwner(BaseModel):
    """Whose view it is."""

    id: UUID
    name: str


class SavedViewRead(BaseModel):
    """A view; `is_default`: the caller begins the list with it."""

    id: UUID
    name: str
    resource: Resource
    query: dict[str, Any]
    sharing: Sharing
    owner: ViewOwner
    is_default: bool
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class SavedViewPage(BaseModel):
    """A page of views."""

    items: list[SavedViewRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
