"""What contacts take and give: people, how they are reached, their birthdays."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.customers.consent_schemas import ConsentChannel
from app.customers.masks import is_masked
from app.customers.schemas import refusing
from app.customers.values import (
    POINTS_MAX,
    Email,
    Flag,
    KeptEmail,
    KeptPhone,
    Label,
    LongText,
    Phone,
    Tags,
    Word,
)

LEAP_YEAR = 2000  # stands for a year that nobody told
LUNAR_MONTH_DAYS_MAX = 30


class ContactSort(StrEnum):
    """The orders of a customer's contacts."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class BirthdayCalendar(StrEnum):
    """By which calendar a birthday returns: 公历 or 农历."""

    SOLAR = "solar"
    LUNAR = "lunar"


class Birthday(BaseModel):
    """A birthday (SOP CU-3); the year is told where it is known. A lunar year is that of its new year's day."""

    model_config = ConfigDict(extra="forbid")

    calendar: BirthdayCalendar = BirthdayCalendar.SOLAR
    year: Annotated[int, Field(strict=True, ge=1900, le=2199)] | None = None
    month: Annotated[int, Field(strict=True, ge=1, le=12)]
    day: Annotated[int, Field(strict=True, ge=1, le=31)]
    in_leap_month: Flag = Field(False, description="In the 闰 month that repeats this one")

    @model_validator(mode="after")
    def _is_a_day(self) -> Self:
        if self.calendar is BirthdayCalendar.LUNAR:
            is_day = self.day <= LUNAR_MONTH_DAYS_MAX
        else:
            is_day = not self.in_leap_month and _is_date(self.year, self.month, self.day)
        if not is_day:
            raise PydanticCustomError("birthday_invalid", "no such day")
        return self


def _is_date(year: int | None, month: int, day: int) -> bool:
    try:
        date(year or LEAP_YEAR, month, day)
    except ValueError:
        return False
    return True


class PhoneEntry(BaseModel):
    """A telephone number, kept as E.164; without country code it is a Chinese one."""

    model_config = ConfigDict(extra="forbid")

    number: Phone
    label: Label | None = Field(None, description="What it is for, such as 手机, 办公室")


class KeptPhoneEntry(PhoneEntry):
    """A telephone number; one that was read masked and is sent so stands for the one that is there."""

    number: KeptPhone


class EmailEntry(BaseModel):
    """An e-mail address."""

    model_config = ConfigDict(extra="forbid")

    address: Email
    label: Label | None = None


class KeptEmailEntry(EmailEntry):
    """An e-mail address; one that was read masked and is sent so stands for the one that is there."""

    address: KeptEmail


def _numbers_once(entries: list[Any]) -> list[Any]:
    _refuse_twice([one.number for one in entries])
    return entries


def _addresses_once(entries: list[Any]) -> list[Any]:
    _refuse_twice([one.address for one in entries])
    return entries


def _refuse_twice(values: list[str]) -> None:
    plain = [value for value in values if not is_masked(value)]
    if len(set(plain)) < len(plain):
        raise PydanticCustomError("named_twice", "named twice")


Phones = Annotated[list[PhoneEntry], Field(max_length=POINTS_MAX), AfterValidator(_numbers_once)]
Emails = Annotated[list[EmailEntry], Field(max_length=POINTS_MAX), AfterValidator(_addresses_once)]
KeptPhones = Annotated[
    list[KeptPhoneEntry], Field(max_length=POINTS_MAX), AfterValidator(_numbers_once)
]
KeptEmails = Annotated[
    list[KeptEmailEntry], Field(max_length=POINTS_MAX), AfterValidator(_addresses_once)
]


class _ContactFields(BaseModel):
    title: Word | None = None
    birthday: Birthday | None = None
    preferences: LongText | None = Field(None, description="How he likes to be served (SOP CU-3)")
    remarks: LongText | None = None


class ContactCreate(_ContactFields):
    """A person at the customer's."""

    model_config = refusing(
        {
            "name": "王芳",
            "title": "采购经理",
            "phones": [{"number": "138 0013 8000", "label": "手机"}],
            "emails": [{"address": "wang.fang@example.com"}],
            "birthday": {"calendar": "lunar", "month": 8, "day": 15},
            "interests": ["羽毛球"],
            "is_decision_maker": True,
        }
    )

    name: Word
    phones: Phones = Field([], description="In their order; the first is the main one")
    emails: Emails = Field([], description="In their order; the first is the main one")
    interests: Tags = []
    is_decision_maker: Flag = False
    is_primary: Flag = Field(False, description="The first to turn to; takes it from another one")


class ContactPatch(_ContactFields):
    """Changes of a contact: what is absent stays, null empties; a list takes the place of the one before."""

    model_config = refusing({"phones": [{"number": "021-6688 1234 转 801", "label": "办公室"}]})

    name: Word = Field(default_factory=str)
    phones: KeptPhones = Field(
        default_factory=list, description="The whole list; a masked entry keeps what it stands for"
    )
    emails: KeptEmails = Field(
        default_factory=list, description="The whole list; a masked entry keeps what it stands for"
    )
    interests: Tags = Field(default_factory=list)
    is_decision_maker: Flag = Field(default_factory=bool)
    is_primary: Flag = Field(default_factory=bool)


class ContactFilter(BaseModel):
    """What a list of contacts can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: ContactSort = ContactSort.CREATED_AT
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class PhoneRead(BaseModel):
    """A number in E.164, with `;ext=` where there is an extension."""

    number: str
    label: str | None


class EmailRead(BaseModel):
    """An e-mail address."""

    address: str
    label: str | None


class BirthdayRead(BaseModel):
    """A birthday."""

    calendar: BirthdayCalendar
    year: int | None
    month: int
    day: int
    in_leap_month: bool


class ConsentState(BaseModel):
    """What counts for a channel now."""

    channel: ConsentChannel
    is_given: bool
    text_version: str
    given_at: AwareDatetime


class ContactRead(BaseModel):
    """A contact. Numbers and addresses are masked for roles that need not know them."""

    id: UUID
    customer_id: UUID
    name: str
    title: str | None
    phones: list[PhoneRead]
    emails: list[EmailRead]
    birthday: BirthdayRead | None
    interests: list[str]
    preferences: str | None
    consents: list[ConsentState]
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
    phones: list[PhoneRead]
    emails: list[EmailRead]
