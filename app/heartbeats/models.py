"""Tables of worker health: one row a worker process, and the outages in which none lived."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Heartbeat(Base):
    """One worker process: when it last gave a sign, and how its jobs fare. All instants are real time.

    `jobs` maps a job's name to {ran_at, seconds, run_count, failure_count, error}, of the last run and since the start.
    """

    __tablename__ = "heartbeats"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stopped_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    jobs: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Outage(Base):
    """A time without any worker. The unique `silent_since` (the last beat) is the proof that it is told once.

    `notification_keys` are the inbox lines that told it, so that they can be settled at its end.
    """

    __tablename__ = "outages"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    silent_since: Mapped[datetime] = mapped_column(UtcDateTime, unique=True)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    notification_keys: Mapped[list[int]] = mapped_column(Json, default=list)
