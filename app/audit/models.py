"""Tables of the audit: entries that nothing can change, and the per-customer keys of their personal fields."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column

# What stands in an entry in place of a secret.
HIDDEN = "***"


class AuditEntry(Base):
    """Who did what to which row, when, from where. The database refuses UPDATE and DELETE (triggers).

    `changes` is {field: [old, new]}; personal fields stand there encrypted under their customer's key. `count`
    is above 1 only for refusals, which are summed per actor or address, code and minute.
    """

    __tablename__ = "audit_entries"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(60))
    entity: Mapped[str] = mapped_column(String(40))
    entity_key: Mapped[int | None] = mapped_column(BigInteger)
    entity_id: Mapped[str | None] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_user_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_api_key_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(String(100))
    request_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    count: Mapped[int] = mapped_column(default=1)
    changes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class PersonalKey(Base):
    """The key (AES-256, wrapped by the deployment's secret) of one customer's personal fields; erasure deletes it."""

    __tablename__ = "personal_keys"
    __audited__ = False

    id: Mapped[int] = key_column()
    customer_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)


# Lists go by (recorded_at, id); one entity or one customer has few enough entries to sort, one actor has not.
Index("ix_audit_entries_recorded", AuditEntry.recorded_at, AuditEntry.id)
Index("ix_audit_entries_actor", AuditEntry.actor_user_id, AuditEntry.recorded_at, AuditEntry.id)
Index("ix_audit_entries_entity", AuditEntry.entity_id)
Index("ix_audit_entries_customer", AuditEntry.customer_id, AuditEntry.recorded_at, AuditEntry.id)
