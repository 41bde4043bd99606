"""worker health: heartbeats and outages"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "3b7c1d94e2a0"
down_revision: str | None = "08f648e349d0"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def key() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        key(),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("started_at", columns.UtcDateTime(), nullable=False),
        sa.Column("beat_at", columns.UtcDateTime(), nullable=False),
        sa.Column("stopped_at", columns.UtcDateTime(), nullable=False),
        sa.Column("jobs", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
        sa.UniqueConstraint("public_id", name=op.f("uq_heartbeats_public_id")),
    )
    op.create_table(
        "outages",
        key(),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("silent_since", columns.UtcDateTime(), nullable=False),
        sa.Column("told_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=False),
        sa.Column("notification_keys", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
        sa.UniqueConstraint("public_id", name=op.f("uq_outages_public_id")),
        sa.UniqueConstraint("silent_since", name=op.f("uq_outages_silent_since")),
    )


def downgrade() -> None:
    op.drop_table("outages")
    op.drop_table("heartbeats")
