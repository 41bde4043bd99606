"""Notices of deadlines on their way: delivered at once, held over quiet hours, looked at again, settled in one digest."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.auth.models import User
from app.database import Database
from app.notifications import service as notifications
from app.notifications.models import Notification
from app.notifications.service import Notice
from app.outbox.models import OutboxMessage
from app.outbox.relay import relay
from app.sla import service
from app.sla.enforcement import sweep
from app.sla.engine.facts import FactKind
from app.sla.notices import SETTLED_DIGEST
from app.sla.service import NewFact
from app.statements import Row, Statement
from app.subscribers import SUBSCRIPTIONS
from app.time import FAR_END
from tests.factories import freeze, make_line, make_rules, make_subject

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MINUTE = timedelta(minutes=1)
MORNING = MONDAY + timedelta(hours=7)  # 08:00 in London, 16:00 in Shanghai
NOTES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
DEAD = Statement(select(OutboxMessage.last_error).where(OutboxMessage.state == "dead"))


async def prepare(database: Database, count: int = 1) -> dict[str, Any]:
    """A company whose owner sleeps in London while Shanghai works; `count` tickets opened at nine in Shanghai."""
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        company = await make_line(tx)
        await writing.update(tx, User, company["owner"], zone="Europe/London")
        owner, department = company["owner"], company["department"]
        for number in range(1, count + 1):
            await make_subject(tx, number=number, owner=owner, department=department)
    return company


def label(number: int) -> str:
    return f"T{number:06d} 系统无法登录"


async def run(database: Database, after: timedelta) -> None:
    await freeze(database, MONDAY + after)
    await sweep(database)
    await relay(database, SUBSCRIPTIONS)


async def accept(database: Database, number: int, after: timedelta) -> None:
    await freeze(database, MONDAY + after)
    async with database.transaction() as tx:
        subject = await service.lock(tx, "ticket", number)
        await service.append(tx, subject, NewFact(FactKind.ACCEPTED))


async def notes_of(database: Database, user: Row, **wanted: Any) -> list[Row]:
    return [
        row
        for row in await database.all(NOTES)
        if row["user_id"] == user["id"] and all(row[name] == v for name, v in wanted.items())
    ]


async def test_what_no_quiet_hours_hold_is_delivered_at_once_in_both_languages(
    database: Database,
) -> None:
    company = await prepare(database)
    await run(database, 30 * MINUTE)
    (note,) = await notes_of(database, company["supervisor"])
    assert note["delivered_at"] == note["deliver_at"] == MONDAY + 30 * MINUTE
    assert note["title_zh"] == f"刚刚到期:受理(TK-2)· {label(1)}"
    assert note["title_en"] == f"Due just now: Acceptance (TK-2) · {label(1)}"
    assert "负责人:owner\n起算:2026-03-02 09:00;到期:2026-03-02 09:30" in note["body_zh"]
    assert "you are the next one up the line (level 2)" in note["body_en"]
    assert note["data"]["escalation_id"]


async def test_quiet_hours_hold_a_notice_until_eight_in_the_readers_zone(
    database: Database,
) -> None:
    company = await prepare(database)
    await run(database, 30 * MINUTE)
    held = await notes_of(database, company["owner"])
    assert {row["deliver_at"] for row in held} == {MORNING}
    await freeze(database, MORNING - timedelta(microseconds=1))
    await relay(database, SUBSCRIPTIONS)
    assert {row["delivered_at"] for row in await notes_of(database, company["owner"])} == {FAR_END}
    await freeze(database, MORNING)
    await relay(database, SUBSCRIPTIONS)
    assert {row["delivered_at"] for row in await notes_of(database, company["owner"])} == {MORNING}


async def test_a_held_notice_tells_the_lateness_and_the_owner_of_its_release(
    database: Database,
) -> None:
    company = await prepare(database)
    await run(database, 30 * MINUTE)
    async with database.transaction() as tx:
        subject = await service.lock(tx, "ticket", 1)
        department = company["department"]["id"]
        await service.move_owner(
            tx, subject, owner_id=company["head"]["id"], department_id=department
        )
    # No relay came before nine o'clock of the next working day.
    await freeze(database, MONDAY + timedelta(days=1))
    await relay(database, SUBSCRIPTIONS)
    note = (await notes_of(database, company["owner"]))[-1]
    assert note["title_zh"] == f"已超时 8 小时 30 分钟:受理(TK-2)· {label(1)}"
    assert (
        "Overdue by 8 h 30 min of working time, 23 h 30 min elapsed (as of 2026-03-03 01:00)"
        in note["body_en"]
    )
    assert "Owner: head" in note["body_en"]
    assert note["data"]["owner"] == "head"
    assert note["data"]["late_seconds"] == 30_600
    assert note["data"]["late_elapsed_seconds"] == 84_600


@pytest.mark.sop("TK-9")
async def test_what_was_answered_while_quiet_is_settled_in_one_digest(database: Database) -> None:
    company = await prepare(database, 3)
    await run(database, 30 * MINUTE)  # levels 1 and 2 of `accept`, in one message for each ticket
    await accept(database, 1, 60 * MINUTE)
    await accept(database, 2, 61 * MINUTE)
    await freeze(database, MORNING)
    await relay(database, SUBSCRIPTIONS)
    held = await notes_of(database, company["owner"], kind="deadline.escalated")
    assert [(row["settled"], row["delivered_at"] == MORNING) for row in held] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    (digest,) = await notes_of(database, company["owner"], kind=SETTLED_DIGEST)
    assert (digest["deliver_at"], digest["delivered_at"]) == (MORNING, MORNING)
    assert [(one["label"], one["state"]) for one in digest["data"]["items"]] == [
        (label(1), "late"), (label(2), "late"),
    ]  # fmt: skip
    assert digest["title_zh"] == "静默时段内已了结 2 项,无需处理"
    assert f"- {label(1)}: Acceptance (TK-2), answered late, 2026-03-02 02:00" in digest["body_en"]
    # Whoever was awake was told at once, and is told nothing twice.
    assert len(await notes_of(database, company["supervisor"])) == 3


async def test_a_second_run_releases_nothing_again(database: Database) -> None:
    await prepare(database, 2)
    await run(database, 30 * MINUTE)
    await accept(database, 1, 60 * MINUTE)
    await freeze(database, MORNING)
    await relay(database, SUBSCRIPTIONS)
    before = await database.all(NOTES)
    await relay(database, SUBSCRIPTIONS)
    assert await database.all(NOTES) == before


async def test_what_was_not_held_is_told_even_if_it_was_answered_a_moment_later(
    database: Database,
) -> None:
    company = await prepare(database)
    await freeze(database, MONDAY + 30 * MINUTE)
    await sweep(database)
    await accept(database, 1, 31 * MINUTE)
    await relay(database, SUBSCRIPTIONS)
    (note,) = await notes_of(database, company["supervisor"])
    assert note["delivered_at"] == MONDAY + 31 * MINUTE
    assert "现已了结:超时完成(2026-03-02 09:31)" in note["body_zh"]
    assert "怎样才算了结" not in note["body_zh"]


async def test_one_digest_holds_all_whatever_batches_it_comes_in(database: Database) -> None:
    company = await prepare(database, 7)
    await run(database, 30 * MINUTE)
    for number in range(1, 7):
        await accept(database, number, 60 * MINUTE)
    database.settings = database.settings.model_copy(update={"relay_batch": 2})
    await freeze(database, MORNING)
    await relay(database, SUBSCRIPTIONS)
    (digest,) = await notes_of(database, company["owner"], kind=SETTLED_DIGEST)
    assert [one["label"] for one in digest["data"]["items"]] == [label(n) for n in range(1, 7)]


async def test_what_is_answered_between_two_batches_joins_the_same_digest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LINES_PER_MESSAGE", 1)
    company = await prepare(database, 2)
    await run(database, 30 * MINUTE)
    await accept(database, 1, 60 * MINUTE)
    database.settings = database.settings.model_copy(update={"relay_batch": 1})
    await freeze(database, MORNING)
    await relay(database, SUBSCRIPTIONS, batches_max=1)
    (digest,) = await notes_of(database, company["owner"], kind=SETTLED_DIGEST)
    async with database.transaction() as tx:
        await writing.update(tx, Notification, digest, read_at=MORNING)
        await service.append(tx, await service.lock(tx, "ticket", 2), NewFact(FactKind.ACCEPTED))
    await relay(database, SUBSCRIPTIONS)
    (digest,) = await notes_of(database, company["owner"], kind=SETTLED_DIGEST)
    assert [one["label"] for one in digest["data"]["items"]] == [label(1), label(2)]
    assert digest["title_en"].startswith("2 matters were settled")
    assert digest["read_at"] == FAR_END


async def test_two_relays_at_once_write_one_digest(database: Database) -> None:
    if database.kind == "sqlite":
        pytest.skip("one process has one writer on SQLite; the crash test runs two processes")
    company = await prepare(database, 40)
    await run(database, 30 * MINUTE)
    for number in range(1, 31):
        await accept(database, number, 60 * MINUTE)
    database.settings = database.settings.model_copy(update={"relay_batch": 5})
    await freeze(database, MORNING)
    await asyncio.gather(*(relay(database, SUBSCRIPTIONS) for _ in range(3)))
    (digest,) = await notes_of(database, company["owner"], kind=SETTLED_DIGEST)
    assert len(digest["data"]["items"]) == 30
    held = await notes_of(database, company["owner"], kind="deadline.escalated")
    assert [row["settled"] for row in held] == [True] * 30 + [False] * 10
    assert [row["delivered_at"] == MORNING for row in held] == [False] * 30 + [True] * 10


async def test_a_delegate_reads_that_he_stands_in(database: Database) -> None:
    company = await prepare(database)
    async with database.transaction() as tx:
        owner = (await tx.all(Statement(select(*User.__table__.columns).where(User.name == "owner"))))[0]  # fmt: skip
        await writing.update(tx, User, owner, absent_from=MONDAY, delegate_id=company["head"]["id"])
    await run(database, 25 * MINUTE)
    (note,) = await notes_of(database, company["head"])
    assert "您代理缺席的负责人(第 1 级)" in note["body_zh"]
    assert "you stand in for the owner, who is absent (level 1)" in note["body_en"]


async def test_a_notice_that_nobody_can_word_is_isolated_and_visible(database: Database) -> None:
    company = await prepare(database)
    await freeze(database, MONDAY + 30 * MINUTE)
    async with database.transaction() as tx:
        now = await tx.now()
        odd = Notice(company["head"]["id"], "weather.changed", deliver_at=now)
        await notifications.tell(tx, [odd], at=now)
    await sweep(database)
    result = await relay(database, SUBSCRIPTIONS)
    assert result.failed_count == 1
    (note,) = await notes_of(database, company["supervisor"])
    assert note["delivered_at"] == MONDAY + 30 * MINUTE
    (odd_note,) = await notes_of(database, company["head"])
    assert odd_note["delivered_at"] == FAR_END
