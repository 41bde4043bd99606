"""Tables of segments: their conditions, who is in and was in, when they are looked at whole, behaviour figures."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, Money, SortKey, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Segment(Base):
    """Customers who meet a condition (SOP CU-8); who they are is in `segment_members`."""

    __tablename__ = "segments"
    __entity__ = "segment"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(SortKey, unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    condition: Mapped[dict[str, Any]] = mapped_column(Json)
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SegmentEvaluation(Base):
    """When a segment is due to be looked at whole (the far end of time: never), when it was, how many are in."""

    __tablename__ = "segment_evaluations"
    __audited__ = False

    id: Mapped[int] = key_column()
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id"), unique=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    evaluated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    member_count: Mapped[int] = mapped_column(default=0)


class SegmentMember(Base):
    """A customer's time in a segment; `left_at` is the far end of time while he is in."""

    __tablename__ = "segment_members"
    __audited__ = False

    id: Mapped[int] = key_column()
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class CustomerFigures(Base):
    """What a customer does, counted: filled by events, counted anew every night; no row means zero."""

    __tablename__ = "customer_figures"
    __audited__ = False

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), unique=True)
    interaction_count: Mapped[int] = mapped_column(default=0)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    purchase_count_365d: Mapped[int] = mapped_column(default=0)
    purchase_amount_365d: Mapped[Decimal] = mapped_column(Money, default=Decimal("0.00"))
    ticket_count: Mapped[int] = mapped_column(default=0)


class FigureBands(Base):
    """From which figures on a customer buys often, and much; one row, absent until somebody changes the defaults."""

    __tablename__ = "figure_bands"
    __entity__ = "figure_bands"

    id: Mapped[int] = key_column()
    frequency_mid: Mapped[int]
    frequency_high: Mapped[int]
    amount_mid: Mapped[Decimal] = mapped_column(Money)
    amount_high: Mapped[Decimal] = mapped_column(Money)
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


Index(
    "ix_segment_members_inside",
    SegmentMember.segment_id,
    SegmentMember.customer_id,
    SegmentMember.left_at,
    unique=True,
)
Index(
    "ix_segment_members_entered",
    SegmentMember.segment_id,
    SegmentMember.left_at,
    SegmentMember.entered_at,
    SegmentMember.id,
)
Index(
    "ix_segment_members_customer",
    SegmentMember.customer_id,
    SegmentMember.entered_at,
    SegmentMember.id,
)
