"""What segments take and give."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.customers.schemas import CustomerSummary
from app.customers.values import Amount, Flag, LongText
from app.segments.attributes import ATTRIBUTES
from app.segments.condition import COMPARISONS_MAX, Kind, Operator

SegmentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
_EXAMPLE: Mapping[str, Any] = {
    "all": [
        {"attribute": "tier", "operator": "in", "value": ["A", "B"]},
        {"not": {"attribute": "last_seen_at", "operator": "within_days", "value": 90}},
    ]
}


def _record(description: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }


def _members(description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "description": description,
        "items": {
            "type": "object",
            "description": "A condition again",
            "additionalProperties": True,
        },
        "minItems": 1,
        "maxItems": COMPARISONS_MAX,
    }


class SegmentCondition(RootModel[dict[str, Any]]):
    """A condition: `all`, `any` or `not` of conditions, or a comparison; a JSON Pointer says what is wrong with one."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say what the parser takes."""
        del core_schema, handler
        comparison = {
            "attribute": {
                "type": "string",
                "description": f"{', '.join(ATTRIBUTES)}, or `custom.` and the key of a custom field",
            },
            "operator": {"type": "string", "enum": [one.value for one in Operator]},
            "value": {
                "description": "As the attribute's kind and the operator want it; a list for `in`, `not_in`, `has_...`"
            },
        }
        again = {"type": "object", "description": "A condition again", "additionalProperties": True}
        return {
            "title": "SegmentCondition",
            "description": "A condition over customers. `GET /segment-attributes` lists attributes and operators.",
            "oneOf": [
                _record("Every one holds", {"all": _members("Conditions")}),
                _record("At least one holds", {"any": _members("Conditions")}),
                _record("It does not hold", {"not": again}),
                _record("An attribute of the customer compared", comparison),
            ],
            "examples": [dict(_EXAMPLE)],
        }


def _refusing(example: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


class SegmentCreate(BaseModel):
    """A segment: a name and who belongs to it (SOP CU-8)."""

    model_config = _refusing({"name": "久未联系的重点客户", "condition": dict(_EXAMPLE)})

    name: SegmentName
    description: LongText | None = None
    condition: SegmentCondition


class SegmentPatch(BaseModel):
    """Changes of a segment: what is absent stays. One that is not active keeps its members as they are."""

    model_config = _refusing({"is_active": False})

    name: SegmentName = Field(default_factory=str)
    description: LongText | None = None
    condition: SegmentCondition = Field(default_factory=lambda: SegmentCondition({}))
    is_active: Flag = Field(default_factory=bool)


class SegmentPreview(BaseModel):
    """A condition to be tried."""

    model_config = _refusing({"condition": dict(_EXAMPLE)})

    condition: SegmentCondition


class SegmentPreviewed(BaseModel):
    """How many customers meet a condition at this moment."""

    customer_count: int


class SegmentSort(StrEnum):
    """The orders of the list of segments; `-` is descending, the id breaks ties."""

    NAME = "name"
    NAME_DESC = "-name"
    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class SegmentFilter(BaseModel):
    """What the list of segments can be asked for."""

    model_config = ConfigDict(extra="forbid")

    is_active: bool | None = None
    sort: SegmentSort = SegmentSort.NAME
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class SegmentRead(BaseModel):
    """A segment. `evaluated_at` is when it was last looked at whole, null before the first time."""

    id: UUID
    name: str
    description: str | None
    condition: dict[str, Any]
    is_active: bool
    member_count: int
    evaluated_at: AwareDatetime | None
    version: int
    created_by: UUID | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class SegmentPage(BaseModel):
    """A page of segments."""

    items: list[SegmentRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class MemberSort(StrEnum):
    """The orders of a segment's customers."""

    ENTERED_AT = "entered_at"
    ENTERED_AT_DESC = "-entered_at"


class MemberFilter(BaseModel):
    """What a segment's customers can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: MemberSort = MemberSort.ENTERED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class SegmentCustomer(BaseModel):
    """A customer who is in the segment, and since when."""

    customer: CustomerSummary
    entered_at: AwareDatetime


class SegmentCustomerPage(BaseModel):
    """A page of a segment's customers."""

    items: list[SegmentCustomer]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class MembershipFilter(BaseModel):
    """What a customer's memberships can be asked for; without `is_current` those that are over are among them."""

    model_config = ConfigDict(extra="forbid")

    is_current: bool | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class MembershipRead(BaseModel):
    """A customer's time in a segment; `left_at` is null while he is in."""

    segment_id: UUID
    name: str
    entered_at: AwareDatetime
    left_at: AwareDatetime | None


class MembershipPage(BaseModel):
    """A page of memberships."""

    items: list[MembershipRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class SegmentAttribute(BaseModel):
    """What a condition can be about. `choices` is null where any value of the kind is taken."""

    attribute: str
    title: dict[str, str]
    kind: Kind
    operators: list[Operator]
    choices: list[str] | None


class SegmentAttributes(BaseModel):
    """Every attribute."""

    items: list[SegmentAttribute]


class CustomerFiguresRead(BaseModel):
    """What a customer does, counted; purchases are those of the last 365 days."""

    interaction_count: int
    last_seen_at: datetime | None
    ticket_count: int
    purchase_count_365d: int
    purchase_amount_365d: str
    frequency_band: str
    amount_band: str


class BandsWrite(BaseModel):
    """From which figures on a customer buys often (`frequency`), and much (`amount`), within 365 days."""

    model_config = _refusing(
        {
            "frequency_mid": 4,
            "frequency_high": 12,
            "amount_mid": "10000.00",
            "amount_high": "100000.00",
        }
    )

    frequency_mid: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    frequency_high: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    amount_mid: Amount
    amount_high: Amount


class BandsRead(BaseModel):
    """The bounds in force."""

    frequency_mid: int
    frequency_high: int
    amount_mid: str
    amount_high: str
    version: int
