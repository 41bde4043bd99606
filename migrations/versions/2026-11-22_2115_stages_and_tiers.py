"""histories of stages and tiers, what the tier policy says of each customer, and versions of that policy"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "8f41c2a7d950"
down_revision: str | None = "b81c6f20d4e7"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSED = "tier policy versions are never changed"


def _key(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=False, nullable=nullable)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _create(name: str, *parts: Any) -> None:
    op.create_table(
        name, _key("id"), *parts, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
    )


def upgrade() -> None:
    table = "tier_policy_versions"
    _create(
        table,
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        _key("published_by", nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        _reference(table, "published_by", "users"),
        sa.UniqueConstraint("number", name=op.f("uq_tier_policy_versions_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_tier_policy_versions_public_id")),
    )
    table = "customer_stage_changes"
    _create(
        table,
        _key("customer_id"),
        sa.Column("from_stage", sa.String(length=20), nullable=True),
        sa.Column("to_stage", sa.String(length=20), nullable=False),
        sa.Column("changed_at", columns.UtcDateTime(), nullable=False),
        _key("changed_by", nullable=True),
        sa.Column("reason_code", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("stayed_seconds", sa.BigInteger(), nullable=True),
        _key("owner_id", nullable=True),
        _key("department_id", nullable=True),
        _reference(table, "customer_id", "customers"),
        _reference(table, "changed_by", "users"),
        _reference(table, "owner_id", "users"),
        _reference(table, "department_id", "departments"),
    )
    table = "customer_tier_changes"
    _create(
        table,
        _key("customer_id"),
        sa.Column("from_tier", sa.String(length=1), nullable=True),
        sa.Column("to_tier", sa.String(length=1), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("changed_at", columns.UtcDateTime(), nullable=False),
        _key("changed_by", nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("override_ends_at", columns.UtcDateTime(), nullable=False),
        sa.Column("score", columns.Money(), nullable=True),
        sa.Column("points", columns.Json(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        _reference(table, "customer_id", "customers"),
        _reference(table, "changed_by", "users"),
    )
    table = "customer_tiers"
    _create(
        table,
        _key("customer_id"),
        sa.Column("tier", sa.String(length=1), nullable=True),
        sa.Column("score", columns.Money(), nullable=True),
        sa.Column("points", columns.Json(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("computed_at", columns.UtcDateTime(), nullable=False),
        sa.Column("compute_at", columns.UtcDateTime(), nullable=False),
        sa.Column("manager_asked_at", columns.UtcDateTime(), nullable=False),
        _reference(table, "customer_id", "customers"),
        sa.UniqueConstraint("customer_id", name=op.f("uq_customer_tiers_customer_id")),
    )
    _add_override()
    _add_indexes()
    _refuse_changes()
    _fill()


def _add_override() -> None:
    far_end = sa.text(_far_end())
    for column in (
        sa.Column("tier_is_overridden", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column(
            "tier_override_ends_at", columns.UtcDateTime(), nullable=False, server_default=far_end
        ),
    ):
        op.add_column("customers", column)
    # What somebody had said of a customer is kept as his word.
    op.execute(
        "UPDATE customers SET tier_is_overridden = true WHERE tier <> 'C' OR tier_reason IS NOT NULL"
    )


def _add_indexes() -> None:
    # A customer's own history, in its order.
    for table in ("customer_stage_changes", "customer_tier_changes"):
        op.create_index(f"ix_{table}_customer", table, ["customer_id", "changed_at", "id"])
    # The funnel's period.
    op.create_index(
        "ix_customer_stage_changes_changed", "customer_stage_changes", ["changed_at", "id"]
    )
    # Whose time has come.
    op.create_index("ix_customer_tiers_due", "customer_tiers", ["compute_at", "id"])
    # The next override to end, among few.
    overridden = sa.text("tier_is_overridden")
    op.create_index(
        "ix_customers_override_ends",
        "customers",
        ["tier_override_ends_at"],
        postgresql_where=overridden,
        sqlite_where=overridden,
    )


def _refuse_changes() -> None:
    if _is_postgresql():
        op.execute(
            "CREATE FUNCTION refuse_tier_policy_version_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER tier_policy_versions_final BEFORE UPDATE OR DELETE ON tier_policy_versions "
            "FOR EACH ROW EXECUTE FUNCTION refuse_tier_policy_version_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER tier_policy_versions_no_{verb.lower()} BEFORE {verb} "
            f"ON tier_policy_versions BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def _fill() -> None:
    """Begin the histories of customers who are there; their tiers are computed at once."""
    key = "nextval('huiying_keys')" if _is_postgresql() else "row_number() OVER (ORDER BY id)"
    far_end = _far_end()
    op.execute(
        "INSERT INTO customer_stage_changes (id, customer_id, to_stage, changed_at, changed_by, owner_id, department_id) "
        f"SELECT {key}, id, status, created_at, created_by, owner_id, department_id FROM customers ORDER BY id"
    )
    op.execute(
        "INSERT INTO customer_tiers (id, customer_id, computed_at, compute_at, manager_asked_at) "
        f"SELECT {key}, id, {far_end}, created_at, {far_end} FROM customers ORDER BY id"
    )


def _far_end() -> str:
    return "'9999-12-31 23:59:59+00'" if _is_postgresql() else "'9999-12-31T23:59:59.000000Z'"


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def downgrade() -> None:
    op.drop_index("ix_customers_override_ends", "customers")
    op.drop_column("customers", "tier_override_ends_at")
    op.drop_column("customers", "tier_is_overridden")
    op.drop_table("customer_tiers")
    op.drop_table("customer_tier_changes")
    op.drop_table("customer_stage_changes")
    op.drop_table("tier_policy_versions")
    if _is_postgresql():
        op.execute("DROP FUNCTION refuse_tier_policy_version_change")
