"""What the routes of policies and retargets take and give. What a document may say is checked by its parser."""

from enum import StrEnum
from typing import Annotated, Any, Literal
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

from app.operations.schemas import OperationRead
from app.sla.engine.deadline import State
from app.sla.engine.policy_document import NAME_PATTERN
from app.sla.engine.policy_schema import policy_schema
from app.sla.moves import Change
from app.sla.plans import Mode
from app.sla.schemas import Answer, Titles

OpenMode = Literal[Mode.OPEN_FROM_NOW, Mode.OPEN_FROM_START]
PolicyName = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
VersionName = Annotated[str, StringConstraints(pattern=r"^(draft|current|[1-9][0-9]{0,8})$")]
_EXAMPLE = {
    "name": "toolkit",
    "title": {"zh": "客户服务工具包", "en": "Service toolkit"},
    "conditions": {},
    "calendars": {"A": "24x7", "otherwise": "working"},
    "clocks": {"accept": {"target": {"minutes": 30}}, "resolve": {"target": {"hours": 4}}},
    "waiting": {"pauses": ["resolve"], "limit": {"working_days": 3}},
    "ladder": [
        {"level": 1, "percent": -25, "tell": ["owner"]},
        {"level": 2, "minutes": 0, "tell": ["owner", "next"]},
    ],
}


class PolicyDocument(RootModel[dict[str, Any]]):
    """A policy's document; a JSON Pointer says what is wrong with one that is refused."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say what the parser takes."""
        del core_schema, handler
        return {**policy_schema(), "examples": [_EXAMPLE]}


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PolicyFilter(_Command):
    """Policies in the order in which they are asked."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class PolicyPatch(_Command):
    """Whether a policy is asked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_active": True}]})

    is_active: Annotated[bool, Field(strict=True)]


class PolicyOrder(_Command):
    """Every policy once, the one asked first at the top."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"names": ["tiered-cases", "toolkit", "none"]}]},
    )

    names: Annotated[list[PolicyName], Field(min_length=1, max_length=500)]


class PolicyPreview(_Command):
    """How a publication would treat open matters."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"mode": "open_from_now"}]}
    )

    mode: OpenMode


class PolicyPublish(_Command):
    """For new matters only, or for open ones too: then with the preview of this very draft and mode."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"mode": "new"}]})

    mode: Mode = Mode.NEW
    preview_id: UUID | None = Field(None, description="The operation of the preview")


class DiffFilter(_Command):
    """Which two versions are compared: numbers, `current` or `draft`."""

    before: VersionName = Field("current", alias="from")
    after: VersionName = Field("draft", alias="to")


class RetargetPreview(_Command):
    """Which open matters go over to what is in force: those of a policy, those on a calendar, or (neither) all policies'."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"policy": "toolkit", "mode": "open_from_now"}]},
    )

    mode: OpenMode
    policy: PolicyName | None = None
    calendar: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class RetargetStart(RetargetPreview):
    """The same, with the preview of it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "policy": "toolkit",
                    "mode": "open_from_now",
                    "preview_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c0121",
                }
            ]
        },
    )

    preview_id: UUID | None = None


class MoveSort(StrEnum):
    """The orders of moves: as they were found (by subject), or by the new due; `-` is descending."""

    ID = "id"
    ID_DESC = "-id"
    DUE_AFTER = "due_after"
    DUE_AFTER_DESC = "-due_after"


class MoveFilter(_Command):
    """What the moves of a retarget can be asked for."""

    change: Change | None = None
    clock: Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,40}$")] | None = None
    late: bool | None = Field(None, description="Only what is due at the retarget itself, or not")
    sort: MoveSort = MoveSort.ID
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


# --- answers


class PolicySummary(Answer):
    """A policy and the document of its current version; null while it is only a draft."""

    id: UUID
    name: str
    title: Titles
    position: int
    is_active: bool
    current_version: int = Field(description="0: not published yet")
    created_at: AwareDatetime
    document: dict[str, Any] | None


class PolicyPage(Answer):
    """A page of policies."""

    items: list[PolicySummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class PolicyVersionRead(Answer):
    """One version of a policy: whom its publication reached, and who published it (null: it ships)."""

    number: int
    created_at: AwareDatetime
    document: dict[str, Any]
    mode: Mode | None
    published_by: UUID | None


class PolicyRead(PolicySummary):
    """A policy with its draft and all its versions, newest first."""

    version: int
    draft: dict[str, Any] | None
    versions: list[PolicyVersionRead]


class PolicyPublished(Answer):
    """The policy as it is now, and the operation that takes open matters over."""

    policy: PolicyRead
    operation: OperationRead | None


class DifferenceRead(Answer):
    """One place that differs; `before` or `after` is missing where there is nothing."""

    pointer: str
    before: Any = None
    after: Any = None
    text: str


class PolicyDiff(Answer):
    """What differs between two versions, in the order of the places."""

    before: str
    after: str
    differences: list[DifferenceRead]


class MoveRead(Answer):
    """One deadline's move; `late`: due at the retarget itself, its target being used up."""

    subject_type: str
    subject_id: UUID
    label: str
    clock: str
    rule: str
    change: Change
    state_before: State | None
    due_before: AwareDatetime | None
    due_after: AwareDatetime | None
    late: bool


class MovePage(Answer):
    """A page of moves."""

    items: list[MoveRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
