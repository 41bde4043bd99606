"""imports: files of others, kept in pieces until they are purged, and mappings for the next ones"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns

revision: str = "b81c6f20d4e7"
down_revision: str | None = "a83f6d0b91ce"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("about", columns.Json(), nullable=False),
        sa.Column("samples", columns.Json(), nullable=False),
        sa.Column("suggested", columns.Json(), nullable=False),
        sa.Column("options", columns.Json(), nullable=True),
        sa.Column("operation_id", _KEY, nullable=True),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("purge_at", columns.UtcDateTime(), nullable=False),
        sa.Column("purged_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name="fk_imports_operation_id"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_imports_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.UniqueConstraint("public_id", name="uq_imports_public_id"),
    )
    op.create_index("ix_imports_user", "imports", ["user_id", "created_at", "id"])
    op.create_index("ix_imports_created", "imports", ["created_at", "id"])
    op.create_index("ix_imports_purge", "imports", ["purge_at"])
    op.create_table(
        "import_pieces",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("import_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_import_pieces_import_id"),
        sa.PrimaryKeyConstraint("id", name="pk_import_pieces"),
        # Also the way to an import's pieces, one by one and all at once.
        sa.UniqueConstraint(
            "import_id", "kind", "number", name="uq_import_pieces_import_id_kind_number"
        ),
    )
    op.create_table(
        "import_mappings",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", columns.SortKey(), nullable=False),
        sa.Column("columns", columns.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", _KEY, nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("updated_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_import_mappings_created_by"),
        sa.PrimaryKeyConstraint("id", name="pk_import_mappings"),
        sa.UniqueConstraint(
            "created_by", "name_key", name="uq_import_mappings_created_by_name_key"
        ),
        sa.UniqueConstraint("public_id", name="uq_import_mappings_public_id"),
    )


def downgrade() -> None:
    op.drop_table("import_mappings")
    op.drop_table("import_pieces")
    op.drop_table("imports")
