"""segments with their members, and behaviour figures of customers"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "9b4d2e6f8a13"
down_revision: str | None = "c4a8e61f29d3"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _key(name: str, *, nullable: bool = False) -> Any:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    own = {"autoincrement": False} if name == "id" else {}
    return sa.Column(name, kind, nullable=nullable, **own)


def upgrade() -> None:
    _create_segments()
    _create_members()
    _create_figures()


def _create_segments() -> None:
    op.create_table(
        "segments",
        _key("id"),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", columns.SortKey(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("condition", columns.Json(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _key("created_by", nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_segments_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("name_key", name=op.f("uq_segments_name_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_segments_public_id")),
    )
    op.create_table(
        "segment_evaluations",
        _key("id"),
        _key("segment_id"),
        sa.Column("due_at", columns.UtcDateTime(), nullable=False),
        sa.Column("evaluated_at", columns.UtcDateTime(), nullable=False),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name=op.f("fk_segment_evaluations_segment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_evaluations")),
        sa.UniqueConstraint("segment_id", name=op.f("uq_segment_evaluations_segment_id")),
    )
    op.create_index(op.f("ix_segment_evaluations_due_at"), "segment_evaluations", ["due_at"])


def _create_members() -> None:
    op.create_table(
        "segment_members",
        _key("id"),
        _key("segment_id"),
        _key("customer_id"),
        sa.Column("entered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("left_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_segment_members_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name=op.f("fk_segment_members_segment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_members")),
    )
    # Whether a customer is in, asked for each one that an evaluation looks at; and that he is in once.
    op.create_index(
        "ix_segment_members_inside",
        "segment_members",
        ["segment_id", "customer_id", "left_at"],
        unique=True,
    )
    # A page of those who are in (`left_at` is the far end of time), in the list's order.
    op.create_index(
        "ix_segment_members_entered",
        "segment_members",
        ["segment_id", "left_at", "entered_at", "id"],
    )
    # Where one customer is and was, in the list's order; and what a merge moves.
    op.create_index(
        "ix_segment_members_customer", "segment_members", ["customer_id", "entered_at", "id"]
    )


def _create_figures() -> None:
    op.create_table(
        "customer_figures",
        _key("id"),
        _key("customer_id"),
        sa.Column("interaction_count", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", columns.UtcDateTime(), nullable=False),
        sa.Column("purchase_count_365d", sa.Integer(), nullable=False),
        sa.Column("purchase_amount_365d", columns.Money(), nullable=False),
        sa.Column("ticket_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_figures_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_figures")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_customer_figures_customer_id")),
    )
    op.create_table(
        "figure_bands",
        _key("id"),
        sa.Column("frequency_mid", sa.Integer(), nullable=False),
        sa.Column("frequency_high", sa.Integer(), nullable=False),
        sa.Column("amount_mid", columns.Money(), nullable=False),
        sa.Column("amount_high", columns.Money(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_bands")),
    )


def downgrade() -> None:
    for table in (
        "figure_bands",
        "customer_figures",
        "segment_members",
        "segment_evaluations",
        "segments",
    ):
        op.drop_table(table)
