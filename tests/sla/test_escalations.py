"""Routes of escalations: the list, and the proof of one."""

import pytest
from sqlalchemy import select

from app import writing
from app.columns import new_public_id
from app.notifications.models import Mail, Notification
from app.sla import enforcement
from app.sla.schemas import EscalationPage, EscalationProof
from app.statements import Statement
from tests.factories import freeze
from tests.sla.world import MINUTE, MONDAY, World

NOTICES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))


async def escalate(world: World, minutes: int) -> None:
    await freeze(world.database, MONDAY + minutes * MINUTE)
    await enforcement.sweep(world.database)


@pytest.mark.sop("TK-9")
async def test_escalations_are_listed_newest_first_without_inner_keys(world: World) -> None:
    await world.open()
    await escalate(world, 25)
    await escalate(world, 30)
    answer = await world.get("/escalations")
    page = EscalationPage.model_validate_json(answer.content)
    assert [one.level for one in page.items] == [2, 1]
    second = page.items[0]
    assert [(one.name, one.why) for one in second.told] == [("韩梅梅", "owner"), ("李雷", "next")]
    assert second.fire_at == second.due_at == MONDAY + 30 * MINUTE
    assert second.clock == "accept"
    assert str(second.told[0].user_id) == world.owner.user["public_id"]


async def test_escalations_are_filtered(world: World) -> None:
    await world.open(1)
    await world.open(2, department=None, owner=world.boss.user)
    await escalate(world, 25)
    await escalate(world, 40)
    rows = await world.items("/escalations", sort="detected_at")
    assert len(rows) == 4
    one = await world.deadline("accept", owner_id=world.owner.user["public_id"])
    assert len(await world.items("/escalations", deadline_id=one["id"])) == 2
    assert len(await world.items("/escalations", subject_id=one["subject_id"])) == 2
    assert len(await world.items("/escalations", level=2)) == 2
    assert len(await world.items("/escalations", rule="TK-2", subject_type="ticket")) == 4
    assert await world.items("/escalations", rule="TK-5") == []
    at = (MONDAY + 40 * MINUTE).isoformat()
    assert rows[2:] == await world.items("/escalations", sort="detected_at", detected_at__gte=at)
    assert rows[:2] == await world.items("/escalations", sort="detected_at", detected_at__lt=at)


async def test_told_to_me_is_what_names_the_caller(world: World) -> None:
    await world.open()
    await escalate(world, 25)
    await escalate(world, 30)
    mine = (await world.get("/escalations", world.owner, told_to="me")).json()["items"]
    assert [one["level"] for one in mine] == [2, 1]
    bosses = (await world.get("/escalations", world.boss, told_to="me")).json()["items"]
    assert [one["level"] for one in bosses] == [2]
    assert (await world.get("/escalations", world.stranger, told_to="me")).json()["items"] == []
    assert (await world.get("/escalations", told_to="him")).status_code == 422


@pytest.mark.sop("TK-9")
async def test_an_escalation_proves_who_was_told_by_which_channel_and_when(world: World) -> None:
    await world.open()
    await escalate(world, 30)
    overtaken, level = sorted(await world.items("/escalations"), key=lambda one: int(one["level"]))
    assert overtaken["overtaken"] is True
    notices = await world.database.all(NOTICES)
    async with world.database.transaction() as tx:
        read = {"delivered_at": MONDAY + 31 * MINUTE, "read_at": MONDAY + 35 * MINUTE}
        await writing.update(tx, Notification, notices[0], **read)
        await writing.insert(
            tx, Mail, notification_id=notices[0]["id"], recipient="a@example.com", subject="到期",
            body="...", created_at=MONDAY + 31 * MINUTE, sent_at=MONDAY + 32 * MINUTE,
        )  # fmt: skip
    answer = await world.get(f"/escalations/{level['id']}")
    proof = EscalationProof.model_validate_json(answer.content)
    assert proof.due_at == proof.fire_at == proof.detected_at == MONDAY + 30 * MINUTE
    assert [one.name for one in proof.inbox] == ["韩梅梅", "李雷"]
    assert proof.inbox[0].delivered_at == MONDAY + 31 * MINUTE
    assert proof.inbox[0].read_at == MONDAY + 35 * MINUTE
    assert proof.inbox[1].delivered_at is None
    assert [(one.name, one.sent_at) for one in proof.mails] == [("韩梅梅", MONDAY + 32 * MINUTE)]
    assert "@example.com" not in answer.text
    # The overtaken level was told in the same message, and says so.
    other = EscalationProof.model_validate_json(
        (await world.get(f"/escalations/{overtaken['id']}")).content
    )
    assert other.inbox == proof.inbox
    assert {str(one.escalation_id) for one in other.inbox} == {level["id"]}


async def test_an_escalation_that_is_not_there_is_not_found(world: World) -> None:
    assert (await world.get(f"/escalations/{new_public_id()}")).status_code == 404
