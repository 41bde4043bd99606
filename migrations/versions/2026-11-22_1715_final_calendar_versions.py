"""One working calendar, and versions that stay as they were written."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5b1f0c9e7a42"
down_revision: str | None = "5f0e2a9b71cd"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSED = "calendar versions are never changed"


def upgrade() -> None:
    """Hold both facts in the database."""
    op.create_index(
        "ix_calendars_working",
        "calendars",
        ["is_working"],
        unique=True,
        postgresql_where=sa.text("is_working"),
        sqlite_where=sa.text("is_working"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_calendar_version_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER calendar_versions_final BEFORE UPDATE OR DELETE ON calendar_versions "
            "FOR EACH ROW EXECUTE FUNCTION refuse_calendar_version_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER calendar_versions_no_{verb.lower()} BEFORE {verb} ON calendar_versions "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )


def downgrade() -> None:
    """Let go of both."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER calendar_versions_final ON calendar_versions")
        op.execute("DROP FUNCTION refuse_calendar_version_change")
    else:
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER calendar_versions_no_{verb}")
    op.drop_index("ix_calendars_working", "calendars")
