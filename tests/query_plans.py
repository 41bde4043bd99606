"""Which way an engine goes to answer a statement, for the tests that hold an index to its purpose."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import psycopg
from sqlalchemy import Executable

from app.settings import ClockMode
from app.statements import Plan, postgresql_dialect, sqlite_dialect
from tests.conftest import ENGINE


def steps_of(core: Executable, database_url: str, *, without: Sequence[str] = ()) -> list[str]:
    """Return the engine's plan line by line; PostgreSQL's as it is for any values, without scans of whole tables.

    PostgreSQL's planner chooses by what it has counted in tables that earlier tests filled: sorting costs it too much
    here, and it does not know the indexes `without`, which would serve nearly as well.
    """
    if ENGINE == "sqlite":
        plan = Plan(core, sqlite_dialect(ClockMode.real))
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as file:
            file.create_function("real_now", 1, lambda shift: None)
            told = file.execute(f"EXPLAIN QUERY PLAN {plan.sql}", [None] * len(plan.arguments))
            return [str(row) for row in told]
    plan = Plan(core, postgresql_dialect(ClockMode.real))
    with psycopg.connect(database_url) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;"
            "SET enable_incremental_sort = off; SET plan_cache_mode = force_generic_plan"
        )
        for index in without:
            connection.execute(f"DROP INDEX {index}".encode())
        connection.execute(f"PREPARE asked AS {plan.sql}".encode())
        nothing = ", ".join(["NULL"] * len(plan.arguments))
        asked = f"EXECUTE asked({nothing})" if plan.arguments else "EXECUTE asked"
        return [str(row) for row in connection.execute(f"EXPLAIN {asked}".encode())]
