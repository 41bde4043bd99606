"""A database that only one crash test uses, and that may be killed."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from tests.conftest import ENGINE, migrate
from tests.crash.cluster import Cluster, find_binaries


@pytest.fixture
def cluster() -> Iterator[Cluster | None]:
    """A PostgreSQL server of the test's own with a database `huiying`; None on SQLite."""
    if ENGINE == "sqlite":
        yield None
        return
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no initdb on this machine")
    with TemporaryDirectory(prefix="huiying-crash-") as folder:
        made = Cluster(Path(folder), binaries)
        with psycopg.connect(made.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE huiying")
        yield made
        made.stop("immediate")


@pytest.fixture
def crash_url(cluster: Cluster | None, tmp_path: Path) -> str:
    """A migrated database: SQLite's file, or one of the server's."""
    url = f"sqlite:///{tmp_path}/crash.sqlite3" if cluster is None else cluster.url("huiying")
    migrate(url)
    return url
