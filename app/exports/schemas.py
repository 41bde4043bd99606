"""What the route of exports takes."""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from app.customers.filtering import PAGING
from app.customers.schemas import CustomerFilter
from app.exports.columns import COLUMNS
from app.imports.schemas import FileFormat


def _strict(annotation: Any) -> Any:
    """Return the type as a body has it: a query's numbers and flags are texts, a body's are not."""
    if annotation in (bool | None, int | None):
        return Annotated[annotation, Strict()]
    return annotation


_FILTERS: dict[str, Any] = {
    name: (_strict(one.annotation), one)
    for name, one in CustomerFilter.model_fields.items()
    if name not in PAGING
}
ExportFilter = create_model(
    "ExportFilter",
    __config__=ConfigDict(extra="forbid"),
    __doc__="What the customer list can be asked for, without its pages.",
    **_FILTERS,
)

_CUSTOM = re.compile(r"^custom\.[a-z][a-z0-9_]{0,39}$")


def _known(name: str) -> str:
    if name not in COLUMNS and not _CUSTOM.fullmatch(name):
        raise PydanticCustomError("enum", "no such column", {"expected": ", ".join(COLUMNS)})
    return name


FieldName = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"enum": list(COLUMNS)}, {"pattern": _CUSTOM.pattern}]}
    ),
]


class ExportCreate(BaseModel):
    """Which customers are wanted, which of their fields, and as what. Without `fields` all are given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "format": "csv",
                    "filter": {"tier": ["A", "B"], "region": "上海"},
                    "fields": ["customer.number", "customer.name", "contact.phones"],
                }
            ]
        },
    )

    format: FileFormat = FileFormat.CSV
    filter: ExportFilter = Field(default_factory=ExportFilter)
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=100)] | None = None
