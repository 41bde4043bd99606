"""Which engine a database's URL names."""

from app.database import Database
from app.postgresql import PostgresDatabase
from app.settings import Settings
from app.sqlite import SqliteDatabase


def create_database(settings: Settings) -> Database:
    """Return the engine that the settings name; it is not opened yet."""
    url = settings.resolved_database_url
    if url.startswith("sqlite"):
        return SqliteDatabase(settings)
    if url.startswith("postgresql"):
        return PostgresDatabase(settings)
    raise ValueError("HUIYING_DATABASE_URL starts with sqlite:/// or postgresql://")
