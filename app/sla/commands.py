"""What the command line says of policy documents: checked, and compared. Printing is the command line's business."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from app.database import Database
from app.sla.engine.policy_diff import differences
from app.sla.engine.policy_document import PolicyInvalid, parse_policy
from app.sla.policies import DOCUMENT, DRAFT
from app.sla.texts import FIELD_TEXTS

WithDatabase = Callable[[Callable[[Database], Awaitable[Any]]], Any]
_UNKNOWN_KEY = "There is no such field"


class DocumentRefused(SystemExit):
    """A document that cannot be had, or is no policy: ends the command with exit code 1, and says which, where and why."""


def check(path: Path) -> str:
    """Return what a document promises in one line; raises `DocumentRefused`."""
    try:
        policy = parse_policy(read_file(path))
    except PolicyInvalid as error:
        english = FIELD_TEXTS.get(error.code, ("", _UNKNOWN_KEY))[1]
        why = english.format(**error.values) if error.values else english
        raise DocumentRefused(f"{path}: {error.path or '/'}: {why}") from error
    return f"{path}: policy {policy.name}, {len(policy.clocks)} clocks, {len(policy.ladder)} levels"


def diff(before: str, after: str, with_database: WithDatabase) -> list[str]:
    """Return one line for each place that differs between two documents; raises `DocumentRefused`.

    Each is a file, or `NAME@VERSION` of the database (`toolkit@2`, `toolkit@draft`).
    """
    one, other = _document(before, with_database), _document(after, with_database)
    return [str(difference) for difference in differences(one, other)]


def _document(named: str, with_database: WithDatabase) -> Mapping[str, Any]:
    name, _, version = named.rpartition("@")
    if not name or Path(named).exists():
        return read_file(Path(named))
    if version != "draft" and not (version.isdecimal() and len(version) < 10):
        raise DocumentRefused(f"{named}: a version is a number or draft")

    async def ask(database: Database) -> Any:
        if version == "draft":
            return await database.one(DRAFT, name=name)
        return await database.one(DOCUMENT, name=name, number=int(version))

    row = with_database(ask)
    if row is None or row["document"] is None:
        raise DocumentRefused(f"{named}: there is no such version")
    document: Mapping[str, Any] = row["document"]
    return document


def read_file(path: Path) -> Mapping[str, Any]:
    """Return the document of a file, YAML or JSON; raises `DocumentRefused`."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DocumentRefused(f"{path}: {error}") from error
    if not isinstance(document, Mapping):
        raise DocumentRefused(f"{path}: not a policy document")
    return document
