"""Bodies of the rehearsal's route."""

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.auth.values import Instant


class ClockAdvance(BaseModel):
    """How far the virtual clock moves: so many seconds, or to an instant; a frozen clock stays frozen."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"advance_seconds": 1800}]}
    )

    advance_seconds: int | None = Field(
        None, strict=True, ge=0, le=31_622_400, description="Seconds; at most 366 days"
    )
    to: Instant | None = Field(
        None, description="An instant not before the clock's present one, at most 366 days ahead"
    )

    @model_validator(mode="after")
    def one_of_two(self) -> Self:
        """Refuse none and both."""
        if (self.advance_seconds is None) == (self.to is None):
            raise PydanticCustomError("one_of_two", "give either advance_seconds or to")
        return self


class RehearsalRead(BaseModel):
    """What happened on the way: how often each job did something, by name."""

    EXAMPLE: ClassVar[dict[str, Any]] = {
        "began_at": "2026-03-02T01:00:00.000000Z",
        "ended_at": "2026-03-02T01:30:00.000000Z",
        "step_count": 2,
        "fired": {"sweep_deadlines": 2, "relay_messages": 5},
    }
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    began_at: datetime
    ended_at: datetime
    step_count: int
    fired: dict[str, int]


class ClockRead(BaseModel):
    """The virtual clock as it stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"now": "2026-03-02T01:00:00.000000Z", "frozen": False}]}
    )

    now: datetime
    frozen: bool
