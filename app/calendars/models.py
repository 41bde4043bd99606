"""Tables of working-time calendars and their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column


class CalendarRow(Base):
    """A calendar by name; `current_version` is the one new promises use."""

    __tablename__ = "calendars"
    __entity__ = "calendar"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(SortKey, unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Json)
    is_working: Mapped[bool] = mapped_column(default=False)
    current_version: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


# One calendar at most is the working one.
Index(
    "ix_calendars_working",
    CalendarRow.is_working,
    unique=True,
    postgresql_where=CalendarRow.is_working,
    sqlite_where=CalendarRow.is_working,
)


class CalendarVersion(Base):
    """One version's document; never changed once written, which a trigger holds."""

    __tablename__ = "calendar_versions"
    __entity__ = "calendar_version"
    __table_args__ = (UniqueConstraint("calendar_id", "number"),)

    id: Mapped[int] = key_column()
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
