"""Mutation check: small faults are put into the pure heart one at a time, and some test must fail for each.

    python -m scripts.mutation [--only NAME] [--processes N]

The tests are collected once; each mutant is a forked process in which one function's code is replaced, and which runs
the tests that reach the changed line, the quickest first. Mutated are the bodies of functions: comparisons, arithmetic,
conditions, numbers, choices of two, what is returned. Survivors are compared with those that
`tests/mutation_survivors.md` explains; fails below 90 % killed, or for a survivor that nobody explained.
"""

import argparse
import ast
import importlib
import inspect
import os
import pickle
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SURVIVORS = ROOT / "tests" / "mutation_survivors.md"
MODULES = (
    "app.calendars.working_time",
    "app.sla.engine.clock",
    "app.sla.engine.ladder",
    "app.sla.engine.policy",
)
TESTS = ("tests/calendars", "tests/sla")
SLOW = ("test_oracle.py", "simulation")  # hours of tracing, and nothing that the others miss
LEAST_KILLED = 0.9
SECONDS_MAX = 60
LineKey = tuple[str, int]

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
RENAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a module's function by qualified name, the line, how it reads now, and its code."""

    module: str
    function: str
    line: int
    before: str
    after: str
    code: CodeType

    @property
    def name(self) -> str:
        """How survivors are named: without the line, which moves."""
        short = self.module.rpartition(".")[2]
        before, after = (text.splitlines()[0] for text in (self.before, self.after))
        return f"{short}.{self.function}: `{before}` -> `{after}`"


# --- making mutants


def mutants_of(name: str) -> Iterator[Mutant]:
    """Yield the mutants of a module, function by function."""
    path = str(importlib.import_module(name).__file__)
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for qualified, node in list(_sites(tree)):
        before, kept = ast.unparse(node), dict(vars(node))
        _mutate(node)
        after = ast.unparse(node)
        code = _code_of(compile(ast.fix_missing_locations(tree), path, "exec"), qualified)
        vars(node).update(kept)
        yield Mutant(name, qualified, node.lineno, before, after, code)


def _sites(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Yield (qualified function, node) of everything that can be mutated."""
    for qualified, function in _functions(tree.body, ""):
        for statement in _without_docstring(function.body):
            for node in _walk(statement):
                if _is_mutable(node):
                    yield qualified, node


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if is_text else body


def _walk(node: ast.AST) -> Iterator[Any]:
    """Yield a node and what is in it; what only words an error is no behaviour."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.AnnAssign)) and not _has_value(node):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.AnnAssign) and child is node.annotation:
            continue
        yield from _walk(child)


def _has_value(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is not None


def _is_mutable(node: Any) -> bool:
    match node:
        case ast.Compare(ops=[op]):
            return type(op) in COMPARED
        case ast.BinOp(op=op):
            return type(op) in COMPUTED
        case ast.Call(func=ast.Name(id=name)):
            return name in RENAMED
        case ast.If(test=test) | ast.While(test=test):
            return not isinstance(test, (ast.Compare, ast.BoolOp, ast.UnaryOp))
        case ast.Return(value=value):
            return value is not None and not isinstance(value, ast.Constant)
        case ast.UnaryOp(op=op):
            return isinstance(op, ast.Not)
        case ast.Constant(value=value):
            return isinstance(value, int)
        case _:
            return isinstance(node, (ast.BoolOp, ast.IfExp))


def _mutate(node: Any) -> None:
    changed: Any = node  # what match has narrowed cannot be assigned to
    match node:
        case ast.Compare():
            changed.ops = [COMPARED[type(changed.ops[0])]()]
        case ast.BinOp():
            changed.op = COMPUTED[type(changed.op)]()
        case ast.BoolOp():
            changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
        case ast.IfExp():
            changed.body, changed.orelse = changed.orelse, changed.body
        case ast.UnaryOp():
            changed.operand = ast.UnaryOp(ast.Not(), changed.operand)
        case ast.Constant():
            changed.value = (
                (not changed.value) if isinstance(changed.value, bool) else changed.value + 1
            )
        case ast.Call():
            changed.func = ast.Name(RENAMED[changed.func.id], ast.Load())
        case ast.If() | ast.While():
            changed.test = ast.UnaryOp(ast.Not(), changed.test)
        case ast.Return():
            changed.value = ast.Constant(None)


def _code_of(code: CodeType, qualified: str) -> CodeType:
    for part in qualified.split("."):
        code = next(
            one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part
        )
    return code


def _install(mutant: Mutant) -> None:
    """Replace the function's code in the running process."""
    found: Any = importlib.import_module(mutant.module)
    for part in mutant.function.split("."):
        found = inspect.getattr_static(found, part)
    found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    function = inspect.unwrap(found)
    assert isinstance(function, FunctionType)
    function.__code__ = mutant.code


# --- running tests


class Runner:
    """A pytest plugin that runs mutants in place of the collected tests."""

    def __init__(self, modules: list[str], processes: int) -> None:
        self.modules = modules
        self.processes = processes
        self.killed: list[Mutant] = []
        self.survived: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Trace each test once, then try every mutant."""
        items = [item for item in session.items if _is_pure(item)]
        files = {str(importlib.import_module(name).__file__): name for name in self.modules}
        reached = _traced(items, files)
        mutants = [one for name in self.modules for one in mutants_of(name)]
        running: dict[int, Mutant] = {}
        for mutant in mutants:
            if len(running) >= self.processes:
                self._reap(running)
            path = str(_module(mutant).__file__)
            running[_start(mutant, [items[n] for n in reached[path, mutant.line]])] = mutant
        while running:
            self._reap(running)
        return True

    def _reap(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        (self.survived if status == 0 else self.killed).append(mutant)


def _module(mutant: Mutant) -> ModuleType:
    return importlib.import_module(mutant.module)


def _is_pure(item: pytest.Item) -> bool:
    asks = {"databases", "crash_url", "app", "client"}
    slow = any(part in str(item.path) for part in SLOW)
    return not slow and not asks & set(getattr(item, "fixturenames", ()))


class _Failed:
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(1)


def _start(mutant: Mutant, items: list[pytest.Item]) -> int:
    """Fork a process that exits with 0 only if every test passes with the mutant."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS_MAX)  # an endless loop is found too
    _silence()
    _install(mutant)
    _run(items, _Failed())
    os._exit(0)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _run(items: list[pytest.Item], plugin: object) -> None:
    if not items:
        return
    items[0].config.pluginmanager.register(plugin)
    for item in items:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def _traced(items: list[pytest.Item], files: dict[str, str]) -> dict[LineKey, list[int]]:
    """Return the tests, by number, that reach a line of the files, the quickest first; all pass unmutated."""
    with tempfile.NamedTemporaryFile() as told:
        pid = os.fork()
        if not pid:
            _silence()
            Path(told.name).write_bytes(pickle.dumps(_reached(items, files)))
            os._exit(0)
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit("a test fails without any mutant")
        found: dict[LineKey, list[tuple[float, int]]] = pickle.loads(Path(told.name).read_bytes())
    return defaultdict(list, {key: [n for _, n in sorted(ones)] for key, ones in found.items()})


def _reached(
    items: list[pytest.Item], files: dict[str, str]
) -> dict[LineKey, list[tuple[float, int]]]:
    lines: set[LineKey] = set()

    def in_file(frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return in_file

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        return in_file(frame, event, argument) if frame.f_code.co_filename in files else None

    found: dict[LineKey, list[tuple[float, int]]] = defaultdict(list)
    items[0].config.pluginmanager.register(_Failed())
    for number, item in enumerate(items):
        lines.clear()
        started = time.perf_counter()
        sys.settrace(trace)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        sys.settrace(None)
        for key in lines:
            found[key].append((time.perf_counter() - started, number))
    return dict(found)


# --- telling


def explained() -> set[str]:
    """Return the survivors that the list explains, by name."""
    if not SURVIVORS.exists():
        return set()
    text = SURVIVORS.read_text(encoding="utf-8")
    return set(re.findall(r"^- (\S+: `.*` -> `.*`)", text, re.M))


def main() -> int:
    """Run the check and print what survived; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="part of a module's name")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    modules = [name for name in MODULES if not asked.only or asked.only in name]
    os.environ["HUIYING_EXAMPLES"] = "30"
    runner = Runner(modules, asked.processes)
    pytest.main(
        ["-q", "-s", "--no-header", "--no-summary", "-m", "not heavy", *TESTS], plugins=[runner]
    )
    total = len(runner.killed) + len(runner.survived)
    if not total:
        print("nothing was mutated")
        return 1
    known = explained()
    for mutant in sorted(runner.survived, key=lambda one: (one.module, one.line)):
        mark = "explained" if mutant.name in known else "UNEXPLAINED"
        print(f"{mark} line {mutant.line} {mutant.name}")
    share = len(runner.killed) / total
    print(f"{len(runner.killed)} of {total} mutants killed: {share:.1%}")
    return int(share < LEAST_KILLED or any(one.name not in known for one in runner.survived))


if __name__ == "__main__":
    sys.exit(main())
