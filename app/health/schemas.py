"""What operators are told."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether the deployment is ready, and what was looked at; more checks may come."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": {
                        "database": "sqlite",
                        "migration": "85430d6425e5",
                        "sweep_lag_seconds": 0.0,
                        "outbox": {"pending": 2, "due": 2, "dead": 0},
                        "calendars": {"office": "2026-12-31T16:00:00.000000Z"},
                    },
                }
            ]
        }
    )

    status: Literal["ready", "not_ready"]
    checks: dict[str, Any]
