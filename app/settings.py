"""Every environment variable, typed, with its unit; nothing else reads the environment.

Prefix `HUIYING_`. Production mode refuses weak secrets and the virtual clock when the settings are read, so a
misconfigured server never starts.
"""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRET_BYTES_MIN = 32
DEVELOPMENT_SECRET = "huiying-development-secret-not-for-production"


class Mode(StrEnum):
    """Where this process runs."""

    development = "development"
    production = "production"


class ClockMode(StrEnum):
    """Whose time the promises run on: the wall's, or the rehearsal's row in the database."""

    real = "real"
    virtual = "virtual"


class Settings(BaseSettings):
    """The deployment's settings. Instants and durations carry their unit in the name."""

    model_config = SettingsConfigDict(env_prefix="HUIYING_", extra="ignore", frozen=True)

    mode: Mode = Mode.development
    clock: ClockMode = ClockMode.real
    data_dir: Path = Path("data")
    database_url: str = ""
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    log_level: str = "INFO"
    faults: str = ""

    access_token_seconds: int = Field(900, ge=60, le=3600)
    refresh_token_days: int = Field(30, ge=1, le=365)
    login_failures_per_quarter_hour: int = Field(20, ge=3)
    idempotency_hours: int = Field(48, ge=1)
    body_bytes_max: int = Field(1_048_576, ge=1024)
    upload_bytes_max: int = Field(33_554_432, ge=1024)

    postgres_pool_size: int = Field(6, ge=1, le=64)
    postgres_statement_timeout_ms: int = Field(15_000, ge=100)
    postgres_lock_timeout_ms: int = Field(5_000, ge=100)
    sqlite_busy_timeout_ms: int = Field(10_000, ge=100)

    sweep_batch_ms: int = Field(60, ge=5, le=1000)
    sweep_batch_max: int = Field(1000, ge=1, le=1000)
    relay_batch: int = Field(200, ge=1, le=1000)

    scorecard_goal: float = Field(0.95, gt=0, le=1)
    worker_silence_seconds: float = Field(30, ge=1)

    smtp_host: str = ""
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    mail_from: str = "huiying@localhost"
    public_url: str = "http://127.0.0.1:8000"
    zone: str = "Asia/Shanghai"

    @property
    def resolved_database_url(self) -> str:
        """The database's URL: `sqlite:///...` in the data folder unless one is given."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'huiying.sqlite3').as_posix()}"

    @model_validator(mode="after")
    def refuse_weak_production(self) -> Self:
        """Refuse what would make a production deployment unsafe."""
        secret = self.secret_key.get_secret_value()
        if len(secret.encode()) < SECRET_BYTES_MIN:
            raise ValueError(f"HUIYING_SECRET_KEY needs at least {SECRET_BYTES_MIN} bytes")
        if self.mode is Mode.production and secret == DEVELOPMENT_SECRET:
            raise ValueError(
                "HUIYING_SECRET_KEY is the development default; production needs its own"
            )
        if self.mode is Mode.production and len(set(secret)) < 10:
            raise ValueError(
                "HUIYING_SECRET_KEY has too few different characters; use 32 random bytes"
            )
        if self.mode is Mode.production and self.clock is ClockMode.virtual:
            raise ValueError("HUIYING_CLOCK=virtual is for rehearsal, never for production")
        if self.mode is Mode.production and self.faults:
            raise ValueError("HUIYING_FAULTS is for crash tests, never for production")
        return self


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the process's settings, read once."""
    return Settings()
