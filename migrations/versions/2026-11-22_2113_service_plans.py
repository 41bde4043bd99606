"""service plans"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "a83f6d0b91ce"
down_revision: str | None = "5b1c7d20e9a4"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create(name: str, *parts: sa.schema.SchemaItem, points_at: dict[str, str]) -> None:
    """Create a table with its key and its references, column -> table."""
    op.create_table(
        name,
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        *parts,
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}"))
            for column, table in points_at.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def _public_id(name: str) -> tuple[sa.schema.SchemaItem, ...]:
    unique = sa.UniqueConstraint("public_id", name=op.f(f"uq_{name}_public_id"))
    return sa.Column("public_id", columns.PublicId(), nullable=False), unique


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, columns.UtcDateTime(), nullable=False)


def upgrade() -> None:
    _create_plans()
    _create_items()
    _create_turns()


def _create_plans() -> None:
    _create(
        "service_plans",
        *_public_id("service_plans"),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("end_reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", _KEY, nullable=True),
        _instant("created_at"),
        _instant("updated_at"),
        _instant("ended_at"),
        points_at={"customer_id": "customers", "created_by": "users"},
    )
    op.create_index("ix_service_plans_created", "service_plans", ["created_at", "id"])
    op.create_index(
        "ix_service_plans_customer", "service_plans", ["customer_id", "created_at", "id"]
    )


def _create_items() -> None:
    _create(
        "service_plan_items",
        *_public_id("service_plan_items"),
        sa.Column("plan_id", _KEY, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("assignee", sa.String(length=20), nullable=False),
        sa.Column("user_id", _KEY, nullable=True),
        sa.Column("team_role", sa.String(length=60), nullable=True),
        sa.Column("every_amount", sa.Integer(), nullable=True),
        sa.Column("every_unit", sa.String(length=10), nullable=True),
        sa.Column("dates", columns.Json(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _instant("created_at"),
        points_at={"plan_id": "service_plans", "user_id": "users"},
    )
    op.create_index("ix_service_plan_items_plan", "service_plan_items", ["plan_id", "id"])


def _create_turns() -> None:
    _create(
        "service_series",
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        _instant("opens_at"),
        sa.UniqueConstraint(
            "item_id", "customer_id", name=op.f("uq_service_series_item_id_customer_id")
        ),
        points_at={"item_id": "service_plan_items", "customer_id": "customers"},
    )
    # The job asks for what opens next: its work grows with what opens, not with what is promised.
    op.create_index("ix_service_series_opens", "service_series", ["opens_at", "id"])
    op.create_index("ix_service_series_customer", "service_series", ["customer_id", "id"])
    _create(
        "service_occurrences",
        *_public_id("service_occurrences"),
        sa.Column("series_id", _KEY, nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("ended_by", _KEY, nullable=True),
        _instant("opened_at"),
        _instant("ended_at"),
        sa.Column("version", sa.Integer(), nullable=False),
        points_at={
            "series_id": "service_series",
            "item_id": "service_plan_items",
            "customer_id": "customers",
            "ended_by": "users",
        },
    )
    for name, fields in (
        ("series", ["series_id", "number"]),
        ("item", ["item_id", "status"]),
        ("opened", ["opened_at", "id"]),
        ("customer", ["customer_id", "opened_at", "id"]),
    ):
        op.create_index(f"ix_service_occurrences_{name}", "service_occurrences", fields)


def downgrade() -> None:
    for table in ("service_occurrences", "service_series", "service_plan_items", "service_plans"):
        op.drop_table(table)
