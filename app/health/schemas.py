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
                        "workers": {
                            "alive": 1,
                            "last_beat_seconds": 2.1,
                            "silent": False,
                            "failing_jobs": [],
                        },
                        "outbox": {"pending": 2, "due": 2, "dead": 0},
                        "calendars": {"office": "2026-12-31T16:00:00.000000Z"},
                        "warnings": [
                            {
                                "code": "calendar_year_missing",
                                "calendar": "office",
                                "year": 2027,
                                "known_until": "2026-12-31T16:00:00.000000Z",
                                "days_left": 39,
                            }
                        ],
                    },
                }
            ]
        }
    )

    status: Literal["ready", "not_ready"]
    checks: dict[str, Any]
