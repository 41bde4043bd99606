"""Compare a contract with the last released one: print what would break a client, and fail if anything would.

Usage: python -m scripts.breaking_changes [OLD [NEW]]; by default openapi/released.json (nothing to compare with where
there is none yet) and openapi/openapi.json. The contract is additive only: what clients send stays taken, what they
read stays there.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent.parent / "openapi"
Schema = Mapping[str, Any]
_LIMITS_DOWN = ("maxLength", "maxItems", "maximum", "exclusiveMaximum")
_LIMITS_UP = ("minLength", "minItems", "minimum", "exclusiveMinimum")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return one line for each change of `new` that a client of `old` would notice, in the order of `old`'s paths."""
    return list(_Comparison(old, new).operations())


class _Comparison:
    """Two documents, whose references resolve each in its own."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old = old
        self.new = new
        self.seen: set[tuple[int, int, bool]] = set()

    def operations(self) -> Iterator[str]:
        """Yield what changed, operation by operation."""
        for path, methods in self.old["paths"].items():
            if path not in self.new["paths"]:
                yield f"{path}: the path is gone"
                continue
            for method, before in methods.items():
                where = f"{method.upper()} {path}"
                after = self.new["paths"][path].get(method)
                if after is None:
                    yield f"{where}: the operation is gone"
                    continue
                self.seen.clear()
                yield from self._operation(where, before, after)

    def _operation(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        if before.get("operationId") != after.get("operationId"):
            yield f"{where}: operationId is another one"
        if before.get("x-permission") != after.get("x-permission"):
            yield f"{where}: asks for another permission"
        yield from self._parameters(where, before, after)
        yield from self._body(where, before, after)
        for status, answer in before["responses"].items():
            if not status.startswith("2"):
                continue
            if status not in after["responses"]:
                yield f"{where}: {status} is answered no more"
                continue
            told = after["responses"][status].get("content", {})
            for kind, media in answer.get("content", {}).items():
                if kind not in told:
                    yield f"{where}: {status} is {kind} no more"
                    continue
                yield from self._given(f"{where} {status}", media["schema"], told[kind]["schema"])

    def _parameters(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        known = {(one["in"], one["name"]): one for one in before.get("parameters", ())}
        now = {(one["in"], one["name"]): one for one in after.get("parameters", ())}
        for key, one in known.items():
            if key not in now:
                yield f"{where}: parameter {key[1]} is gone"
                continue
            yield from self._sent(f"{where} ?{key[1]}", one["schema"], now[key]["schema"])
        for key, one in now.items():
            if one.get("required") and not known.get(key, {}).get("required"):
                yield f"{where}: parameter {key[1]} is required now"

    def _body(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        old, new = before.get("requestBody", {}), after.get("requestBody", {})
        if new.get("required") and not old.get("required"):
            yield f"{where}: a body is required now"
        for kind, media in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: takes {kind} no more"
                continue
            yield from self._sent(f"{where} body", media["schema"], new["content"][kind]["schema"])

    # --- schemas

    def _sent(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        """What a client sends: everything that was taken must be taken still."""
        yield from self._schemas(where, before, after, sent=True)

    def _given(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        """What a client reads: everything that was there must be there still, and of the same kind."""
        yield from self._schemas(where, before, after, sent=False)

    def _schemas(self, where: str, before: Schema, after: Schema, *, sent: bool) -> Iterator[str]:
        before, after = _resolve(self.old, before), _resolve(self.new, after)
        lost, added = _kinds(self.old, before), _kinds(self.new, after)
        missing = (lost - added) if sent else (added - lost)
        if missing:
            yield f"{where}: {'takes' if sent else 'may be'} {', '.join(sorted(missing))} {'no more' if sent else 'now'}"
        for old, new in _alternatives(self.old, before, self.new, after):
            pair = (id(old), id(new), sent)  # a schema may hold itself
            if pair in self.seen:
                continue
            self.seen.add(pair)
            if sent:
                yield from _narrowed(where, old, new)
            yield from self._fields(where, old, new, sent=sent)
            if "items" in old and "items" in new:
                yield from self._schemas(f"{where}[]", old["items"], new["items"], sent=sent)

    def _fields(self, where: str, before: Schema, after: Schema, *, sent: bool) -> Iterator[str]:
        old, new = before.get("properties", {}), after.get("properties", {})
        if sent:
            for name in after.get("required", ()):
                if name not in before.get("required", ()):
                    yield f"{where}.{name}: is required now"
        for name, field in old.items():
            if name not in new:
                yield f"{where}.{name}: is gone"
                continue
            if (
                not sent
                and name in before.get("required", ())
                and name not in after.get("required", ())
            ):
                yield f"{where}.{name}: may be absent now"
            yield from self._schemas(f"{where}.{name}", field, new[name], sent=sent)


def _resolve(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _branches(document: Schema, schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema, itself where it has none."""
    schema = _resolve(document, schema)
    nested = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if not nested:
        return [schema]
    return [branch for one in nested for branch in _branches(document, one)]


def _kinds(document: Schema, schema: Schema) -> set[str]:
    """Return what values of a schema are: types, with formats; `anything` where it does not say."""
    found: set[str] = set()
    for branch in _branches(document, schema):
        types = branch.get("type", "anything")
        for one in types if isinstance(types, list) else [types]:
            form = branch.get("format")
            found.add(one if form is None else f"{one} ({form})")
            found |= {"integer"} if one == "number" else set()
    return found


def _alternatives(
    old: Schema, before: Schema, new: Schema, after: Schema
) -> Iterator[tuple[Schema, Schema]]:
    """Yield the alternatives of two schemas that are of the same type, in their order."""
    left = _branches(new, after)
    for one in _branches(old, before):
        other = next((b for b in left if b.get("type") == one.get("type")), None)
        if other is not None:
            left.remove(other)
            yield one, other


def _narrowed(where: str, before: Schema, after: Schema) -> Iterator[str]:
    for name in (*_LIMITS_DOWN, *_LIMITS_UP):
        was, now = before.get(name), after.get(name)
        if now is None or now == was:
            continue
        if was is None or (now < was) == (name in _LIMITS_DOWN):
            yield f"{where}: {name} is {now} now"
    if after.get("pattern") not in (None, before.get("pattern")):
        yield f"{where}: the pattern is another one"
    gone = _choices(before) - _choices(after)
    if _choices(after) and (gone or not _choices(before)):
        yield f"{where}: takes {', '.join(sorted(gone or {'other values'}))} no more"
    if after.get("additionalProperties") is False and before.get("additionalProperties", True):
        yield f"{where}: takes unknown fields no more"


def _choices(schema: Schema) -> set[str]:
    """Return the only values that a schema takes, none where it takes any."""
    return set(map(str, schema.get("enum", [schema["const"]] if "const" in schema else ())))


def main() -> int:
    """Compare and print; returns the exit code."""
    given = [*map(Path, sys.argv[1:]), None, None]
    old, new = given[0] or FOLDER / "released.json", given[1] or FOLDER / "openapi.json"
    if not old.exists():
        print("no contract has been released yet")
        return 0
    found = breaking_changes(orjson.loads(old.read_bytes()), orjson.loads(new.read_bytes()))
    for line in found:
        print(line)
    print(f"{len(found)} breaking changes since {old.name}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
