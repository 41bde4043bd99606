"""the history of customers' files, and the timeline derived from it and other histories"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "3e8f5a1c7d24"
down_revision: str | None = "3d6b0e51c7a9"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What is known of files that are there already: when they and their contacts came. An event's id is unique to it
# alone; the contact's or customer's own serves.
_KNOWN = """
INSERT INTO customer_changes
    (id, public_id, customer_id, event, at, subject_type, subject_id, actor_id, data)
SELECT row_number() OVER (ORDER BY at, subject_id), public_id, customer_id, event, at, subject_type, subject_id,
    actor_id, '{}'
FROM (
    SELECT public_id, id AS customer_id, 'customer.created' AS event, created_at AS at, 'customer' AS subject_type,
        CAST(public_id AS varchar) AS subject_id, created_by AS actor_id
    FROM customers
    UNION ALL
    SELECT public_id, customer_id, 'contact.created', created_at, 'contact', CAST(public_id AS varchar), NULL
    FROM contacts
) known
"""


def upgrade() -> None:
    _create_changes()
    _create_timeline()
    op.execute(_KNOWN)


def _create_changes() -> None:
    op.create_table(
        "customer_changes",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("at", columns.UtcDateTime(), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("actor_id", _KEY, nullable=True),
        sa.Column("data", columns.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_customer_changes_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_changes_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_changes")),
        # A relay finds what an event is about.
        sa.UniqueConstraint("public_id", name=op.f("uq_customer_changes_public_id")),
    )
    # A merge moves one customer's rows.
    op.create_index("ix_customer_changes_customer", "customer_changes", ["customer_id", "id"])


def _create_timeline() -> None:
    op.create_table(
        "customer_timeline",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("at", columns.UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=40), nullable=False),
        sa.Column("actor_id", _KEY, nullable=True),
        sa.Column("data", columns.Json(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_customer_timeline_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_timeline_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_timeline")),
        # The proof that an entry is made once; `rebuild` walks along it.
        sa.UniqueConstraint("source", "source_key", name=op.f("uq_customer_timeline_source_source_key")),
    )  # fmt: skip
    # A page of one customer: its first columns pick him out, the others are the list's order, read backwards.
    op.create_index(
        "ix_customer_timeline_customer", "customer_timeline", ["customer_id", "at", "id"]
    )
    # The same for one kind, which may be rare in a long timeline.
    op.create_index(
        "ix_customer_timeline_kind", "customer_timeline", ["customer_id", "kind", "at", "id"]
    )


def downgrade() -> None:
    op.drop_table("customer_timeline")
    op.drop_table("customer_changes")
