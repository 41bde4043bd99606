"""Databases of the suite's engine, one fresh copy a test, and the application over it with callers who log in.

`HUIYING_TEST_ENGINE` is `sqlite` (default) or `postgres`; PostgreSQL is at `HUIYING_TEST_POSTGRES_URL` or on the
local port. Each test process migrates one template and copies it.
"""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import settings as hypothesis_settings
from pydantic import TypeAdapter

from app.database import Database
from app.dispatch import Dispatcher
from app.engines import create_database
from app.main import create_app
from app.problems import known_codes
from app.settings import ClockMode, Settings
from app.statements import Row
from app.subscribers import compose
from app.tables import Base
from tests.factories import bearer, make_session, make_user

ENGINE = os.environ.get("HUIYING_TEST_ENGINE", "sqlite")
POSTGRES = os.environ.get(
    "HUIYING_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
SHARED = Path(__file__).parent.parent.parent / "shared"
SECRET = "a-secret-of-the-tests-with-enough-bytes-0123456789"

hypothesis_settings.register_profile(
    "suite", max_examples=int(os.environ.get("HUIYING_EXAMPLES", "100")), deadline=None
)
hypothesis_settings.load_profile("suite")


# Emptying a copy takes a fraction of making one; the audit's triggers and foreign keys stand aside for it.
EMPTY = "; ".join(
    [
        "SET session_replication_role = replica",
        *(f'DELETE FROM "{table.name}"' for table in Base.metadata.sorted_tables),
        "INSERT INTO virtual_clock (id, offset_micros) VALUES (1, 0)",
        "INSERT INTO authorization_version (id, number) VALUES (1, 0)",
        *(
            f"ALTER SEQUENCE {name} RESTART"
            for name in ("huiying_keys", "tickets_numbers", "customers_numbers")
        ),
    ]
)


def migrate(url: str) -> None:
    """Bring a database to the newest version."""
    config = Config(Path(__file__).parent.parent / "alembic.ini")
    config.attributes["database_url"] = url
    command.upgrade(config, "head")


def postgres_url(name: str) -> str:
    """Return the URL of another database on the suite's server."""
    head, _, _ = POSTGRES.rpartition("/")
    return f"{head}/{name}"


class Databases:
    """Makes databases of one engine: migrates a template once, then copies it."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.prefix = f"huiying_test_{os.getpid()}_{secrets.token_hex(3)}"
        self.made = 0
        self.free: list[str] = []
        if engine == "sqlite":
            self.template = folder / "template.sqlite3"
            migrate(f"sqlite:///{self.template}")
        else:
            self._administer(f'CREATE DATABASE "{self.prefix}"')
            migrate(postgres_url(self.prefix))

    def _administer(self, sql: str) -> None:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(sql.encode())

    def make(self) -> str:
        """Return the URL of a new, migrated, empty database."""
        self.made += 1
        if self.engine == "sqlite":
            path = self.folder / f"{self.made}.sqlite3"
            shutil.copy(self.template, path)
            return f"sqlite:///{path}"
        if self.free:
            return self.free.pop()
        name = f"{self.prefix}_{self.made}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{self.prefix}"')
        return postgres_url(name)

    def drop(self, url: str) -> None:
        """Take a database back that `make` made; PostgreSQL's is emptied and used again."""
        if self.engine == "sqlite":
            path = url.removeprefix("sqlite:///")
            for suffix in ("", "-wal", "-shm"):
                Path(path + suffix).unlink(missing_ok=True)
            return
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EMPTY.encode())
        self.free.append(url)

    def close(self) -> None:
        """Remove the databases and the template."""
        for url in self.free:
            self._administer(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')
        if self.engine != "sqlite":
            self._administer(f'DROP DATABASE IF EXISTS "{self.prefix}" WITH (FORCE)')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the SQLite suite what asks no database: it would be the same again on PostgreSQL."""
    if ENGINE == "sqlite":
        return
    asks = {"databases", "crash_url"}
    pure = [
        one
        for one in items
        if not asks & set(getattr(one, "fixturenames", ())) and "postgres" not in one.keywords
    ]
    config.hook.pytest_deselected(items=pure)
    items[:] = [one for one in items if one not in set(pure)]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(ENGINE, tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path)


def make_settings(database_url: str, folder: Path, **changes: Any) -> Settings:
    """Return settings of a test: virtual clock, small pool."""
    given: dict[str, Any] = {
        "database_url": database_url,
        "data_dir": folder,
        "clock": ClockMode.virtual,
        "secret_key": SECRET,
        "postgres_pool_size": 4,
        "worker_silence_seconds": 86_400,
        **changes,
    }
    return Settings(**given)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    engine = compose(create_database(settings))
    await engine.open()
    yield engine
    await engine.close()


@pytest.fixture
async def app(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    application = create_app(settings, database)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)

    async def keep_the_contract(answer: httpx.Response) -> None:
        await answer.aread()
        check_answer(app, answer)

    hooks = {"response": [keep_the_contract]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", event_hooks=hooks
    ) as http:
        yield http


def check_answer(app: FastAPI, answer: httpx.Response) -> None:
    """Hold an answer against the contract: a declared status, every field known, every type right; refusals likewise."""
    request = answer.request
    dispatcher = app.router.middleware_stack
    assert isinstance(dispatcher, Dispatcher)
    found = dispatcher.find(request.method, unquote(request.url.path))
    where = f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}"
    if found is not None and isinstance(found[0], APIRoute) and found[0].include_in_schema:
        declared = _contract()["paths"][found[0].path][request.method.lower()]["responses"]
        assert str(answer.status_code) in declared or answer.status_code >= 500, where
    if answer.status_code >= 400 and answer.headers["content-type"] == "application/problem+json":
        assert {
            "type",
            "title",
            "status",
            "detail",
            "instance",
            "code",
            "request_id",
        } <= answer.json().keys(), where
        assert answer.json()["status"] == answer.status_code, where
        codes = {answer.json()["code"], *(one["code"] for one in answer.json().get("errors", ()))}
        assert codes <= known_codes(), f"no text for {codes - known_codes()}: {where}"
    elif found is not None and answer.status_code < 300 and answer.content:
        model = getattr(found[0], "response_model", None)
        if model is not None and answer.headers["content-type"] == "application/json":
            _adapter(model).validate_json(answer.content, extra="forbid")


@cache
def _contract() -> dict[str, Any]:
    return create_app(make_settings("sqlite:///:memory:", Path())).openapi()


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


class Caller(dict[str, str]):
    """The headers of somebody who is logged in; `user` is who it is."""

    def __init__(self, headers: Any, user: Row) -> None:
        super().__init__(headers)
        self.user = user


AsUser = Callable[[Row], Awaitable[Caller]]
LoginAs = Callable[..., Awaitable[Caller]]


@pytest.fixture
def as_user(database: Database) -> AsUser:
    """A function from a user row to the headers of a real token, whose session it makes."""

    async def log_in(user: Row) -> Caller:
        async with database.transaction() as tx:
            session = await make_session(tx, user)
        return Caller(bearer(SECRET.encode(), user, session), user)

    return log_in


@pytest.fixture
def login_as(database: Database, as_user: AsUser) -> LoginAs:
    """A function that makes a user of a role (and `make_user`'s other values) and returns its headers."""

    async def log_in(role: str = "admin", **values: Any) -> Caller:
        async with database.transaction() as tx:
            user = await make_user(tx, role=role, **values)
        return await as_user(user)

    return log_in
