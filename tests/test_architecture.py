"""How the house is built: imports, the one way in, words for every refusal, sizes, what every table says of itself."""

import ast
import importlib
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from enum import EnumType
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from importlinter.cli import lint_imports

import app as package
from app import errors, problems
from app.dispatch import Route
from app.interactions.vagueness import VagueReason
from app.main import TEXTS
from app.main import create_app as make_app
from app.statements import Statement
from app.tables import Base
from app.writing import is_audited
from tests.conftest import make_settings

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"
LINES_MAX, FUNCTION_LINES_MAX = 400, 50
# Statements that change rows are made where rows are; they run through these verbs only.
THE_WAY_IN = {"change_set", "count", "count_after", "count_on_failure"}
RAW_CHANGE = re.compile(r"\s*(INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|TRUNCATE)\b", re.I)


def sources() -> list[Path]:
    """Return the modules of the application."""
    return sorted(APP.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def called(node: ast.Call) -> str:
    """Return the last part of what is called."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))


@pytest.fixture(scope="module")
def whole_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder: Path = tmp_path_factory.mktemp("app")
    return make_app(make_settings("sqlite:///:memory:", folder))


# --- which imports are allowed


def test_imports_point_down_the_ladder() -> None:
    told = io.StringIO()
    with redirect_stdout(told):
        status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, told.getvalue()


# --- the one way in


def changing_statements() -> set[str]:
    """Return the statements of the application that change rows, by module and name."""
    found = set()
    for module in pkgutil.walk_packages(package.__path__, "app."):
        values = vars(importlib.import_module(module.name))
        changing = {n for n, v in values.items() if isinstance(v, Statement) and v.writes}
        found |= {f"{module.name}.{name}" for name in changing}
    return found


def named_in(path: Path, function: ast.AST) -> set[str]:
    """Return what a function names, as module and name."""
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    known = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            names.add(known.get(node.id, f"{own}.{node.id}"))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{known.get(node.value.id, own)}.{node.attr}")
    return names


def test_statements_that_change_rows_run_through_writing_only() -> None:
    changing, used, faults = changing_statements(), set[str](), []
    for path in sources():
        for function in functions(path):
            verbs = {called(one) for one in calls(function)}
            names = named_in(path, function) & changing
            used |= names
            if names and (not THE_WAY_IN & verbs or verbs & {"run", "peek", "run_many"}):
                faults.append(f"{name_of(path)}:{function.lineno} {names}")
    assert faults == []
    assert len(used) >= 10


def test_nobody_else_makes_inserts_or_writes_sql_that_changes_rows() -> None:
    faults = []
    for path in sources():
        if path in (APP / "writing.py", APP / "flushing.py"):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                if any(alias.name == "insert" for alias in node.names):
                    faults.append(f"{name_of(path)}:{node.lineno} imports insert")
            elif isinstance(node, ast.Constant) and RAW_CHANGE.match(str(node.value)):
                faults.append(f"{name_of(path)}:{node.lineno} {str(node.value)[:60]}")
    assert faults == []


def test_only_the_database_and_writing_talk_to_the_driver() -> None:
    verbs = {"execute", "executemany", "fetch", "fetchrow", "fetchval", "run_text", "run_many"}
    allowed = {"postgresql.py", "sqlite.py", "flushing.py", "writing.py", "rehearsal/scratch.py"}
    faults = [
        f"{name_of(path)}:{call.lineno} {called(call)}"
        for path in sources()
        if str(path.relative_to(APP)) not in allowed
        for call in calls(tree_of(path))
        if called(call) in verbs and isinstance(call.func, ast.Attribute)
    ]
    assert faults == []


def test_statements_are_made_once_not_per_call() -> None:
    faults = []
    for path in sources():
        for function in functions(path):
            kept = {ast.unparse(one).split("(")[0] for one in function.decorator_list}
            if kept & {"cache", "lru_cache"} or function.name == "one_statement":
                continue
            faults += [
                f"{name_of(path)}:{call.lineno} in {function.name}"
                for call in calls(function)
                if called(call) == "Statement"
            ]
    # Helpers that modules call while they are imported return statements; they are private and few.
    assert [one for one in faults if not one.split(" in ")[1].startswith("_")] == []


# --- words for every refusal


def refusal_classes() -> dict[str, type[errors.Refusal]]:
    """Return every kind of refusal by name."""
    found, waiting = {}, [errors.Refusal]
    while waiting:
        one = waiting.pop()
        found[one.__name__] = one
        waiting += one.__subclasses__()
    return found


def raised_codes() -> dict[str, str]:
    """Return every code that the application raises or finds in a field, with a place."""
    at_first = {*refusal_classes(), "PydanticCustomError"}
    found = {}
    for path in sources():
        for call in calls(tree_of(path)):
            name = called(call)
            place = (
                0 if name in at_first else 1 if name in ("invalid_field", "FieldError") else None
            )
            if place is None or len(call.args) <= place:
                continue
            for code in texts_of(call.args[place]):
                found[code] = f"{name_of(path)}:{call.lineno}"
    found |= {one.default_code: one.__name__ for one in refusal_classes().values()}
    found |= {f"vague_{reason.value}": "vagueness" for reason in VagueReason}
    return {code: at for code, at in found.items() if code not in NO_CODES}


# Not a refusal but the end of a replayed request.
NO_CODES = {"replayed"}


def texts_of(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an argument can be, written out or chosen among."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*texts_of(body), *texts_of(orelse))
        case ast.BoolOp(values=values):
            for one in values:
                yield from texts_of(one)


def test_every_refusal_has_words_in_both_languages(whole_app: FastAPI) -> None:
    del whole_app
    raised = raised_codes()
    assert len(raised) > 80
    lacking = {code: at for code, at in raised.items() if code not in problems.known_codes()}
    assert lacking == {}


def test_both_languages_say_the_same_with_the_same_values(whole_app: FastAPI) -> None:
    del whole_app
    tables = [problems._TEXTS, problems._FIELD_TEXTS]
    for code, (zh, en) in ((c, pair) for table in tables for c, pair in table.items()):
        assert zh.strip(), code
        assert en.strip(), code
        assert re.search(r"[\u4e00-\u9fff]", zh), code
        assert not re.search(r"[\u4e00-\u9fff]", en), code
        assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en)), code


def test_no_text_speaks_of_a_refusal_that_nobody_raises() -> None:
    written = {
        node.value
        for path in sources()
        if path.name != "texts.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    } | set(raised_codes())
    codes = {
        code
        for module in TEXTS
        for table in (module.TEXTS, getattr(module, "FIELD_TEXTS", {}))
        for code in table
    }
    assert sorted(codes - written - set(enum_values())) == []


def enum_values() -> Iterator[str]:
    """Yield the values of every enumeration: some are codes."""
    for module in pkgutil.walk_packages(package.__path__, "app."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, EnumType):
                yield from map(str, value.__members__.values())


# --- sizes and docstrings


def test_every_module_says_what_lives_in_it() -> None:
    silent = [
        name_of(path)
        for path in sources()
        if path.name != "__init__.py" and not ast.get_docstring(tree_of(path))
    ]
    assert silent == []


def test_no_file_and_no_function_is_too_long() -> None:
    long_files = {
        name_of(path): lines
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES_MAX
    }
    long_functions = {
        f"{name_of(path)}:{function.name}": lines
        for path in sources()
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert (long_files, long_functions) == ({}, {})


# --- tables and routes


@pytest.mark.sop("SE-2")
def test_every_table_is_audited_under_a_name_or_says_that_it_is_derived() -> None:
    names = []
    for mapper in Base.registry.mappers:
        table = mapper.class_
        if is_audited(table):
            names.append(table.__entity__)
        else:
            assert table.__dict__["__audited__"] is False
            assert "__entity__" not in table.__dict__
    assert len(names) == len(set(names)) >= 10


def test_every_route_and_guard_is_async_and_reads_its_body_strictly(whole_app: FastAPI) -> None:
    for route in whole_app.routes:
        if not isinstance(route, APIRoute):
            continue
        assert inspect.iscoroutinefunction(route.endpoint), route.path
        for dependency in route.dependant.dependencies:
            assert inspect.iscoroutinefunction(type(dependency.call).__call__), route.path
        if route.body_field is not None:
            assert isinstance(route, Route), route.path
