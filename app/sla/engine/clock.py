"""The engine: deadlines as a pure function of facts, policies and calendars.

`evaluate` folds the facts of one subject, in order of their sequence, over the clocks of the
register. What a fact does to a clock is read from the register's rows; only what needs more than
that (agreements, corrections, retargets, waits) has a function of its own in `subject`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from app.sla.engine.deadline import Deadline
from app.sla.engine.facts import Fact
from app.sla.engine.subject import Subject
from app.sla.engine.terms import Rulebook
from app.sla.engine.verdict import deadline_of

_sequence = attrgetter("sequence")


def evaluate(
    facts: Sequence[Fact], rulebook: Rulebook, now: datetime | None = None
) -> list[Deadline]:
    """Return every row of a subject, in the order in which the rows were opened.

    Facts known later than `now` are left out, and what passes with time alone (a miss, the end of
    a pause) is told as of `now`; None is the instant of the last fact. Deterministic: order of
    `facts` does not matter, only their sequence does. KeyError if the rulebook lacks a policy or
    calendar that a fact names.
    """
    subject = fold(facts, rulebook, now)
    horizon = now if now is not None else subject.last_at
    if horizon is None:
        return []
    return [deadline_of(track, horizon) for track in subject.tracks]


def fold(facts: Sequence[Fact], rulebook: Rulebook, now: datetime | None = None) -> Subject:
    """Return the subject as its facts (known at `now`) leave it."""
    subject = Subject(rulebook)
    for fact in sorted(facts, key=_sequence):
        if now is None or fact.known_at <= now:
            subject.apply(fact)
    return subject
