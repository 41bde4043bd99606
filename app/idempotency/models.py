"""Table of answers kept for repeats."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column


class IdempotentAnswer(Base):
    """The first 2xx answer to a key in its scope (caller, method, path); refusals are never kept."""

    __tablename__ = "idempotent_answers"
    __audited__ = False

    id: Mapped[int] = key_column()
    scope_hash: Mapped[str] = mapped_column(String(64), unique=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(Json)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
