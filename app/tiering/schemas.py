"""What the tier policy's routes take and give. What a document may say beyond its form is checked in `scoring`."""

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from uuid import UUID

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.operations.schemas import OperationRead
from app.tiering.scoring import POINTS_MAX, Measure

MEASURES_MAX, BANDS_MAX, CHOICES_MAX, RATES_MAX = 10, 20, 50, 50
LIMIT_MAX = 10**15

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Choice = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Points = Annotated[int, Field(strict=True, ge=0, le=POINTS_MAX)]
Limit = Annotated[int, Field(strict=True, ge=0, le=LIMIT_MAX)]
Threshold = Annotated[int, Field(strict=True, ge=1, le=POINTS_MAX)]


def _rate(value: str) -> str:
    if Decimal(value) <= 0:
        raise PydanticCustomError("tier_rate_invalid", "not a rate")
    return value


Rate = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$"), AfterValidator(_rate)
]


class _Form(BaseModel):
    """A part of a document; nothing else is taken."""

    model_config = ConfigDict(extra="forbid")


class PolicyTitle(_Form):
    """A name in both languages."""

    zh: Word
    en: Word


class BandForm(_Form):
    """Points from a limit on (`at_least`), or up to it (`at_most`, where fewer is more); both inclusive."""

    at_least: Limit | None = None
    at_most: Limit | None = None
    points: Points


class ScaleForm(_Form):
    """How a measure gives points: by `bands` of figures (amounts in whole units), or by `choices` of codes."""

    measure: Measure
    bands: Annotated[list[BandForm], Field(max_length=BANDS_MAX)] = []
    choices: Annotated[dict[Choice, Points], Field(max_length=CHOICES_MAX)] = {}


class FactorForm(_Form):
    """A factor: its weight in per cent, and what it is measured by; the best known measure counts."""

    weight: Points
    measures: Annotated[list[ScaleForm], Field(max_length=MEASURES_MAX)]


class FactorsForm(_Form):
    """The three factors; their weights add up to 100."""

    value: FactorForm
    growth: FactorForm
    urgency: FactorForm


class ThresholdsForm(_Form):
    """From which score on a tier is reached, inclusive; C otherwise."""

    A: Threshold
    B: Threshold


@cache
def _shipped() -> dict[str, Any]:
    text = files("app.tiering").joinpath("packs", "default.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


class TierPolicyDocument(_Form):
    """How a customer's tier is computed (SOP CU-9): value, growth potential and urgency, weighted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=lambda schema: schema.update(examples=[_shipped()])
    )

    title: PolicyTitle
    currency: Currency = "CNY"
    rates: Annotated[
        dict[Currency, Rate],
        Field(max_length=RATES_MAX, description="Value of one unit of another currency"),
    ] = {}
    factors: FactorsForm
    tiers: ThresholdsForm


class TierPolicyPublish(_Form):
    """A policy to publish, and the finished preview of it against the version in force."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra=lambda schema: schema.update(
            examples=[
                {"document": _shipped(), "preview_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"}
            ]
        ),
    )

    document: TierPolicyDocument
    preview_id: UUID | None = Field(None, description="From `POST /tier-policies/preview`")


class TierPolicyFilter(BaseModel):
    """What the list of versions can be asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class TierPolicyRead(_Form):
    """A version of the policy; 0 ships and was published by nobody."""

    number: int
    document: TierPolicyDocument
    published_by: UUID | None
    created_at: AwareDatetime | None


class TierPolicyPage(BaseModel):
    """A page of versions."""

    items: list[TierPolicyRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class TierPolicyPublished(_Form):
    """The policy as it is now in force, and the operation that computes every customer's tier anew."""

    policy: TierPolicyRead
    operation: OperationRead | None


def shipped_form() -> TierPolicyDocument:
    """Return the policy that ships; it is version 0."""
    return TierPolicyDocument.model_validate(_shipped())
