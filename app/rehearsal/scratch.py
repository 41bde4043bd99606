"""A database of one's own for a while: made empty, migrated, and removed at the end.

On SQLite a file in a temporary folder; on PostgreSQL a new database on the settings' server. What it never touches is
the deployment's own data, and nobody outside hears of anything that happens in it.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from alembic import command
from alembic.config import Config

from app.database import Database
from app.engines import create_database
from app.postgresql import postgres_dsn
from app.settings import ClockMode, Mode, Settings
from app.sqlite import SqliteDatabase
from app.subscribers import compose

MIGRATIONS = Path(__file__).parent.parent.parent / "migrations"


class ScratchUnavailable(RuntimeError):
    """The settings' server lets nobody make a database; the message says why."""


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """Give settings of a migrated, empty database with the virtual clock and no way to send mail.

    PostgreSQL is used where `settings` name it, and needs the right to create databases.
    """
    with tempfile.TemporaryDirectory(prefix="huiying-") as folder:
        if settings.resolved_database_url.startswith("postgresql"):
            with _postgres(settings.resolved_database_url) as url:
                yield _migrated(settings, url, Path(folder))
        else:
            yield _migrated(settings, f"sqlite:///{folder}/scratch.sqlite3", Path(folder))


def _migrated(settings: Settings, url: str, folder: Path) -> Settings:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")
    changes = {
        "mode": Mode.development,
        "clock": ClockMode.virtual,
        "database_url": url,
        "data_dir": folder,
        "smtp_host": "",
        "faults": "",
    }
    return settings.model_copy(update=changes)


@asynccontextmanager
async def open_scratch(settings: Settings) -> AsyncIterator[Database]:
    """Open the database of `scratch_settings`; it does not wait for the disk, since a crash ends it anyhow."""
    database = compose(create_database(settings))
    await database.open()
    if isinstance(database, SqliteDatabase):
        database.writer.execute("PRAGMA synchronous=OFF")
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _postgres(url: str) -> Iterator[str]:
    name = f"huiying_scratch_{secrets.token_hex(6)}"
    _administer(url, f'CREATE DATABASE "{name}"')
    _administer(url, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        _administer(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(url: str, sql: str) -> None:
    try:
        with psycopg.connect(postgres_dsn(url), autocommit=True) as connection:
            connection.execute(sql.encode())
    except psycopg.Error as error:
        raise ScratchUnavailable(f"no database can be made on the server: {error}") from error
