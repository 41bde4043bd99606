"""words and keys by which customers are found

One index over all tokens of a customer: a GIN index of the tokens as they stand (no dictionary, no language; two
characters are a token, which `pg_trgm` cannot do), on SQLite FTS5 with its `ascii` tokenizer, which parts at blanks
and leaves every other character alone. Rows are filled by `huiying rebuild-search`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5b1c7d20e9a4"
down_revision: str | None = "a4f27c9d13e6"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_DELETE = (
    "INSERT INTO customer_search_fts (customer_search_fts, rowid, tokens) "
    "VALUES ('delete', old.id, old.tokens);"
)
_INSERT = "INSERT INTO customer_search_fts (rowid, tokens) VALUES (new.id, new.tokens);"


def upgrade() -> None:
    op.create_table(
        "customer_search",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("readings", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["customers.id"], name=op.f("fk_customer_search_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_search")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX customer_search_tokens ON customer_search "
            "USING gin (array_to_tsvector(string_to_array(tokens, ' ')))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE customer_search_fts USING fts5(tokens, content='customer_search', "
        "content_rowid='id', tokenize='ascii', detail='none')"
    )
    for verb, statements in (
        ("INSERT", _INSERT),
        ("DELETE", _DELETE),
        ("UPDATE", f"{_DELETE} {_INSERT}"),
    ):
        op.execute(
            f"CREATE TRIGGER customer_search_{verb.lower()} AFTER {verb} ON customer_search "
            f"BEGIN {statements} END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE customer_search_fts")
    op.drop_table("customer_search")
