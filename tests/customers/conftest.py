"""A small office around one customer: everybody who may write the file, and some who may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, or_, select

from app.audit.models import AuditEntry
from app.calendars import service as calendars
from app.customers.models import AccountTeamMember, Contact, ContactPoint, Customer
from app.database import Database
from app.outbox.models import OutboxMessage
from app.sla import service as sla
from app.statements import Row, Statement
from tests.conftest import AsUser, Caller
from tests.factories import (
    make_contact,
    make_customer,
    make_department,
    make_team_member,
    make_user,
)

BASE = "/api/v1/customers"
NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
_TABLES = {
    "customers": Customer,
    "contacts": Contact,
    "points": ContactPoint,
    "members": AccountTeamMember,
    "messages": OutboxMessage,
}
_COUNTS = {
    name: Statement(select(func.count()).select_from(table.__table__))
    for name, table in _TABLES.items()
}
FILE = ("customer", "contact", "contact_point", "consent", "account_team_member")
_ENTRIES = Statement(
    select(*AuditEntry.__table__.columns)
    .where(or_(*(AuditEntry.entity == e for e in FILE)))
    .order_by(AuditEntry.id)
)
_MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))


@dataclass
class Office:
    """The customer belongs to `owner` in the Shanghai group, which is below the east; `south` is elsewhere."""

    east: Row
    shanghai: Row
    south: Row
    customer: Row
    contact: Row
    callers: Mapping[str, Caller]

    @property
    def url(self) -> str:
        """The customer's address."""
        return f"{BASE}/{self.customer['public_id']}"

    @property
    def contact_url(self) -> str:
        """The contact's address."""
        return f"{self.url}/contacts/{self.contact['public_id']}"

    def __getitem__(self, name: str) -> Caller:
        return self.callers[name]

    def id_of(self, name: str) -> str:
        """Return a caller's public id."""
        return str(self.callers[name].user["public_id"])


@pytest.fixture
async def office(database: Database, as_user: AsUser) -> Office:
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
        east = await make_department(tx, name="华东销售部")
        shanghai = await make_department(tx, name="上海组", parent=east)
        south = await make_department(tx, name="华南部")
        people = {
            "owner": await make_user(tx, role="sales", name="李雷", department=shanghai),
            "colleague": await make_user(tx, role="support", name="小王", department=shanghai),
            "head": await make_user(tx, role="manager", name="赵总", department=east),
            "member": await make_user(tx, role="service", name="小周", department=south),
            "dedicated": await make_user(tx, role="sales", name="小吴", department=south),
            "outsider": await make_user(tx, role="sales", name="小郑", department=south),
            "other_head": await make_user(tx, role="manager", name="钱总", department=south),
            "analyst": await make_user(tx, role="analyst", name="小冯", department=shanghai),
            "auditor": await make_user(tx, role="auditor", name="小陈", department=shanghai),
            "admin": await make_user(tx, role="admin", name="管理员"),
        }
        customer = await make_customer(
            tx,
            owner=people["owner"],
            revenue="86000000.00",
            account_manager_id=people["dedicated"]["id"],
        )
        await make_team_member(tx, customer, people["member"])
        contact = await make_contact(tx, customer)
    callers = {name: await as_user(user) for name, user in people.items()}
    return Office(east, shanghai, south, customer, contact, callers)


async def counts(database: Database) -> dict[str, int]:
    """Return how many rows each table of the file holds, with its audit entries and messages."""
    found = {name: await database.value(statement) for name, statement in _COUNTS.items()}
    return found | {"entries": len(await entries(database))}


async def entries(database: Database) -> list[Row]:
    """Return the audit entries of the file, oldest first."""
    return await database.all(_ENTRIES)


async def messages(database: Database) -> list[Row]:
    """Return the outbox, oldest first."""
    return await database.all(_MESSAGES)


def codes(answer: Any) -> dict[str, str]:
    """Return a problem's wrong places: pointer -> code."""
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}
