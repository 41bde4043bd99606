"""Index by operation only what an operation brought about: hardly any escalation or notice, and the sweep writes them all."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d17b9c4e62f0"
down_revision: str | None = "8d3f6a1b0c57"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INDEXES = (
    ("ix_escalations_operation", "escalations", ["operation_id"], False),
    ("uq_notifications_operation", "notifications", ["operation_id", "user_id"], True),
)
_PARTIAL = sa.text("operation_id IS NOT NULL")


def upgrade() -> None:
    """Make both partial."""
    for name, table, columns, unique in _INDEXES:
        op.drop_index(name, table)
        op.create_index(
            name,
            table,
            columns,
            unique=unique,
            postgresql_where=_PARTIAL,
            sqlite_where=_PARTIAL,
        )


def downgrade() -> None:
    """Make both whole again."""
    for name, table, columns, unique in _INDEXES:
        op.drop_index(name, table)
        op.create_index(name, table, columns, unique=unique)
