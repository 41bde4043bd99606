"""The rulebook of a deployment as a process remembers it: policies in order, calendars in force.

Versions never change once written; which ones are current is asked again after two seconds, so a published change
takes effect everywhere within that time, and in the process that made it at once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from app import writing
from app.calendars import service as calendars
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.working_time import Calendar
from app.database import Database, Transaction
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.facts import Fact
from app.sla.engine.policy import AROUND_THE_CLOCK, WORKING, Inputs, Policy, match
from app.sla.engine.policy_document import parse_policy
from app.sla.engine.register import row_of, unknown_row
from app.sla.engine.terms import Rulebook
from app.sla.models import OwnRule, PolicyRow, PolicyVersion
from app.sla.own_rules import OWN_RULES, own_row
from app.sla.shipped import PACK_NAMES, pack_document
from app.statements import Row, Statement

Ask = Callable[..., Awaitable[list[Row]]]
DEFAULT_PACK = "toolkit"
_COPY = "book"
_TABLES = (PolicyRow, PolicyVersion, OwnRule, CalendarRow, CalendarVersion)
POLICIES = Statement(
    select(
        PolicyRow.name, PolicyRow.position, PolicyRow.is_active, PolicyRow.current_version,
        PolicyVersion.number, PolicyVersion.document,
    )
    .join_from(PolicyRow, PolicyVersion, PolicyVersion.policy_id == PolicyRow.id)
    .order_by(PolicyRow.position, PolicyRow.name, PolicyVersion.number)
)  # fmt: skip
POLICY_NAMES = Statement(
    select(*PolicyRow.__table__.columns).order_by(PolicyRow.position, PolicyRow.name)
)
POLICY_BY_NAME = Statement(
    select(*PolicyRow.__table__.columns).where(PolicyRow.name == bindparam("name"))
)


@dataclass(frozen=True, slots=True)
class Book:
    """Policies in the order in which they are asked, every version of everything, and what is current."""

    rulebook: Rulebook
    policies: tuple[Policy, ...]
    calendars: calendars.CalendarsInForce

    @property
    def working(self) -> Calendar:
        """The deployment's working calendar as it is now."""
        return self.rulebook.calendars[self.calendars.working]

    @property
    def pins(self) -> dict[str, tuple[str, int]]:
        """The calendar versions that a new subject is pinned to, by role."""
        around = (AROUND_THE_CLOCK, self.calendars.current.get(AROUND_THE_CLOCK, 1))
        return {WORKING: self.calendars.working, AROUND_THE_CLOCK: around}

    def pins_for(self, policy: Policy | None) -> dict[str, tuple[str, int]]:
        """The calendar versions that a subject under this policy is pinned to; calendars of its own by their names."""
        named = policy.calendar_roles if policy is not None else ()
        current = self.calendars.current
        return {name: (name, current[name]) for name in named if name in current} | self.pins

    def row_of(self, clock: str, rule: str) -> ClockRow:
        """Return a clock's row: the register's, the deployment's, else one that has no more than its names."""
        return row_of(clock) or self.rulebook.rows.get(clock) or unknown_row(clock, rule)

    def policy_for(self, inputs: Mapping[str, Any]) -> Policy | None:
        """Return the first active policy whose conditions hold, None when no promise applies."""
        return match(self.policies, Inputs.of(inputs))


async def read_book(tx: Transaction, facts: Iterable[Fact] = ()) -> Book:
    """Return a rulebook that is at most two seconds old and knows every version which the facts name."""
    return await _knowing(tx.database, tx.peek, facts)


async def book_for_reading(database: Database, facts: Iterable[Fact]) -> Book:
    """Return the same outside any transaction."""
    return await _knowing(database, database.all, facts)


async def _knowing(database: Database, ask: Ask, facts: Iterable[Fact]) -> Book:
    """Ask again for a version that another process published less than two seconds ago."""
    book = await _remembered(database, ask)
    if not _knows(book.rulebook, facts):
        forget_book(database)
        book = await _remembered(database, ask)
    return book


def _knows(rulebook: Rulebook, facts: Iterable[Fact]) -> bool:
    for fact in facts:
        policy = fact.data.get("policy")
        if policy and tuple(policy) not in rulebook.policies:
            return False
        pinned = (fact.data.get("calendars") or {}).values()
        if any(tuple(one) not in rulebook.calendars for one in pinned):
            return False
    return True


async def _remembered(database: Database, ask: Ask) -> Book:
    known: Book | None = database.recall(_COPY)
    if known is None:
        known = await _load(database, ask)
        database.remember(_COPY, known, of=_TABLES)
    return known


async def read_current_book(tx: Transaction) -> Book:
    """Return the rulebook as it is now, whatever the process remembers."""
    forget_book(tx.database)
    return await read_book(tx)


def forget_book(database: Database) -> None:
    """Make the process ask again; what it commits itself does so anyway."""
    database.forget(_TABLES)


async def _load(database: Database, ask: Ask) -> Book:
    rows = await ask(POLICIES)
    versions = {(row["name"], row["number"]): _policy(database, row) for row in rows}
    asked = tuple(
        versions[row["name"], row["number"]]
        for row in rows
        if row["is_active"] and row["number"] == row["current_version"]
    )
    in_force = await calendars.read_in_force(database, ask)
    own = {row["clock"]: own_row(row) for row in await ask(OWN_RULES)}
    return Book(Rulebook(versions, in_force.versions, own), asked, in_force)


def _policy(database: Database, row: Row) -> Policy:
    parsed: dict[tuple[str, int], Policy] = database.memory.setdefault("policies", {})
    reference = (row["name"], row["number"])
    if reference not in parsed:
        parsed[reference] = parse_policy(row["document"], row["number"])
    return parsed[reference]


async def ensure_packs(tx: Transaction) -> None:
    """Store the shipped policies where they are missing; only the default pack is active."""
    known = {row["name"] for row in await tx.all(POLICY_NAMES)}
    now = await tx.now()
    for position, name in enumerate(PACK_NAMES):
        if name in known:
            continue
        document = dict(pack_document(name))
        row = await writing.insert(
            tx,
            PolicyRow,
            name=name,
            title=document["title"],
            position=position,
            is_active=name == DEFAULT_PACK,
            created_at=now,
        )
        await writing.insert(
            tx, PolicyVersion, policy_id=row["id"], number=1, document=document, created_at=now
        )


async def use_pack(tx: Transaction, name: str) -> None:
    """Make one shipped pack the only active policy (replay, first set-up); unknown names raise `KeyError`."""
    pack_document(name)
    for row in await tx.all(POLICY_NAMES):
        await writing.update(tx, PolicyRow, row, is_active=row["name"] == name)
    forget_book(tx.database)
