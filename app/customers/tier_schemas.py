"""What the routes of a customer's tier take and give (SOP CU-9)."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.values import Instant, Sentence
from app.tiering.schemas import PolicyTitle
from app.tiering.scoring import Factor, Measure, Tier


class TierSource(StrEnum):
    """Where a tier came from: the policy, somebody's word, or the end of that word."""

    COMPUTED = "computed"
    OVERRIDE = "override"
    OVERRIDE_WITHDRAWN = "override_withdrawn"
    OVERRIDE_EXPIRED = "override_expired"


class TierOverride(BaseModel):
    """A tier whatever the policy says, and why; open promises are counted anew from this instant."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "tier": "A",
                    "reason": "年度合作额超过五百万元",
                    "expires_at": "2027-01-01T00:00:00+08:00",
                }
            ]
        },
    )

    tier: Tier
    reason: Sentence
    expires_at: Instant | None = Field(None, description="When the policy's word counts again")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MeasureExplained(_Answer):
    """What one measure gave; `value` reads `****` for roles that need not know amounts, null where it is unknown."""

    measure: Measure
    title: PolicyTitle
    value: str | None
    points: int | None
    text: PolicyTitle


class FactorExplained(_Answer):
    """What one factor gave: the points of its best known measure, weighted."""

    factor: Factor
    title: PolicyTitle
    weight: int
    points: int
    score: str
    text: PolicyTitle
    measures: list[MeasureExplained]


class TierComputed(_Answer):
    """The tier by the policy in force, with everything that it is made of."""

    tier: Tier
    score: str
    policy_version: int
    thresholds: dict[Tier, int]
    text: PolicyTitle
    factors: list[FactorExplained]


class TierRead(_Answer):
    """The tier in force and why; `computed` is what the policy says of the file at this moment."""

    tier: Tier
    is_overridden: bool
    reason: str | None
    override_ends_at: AwareDatetime | None
    needs_account_manager: bool
    computed: TierComputed


class TierChangeRead(BaseModel):
    """One change; `points` by factor and `score` are of the computation it came from, or that it set aside."""

    from_tier: Tier | None
    to_tier: Tier
    source: TierSource
    changed_at: AwareDatetime
    changed_by: UUID | None = Field(description="Null: the system itself")
    reason: str | None
    override_ends_at: AwareDatetime | None
    score: str | None
    points: dict[Factor, int] | None
    policy_version: int | None


class TierChangePage(BaseModel):
    """A page of changes."""

    items: list[TierChangeRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
