"""`huiying policy backtest`: the table of a file and of a stored version, and what is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app
from app.database import Database
from app.sla.backtest_command import lines
from app.sla.commands import DocumentRefused
from tests.sla.retargets import Publisher, toolkit
from tests.sla.test_backtests import NINETY, live

MARCH = ("2026-03-01", "2026-03-31")


async def told(database: Database, document: str, first: str, last: str) -> list[str]:
    """Call the command as the command line does, but on the test's database and its loop."""
    loop = asyncio.get_running_loop()

    def with_database(work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            return await work(database)

        return asyncio.run_coroutine_threadsafe(run(), loop).result(60)

    return await asyncio.to_thread(lines, document, first, last, with_database)


async def test_a_file_and_a_stored_version_are_told_as_a_table(
    publisher: Publisher, tmp_path: Path
) -> None:
    database = publisher.world.database
    await live(publisher.world)
    path = tmp_path / "ninety.yaml"
    path.write_text(yaml.safe_dump(NINETY, allow_unicode=True))
    table = await told(database, str(path), *MARCH)
    assert table[0] == "3 matters judged, 3 would have ended otherwise, 0 could not be judged"
    (resolve,) = [line.split() for line in table if line.startswith("TK-5 resolve ")]
    assert resolve[2:] == ["3", "100.0", "%", "3", "33.3", "%", "0", "2"]
    assert (
        "T000002 系统无法登录  resolve: met, due 2026-03-02T05:00Z -> late, due 2026-03-02T02:30Z"
        in table
    )
    await publisher.draft(NINETY)
    assert await told(database, "toolkit@draft", *MARCH) == table
    assert "judges" not in database.memory


async def test_both_dates_belong_to_the_period(publisher: Publisher) -> None:
    await live(publisher.world)  # on 2 March
    for first, last, count in (
        ("2026-03-02", "2026-03-02", 3),
        ("2026-03-01", "2026-03-01", 0),
        ("2026-03-03", "2026-03-31", 0),
    ):
        table = await told(publisher.world.database, "toolkit@current", first, last)
        assert table[0].startswith(f"{count} matters judged"), (first, last)


async def test_what_is_refused_says_where_and_why(publisher: Publisher, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(toolkit(resolve={"target": {"fortnights": 1}})))
    for document, first, last, said in (
        (str(path), *MARCH, "/clocks/resolve/target: The unit is one of"),
        ("toolkit@draft", *MARCH, "The policy has no draft"),
        ("toolkit@last", *MARCH, "toolkit@last: a version is"),
        ("toolkit@7", *MARCH, "/policy/version: There is no such version"),
        ("toolkit@1", "2026-03-31", "march", "dates are written"),
        ("toolkit@1", "2026-03-02", "2026-03-01", "the last date lies before the first"),
        ("toolkit@1", "2020-01-01", "2026-03-31", "The period is five years at most"),
    ):
        with pytest.raises(DocumentRefused, match=said):
            await told(publisher.world.database, document, first, last)


def test_a_file_that_is_not_there_ends_the_command() -> None:
    done = CliRunner().invoke(app, ["policy", "backtest", "missing.yaml", *MARCH])
    assert done.exit_code == 1
    assert "missing.yaml" in done.output
