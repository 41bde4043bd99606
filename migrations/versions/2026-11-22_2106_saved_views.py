"""saved views, and with which one somebody begins"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "c5a7e1d93b60"
down_revision: str | None = "9b4d2e6f8a13"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _key(name: str, *, nullable: bool = False) -> Any:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    own = {"autoincrement": False} if name == "id" else {}
    return sa.Column(name, kind, nullable=nullable, **own)


def upgrade() -> None:
    op.create_table(
        "saved_views",
        _key("id"),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        _key("owner_id"),
        sa.Column("resource", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", columns.SortKey(), nullable=False),
        sa.Column("query", columns.Json(), nullable=False),
        sa.Column("sharing", sa.String(length=12), nullable=False),
        _key("department_id", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_saved_views_department_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_saved_views_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("public_id", name=op.f("uq_saved_views_public_id")),
        sa.UniqueConstraint(
            "owner_id", "resource", "name_key", name=op.f("uq_saved_views_owner_id_resource_name_key")
        ),
    )  # fmt: skip
    # The list's order; views are few, who sees which is picked out on the way.
    op.create_index("ix_saved_views_name", "saved_views", ["name_key", "id"])
    op.create_table(
        "saved_view_defaults",
        _key("id"),
        _key("user_id"),
        sa.Column("resource", sa.String(length=20), nullable=False),
        _key("view_id"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_view_defaults_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["view_id"], ["saved_views.id"], name=op.f("fk_saved_view_defaults_view_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view_defaults")),
        sa.UniqueConstraint(
            "user_id", "resource", name=op.f("uq_saved_view_defaults_user_id_resource")
        ),
    )
    # Who begins with a view that is to be deleted.
    op.create_index(op.f("ix_saved_view_defaults_view_id"), "saved_view_defaults", ["view_id"])


def downgrade() -> None:
    op.drop_table("saved_view_defaults")
    op.drop_table("saved_views")
