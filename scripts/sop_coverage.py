"""Print the SOP's rules, each with its tests and the routes that serve it; fail where a built rule has no test.

Tests carry `@pytest.mark.sop("TK-2")`, rows of the case table name their rules, routes and what they take name theirs
in the contract's descriptions ("SOP TK-2"). Usage: python -m scripts.sop_coverage [RULE ...]
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.sla.engine.register import REGISTER
from scripts.export_openapi import render
from tests.sla.case_files import load_cases

TESTS = Path(__file__).parent.parent / "tests"
# The catalogue's families and how many rules each has.
FAMILIES: Mapping[str, int] = {
    "CU": 17, "IN": 7, "FU": 10, "TK": 13, "SV": 10, "CH": 3, "LO": 3, "TR": 2, "PF": 2, "AN": 5, "SE": 3,
}  # fmt: skip
RULE = re.compile(r"\b([A-Z]{2})-([0-9]+)(b?)\b")
CITED = re.compile(r"SOP ((?:[A-Z]{2}-[0-9]+b?(?:, | and )?)+)")
BUILT = (
    "CU-1", "CU-2", "CU-5", "CU-6", "CU-7", "CU-9", "CU-10", "CU-11", "CU-17", "SE-1", "SE-2", "FU-1", "FU-2", "FU-3", "IN-2",
    "TK-1", "TK-2", "TK-3", "TK-4", "TK-5", "TK-6", "TK-6b", "TK-7", "TK-8", "TK-9", "TK-11", "TK-13", "AN-4",
)  # fmt: skip
Places = Mapping[str, list[str]]


def is_rule(text: str) -> bool:
    """Say whether the catalogue (or the house, for TK-6b) has such a rule."""
    match = RULE.fullmatch(text)
    if match is None:
        return False
    family, number, house = match.groups()
    return 1 <= int(number) <= FAMILIES.get(family, 0) and (not house or text == "TK-6b")


def rule_order(rule: str) -> tuple[int, int, str]:
    """Return the place of a rule in the catalogue."""
    family, _, number = rule.partition("-")
    return [*FAMILIES].index(family), int(number.rstrip("b")), number


# --- tests


def find_tests() -> Places:
    """Return the tests of each rule, the case table's among them."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        where = str(path.relative_to(TESTS.parent))
        for rule, name in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            found[rule].append(f"{where}::{name}")
    for case in load_cases():
        for rule in case.rules:
            found[rule].append(f"tests/sla/test_cases.py[{case.case_id}]")
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (rule, test) of a module: its own mark holds for every test in it."""
    tests = [
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
    ]
    everywhere = [
        rule
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for rule in _rules_in(node.value)
    ]
    for test in tests:
        own = [rule for decorator in test.decorator_list for rule in _rules_in(decorator)]
        for rule in dict.fromkeys([*everywhere, *own]):
            yield rule, test.name


def _rules_in(node: ast.expr) -> Iterator[str]:
    """Yield the rules of every `sop` mark within an expression, also of single parameters."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.sop"):
            yield from (str(one.value) for one in call.args if isinstance(one, ast.Constant))


# --- routes


def find_routes(document: Mapping[str, Any]) -> Places:
    """Return the routes of each rule, as the contract's descriptions cite it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            cited = _cited(document, operation, writes=method != "get")
            for rule in sorted(cited, key=rule_order):
                found[rule].append(f"{method.upper()} {path}")
    return found


def _cited(document: Mapping[str, Any], operation: Mapping[str, Any], *, writes: bool) -> set[str]:
    texts = [operation.get("description", "")]
    # A writing route serves what it takes, a reading one what it shows.
    shown = [] if writes else operation["responses"].values()
    for body in (operation.get("requestBody", {}), *shown):
        for media in body.get("content", {}).values():
            name = media["schema"].get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(name, {})
            fields = schema.get("properties", {}).values()
            texts += [
                schema.get("description", ""),
                *(one.get("description", "") for one in fields),
            ]
    listed = " ".join(match for text in texts for match in CITED.findall(text))
    return {match.group() for match in RULE.finditer(listed)}


# --- together


def find_clocks() -> Places:
    """Return the clocks of each rule, as the register has them."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in REGISTER:
        found[row.rule].append(row.clock)
    return found


def main() -> int:
    """Print and check; returns the exit code."""
    tests, routes, clocks = (
        find_tests(),
        find_routes(orjson.loads(render())),
        find_clocks(),
    )
    asked = sys.argv[1:]
    for rule in asked or sorted({*tests, *routes, *clocks}, key=rule_order):
        clock = f" · clock {', '.join(clocks[rule])}" if rule in clocks else ""
        print(f"{rule}{clock} · {len(tests.get(rule, ()))} tests")
        for route in routes.get(rule, ()):
            print(f"    {route}")
        for test in tests.get(rule, ()) if asked else ():
            print(f"    {test}")
    missing = [rule for rule in BUILT if not tests.get(rule)]
    if missing:
        print(f"without a test: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
