"""YAML in place of JSON: read strictly as the same values, and written for people to edit.

What JSON cannot hold is refused, aliases too (a few lines of them could mean gigabytes).
"""

from typing import Any

import orjson
import yaml

from app.errors import BadRequest, BodyTooLarge

YAML = "application/yaml"
YAML_TYPES = frozenset({YAML, "application/x-yaml", "text/yaml"})
YAML_BYTES_MAX = 131_072  # twice what a policy may be as JSON; reading it takes some 20 ms
DEPTH_MAX = 32
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENS = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSES = (yaml.SequenceEndEvent, yaml.MappingEndEvent)


def read_yaml(raw: bytes) -> bytes:
    """Return a document as JSON.

    Raises `BodyTooLarge`, and `BadRequest` with line and column (from 1) for what is no YAML, holds an alias, is nested
    deeper than `DEPTH_MAX`, or holds what JSON does not have.
    """
    if len(raw) > YAML_BYTES_MAX:
        raise BodyTooLarge(bytes_max=YAML_BYTES_MAX)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal("malformed_yaml", *_place(raw[: error.start].decode())) from error
    try:
        _look_through(text)
        value = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _refusal(
            "malformed_yaml", *_marked(error.problem_mark or error.context_mark)
        ) from error
    except yaml.reader.ReaderError as error:
        raise _refusal("malformed_yaml", *_place(text[: error.position])) from error
    except ValueError as error:  # a date that there is not
        raise BadRequest("yaml_not_json") from error
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise BadRequest("yaml_not_json") from error


def _look_through(text: str) -> None:
    """Look for what must not be loaded, event by event: no depth is too deep for that."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("yaml_alias", *_marked(event.start_mark))
        depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
        if depth > DEPTH_MAX:
            raise _refusal("yaml_too_deep", *_marked(event.start_mark), depth_max=DEPTH_MAX)


def _marked(mark: Any) -> tuple[int, int]:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _refusal(code: str, line: int, column: int, **values: Any) -> BadRequest:
    return BadRequest(code, line=line, column=column, **values)


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def write_yaml(value: Any) -> bytes:
    """Return a value of JSON as YAML, keys in their order."""
    text: str = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)
    return text.encode()


def prefers_yaml(accept: str | None) -> bool:
    """Say whether an `Accept` header names YAML, and no JSON before it."""
    named = [one.split(";")[0].strip().lower() for one in (accept or "").split(",")]
    known = [one for one in named if one in YAML_TYPES or one in ("application/json", "*/*")]
    return bool(known) and known[0] in YAML_TYPES
