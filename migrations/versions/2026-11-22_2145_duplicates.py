"""duplicates and merges: pairs to decide, who was merged into whom, and every value that a merge changed

The indexes: `merged_into_id` finds whose old numbers a customer has; reviews are listed by state and score; merges by
time and by customer; a merge's changes are read whole when it is undone.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "8d3f6a1b0c57"
down_revision: str | None = "8f41c2a7d950"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MERGED = sa.text("merged_into_id IS NOT NULL")


def upgrade() -> None:
    kind = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(
        f"ALTER TABLE customers ADD COLUMN merged_into_id {kind} "
        "CONSTRAINT fk_customers_merged_into_id REFERENCES customers (id)"
    )
    op.create_index(
        "ix_customers_merged_into_id",
        "customers",
        ["merged_into_id"],
        postgresql_where=_MERGED,
        sqlite_where=_MERGED,
    )
    _create_reviews()
    _create_merges()


def _create_reviews() -> None:
    op.create_table(
        "duplicate_reviews",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("one_id", _KEY, nullable=False),
        sa.Column("other_id", _KEY, nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", columns.Json(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", _KEY, nullable=True),
        sa.Column("decided_at", columns.UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["one_id"], ["customers.id"], name=op.f("fk_duplicate_reviews_one_id")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["customers.id"], name=op.f("fk_duplicate_reviews_other_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_duplicate_reviews_decided_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_reviews")),
        sa.UniqueConstraint("public_id", name=op.f("uq_duplicate_reviews_public_id")),
        sa.UniqueConstraint(
            "one_id", "other_id", name=op.f("uq_duplicate_reviews_one_id_other_id")
        ),
    )
    op.create_index(op.f("ix_duplicate_reviews_other_id"), "duplicate_reviews", ["other_id"])
    op.create_index("ix_duplicate_reviews_state", "duplicate_reviews", ["state", "score", "id"])


def _create_merges() -> None:
    op.create_table(
        "customer_merges",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("winner_id", _KEY, nullable=False),
        sa.Column("loser_id", _KEY, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("taken", columns.Json(), nullable=False),
        sa.Column("counts", columns.Json(), nullable=False),
        sa.Column("merged_by", _KEY, nullable=True),
        sa.Column("merged_at", columns.UtcDateTime(), nullable=False),
        sa.Column("undone_by", _KEY, nullable=True),
        sa.Column("undone_at", columns.UtcDateTime(), nullable=False),
        sa.Column("undo_reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["winner_id"], ["customers.id"], name=op.f("fk_customer_merges_winner_id")
        ),
        sa.ForeignKeyConstraint(
            ["loser_id"], ["customers.id"], name=op.f("fk_customer_merges_loser_id")
        ),
        sa.ForeignKeyConstraint(
            ["merged_by"], ["users.id"], name=op.f("fk_customer_merges_merged_by")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by"], ["users.id"], name=op.f("fk_customer_merges_undone_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_merges")),
        sa.UniqueConstraint("public_id", name=op.f("uq_customer_merges_public_id")),
    )
    for name in ("winner_id", "loser_id"):
        op.create_index(op.f(f"ix_customer_merges_{name}"), "customer_merges", [name])
    op.create_index("ix_customer_merges_merged_at", "customer_merges", ["merged_at", "id"])
    op.create_table(
        "merge_changes",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("merge_id", _KEY, nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("old", columns.Json(), nullable=True),
        sa.Column("new", columns.Json(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merge_id"], ["customer_merges.id"], name=op.f("fk_merge_changes_merge_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_changes")),
    )
    op.create_index(op.f("ix_merge_changes_merge_id"), "merge_changes", ["merge_id"])


def downgrade() -> None:
    for table in ("merge_changes", "customer_merges", "duplicate_reviews"):
        op.drop_table(table)
    op.drop_index("ix_customers_merged_into_id", "customers")
    with op.batch_alter_table("customers") as batch:
        batch.drop_column("merged_into_id")
