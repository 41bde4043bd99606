"""What differs between two policy documents, place by place, and how it is said in a line.

Pure; a target, a list of values and a level of the ladder each differ as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.calendars.target import Unit

ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place (a JSON Pointer, levels of the ladder by their number) with its value before and after; `ABSENT`: none."""

    pointer: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Say it in one line, as `~ clocks.resolve.target: 4 hours -> 1 days`."""
        place = self.pointer.lstrip("/").replace("/", ".").replace("~1", "/").replace("~0", "~")
        if self.before is ABSENT:
            return f"+ {place}: {_said(self.after)}"
        if self.after is ABSENT:
            return f"- {place}: {_said(self.before)}"
        return f"~ {place}: {_said(self.before)} -> {_said(self.after)}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what differs, in the order of the places; nothing for documents that say the same."""
    return list(_compare("", before, after))


def _compare(pointer: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if pointer == "/ladder" and _is_list(before) and _is_list(after):
        before, after = _by_level(before), _by_level(after)
    if not _is_open(before) or not _is_open(after):
        yield Difference(pointer, before, after)
        return
    for name in [*before, *(name for name in after if name not in before)]:
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        one, other = before.get(name, ABSENT), after.get(name, ABSENT)
        if ABSENT in (one, other):
            yield Difference(place, one, other)
        else:
            yield from _compare(place, one, other)


def _is_open(value: Any) -> bool:
    """Say whether a value is compared place by place: a mapping that is neither a target nor a level."""
    return isinstance(value, Mapping) and not _is_target(value) and "level" not in value


def _is_target(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return set(value) == {"amount", "unit"} or (len(value) == 1 and next(iter(value)) in set(Unit))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _by_level(steps: Sequence[Any]) -> dict[str, Any]:
    return {str(step["level"]): step for step in steps}


def _said(value: Any) -> str:
    if _is_target(value):
        if "amount" in value:
            return f"{value['amount']} {value['unit']}"
        ((unit, amount),) = value.items()
        return f"{amount} {unit}"
    if isinstance(value, Mapping) and "level" in value:
        when = f"{value['percent']} %" if "percent" in value else f"{value.get('minutes', 0)} min"
        return f"at {when} tell {', '.join(value.get('tell', ()))}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_said(one)}" for name, one in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(map(_said, value)) + "]"
    return "null" if value is None else str(value)
