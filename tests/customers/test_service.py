"""What tickets ask of customers, and that a tier and the promises made under it never part."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from app import writing
from app.calendars import service as calendars
from app.customers import queries, service
from app.customers.models import Customer
from app.database import Database, Transaction
from app.errors import Invalid
from app.rehearsal.models import VirtualClock
from app.sla import service as sla
from app.sla.models import DeadlineRow
from app.statements import Statement
from tests.customers.conftest import NOBODY, Office
from tests.factories import make_customer, make_team_member

FRIDAY = datetime(2026, 3, 6, 9, 50, tzinfo=UTC)  # 17:50 in Shanghai
SATURDAY = datetime(2026, 3, 7, 2, 0, tzinfo=UTC)
RESOLVE = Statement(
    select(DeadlineRow.due_at, DeadlineRow.revision)
    .where(DeadlineRow.clock == "resolve")
    .order_by(DeadlineRow.subject_id)
)
WAITING = Statement(
    select(
        text(
            "count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )
)


async def freeze(tx: Transaction, at: datetime) -> None:
    await writing.upsert(tx, VirtualClock, ("id",), id=1, offset_micros=0, frozen_at=at)


async def open_ticket(tx: Transaction, customer: Any, number: int = 1) -> None:
    inputs = {
        "type": "technical", "complexity": "normal", "tier": customer["tier"], "channel": "phone",
        "priority": "normal", "department": None, "tags": [],
    }  # fmt: skip
    await sla.open_subject(
        tx, subject_type="ticket", subject_id=number, public_id=f"p{number}", label=f"T{number}",
        customer_id=customer["customer_id"], owner_id=None, department_id=None, inputs=inputs,
        at=await tx.now(),
    )  # fmt: skip


async def test_a_ticket_learns_of_its_customer_in_one_answer(
    database: Database, office: Office
) -> None:
    customer = office.customer
    async with database.transaction() as tx:
        row = await service.find_for_ticket(tx, customer["public_id"], office.contact["public_id"])
        assert dict(row) == {
            "customer_id": customer["id"],
            "contact_id": office.contact["id"],
            "name": customer["name"],
            "tier": "C",
            "owner_id": office["owner"].user["id"],
            "department_id": office.shanghai["id"],
            "account_manager_id": office["dedicated"].user["id"],
        }
        row = await service.find_for_ticket(tx, customer["public_id"], None)
        assert row["contact_id"] is None


async def test_a_ticket_of_nobody_or_of_anothers_contact_is_refused(
    database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        other = await make_customer(tx, name="别家")
    for customer, contact, pointer in (
        (NOBODY, None, "/customer_id"),
        (NOBODY, office.contact["public_id"], "/customer_id"),
        (office.customer["public_id"], NOBODY, "/contact_id"),
        (other["public_id"], office.contact["public_id"], "/contact_id"),
    ):
        with pytest.raises(Invalid) as refusal:
            async with database.transaction() as tx:
                await service.find_for_ticket(tx, customer, contact)
        assert [(e.pointer, e.code) for e in refusal.value.errors] == [
            (pointer, "unknown_reference")
        ]


async def test_the_team_is_told_in_its_order_without_sending_held_rows(
    database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        await make_team_member(tx, office.customer, office["colleague"].user)
        held = len(tx.pending)
        assert await service.team_of(tx, office.customer["id"]) == (office["member"].user["id"],)
        assert len(tx.pending) == held
    async with database.transaction() as tx:
        assert await service.team_of(tx, office.customer["id"]) == (
            office["member"].user["id"],
            office["colleague"].user["id"],
        )


@pytest.mark.sop("CU-9", "TK-5")
async def test_a_change_of_tier_counts_open_promises_anew_and_no_others(
    client: httpx.AsyncClient, database: Database, office: Office
) -> None:
    async with database.transaction() as tx:
        await freeze(tx, FRIDAY)
        await calendars.ensure_shipped(tx)
        await sla.ensure_packs(tx)
    async with database.transaction() as tx:
        other = await make_customer(tx, name="别家")
        row = await service.find_for_ticket(tx, office.customer["public_id"], None)
        await open_ticket(tx, row, 1)
        await open_ticket(tx, dict(row) | {"customer_id": other["id"]}, 2)
    due_before = [row["due_at"] for row in await database.all(RESOLVE)]
    async with database.transaction() as tx:
        await freeze(tx, SATURDAY)
    answer = await client.post(
        f"{office.url}/tier", json={"tier": "A", "reason": "合作额"}, headers=office["owner"]
    )
    assert answer.status_code == 200
    rows = await database.all(RESOLVE)
    # 10 minutes were used on Friday; the rest of the four hours runs around the clock from the change on.
    assert rows[0]["due_at"] == SATURDAY + timedelta(hours=3, minutes=50)
    assert rows[0]["revision"] == 1
    assert rows[1]["due_at"] == due_before[1]
    assert due_before[0] == due_before[1]


async def test_opening_waits_for_a_change_of_tier_and_sees_it(
    database: Database, office: Office
) -> None:
    if database.kind == "sqlite":
        pytest.skip("one writer: nobody can be between")
    customer = office.customer["public_id"]

    async def open_meanwhile() -> str:
        async with database.transaction() as tx:
            row = await service.find_for_ticket(tx, customer, None)
            return str(row["tier"])

    async with database.transaction() as tx:
        row = await tx.one(queries.CUSTOMER_LOCKED, public_id=customer)
        await writing.update(tx, Customer, dict(row), tier="A")
        task = asyncio.create_task(open_meanwhile())
        async with asyncio.timeout(5):
            while not (await database.value(WAITING) or task.done()):
                pass
        assert not task.done()
    assert await task == "A"


async def test_two_tickets_of_a_customer_open_side_by_side(
    database: Database, office: Office
) -> None:
    if database.kind == "sqlite":
        pytest.skip("one writer")
    customer = office.customer["public_id"]
    async with database.transaction() as first:
        await service.find_for_ticket(first, customer, None)
        async with database.transaction() as second:
            row = await service.find_for_ticket(second, customer, None)
    assert row["tier"] == "C"
