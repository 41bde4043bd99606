"""What the customer file takes and gives: inputs that refuse what they do not know, and the contract's answers.

Not here: contacts (`contact_schemas`); whether an id names anything, and who may write (service).
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.customers.matching import Profile
from app.customers.values import (
    HEADCOUNT_MAX,
    Amount,
    Asked,
    CreditCode,
    Currency,
    Custom,
    Day,
    Headcount,
    Instant,
    ListCode,
    LongText,
    Name,
    Sentence,
    Tags,
    Website,
    Word,
)
from app.lifecycle.schemas import StageCode
from app.tiering.scoring import Tier

TEAM_MAX = 50


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


def refusing(example: Mapping[str, Any]) -> ConfigDict:
    """Return the configuration of an input: unknown fields are refused, and one example is shown."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


# --- customers


class _CustomerFields(BaseModel):
    """The fields of the registration form that may be left empty (SOP CU-1)."""

    short_name: Word | None = None
    credit_code: CreditCode | None = Field(
        None, description="Unified social credit code (GB 32100-2015), kept in upper case"
    )
    website: Website | None = Field(None, description="Kept with its scheme, https unless given")
    address: Sentence | None = None
    industry: Word | None = None
    headcount: Headcount | None = None
    revenue: Amount | None = Field(None, description="A year's turnover, as a decimal string")
    main_business: Sentence | None = None
    region: Word | None = None
    trade_kind: ListCode | None = Field(None, description="A code of the choice list `trade_kind`")
    purchasing_power: ListCode | None = Field(
        None, description="A code of the choice list `purchasing_power`"
    )
    purchasing_habits: LongText | None = None
    pain_points: LongText | None = None
    goals: LongText | None = None
    first_contact_at: Instant | None = None
    expected_cooperation_on: Day | None = None
    cooperation_started_on: Day | None = None
    contract_ends_on: Day | None = None
    account_manager_id: UUID | None = Field(None, description="A tier-A customer's own manager")
    remarks: LongText | None = Field(
        None, description="Decision maker, special needs, history of the cooperation"
    )


class CustomerCreate(_CustomerFields):
    """A registration form (SOP CU-1). Without `owner_id` a seller owns what he registers."""

    model_config = refusing(
        {
            "name": "华东精密仪器有限公司",
            "industry": "仪器仪表",
            "headcount": 320,
            "revenue": "86000000.00",
            "region": "上海",
            "trade_kind": "end_user",
            "pain_points": "旧设备维护响应慢,停机一次损失约十万元",
            "source_channel": "meeting",
            "tier": "B",
            "tags": ["重点"],
        }
    )

    name: Name
    source_channel: SourceChannel
    revenue_currency: Currency = "CNY"
    status: StageCode = Field("potential", description="One of the lifecycle's initial stages")
    tier: Tier | None = Field(
        None, description="Overrides what the tier policy will say; without it the tier is computed"
    )
    tier_reason: Sentence | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = Field(None, description="Default: the owner's, else the caller's")
    need_keywords: Tags = Field([], description="Keywords of the first need, as an online form has")
    custom: Custom = Field({}, description="Values of custom fields by their keys")
    tags: Tags = []
    duplicates_checked: Annotated[list[UUID], Field(max_length=100)] = Field(
        [], description="Candidates that were looked at and are other customers"
    )

    def profile(self) -> Profile:
        """Return what is compared with the customers there are."""
        return Profile(
            self.name,
            short_name=self.short_name,
            credit_code=self.credit_code,
            address=self.address,
        )


class CustomerPatch(_CustomerFields):
    """Changes of a customer: what is absent stays, null empties. Stage and tier have routes of their own."""

    model_config = refusing({"region": "上海", "expected_cooperation_on": "2026-06-30"})

    name: Name = Field(default_factory=str)
    source_channel: SourceChannel = Field(default_factory=lambda: SourceChannel.PHONE)
    revenue_currency: Currency = Field(default_factory=str)
    owner_id: UUID | None = Field(
        None, description="The department follows a new owner unless it is given too"
    )
    department_id: UUID | None = None
    need_keywords: Tags = Field(default_factory=list)
    custom: Custom = Field(
        default_factory=dict, description="What is named is set, null takes it out, the rest stays"
    )
    tags: Tags = Field(default_factory=list)


class TeamMember(BaseModel):
    """One of the people who serve a key customer, and as what (SOP CU-10)."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID
    role: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class AccountTeam(BaseModel):
    """The whole account team, in its order; it takes the place of the one before."""

    model_config = refusing(
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

    model_config = refusing({"reason": "客户来电要求回拨"})

    reason: Sentence


def _custom_filter(name: str) -> str:
    if not name.startswith("custom["):
        raise PydanticCustomError("extra_forbidden", "no filter")
    return name


class CustomerFilter(BaseModel):
    """What the customer list can be asked for. Times are half-open: `[gte]` inclusive, `[lt]` exclusive.

    What is not declared here is a filter by a custom field, or refused (`custom_filters`).
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_custom_filter)], Any]

    status: Annotated[list[StageCode], Field(max_length=10)] | None = None
    tier: Annotated[list[Tier], Field(max_length=10)] | None = None
    needs_account_manager: bool | None = None
    source_channel: Annotated[list[SourceChannel], Field(max_length=10)] | None = None
    owner_id: UUID | None = None
    department_id: UUID | None = None
    industry: Asked | None = None
    region: Asked | None = None
    trade_kind: Annotated[list[ListCode], Field(max_length=50)] | None = None
    purchasing_power: Annotated[list[ListCode], Field(max_length=50)] | None = None
    credit_code: CreditCode | None = None
    tag: Asked | None = None
    stale: bool | None = Field(
        None, description="Whether the monthly refresh is overdue (SOP CU-7)"
    )
    created_from: Instant | None = Field(None, alias="created_at[gte]")
    created_before: Instant | None = Field(None, alias="created_at[lt]")
    headcount_from: int | None = Field(None, alias="headcount[gte]", ge=0, le=HEADCOUNT_MAX)
    headcount_below: int | None = Field(None, alias="headcount[lt]", ge=0, le=HEADCOUNT_MAX)
    started_from: Day | None = Field(None, alias="cooperation_started_on[gte]")
    started_before: Day | None = Field(None, alias="cooperation_started_on[lt]")
    ends_from: Day | None = Field(None, alias="contract_ends_on[gte]")
    ends_before: Day | None = Field(None, alias="contract_ends_on[lt]")
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
    short_name: str | None
    industry: str | None
    region: str | None
    trade_kind: str | None
    source_channel: SourceChannel
    status: str = Field(description="The code of a stage of the lifecycle")
    tier: Tier
    owner_id: UUID | None
    department_id: UUID | None
    account_manager_id: UUID | None
    needs_account_manager: bool = Field(
        description="Of tier A, and nobody active is the account manager"
    )
    tags: list[str]
    version: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class CustomerRead(CustomerSummary):
    """A customer's file. `revenue` reads `****` for roles that need not know it."""

    credit_code: str | None
    website: str | None
    address: str | None
    purchasing_power: str | None
    headcount: int | None
    revenue: str | None
    revenue_currency: str
    main_business: str | None
    purchasing_habits: str | None
    need_keywords: list[str]
    pain_points: str | None
    goals: str | None
    first_contact_at: AwareDatetime | None
    expected_cooperation_on: date | None
    cooperation_started_on: date | None
    contract_ends_on: date | None
    tier_reason: str | None
    tier_is_overridden: bool
    tier_override_ends_at: AwareDatetime | None
    remarks: str | None
    custom: dict[str, Any]
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
