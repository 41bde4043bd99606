"""The indexes that the heart's questions count on: without them a retarget reads every subject there ever was."""

import pytest

from app.operations import queries as operations
from app.sla import queries
from app.statements import Statement
from tests.query_plans import steps_of


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queries.OPEN.count, "ix_sla_subjects_open"),
        (queries.OPEN.page, "ix_sla_subjects_open"),
        (operations.CLAIM, "ix_operations_unfinished"),
    ],
    ids=["count", "page", "operations"],
)
def test_what_is_open_is_found_by_its_own_index(
    statement: Statement, index: str, database_url: str
) -> None:
    steps = steps_of(statement.core, database_url)
    assert any(index in step for step in steps), steps
