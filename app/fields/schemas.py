"""What the routes of choice lists and custom fields take and give."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.fields.typed_values import FieldType

CHOICES_MAX = 500

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Flag = Annotated[bool, Field(strict=True)]


def _refusing(example: Mapping[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [dict(example)]})


class FieldTitle(BaseModel):
    """A name in both languages."""

    model_config = ConfigDict(extra="forbid")

    zh: Word
    en: Word


class Choice(BaseModel):
    """One choice; one that is not active stays where it was chosen, and is chosen no more."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    title: FieldTitle
    is_active: Flag = True


def _codes_once(choices: list[Choice]) -> list[Choice]:
    if len({one.code for one in choices}) < len(choices):
        raise PydanticCustomError("choice_twice", "a code twice")
    return choices


Choices = Annotated[list[Choice], Field(max_length=CHOICES_MAX), AfterValidator(_codes_once)]
_TRADES: Mapping[str, Any] = {
    "title": {"zh": "付款方式", "en": "Payment"},
    "choices": [{"code": "prepaid", "title": {"zh": "预付", "en": "Prepaid"}, "is_active": True}],
}


class ChoiceListCreate(BaseModel):
    """A list of choices; its code stays what it is."""

    model_config = _refusing({"code": "payment", **_TRADES})

    code: Code
    title: FieldTitle
    is_open: Flag = Field(False, description="The list only suggests: other texts are taken too")
    choices: Choices = []


class ChoiceListPatch(BaseModel):
    """Changes of a list. `choices` takes the place of the one before and holds all its codes: none is taken out."""

    model_config = _refusing({"choices": _TRADES["choices"]})

    title: FieldTitle = Field(default_factory=lambda: FieldTitle(zh="-", en="-"))
    is_open: Flag = Field(default_factory=bool)
    choices: Choices = Field(default_factory=list)


class CustomFieldCreate(BaseModel):
    """A field of the deployment's own; its key and its type stay what they are."""

    model_config = _refusing(
        {"key": "beds", "type": "number", "title": {"zh": "床位数", "en": "Beds"}}
    )

    key: Code
    type: FieldType
    title: FieldTitle
    choice_list: Code | None = Field(None, description="Of choice and multi_choice: their list")


class CustomFieldPatch(BaseModel):
    """Changes of a field; one that is not active keeps its values and takes no new ones."""

    model_config = _refusing({"is_active": False})

    title: FieldTitle = Field(default_factory=lambda: FieldTitle(zh="-", en="-"))
    is_active: Flag = Field(default_factory=bool)


class ChoiceListFilter(BaseModel):
    """What the list of choice lists can be asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class CustomFieldFilter(ChoiceListFilter):
    """What the list of custom fields can be asked for."""

    is_active: bool | None = None


class ChoiceListRead(BaseModel):
    """A list of choices."""

    code: str
    title: FieldTitle
    is_open: bool
    choices: list[Choice]
    version: int


class ChoiceListPage(BaseModel):
    """A page of lists."""

    items: list[ChoiceListRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class CustomFieldRead(BaseModel):
    """A custom field."""

    key: str
    type: FieldType
    title: FieldTitle
    choice_list: str | None
    is_active: bool
    version: int


class CustomFieldPage(BaseModel):
    """A page of fields."""

    items: list[CustomFieldRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
