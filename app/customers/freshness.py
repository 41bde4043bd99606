"""Keeps the file fresh (SOP CU-7, FU-3): one promise to refresh it monthly for each customer neither lost nor merged.

An edit of the file or its contacts answers it, or somebody's word that it is fresh; the answer opens the next. What
only sorts a customer (owner, department, tags, tier) is no refresh; an owner or department that changes takes the
promise along.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from sqlalchemy import bindparam, select

from app import writing
from app.audit.service import write_entry
from app.auth.models import Department
from app.calendars.target import Target, due_from
from app.customers.changes import publish_change
from app.customers.freshness_queries import SUBJECT
from app.customers.freshness_schemas import FreshWord
from app.customers.models import CustomerRefresh
from app.database import Transaction
from app.errors import Conflict
from app.lifecycle.rules import StageKind
from app.lifecycle.service import read_current
from app.sla import service as sla
from app.sla.book import Book
from app.sla.engine.facts import FactKind
from app.sla.engine.policy import Inputs
from app.sla.engine.register import row_of
from app.sla.service import NewFact
from app.statements import Row, Statement, any_of
from app.time import format_instant

CLOCK = "refresh"
RULE = "FU-3"
_LABEL_MAX = 300
# Columns whose change tells nothing new of the customer; those of the tier by their beginning.
_SORTING = frozenset(
    {"owner_id", "department_id", "account_manager_id", "tags", "name_key", "version", "updated_at"}
)
_REFRESHES = CustomerRefresh.__table__
OPEN = Statement(
    select(*_REFRESHES.columns).where(
        _REFRESHES.c.customer_id == bindparam("customer_key"), _REFRESHES.c.status == "open"
    )
)
DEPARTMENTS = Statement(
    select(Department.id, Department.name).where(any_of(Department.__table__.c.id, "keys"))
)


async def is_kept_fresh(tx: Transaction, customer: Row) -> bool:
    """Return whether a file is promised to be refreshed: not who is merged, nor in a stage that means lost."""
    if customer["merged_into_id"] is not None:
        return False
    stage = (await read_current(tx, tx.database)).stages.get(customer["status"])
    return stage is None or stage.kind is not StageKind.LOST


# --- opening


async def begin(tx: Transaction, customers: Sequence[Row], *, at: datetime) -> None:
    """Hold back the promise of a refresh for customers that have none open, from `at` on; rows in any number."""
    await _open(tx, customers, at, spread=False)


async def begin_imported(tx: Transaction, customers: Sequence[Row], *, at: datetime) -> None:
    """The same for files that were imported: the first dues are spread over the working days of the month."""
    await _open(tx, customers, at, spread=True)


async def _open(tx: Transaction, customers: Sequence[Row], at: datetime, *, spread: bool) -> None:
    kept = [one for one in customers if await is_kept_fresh(tx, one)]
    if not kept:
        return
    book, names = await sla.read_book(tx), await _department_names(tx, kept)
    days: dict[Target, list[datetime]] = {}
    for customer in kept:
        inputs = {
            "type": CLOCK,
            "tier": customer["tier"],
            "department": names.get(customer["department_id"]),
        }
        data = {"clock": CLOCK, "rule": RULE}
        if spread:
            target = _target(book, inputs)
            ends = days.get(target) or days.setdefault(target, _working_days(book, target, at))
            # Drawn by the id, whose end is random.
            drawn = ends[crc32(customer["public_id"].encode()) % len(ends)]
            data["due_at"] = format_instant(drawn)
        row = await writing.insert(tx, CustomerRefresh, customer_id=customer["id"], opened_at=at)
        await sla.open_subject(
            tx,
            subject_type=SUBJECT,
            subject_id=row["id"],
            public_id=row["public_id"],
            label=f"{customer['number']} {customer['name']}"[:_LABEL_MAX],
            customer_id=customer["id"],
            owner_id=customer["owner_id"],
            department_id=customer["department_id"],
            dedicated_manager_id=customer["account_manager_id"],
            inputs=inputs,
            at=at,
            data=data,
        )


async def _department_names(tx: Transaction, customers: Sequence[Row]) -> dict[int, str]:
    keys = {one["department_id"] for one in customers} - {None}
    if not keys:
        return {}
    rows = await tx.peek(DEPARTMENTS, keys=sorted(keys))
    return {row["id"]: row["name"] for row in rows}


def _target(book: Book, inputs: dict[str, Any]) -> Target:
    """Return how long a file stays fresh: as the policy that applies says, else as the register does."""
    row, policy = row_of(CLOCK), book.policy_for(inputs)
    assert row is not None
    target = (policy.target(CLOCK, Inputs.of(inputs)) if policy is not None else None) or row.target
    assert target is not None
    return target


def _working_days(book: Book, target: Target, at: datetime) -> list[datetime]:
    """Return the ends of the working days after `at`'s date up to the due of a refresh that began at `at`."""
    last = book.working.end_of_working_day(due_from(target, at, book.working))
    ends = [book.working.add_working_days(at, 1)]
    while ends[-1] < last:
        ends.append(book.working.add_working_days(ends[-1], 1))
    return ends


# --- what happens to a file


async def follow(tx: Transaction, before: Row, after: Row, *, at: datetime) -> None:
    """Take over what a change of the file means for its refresh; both rows whole.

    Lost ends the promise, won back opens it again, a word on the customer answers it, another owner or department
    takes it along.
    """
    if not await is_kept_fresh(tx, after):
        if await is_kept_fresh(tx, before):
            await end(tx, after, reason=f"customer {after['status']}")
        return
    if not await is_kept_fresh(tx, before):
        await begin(tx, [after], at=at)
        return
    changed = {name for name, value in after.items() if before[name] != value}
    tells = any(name not in _SORTING and not name.startswith("tier") for name in changed)
    if tells and await touch(tx, after, at=at):
        return
    if changed & {"owner_id", "department_id"}:
        await _hand_over(tx, after)


async def touch(tx: Transaction, customer: Row, *, at: datetime) -> bool:
    """Answer the refresh by an edit that a person made, and open the next; returns whether it did.

    A further edit on the local day on which the promise was opened changes nothing: the next would be due on the
    same date.
    """
    if tx.actor.user_id is None or not await is_kept_fresh(tx, customer):
        return False
    refresh = await tx.one(OPEN, customer_key=customer["id"])
    if refresh is None:
        return False
    zone = (await sla.read_book(tx)).working.timezone
    if at.astimezone(zone).date() == refresh["opened_at"].astimezone(zone).date():
        return False
    await _answer(tx, customer, refresh, {"how": "edit"})
    return True


async def confirm(tx: Transaction, customer: Row, word: FreshWord) -> None:
    """Take somebody's word that the file is fresh, and open the next refresh; raises `Conflict` for a lost customer."""
    if not await is_kept_fresh(tx, customer):
        raise Conflict("customer_not_kept_fresh", status=customer["status"])
    refresh = await tx.one(OPEN, customer_key=customer["id"])
    if refresh is None:
        await begin(tx, [customer], at=await tx.now())
        refresh = await tx.one(OPEN, customer_key=customer["id"])
        assert refresh is not None
    said = word.model_dump()
    await write_entry(
        tx,
        "customer.confirm_fresh",
        entity="customer",
        entity_key=customer["id"],
        entity_id=customer["public_id"],
        customer_id=customer["id"],
        changes={name: [None, value] for name, value in said.items()},
    )
    await _answer(tx, customer, refresh, {"how": "confirmation", **said})


async def _answer(tx: Transaction, customer: Row, refresh: Row, values: dict[str, Any]) -> None:
    """End the open refresh as answered, open the next at that instant; publishes `customer.refreshed`."""
    subject = await sla.lock(tx, SUBJECT, refresh["id"])
    await sla.append(tx, subject, NewFact(FactKind.ANSWERED), NewFact(FactKind.CLOSED))
    await _write_end(tx, refresh, subject.now, status="refreshed", **values)
    await begin(tx, [customer], at=subject.now)
    await publish_change(
        tx, "customer.refreshed", customer, at=subject.now, data={"how": values["how"]}
    )


async def end(tx: Transaction, customer: Row, *, reason: str) -> None:
    """Withdraw the open refresh of a customer who is lost or merged; one already missed stays missed."""
    refresh = await tx.one(OPEN, customer_key=customer["id"])
    if refresh is None:
        return
    subject = await sla.lock(tx, SUBJECT, refresh["id"])
    await sla.append(tx, subject, NewFact(FactKind.CANCELLED, {"reason": reason}))
    await _write_end(tx, refresh, subject.now, status="cancelled")


async def _write_end(tx: Transaction, refresh: Row, at: datetime, **values: Any) -> None:
    """Write how a refresh ended, at once: the next one may not be there before (one is open at most)."""
    row = {"id": refresh["id"], "ended_at": at, "ended_by": tx.actor.user_id, **values}
    await writing.update_many(tx, CustomerRefresh, [row])
    await tx.flush()


async def _hand_over(tx: Transaction, customer: Row) -> None:
    refresh = await tx.one(OPEN, customer_key=customer["id"])
    if refresh is None:
        return
    subject = await sla.lock(tx, SUBJECT, refresh["id"])
    whose = {"owner_id": customer["owner_id"], "department_id": customer["department_id"]}
    await sla.move_owner(tx, subject, **whose)
