"""charges: to whom a verdict belongs, how early a promise was kept, and marks of changed deadlines"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "5f0e2a9b71cd"
down_revision: str | None = "3b7c1d94e2a0"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ADDED = (
    ("charged_owner_id", sa.BigInteger()),
    ("charged_department_id", sa.BigInteger()),
    ("charged_tier", sa.String(length=1)),
    ("early_seconds", sa.BigInteger()),
    ("early_elapsed_seconds", sa.BigInteger()),
)


def upgrade() -> None:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "deadline_changes",
        sa.Column("id", kind, autoincrement=False, nullable=False),
        sa.Column("due_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline_changes")),
    )
    with op.batch_alter_table("deadline_changes", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_deadline_changes_due_at"), ["due_at"], unique=False)
    for name, type_ in ADDED:
        op.add_column("deadlines", sa.Column(name, type_, nullable=True))
    # Nobody knows any more who had a row when it came due: whoever had it last is charged.
    op.execute(
        "UPDATE deadlines SET charged_owner_id = owner_id, charged_department_id = department_id, "
        "charged_tier = (SELECT s.tier FROM sla_subjects s WHERE s.id = deadlines.subject_key)"
    )


def downgrade() -> None:
    for name, _ in reversed(ADDED):
        op.drop_column("deadlines", name)
    op.drop_table("deadline_changes")
