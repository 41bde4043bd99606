"""Correcting a deadline: who may, of what, since when, and what stays visible."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.outbox.models import OutboxMessage
from app.sla import enforcement
from app.sla.engine.facts import FactKind
from app.sla.schemas import DeadlineRead
from app.statements import Statement
from tests.conftest import AsUser
from tests.factories import freeze, make_user
from tests.sla.world import HOUR, MINUTE, MONDAY, World, code_of, pointers

MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))
AUDIT = Statement(select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))


@pytest.mark.sop("TK-2")
async def test_a_correction_makes_a_miss_met_and_leaves_both_visible(world: World) -> None:
    await world.open()
    await world.move(MONDAY + HOUR, FactKind.ACCEPTED)
    late = await world.deadline("accept")
    assert late["state"] == "late"
    answer = await world.correct(late["id"], MONDAY + 20 * MINUTE)
    assert answer.status_code == 200, answer.text
    met = DeadlineRead.model_validate_json(answer.content)
    assert met.state == "met"
    assert met.answered_at == MONDAY + 20 * MINUTE
    assert met.adjustment is not None
    assert met.adjustment.state_before == "late"
    assert met.adjustment.reason == "通话录音证明当时已受理"
    assert answer.headers["etag"] == '"3"'
    message = (await world.database.all(MESSAGES))[-1]
    assert message["event"] == "deadline.corrected"
    assert message["payload"]["deadline_id"] == late["id"]
    assert message["payload"]["state"] == "met"
    entry = next(
        one for one in await world.database.all(AUDIT) if one["action"] == "deadline.correct"
    )
    assert entry["actor_user_id"] == world.boss.user["id"]
    assert entry["changes"]["state"] == ["late", "met"]


async def test_a_correction_of_an_open_miss_ends_it_and_its_ladder(world: World) -> None:
    await world.open()
    await freeze(world.database, MONDAY + 40 * MINUTE)
    await enforcement.sweep(world.database)
    missed = await world.deadline("accept")
    assert missed["state"] == "missed"
    answer = await world.correct(missed["id"], MONDAY + 29 * MINUTE)
    assert answer.json()["state"] == "met"
    assert [one["level"] for one in answer.json()["levels"]] == [1, 2]


@pytest.mark.parametrize(("minutes", "status"), [(-0.001, 422), (0, 200), (40, 200), (40.001, 422)])
async def test_the_claimed_instant_lies_between_start_and_now(
    world: World, minutes: float, status: int
) -> None:
    await world.open()
    await freeze(world.database, MONDAY + 40 * MINUTE)
    row = await world.deadline("accept")
    answer = await world.correct(row["id"], MONDAY + timedelta(minutes=minutes))
    assert answer.status_code == status
    if status == 422:
        assert pointers(answer) == [("/claimed_at", "outside_deadline")]


async def test_a_claim_after_due_stays_late(world: World) -> None:
    await world.open()
    await world.move(MONDAY + HOUR, FactKind.ACCEPTED)
    row = await world.deadline("accept")
    answer = await world.correct(row["id"], MONDAY + 31 * MINUTE)
    assert (answer.json()["state"], answer.json()["late_seconds"]) == ("late", 60)


@pytest.mark.parametrize(("minutes", "state"), [(10, "running"), (30, "running"), (20, "met")])
async def test_there_is_nothing_to_correct_without_a_miss(
    world: World, minutes: int, state: str
) -> None:
    await world.open()
    at = MONDAY + minutes * MINUTE
    if state == "met":
        await world.move(at, FactKind.ACCEPTED)
    await freeze(world.database, at)
    row = await world.deadline("accept")
    answer = await world.correct(row["id"], at)
    assert (answer.status_code, code_of(answer)) == (409, "nothing_to_correct")
    assert answer.json()["values"] == {"state": state}


async def test_a_corrected_deadline_is_not_corrected_again(world: World) -> None:
    await world.open()
    await freeze(world.database, MONDAY + HOUR)
    row = await world.deadline("accept")
    assert (await world.correct(row["id"], MONDAY)).status_code == 200
    assert (await world.correct(row["id"], MONDAY)).status_code == 409


async def test_only_a_supervisor_in_scope_corrects_and_never_his_own(
    world: World, as_user: AsUser
) -> None:
    await world.open(1)
    await world.open(2, owner=world.boss.user)
    await freeze(world.database, MONDAY + HOUR)
    theirs = await world.deadline("accept", owner_id=world.owner.user["public_id"])
    own = await world.deadline("accept", owner_id=world.boss.user["public_id"])
    assert (await world.correct(theirs["id"], MONDAY, world.owner)).status_code == 403
    assert (await world.correct(theirs["id"], MONDAY, world.stranger)).status_code == 403
    refused = await world.correct(own["id"], MONDAY)
    assert (refused.status_code, code_of(refused)) == (403, "own_deadline")
    async with world.database.transaction() as tx:
        admin = await make_user(tx, role="admin")
    assert (await world.correct(own["id"], MONDAY, await as_user(admin))).status_code == 200
    assert (await world.correct(theirs["id"], MONDAY)).status_code == 200


async def test_a_correction_honours_if_match(world: World) -> None:
    await world.open()
    await freeze(world.database, MONDAY + HOUR)
    row = await world.deadline("accept")
    stale = await world.correct(row["id"], MONDAY, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    fresh = await world.correct(row["id"], MONDAY, headers={"If-Match": '"1"'})
    assert fresh.status_code == 200


async def test_a_repeated_correction_is_answered_as_the_first_time(world: World) -> None:
    await world.open()
    await freeze(world.database, MONDAY + HOUR)
    row = await world.deadline("accept")
    key = {"Idempotency-Key": "c-1"}
    first = await world.correct(row["id"], MONDAY, headers=key)
    again = await world.correct(row["id"], MONDAY, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"reason": " "}, "/reason"),
        ({"reason": "好" * 501}, "/reason"),
        ({"claimed_at": "2026-03-02T09:00:00"}, "/claimed_at"),
        ({"claimed_at": 5}, "/claimed_at"),
        ({"claimed_at": "2200-01-01T00:00:00Z"}, "/claimed_at"),
        ({"state": "met"}, "/state"),
    ],
)
async def test_a_correction_of_wrong_form_is_refused(
    world: World, values: dict[str, Any], pointer: str
) -> None:
    await world.open()
    row = await world.deadline("accept")
    refused = await world.correct(row["id"], MONDAY, **values)
    assert refused.status_code == 422
    assert [where for where, _ in pointers(refused)] == [pointer]
