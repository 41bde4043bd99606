"""What the routes of consents take and give."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.customers.schemas import refusing
from app.customers.values import Flag, Instant, Sentence


class ConsentChannel(StrEnum):
    """By what a contact lets himself be reached beyond the matters that he opened himself."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    WECHAT = "wechat"
    POST = "post"


class ConsentMethod(StrEnum):
    """How he said so."""

    WEB_FORM = "web_form"
    EMAIL = "email"
    PHONE = "phone"
    IN_PERSON = "in_person"
    PAPER = "paper"
    OTHER = "other"


class ConsentSort(StrEnum):
    """The orders of a contact's consents."""

    GIVEN_AT = "given_at"
    GIVEN_AT_DESC = "-given_at"


class ConsentCreate(BaseModel):
    """What a contact allowed, or withdrew, and to which text (SOP SE-3)."""

    model_config = refusing(
        {
            "channel": "sms",
            "is_given": True,
            "text_version": "2026-01",
            "method": "web_form",
            "evidence": "官网表单",
        }
    )

    channel: ConsentChannel
    is_given: Flag = Field(description="False withdraws")
    text_version: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)
    ] = Field(description="Which text was shown or read to him")
    method: ConsentMethod
    evidence: Sentence | None = Field(None, description="Where it can be looked up")
    given_at: Instant | None = Field(None, description="When he said so; default: now")


class ConsentFilter(BaseModel):
    """What the list of consents can be asked for."""

    model_config = ConfigDict(extra="forbid")

    channel: ConsentChannel | None = None
    sort: ConsentSort = ConsentSort.GIVEN_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class ConsentRead(BaseModel):
    """A consent, or a withdrawal."""

    id: UUID
    channel: ConsentChannel
    is_given: bool
    text_version: str
    method: ConsentMethod
    evidence: str | None
    given_at: AwareDatetime
    recorded_by: UUID | None
    recorded_at: AwareDatetime


class ConsentPage(BaseModel):
    """A page of consents."""

    items: list[ConsentRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
