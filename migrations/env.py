"""Runs migrations on either engine, through SQLAlchemy's synchronous drivers."""

from typing import Any

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection

from app.postgresql import postgres_dsn
from app.settings import get_settings
from app.tables import Base, is_described


def synchronous_url() -> str:
    """Return the migrating URL: given by the caller, else the settings'."""
    url = context.config.attributes.get("database_url") or get_settings().resolved_database_url
    if url.startswith("sqlite"):
        return str(url)
    return postgres_dsn(url).replace("postgresql://", "postgresql+psycopg://", 1)


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our column types by name, so that a migration is the same on both engines."""
    if kind == "type" and type(item).__module__ == "app.columns":
        autogen_context.imports.add("from app import columns")
        return f"columns.{type(item).__name__}()"
    return False


def run(connection: Connection) -> None:
    """Migrate over one connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
        include_object=is_described,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Connect and migrate."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    engine = create_engine(synchronous_url())
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA journal_mode=WAL"))
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


run_online()
