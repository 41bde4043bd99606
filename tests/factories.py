"""Rows the tests start from, made through `writing` like everything else; one section per feature.

Each builder takes the transaction first, gives every NOT NULL column a plain value, and lets the caller name
what the test is about. Not here: what a test expects.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app import writing
from app.auth import tokens
from app.auth.models import Department, Session, User
from app.auth.permissions import Role, permissions_of, row_scope
from app.auth.principal import Principal
from app.calendars import service as calendars
from app.columns import new_public_id
from app.customers.models import AccountTeamMember, Contact, ContactPoint, Customer
from app.customers.names import name_key
from app.database import Database, Transaction
from app.rehearsal.models import VirtualClock
from app.sla import service as sla
from app.statements import Row
from app.tickets.defaults import ensure_ticket_types
from app.tickets.opening import open_ticket
from app.tickets.schemas import TicketCreate
from app.time import real_now

# --- auth: departments, users, sessions


async def make_department(
    tx: Transaction, *, name: str = "技术支持部", parent: Row | None = None, **values: Any
) -> dict[str, Any]:
    """Return a department, under `parent` if one is given; its `path` is kept as the service keeps it."""
    key = await tx.next_key(Department)
    above = "/" if parent is None else parent["path"]
    now = await tx.now()
    given = {
        "id": key,
        "name": name,
        "name_key": name,
        "parent_id": None if parent is None else parent["id"],
        "path": f"{above}{key}/",
        "created_at": now,
        "updated_at": now,
    }
    return await writing.insert(tx, Department, **(given | values))


async def make_user(
    tx: Transaction,
    *,
    role: str = "support",
    name: str = "韩梅梅",
    department: Row | None = None,
    manager: Row | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Return a user without a password; `email` is unique unless given."""
    now = await tx.now()
    given = {
        "email": f"{role}-{new_public_id()[-12:]}@example.com",
        "name": name,
        "name_key": name,
        "role": role,
        "department_id": None if department is None else department["id"],
        "manager_id": None if manager is None else manager["id"],
        "created_at": now,
        "updated_at": now,
    }
    return await writing.insert(tx, User, **(given | values))


async def make_session(tx: Transaction, user: Row, **values: Any) -> dict[str, Any]:
    """Return a live session of `user`."""
    now = real_now()
    given = {
        "user_id": user["id"],
        "created_at": now,
        "expires_at": now + timedelta(days=30),
    }
    return await writing.insert(tx, Session, **(given | values))


def bearer(secret: bytes, user: Row, session: Row) -> Mapping[str, str]:
    """Return the header of a real access token of `session`, good for 15 minutes."""
    token, _ = tokens.issue_access_token(
        secret,
        subject=user["public_id"],
        session=session["public_id"],
        now=real_now(),
        lifetime=timedelta(minutes=15),
    )
    return {"Authorization": f"Bearer {token}"}


# --- customers: files, contacts, account teams


async def make_customer(
    tx: Transaction,
    *,
    name: str = "华东精密仪器有限公司",
    owner: Row | None = None,
    department: Row | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Return a customer of tier C; the department is the owner's unless one is given."""
    now = await tx.now()
    values = {"tier_is_overridden": "tier" in values, **values}
    above = owner["department_id"] if owner is not None else None
    given = {
        "number": f"C{await tx.next_number(Customer):06d}",
        "name": name,
        "name_key": name_key(name),
        "source_channel": "phone",
        "owner_id": None if owner is None else owner["id"],
        "department_id": above if department is None else department["id"],
        "created_at": now,
        "updated_at": now,
    }
    return await writing.insert(tx, Customer, **(given | values))


async def make_contact(
    tx: Transaction,
    customer: Row,
    *,
    name: str = "王芳",
    phone: str | None = "+8613800138000",
    email: str | None = "wang.fang@example.com",
    **values: Any,
) -> dict[str, Any]:
    """Return a contact with a mobile number and an address."""
    now = await tx.now()
    given = {
        "customer_id": customer["id"],
        "name": name,
        "created_at": now,
        "updated_at": now,
    }
    contact = await writing.insert(tx, Contact, **(given | values))
    for kind, value in (("phone", phone), ("email", email)):
        if value is not None:
            await make_point(tx, contact, kind, value)
    return contact


async def make_point(
    tx: Transaction, contact: Row, kind: str, value: str, *, position: int = 0
) -> dict[str, Any]:
    """Give a contact a number (`phone`, E.164) or an address (`email`)."""
    return await writing.insert(
        tx,
        ContactPoint,
        contact_id=contact["id"],
        customer_id=contact["customer_id"],
        kind=kind,
        value=value,
        position=position,
    )


async def make_team_member(
    tx: Transaction, customer: Row, user: Row, *, role: str = "应用支持"
) -> dict[str, Any]:
    """Put a user into a customer's account team."""
    values = {"customer_id": customer["id"], "user_id": user["id"], "role": role}
    return await writing.insert(tx, AccountTeamMember, **values)


# --- sla: the virtual clock, the shipped rules, subjects with promises


async def freeze(database: Database, at: datetime) -> None:
    """Set the virtual clock to an instant, in a transaction of its own."""
    async with database.transaction() as tx:
        await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def make_rules(database: Database, at: datetime) -> None:
    """Set the clock and store the shipped calendars and policies, `toolkit` being the active one."""
    await freeze(database, at)
    async with database.transaction() as tx:
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)


async def make_subject(
    tx: Transaction,
    *,
    number: int = 1,
    owner: Row | None = None,
    department: Row | None = None,
    customer: Row | None = None,
    accepted: bool = False,
    data: Mapping[str, Any] | None = None,
    **inputs: Any,
) -> sla.LockedSubject:
    """Return a ticket's subject opened now: technical, normal, tier B unless `inputs` say otherwise."""
    given = {
        "type": "technical",
        "complexity": "normal",
        "tier": "B",
        "channel": "phone",
        "priority": "normal",
        "department": "技术支持部",
        "tags": [],
    }
    return await sla.open_subject(
        tx,
        subject_type="ticket",
        subject_id=number,
        public_id=new_public_id(),
        label=f"T{number:06d} 系统无法登录",
        customer_id=None if customer is None else customer["id"],
        owner_id=None if owner is None else owner["id"],
        department_id=None if department is None else department["id"],
        inputs=given | inputs,
        at=await tx.now(),
        accepted=accepted,
        data=data,
    )


# --- tickets: the shipped types, tickets


async def make_ticket_types(tx: Transaction, departments: Mapping[str, Row]) -> None:
    """Store the shipped ticket types; `departments` maps their codes to who handles them."""
    await ensure_ticket_types(tx, {code: row["id"] for code, row in departments.items()})


async def make_ticket(tx: Transaction, opener: Row, customer: Row, **values: Any) -> Row:
    """Return a ticket that `opener` opens for a customer through the service: technical, by phone."""
    given = {
        "customer_id": customer["public_id"],
        "type": "technical",
        "channel": "phone",
        "subject": "恒温培养箱温度漂移",
        "description": "设定 20.0 ℃,三次比对都是 20.8 ℃。",
    }
    return await open_ticket(tx, make_principal(opener), TicketCreate(**(given | values)))


def make_principal(user: Row, **values: Any) -> Principal:
    """Return whom the guard makes of a user, without asking the database; his department has none below it."""
    role = Role(user["role"])
    grants = {one: scope for one in permissions_of(role) if (scope := row_scope(role, one))}
    department = user["department_id"]
    given: dict[str, Any] = {
        "user_id": user["id"],
        "public_id": user["public_id"],
        "name": user["name"],
        "role": role,
        "grants": grants,
        "department_id": department,
        "departments": () if department is None else (department,),
    }
    return Principal(**(given | values))


# --- notifications: a line of people who are told


async def make_line(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Return `head`, `supervisor` and `owner`, each the manager of the next, and their `department`."""
    department = await make_department(tx)
    people: dict[str, dict[str, Any]] = {}
    manager = None
    for name in ("head", "supervisor", "owner"):
        values = {"name": name, "email": f"{name}@example.cn"}
        manager = await make_user(tx, department=department, manager=manager, **values)
        people[name] = manager
    await writing.update(tx, Department, department, head_id=people["head"]["id"])
    return {**people, "department": department}
