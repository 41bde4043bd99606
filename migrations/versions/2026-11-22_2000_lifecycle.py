"""versions of the lifecycle's configuration, which stay as they were published"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "3d6b0e51c7a9"
down_revision: str | None = "7c02d9e4b1f6"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSED = "lifecycle versions are never changed"


def upgrade() -> None:
    op.create_table(
        "lifecycle_versions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", columns.Json(), nullable=False),
        sa.Column(
            "published_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["published_by"], ["users.id"], name=op.f("fk_lifecycle_versions_published_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_versions")),
        sa.UniqueConstraint("number", name=op.f("uq_lifecycle_versions_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_lifecycle_versions_public_id")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_lifecycle_version_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER lifecycle_versions_final BEFORE UPDATE OR DELETE ON lifecycle_versions "
            "FOR EACH ROW EXECUTE FUNCTION refuse_lifecycle_version_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER lifecycle_versions_no_{verb.lower()} BEFORE {verb} "
            f"ON lifecycle_versions BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def downgrade() -> None:
    op.drop_table("lifecycle_versions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_lifecycle_version_change")
