"""The table of obligations."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Obligation(Base):
    """One promise under one of the deployment's own rules, about a matter of another system.

    `subject_type` and `subject_ref` name the matter there; at most one obligation of a rule is open for it, so that
    an integration's repeat makes no second clock. `status`: `open`, `answered`, `cancelled`.
    """

    __tablename__ = "obligations"
    __entity__ = "obligation"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    rule_id: Mapped[int] = mapped_column(ForeignKey("sop_rules.id"))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_ref: Mapped[str] = mapped_column(String(200))
    label: Mapped[str] = mapped_column(String(300))
    link: Mapped[str | None] = mapped_column(String(1000))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    status: Mapped[str] = mapped_column(String(12), default="open")
    note: Mapped[str | None] = mapped_column(String(2000))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


_open = text("status = 'open'")
Index(
    "ix_obligations_open",
    Obligation.rule_id,
    Obligation.subject_type,
    Obligation.subject_ref,
    unique=True,
    postgresql_where=_open,
    sqlite_where=_open,
)
Index("ix_obligations_opened", Obligation.opened_at, Obligation.id)
Index("ix_obligations_subject", Obligation.subject_type, Obligation.subject_ref)
Index("ix_obligations_owner", Obligation.owner_id, Obligation.opened_at, Obligation.id)
Index("ix_obligations_customer", Obligation.customer_id, Obligation.opened_at, Obligation.id)
