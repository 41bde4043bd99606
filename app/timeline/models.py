"""The table of the timeline: one row for everything that concerns a customer, whichever table it comes from."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, PublicId, UtcDateTime, key_column


class TimelineEntry(Base):
    """One thing that happened (SOP CU-13), derived from the row `source_key` of `source`, once.

    `public_id` is made of that source, so that an entry made anew keeps it. `data` holds codes, ids, instants and
    names of fields, no texts: what people wrote is read at the subject.
    """

    __tablename__ = "customer_timeline"
    __audited__ = False
    __table_args__ = (UniqueConstraint("source", "source_key"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = mapped_column(PublicId)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    source: Mapped[str] = mapped_column(String(20))
    source_key: Mapped[int] = mapped_column(BigInteger)


Index(
    "ix_customer_timeline_customer", TimelineEntry.customer_id, TimelineEntry.at, TimelineEntry.id
)
Index(
    "ix_customer_timeline_kind",
    TimelineEntry.customer_id,
    TimelineEntry.kind,
    TimelineEntry.at,
    TimelineEntry.id,
)
