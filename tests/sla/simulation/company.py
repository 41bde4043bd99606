"""A company that lives through random days: tickets and moves through the API, on a frozen clock.

The house is that of the tickets' tests; here it gets a calendar and policies of a seed's own, people
who are absent, an on-call list, and a random life. What must have happened is asked of the model
afterwards (`judging`).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import select

from app import writing
from app.auth.models import User
from app.calendars.models import CalendarRow, CalendarVersion
from app.sla import service
from app.sla.engine.facts import FactKind
from app.sla.models import DeadlineRow, PolicyRow, PolicyVersion, Subject
from app.sla.service import NewFact
from app.statements import Row, Statement
from app.tickets.lifecycle import TicketStatus, possible_moves
from tests.factories import freeze, make_contact, make_customer
from tests.sla.simulation.stories import MICRO, Document, tell
from tests.sla.simulation.workers import Workers
from tests.tickets.conftest import CONCRETE, TICKETS, House, put_on_call

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
DUE_NEXT = Statement(select(Subject.next_fire_at).order_by(Subject.next_fire_at).limit(1))
MISSED = Statement(
    select(DeadlineRow.public_id, DeadlineRow.due_at)
    .where((DeadlineRow.state == "missed") | (DeadlineRow.state == "late"))
    .order_by(DeadlineRow.id)
)
STAFF = ("li", "zhang", "wu", "agent", "seller")
ABSENT = ("li", "zhang", "support_head", "service_head", "agent")


@dataclass(frozen=True)
class Absence:
    """That somebody was said to be away, from when this was known on."""

    known_at: datetime
    name: str
    start: datetime
    end: datetime
    delegate: str | None


@dataclass
class Company:
    """One seed's company; `looks` are the sweeps that came to their end, or did not."""

    seed: int
    house: House
    workers: Workers
    random: random.Random
    now: datetime = BEGIN
    calendars: dict[str, Document] = field(default_factory=dict)
    policies: dict[str, Document] = field(default_factory=dict)
    customers: list[Row] = field(default_factory=list)
    contacts: dict[int, Row] = field(default_factory=dict)
    absences: list[Absence] = field(default_factory=list)
    looks: list[tuple[datetime, bool]] = field(default_factory=list)
    move_count: int = 0

    async def settle(self) -> None:
        """Give it calendars, policies, customers and an on-call list."""
        story = tell(self.seed)
        database = self.house.database
        self.calendars = {name: {**story.calendars[name]} for name in ("one", "two")}
        async with database.transaction() as tx:
            office = await tx.one(
                Statement(
                    select(*CalendarRow.__table__.columns).where(CalendarRow.name == "office")
                )
            )
            assert office is not None
            await writing.update(tx, CalendarRow, office, is_working=False)
            await tx.flush()
            for name, document in self.calendars.items():
                row = await writing.insert(
                    tx, CalendarRow, name=name, title={"zh": name, "en": name},
                    is_working=name == "one", created_at=self.now,
                )  # fmt: skip
                await writing.insert(
                    tx, CalendarVersion, calendar_id=row["id"], number=1, document=document,
                    created_at=self.now,
                )  # fmt: skip
            for position, (name, document) in enumerate(story.policies.items()):
                first = {"tier": ["A"]} if position == 0 else {}
                self.policies[name] = {**document, "conditions": first}
                row = await writing.insert(
                    tx, PolicyRow, name=name, title={"zh": name, "en": name}, position=-1,
                    is_active=position == 0, created_at=self.now,
                )  # fmt: skip
                await writing.insert(
                    tx, PolicyVersion, policy_id=row["id"], number=1,
                    document=self.policies[name], created_at=self.now,
                )  # fmt: skip
            for tier in "AABC":
                customer = await make_customer(tx, owner=self.house.people["seller"], tier=tier)
                self.customers.append(customer)
                self.contacts[customer["id"]] = await make_contact(tx, customer)
        people = self.house.people
        await put_on_call(database, self.house.departments["support"], people["li"], people["wu"])

    async def live(self, days: int) -> None:
        """Let random things happen until so many days have passed."""
        end = self.now + timedelta(days=days)
        while self.now < end:
            self.now = min(await self._next_instant(), end)
            await freeze(self.house.database, self.now)
            if self.random.random() < 0.75:
                await self._something()
            if self.random.random() < 0.6:
                self.looks.append((self.now, False))
                await self.workers.stumble()
            if self.random.random() < 0.5 or self.now == end:
                self.looks.append((self.now, True))
                await self.workers.sweep()

    async def _next_instant(self) -> datetime:
        """Some time later, often just when something is due; never the same instant again."""
        draw = self.random.random()
        if draw < 0.4:
            for row in await self.house.database.all(DUE_NEXT):
                at: datetime = row["next_fire_at"]
                if self.now < at < self.now + timedelta(days=4):
                    near = (-MICRO, timedelta(0), MICRO)
                    return max(self.now + MICRO, at + self.random.choice(near))
        hours = self.random.choice((0.1, 0.5, 2, 8, 30)) if draw < 0.97 else 80
        return self.now + MICRO + timedelta(hours=hours * self.random.random())

    async def _something(self) -> None:
        draw, rows = self.random.random(), await self.house.database.all(TICKETS)
        alive = [row for row in rows if row["status"] not in ("closed", "cancelled", "merged")]
        if len(alive) < 3 or draw < 0.12:
            await self._open()
        elif draw < 0.16:
            await self._be_absent()
        elif draw < 0.2:
            await self._retarget(self.random.choice(alive))
        elif draw < 0.24:
            await self._change_tier()
        elif draw < 0.28:
            await self._correct()
        else:
            await self._move(self.random.choice(alive if draw < 0.95 else rows))

    async def _open(self) -> None:
        customer = self.random.choice(self.customers)
        body = self.house.opening(
            customer_id=str(customer["public_id"]),
            contact_id=str(self.contacts[customer["id"]]["public_id"]),
            type=self.random.choice(("technical", "complaint", "consult")),
            complexity=self.random.choice(("normal", "normal", "complex", "super")),
        )
        self._sound(await self.house.post("", body, "agent"))

    async def _move(self, ticket: Row) -> None:
        """A move by the owner or the admin; now and then one that the ticket's status forbids."""
        owner = self.house.name_of(ticket["owner_id"]) or "admin"
        moves = self._moves(ticket)
        if self.random.random() < 0.9:
            possible = {"messages", *possible_moves(TicketStatus(ticket["status"]))}
            moves = [one for one in moves if one[0] in possible]
        move, body = self.random.choice(moves)
        by = owner if move == "accept" or self.random.random() < 0.5 else "admin"
        self._sound(await self.house.attempt(str(ticket["public_id"]), move, by, **body))

    def _moves(self, ticket: Row) -> list[tuple[str, Document]]:
        told: Document = {"body": CONCRETE}
        contact = str(self.contacts[ticket["customer_id"]]["public_id"])
        due = self.now + timedelta(minutes=self.random.randrange(5, 6000))
        answer = self.random.choice(("solved", "partly"))
        return [
            ("accept", {}),
            ("accept", {}),
            ("messages", told),
            ("messages", told),
            ("messages", {**told, "public": False}),
            ("messages", {"body": "已处理"}),
            ("messages", {**told, "automatic": True}),
            ("messages", {"body": "报警又出现了,请尽快处理。", "author": "customer"}),
            ("messages", {"body": "报警又出现了,请尽快处理。", "author": "customer"}),
            ("messages", {"body": "谢谢", "author": "customer"}),
            ("no-reply-needed", {"reason": "客户已在电话中得到答复"}),
            ("agree", {"due_at": due.isoformat(), "wish_recorded": True}),
            ("approve-agreement", {}),
            ("plan", {"plan": "先更换温度探头恢复运行,再由研发定位根因,每两小时通报一次。"}),
            ("wait", {"question": "请提供铭牌照片和报警代码,可以吗?", "reason": "缺报警代码"}),
            ("wait", {"question": "请提供铭牌照片和报警代码,可以吗?", "reason": "缺报警代码"}),
            ("resume", {}),
            ("resolve", {"solution": {"steps": "更换温度探头并重新校准", "result": "偏差小于 0.1 ℃"}}),
            ("resolve", {"solution": {"steps": "更换温度探头并重新校准", "result": "偏差小于 0.1 ℃"}}),
            ("confirm", {"answer": answer, "contact_id": contact, "channel": "phone"}),
            ("reopen", {"reason": "客户反映问题再次出现"}),
            ("close", {"root_cause": "温度探头老化"}),
            ("reclassify", {"complexity": self.random.choice(("normal", "complex", "super"))}),
            ("reclassify", {"priority": self.random.choice(("normal", "high"))}),
            ("assign", {"owner_id": self.house.id_of(self.random.choice(STAFF))}),
            ("cancel", {"reason": "客户撤回"}),
        ]  # fmt: skip

    async def _retarget(self, ticket: Row) -> None:
        """Another calendar or policy for an open ticket, in both modes."""
        name = self.random.choice(("one", "two"))
        counted = {"from_start": True} if self.random.random() < 0.5 else {}
        fact = NewFact(FactKind.CALENDAR_ASSIGNED, {"calendars": {"working": [name, 1]}, **counted})
        if self.random.random() < 0.5:
            policy = self.random.choice(("toolkit", "second", "none"))
            fact = NewFact(FactKind.POLICY_ASSIGNED, {"policy": [policy, 1]})
        async with self.house.database.transaction() as tx:
            await service.append(tx, await service.lock(tx, "ticket", ticket["id"]), fact)
        self.move_count += 1

    async def _change_tier(self) -> None:
        customer = self.random.choice(self.customers)
        path = f"/api/v1/customers/{customer['public_id']}"
        headers = self.house.callers["admin"]
        read = await self.house.client.get(path, headers=headers)
        self._sound(
            await self.house.client.post(
                f"{path}/tier",
                json={"tier": self.random.choice("ABC"), "reason": "年度复评"},
                headers={**headers, "If-Match": read.headers["etag"]},
            )
        )

    async def _correct(self) -> None:
        rows = await self.house.database.all(MISSED)
        if rows:
            row = self.random.choice(rows)
            due = row["due_at"]
            claimed = self.random.choice((due, due + timedelta(minutes=1), self.now))
            self._sound(
                await self.house.client.post(
                    f"/api/v1/deadlines/{row['public_id']}/correct",
                    json={"claimed_at": claimed.isoformat(), "reason": "电话录音证明当时已经处理"},
                    headers=self.house.callers["boss"],
                )
            )

    async def _be_absent(self) -> None:
        name = self.random.choice(ABSENT)
        start = self.now + timedelta(hours=self.random.randrange(-2, 30))
        end = start + timedelta(hours=self.random.randrange(1, 100))
        delegate = self.random.choice((None, "wu", "seller"))
        key = self.house.people[delegate]["id"] if delegate else None
        await self.house.change_user(name, absent_from=start, absent_until=end, delegate_id=key)
        self.house.database.memory.pop("people", None)
        self.absences.append(Absence(self.now, name, start, end, delegate))

    def _sound(self, answer: httpx.Response) -> None:
        assert answer.status_code < 500, answer.text
        self.move_count += answer.status_code < 300

    def is_absent(self, name: str, at: datetime) -> bool:
        """Whether somebody was away at an instant, by what was known then."""
        known = [one for one in self.absences if one.name == name and one.known_at <= at]
        return bool(known) and known[-1].start <= at < known[-1].end

    def delegates(self, name: str, at: datetime) -> set[str]:
        """Whoever had been named in somebody's place by an instant."""
        return {
            one.delegate
            for one in self.absences
            if one.name == name and one.known_at <= at and one.delegate is not None
        }

    async def users(self) -> Mapping[int, Row]:
        """Everybody by key."""
        rows = await self.house.database.all(Statement(select(*User.__table__.columns)))
        return {row["id"]: row for row in rows}
