"""The table fact x clock: what a fact does to which clocks, compiled from the register's rows.

Nothing is decided here; the rows say it. All that a fact does is merged into one effect, which is
remembered for the next fact like it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.sla.engine.clock_row import ClockRow, Flag, On
from app.sla.engine.facts import FactKind
from app.sla.engine.register import (
    REOPENS_BY_ITSELF,
    SITUATION,
    TICKET_CLOCKS,
    WAIT_ENDS,
    WAIT_STARTS,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fact does: to clocks by name, to flags, to a wait; `opens` in the register's order.

    An `idle` fact is kept for the record, no clock minds it.
    """

    answers: tuple[str, ...]
    cancels: tuple[str, ...]
    opens: tuple[ClockRow, ...]
    holds: frozenset[Flag]
    gone: frozenset[Flag]
    starts_wait: bool
    ends_wait: bool
    reopens_closed: bool
    idle: bool


def effect_of(kind: FactKind, data: Mapping[str, Any]) -> Effect:
    """Return the effect of a fact on the clocks of a ticket."""
    keys = _KEYS[kind]
    return _effect(kind, *map(data.get, keys)) if keys else _UNCONDITIONAL[kind]


@lru_cache(maxsize=4096)
def _effect(kind: FactKind, *values: Hashable) -> Effect:
    data = dict(zip(_KEYS[kind], values, strict=True))
    return _merged(frozenset(on for on in _CONDITIONS[kind] if on.matches(kind, data)))


def _merged(fits: frozenset[On]) -> Effect:
    return Effect(
        idle=not fits,
        answers=tuple(row.clock for row in TICKET_CLOCKS if fits.intersection(row.answers)),
        cancels=tuple(row.clock for row in TICKET_CLOCKS if fits.intersection(row.cancels)),
        opens=tuple(row for row in TICKET_CLOCKS if fits.intersection(row.opens)),
        holds=frozenset().union(*(holds for on, holds, _ in SITUATION if on in fits)),
        gone=frozenset().union(*(gone for on, _, gone in SITUATION if on in fits)),
        starts_wait=bool(fits.intersection(WAIT_STARTS)),
        ends_wait=bool(fits.intersection(WAIT_ENDS)),
        reopens_closed=REOPENS_BY_ITSELF in fits,
    )


def _all_conditions() -> Iterable[On]:
    for row in TICKET_CLOCKS:
        yield from (*row.opens, *row.answers, *row.cancels)
    yield from (on for on, _, _ in SITUATION)
    yield from (*WAIT_STARTS, *WAIT_ENDS, REOPENS_BY_ITSELF)


def _by_kind() -> Mapping[FactKind, tuple[On, ...]]:
    distinct = dict.fromkeys(_all_conditions())
    return {kind: tuple(on for on in distinct if on.kind is kind) for kind in FactKind}


_CONDITIONS = _by_kind()
_KEYS = {
    kind: tuple(dict.fromkeys(key for on in conditions for key, _ in on.where))
    for kind, conditions in _CONDITIONS.items()
}
_UNCONDITIONAL = {
    kind: _merged(frozenset(_CONDITIONS[kind])) for kind, keys in _KEYS.items() if not keys
}
