"""Migrations: up, down and up again on filled tables, and nothing left that a migration should hold."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from app.engines import create_database
from app.postgresql import postgres_dsn
from app.subscribers import compose
from app.tables import Base, is_described
from tests.conftest import Databases, make_settings
from tests.factories import make_contact, make_customer, make_department, make_user


def config_of(url: str) -> Config:
    config = Config(Path(__file__).parent.parent / "alembic.ini")
    config.attributes["database_url"] = url
    return config


def engine_of(url: str) -> Any:
    return create_engine(
        url if url.startswith("sqlite") else postgres_dsn(url).replace("://", "+psycopg://", 1)
    )


async def fill(url: str, folder: Path) -> None:
    """Put a few rows in that point at each other."""
    database = compose(create_database(make_settings(url, folder)))
    await database.open()
    async with database.transaction() as tx:
        department = await make_department(tx)
        owner = await make_user(tx, department_id=department["id"])
        customer = await make_customer(tx, owner_id=owner["id"])
        await make_contact(tx, customer)
    await database.close()


async def test_filled_tables_go_down_and_up_again(databases: Databases, tmp_path: Path) -> None:
    url = databases.make()
    await fill(url, tmp_path)
    command.downgrade(config_of(url), "base")
    engine = engine_of(url)
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    command.upgrade(config_of(url), "head")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM virtual_clock")).scalar() == 1
    engine.dispose()
    await fill(url, tmp_path)
    databases.drop(url)


def test_the_models_and_the_migrated_tables_agree(database_url: str) -> None:
    engine = engine_of(database_url)
    with engine.connect() as connection:
        known = MigrationContext.configure(connection, opts={"include_object": is_described})
        differences = compare_metadata(known, Base.metadata)
    engine.dispose()
    assert differences == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    command.upgrade(config_of(database_url), "head")


def test_the_shipped_migration_names_sort_by_time() -> None:
    names = [
        p.name for p in (Path(__file__).parent.parent / "migrations" / "versions").glob("*.py")
    ]
    assert names
    for name in names:
        day, minute, _ = name.split("_", 2)
        assert len(day) == 10, name
        assert minute.isdigit(), name


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_every_table_has_an_integer_key_inside(table: str) -> None:
    assert [column.name for column in Base.metadata.tables[table].primary_key.columns] == ["id"]
