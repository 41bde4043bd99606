"""The table of long work: what was asked, how far it is, how it ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class OperationRow(Base):
    """One piece of long work. Instants are the wall's, not the rehearsal's.

    Nobody takes it up before `lease_until`; `lease` counts who did, and fences off whoever is no longer meant.
    `cursor` is where the next batch begins, written with the batch before it. `failure_count` counts failures since
    the last batch that was written. Without a `user_id` the system itself asked.
    """

    __tablename__ = "operations"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    kind: Mapped[str] = mapped_column(String(60))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str] = mapped_column(String(12), default="queued")
    done_count: Mapped[int] = mapped_column(BigInteger, default=0)
    total_count: Mapped[int | None] = mapped_column(BigInteger)
    cursor: Mapped[Any | None] = mapped_column(Json)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    failure_count: Mapped[int] = mapped_column(default=0)
    lease: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


_unfinished = text("state IN ('queued', 'running')")
Index(
    "ix_operations_unfinished",
    OperationRow.lease_until,
    postgresql_where=_unfinished,
    sqlite_where=_unfinished,
)
Index("ix_operations_user", OperationRow.user_id, OperationRow.created_at, OperationRow.id)
Index("ix_operations_created", OperationRow.created_at, OperationRow.id)
