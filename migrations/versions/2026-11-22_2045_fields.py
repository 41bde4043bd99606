"""choice lists and custom fields"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "6e1c08b7d52a"
down_revision: str | None = "9e41d7c0a5b2"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "choice_lists",
        sa.Column("id", kind, autoincrement=False, nullable=False),
        sa.Column("code", columns.SortKey(), nullable=False),
        sa.Column("title", columns.Json(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("choices", columns.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice_lists")),
        sa.UniqueConstraint("code", name=op.f("uq_choice_lists_code")),
    )
    op.create_table(
        "custom_fields",
        sa.Column("id", kind, autoincrement=False, nullable=False),
        sa.Column("key", columns.SortKey(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("title", columns.Json(), nullable=False),
        sa.Column("choice_list", sa.String(length=40), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custom_fields")),
        sa.UniqueConstraint("key", name=op.f("uq_custom_fields_key")),
    )


def downgrade() -> None:
    op.drop_table("custom_fields")
    op.drop_table("choice_lists")
