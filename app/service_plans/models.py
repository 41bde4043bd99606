"""Tables of service plans: what is promised, to whom, by whom, how often; each turn of it."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class ServicePlan(Base):
    """A personal service plan of a customer (SOP CU-17): `draft`, `active` or `ended`."""

    __tablename__ = "service_plans"
    __entity__ = "service_plan"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12), default="draft")
    end_reason: Mapped[str | None] = mapped_column(String(500))
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class ServicePlanItem(Base):
    """One thing that is promised: by a `user`, or by whoever is the customer's `owner`, `account_manager`, `team_role`.

    It recurs every `every_amount` of `every_unit` from `starts_on` to `ends_on`, or on `dates`.
    """

    __tablename__ = "service_plan_items"
    __entity__ = "service_plan_item"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    plan_id: Mapped[int] = mapped_column(ForeignKey("service_plans.id"))
    title: Mapped[str] = mapped_column(String(200))
    assignee: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    team_role: Mapped[str | None] = mapped_column(String(60))
    every_amount: Mapped[int | None]
    every_unit: Mapped[str | None] = mapped_column(String(10))
    dates: Mapped[list[str]] = mapped_column(Json, default=list)
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(12), default="active")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ServiceSeries(Base):
    """Where an item stands with a customer: which turn opens next, and when (the far end of time: none does)."""

    __tablename__ = "service_series"
    __audited__ = False
    __table_args__ = (UniqueConstraint("item_id", "customer_id"),)

    id: Mapped[int] = key_column()
    item_id: Mapped[int] = mapped_column(ForeignKey("service_plan_items.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    next_number: Mapped[int] = mapped_column(default=1)
    opens_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class ServiceOccurrence(Base):
    """One turn of an item: `open`, `done`, `missed` (never made up for before the next was done) or `cancelled`."""

    __tablename__ = "service_occurrences"
    __entity__ = "service_occurrence"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    series_id: Mapped[int] = mapped_column(ForeignKey("service_series.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("service_plan_items.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    number: Mapped[int]
    promised_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(12), default="open")
    note: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    version: Mapped[int] = mapped_column(default=1)


Index("ix_service_plans_created", ServicePlan.created_at, ServicePlan.id)
Index("ix_service_plans_customer", ServicePlan.customer_id, ServicePlan.created_at, ServicePlan.id)
Index("ix_service_plan_items_plan", ServicePlanItem.plan_id, ServicePlanItem.id)
Index("ix_service_series_opens", ServiceSeries.opens_at, ServiceSeries.id)
Index("ix_service_series_customer", ServiceSeries.customer_id, ServiceSeries.id)
Index("ix_service_occurrences_series", ServiceOccurrence.series_id, ServiceOccurrence.number)
Index("ix_service_occurrences_item", ServiceOccurrence.item_id, ServiceOccurrence.status)
Index("ix_service_occurrences_opened", ServiceOccurrence.opened_at, ServiceOccurrence.id)
Index(
    "ix_service_occurrences_customer",
    ServiceOccurrence.customer_id,
    ServiceOccurrence.opened_at,
    ServiceOccurrence.id,
)
