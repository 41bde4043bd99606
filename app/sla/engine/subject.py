"""One subject while its facts are folded: inputs, policy, calendars, situation, waits, clocks.

A step reads from the register what a fact answers, cancels, pauses and opens. The arithmetic of a
single clock is in `track`; what runs by which target and calendar is in `terms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from app.calendars.target import due_from
from app.sla.engine.clock_row import ClockRow, Flag
from app.sla.engine.deadline import State
from app.sla.engine.effects import Effect, effect_of
from app.sla.engine.facts import Fact, FactKind, instant_of
from app.sla.engine.policy import HOUSE_PAUSE_LIMIT
from app.sla.engine.policy_document import parse_target
from app.sla.engine.register import REOPENS_WITHIN, TICKET_CLOCKS, row_of, unknown_row
from app.sla.engine.segments import continued
from app.sla.engine.terms import Rulebook, Setting, Single
from app.sla.engine.track import Terms, Track

_AGREED = next(row for row in TICKET_CLOCKS if row.clock == "agreed")
_ALL_ENDED = frozenset({Flag.RESOLVED, Flag.ENDED})


class Wait(NamedTuple):
    """A stretch of waiting for the customer: begun by the fact `sequence`, ended by a fact, at its limit at the latest."""

    started_at: datetime
    ends_at: datetime
    sequence: int
    ended_by: FactKind | None = None


@dataclass(slots=True)
class Subject:
    """What the facts so far add up to; `running` holds the rows that can still be answered.

    `recounted` is the same history under the policy that the last fact assigns from the start. `limits` are the ends
    of waits, by their starts, where another's are to be kept to. `grants` are the data of pauses approved beforehand.
    """

    rulebook: Rulebook
    limits: Mapping[datetime, datetime] = field(default_factory=dict)
    setting: Setting = field(init=False)
    terms: Mapping[str, Terms] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)
    tracks: list[Track] = field(default_factory=list)
    running: dict[str, Track] = field(default_factory=dict)
    cycles: dict[str, int] = field(default_factory=dict)
    singles: set[str] = field(default_factory=set)
    waits: list[Wait] = field(default_factory=list)
    waiting: bool = False
    grants: list[Mapping[str, Any]] = field(default_factory=list)
    pending: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    last_at: datetime | None = None
    history: list[Fact] = field(default_factory=list)
    recounted: Subject | None = None

    def __post_init__(self) -> None:
        self.setting = Setting(self.rulebook)

    def apply(self, fact: Fact) -> None:
        """Take one fact more, in order of sequence."""
        at = fact.known_at
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        if self.waiting and at >= self.waits[-1].ends_at:
            self.waiting = False
        if self.closed_at is not None and self._reopens_by_itself(fact):
            self._step(Fact(fact.sequence, FactKind.REOPENED, fact.at), at, {})
        self._step(fact, at, fact.data)
        self.history.append(fact)

    def _reopens_by_itself(self, fact: Fact) -> bool:
        """Say whether a customer's message comes soon enough after closing to reopen the ticket.

        A `reopened` fact of its own beside it is welcome and changes nothing.
        """
        soon = self.closed_at is not None and fact.at - self.closed_at <= REOPENS_WITHIN
        return soon and effect_of(fact.kind, fact.data).reopens_closed

    def _step(self, fact: Fact, at: datetime, data: Mapping[str, Any]) -> None:
        kind, before = fact.kind, self.terms
        self.recounted = None
        if kind in _SETTING_KINDS:
            data = self._take_setting(kind, data)
        effect = effect_of(kind, data)
        if self.singles:
            self._move_singles(fact)
        if not effect.idle:
            self._take_effect(fact, at, effect)
        if self.terms is not before:
            self._retarget(at, fact, before)
        if kind in _MOVES:
            _MOVES[kind](self, at, data)
        if effect.opens or kind is FactKind.REOPENED or self.terms is not before:
            self._open(at, kind, effect, before)

    def _take_effect(self, fact: Fact, at: datetime, effect: Effect) -> None:
        """Answer and cancel, then begin or end a wait, then note what holds from now on."""
        if effect.answers:
            self._answer(fact, at, effect.answers)
        if effect.cancels:
            self._cancel(at, effect.cancels)
        if effect.starts_wait or (effect.ends_wait and self.waiting):
            self._wait(fact, at, effect)
        if effect.holds or effect.gone:
            self._note(at, fact.kind, effect)

    def _take_setting(self, kind: FactKind, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Note inputs, policy and calendars; a reclassification is its inputs that changed."""
        if kind is FactKind.OPENED and not self.history and data.get("clock") is not None:
            self.setting.is_ticket = False
        differing = self.setting.take(data)
        if differing is not None:
            self.terms = self.setting.all_terms()
        if kind is FactKind.POLICY_ASSIGNED and data.get("from_start") and "policy" in data:
            self.recounted = self._under(data["policy"])
            self.terms = {**self.setting.all_terms()}
        if differing and "complexity" in differing:
            is_super = differing["complexity"] == "super"
            (self.flags.add if is_super else self.flags.discard)(Flag.SUPER)
        return differing or {} if kind is FactKind.RECLASSIFIED else data

    def _answer(self, fact: Fact, at: datetime, clocks: tuple[str, ...]) -> None:
        for clock in clocks:
            track = self.running.get(clock)
            if track is None:
                continue
            if not track.row.policy_chooses or self.setting.answers(track.row, fact.kind):
                track.answer(fact.at, at)
                del self.running[clock]

    def _cancel(self, at: datetime, clocks: tuple[str, ...]) -> None:
        for clock in clocks:
            track = self.running.get(clock)
            if track is not None:
                self._end(track, at, State.CANCELLED)

    def _move_singles(self, fact: Fact) -> None:
        """Answer or withdraw the clocks of a subject that is no ticket, by their own rows."""
        for clock in self.singles & self.running.keys():
            track = self.running[clock]
            if any(on.matches(fact.kind, fact.data) for on in track.row.answers):
                track.answer(fact.at, fact.known_at)
                del self.running[clock]
            elif any(on.matches(fact.kind, fact.data) for on in track.row.cancels):
                self._end(track, fact.known_at, State.CANCELLED)

    def _end(self, track: Track, at: datetime, state: State) -> None:
        track.end(at, state)
        del self.running[track.row.clock]

    def _wait(self, fact: Fact, at: datetime, effect: Effect) -> None:
        if self.waiting and effect.ends_wait:
            self.waits[-1] = self.waits[-1]._replace(ends_at=at, ended_by=fact.kind)
            self.waiting = False
            for track in self.running.values():
                if track.paused_until(at) is not None:
                    track.resume(at)
        elif effect.starts_wait and not self.waiting and not self.flags & _ALL_ENDED:
            self.waits.append(Wait(at, self._limit(at), fact.sequence))
            self.waiting = True
            for track in self.running.values():
                if track.terms.pauses:
                    track.pause(at, self.waits[-1].ends_at)

    def _under(self, policy: Any) -> Subject:
        """Return this history as it would be, had a policy applied from its first fact on; waits stay as they were."""
        other = Subject(self.rulebook, {wait.started_at: wait.ends_at for wait in self.waits})
        for fact in self.history:
            data = {name: value for name, value in fact.data.items() if name != "policy"}
            if fact.kind is FactKind.OPENED:
                pins = {**self.setting.calendars, **(data.get("calendars") or {})}
                data |= {"policy": policy, "calendars": pins}
            other.apply(replace(fact, data=data))
        return other

    def _limit(self, at: datetime) -> datetime:
        if at in self.limits:
            return self.limits[at]
        policy = self.setting.policy
        limit = policy.waiting.limit if policy and policy.waiting else HOUSE_PAUSE_LIMIT
        return due_from(limit, at, self.setting.working_calendar(limit))

    def _pause_end(self, terms: Terms) -> datetime | None:
        return self.waits[-1].ends_at if self.waiting and terms.pauses else None

    def _note(self, at: datetime, kind: FactKind, effect: Effect) -> None:
        self.flags |= effect.holds
        self.flags -= effect.gone
        if kind is FactKind.RESOLVED:
            self.resolved_at = at
        elif kind is FactKind.CLOSED:
            self.closed_at = at
        elif kind is FactKind.REOPENED:
            self.closed_at = None
        if self.flags & _ALL_ENDED:
            self.pending = None

    def _retarget(self, at: datetime, fact: Fact, before: Mapping[str, Terms]) -> None:
        for clock, track in list(self.running.items()):
            terms = self.terms.get(clock)
            if terms is None:
                self._end(track, at, State.CANCELLED)
            elif track.missed_before(at):
                continue
            elif self.recounted is not None and clock in self.recounted.running:
                track.recount(at, terms, self.recounted.running[clock])
            elif self.setting.repinned:
                track.repin(at, terms, self.setting.repinned)
            elif fact.kind is FactKind.RECLASSIFIED and not terms.same_course(track.terms):
                self.running[clock] = track.revised(at, terms, self._pause_end(terms))
                self.tracks.append(self.running[clock])
            else:
                track.retarget(at, terms, self._pause_end(terms))

    def _open(
        self, at: datetime, kind: FactKind, effect: Effect, before: Mapping[str, Terms]
    ) -> None:
        """Open what the fact opens, and what comes to apply by reopening or by another policy."""
        rows = effect.opens
        if kind is FactKind.REOPENED or self.terms is not before:
            rows = TICKET_CLOCKS
        for row in rows:
            terms = self.terms.get(row.clock)
            if terms is None or row.policy_free or row.clock in self.running:
                continue
            triggered = row in effect.opens
            joins = kind is FactKind.REOPENED or row.clock not in before
            done = row.done in self.flags
            if not row.wanted(self.flags) or not (triggered or (joins and not done)):
                continue
            course = self.recounted.running.get(row.clock) if self.recounted else None
            track = self._start(row, at, terms, course=course)
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
        course: Track | None = None,
    ) -> Track:
        """Begin a row: revision n+1 of one that still runs, which it supersedes, or cycle n+1.

        With a `course` it begins where that one did, and nothing that it brings about lies before `at`.
        """
        cycle, revision = self.cycles.get(row.clock, 0) + 1, 1
        running = self.running.get(row.clock)
        if running is not None:
            cycle, revision = running.cycle, running.revision + 1
            self._end(running, at, State.SUPERSEDED)
        self.cycles[row.clock] = cycle
        earlier = self._cycles_of(row) if row.carries else []
        track = Track(
            row=row,
            rule=rule or row.rule,
            cycle=cycle,
            revision=revision,
            started_at=at,
            counted_from=earlier[0].counted_from if earlier else anchor or at,
            revised_at=at,
            terms=terms,
            segments=continued([], at, terms.calendar, terms.reference, self._pause_end(terms)),
            fixed_due_at=fixed_due_at,
            carried_micros=_used_by(earlier) if earlier else None,
        )
        if course is not None:
            track.join(course)
        self.tracks.append(track)
        self.running[row.clock] = track
        return track

    def _cycles_of(self, row: ClockRow) -> list[Track]:
        """Return the last revision of each ended cycle of a clock, oldest first."""
        last = {track.cycle: track for track in self.tracks if track.row is row}
        return [track for track in last.values() if track.ended_at is not None]

    def _open_single(self, at: datetime, data: Mapping[str, Any]) -> None:
        """Open the one clock of a subject that is no ticket, as its `opened` fact says."""
        clock = data.get("clock")
        if clock is None:
            return
        own = self.rulebook.rows.get(clock)
        row = row_of(clock) or own or unknown_row(clock, data["rule"])
        given = data.get("target")
        single = Single(row, parse_target(given) if given else row.target, data.get("calendar"))
        due_at, anchor = data.get("due_at"), data.get("anchor")
        if due_at is None and self.setting.single_target(single) is None:
            return
        self.setting.singles[clock] = single
        self.singles.add(clock)
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

        Later counts only on the customer's recorded wish and once approved. An instant that is not
        ahead is none to agree on; only a replayed log's own instants are taken as they are.
        """
        due_at, replayed = instant_of(data["due_at"]), bool(data.get("replay"))
        wished, approved = bool(data.get("wish_recorded")), bool(data.get("approved"))
        self.pending = None
        if self.flags & _ALL_ENDED or (due_at <= at and not replayed):
            return
        if replayed or not self._postpones(due_at) or (wished and approved):
            self._keep_to(due_at, at)
        elif wished:
            self.pending = due_at

    def _approve(self, at: datetime, _: Mapping[str, Any]) -> None:
        """Put the pending agreement into force; one whose instant is not ahead any more lapses."""
        due_at, self.pending = self.pending, None
        if due_at is not None and due_at > at:
            self._keep_to(due_at, at)

    def _grant(self, _: datetime, data: Mapping[str, Any]) -> None:
        """Note further time for waiting that a supervisor approves beforehand."""
        self.grants.append(data)

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
                self.flags -= {track.row.open_question}


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


# Facts that need more than the register's table.
_MOVES = {
    FactKind.OPENED: Subject._open_single,
    FactKind.AGREED: Subject._agree,
    FactKind.AGREEMENT_APPROVED: Subject._approve,
    FactKind.CORRECTED: Subject._correct,
    FactKind.PAUSE_APPROVED: Subject._grant,
}


def _used_by(tracks: list[Track]) -> int:
    """Return the time that ended rows used, in microseconds."""
    return sum(track.used_micros(track.ended_at) for track in tracks if track.ended_at is not None)
