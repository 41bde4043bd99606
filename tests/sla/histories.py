"""Short ways to write a ticket's history as facts, and to ask the engine about it.

Local times are Shanghai's; without a year they lie in 2026, where 2 March is a Monday. Office hours
are 09:00-18:00, with a lunch break from 12:00 to 13:30 in the calendar `lunch`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from app.sla.engine.clock import evaluate, fold
from app.sla.engine.deadline import Deadline
from app.sla.engine.facts import Fact, FactKind
from app.sla.engine.policy import Policy
from app.sla.engine.policy_document import parse_policy
from app.sla.engine.register import row_of
from app.sla.engine.subject import Subject
from app.sla.engine.terms import Rulebook
from app.sla.shipped import PACK_NAMES, load_pack, pack_document
from tests.calendars.documents import (
    NINE_TO_SIX,
    WITH_LUNCH,
    around_the_clock,
    calendar,
    every_day,
    local,
    weekdays,
)

OFFICE = calendar(weekdays(NINE_TO_SIX))
LUNCH = calendar(weekdays(WITH_LUNCH))
LOADED_2026 = calendar(weekdays(NINE_TO_SIX), exceptions_loaded=[2026], exceptions=[])
NEW_YEAR_OFF = calendar(
    weekdays(NINE_TO_SIX),
    exceptions_loaded=[2026, 2027],
    exceptions=[{"date": "2027-01-01", "kind": "closed", "name": "元旦"}],
)
LATE_2026 = calendar(every_day([["12:00", "24:00"]]), exceptions_loaded=[2026], exceptions=[])
AROUND = around_the_clock()


def at(text: str) -> datetime:
    """Return the instant of "03-02 09:00" (in 2026) or of "2027-01-04 09:00"."""
    return local(text if text[:2] == "20" else f"2026-{text}")


def changed_toolkit(name: str, version: int = 1, **changes: Any) -> Policy:
    """Return the toolkit under another name, with some of its clocks and parts replaced.

    A clock given as None is left out.
    """
    document = {**pack_document("toolkit"), "name": name}
    clocks = {**document["clocks"]}
    for key, value in changes.items():
        if row_of(key) is None:
            document[key] = value
        elif value is None:
            clocks.pop(key, None)
        else:
            clocks[key] = value
    document["clocks"] = clocks
    if "waiting" not in changes and document.get("waiting"):
        kept = [clock for clock in document["waiting"]["pauses"] if clock in clocks]
        document["waiting"] = {**document["waiting"], "pauses": kept}
    return parse_policy(document, version)


def rulebook(*policies: Policy) -> Rulebook:
    """Return the shipped packs and the calendars above, with policies of a test's own."""
    packs = [load_pack(name) for name in PACK_NAMES]
    return Rulebook(
        policies={policy.reference: policy for policy in (*packs, *policies)},
        calendars={
            ("office", 1): OFFICE,
            ("lunch", 1): LUNCH,
            ("loaded", 1): LOADED_2026,
            ("loaded", 2): NEW_YEAR_OFF,
            ("late", 1): LATE_2026,
            ("24x7", 1): AROUND,
        },
    )


STANDARD = rulebook()


class Ticket:
    """A history in the making; each move takes a local time and answers the ticket itself."""

    def __init__(self, book: Rulebook = STANDARD) -> None:
        self.book = book
        self.facts: list[Fact] = []

    def add(self, when: str | datetime, kind: FactKind, **data: Any) -> Self:
        """Append a fact of any kind."""
        instant = at(when) if isinstance(when, str) else when
        self.facts.append(Fact(len(self.facts) + 1, kind, instant, data))
        return self

    def opened(
        self,
        when: str | datetime,
        *,
        policy: str | None = "toolkit",
        calendar: str = "office",
        accepted: bool = False,
        **inputs: Any,
    ) -> Self:
        """Open a normal technical ticket of tier B, unless `inputs` say otherwise."""
        given = {"type": "technical", "complexity": "normal", "tier": "B", "channel": "phone"}
        return self.add(
            when,
            FactKind.OPENED,
            inputs={**given, **inputs},
            policy=[policy, 1] if policy else None,
            calendars={"working": [calendar, 1], "24x7": ["24x7", 1]},
            accepted=accepted,
        )

    def accepted(self, when: str) -> Self:
        return self.add(when, FactKind.ACCEPTED)

    def told(self, when: str | datetime, **flags: bool) -> Self:
        """Let staff write a public, human, concrete message, unless `flags` say otherwise."""
        said = {"by": "staff", "public": True, "automatic": False, "vague": False}
        return self.add(when, FactKind.MESSAGE, **{**said, **flags})

    def asked(self, when: str | datetime, **flags: bool) -> Self:
        """Let the customer write something that wants an answer."""
        said = {"by": "customer", "public": True, "automatic": False, "courtesy": False}
        return self.add(when, FactKind.MESSAGE, **{**said, **flags})

    def waits(self, when: str) -> Self:
        return self.add(when, FactKind.WAITING, reason="needs a screenshot")

    def resumed(self, when: str) -> Self:
        return self.add(when, FactKind.RESUMED)

    def resolved(self, when: str) -> Self:
        return self.add(when, FactKind.RESOLVED)

    def reopened(self, when: str) -> Self:
        return self.add(when, FactKind.REOPENED)

    def closed(self, when: str) -> Self:
        return self.add(when, FactKind.CLOSED, reason="done")

    def confirmed(self, when: str, answer: str = "solved") -> Self:
        return self.add(when, FactKind.CONFIRMED, answer=answer)

    def reclassified(self, when: str, **changes: Any) -> Self:
        return self.add(when, FactKind.RECLASSIFIED, **changes)

    def tier(self, when: str, tier: str) -> Self:
        return self.add(when, FactKind.TIER_CHANGED, tier=tier)

    def agreed(self, when: str, due_at: str, **flags: bool) -> Self:
        return self.add(
            when, FactKind.AGREED, due_at=at(due_at), **{"wish_recorded": True, **flags}
        )

    def policy(self, when: str, name: str | None, **counted: bool) -> Self:
        reference = [name, 1] if name else None
        return self.add(when, FactKind.POLICY_ASSIGNED, policy=reference, **counted)

    def corrected(self, when: str, clock: str, claimed_at: str, **key: int) -> Self:
        return self.add(
            when,
            FactKind.CORRECTED,
            clock=clock,
            claimed_at=at(claimed_at),
            reason="the call is on tape",
            **key,
        )

    def rows(self, now: str | datetime | None = None) -> list[Deadline]:
        """Return every row as of `now`, or as of the last fact."""
        instant = at(now) if isinstance(now, str) else now
        return evaluate(self.facts, self.book, instant)

    def row(
        self, clock: str, cycle: int = 1, revision: int = 1, now: str | datetime | None = None
    ) -> Deadline:
        """Return one row; KeyError if there is none."""
        return {one.key: one for one in self.rows(now)}[clock, cycle, revision]

    def keys(self, clock: str) -> list[tuple[int, int]]:
        """Return (cycle, revision) of every row of a clock, in order."""
        return [(one.cycle, one.revision) for one in self.rows() if one.clock == clock]

    def folded(self) -> Subject:
        """Return what the facts add up to."""
        return fold(self.facts, self.book)


def fire_times(deadline: Deadline, levels: Sequence[int] = (1, 2, 3, 4)) -> list[datetime | None]:
    """Return when the given levels fire, None for one that does not."""
    fires = dict(deadline.levels)
    return [fires.get(level) for level in levels]
