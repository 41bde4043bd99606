"""What the routes of imports take and give."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.customers.schemas import SourceChannel
from app.customers.values import Name, Tags
from app.imports.reading.limits import COLUMNS_MAX

FieldName = Annotated[
    str, StringConstraints(pattern=r"^(customer|contact|custom)\.[a-z][a-z0-9_]{0,59}$")
]
Scale = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


class Encoding(StrEnum):
    """The encodings that a text may be said to be in."""

    UTF_8 = "utf-8"
    GB18030 = "gb18030"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    BIG5 = "big5"
    WINDOWS_1252 = "windows-1252"


class Delimiter(StrEnum):
    """What may stand between the cells of a text."""

    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"
    PIPE = "pipe"


class UploadOptions(BaseModel):
    """What the sender says of his file; what he does not say is found out."""

    model_config = ConfigDict(extra="forbid")

    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    sheet: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    header_row: int | None = Field(None, ge=1, le=1000)


class Mode(StrEnum):
    """Whether rows are written, or only tried."""

    DRY_RUN = "dry_run"
    REAL = "real"


class UpsertKey(StrEnum):
    """By what a row finds the customer that it changes."""

    NUMBER = "number"
    PHONE = "phone"
    EMAIL = "email"


class DuplicateRule(StrEnum):
    """What becomes of a row that looks like a customer who is there already."""

    REFUSE = "refuse"
    ALLOW = "allow"


class MappedColumn(BaseModel):
    """What a column is taken for; columns count from 0. `scale` is how much one of its units is (万元: 10000)."""

    model_config = ConfigDict(extra="forbid")

    column: Annotated[int, Field(strict=True, ge=0, lt=COLUMNS_MAX)]
    field: FieldName
    scale: Scale = 1


class ImportStart(BaseModel):
    """How a file is imported. A cell that is empty changes nothing."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "mode": "dry_run",
                    "columns": [
                        {"column": 0, "field": "customer.name"},
                        {"column": 1, "field": "contact.name"},
                        {"column": 2, "field": "contact.phones"},
                        {"column": 3, "field": "customer.revenue", "scale": 10000},
                    ],
                    "upsert_by": "phone",
                    "tags": ["2026展会"],
                }
            ]
        },
    )

    mode: Mode
    columns: Annotated[list[MappedColumn], Field(min_length=1, max_length=COLUMNS_MAX)]
    upsert_by: UpsertKey | None = Field(
        None, description="Rows that find a customer change him; without it every row is a new one"
    )
    duplicates: DuplicateRule = Field(
        DuplicateRule.REFUSE,
        description="`allow` registers rows although they look like duplicates",
    )
    source_channel: SourceChannel = Field(
        SourceChannel.IMPORT, description="For rows that do not say how the customer came"
    )
    tags: Tags = Field([], description="Given to every customer that is registered")
    start_clocks: bool = Field(
        False, strict=True, description="Also start first-contact, follow-up and survey clocks"
    )


class ImportSort(StrEnum):
    """The orders of imports; `-` is descending."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"


class ImportFilter(BaseModel):
    """What imports can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: ImportSort = ImportSort.CREATED_AT_DESC
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class ReadAbout(BaseModel):
    """What was found out of a file."""

    kind: str = Field(description="`csv` or `xlsx`")
    headers: list[str | None]
    header_row: int
    row_count: int
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    sheets: list[str] | None


class SuggestedColumn(BaseModel):
    """What a column is taken for, as its header suggests."""

    column: int
    field: str
    scale: int


class ImportSummary(BaseModel):
    """An uploaded file; `operation_id` is that of its newest run."""

    id: UUID
    file_name: str
    file_size: int
    row_count: int
    user_id: UUID
    operation_id: UUID | None
    is_applied: bool
    version: int
    created_at: AwareDatetime
    purge_at: AwareDatetime
    purged_at: AwareDatetime | None


class ImportRead(ImportSummary):
    """With what was found out of it, a few cells of each column, the suggested mapping, and the newest run's options."""

    about: ReadAbout
    samples: list[list[str]]
    suggested: list[SuggestedColumn]
    options: dict[str, Any] | None


class ImportPage(BaseModel):
    """A page of imports."""

    items: list[ImportSummary]
    next_cursor: str | None
    has_more: bool
    total: int | None = None


class FileFormat(StrEnum):
    """How a file is given."""

    CSV = "csv"
    XLSX = "xlsx"


class ErrorFileFilter(BaseModel):
    """How the file of refused rows is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: FileFormat = FileFormat.CSV


# --- mappings


class KeptColumn(BaseModel):
    """What a header means."""

    model_config = ConfigDict(extra="forbid")

    header: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    field: FieldName
    scale: Scale = 1


class MappingCreate(BaseModel):
    """A mapping by headers, kept for every later file; a header means one thing."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "展会名单",
                    "columns": [{"header": "单位", "field": "customer.name"}],
                }
            ]
        },
    )

    name: Name
    columns: Annotated[list[KeptColumn], Field(min_length=1, max_length=COLUMNS_MAX)]


class MappingPatch(BaseModel):
    """Changes of a kept mapping."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "展会名单 2026"}]}
    )

    name: Name = Field(default_factory=str)
    columns: Annotated[list[KeptColumn], Field(min_length=1, max_length=COLUMNS_MAX)] = Field(
        default_factory=list
    )


class MappingSort(StrEnum):
    """The orders of kept mappings."""

    NAME = "name"
    NAME_DESC = "-name"


class MappingFilter(BaseModel):
    """What kept mappings can be asked for."""

    model_config = ConfigDict(extra="forbid")

    sort: MappingSort = MappingSort.NAME
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)
    total: bool = False


class MappingRead(BaseModel):
    """A kept mapping."""

    id: UUID
    name: str
    columns: list[KeptColumn]
    version: int
    created_by: UUID | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class MappingPage(BaseModel):
    """A page of kept mappings."""

    items: list[MappingRead]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
