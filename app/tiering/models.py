"""The table of tier policies: every published version, whole."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column


class TierPolicyVersion(Base):
    """One published version; never changed. Version 0 ships and is no row."""

    __tablename__ = "tier_policy_versions"
    __entity__ = "tier_policy_version"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    number: Mapped[int] = mapped_column(unique=True)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    published_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
