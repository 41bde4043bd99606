"""An office to be attacked: one caller of each role, and rows of every kind that are his, his department's, another's.

Callers work in the east, which has a group below it; the south is elsewhere. What is a caller's own lies in the
south all the same, so that ownership and department are never mistaken for each other. Not here: which route wants
which row (`probes`), and what should come of it (the tests).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from fastapi import FastAPI
from sqlalchemy import ColumnElement, and_, func, literal, not_, select, union_all

from app import writing
from app.audit.models import AuditEntry
from app.auth.hashing import hash_password
from app.auth.permissions import Role
from app.database import Database, Transaction
from app.rehearsal.models import VirtualClock
from app.statements import Row, Statement
from app.tables import Base
from tests.conftest import AsUser, Caller
from tests.factories import (
    make_contact,
    make_customer,
    make_department,
    make_rules,
    make_ticket_types,
    make_user,
)

NOBODY = "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"
PASSWORD = "correct-horse-staple"
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # Monday, 11:00 in Shanghai
EARLIER = NOW - timedelta(hours=2)
PHONE, EMAIL, REVENUE = "+8613912345678", "hidden.person@secret.example.com", "86123456.78"
SECRETS = (PHONE, EMAIL, REVENUE)
# Rows that come and go by themselves while refusals are written down.
_RESTLESS = frozenset({"idempotent_answers", "personal_keys"})


class Relation(StrEnum):
    """Whose row it is, seen from the caller."""

    OWN = "own"
    DEPARTMENT = "department"
    OTHER = "other"
    MISSING = "missing"


@dataclass
class Office:
    """Departments, people and a client; `stranger` owns what is another's, `colleague` what is the department's."""

    app: FastAPI
    database: Database
    east: Row
    group: Row
    south: Row
    people: Mapping[str, Row]
    callers: dict[Role, Caller] = field(default_factory=dict)
    made: int = 0

    def number(self) -> int:
        """Return a number that was not given before."""
        self.made += 1
        return self.made

    def owner(self, caller: Caller, relation: Relation) -> Row:
        """Return who owns a row of that relation."""
        return {
            Relation.OWN: caller.user,
            Relation.DEPARTMENT: self.people["colleague"],
            Relation.OTHER: self.people["stranger"],
        }[relation]

    def department(self, relation: Relation) -> Row:
        """Return where a row of that relation lies."""
        return self.group if relation is Relation.DEPARTMENT else self.south

    async def customer(
        self, caller: Caller, relation: Relation, **values: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a customer of that relation, with one contact; both hold the secrets."""
        async with self.database.transaction() as tx:
            given = {
                "owner": self.owner(caller, relation),
                "department": self.department(relation),
                "revenue": REVENUE,
            }
            customer = await make_customer(tx, **(given | values))
            contact = await make_contact(tx, customer, phone=PHONE, email=EMAIL)
        return customer, contact


async def make_office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    """Return the office on Monday at eleven, with the shipped rules; nobody is in yet but owners."""
    await make_rules(database, NOW)
    password_hash = await hash_password(PASSWORD)
    async with database.transaction() as tx:
        root = await make_department(tx, name="总部")
        east = await make_department(tx, name="华东部", parent=root)
        group = await make_department(tx, name="上海组", parent=east)
        south = await make_department(tx, name="华南部", parent=root)
        people = {
            "colleague": await make_user(tx, name="小王", department=group),
            "stranger": await make_user(tx, name="小郑", department=south),
            "inactive": await make_user(tx, name="老周", department=south, is_active=False),
        }
        staff = [
            await make_user(
                tx, role=role.value, name=role.value, department=east, password_hash=password_hash
            )
            for role in Role
        ]
        types = ("consult", "technical", "complaint", "after_sales")
        await make_ticket_types(tx, dict.fromkeys(types, group))
    office = Office(app, database, east, group, south, people)
    office.callers = {Role(user["role"]): await as_user(user) for user in staff}
    return office


async def stand_at(tx: Transaction, at: datetime) -> None:
    """Set the clock within a transaction."""
    await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


# --- what a refused request must not touch


def _fingerprint() -> Statement:
    refusals = and_(AuditEntry.action.in_([literal("request.refused"), literal("login.failed")]))
    parts = []
    for table in Base.metadata.sorted_tables:
        if table.name in _RESTLESS:
            continue
        versions: ColumnElement[Any] = (
            func.coalesce(func.sum(table.c.version), 0) if "version" in table.c else literal(0)
        )
        part = select(
            literal(table.name).label("name"),
            func.count().label("rows"),
            versions.label("versions"),
        ).select_from(table)
        parts.append(part.where(not_(refusals)) if table.name == "audit_entries" else part)
    return Statement(union_all(*parts))


FINGERPRINT = _fingerprint()


async def fingerprint(database: Database) -> dict[str, tuple[int, int]]:
    """Return (rows, sum of versions) of every table; records of refusals are left out."""
    rows = await database.all(FINGERPRINT)
    return {row["name"]: (row["rows"], int(row["versions"])) for row in rows}
