"""What the lifecycle's routes take and give. What a document may say beyond its form is checked in `rules`."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.auth.permissions import Role
from app.lifecycle.rules import ReasonRule, RequiredField, StageKind

STAGES_MAX, MOVES_MAX, REASONS_MAX = 20, 100, 100

# A stage's code is a customer's `status`.
StageCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,19}$")]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Flag = Annotated[bool, Field(strict=True)]


class _Form(BaseModel):
    """A part of a document; nothing else is taken."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class StageTitle(_Form):
    """A name in both languages."""

    zh: Word
    en: Word


class StageForm(_Form):
    """A stage; its place in the list is its place in the funnel. One that is not active takes nobody any more."""

    code: StageCode
    title: StageTitle
    kind: StageKind
    is_initial: Flag = Field(False, description="A customer may be registered in it")
    is_active: Flag = True


class MoveForm(_Form):
    """A way from any of some stages to one, and its rules."""

    sources: Annotated[list[StageCode], Field(min_length=1, max_length=STAGES_MAX, alias="from")]
    to: StageCode
    roles: Annotated[
        list[Role],
        Field(max_length=len(Role), description="Empty: whoever may write the customer's file"),
    ] = []
    requires: Annotated[list[RequiredField], Field(max_length=len(RequiredField))] = []
    reason: ReasonRule = ReasonRule.NONE


class ReasonForm(_Form):
    """A reason that moves with `reason: listed` are given for."""

    code: ReasonCode
    title: StageTitle
    is_active: Flag = True


class LifecycleDocument(_Form):
    """The whole configuration (SOP CU-11). Codes that were published stay; they may be made inactive."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "stages": [
                        {
                            "code": "potential",
                            "title": {"zh": "潜在", "en": "Potential"},
                            "kind": "open",
                            "is_initial": True,
                            "is_active": True,
                        },
                        {
                            "code": "won",
                            "title": {"zh": "成交", "en": "Won"},
                            "kind": "won",
                            "is_initial": False,
                            "is_active": True,
                        },
                    ],
                    "moves": [
                        {
                            "from": ["potential"],
                            "to": "won",
                            "roles": [],
                            "requires": ["owner_id", "contact"],
                            "reason": "none",
                        }
                    ],
                    "reasons": [
                        {
                            "code": "price",
                            "title": {"zh": "价格因素", "en": "Price"},
                            "is_active": True,
                        }
                    ],
                }
            ]
        },
    )

    stages: Annotated[list[StageForm], Field(min_length=1, max_length=STAGES_MAX)]
    moves: Annotated[list[MoveForm], Field(max_length=MOVES_MAX)]
    reasons: Annotated[list[ReasonForm], Field(max_length=REASONS_MAX)] = []


class LifecycleFilter(BaseModel):
    """What the list of versions can be asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class LifecycleRead(BaseModel):
    """A version of the configuration; 0 ships and was published by nobody."""

    model_config = ConfigDict(extra="forbid")

    number: int
    document: LifecycleDocument
    published_by: UUID | None
    created_at: AwareDatetime | None


class LifecyclePage(BaseModel):
    """A page of versions."""

    items: list[LifecycleRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
