"""Fills a benchmark's PostgreSQL with open matters: one is opened through the service, and its rows are multiplied.

So every row is as the service writes it, only the keys, the names and the instants differ. Not a program.
"""

from collections.abc import Mapping

import psycopg
from sqlalchemy import Table

from app.columns import UtcDateTime
from app.sla.models import DeadlineLevel, DeadlineRow, FactRow, Subject

FIRST_KEY = 10_000_000_000  # beyond what the sequence will reach
FIRST_NUMBER = 1_000_000_000
STEP = 64  # keys of one subject's rows lie closer together
FAR = "timestamptz '9999-12-31 23:59:59+00'"
_KEYS = {"id", "subject_key", "deadline_id"}


def multiply(url: str, subject_key: int, count: int, shift: str, *, first: int = 0) -> None:
    """Add `count` copies of a subject and its rows; `shift` is SQL for how much later copy `g` (from 1) is.

    `first` keeps the copies of several calls apart. Statistics are brought up to date.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # the rows point at each other
        for model in (Subject, FactRow, DeadlineRow, DeadlineLevel):
            connection.execute(_copies(model.__table__, subject_key, count, shift, first).encode())  # type: ignore[arg-type]
        connection.execute("RESET session_replication_role")
        connection.execute("VACUUM ANALYZE")


def _copies(table: Table, subject_key: int, count: int, shift: str, first: int) -> str:
    number = f"({first} + g)"
    named: Mapping[str, str] = {
        "public_id": "gen_random_uuid()",
        "subject_id": f"{FIRST_NUMBER} + {number}",
        "subject_public_id": f"'p' || {number}",
        "label": f"'T' || {number}",
    }
    columns = []
    for column in table.columns:
        value = f't."{column.name}"'
        if column.name in _KEYS:
            value = f"{value} - {subject_key} + {FIRST_KEY} + {number} * {STEP}"
        elif column.name in named:
            value = named[column.name]
        elif isinstance(column.type, UtcDateTime):
            value = f"CASE WHEN {value} = {FAR} THEN {value} ELSE {value} + {shift} END"
        columns.append(value)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    which = "t.id" if table.name == "sla_subjects" else "t.subject_key"
    return (
        f'INSERT INTO "{table.name}" ({names}) SELECT {", ".join(columns)} '
        f'FROM "{table.name}" t, generate_series(1, {count}) g WHERE {which} = {subject_key}'
    )
