"""What the inbox takes and gives. Lines are in the reader's language: `Accept-Language`, else his own setting."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.auth.values import Instant

_EXAMPLE: dict[str, Any] = {
    "id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
    "kind": "deadline.escalated",
    "title": "已超时 40 分钟:受理(TK-2)· T000123 打印机故障",
    "body": "事项:T000123 打印机故障\n承诺:受理(SOP TK-2)\n负责人:韩梅梅",
    "data": {
        "level": 2,
        "rule": "TK-2",
        "clock": "accept",
        "label": "T000123 打印机故障",
        "subject_type": "ticket",
        "subject_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8f",
        "due_at": "2026-03-02T01:30:00.000000Z",
    },
    "created_at": "2026-03-02T02:10:00.000000Z",
    "delivered_at": "2026-03-02T02:10:00.000000Z",
    "read_at": None,
}


class NotificationSort(StrEnum):
    """The orders of the inbox; `-` is descending, the id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class NotificationFilter(BaseModel):
    """What the inbox can be asked for."""

    model_config = ConfigDict(extra="forbid")

    unread: bool | None = Field(None, description="True: unread only; false: read only")
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,40}$")] | None = Field(
        None, examples=["deadline.escalated", "deadline.settled_digest"]
    )
    sort: NotificationSort = NotificationSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class NotificationRead(BaseModel):
    """A line of the inbox: words for people, `data` for programs (its fields depend on the kind)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    kind: str
    title: str
    body: str
    data: dict[str, Any]
    created_at: AwareDatetime
    delivered_at: AwareDatetime = Field(description="Quiet hours may lie between it and created_at")
    read_at: AwareDatetime | None


class NotificationPage(BaseModel):
    """A page of the inbox."""

    items: list[NotificationRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class UnreadCount(BaseModel):
    """How many lines wait to be read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"unread_count": 3}]})

    unread_count: int


class ReadAll(BaseModel):
    """Up to where the inbox was read; with neither, everything delivered by now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"up_to": "2026-03-02T10:15:00+08:00"}]},
    )

    up_to: Instant | None = Field(None, description="Lines delivered at this instant or before")
    up_to_id: UUID | None = Field(None, description="Lines delivered no later than this one")

    @model_validator(mode="after")
    def one_end(self) -> Self:
        """Refuse two ends."""
        if self.up_to is not None and self.up_to_id is not None:
            raise PydanticCustomError("up_to_once", "give up_to or up_to_id")
        return self


class ReadCount(BaseModel):
    """How many lines this request marked as read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"read_count": 3}]})

    read_count: int
