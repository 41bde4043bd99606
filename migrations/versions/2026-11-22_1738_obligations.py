"""rules of the deployment's own, and obligations under them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "162b54633dca"
down_revision: str | None = "6257fa8e562e"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sop_rules",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("clock", columns.SortKey(), nullable=False),
        sa.Column("rule", columns.SortKey(), nullable=False),
        sa.Column("title", columns.Json(), nullable=False),
        sa.Column("opens_on", columns.Json(), nullable=False),
        sa.Column("answered_by", columns.Json(), nullable=False),
        sa.Column("target_amount", sa.Integer(), nullable=False),
        sa.Column("target_unit", sa.String(length=20), nullable=False),
        sa.Column("calendar", sa.String(length=20), nullable=False),
        sa.Column(
            "answers_department_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answers_department_id"],
            ["departments.id"],
            name=op.f("fk_sop_rules_answers_department_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sop_rules")),
        sa.UniqueConstraint("clock", name=op.f("uq_sop_rules_clock")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sop_rules_public_id")),
        sa.UniqueConstraint("rule", name=op.f("uq_sop_rules_rule")),
    )
    op.create_table(
        "obligations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_ref", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("link", sa.String(length=1000), nullable=True),
        sa.Column("data", columns.Json(), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "department_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("opened_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=False),
        sa.Column(
            "created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_obligations_created_by")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_obligations_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_obligations_department_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_obligations_owner_id")),
        sa.ForeignKeyConstraint(["rule_id"], ["sop_rules.id"], name=op.f("fk_obligations_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligations")),
        sa.UniqueConstraint("public_id", name=op.f("uq_obligations_public_id")),
    )
    with op.batch_alter_table("obligations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_obligations_customer", ["customer_id", "opened_at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_obligations_open",
            ["rule_id", "subject_type", "subject_ref"],
            unique=True,
            postgresql_where=sa.text("status = 'open'"),
            sqlite_where=sa.text("status = 'open'"),
        )
        batch_op.create_index("ix_obligations_opened", ["opened_at", "id"], unique=False)
        batch_op.create_index("ix_obligations_owner", ["owner_id", "opened_at", "id"], unique=False)
        batch_op.create_index(
            "ix_obligations_subject", ["subject_type", "subject_ref"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("obligations", schema=None) as batch_op:
        batch_op.drop_index("ix_obligations_subject")
        batch_op.drop_index("ix_obligations_owner")
        batch_op.drop_index("ix_obligations_opened")
        batch_op.drop_index(
            "ix_obligations_open",
            postgresql_where=sa.text("status = 'open'"),
            sqlite_where=sa.text("status = 'open'"),
        )
        batch_op.drop_index("ix_obligations_customer")

    op.drop_table("obligations")
    op.drop_table("sop_rules")
