"""scorecard: counted periods, their cells, and which month closes next"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "7a64d0c3f8b2"
down_revision: str | None = "5b1f0c9e7a42"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COUNTS = ("kept", "late", "missed", "running", "paused", "superseded", "cancelled", "corrected")
SUMS = ("early_seconds", "early_elapsed_seconds", "late_seconds", "late_elapsed_seconds")
BUCKETS = tuple(f"{side}_{number}" for side in ("early", "late") for number in range(7))


def key() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "month_closings",
        key(),
        sa.Column("month", sa.String(length=10), nullable=False),
        sa.Column("closes_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_closings")),
    )
    op.create_table(
        "scorecard_periods",
        key(),
        sa.Column("begins_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ends_at", columns.UtcDateTime(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column("counted_at", columns.UtcDateTime(), nullable=False),
        sa.Column("valid_until", columns.UtcDateTime(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scorecard_periods")),
        sa.UniqueConstraint(
            "begins_at", "ends_at", name=op.f("uq_scorecard_periods_begins_at_ends_at")
        ),
    )
    op.create_table(
        "scorecard_cells",
        key(),
        sa.Column(
            "period_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("is_adjustment", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("clock", sa.String(length=40), nullable=False),
        sa.Column("policy", sa.String(length=100), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("department_id", sa.BigInteger(), nullable=True),
        sa.Column("tier", sa.String(length=1), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in BUCKETS),
        sa.ForeignKeyConstraint(
            ["period_id"],
            ["scorecard_periods.id"],
            name=op.f("fk_scorecard_cells_period_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scorecard_cells")),
    )
    op.create_index("ix_scorecard_periods_valid", "scorecard_periods", ["valid_until"])
    op.create_index("ix_scorecard_cells_period", "scorecard_cells", ["period_id"])


def downgrade() -> None:
    op.drop_table("scorecard_cells")
    op.drop_table("scorecard_periods")
    op.drop_table("month_closings")
