"""What reviews of duplicates and merges take and give."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.customers.matching import Reason
from app.customers.values import Sentence


class ReviewState(StrEnum):
    """What became of a pair."""

    OPEN = "open"
    DISMISSED = "dismissed"
    MERGED = "merged"


class ReviewSort(StrEnum):
    """The orders of the review list; the likeliest first unless asked otherwise."""

    SCORE = "score"
    SCORE_DESC = "-score"
    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class MergeSort(StrEnum):
    """The orders of the merges."""

    MERGED_AT = "merged_at"
    MERGED_AT_DESC = "-merged_at"


class TakenField(StrEnum):
    """What a winner can take over of the loser's file; of lists both parts are kept."""

    NAME = "name"
    SHORT_NAME = "short_name"
    CREDIT_CODE = "credit_code"
    WEBSITE = "website"
    ADDRESS = "address"
    INDUSTRY = "industry"
    HEADCOUNT = "headcount"
    REVENUE = "revenue"
    MAIN_BUSINESS = "main_business"
    REGION = "region"
    TRADE_KIND = "trade_kind"
    PURCHASING_POWER = "purchasing_power"
    PURCHASING_HABITS = "purchasing_habits"
    PAIN_POINTS = "pain_points"
    GOALS = "goals"
    REMARKS = "remarks"
    FIRST_CONTACT_AT = "first_contact_at"
    EXPECTED_COOPERATION_ON = "expected_cooperation_on"
    COOPERATION_STARTED_ON = "cooperation_started_on"
    CONTRACT_ENDS_ON = "contract_ends_on"
    CUSTOM = "custom"
    TAGS = "tags"
    NEED_KEYWORDS = "need_keywords"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class ReviewFilter(_Asked):
    """What the list of likely duplicates can be asked for; open pairs are those that both still stand."""

    state: ReviewState | None = None
    sort: ReviewSort = ReviewSort.SCORE_DESC


class MergeFilter(_Asked):
    """What the list of merges can be asked for; `customer_id` is the winner's, or of who was merged into him."""

    customer_id: UUID | None = None
    sort: MergeSort = MergeSort.MERGED_AT_DESC


class DismissGiven(BaseModel):
    """Why two customers are two."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"note": "同名的两家公司,信用代码不同"}]}
    )

    note: Sentence


class MergeCreate(BaseModel):
    """Whose file is taken into whose, and what of his own fields is taken over."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "winner_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c0108",
                    "loser_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c0109",
                    "take": ["short_name", "tags"],
                    "reason": "同一客户由两个部门分别建档",
                }
            ]
        },
    )

    winner_id: UUID
    loser_id: UUID
    take: Annotated[list[TakenField], Field(max_length=len(TakenField))] = []
    reason: Sentence


class UndoGiven(BaseModel):
    """Why a merge was wrong."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "两家公司,误合并"}]}
    )

    reason: Sentence


class CustomerNamed(BaseModel):
    """A customer by id, number and name."""

    id: UUID
    number: str
    name: str


class ReviewRead(BaseModel):
    """Two customers who look like one; `score` is of 100."""

    id: UUID
    state: ReviewState
    score: int
    reasons: list[Reason]
    one: CustomerNamed
    other: CustomerNamed
    note: str | None
    decided_by: UUID | None
    decided_at: AwareDatetime | None
    version: int
    created_at: AwareDatetime


class ReviewPage(BaseModel):
    """A page of likely duplicates."""

    items: list[ReviewRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class MergeRead(BaseModel):
    """A merge: `counts` are the rows that name the winner since, by table."""

    id: UUID
    winner: CustomerNamed
    loser: CustomerNamed
    reason: str
    taken: list[TakenField]
    counts: dict[str, int]
    merged_by: UUID | None
    merged_at: AwareDatetime
    undone_by: UUID | None
    undone_at: AwareDatetime | None
    undo_reason: str | None
    version: int


class MergePage(BaseModel):
    """A page of merges."""

    items: list[MergeRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
