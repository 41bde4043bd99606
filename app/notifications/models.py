"""Tables of what people are told: the inbox, and mails on their way."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Notification(Base):
    """One line in somebody's inbox, unique per (escalation, recipient), so that nobody is told twice of one level.

    What an operation brings about is told in one line a recipient.

    Quiet hours hold it back until `deliver_at`; it is shown once the relay has released it (`delivered_at`), or it
    is `settled` because the matter was answered meanwhile. `data` holds the facts; the texts say them in both
    languages, written at release, so that inbox and mail say the same.
    """

    __tablename__ = "notifications"
    __audited__ = False
    __table_args__ = (UniqueConstraint("escalation_id", "user_id"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    escalation_id: Mapped[int | None] = mapped_column(BigInteger)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    title_zh: Mapped[str] = mapped_column(Text, default="")
    body_zh: Mapped[str] = mapped_column(Text, default="")
    title_en: Mapped[str] = mapped_column(Text, default="")
    body_en: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deliver_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    settled: Mapped[bool] = mapped_column(default=False)


class Mail(Base):
    """One mail to be sent at least once under its stable Message-ID."""

    __tablename__ = "mails"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    notification_id: Mapped[int | None] = mapped_column(ForeignKey("notifications.id"), unique=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


_of_operation = text("operation_id IS NOT NULL")
Index(
    "uq_notifications_operation",
    Notification.operation_id,
    Notification.user_id,
    unique=True,
    postgresql_where=_of_operation,
    sqlite_where=_of_operation,
)
Index("ix_notifications_inbox", Notification.user_id, Notification.created_at, Notification.id)
Index(
    "ix_notifications_unread", Notification.user_id, Notification.read_at, Notification.delivered_at
)
