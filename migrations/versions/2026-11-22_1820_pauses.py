"""find the waits of a period"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "7c02d9e4b1f6"
down_revision: str | None = "162b54633dca"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WAITING = sa.text("kind = 'waiting'")


def upgrade() -> None:
    op.create_index(
        "ix_sla_facts_waiting",
        "sla_facts",
        ["occurred_at", "id"],
        postgresql_where=_WAITING,
        sqlite_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_sla_facts_waiting", "sla_facts")
