"""What the list of ticket types takes and gives (SOP TK-13)."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.customers.values import Flag, Word
from app.tickets.schemas import PageFilter, TypeCode, refusing


class DispatchTo(StrEnum):
    """Who of the department gets a ticket of a type (SOP TK-3)."""

    LEAST_LOADED = "least_loaded"
    HEAD = "head"


class Title(BaseModel):
    """A name in both languages."""

    model_config = ConfigDict(extra="forbid")

    zh: Word
    en: Word


class TicketTypeCreate(BaseModel):
    """A type of ticket (SOP TK-13); its code stays what it is."""

    model_config = refusing(
        {
            "code": "calibration",
            "title": {"zh": "校准", "en": "Calibration"},
            "department_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e",
            "dispatch_to": "least_loaded",
        }
    )

    code: TypeCode
    title: Title
    department_id: UUID | None = None
    dispatch_to: DispatchTo = DispatchTo.LEAST_LOADED


class TicketTypePatch(BaseModel):
    """Changes of a type; one that is not active takes no new tickets."""

    model_config = refusing({"is_active": False})

    title: Title = Field(default_factory=lambda: Title(zh="-", en="-"))
    department_id: UUID | None = None
    dispatch_to: DispatchTo = Field(default_factory=lambda: DispatchTo.LEAST_LOADED)
    is_active: Flag = Field(default_factory=bool)


class TicketTypeFilter(PageFilter):
    """What the list of types can be asked for."""

    is_active: bool | None = None


class TicketTypeRead(BaseModel):
    """A type of ticket."""

    code: str
    title: Title
    department_id: UUID | None
    dispatch_to: DispatchTo
    is_active: bool
    version: int


class TicketTypePage(BaseModel):
    """A page of types."""

    items: list[TicketTypeRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
