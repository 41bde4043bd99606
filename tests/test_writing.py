"""The one way in: what is written is audited, atomic, and the same on both engines."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import writing
from app.audit.models import AuditEntry
from app.auth.models import Department, RefreshToken
from app.customers.models import Contact, Customer
from app.database import Actor, Database, Transaction
from app.errors import StaleVersion
from app.sqlite import SuspendedInTransaction
from app.statements import Statement, json_row

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DEPARTMENTS = Statement(select(*Department.__table__.columns).order_by(Department.id))
AUDIT = Statement(select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))


async def make_department(tx: Transaction, name: str = "技术支持部") -> dict[str, object]:
    return await writing.insert(
        tx,
        Department,
        name=name,
        name_key=name,
        path="/",
        created_at=AT,
        updated_at=AT,
    )


async def test_an_insert_leaves_with_its_audit_entry(database: Database) -> None:
    async with database.transaction(Actor(name="李雷", request_id="r-12345678")) as tx:
        await make_department(tx)
    rows = await database.all(DEPARTMENTS)
    assert [row["name"] for row in rows] == ["技术支持部"]
    assert rows[0]["created_at"] == AT
    entries = await database.all(AUDIT)
    assert [(e["action"], e["actor_name"], e["request_id"]) for e in entries] == [
        ("department.create", "李雷", "r-12345678")
    ]
    assert entries[0]["changes"]["name"] == [None, "技术支持部"]


async def test_a_failed_block_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await make_department(tx)
            await tx.flush()
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()
    assert await database.all(DEPARTMENTS) == []
    assert await database.all(AUDIT) == []


async def test_an_update_writes_only_what_differs_and_audits_old_and_new(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        old = await make_department(tx)
        new = await writing.update(tx, Department, old, name="客服部", path="/")
    assert new["version"] == 2
    entries = await database.all(AUDIT)
    assert entries[-1]["changes"] == {"name": ["技术支持部", "客服部"]}


async def test_a_stale_update_is_refused(database: Database) -> None:
    async with database.transaction() as tx:
        old = await make_department(tx)
        await writing.update(tx, Department, old, name="客服部")
    with pytest.raises(StaleVersion):
        async with database.transaction() as tx:
            await writing.update(tx, Department, old, name="别的部")


async def test_a_transaction_sees_its_held_inserts(database: Database) -> None:
    async with database.transaction() as tx:
        await make_department(tx)
        assert len(await tx.all(DEPARTMENTS)) == 1


async def test_many_rows_leave_in_one_go(database: Database) -> None:
    async with database.transaction() as tx:
        for number in range(250):
            await make_department(tx, f"部门{number}")
    assert len(await database.all(DEPARTMENTS)) == 250
    assert len(await database.all(AUDIT)) == 250


async def test_a_question_that_writes_is_refused(database: Database) -> None:
    delete = Statement(Department.__table__.delete())  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        await database.all(delete)


async def test_derived_tables_are_not_audited_and_audited_ones_refuse_sets(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(TypeError):
            await writing.update_many(tx, Department, [])
    assert not writing.is_audited(RefreshToken)


async def test_audit_entries_cannot_be_changed(database: Database) -> None:
    async with database.transaction() as tx:
        await make_department(tx)
    for sql in ("UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(Exception, match="never changed"):
            async with database.transaction() as tx:
                await tx.run_text(sql, [])


async def test_personal_fields_are_sealed_in_the_audit(database: Database) -> None:
    async with database.transaction() as tx:
        customer = await writing.insert(
            tx, Customer, number="C000001", name="华为科技", name_key="华为科技", source_channel="phone",
            created_at=AT, updated_at=AT,
        )  # fmt: skip
        await writing.insert(
            tx,
            Contact,
            customer_id=customer["id"],
            name="王芳",
            remarks="+8613800138000",
            created_at=AT,
            updated_at=AT,
        )
    entries = await database.all(AUDIT)
    assert "13800138000" not in str([e["changes"] for e in entries])
    assert set(entries[-1]["changes"]["remarks"]) == {"sealed"}


async def test_both_engines_write_the_same_json(database: Database) -> None:
    async with database.transaction() as tx:
        await writing.insert(
            tx, Customer, number="C000001", name='引号"与\\斜线\n', name_key="a", source_channel="phone",
            revenue="1234.5", tags=["重点", "a\"b"], created_at=AT, updated_at=AT,
        )  # fmt: skip
    shown = [
        (name, Customer.__table__.columns[name])
        for name in (
            "number",
            "name",
            "revenue",
            "tags",
            "headcount",
            "created_at",
            "first_contact_at",
            "version",
        )
    ]
    body = await database.value(Statement(select(json_row(shown).label("body"))))
    assert body == (
        '{"number":"C000001","name":"引号\\"与\\\\斜线\\n","revenue":"1234.50","tags":["重点","a\\"b"],'
        '"headcount":null,"created_at":"2026-03-02T01:00:00.000000Z","first_contact_at":null,"version":1}'
    )


async def test_awaiting_something_foreign_in_a_sqlite_transaction_is_refused(
    database: Database,
) -> None:
    if database.kind != "sqlite":
        pytest.skip("PostgreSQL may suspend")

    async def suspend() -> None:
        async with database.transaction() as tx:
            await make_department(tx)
            await asyncio.sleep(0)

    with pytest.raises(SuspendedInTransaction):
        await suspend()
    assert await database.all(DEPARTMENTS) == []
