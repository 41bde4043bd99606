"""What the routes of rules take and give: the clock register, and rules that a deployment adds to it."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.calendars.target import Unit
from app.sla.schemas import Answer, Code, TargetRead, Titles

ClockName = Annotated[
    str, StringConstraints(min_length=2, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
]
RuleId = Annotated[
    str, StringConstraints(min_length=2, max_length=20, pattern=r"^[A-Z][A-Z0-9]*-[A-Za-z0-9]+$")
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class CalendarRole(StrEnum):
    """Which calendar a rule runs in: the deployment's working calendar, or around the clock."""

    WORKING = "working"
    AROUND_THE_CLOCK = "24x7"


class Bilingual(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(extra="forbid")

    zh: Line
    en: Line


class TargetGiven(BaseModel):
    """How long a promise may take, such as 3 working days."""

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(ge=1, strict=True)
    unit: Unit


def _refusing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class RuleCreate(BaseModel):
    """A rule of the deployment's own; its clock and its id stay what they are."""

    model_config = _refusing(
        {
            "clock": "invoice_sent",
            "rule": "FIN-1",
            "title": {"zh": "开具发票", "en": "Invoice sent"},
            "opens_on": {"zh": "财务系统收到开票申请", "en": "finance receives the request"},
            "answered_by": {"zh": "发票已寄出", "en": "the invoice is sent"},
            "target": {"amount": 3, "unit": "working_days"},
            "calendar": "working",
        }
    )

    clock: ClockName
    rule: RuleId
    title: Bilingual
    opens_on: Bilingual
    answered_by: Bilingual
    target: TargetGiven
    calendar: CalendarRole = CalendarRole.WORKING
    answers_department_id: UUID | None = Field(
        None, description="Who answers, unless a matter names somebody"
    )


class RulePatch(BaseModel):
    """Changes of a rule; what is absent stays. An inactive rule takes no new matters."""

    model_config = _refusing({"target": {"amount": 2, "unit": "working_days"}})

    title: Bilingual = Field(default_factory=lambda: Bilingual(zh="-", en="-"))
    opens_on: Bilingual = Field(default_factory=lambda: Bilingual(zh="-", en="-"))
    answered_by: Bilingual = Field(default_factory=lambda: Bilingual(zh="-", en="-"))
    target: TargetGiven = Field(default_factory=lambda: TargetGiven(amount=1, unit=Unit.DAYS))
    calendar: CalendarRole = Field(default_factory=lambda: CalendarRole.WORKING)
    answers_department_id: UUID | None = None
    is_active: bool = Field(default_factory=bool, strict=True)


class RuleFilter(BaseModel):
    """What the register can be asked for."""

    model_config = ConfigDict(extra="forbid")

    rule: Code | None = Field(None, examples=["TK-5"])
    subject: Code | None = Field(None, examples=["ticket"])


class RuleRead(Answer):
    """A rule of the catalogue with its clock; the numbers in force are those of a policy."""

    rule: str
    clock: str
    subject: str
    title: Titles
    opens_on: Titles
    answered_by: Titles
    target: TargetRead | None = Field(description="Null: the fact brings its own instant")
    calendar: str
    pauses: bool
    repeats: bool
    source: str
    house: bool
    shipped_in: list[str]


class RulePage(Answer):
    """The register, whole: few enough for one page."""

    items: list[RuleRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class OwnRuleRead(Answer):
    """A rule of the deployment's own, as it is kept."""

    id: UUID
    clock: str
    rule: str
    title: Titles
    opens_on: Titles
    answered_by: Titles
    target: TargetRead
    calendar: CalendarRole
    answers_department_id: UUID | None
    is_active: bool
    version: int
