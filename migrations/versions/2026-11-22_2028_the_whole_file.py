"""the whole file: what CU-1, CU-3 and CU-8 ask of customers and contacts, and several numbers and addresses a contact

The indexes: `trade_kind` and `contract_ends_on` are filters of the customer list that select few of many;
`credit_code` and a point's `value` find a customer by what names him exactly; a contact's points are read with him
(the unique constraint begins with his key), and a customer's are moved when he is merged.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "2d9be41f70ac"
down_revision: str | None = "b1d7e2a94c05"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CUSTOMERS: tuple[tuple[str, sa.types.TypeEngine[object]], ...] = (
    ("short_name", sa.String(length=100)),
    ("credit_code", sa.String(length=18)),
    ("website", sa.String(length=500)),
    ("address", sa.String(length=500)),
    ("trade_kind", sa.String(length=40)),
    ("purchasing_power", sa.String(length=40)),
    ("purchasing_habits", sa.Text()),
    ("cooperation_started_on", sa.Date()),
    ("contract_ends_on", sa.Date()),
)
CONTACTS: tuple[tuple[str, sa.types.TypeEngine[object]], ...] = (
    ("birthday", columns.Json()),
    ("preferences", sa.Text()),
)


def upgrade() -> None:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for name, type_ in CUSTOMERS:
        op.add_column("customers", sa.Column(name, type_, nullable=True))
    for table, name, empty in (
        ("customers", "need_keywords", "[]"),
        ("customers", "custom", "{}"),
        ("contacts", "interests", "[]"),
    ):
        column = sa.Column(
            name, columns.Json(), nullable=False, server_default=sa.text(f"'{empty}'")
        )
        op.add_column(table, column)
    for name, type_ in CONTACTS:
        op.add_column("contacts", sa.Column(name, type_, nullable=True))
    op.create_index("ix_customers_trade_kind", "customers", ["trade_kind", "id"])
    for name, listed in (
        ("contract_ends_on", ["contract_ends_on", "id"]),
        ("credit_code", ["credit_code"]),
    ):
        present = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_customers_{name}",
            "customers",
            listed,
            postgresql_where=present,
            sqlite_where=present,
        )
    op.create_table(
        "contact_points",
        sa.Column("id", kind, autoincrement=False, nullable=False),
        sa.Column("contact_id", kind, nullable=False),
        sa.Column("customer_id", kind, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", columns.SortKey(), nullable=False),
        sa.Column("label", sa.String(length=30), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_contact_points_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_contact_points_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_points")),
        sa.UniqueConstraint(
            "contact_id", "kind", "value", name=op.f("uq_contact_points_contact_id_kind_value")
        ),
    )
    op.create_index(op.f("ix_contact_points_customer_id"), "contact_points", ["customer_id"])
    op.create_index(op.f("ix_contact_points_value"), "contact_points", ["value"])
    # A contact's key is free in the new table, and so is its negative.
    for name, key in (("phone", "id"), ("email", "-id")):
        op.execute(
            "INSERT INTO contact_points (id, contact_id, customer_id, kind, value, position) "
            f"SELECT {key}, id, customer_id, '{name}', {name}, 0 FROM contacts WHERE {name} IS NOT NULL"
        )
        op.drop_column("contacts", name)


def downgrade() -> None:
    for name, length in (("phone", 32), ("email", 254)):
        op.add_column("contacts", sa.Column(name, sa.String(length=length), nullable=True))
        op.execute(
            f"UPDATE contacts SET {name} = (SELECT p.value FROM contact_points p WHERE p.contact_id = contacts.id "
            f"AND p.kind = '{name}' ORDER BY p.position, p.id LIMIT 1)"
        )
    op.drop_table("contact_points")
    for name in ("trade_kind", "contract_ends_on", "credit_code"):
        op.drop_index(f"ix_customers_{name}", "customers")
    for name, _ in reversed(CONTACTS):
        op.drop_column("contacts", name)
    op.drop_column("contacts", "interests")
    for name in ("custom", "need_keywords", *(name for name, _ in reversed(CUSTOMERS))):
        op.drop_column("customers", name)
