"""A staffed house around one customer, on a frozen clock: Monday 2 March 2026, 09:00 in Shanghai.

Head office over sales, support (with a field team below it) and service; everybody works 09:00-18:00.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import select

from app import writing
from app.auth.models import Department, OnCall, User
from app.auth.principal import Principal
from app.database import Database
from app.outbox.models import OutboxMessage
from app.sla.models import FactRow
from app.sla.rebuild import check_deadlines
from app.statements import Row, Statement
from app.tickets.lifecycle import OPEN, TicketStatus
from app.tickets.models import Dispatch, DispatchLoad, Ticket
from app.tickets.schemas import TicketRead
from tests.conftest import AsUser, Caller
from tests.factories import (
    freeze,
    make_contact,
    make_customer,
    make_department,
    make_principal,
    make_rules,
    make_ticket_types,
    make_user,
)

BASE = "/api/v1/tickets"
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
SHANGHAI = ZoneInfo("Asia/Shanghai")
LOADS = Statement(
    select(User.name, DispatchLoad.user_id, DispatchLoad.open_count)
    .join_from(DispatchLoad, User, User.id == DispatchLoad.user_id)
    .order_by(User.id)
)
TICKETS = Statement(select(*Ticket.__table__.columns).order_by(Ticket.id))
DISPATCHES = Statement(select(*Dispatch.__table__.columns).order_by(Dispatch.id))
FACTS = Statement(select(FactRow.kind, FactRow.data).order_by(FactRow.id))
EVENTS = Statement(select(OutboxMessage.event).order_by(OutboxMessage.id))
CONCRETE = "备件已从苏州总仓发出,单号 SF0000067890,明早 10 点前送到。"


def local(text: str) -> datetime:
    """Return the instant of a local time such as `2026-03-02 09:30`; a bare time is of that Monday."""
    full = text if "-" in text else f"2026-03-02 {text}"
    return datetime.fromisoformat(full).replace(tzinfo=SHANGHAI).astimezone(UTC)


def conform(model: type[BaseModel], document: Any) -> None:
    """Fail unless the document has exactly the model's fields, each of its kind."""
    model.model_validate_json(httpx.Response(200, json=document).content)
    assert set(document) == set(model.model_fields)


@dataclass
class House:
    """The house and a client that speaks for its people by name."""

    client: httpx.AsyncClient
    database: Database
    departments: Mapping[str, Row]
    people: Mapping[str, Row]
    callers: Mapping[str, Caller]
    customer: Row
    contact: Row
    tickets: dict[str, str] = field(default_factory=dict)
    is_sound: bool = True

    def id_of(self, name: str) -> str:
        """Return the public id of somebody by name."""
        return str(self.people[name]["public_id"])

    def name_of(self, user_key: int | None) -> str | None:
        """Return the name under which the house knows a user's key."""
        return next((name for name, row in self.people.items() if row["id"] == user_key), None)

    def principal(self, name: str, **values: Any) -> Principal:
        """Return the principal of somebody by name."""
        return make_principal(self.people[name], **values)

    async def at(self, text: str) -> None:
        """Move the clock to a local time."""
        await freeze(self.database, local(text))

    def opening(self, **values: Any) -> dict[str, Any]:
        """Return the body of a technical matter by phone."""
        return {
            "customer_id": str(self.customer["public_id"]),
            "contact_id": str(self.contact["public_id"]),
            "type": "technical",
            "channel": "phone",
            "subject": "恒温培养箱温度漂移 0.8 ℃",
            "description": "设定 20.0 ℃,三次比对都是 20.8 ℃。",
            **values,
        }

    async def post(self, path: str, body: Any, by: str, **headers: str) -> httpx.Response:
        """Send a POST below the tickets' address as somebody."""
        given = {**self.callers[by], **headers}
        return await self.client.post(f"{BASE}{path}", json=body, headers=given)

    async def get(self, path: str, by: str = "admin", **query: Any) -> Any:
        """Return the JSON of a GET below the tickets' address."""
        answer = await self.client.get(f"{BASE}{path}", params=query, headers=self.callers[by])
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def open(self, by: str = "agent", **values: Any) -> dict[str, Any]:
        """Open a ticket and return it."""
        answer = await self.post("", self.opening(**values), by)
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        conform(TicketRead, ticket)
        return ticket

    async def do(
        self, ticket: Mapping[str, Any] | str, move: str, by: str, **body: Any
    ) -> dict[str, Any]:
        """Make a move that succeeds and return the ticket (or what else the route answers)."""
        answer = await self.attempt(ticket, move, by, **body)
        assert answer.status_code in (200, 201), answer.text
        document: dict[str, Any] = answer.json()
        if move != "messages":
            conform(TicketRead, document)
        return document

    async def attempt(
        self, ticket: Mapping[str, Any] | str, move: str, by: str, **body: Any
    ) -> httpx.Response:
        """Make a move, whatever becomes of it."""
        public_id = ticket if isinstance(ticket, str) else ticket["id"]
        return await self.post(f"/{public_id}/{move}", body or None, by)

    async def read(self, ticket: Mapping[str, Any], by: str = "admin") -> dict[str, Any]:
        """Return the ticket as it is now."""
        document: dict[str, Any] = await self.get(f"/{ticket['id']}", by)
        return document

    async def clocks(self, ticket: Mapping[str, Any]) -> dict[str, str]:
        """Return the state of each clock's last row."""
        page = await self.get(f"/{ticket['id']}/deadlines", limit=200)
        return {one["clock"]: one["state"] for one in page["items"]}

    async def facts(self, ticket: Mapping[str, Any]) -> list[str]:
        """Return the kinds of the ticket's facts in their order."""
        page = await self.get(f"/{ticket['id']}/history", limit=200)
        return [one["kind"] for one in page["items"]]

    async def loads(self) -> dict[str, int]:
        """Return everybody's counter of open tickets, without those at zero."""
        return {
            r["name"]: r["open_count"] for r in await self.database.all(LOADS) if r["open_count"]
        }

    async def events(self) -> list[str]:
        """Return the events published so far."""
        return [row["event"] for row in await self.database.all(EVENTS)]

    async def check(self) -> None:
        """Fail unless stored deadlines are what the facts say, and counters what people own."""
        assert await check_deadlines(self.database) == []
        owned = Counter(
            row["owner_id"]
            for row in await self.database.all(TICKETS)
            if TicketStatus(row["status"]) in OPEN and row["owner_id"] is not None
        )
        counted = {row["user_id"]: row["open_count"] for row in await self.database.all(LOADS)}
        assert Counter(counted) == owned

    async def change_user(self, name: str, **values: Any) -> None:
        """Change somebody's row."""
        async with self.database.transaction() as tx:
            statement = Statement(
                select(*User.__table__.columns).where(User.id == self.people[name]["id"])
            )
            row = await tx.one(statement)
            assert row is not None
            await writing.update(tx, User, row, **values)


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


def errors_of(answer: httpx.Response) -> dict[str, str]:
    """Return the codes of a 422 by pointer."""
    assert answer.status_code == 422, answer.text
    return {one["pointer"]: one["code"] for one in answer.json()["errors"]}


@pytest.fixture
async def house(
    client: httpx.AsyncClient, database: Database, as_user: AsUser
) -> AsyncIterator[House]:
    """Return the house; whatever a test does in it, its deadlines and counters are true afterwards."""
    await make_rules(database, local("09:00"))
    async with database.transaction() as tx:
        office = await make_department(tx, name="总经理办公室")
        sales = await make_department(tx, name="销售部", parent=office)
        support = await make_department(tx, name="技术支持部", parent=office)
        field_team = await make_department(tx, name="现场组", parent=support)
        service = await make_department(tx, name="客户服务部", parent=office)
        boss = await make_user(tx, role="manager", name="boss", department=office)

        async def hire(role: str, name: str, department: Row, manager: Row = boss) -> Row:
            return await make_user(tx, role=role, name=name, department=department, manager=manager)

        sales_head = await hire("manager", "sales_head", sales)
        support_head = await hire("manager", "support_head", support)
        service_head = await hire("manager", "service_head", service)
        people = [
            boss, sales_head, support_head, service_head,
            await hire("admin", "admin", office),
            await hire("sales", "seller", sales, sales_head),
            await hire("support", "li", support, support_head),
            await hire("support", "zhang", support, support_head),
            await hire("support", "wu", field_team, support_head),
            await hire("service", "agent", service, service_head),
            await hire("analyst", "analyst", office),
            await hire("auditor", "auditor", office),
        ]  # fmt: skip
        for department, head in (
            (office, boss), (sales, sales_head), (support, support_head), (service, service_head),
        ):  # fmt: skip
            await writing.update(tx, Department, department, head_id=head["id"])
        seller = people[5]
        customer = await make_customer(tx, owner=seller, tier="B")
        contact = await make_contact(tx, customer)
        await make_ticket_types(
            tx,
            {"consult": sales, "technical": support, "complaint": service, "after_sales": service},
        )
    callers = {row["name"]: await as_user(row) for row in people}
    house = House(
        client,
        database,
        {
            "office": office,
            "sales": sales,
            "support": support,
            "field": field_team,
            "service": service,
        },
        {row["name"]: row for row in people},
        callers,
        customer,
        contact,
    )
    yield house
    if house.is_sound:
        await house.check()


async def put_on_call(database: Database, department: Row, *users: Row) -> None:
    """Write a department's on-call list, in this order."""
    async with database.transaction() as tx:
        for position, user in enumerate(users, 1):
            await writing.insert(
                tx, OnCall, department_id=department["id"], user_id=user["id"], position=position
            )
