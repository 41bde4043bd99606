"""drafts of policies, moves of retargets, and what an operation tells in one line a recipient"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "6257fa8e562e"
down_revision: str | None = "7a64d0c3f8b2"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sla_moves",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_public_id", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("clock", sa.String(length=40), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("change", sa.String(length=10), nullable=False),
        sa.Column("state_before", sa.String(length=12), nullable=True),
        sa.Column("due_before", columns.UtcDateTime(), nullable=False),
        sa.Column("due_after", columns.UtcDateTime(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_sla_moves_operation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_moves")),
    )
    with op.batch_alter_table("sla_moves", schema=None) as batch_op:
        batch_op.create_index("ix_sla_moves_operation", ["operation_id", "id"], unique=False)

    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_index("ix_escalations_operation", ["operation_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_escalations_operation_id"), "operations", ["operation_id"], ["id"]
        )

    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_index(
            "uq_notifications_operation", ["operation_id", "user_id"], unique=True
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_notifications_operation_id"), "operations", ["operation_id"], ["id"]
        )

    with op.batch_alter_table("sla_policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("draft", columns.Json(), nullable=True))

    with op.batch_alter_table("sla_policy_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mode", sa.String(length=20), nullable=True))
        batch_op.add_column(
            sa.Column(
                "published_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
            )
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_sla_policy_versions_published_by"), "users", ["published_by"], ["id"]
        )

    with op.batch_alter_table("sla_subjects", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sla_subjects_open",
            ["id"],
            unique=False,
            postgresql_where=sa.text("is_open"),
            sqlite_where=sa.text("is_open"),
        )


def downgrade() -> None:
    with op.batch_alter_table("sla_subjects", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sla_subjects_open",
            postgresql_where=sa.text("is_open"),
            sqlite_where=sa.text("is_open"),
        )

    with op.batch_alter_table("sla_policy_versions", schema=None) as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_sla_policy_versions_published_by"), type_="foreignkey"
        )
        batch_op.drop_column("published_by")
        batch_op.drop_column("mode")

    with op.batch_alter_table("sla_policies", schema=None) as batch_op:
        batch_op.drop_column("draft")

    with op.batch_alter_table("notifications", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_notifications_operation_id"), type_="foreignkey")
        batch_op.drop_index("uq_notifications_operation")
        batch_op.drop_column("operation_id")

    with op.batch_alter_table("escalations", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_escalations_operation_id"), type_="foreignkey")
        batch_op.drop_index("ix_escalations_operation")
        batch_op.drop_column("operation_id")

    with op.batch_alter_table("sla_moves", schema=None) as batch_op:
        batch_op.drop_index("ix_sla_moves_operation")

    op.drop_table("sla_moves")
