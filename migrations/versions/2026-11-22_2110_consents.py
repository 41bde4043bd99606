"""consents of contacts

Indexes: of a contact and a channel the newest one is asked for; a customer's are moved when he is merged.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "a4f27c9d13e6"
down_revision: str | None = "c5a7e1d93b60"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "consents",
        sa.Column("id", kind, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("contact_id", kind, nullable=False),
        sa.Column("customer_id", kind, nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.String(length=40), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("evidence", sa.String(length=500), nullable=True),
        sa.Column("given_at", columns.UtcDateTime(), nullable=False),
        sa.Column("recorded_by", kind, nullable=True),
        sa.Column("recorded_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_consents_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["users.id"], name=op.f("fk_consents_recorded_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("public_id", name=op.f("uq_consents_public_id")),
    )
    op.create_index(op.f("ix_consents_customer_id"), "consents", ["customer_id"])
    op.create_index("ix_consents_newest", "consents", ["contact_id", "channel", "given_at", "id"])


def downgrade() -> None:
    op.drop_table("consents")
