"""Leave room on the pages of deadlines and levels, so that a row's next version stays on its page."""

from collections.abc import Sequence

from alembic import op

revision: str = "c4a8e61f29d3"
down_revision: str | None = "e5a2c4d8f713"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("deadlines", "deadline_levels")


def upgrade() -> None:
    """Leave a fifth of a page: half of a retarget's updates then touch no index."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 80)")


def downgrade() -> None:
    """Fill pages up again."""
    if op.get_bind().dialect.name == "postgresql":
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
