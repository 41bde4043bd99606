"""customers' needs and their response plans"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "e5a2c4d8f713"
down_revision: str | None = "6e1c08b7d52a"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_needs()
    op.create_table(
        "need_plans",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("need_id", _KEY, nullable=False),
        sa.Column("meeting_at", columns.UtcDateTime(), nullable=False),
        sa.Column("attendee_ids", columns.Json(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.Column("solution", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("agreed_at", columns.UtcDateTime(), nullable=False),
        sa.Column("done_at", columns.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["customer_needs.id"], name=op.f("fk_need_plans_need_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need_plans")),
        sa.UniqueConstraint("need_id", name=op.f("uq_need_plans_need_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_need_plans_public_id")),
    )
    op.create_table(
        "need_responsibilities",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("need_id", _KEY, nullable=False),
        sa.Column("task", sa.String(length=500), nullable=False),
        sa.Column("owner_id", _KEY, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", _KEY, nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id"], ["customer_needs.id"], name=op.f("fk_need_responsibilities_need_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["users.id"], name=op.f("fk_need_responsibilities_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_need_responsibilities_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need_responsibilities")),
        sa.UniqueConstraint("public_id", name=op.f("uq_need_responsibilities_public_id")),
    )
    op.create_index("ix_need_responsibilities_need", "need_responsibilities", ["need_id", "id"])


def _create_needs() -> None:
    op.create_table(
        "customer_needs",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("priority_reasons", columns.Json(), nullable=False),
        sa.Column("is_complex", sa.Boolean(), nullable=False),
        sa.Column("first_owner_id", _KEY, nullable=True),
        sa.Column("suggestion", columns.Json(), nullable=False),
        sa.Column("override_reason", sa.String(length=500), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", _KEY, nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_needs_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["first_owner_id"], ["users.id"], name=op.f("fk_customer_needs_first_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_customer_needs_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_needs")),
        sa.UniqueConstraint("public_id", name=op.f("uq_customer_needs_public_id")),
    )
    # The list, a customer's needs, somebody's needs: each newest first by keyset.
    op.create_index("ix_customer_needs_created", "customer_needs", ["created_at", "id"])
    op.create_index(
        "ix_customer_needs_customer", "customer_needs", ["customer_id", "created_at", "id"]
    )
    op.create_index(
        "ix_customer_needs_owner", "customer_needs", ["first_owner_id", "created_at", "id"]
    )


def downgrade() -> None:
    for table in ("need_responsibilities", "need_plans", "customer_needs"):
        op.drop_table(table)
