"""Tables of duplicates: pairs that look like one customer, merges, and every value that a merge changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class DuplicateReview(Base):
    """Two customers, the older first, who look like one; `state` is `open`, `dismissed` or `merged`.

    `score` is of 100; `reasons` are those of the matching rule, strongest first.
    """

    __tablename__ = "duplicate_reviews"
    __entity__ = "duplicate_review"
    __table_args__ = (UniqueConstraint("one_id", "other_id"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    one_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    score: Mapped[int]
    reasons: Mapped[list[str]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(12), default="open")
    note: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CustomerMerge(Base):
    """One customer's file taken into another's; `undone_at` is the far end of time while it holds."""

    __tablename__ = "customer_merges"
    __entity__ = "customer_merge"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    winner_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    loser_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    reason: Mapped[str] = mapped_column(String(500))
    taken: Mapped[list[str]] = mapped_column(Json, default=list)
    counts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    merged_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    merged_at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    undone_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    undo_reason: Mapped[str | None] = mapped_column(String(500))
    version: Mapped[int] = mapped_column(default=1)


class MergeChange(Base):
    """One value that a merge changed: of which row of which table, what it was and what it became, for the undoing."""

    __tablename__ = "merge_changes"
    __audited__ = False

    id: Mapped[int] = key_column()
    merge_id: Mapped[int] = mapped_column(ForeignKey("customer_merges.id"), index=True)
    place: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int] = mapped_column(BigInteger)
    field: Mapped[str] = mapped_column(String(60))
    old: Mapped[Any] = mapped_column(Json, nullable=True)
    new: Mapped[Any] = mapped_column(Json, nullable=True)


Index(
    "ix_duplicate_reviews_state",
    DuplicateReview.state,
    DuplicateReview.score,
    DuplicateReview.id,
)
Index("ix_customer_merges_merged_at", CustomerMerge.merged_at, CustomerMerge.id)
