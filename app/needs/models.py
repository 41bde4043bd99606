"""Tables of customers' needs: the analysis, the response plan of a complex one, who does what by when."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class CustomerNeed(Base):
    """What a customer needs, and who turns to it first (SOP CU-5); `status` is `open`, `answered` or `dropped`.

    `suggestion` is {role, user_id, reason}: who was proposed as the first owner, and why; `override_reason` says why
    somebody else was taken.
    """

    __tablename__ = "customer_needs"
    __entity__ = "customer_need"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    kind: Mapped[str] = mapped_column(String(30))
    title: Mapped[str] = mapped_column(String(200))
    details: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(10))
    priority_reasons: Mapped[list[str]] = mapped_column(Json, default=list)
    is_complex: Mapped[bool] = mapped_column(default=False)
    first_owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    suggestion: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    override_reason: Mapped[str | None] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(12), default="open")
    outcome: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class NeedPlan(Base):
    """How a complex need is answered (SOP CU-6): the internal meeting and the solution; `draft`, `agreed` or `done`."""

    __tablename__ = "need_plans"
    __entity__ = "need_plan"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    need_id: Mapped[int] = mapped_column(ForeignKey("customer_needs.id"), unique=True)
    meeting_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    attendee_ids: Mapped[list[str]] = mapped_column(Json, default=list)
    minutes: Mapped[str | None] = mapped_column(Text)
    solution: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12), default="draft")
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NeedResponsibility(Base):
    """What one person has to do for a need by the end of a day; `open`, `done` or `cancelled`."""

    __tablename__ = "need_responsibilities"
    __entity__ = "need_responsibility"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    need_id: Mapped[int] = mapped_column(ForeignKey("customer_needs.id"))
    task: Mapped[str] = mapped_column(String(500))
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    due_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(12), default="open")
    note: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


Index("ix_customer_needs_created", CustomerNeed.created_at, CustomerNeed.id)
Index(
    "ix_customer_needs_customer", CustomerNeed.customer_id, CustomerNeed.created_at, CustomerNeed.id
)
Index(
    "ix_customer_needs_owner", CustomerNeed.first_owner_id, CustomerNeed.created_at, CustomerNeed.id
)
Index("ix_need_responsibilities_need", NeedResponsibility.need_id, NeedResponsibility.id)
