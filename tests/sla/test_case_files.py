"""The form of case files: what a careless case is refused for. The cases themselves run elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sla import case_files
from tests.sla.case_files import CaseInvalid, load_cases

HEAD: dict[str, Any] = {"calendar": "new-york", "policy": "toolkit", "rule": "TK-2", "see": "x"}


@pytest.fixture(autouse=True)
def fresh_cases() -> Iterator[None]:
    load_cases.cache_clear()
    yield
    load_cases.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(case_files, "FOLDER", tmp_path)
    return tmp_path


def a_case(**changes: Any) -> dict[str, Any]:
    case = {
        "name": "a case",
        "history": [{"at": "2026-03-02 09:00", "do": "open"}],
        "expect": {"at": "2026-03-02 10:00", "none": ["plan"]},
    }
    return {**case, **changes}


def write(folder: Path, *cases: dict[str, Any]) -> None:
    (folder / "x.yaml").write_text(yaml.safe_dump({**HEAD, "cases": list(cases)}))


def history(*moves: tuple[str, str]) -> list[dict[str, str]]:
    return [{"at": at, "do": do} for at, do in moves]


def test_local_times_are_those_of_the_calendar(folder: Path) -> None:
    write(folder, a_case())
    (case,) = load_cases()
    assert case.expect.at.isoformat() == "2026-03-02T15:00:00+00:00"
    assert case.case_id == "x-a-case"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expects": {}}, "unknown keys"),
        ({"rule": "TK2"}, "no catalogue ids"),
        ({"calendar": "nowhere"}, "no such calendar"),
        ({"policy": "gold"}, "no such policy"),
        ({"runs": ["api"]}, "other runners"),
        ({"ticket": {"colour": "red"}}, "unknown keys"),
        ({"history": history(("2026-03-02 09:00", "accept"))}, "begins with open"),
        ({"history": history(("2026-03-02 09:00", "fly"))}, "no such move"),
        ({"history": history(("2026-03-02 11:00", "open"))}, "backwards"),
        ({"history": history(("2026-03-08 02:30", "open"))}, "missing or doubled"),
        ({"history": history(("2026-11-01 01:30", "open"))}, "missing or doubled"),
        ({"history": history(("2026-03-02", "open"))}, "no instant"),
        ({"history": [{"at": "2026-03-02 09:00", "do": "open", "who": "me"}]}, "unknown keys"),
        ({"expect": {"at": "2026-03-02 10:00"}}, "expects nothing"),
        ({"expect": {"at": "2026-03-02 10:00", "none": ["accepted"]}}, "unknown clock"),
        (
            {"expect": {"at": "2026-03-02 10:00", "deadlines": [{"clock": "plan", "state": "x"}]}},
            "no such state",
        ),
    ],
)
def test_a_careless_case_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    write(folder, a_case(**changes))
    with pytest.raises(CaseInvalid, match=message):
        load_cases()


def test_a_move_without_its_argument_is_refused(folder: Path) -> None:
    moves = history(("2026-03-02 09:00", "open"), ("2026-03-02 09:10", "message"))
    write(folder, a_case(history=moves))
    with pytest.raises(CaseInvalid, match="lacks"):
        load_cases()


def test_a_name_used_twice_is_refused(folder: Path) -> None:
    write(folder, a_case(), a_case())
    with pytest.raises(CaseInvalid, match="used twice"):
        load_cases()
