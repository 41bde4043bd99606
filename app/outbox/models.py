"""The table of the outbox: messages that left with their change, until the relay has settled them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class OutboxMessage(Base):
    """One event or delivery to be made. `attempt_at` is the far end of time when nothing is left to do.

    States: `pending`, `done`, `dead` (attempts used up; `huiying outbox requeue` makes it pending again).
    `public_id` is the stable id under which external effects go out at least once.
    """

    __tablename__ = "outbox_messages"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    event: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    last_error: Mapped[str | None] = mapped_column(Text)


Index(
    "ix_outbox_messages_due",
    OutboxMessage.attempt_at,
    OutboxMessage.id,
    postgresql_where=OutboxMessage.state == "pending",
    sqlite_where=OutboxMessage.state == "pending",
)
Index(
    "ix_outbox_messages_done",
    OutboxMessage.settled_at,
    postgresql_where=OutboxMessage.state == "done",
    sqlite_where=OutboxMessage.state == "done",
)
Index(
    "ix_outbox_messages_dead",
    OutboxMessage.id,
    postgresql_where=OutboxMessage.state == "dead",
    sqlite_where=OutboxMessage.state == "dead",
)
