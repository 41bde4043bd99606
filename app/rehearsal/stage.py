"""What a replay plays on: the clock at the log's beginning, the rules to be measured by, a company to tell.

Made through the services where they make such things. Everybody in the log is a user of one department whose head is
everybody's manager, so that the ladder finds whom to tell; every tier has one customer with one contact.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app import writing
from app.auth import departments, users
from app.auth.permissions import Role
from app.auth.principal import Principal
from app.auth.schemas import DepartmentCreate, DepartmentPatch, UserCreate
from app.calendars import service as calendars
from app.calendars.models import CalendarRow, CalendarVersion
from app.columns import table_columns
from app.customers import contacts
from app.customers import service as customers
from app.customers.contact_schemas import ContactCreate
from app.customers.schemas import CustomerCreate, SourceChannel
from app.database import Actor, Database, Transaction
from app.rehearsal.people import principal_of
from app.rehearsal.stepping import stand_at
from app.sla.book import forget_book
from app.sla.models import PolicyRow, PolicyVersion
from app.statements import Row, Statement
from app.tickets.defaults import ensure_ticket_types
from app.tiering.scoring import Tier

REPLAY = Actor(name="replay")
NOBODY_LOGS_IN = "!"  # no hash of any password
CALENDARS = Statement(select(*table_columns(CalendarRow)).order_by(CalendarRow.id))


@dataclass(frozen=True, slots=True)
class CustomerOfTier:
    """The customer of a tier, and whom to speak to there."""

    public_id: UUID
    contact_id: UUID


@dataclass(frozen=True, slots=True)
class Stage:
    """A made company: `people` by their name in the log, `head` for what nobody in particular did."""

    head: Principal
    people: Mapping[str, Principal]
    customers: Mapping[str, CustomerOfTier]

    def somebody(self, name: str | None) -> Principal:
        """Return who did something in the log."""
        return self.head if name is None else self.people[name]

    def owner(self, public_id: str) -> Principal:
        """Return the member of staff with this id."""
        return next(one for one in (self.head, *self.people.values()) if one.public_id == public_id)


async def build_stage(
    database: Database,
    *,
    at: datetime,
    calendar: str | Mapping[str, Any],
    policy: Mapping[str, Any],
    people: Collection[str],
    tiers: Collection[str],
) -> Stage:
    """Make everything in an empty, migrated database whose clock then stands at `at`."""
    async with database.transaction(REPLAY) as tx:
        await stand_at(tx, at)
        await _make_rules(tx, calendar, policy)
        await ensure_ticket_types(tx)
        head, staff = await _make_people(tx, people)
        made = {tier: await _make_customer(tx, head, tier) for tier in sorted(tiers)}
    return Stage(head, staff, made)


async def _make_rules(
    tx: Transaction, calendar: str | Mapping[str, Any], policy: Mapping[str, Any]
) -> None:
    await calendars.ensure_shipped(tx)
    if not isinstance(calendar, str):
        await _store_calendar(tx, calendar)
    working = calendar if isinstance(calendar, str) else calendar["name"]
    for row in await tx.all(CALENDARS):
        await writing.update(tx, CalendarRow, row, is_working=row["name"] == working)
    at = await tx.now()
    stored = await writing.insert(
        tx, PolicyRow, name=policy["name"], title=policy["title"], position=0, created_at=at
    )
    await writing.insert(
        tx, PolicyVersion, policy_id=stored["id"], number=1, document=dict(policy), created_at=at
    )
    forget_book(tx.database)


async def _store_calendar(tx: Transaction, document: Mapping[str, Any]) -> None:
    at = await tx.now()
    title = document.get("title", {"zh": document["name"], "en": document["name"]})
    row = await writing.insert(tx, CalendarRow, name=document["name"], title=title, created_at=at)
    await writing.insert(
        tx,
        CalendarVersion,
        calendar_id=row["id"],
        number=1,
        document=dict(document),
        created_at=at,
    )


async def _make_people(
    tx: Transaction, names: Collection[str]
) -> tuple[Principal, dict[str, Principal]]:
    department = await departments.create_department(tx, DepartmentCreate(name="Replay"))
    head = await _make_user(tx, 0, "Head", department, None)
    held = await departments.lock_department(tx, department["public_id"])
    await departments.patch_department(tx, held, DepartmentPatch(head_id=UUID(head["public_id"])))
    made = {
        name: await _make_user(tx, number, name, department, head)
        for number, name in enumerate(sorted(names), 1)
    }
    # Whoever acts in a log was let to: the rights of everybody are not in question here.
    staff = {name: await principal_of(tx, row["id"], Role.ADMIN) for name, row in made.items()}
    return await principal_of(tx, head["id"], Role.ADMIN), staff


async def _make_user(
    tx: Transaction, number: int, name: str, department: Row, manager: Row | None
) -> dict[str, Any]:
    command = UserCreate(
        email=f"replay-{number}@replay.example",
        name=name[:100],
        role=Role.MANAGER if manager is None else Role.SUPPORT,
        department_id=UUID(department["public_id"]),
        manager_id=None if manager is None else UUID(manager["public_id"]),
    )
    return await users.create_user(tx, command, NOBODY_LOGS_IN)


async def _make_customer(tx: Transaction, head: Principal, tier: str) -> CustomerOfTier:
    command = CustomerCreate(
        name=f"Customers of tier {tier}", source_channel=SourceChannel.IMPORT, tier=Tier(tier)
    )
    row = await customers.create_customer(tx, head, command, starts_clocks=False)
    contact = await contacts.create_contact(tx, row, ContactCreate(name="Replay"))
    return CustomerOfTier(UUID(row["public_id"]), UUID(contact["public_id"]))
