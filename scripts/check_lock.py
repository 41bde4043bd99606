"""Checks that the locks are clean, complete for pyproject.toml, and what is installed here.

Reads files and the installed metadata only: no network, so it says the same on every machine. Making
locks is the work of `scripts/lock`. Run as `python -m scripts.check_lock`.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK_GROUPS: Mapping[str, tuple[str, ...]] = {
    "requirements.lock": ("build",),
    "requirements-dev.lock": ("build", "dev"),
}
"""Each lock, and the dependency groups that it holds beside the project's own dependencies."""

PIN = re.compile(r"(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>[0-9A-Za-z.+!]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Lock:
    """The pins of one lock by canonical name, and what is wrong with its text."""

    versions: Mapping[str, str]
    problems: tuple[str, ...]


def parse_lock(text: str) -> Lock:
    """Read a lock of `uv pip compile --generate-hashes`.

    Problems: a pin without a hash or given twice, and any line that is neither a pin nor a hash, which is
    how a host, an index, a path or an option would show.
    """
    versions: dict[str, str] = {}
    problems: list[str] = []
    for entry in text.replace("\\\n", " ").splitlines():
        head, *rest = entry.split() or [""]
        pin = PIN.fullmatch(head)
        if pin is None:
            problems.append(f"not a pin: {entry.strip()!r}")
            continue
        if not rest:
            problems.append(f"no hash: {head}")
        problems.extend(f"not a hash: {word!r}" for word in rest if not HASH.fullmatch(word))
        if pin["name"] in versions:
            problems.append(f"pinned twice: {pin['name']}")
        versions[pin["name"]] = pin["version"]
    return Lock(versions, tuple(problems))


def declared_requirements(
    project: Mapping[str, object], groups: Iterable[str]
) -> list[Requirement]:
    """Return what a parsed pyproject.toml asks for: its dependencies and those of the groups."""
    declared = list(project["project"]["dependencies"])  # type: ignore[index]
    for group in groups:
        declared += project["dependency-groups"][group]  # type: ignore[index]
    return [Requirement(line) for line in declared]


def unmet(requirements: Iterable[Requirement], versions: Mapping[str, str]) -> list[str]:
    """Return a line for each requirement that has no pin or a pin outside its range."""
    lines = []
    for requirement in requirements:
        pinned = versions.get(canonicalize_name(requirement.name))
        if pinned is None:
            lines.append(f"not locked: {requirement}")
        elif not requirement.specifier.contains(pinned, prereleases=True):
            lines.append(f"locked at {pinned}, wanted: {requirement}")
    return lines


def disagreements(runtime: Mapping[str, str], dev: Mapping[str, str]) -> list[str]:
    """Return a line for each runtime pin that the development lock has otherwise or lacks."""
    return [
        f"{name} is {version} in requirements.lock, {dev.get(name, 'absent')} in requirements-dev.lock"
        for name, version in runtime.items()
        if dev.get(name) != version
    ]


def strangers(versions: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Return a line for each difference between the development lock and the environment."""
    lines = [
        f"{name} is {installed.get(name, 'absent')} here, locked at {version}"
        for name, version in versions.items()
        if installed.get(name) != version
    ]
    ours = set(versions) | {"huiying", "pip", "setuptools"}
    return lines + [f"{name} is installed but not locked" for name in sorted(set(installed) - ours)]


def check() -> list[str]:
    """Return every problem of the two locks in the checkout, apart from the environment's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locks = {name: parse_lock((ROOT / name).read_text(encoding="utf-8")) for name in LOCK_GROUPS}
    lines = []
    for name, lock in locks.items():
        wanted = declared_requirements(project, LOCK_GROUPS[name])
        lines += [f"{name}: {line}" for line in (*lock.problems, *unmet(wanted, lock.versions))]
    runtime, dev = locks.values()
    return lines + disagreements(runtime.versions, dev.versions)


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    installed = {str(canonicalize_name(d.metadata["Name"])): d.version for d in distributions()}
    dev = parse_lock((ROOT / "requirements-dev.lock").read_text(encoding="utf-8"))
    lines = check() + strangers(dev.versions, installed)
    for line in lines:
        print(line, file=sys.stderr)
    if lines:
        print("Run ./scripts/lock after a change of pyproject.toml.", file=sys.stderr)
        return 1
    print(f"{len(dev.versions)} pins, all hashed, met and installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
