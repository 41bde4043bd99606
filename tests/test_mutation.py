"""The mutation check itself: what it changes, and that every survivor that is explained is still one of its mutants."""

import ast
from pathlib import Path

import pytest

from scripts import mutation

SOURCE = '''
class Shop:
    """A shop."""

    LIMIT = 3

    def is_open(self, at: int = 0) -> bool:
        """Say 1 < 2."""
        if at < 9 or self.closed:
            return False
        return at + 1 <= self.limits[0]


def first(values: list[int]) -> int | None:
    if values:
        return min(values)
    raise ValueError("no " + "value")
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_shop.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "a_shop"


def test_bodies_are_mutated_and_nothing_that_is_no_behaviour(shop: str) -> None:
    assert [(one.function, one.before, one.after) for one in mutation.mutants_of(shop)] == [
        ("Shop.is_open", "at < 9 or self.closed", "at < 9 and self.closed"),
        ("Shop.is_open", "at < 9", "at <= 9"),
        ("Shop.is_open", "9", "10"),
        ("Shop.is_open", "False", "True"),
        ("Shop.is_open", "return at + 1 <= self.limits[0]", "return None"),
        ("Shop.is_open", "at + 1 <= self.limits[0]", "at + 1 < self.limits[0]"),
        ("Shop.is_open", "at + 1", "at - 1"),
        ("Shop.is_open", "1", "2"),
        ("Shop.is_open", "0", "1"),
        ("first", _if("values"), _if("not values")),
        ("first", "return min(values)", "return None"),
        ("first", "min(values)", "max(values)"),
    ]


def _if(test: str) -> str:
    return ast.unparse(ast.parse(f"if {test}:\n    return min(values)"))


def test_a_mutant_replaces_the_functions_code_and_nothing_else(shop: str) -> None:
    mutants = list(mutation.mutants_of(shop))
    assert len({one.code.co_code + repr(one.code.co_consts).encode() for one in mutants}) == len(
        mutants
    )
    assert {one.code.co_name for one in mutants} == {"is_open", "first"}


def test_every_explained_survivor_is_a_mutant_that_can_be_made() -> None:
    named = {one.name for module in mutation.MODULES for one in mutation.mutants_of(module)}
    assert sorted(mutation.explained() - named) == []
    assert mutation.explained()
