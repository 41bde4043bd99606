"""Tables of saved views: what a list was asked for under a name, and which one somebody begins with."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column


class SavedView(Base):
    """A list's filter and order under a name (SOP CU-12).

    `sharing`: `private`, `department` (its own and those below it see it), `all`.
    """

    __tablename__ = "saved_views"
    __entity__ = "saved_view"
    __table_args__ = (UniqueConstraint("owner_id", "resource", "name_key"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    resource: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(SortKey)
    query: Mapped[dict[str, Any]] = mapped_column(Json)
    sharing: Mapped[str] = mapped_column(String(12), default="private")
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SavedViewDefault(Base):
    """The view with which somebody begins a list."""

    __tablename__ = "saved_view_defaults"
    __entity__ = "saved_view_default"
    __table_args__ = (UniqueConstraint("user_id", "resource"),)

    id: Mapped[int] = key_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    resource: Mapped[str] = mapped_column(String(20))
    view_id: Mapped[int] = mapped_column(ForeignKey("saved_views.id"), index=True)


Index("ix_saved_views_name", SavedView.name_key, SavedView.id)
