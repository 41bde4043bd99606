"""The virtual clock's row: an offset that ticks, or a frozen instant (forward only)."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, UtcDateTime, key_column


class VirtualClock(Base):
    """One row, id 1, read with every domain instant. `held_until` (real time) is a running rehearsal's lease."""

    __tablename__ = "virtual_clock"
    __audited__ = False

    id: Mapped[int] = key_column()
    offset_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
