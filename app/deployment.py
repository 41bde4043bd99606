"""A deployment as commands find it: its database migrated, opened and composed, and what it starts with."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from app.calendars import service as calendars
from app.database import Database
from app.engines import create_database
from app.fields.shipped import ensure_choice_lists
from app.settings import get_settings
from app.sla import service as sla
from app.subscribers import compose
from app.tickets import defaults as tickets

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def migrate() -> None:
    """Bring the settings' database to the newest version, and store what every deployment starts with."""
    settings = get_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = settings.resolved_database_url
    command.upgrade(config, "head")
    with_database(ensure_shipped)


def with_database(work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Open the settings' database, composed, run `work` with it, and close it."""

    async def run() -> Any:
        database = compose(create_database(get_settings()))
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


async def ensure_shipped(database: Database) -> None:
    """Store what every deployment starts with, where it is missing."""
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        await tickets.ensure_ticket_types(tx)
        await ensure_choice_lists(tx)
