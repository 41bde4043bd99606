"""Tables of the scorecard's rollup: counted periods and their cells. All derived from `deadlines`, except what is closed."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, UtcDateTime, key_column


class ScorecardPeriod(Base):
    """A local day, or a closed month, that was counted as of `counted_at`.

    A day's cells hold while no mark of `deadline_changes` lies in it and `valid_until` has not come: then time alone
    changes how a row of it reads. A closed month's figures never change. `serial` fences off who counted earlier.
    """

    __tablename__ = "scorecard_periods"
    __audited__ = False
    __table_args__ = (UniqueConstraint("begins_at", "ends_at"),)

    id: Mapped[int] = key_column()
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    month: Mapped[str] = mapped_column(String(7))
    is_closed: Mapped[bool] = mapped_column(default=False)
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime)
    serial: Mapped[int] = mapped_column(default=1)


class ScorecardCell(Base):
    """What was counted of one period, for one rule, clock and policy, charged to one owner, department and tier.

    Of a closed month the rows with `is_adjustment` hold what has changed since, beside the frozen figures. Seconds
    are sums; `early_seconds` and `late_seconds` in the clock's calendar. `early_0` to `early_6` count what was kept
    by how much working time was left, `late_0` to `late_6` by how much it was late, within `figures.EDGES`.
    """

    __tablename__ = "scorecard_cells"
    __audited__ = False

    id: Mapped[int] = key_column()
    period_id: Mapped[int] = mapped_column(ForeignKey("scorecard_periods.id"))
    is_adjustment: Mapped[bool] = mapped_column(default=False)
    rule: Mapped[str] = mapped_column(String(20))
    clock: Mapped[str] = mapped_column(String(40))
    policy: Mapped[str | None] = mapped_column(String(100))
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    department_id: Mapped[int | None] = mapped_column(BigInteger)
    tier: Mapped[str | None] = mapped_column(String(1))
    kept: Mapped[int]
    late: Mapped[int]
    missed: Mapped[int]
    running: Mapped[int]
    paused: Mapped[int]
    superseded: Mapped[int]
    cancelled: Mapped[int]
    corrected: Mapped[int]
    early_seconds: Mapped[int] = mapped_column(BigInteger)
    early_elapsed_seconds: Mapped[int] = mapped_column(BigInteger)
    late_seconds: Mapped[int] = mapped_column(BigInteger)
    late_elapsed_seconds: Mapped[int] = mapped_column(BigInteger)
    early_0: Mapped[int]
    early_1: Mapped[int]
    early_2: Mapped[int]
    early_3: Mapped[int]
    early_4: Mapped[int]
    early_5: Mapped[int]
    early_6: Mapped[int]
    late_0: Mapped[int]
    late_1: Mapped[int]
    late_2: Mapped[int]
    late_3: Mapped[int]
    late_4: Mapped[int]
    late_5: Mapped[int]
    late_6: Mapped[int]


class MonthClosing(Base):
    """The one row that says which month closes next, and when; `month` is its first date, as `2026-03-01`."""

    __tablename__ = "month_closings"
    __audited__ = False

    id: Mapped[int] = key_column()
    month: Mapped[str] = mapped_column(String(10))
    closes_at: Mapped[datetime] = mapped_column(UtcDateTime)


Index("ix_scorecard_cells_period", ScorecardCell.period_id)
Index("ix_scorecard_periods_valid", ScorecardPeriod.valid_until)
