"""`huiying policy check | diff`: files and stored versions, readable lines, what is refused and how it ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app
from app.database import Database
from app.engines import create_database
from app.settings import Settings
from app.sla.commands import DocumentRefused, diff
from tests.sla.retargets import Publisher, toolkit

PACKS = Path("app/sla/packs")


@pytest.mark.parametrize("name", ["toolkit", "tiered-cases", "none"])
def test_the_shipped_packs_pass_the_check(name: str) -> None:
    done = CliRunner().invoke(app, ["policy", "check", str(PACKS / f"{name}.yaml")])
    assert done.exit_code == 0
    assert f": policy {name}, " in done.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nclocks: {nap: {}}", "/clocks/nap: The register knows no such clock"),
        ("name: x\nclocks: {resolve: {target: {hours: 0}}}", "a whole number from 1 to 100000"),
        ("name: x\nsurprise: 1", "/surprise: There is no such field"),
        ("[1, 2]", "not a policy document"),
        ("{", "expected the node content"),
        ("\x00", "unacceptable character"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert (done.exit_code, said in done.output) == (1, True), done.output


def test_two_files_are_compared_without_any_database() -> None:
    files = [str(PACKS / f"{name}.yaml") for name in ("toolkit", "none")]
    done = CliRunner().invoke(app, ["policy", "diff", *files])
    assert done.exit_code == 0
    assert "- clocks.accept: {target: 30 minutes}" in done.output.splitlines()
    assert CliRunner().invoke(app, ["policy", "diff", files[0], files[0]]).output == ""


async def test_files_and_stored_versions_are_compared(
    publisher: Publisher, tmp_path: Path, settings: Settings
) -> None:
    def with_database(work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            database = create_database(settings)
            await database.open()
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(run())

    async def compare(before: str, after: str) -> list[str]:
        return await asyncio.to_thread(diff, before, after, with_database)

    await publisher.publish(toolkit(resolve={"target": {"hours": 8}}))
    await publisher.draft(toolkit(plan=None))
    told = await compare("toolkit@1", "toolkit@2")
    assert "~ clocks.resolve.target: 4 hours -> 8 hours" in told
    path = tmp_path / "toolkit.json"
    path.write_text(json.dumps(toolkit()))
    assert await compare(str(path), "toolkit@draft") == ["- clocks.plan: {target: 2 hours}"]
    path.write_text(yaml.safe_dump(toolkit()))
    assert await compare(str(path), "toolkit@1") == []
    for named in ("toolkit@7", "nonesuch@1", "toolkit@last", str(tmp_path / "missing.yaml")):
        with pytest.raises(DocumentRefused, match=named.rpartition("/")[2]):
            await compare(named, "toolkit@1")
