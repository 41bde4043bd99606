"""What the route of backtests takes. What the operation's result holds is in `outcome_report`."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.sla.policy_schemas import PolicyDocument, PolicyName, VersionName
from app.sla.schemas import Instant

CalendarName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BacktestPolicy(_Command):
    """A policy: a stored version of one by its name, or a whole document."""

    name: PolicyName | None = None
    version: VersionName = Field("current", description="A number, `current` or `draft`")
    document: PolicyDocument | None = None
    position: int | None = Field(
        None,
        ge=0,
        le=1000,
        strict=True,
        description="Where it is asked, 0 first; its own place when absent, the first for a new one",
    )


class BacktestCalendar(_Command):
    """A calendar: a stored version of one by its name (the current one without `version`), or a whole document."""

    name: CalendarName | None = None
    version: int | None = Field(None, ge=1, le=999_999_999, strict=True)
    document: dict[str, Any] | None = None
    in_place_of: CalendarName | None = Field(
        None,
        description="For which stored calendar, all versions of it; its own name when absent, for a new one the working one",
    )


class BacktestStart(_Command):
    """Closed matters that were opened in [from, to), at most five years, judged again under other rules."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "policy": {"name": "toolkit", "version": "draft"},
                    "from": "2026-01-01T00:00:00+08:00",
                    "to": "2026-04-01T00:00:00+08:00",
                }
            ]
        },
    )

    policy: BacktestPolicy | None = None
    calendar: BacktestCalendar | None = None
    opened_from: Instant = Field(alias="from")
    opened_before: Instant = Field(alias="to")
    subject_type: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = Field(
        None, examples=["ticket"]
    )
