"""What a row of the clock register is: facts with conditions, flags, and one clock's row.

The rows themselves are in `register`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.calendars.target import Target
from app.sla.engine.facts import FactKind

# What ends any subject, and with it every clock of it.
ENDS = (FactKind.CLOSED, FactKind.CANCELLED, FactKind.MERGED)


class Flag(StrEnum):
    """What holds for a ticket between two facts, as far as clocks must know it."""

    ACCEPTED = "accepted"
    SUPER = "super"
    PLANNED = "planned"
    ASKED = "asked"
    FIRST_ANSWERED = "first_answered"
    RESOLVED = "resolved"
    CONFIRMED = "confirmed"
    POSTPONED = "postponed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class On:
    """A kind of fact, with the values that its data must have; a missing key counts as None."""

    kind: FactKind
    where: tuple[tuple[str, frozenset[Any]], ...] = ()

    def matches(self, kind: FactKind, data: Mapping[str, Any]) -> bool:
        """Say whether a fact of this kind with this data is meant."""
        return kind is self.kind and all(data.get(key) in values for key, values in self.where)


@dataclass(frozen=True, slots=True, eq=False)
class ClockRow:
    """One clock of one kind of subject; rows are compared by identity.

    The clock opens on a fact of `opens`, and wherever it comes to apply later (reopening, another
    policy), while all of `needs` and none of `unless` hold. Opening while `done` holds counts as
    met at the start; `open_question` holds until the clock is answered, a correction included. `policy_chooses` leaves to the policy which of `answers` counts; `carries`
    lets a reopened cycle inherit the time used; `repeats`: each answer opens the next. `target` None: the fact brings its own instant.
    `on_working_day`: a target in dates ends with its day's last open interval, a closed day moves it to the next working day.
    `calendar` is `by tier`, `working` or `24x7`; `shipped_in` names the packs that set it. The
    Chinese of a shipped row's `opens_on` and `answered_by` stands in `texts`.
    """

    clock: str
    rule: str
    subject: str
    title_zh: str
    title_en: str
    opens_on: str
    answered_by: str
    target: Target | None
    source: str
    calendar: str = "working"
    shipped_in: tuple[str, ...] = ("toolkit",)
    opens: tuple[On, ...] = ()
    answers: tuple[On, ...] = ()
    cancels: tuple[On, ...] = ()
    needs: frozenset[Flag] = frozenset()
    unless: frozenset[Flag] = frozenset()
    done: Flag | None = None
    open_question: Flag | None = None
    pausable: bool = False
    policy_chooses: bool = False
    policy_free: bool = False
    carries: bool = False
    repeats: bool = False
    on_working_day: bool = False
    opens_on_zh: str = ""
    answered_by_zh: str = ""

    @property
    def house(self) -> bool:
        """Say whether the target is our own default, not the sources'."""
        return "house" in self.source

    def wanted(self, flags: set[Flag]) -> bool:
        """Say whether the clock may open in this situation."""
        return self.needs <= flags and not (self.unless & flags)


def generic_row(
    *,
    clock: str,
    rule: str,
    subject: str,
    target: Target | None,
    titles: tuple[str, str],
    opens_on: str,
    answered_by: str,
    source: str,
    calendar: str = "working",
    on_working_day: bool = False,
    opens_on_zh: str = "",
    answered_by_zh: str = "",
) -> ClockRow:
    """Return the row of a subject with a single clock, opened and answered by its own facts.

    `opened` carries `clock` (and may carry `rule`, `target`, `due_at`, `anchor`); `answered` with
    the same `clock`, or with none, ends it; `closed` and `cancelled` withdraw it. `titles` is
    (zh, en).
    """
    mine = (("clock", frozenset({clock, None})),)
    return ClockRow(
        clock=clock,
        rule=rule,
        subject=subject,
        title_zh=titles[0],
        title_en=titles[1],
        opens_on=opens_on,
        answered_by=answered_by,
        target=target,
        source=source,
        calendar=calendar,
        shipped_in=(),
        on_working_day=on_working_day,
        opens_on_zh=opens_on_zh,
        answered_by_zh=answered_by_zh,
        answers=(On(FactKind.ANSWERED, mine),),
        cancels=tuple(On(kind, mine) for kind in ENDS),
    )
