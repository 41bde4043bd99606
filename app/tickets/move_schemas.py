"""What the moves of a ticket take, and a message as it is shown.

Which move is possible when is in `lifecycle`; not here: what a move does (moves, messages, agreements ...).
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from app.customers.values import Flag, Instant, LongText, Name, Sentence, Tags
from app.tickets.lifecycle import TicketStatus
from app.tickets.schemas import (
    Channel,
    Complexity,
    Priority,
    Rating,
    Solution,
    TypeCode,
    refusing,
)

MEMBERS_MAX = 50
_CONTACT_EXAMPLE = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
Progress = Annotated[int, Field(strict=True, ge=0, le=100)]
Duty = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class Author(StrEnum):
    """Whose word a message is."""

    STAFF = "staff"
    CUSTOMER = "customer"


class Answer(StrEnum):
    """What the customer answers (SOP TK-7)."""

    SOLVED = "solved"
    PARTLY = "partly"


class Assign(BaseModel):
    """To whom: an owner, a department, or both. A department alone dispatches within it."""

    model_config = refusing({"owner_id": _CONTACT_EXAMPLE, "reason": "熟悉该型号"})

    owner_id: UUID | None = None
    department_id: UUID | None = None
    reason: Sentence | None = None


class TakeBack(BaseModel):
    """Why it is taken back from whoever did not accept it in time."""

    model_config = refusing({"reason": "半小时内无人受理"})

    reason: Sentence | None = None


class MessageCreate(BaseModel):
    """A message: public or internal, by staff or what the customer said. A vague public one is refused."""

    model_config = refusing(
        {
            "body": "备件已从苏州总仓发出,单号 SF0000067890,明早 10 点前送到现场。",
            "progress": 40,
        }
    )

    body: LongText
    author: Author = Author.STAFF
    public: Flag = True
    automatic: Flag = Field(False, description="Sent by a machine: answers no promise")
    progress: Progress | None = None
    channel: Channel | None = None
    contact_id: UUID | None = None


class Reason(BaseModel):
    """Why."""

    model_config = refusing({"reason": "客户只是转发了会议纪要,无需答复"})

    reason: Sentence


class Agree(BaseModel):
    """The instant that staff agree to (SOP TK-1). Later than the solution is due it needs the customer's wish."""

    model_config = refusing({"due_at": "2026-03-04T10:00:00+08:00", "wish_recorded": True})

    due_at: Instant
    wish_recorded: Flag = Field(
        False, description="The customer wishes just this instant: it is recorded as `wished_at`"
    )


class Member(BaseModel):
    """A member of the task force and what he is there for."""

    model_config = refusing({"user_id": _CONTACT_EXAMPLE, "duty": "算法比对与补丁"})

    user_id: UUID
    duty: Duty = ""


class TaskForce(BaseModel):
    """The whole task force (SOP TK-4); it takes the place of the one before."""

    model_config = refusing(
        {
            "members": [
                {"user_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e", "duty": "技术牵头"},
                {"user_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8f", "duty": "客户沟通"},
            ]
        }
    )

    members: Annotated[list[Member], Field(min_length=1, max_length=MEMBERS_MAX)]


class Plan(BaseModel):
    """The first plan (SOP TK-4)."""

    model_config = refusing({"plan": "1. 今天退回旧版恢复放行;2. 今晚出差异报告;3. 明天验证补丁。"})

    plan: LongText


class Wait(BaseModel):
    """What the customer is asked, and why work cannot go on without the answer."""

    model_config = refusing(
        {
            "question": "需要您现在用的模板文件才能对比,方便把 report.xltx 发给我吗?",
            "reason": "等客户提供自定义模板",
        }
    )

    question: LongText
    reason: Sentence
    channel: Channel | None = None


class ApprovePause(BaseModel):
    """How much further working time the ticket may wait for its customer, and why."""

    model_config = refusing({"working_minutes": 540, "reason": "客户的备件在海关,还需一天"})

    working_minutes: Annotated[int, Field(strict=True, ge=1, le=27_000)]
    reason: Sentence


class Resolve(BaseModel):
    """The solution: steps and result (SOP TK-11)."""

    model_config = refusing(
        {"solution": {"steps": "更换温度探头并重新校准", "result": "连续 2 小时偏差小于 0.1 ℃"}}
    )

    solution: Solution


class Confirm(BaseModel):
    """The customer's answer, from whom and how (SOP TK-7). `partly` reopens the ticket."""

    model_config = refusing(
        {
            "answer": "solved",
            "contact_id": _CONTACT_EXAMPLE,
            "channel": "phone",
            "rating": "satisfied",
            "feedback": "当天就弄好了",
        }
    )

    answer: Answer
    contact_id: UUID
    channel: Channel
    rating: Rating | None = None
    feedback: LongText | None = None


class Reclassify(BaseModel):
    """What the ticket is after all. The owner stays unless `redispatch` is asked for."""

    model_config = refusing({"complexity": "complex"})

    type: TypeCode = Field(default_factory=str)
    complexity: Complexity = Field(default_factory=lambda: Complexity.NORMAL)
    priority: Priority = Field(default_factory=lambda: Priority.NORMAL)
    tags: Tags = Field(default_factory=list)
    redispatch: Flag = False


class Merge(BaseModel):
    """Into which ticket of the same customer."""

    model_config = refusing({"into_id": _CONTACT_EXAMPLE, "reason": "同一故障重复报修"})

    into_id: UUID
    reason: Sentence | None = None


class Split(BaseModel):
    """The matter that becomes a ticket of its own, opened now."""

    model_config = refusing(
        {
            "subject": "咨询色谱柱保养合同",
            "description": "客户顺带问起全年保养的价格和频次。",
            "type": "consult",
        }
    )

    subject: Name
    description: LongText
    type: TypeCode | None = Field(None, description="Default: that of the ticket split")
    complexity: Complexity = Complexity.NORMAL
    priority: Priority = Priority.NORMAL
    tags: Tags = []
    owner_id: UUID | None = None


class Close(BaseModel):
    """What lay behind it and what staff would do better (SOP TK-11)."""

    model_config = refusing(
        {"root_cause": "探头老化", "improvement_suggestion": "年检增加探头比对一项"}
    )

    root_cause: LongText
    improvement_suggestion: LongText | None = None


class JudgedRead(BaseModel):
    """What the judges said when the message was written."""

    vague: bool
    vague_reasons: list[str]
    courtesy: bool
    question: bool
    automatic: bool


class MessageRead(BaseModel):
    """A message on a ticket."""

    id: UUID
    ticket_id: UUID
    author: Author
    user_id: UUID | None
    user_name: str | None
    contact_id: UUID | None
    public: bool
    channel: Channel | None
    body: str
    progress: int | None
    judged: JudgedRead
    sent_at: AwareDatetime


class MessagePosted(MessageRead):
    """A message just written, and what it did: the ticket's status, and the ticket that it opened, if it did."""

    ticket_status: TicketStatus
    opened_ticket_id: UUID | None


class MessagePage(BaseModel):
    """A page of a ticket's messages, oldest first."""

    items: list[MessageRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
