"""What the customer file takes and gives: inputs that refuse what they do not know, and the contract's answers.

Not here: whether an id names anything, and who may write (service).
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.customers.values import (
    Amount,
    Asked,
    Currency,
    Day,
    Email,
    Flag,
    Headcount,
    Instant,
    LongText,
    Name,
    Phone,
    Sentence,
    Tags,
    Word,
)

TEAM_MAX = 50


class CustomerStatus(StrEnum):
    """Where the customer stands (SOP CU-1): 潜在, 意向, 成交, 流失."""

    POTENTIAL = "potential"
    INTERESTED = "interested"
    WON = "won"
    LOST = "lost"


class Tier(StrEnum):
    """What the customer is worth (SOP CU-9): VIP, key, normal."""

    A = "A"
    B = "B"
    C = "C"


class SourceChannel(StrEnum):
    """How the customer came (SOP CU-4)."""

    PHONE = "phone"
    MEETING = "meeting"
    QUESTIONNAIRE = "questionnaire"
    WEB_FORM = "web_form"
    PARTNER_REFERRAL = "partner_referral"
    SOCIAL_MEDIA = "social_media"
    SALES_FEEDBACK = "sales_feedback"
    IMPORT = "import"


class CustomerSort(StrEnum):
    """The orders of the customer list; `-` is descending, the id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    NAME = "name"
    NAME_DESC = "-name"
    NUMBER = "number"
    NUMBER_DESC = "-number"


class ContactSort(StrEnum):
    """The orders of a customer's contacts."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


def _refusing(example: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


# --- customers


class _CustomerFields(BaseModel):
    """The fields of the registration form that may be left empty (SOP CU-1)."""

    industry: Word | None = None
    headcount: Headcount | None = None
    revenue: Amount | None = Field(None, description="A year's turnover, as a decimal string")
    main_business: Sentence | None = None
    region: Word | None = None
    pain_points: LongText | None = None
    goals: LongText | None = None
    first_contact_at: Instant | None = None
    expected_cooperation_on: Day | None = None
    account_manager_id: UUID | None = Field(None, description="A tier-A customer's own manager")
    remarks: LongText | None = Field(
        None, description="Decision maker, special needs, history of the cooperation"
    )


class CustomerCreate(_CustomerFields):
    """A registration form (SOP CU-1). Without `owner_id` a seller owns what he registers."""

    model_config = _refusing(
        {
            "name": "华东精密仪器有限公司",
            "industry": "仪器仪表",
            "headcount": 320,
            "revenue": "86000000.00",
            "region": "上海",
            "pain_points": "旧设备维护响应慢,停机一次损失约十万元",
            "source_channel": "meeting",
            "tier": "B",
            "tags": ["重点"],
        }
    )

    name: Name
    source_channel: SourceChannel
    revenue_currency: Currency = "CNY"
    status: CustomerStatus = CustomerStatus.POTENTIAL
    tier: Tier = Tier.C
    tier_reason: Sentence | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = Field(None, description="Default: the owner's, else the caller's")
    tags: Tags = []


class CustomerPatch(_CustomerFields):
    """Changes of a customer: what is absent stays, null empties. The tier has its own route."""

    model_config = _refusing({"status": "interested", "expected_cooperation_on": "2026-06-30"})

    name: Name = Field(default_factory=str)
    source_channel: SourceChannel = Field(default_factory=lambda: SourceChannel.PHONE)
    revenue_currency: Currency = Field(default_factory=str)
    status: CustomerStatus = Field(default_factory=lambda: CustomerStatus.POTENTIAL)
    owner_id: UUID | None = Field(
        None, description="The department follows a new owner unless it is given too"
    )
    department_id: UUID | None = None
    tags: Tags = Field(default_factory=list)


class TierChange(BaseModel):
    """A tier and why (SOP CU-9); open promises are counted anew from this instant."""

    model_config = _refusing({"tier": "A", "reason": "年度合作额超过五百万元"})

    tier: Tier
    reason: Sentence


class TeamMember(BaseModel):
    """One of the people who serve a key customer, and as what (SOP CU-10)."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID
    role: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class AccountTeam(BaseModel):
    """The whole account team, in its order; it takes the place of the one before."""

    model_config = _refusing(
        {
            "members": [
                {"user_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e", "role": "技术负责人"},
                {"user_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8f", "role": "商务"},
            ]
        }
    )

    members: Annotated[list[TeamMember], Field(max_length=TEAM_MAX)]


class RevealReason(BaseModel):
    """Why personal data is looked at; the audit keeps it."""

    model_config = _refusing({"reason": "客户来电要求回拨"})

    reason: Sentence


class CustomerFilter(BaseModel):
    """What the customer list can be asked for. Times are half-open: `[gte]` inclusive, `[lt]` exclusive."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[list[CustomerStatus], Field(max_length=10)] | None = None
    tier: Annotated[list[Tier], Field(max_length=10)] | None = None
    source_channel: Annotated[list[SourceChannel], Field(max_length=10)] | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    industry: Asked | None = None
    tag: Asked | None = None
    q: Asked | None = Field(None, description="The beginning of the name")
    stale: bool | None = Field(
        None, description="Whether the monthly refresh is overdue (SOP CU-7)"
    )
    created_from: Instant | None = Field(None, alias="created_at[gte]")
    created_before: Instant | None = Field(None, alias="created_at[lt]")
    sort: CustomerSort = CustomerSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class TeamMemberRead(BaseModel):
    """A member of the account team."""

    user_id: UUID
    role: str


class CustomerSummary(BaseModel):
    """A customer as lists show him."""

    id: UUID
    number: str
    name: str
    industry: str | None
    region: str | None
    source_channel: SourceChannel
    status: CustomerStatus
    tier: Tier
    owner_id: UUID | None
    department_id: UUID | None
    account_manager_id: UUID | None
    tags: list[str]
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class CustomerRead(CustomerSummary):
    """A customer's file. `revenue` reads `****` for roles that need not know it."""

    headcount: int | None
    revenue: str | None
    revenue_currency: str
    main_business: str | None
    pain_points: str | None
    goals: str | None
    first_contact_at: AwareDatetime | None
    expected_cooperation_on: date | None
    tier_reason: str | None
    remarks: str | None
    account_team: list[TeamMemberRead]
    fresh_until: AwareDatetime | None = Field(
        description="When the next refresh is due (SOP CU-7); null for who is lost or merged"
    )
    is_stale: bool
    created_by: UUID | None


class CustomerPage(BaseModel):
    """A page of customers."""

    items: list[CustomerSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class CustomerRevealed(BaseModel):
    """What the mask hides of a customer."""

    id: UUID
    revenue: str | None
    revenue_currency: str


# --- contacts


class _ContactFields(BaseModel):
    title: Word | None = None
    phone: Phone | None = Field(
        None, description="Kept as E.164; without country code it is a Chinese number"
    )
    email: Email | None = None
    remarks: LongText | None = None


class ContactCreate(_ContactFields):
    """A person at the customer's."""

    model_config = _refusing(
        {
            "name": "王芳",
            "title": "采购经理",
            "phone": "138 0013 8000",
            "email": "wang.fang@example.com",
            "is_decision_maker": True,
        }
    )

    name: Word
    is_decision_maker: Flag = False
    is_primary: Flag = Field(False, description="The first to turn to; takes it from another one")


class ContactPatch(_ContactFields):
    """Changes of a contact: what is absent stays, null empties."""

    model_config = _refusing({"phone": "021-6688 1234 转 801"})

    name: Word = Field(default_factory=str)
    is_decision_maker: Flag = Field(default_factory=bool)
    is_primary: Flag = Field(default_factory=bool)


class ContactFilter(BaseModel):
    """What a list of contacts can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: ContactSort = ContactSort.CREATED_AT
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class ContactRead(BaseModel):
    """A contact. `phone` and `email` are masked for roles that need not know them."""

    id: UUID
    customer_id: UUID
    name: str
    title: str | None
    phone: str | None
    email: str | None
    is_decision_maker: bool
    is_primary: bool
    remarks: str | None
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ContactPage(BaseModel):
    """A page of contacts."""

    items: list[ContactRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class ContactRevealed(BaseModel):
    """What the mask hides of a contact."""

    id: UUID
    phone: str | None
    email: str | None
