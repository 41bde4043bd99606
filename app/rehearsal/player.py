"""Plays the events of a log through the real services, under a frozen clock that is stepped from event to event.

At every instant between two events at which a level is due, the sweep runs at that very instant; what is due at the
same instant as an event comes after it, as an answer exactly at due is met. The relay does not run: nothing is
delivered to anybody. Not here: the log (`logs`, `events`), what it leaves out (`implied`), the company (`stage`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam, func, select

from app.auth.models import User
from app.auth.principal import Principal
from app.database import Database, Transaction
from app.errors import Invalid, Refusal
from app.rehearsal.events import Event
from app.rehearsal.implied import plan
from app.rehearsal.logs import Log
from app.rehearsal.mapping import LogMapping, measurable_policy
from app.rehearsal.measuring import compare, count_escalations, measure
from app.rehearsal.moving import make
from app.rehearsal.report import Outcome, RefusedMove
from app.rehearsal.stage import REPLAY, Stage, build_stage
from app.rehearsal.stepping import stand_at, step_to
from app.sla.enforcement import sweep
from app.sla.models import Subject
from app.sla.shipped import pack_document
from app.statements import Statement
from app.tickets import opening
from app.tickets.agreements import agree
from app.tickets.closing import close_unconfirmed
from app.tickets.lifecycle import Move, TicketStatus, after_closed, apply
from app.tickets.models import Ticket
from app.tickets.move_schemas import Agree
from app.tickets.schemas import TicketCreate
from app.tiering.scoring import Tier
from app.time import FAR_END

Progress = Callable[[int], None]
NEXT_DUE = (
    Statement(select(func.min(Subject.next_fire_at).label("at"))),
    Statement(select(func.min(Ticket.close_due_at).label("at"))),
)
JOBS = (partial(sweep, until_quiet=False), close_unconfirmed)
STANDING = Statement(
    select(Ticket.status, Ticket.closed_at, User.public_id.label("owner"))
    .outerjoin_from(Ticket, User, User.id == Ticket.owner_id)
    .where(Ticket.id == bindparam("ticket_key", type_=Ticket.id.type))
)


@dataclass(slots=True)
class Case:
    """A case of the log: the key and id of its present ticket."""

    ticket_key: int
    ticket_id: str


@dataclass(slots=True)
class Done:
    """What one event did; counted once its transaction has been committed."""

    case: Case | None = None
    opened: bool = False
    moved: bool = False
    implied: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Player:
    """One log on its way through one database."""

    database: Database
    mapping: LogMapping
    outcome: Outcome
    stage: Stage = field(init=False)
    cases: dict[str, Case] = field(default_factory=dict)
    case_of: dict[int, str] = field(default_factory=dict)
    kept: dict[str, bool | None] = field(default_factory=dict)
    promised: set[str] = field(default_factory=set)

    async def run(self, log: Log, pack: str, progress: Progress | None = None) -> None:
        """Play every event and fill the outcome."""
        outcome = self.outcome
        outcome.row_count, outcome.bad_rows = log.row_count, log.bad_rows
        outcome.event_count = len(log.events)
        document, outcome.unmeasurable = measurable_policy(self.mapping, pack_document(pack))
        if not log.events:
            return
        outcome.began_at, outcome.ended_at = log.events[0].at, log.events[-1].at
        self.stage = await self._build(log, document)
        for number, event in enumerate(log.events, 1):
            await step_to(self.database, event.at, due=NEXT_DUE, jobs=JOBS)
            await self._play(event)
            if progress is not None:
                progress(number)
        await step_to(self.database, outcome.ended_at, due=NEXT_DUE, jobs=JOBS, inclusive=True)
        await self._conclude(outcome.ended_at)

    async def _build(self, log: Log, document: Mapping[str, Any]) -> Stage:
        return await build_stage(
            self.database,
            at=log.events[0].at,
            calendar=self.mapping.calendar,
            policy=document,
            people={event.by for event in log.events if event.by is not None},
            tiers={event.ticket["tier"] for event in log.events} & set(Tier),
        )

    async def _conclude(self, ended_at: datetime) -> None:
        outcome = self.outcome
        outcome.case_count, outcome.ticket_count = len(self.cases), len(self.case_of)
        outcome.measured = await measure(self.database, self.case_of, ended_at)
        outcome.escalations = await count_escalations(self.database)
        if self.mapping.verdict is not None:
            outcome.compared = compare(self.kept, self.promised, outcome.measured)

    # --- events

    async def _play(self, event: Event) -> None:
        """Make what an event means, whole or not at all; a refusal is listed and stops nothing."""
        done = Done(self.cases.get(event.case))
        try:
            async with self.database.transaction(REPLAY) as tx:
                await stand_at(tx, event.at)
                await self._make(tx, event, done)
        except Refusal as refusal:
            self._refuse(event, _reason(refusal))
        except ValidationError as error:
            places = {"/".join(str(part) for part in one["loc"]) for one in error.errors()}
            self._refuse(event, f"validation_failed: {', '.join(sorted(places))}")
        else:
            self._count(event, done)

    def _refuse(self, event: Event, reason: str) -> None:
        self.outcome.refused.append(RefusedMove(event.line, event.case, event.activity, reason))

    def _count(self, event: Event, done: Done) -> None:
        outcome, activity = self.outcome, event.activity
        if done.case is not None:
            self.cases[event.case] = done.case
            self.case_of[done.case.ticket_key] = event.case
        if done.opened:
            self.kept[event.case] = event.kept
            if event.agreed_at is not None:
                self.promised.add(event.case)
        outcome.implied.update((activity, name) for name in done.implied)
        if done.opened or done.moved:
            return
        counter: Counter[str] = outcome.repeats if event.moves else outcome.moveless
        counter[activity] += 1

    async def _make(self, tx: Transaction, event: Event, done: Done) -> None:
        if done.case is None:
            await self._open(tx, event, done)
            if not self.mapping.of_cases and event.activity not in self.mapping.opens:
                done.implied.append("open")
        elif self.mapping.of_cases and not event.moves:
            return  # a second row of the same case
        for move in event.moves:
            await self._move(tx, event, done, move)

    async def _open(self, tx: Transaction, event: Event, done: Done) -> None:
        caller, ticket = self.stage.somebody(event.by), event.ticket
        customer = self.stage.customers.get(ticket["tier"])
        if customer is None:
            raise Invalid("tier_unknown")
        fields = {name: ticket[name] for name in ("type", "complexity", "priority", "channel")}
        command = TicketCreate.model_validate(
            {
                **fields,
                "customer_id": customer.public_id,
                "subject": (ticket["subject"] or event.case)[:200],
                "description": event.case,
            }
        )
        row = await opening.open_ticket(tx, caller, command)
        done.case, done.opened = Case(row["id"], row["public_id"]), True
        if event.agreed_at is not None:
            promise = Agree(due_at=event.agreed_at)
            await agree(tx, caller, row["public_id"], promise, replay=True)

    async def _move(self, tx: Transaction, event: Event, done: Done, move: Move) -> None:
        """Make one move that the log names, with those that it implies."""
        assert done.case is not None
        standing = await tx.one(STANDING, ticket_key=done.case.ticket_key)
        assert standing is not None
        owner = None if standing["owner"] is None else self.stage.owner(standing["owner"])
        if move is Move.ASSIGN and (event.by is None or _is(owner, self.stage.people[event.by])):
            return
        status = TicketStatus(standing["status"])
        closed_at = standing["closed_at"]
        reopens = closed_at == FAR_END or after_closed(closed_at, event.at) == "reopen"
        planned = plan(move, status, reopens=reopens)
        if planned.anew:
            done.implied.append("open anew")
            await self._open(tx, event, done)
            status, owner = TicketStatus.NEW, None
        done.implied += [one.value for one in planned.implied]
        contact = self.stage.customers[event.ticket["tier"]].contact_id
        for one in planned.moves:
            actor = self.stage.somebody(event.by)
            caller = owner if one is Move.ACCEPT and owner is not None else actor
            await make(tx, one, caller, done.case.ticket_id, actor=actor, contact_id=contact)
            status, done.moved = apply(status, one), True


def _is(owner: Principal | None, somebody: Principal) -> bool:
    return owner is not None and owner.user_id == somebody.user_id


def _reason(refusal: Refusal) -> str:
    wrong = ", ".join(f"{one.pointer} {one.code}" for one in refusal.errors)
    return f"{refusal.code}: {wrong}" if wrong else refusal.code
