"""Finds the PostgreSQL that the tests may use, and prints its URL.

`HUIYING_TEST_POSTGRES_URL` decides if it is set; otherwise the default local sockets and port are tried.
The role must be allowed to create databases, since every suite makes its own. Exit status: 0 found
(URL on stdout, version on stderr), 1 not found (reasons on stderr). Run as `python -m scripts.find_postgres`.
"""

import getpass
import os
import sys
from collections.abc import Iterator
from urllib.parse import quote

import psycopg

VERSION_MIN = 15
PORT = 5432
SOCKET_FOLDERS = ("/var/run/postgresql", "/run/postgresql", "/tmp")


class Unusable(Exception):
    """A server that answers but cannot carry the tests; the message says why."""


def candidate_urls() -> Iterator[str]:
    """Yield the URLs to try, the likeliest first."""
    named = os.environ.get("HUIYING_TEST_POSTGRES_URL", "")
    if named:
        yield named
        return
    for role in dict.fromkeys((getpass.getuser(), "postgres")):
        for folder in SOCKET_FOLDERS:
            yield f"postgresql://{quote(role)}@/postgres?host={quote(folder, safe='')}&port={PORT}"
        yield f"postgresql://{quote(role)}@127.0.0.1:{PORT}/postgres"


def describe(url: str) -> str:
    """Return version and role of the server behind the URL.

    Raises `Unusable`, or `psycopg.Error` when no connection is made within three seconds.
    """
    with psycopg.connect(url, connect_timeout=3, autocommit=True) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        version = connection.info.server_version // 10_000
    if row is None or not row[1]:
        raise Unusable("the role may not create databases (ALTER ROLE ... CREATEDB)")
    if version < VERSION_MIN:
        raise Unusable(f"version {version} is older than {VERSION_MIN}")
    return f"PostgreSQL {version} as {row[0]}"


def first_lines(reasons: dict[str, str]) -> str:
    """Return the reasons, each with the candidates it was met at."""
    grouped: dict[str, list[str]] = {}
    for where, reason in reasons.items():
        grouped.setdefault(reason, []).append(where)
    return "\n".join(f"  {', '.join(where)}: {reason}" for reason, where in grouped.items())


def main() -> int:
    """Print the first usable URL."""
    reasons: dict[str, str] = {}
    for url in candidate_urls():
        where = psycopg.conninfo.conninfo_to_dict(url)
        label = f"{where.get('user', '')}@{where.get('host', '')}"
        try:
            description = describe(url)
        except (psycopg.Error, Unusable) as error:
            reasons[label] = (str(error).splitlines() or [type(error).__name__])[0]
            continue
        print(f"{description} at {where.get('host', 'the default socket')}", file=sys.stderr)
        print(url)
        return 0
    print(first_lines(reasons), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
