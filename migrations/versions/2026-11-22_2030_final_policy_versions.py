"""Policy versions that stay as they were written; done messages found by when they were settled."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "9e41d7c0a5b2"
down_revision: str | None = "2d9be41f70ac"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSED = "policy versions are never changed"
_DONE = sa.text("state = 'done'")


def upgrade() -> None:
    """Refuse the change of a version, and make the index of the purge."""
    op.create_index(
        "ix_outbox_messages_done",
        "outbox_messages",
        ["settled_at"],
        postgresql_where=_DONE,
        sqlite_where=_DONE,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_policy_version_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER sla_policy_versions_final BEFORE UPDATE OR DELETE ON sla_policy_versions "
            "FOR EACH ROW EXECUTE FUNCTION refuse_policy_version_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER sla_policy_versions_no_{verb.lower()} BEFORE {verb} ON sla_policy_versions "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def downgrade() -> None:
    """Let go of both."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER sla_policy_versions_final ON sla_policy_versions")
        op.execute("DROP FUNCTION refuse_policy_version_change")
    else:
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER sla_policy_versions_no_{verb}")
    op.drop_index("ix_outbox_messages_done", "outbox_messages")
