"""One subject while its facts are folded: inputs, policy, calendars, situation, waits, clocks.

A step reads from the register what a fact answers, cancels, pauses and opens. The arithmetic of a
single clock is in `track`; what runs by which target and calendar is in `terms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.sla.clock_row import ClockRow, Flag, generic_row
from app.sla.deadline import State
from app.sla.facts import Fact, FactKind, instant_of
from app.sla.policy import HOUSE_PAUSE_LIMIT
from app.sla.policy_document import parse_target
from app.sla.register import (
    REOPENS_BY_ITSELF,
    REOPENS_WITHIN,
    SITUATION,
    TICKET_CLOCKS,
    WAIT_ENDS,
    WAIT_STARTS,
    row_of,
)
from app.sla.segments import continued
from app.sla.target import due_from
from app.sla.terms import Rulebook, Setting, Single
from app.sla.track import Terms, Track

_AGREED = next(row for row in TICKET_CLOCKS if row.clock == "agreed")
_ALL_ENDED = frozenset({Flag.RESOLVED, Flag.ENDED})


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch of waiting for the customer, ended at its limit at the latest."""

    started_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class Subject:
    """What the facts so far add up to; `running` holds the rows that can still be answered."""

    rulebook: Rulebook
    setting: Setting = field(init=False)
    terms: dict[str, Terms] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)
    tracks: list[Track] = field(default_factory=list)
    running: dict[str, Track] = field(default_factory=dict)
    waits: list[Wait] = field(default_factory=list)
    waiting: bool = False
    pending: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    last_at: datetime | None = None

    def __post_init__(self) -> None:
        self.setting = Setting(self.rulebook)

    def apply(self, fact: Fact) -> None:
        """Take one fact more, in order of sequence."""
        if self._reopens_by_itself(fact):
            self._step(Fact(fact.sequence, FactKind.REOPENED, fact.at))
        self._step(fact)

    def _reopens_by_itself(self, fact: Fact) -> bool:
        """Say whether a customer's message comes soon enough after closing to reopen the ticket.

        A `reopened` fact of its own beside it is welcome and changes nothing.
        """
        if self.closed_at is None or not REOPENS_BY_ITSELF.matches(fact.kind, fact.data):
            return False
        return fact.at - self.closed_at <= REOPENS_WITHIN

    def _step(self, fact: Fact) -> None:
        at, kind = fact.known_at, fact.kind
        self.last_at = at if self.last_at is None else max(self.last_at, at)
        if self.waiting and at >= self.waits[-1].ends_at:
            self.waiting = False
        before = self.terms
        data = self._take_setting(fact)
        self._answer(fact, data)
        self._cancel(at, kind, data)
        self._wait(at, kind, data)
        self._note(at, kind, data)
        if self.terms is not before:
            self._retarget(at, fact, before)
        if kind is FactKind.OPENED and "clock" in data:
            self._open_single(at, data)
            return
        if kind is FactKind.AGREED:
            self._agree(at, data)
        elif kind is FactKind.AGREEMENT_APPROVED:
            self._approve(at)
        elif kind is FactKind.CORRECTED:
            self._correct(at, data)
        self._open(at, kind, data, newly=self.terms.keys() - before.keys())

    def _take_setting(self, fact: Fact) -> Mapping[str, Any]:
        """Note inputs, policy and calendars; return the data without inputs that did not change."""
        data = fact.data
        if fact.kind not in _SETTING_KINDS:
            return data
        given = data.get("inputs", data)
        unchanged = self.setting.unchanged(given)
        if self.setting.take(given, data):
            self.terms = self.setting.all_terms()
        if self.setting.inputs.complexity == "super":
            self.flags.add(Flag.SUPER)
        else:
            self.flags.discard(Flag.SUPER)
        return {key: value for key, value in data.items() if key not in unchanged}

    def _answer(self, fact: Fact, data: Mapping[str, Any]) -> None:
        for track in self._touched(fact.kind, data, "answers"):
            if track.row.policy_chooses and not self.setting.answers(track.row, fact.kind):
                continue
            track.answer(fact.at, fact.known_at)
            del self.running[track.row.clock]

    def _cancel(self, at: datetime, kind: FactKind, data: Mapping[str, Any]) -> None:
        for track in self._touched(kind, data, "cancels"):
            self._end(track, at, State.CANCELLED)

    def _touched(self, kind: FactKind, data: Mapping[str, Any], effect: str) -> list[Track]:
        return [
            track
            for track in self.running.values()
            if any(on.matches(kind, data) for on in getattr(track.row, effect))
        ]

    def _end(self, track: Track, at: datetime, state: State) -> None:
        track.end(at, state)
        del self.running[track.row.clock]

    def _wait(self, at: datetime, kind: FactKind, data: Mapping[str, Any]) -> None:
        if self.waiting:
            if any(on.matches(kind, data) for on in WAIT_ENDS):
                self.waits[-1] = Wait(self.waits[-1].started_at, at)
                self.waiting = False
                for track in self.running.values():
                    if track.paused_until(at) is not None:
                        track.resume(at)
        elif any(on.matches(kind, data) for on in WAIT_STARTS) and not self.flags & _ALL_ENDED:
            self.waits.append(Wait(at, self._limit(at)))
            self.waiting = True
            for track in self.running.values():
                if track.terms.pauses:
                    track.pause(at, self.waits[-1].ends_at)

    def _limit(self, at: datetime) -> datetime:
        policy = self.setting.policy
        limit = policy.waiting.limit if policy and policy.waiting else HOUSE_PAUSE_LIMIT
        return due_from(limit, at, self.setting.working_calendar(limit))

    def _pause_end(self, terms: Terms) -> datetime | None:
        return self.waits[-1].ends_at if self.waiting and terms.pauses else None

    def _note(self, at: datetime, kind: FactKind, data: Mapping[str, Any]) -> None:
        for on, holds, gone in SITUATION:
            if on.matches(kind, data):
                self.flags |= holds
                self.flags -= gone
        if kind is FactKind.RESOLVED:
            self.resolved_at = at
        if kind in (FactKind.CLOSED, FactKind.REOPENED):
            self.closed_at = at if kind is FactKind.CLOSED else None
        if self.flags & _ALL_ENDED:
            self.pending = None

    def _retarget(self, at: datetime, fact: Fact, before: Mapping[str, Terms]) -> None:
        for clock, track in list(self.running.items()):
            terms = self.terms.get(clock)
            if terms is None:
                self._end(track, at, State.SUPERSEDED)
            elif track.missed_before(at):
                continue
            elif fact.kind is FactKind.CALENDAR_ASSIGNED and fact.data.get("from_start"):
                track.repin(at, terms, before[clock].reference)
            elif fact.kind is FactKind.RECLASSIFIED and not terms.same_course(track.terms):
                self.running[clock] = track.revised(at, terms, self._pause_end(terms))
                self.tracks.append(self.running[clock])
            else:
                track.retarget(at, terms, self._pause_end(terms))

    def _open(
        self,
        at: datetime,
        kind: FactKind,
        data: Mapping[str, Any],
        newly: frozenset[str] | set[str],
    ) -> None:
        """Open what the fact opens, and what comes to apply by reopening or by another policy."""
        for row in TICKET_CLOCKS:
            if row.policy_free or row.clock in self.running or row.clock not in self.terms:
                continue
            triggered = any(on.matches(kind, data) for on in row.opens)
            joins = kind is FactKind.REOPENED or row.clock in newly
            if not (triggered or joins) or not row.wanted(self.flags):
                continue
            done = row.done in self.flags
            if triggered or not done:
                track = self._start(row, at, self.terms[row.clock])
                if done:
                    track.answer(at, at)
                    del self.running[row.clock]

    def _start(
        self,
        row: ClockRow,
        at: datetime,
        terms: Terms,
        *,
        rule: str | None = None,
        fixed_due_at: datetime | None = None,
        anchor: datetime | None = None,
    ) -> Track:
        """Begin a row: revision n+1 of one that still runs, which it supersedes, or cycle n+1."""
        earlier = [track for track in self.tracks if track.row.clock == row.clock]
        cycle, revision = (earlier[-1].cycle if earlier else 0) + 1, 1
        running = self.running.get(row.clock)
        if running is not None:
            cycle, revision = running.cycle, running.revision + 1
            self._end(running, at, State.SUPERSEDED)
        carries = row.carries and bool(earlier)
        track = Track(
            row=row,
            rule=rule or row.rule,
            cycle=cycle,
            revision=revision,
            started_at=at,
            counted_from=earlier[0].counted_from if carries else anchor or at,
            revised_at=at,
            terms=terms,
            segments=continued([], at, terms.calendar, terms.reference, self._pause_end(terms)),
            fixed_due_at=fixed_due_at,
            carried_micros=_used_by(earlier) if carries else None,
        )
        self.tracks.append(track)
        self.running[row.clock] = track
        return track

    def _open_single(self, at: datetime, data: Mapping[str, Any]) -> None:
        """Open the one clock of a subject that is no ticket, as its `opened` fact says."""
        clock = data["clock"]
        row = row_of(clock) or generic_row(
            clock=clock,
            rule=data["rule"],
            subject="obligation",
            target=None,
            titles=(clock, clock),
            opens_on="opened",
            answered_by="answered",
            source="deployment",
        )
        given = data.get("target")
        single = Single(row, parse_target(given) if given else row.target, data.get("calendar"))
        due_at, anchor = data.get("due_at"), data.get("anchor")
        if due_at is None and self.setting.single_target(single) is None:
            return
        self.setting.singles[clock] = single
        self.terms = self.setting.all_terms()
        self._start(
            row,
            at,
            self.terms[clock],
            rule=data.get("rule"),
            fixed_due_at=None if due_at is None else instant_of(due_at),
            anchor=None if anchor is None else instant_of(anchor),
        )

    def _agree(self, at: datetime, data: Mapping[str, Any]) -> None:
        """Keep to an agreed instant at once, unless it is later than what was promised.

        Later counts only on the customer's recorded wish and once approved; a replayed log's own
        instants are taken as they are.
        """
        due_at = instant_of(data["due_at"])
        wished, approved = bool(data.get("wish_recorded")), bool(data.get("approved"))
        self.pending = None
        if self.flags & _ALL_ENDED:
            return
        if data.get("replay") or not self._postpones(due_at) or (wished and approved):
            self._keep_to(due_at, at)
        elif wished:
            self.pending = due_at

    def _approve(self, at: datetime) -> None:
        """Put the pending agreement into force; one whose instant is not ahead any more lapses."""
        due_at, self.pending = self.pending, None
        if due_at is not None and due_at > at:
            self._keep_to(due_at, at)

    def _postpones(self, due_at: datetime) -> bool:
        promised = self.running.get("resolve") or self.running.get("agreed")
        return promised is not None and due_at > promised.due_at

    def _keep_to(self, due_at: datetime, at: datetime) -> None:
        resolve = self.running.get("resolve")
        if resolve is not None and at <= resolve.due_at < due_at:
            self._end(resolve, at, State.SUPERSEDED)
            self.flags.add(Flag.POSTPONED)
        self._start(_AGREED, at, self.terms["agreed"], fixed_due_at=due_at)

    def _correct(self, at: datetime, data: Mapping[str, Any]) -> None:
        """Take a supervisor's correction of a missed or late row; others are not corrected."""
        key = (data["clock"], data.get("cycle", 1), data.get("revision", 1))
        for track in self.tracks:
            if (track.row.clock, track.cycle, track.revision) != key or not track.broken(at):
                continue
            track.correct(at, instant_of(data["claimed_at"]), data.get("reason", ""))
            if self.running.get(track.row.clock) is track:
                del self.running[track.row.clock]


_SETTING_KINDS = frozenset(
    {
        FactKind.OPENED,
        FactKind.ASSIGNED,
        FactKind.RECLASSIFIED,
        FactKind.TIER_CHANGED,
        FactKind.POLICY_ASSIGNED,
        FactKind.CALENDAR_ASSIGNED,
    }
)


def _used_by(tracks: list[Track]) -> int:
    """Return the time that ended cycles used, each counted by its last revision."""
    last = {track.cycle: track for track in tracks}
    return sum(
        track.used_micros(track.ended_at) for track in last.values() if track.ended_at is not None
    )
