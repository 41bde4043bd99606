"""The locks name no host, hash every file and hold what pyproject.toml asks for; the scripts run."""

import os
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import check_lock

ROOT = Path(__file__).resolve().parent.parent
HASH = "--hash=sha256:" + "0" * 64


def test_the_locks_of_the_checkout_have_no_problem() -> None:
    assert check_lock.check() == []


@pytest.mark.parametrize("name", check_lock.LOCK_GROUPS)
def test_every_pin_of_a_lock_is_read(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert len(check_lock.parse_lock(text).versions) == text.count("==")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "--extra-index-url file:///srv/simple",
        "--find-links /srv/wheels",
        "-e .",
        f"fastapi @ https://packages.example/fastapi.whl {HASH}",
        f"fastapi>=0.165 {HASH}",
        "fastapi==0.165.0",
        "fastapi==0.165.0 --hash=md5:d41d8cd98f00b204e9800998ecf8427e",
        f"fastapi==0.165.0 {HASH} --index-url",
        "# made by hand",
    ],
)
def test_a_line_with_anything_but_a_hashed_pin_is_a_problem(line: str) -> None:
    assert len(check_lock.parse_lock(f"anyio==4.16.0 \\\n    {HASH}\n{line}\n").problems) == 1


def test_a_name_pinned_twice_is_a_problem() -> None:
    text = f"anyio==4.16.0 \\\n    {HASH}\nanyio==4.15.0 \\\n    {HASH}\n"
    assert check_lock.parse_lock(text).problems == ("pinned twice: anyio",)


def test_a_requirement_without_a_fitting_pin_is_unmet() -> None:
    wanted = [Requirement("SQLAlchemy>=2.1,<2.2"), Requirement("httpx>=0.28")]
    assert check_lock.unmet(wanted, {"sqlalchemy": "2.1.9", "httpx": "0.28.1"}) == []
    assert len(check_lock.unmet(wanted, {"sqlalchemy": "2.2.0"})) == 2


def test_a_runtime_pin_that_development_lacks_or_changes_is_a_disagreement() -> None:
    runtime = {"anyio": "4.16.0", "httpx": "0.28.1", "rich": "15.0.0"}
    assert len(check_lock.disagreements(runtime, {"anyio": "4.16.0", "httpx": "0.28.0"})) == 2


def test_a_package_beside_the_lock_is_a_stranger() -> None:
    locked = {"anyio": "4.16.0"}
    assert check_lock.strangers(locked, {"anyio": "4.16.0", "huiying": "0.1.0"}) == []
    assert len(check_lock.strangers(locked, {"anyio": "4.15.0", "requests": "2.34.2"})) == 2


def test_the_lockfile_of_the_contract_tools_names_no_registry() -> None:
    text = (ROOT / "openapi" / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in text
    assert '"resolved"' not in text


@pytest.mark.parametrize("script", ["run", "test", "prove", "lock"])
def test_a_script_is_executable(script: str) -> None:
    assert os.access(ROOT / "scripts" / script, os.X_OK)


def test_the_command_huiying_is_the_cli() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"huiying": "app.cli:main"}
