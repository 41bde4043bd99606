"""keep customers' files fresh"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app import columns
from app.time import FAR_END, real_now

revision: str = "b1d7e2a94c05"
down_revision: str | None = "3e8f5a1c7d24"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = sa.text("status = 'open'")
_REFRESH = sa.text("clock = 'refresh'")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEXT_KEY_SQLITE = "SELECT coalesce(max(id), 0) + 1 FROM operations"
_INSTANTS = ("lease_until", "created_at", "started_at", "finished_at")
_OPERATIONS = sa.table(
    "operations",
    *(sa.column(name) for name in ("id", "kind", "state", "done_count", "failure_count", "lease")),
    sa.column("cancel_requested", sa.Boolean()),
    sa.column("public_id", columns.PublicId()),
    sa.column("parameters", columns.Json()),
    *(sa.column(name, columns.UtcDateTime()) for name in _INSTANTS),
)


def upgrade() -> None:
    op.create_table(
        "customer_refreshes",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("public_id", columns.PublicId(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("how", sa.String(length=12), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("key_contacts_changed", sa.Boolean(), nullable=True),
        sa.Column("ended_by", _KEY, nullable=True),
        sa.Column("opened_at", columns.UtcDateTime(), nullable=False),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_refreshes_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["users.id"], name=op.f("fk_customer_refreshes_ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_refreshes")),
        sa.UniqueConstraint("public_id", name=op.f("uq_customer_refreshes_public_id")),
    )
    # One open at most: what an edit looks up, and what keeps two writers from promising twice.
    op.create_index(
        "ix_customer_refreshes_open",
        "customer_refreshes",
        ["customer_id"],
        unique=True,
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    # A customer's refreshes, newest first.
    op.create_index(
        "ix_customer_refreshes_customer", "customer_refreshes", ["customer_id", "opened_at", "id"]
    )
    # Until when a file is fresh, in one step from the customer; other clocks pay nothing for it.
    op.create_index(
        "ix_deadlines_refresh",
        "deadlines",
        ["customer_id", "ended_at", "due_at"],
        postgresql_where=_REFRESH,
        sqlite_where=_REFRESH,
    )
    _promise_refreshes()


def _promise_refreshes() -> None:
    """Have the worker promise a refresh to the files that are there: due instants need the calendars."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM customers LIMIT 1")).first() is None:
        return
    is_postgres = connection.dialect.name == "postgresql"
    next_key = "SELECT nextval('huiying_keys')" if is_postgres else _NEXT_KEY_SQLITE
    now = real_now()
    row = {
        "id": connection.execute(sa.text(next_key)).scalar(),
        "public_id": columns.new_public_id(),
        "kind": "customers.first_refreshes",
        "parameters": {},
        "state": "queued",
        "done_count": 0,
        "cancel_requested": False,
        "failure_count": 0,
        "lease": 0,
        "lease_until": now,
        "created_at": now,
        "started_at": FAR_END,
        "finished_at": FAR_END,
    }
    connection.execute(_OPERATIONS.insert().values(row))


def downgrade() -> None:
    op.drop_index("ix_deadlines_refresh", table_name="deadlines")
    op.drop_table("customer_refreshes")
