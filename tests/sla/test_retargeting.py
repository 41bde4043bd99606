"""Publishing over open matters: three modes with exact dues, misses, pauses and ends, late at once, told once, resumed.

World opens on Monday 2 March 2026 at 09:00 in Shanghai; resolve is due at 13:00.
"""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.calendars.models import CalendarRow, CalendarVersion
from app.calendars.shipped import shipped_document
from app.database import Database
from app.jobs import relay_messages, run_operations, sweep_deadlines
from app.operations import runner
from app.operations.models import OperationRow
from app.outbox.service import publish as publish_event
from app.sla import enforcement, retargeting
from app.sla.engine.facts import FactKind
from app.sla.models import FactRow
from app.sla.shipped import PACK_NAMES
from app.statements import Statement
from app.subscribers import OPERATIONS
from app.time import format_instant, real_now
from tests.factories import freeze
from tests.sla.retargets import Publisher, domain_rows, toolkit
from tests.sla.world import HOUR, MICROSECOND, MINUTE, MONDAY

EIGHT = toolkit(resolve={"target": {"hours": 8}})
ONE = toolkit(resolve={"target": {"hours": 1}})
AROUND = toolkit(calendars={"otherwise": "24x7"})
FACTS = Statement(select(FactRow.kind, FactRow.data, FactRow.actor_id).order_by(FactRow.id))
ALL = Statement(select(*OperationRow.__table__.columns).order_by(OperationRow.id))
EVENING = MONDAY + 11 * HOUR  # 20:00


def told(at: datetime) -> str:
    return format_instant(at)


# --- the three modes


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("mode", "due"),
    [
        ("new", MONDAY + 24 * HOUR + 3 * HOUR),  # an hour on Monday, three on Tuesday
        ("open_from_now", EVENING + 3 * HOUR),
        ("open_from_start", EVENING + HOUR),  # 17:00 and four hours
    ],
)
async def test_each_mode_reaches_what_it_says(
    publisher: Publisher, mode: str, due: datetime
) -> None:
    await freeze(publisher.world.database, MONDAY + 8 * HOUR)
    await publisher.world.open()
    await freeze(publisher.world.database, EVENING)
    await publisher.publish(AROUND, mode)
    assert await publisher.due() == [told(due)]
    await publisher.world.open(2)
    assert await publisher.due() == [told(due), told(EVENING + 4 * HOUR)]
    await publisher.true()


@pytest.mark.sop("TK-5")
async def test_publishing_for_new_matters_tells_no_open_one(publisher: Publisher) -> None:
    await publisher.world.open()
    assert await publisher.publish(EIGHT) == {}
    assert [row["kind"] for row in await publisher.world.database.all(FACTS)] == ["opened"]
    policy = await publisher.told("GET", "/sla/policies/toolkit")
    assert (policy["current_version"], policy["draft"]) == (2, None)
    assert [(one["number"], one["mode"]) for one in policy["versions"]] == [(2, "new"), (1, None)]
    assert policy["versions"][0]["published_by"] == publisher.admin.user["public_id"]


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("at", "due"),
    [
        (MONDAY + HOUR - MICROSECOND, MONDAY + HOUR),
        (MONDAY + HOUR, MONDAY + HOUR),
        (MONDAY + HOUR + MICROSECOND, MONDAY + HOUR + MICROSECOND),
    ],
)
async def test_nothing_is_due_before_the_retarget(
    publisher: Publisher, at: datetime, due: datetime
) -> None:
    await publisher.world.open()
    await freeze(publisher.world.database, at)
    operation = await publisher.publish(ONE, "open_from_now")
    assert await publisher.due() == [told(due)]
    late = due == at
    assert operation["result"]["late"] == late
    assert (await publisher.world.deadline("resolve"))["on_retarget"] is late
    await publisher.true()


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize("mode", ["open_from_now", "open_from_start"])
async def test_misses_latch_and_what_has_ended_is_not_touched(
    publisher: Publisher, mode: str
) -> None:
    world = publisher.world
    for number in (1, 2, 3, 4):
        await world.open(number)
    await world.move(MONDAY + 10 * MINUTE, FactKind.RESOLVED, 2)
    await world.move(MONDAY + 20 * MINUTE, FactKind.CANCELLED, 3, reason="客户撤回")
    await world.move(MONDAY + 30 * MINUTE, FactKind.ACCEPTED, 4)
    await freeze(world.database, MONDAY + HOUR)  # accept of the first is missed
    before = {one["id"]: one for one in await world.items("/deadlines")}
    operation = await publisher.publish(EIGHT, mode)
    moved = {(one["label"][:7], one["clock"]) for one in await publisher.moves(operation["id"])}
    assert moved == {("T000001", "resolve"), ("T000004", "resolve")}
    after = {one["id"]: one for one in await world.items("/deadlines")}
    same = {key for key, one in after.items() if one == before[key]}
    changed = [after[key] for key in after.keys() - same]
    # The clocks that go on know the version; those that ended, or were missed, do not.
    assert {(one["label"][:7], one["clock"]) for one in changed} == {
        ("T000001", "resolve"), ("T000004", "resolve"), ("T000004", "progress"),
        ("T000002", "confirm"),
    }  # fmt: skip
    assert operation["result"]["subjects"] == 3
    await publisher.true()


@pytest.mark.sop("TK-5")
async def test_a_paused_row_moves_with_its_pause(publisher: Publisher) -> None:
    world = publisher.world
    await world.open(accepted=True)
    await world.move(MONDAY + HOUR, FactKind.WAITING, reason="等序列号")
    await freeze(world.database, MONDAY + 2 * HOUR)
    before = await world.deadline("resolve")
    operation = await publisher.publish(EIGHT, "open_from_now")
    after = await world.deadline("resolve")
    assert (after["state"], after["pause_ends_at"]) == ("paused", before["pause_ends_at"])
    moves = await publisher.moves(operation["id"], "?clock=resolve")
    assert [(one["state_before"], one["due_before"], one["due_after"]) for one in moves] == [
        ("paused", before["due_at"], after["due_at"])
    ]
    await world.move(MONDAY + 3 * HOUR, FactKind.RESUMED)
    assert (await world.deadline("resolve"))["due_at"] == told(MONDAY + 25 * HOUR)
    await publisher.true()


@pytest.mark.sop("TK-5")
async def test_conditions_that_changed_make_another_policy_match(publisher: Publisher) -> None:
    world = publisher.world
    await world.open(1, tier="B")
    await world.open(2, tier="C")
    document = {**EIGHT, "name": "eight", "conditions": {"tier": ["C"]}}
    await publisher.told("POST", "/sla/policies", document, 201)
    await publisher.told("POST", "/sla/policies/eight/publish", {"mode": "new"}, 202)
    await publisher.told(
        "POST", "/sla/policies/order", {"names": ["eight", "toolkit", "tiered-cases", "none"]}
    )
    await publisher.told("PATCH", "/sla/policies/eight", {"is_active": True})
    assert await publisher.due() == [told(MONDAY + 4 * HOUR)] * 2
    operation = await publisher.retarget(mode="open_from_now")
    assert await publisher.due() == [told(MONDAY + 4 * HOUR), told(MONDAY + 8 * HOUR)]
    assert (operation["result"]["changed"], operation["progress"]["done"]) == (1, 2)
    await publisher.publish({**document, "conditions": {"tier": ["B"]}}, "open_from_now")
    assert await publisher.due() == [told(MONDAY + 8 * HOUR), told(MONDAY + 4 * HOUR)]
    await publisher.true()


@pytest.mark.sop("TK-5")
async def test_publishing_one_policy_does_not_carry_the_others_along(publisher: Publisher) -> None:
    world = publisher.world
    only_a = {**toolkit(), "name": "vip", "conditions": {"tier": ["A"]}}
    await publisher.told("POST", "/sla/policies", only_a, 201)
    await publisher.told("POST", "/sla/policies/vip/publish", {"mode": "new"}, 202)
    await publisher.told(
        "POST", "/sla/policies/order", {"names": ["vip", "toolkit", "tiered-cases", "none"]}
    )
    await publisher.told("PATCH", "/sla/policies/vip", {"is_active": True})
    await world.open(1, tier="A")
    await world.open(2, tier="B")
    await publisher.publish(EIGHT)  # the toolkit, for new ones
    await publisher.publish({**only_a, "clocks": EIGHT["clocks"]}, "open_from_now")
    assert await publisher.due() == [told(MONDAY + 8 * HOUR), told(MONDAY + 4 * HOUR)]


@pytest.mark.sop("TK-5")
async def test_a_clock_that_a_policy_lacks_is_withdrawn_and_one_it_brings_begins(
    publisher: Publisher,
) -> None:
    world = publisher.world
    await world.open()
    bare = toolkit(accept=None)
    operation = await publisher.publish(bare, "open_from_now")
    assert operation["result"]["withdrawn"] == 1
    await freeze(world.database, MONDAY + 10 * MINUTE)
    operation = await publisher.publish(toolkit(), "open_from_start")
    assert operation["result"]["opened"] == 1
    (opened,) = await publisher.moves(operation["id"])
    assert (opened["change"], opened["due_before"], opened["due_after"]) == (
        "opened", None, told(MONDAY + 30 * MINUTE),
    )  # fmt: skip
    await publisher.true()


@pytest.mark.parametrize("mode", ["open_from_now", "open_from_start"])
async def test_publishing_the_same_document_again_moves_nothing(
    publisher: Publisher, mode: str
) -> None:
    world = publisher.world
    await world.open(1, accepted=True)
    await world.move(MONDAY + 5 * MINUTE, FactKind.WAITING, reason="等序列号")
    await world.open(2, tier="A", complexity="super")
    await freeze(world.database, MONDAY + 2 * HOUR)
    await publisher.publish(AROUND, mode)
    before = await domain_rows(world.database)
    operation = await publisher.publish(AROUND, mode)
    after = await domain_rows(world.database)
    for name in ("deadlines", "deadline_levels", "sla_facts", "sla_policy_versions", "escalations"):
        assert after[name] == before[name], name
    assert operation["result"]["changed"] == 0
    assert await publisher.moves(operation["id"]) == []


# --- preview


@pytest.mark.parametrize("mode", ["open_from_now", "open_from_start"])
async def test_a_preview_writes_nothing_and_says_what_then_happens(
    publisher: Publisher, mode: str
) -> None:
    world = publisher.world
    await world.open(1, accepted=True)
    await world.move(MONDAY + 5 * MINUTE, FactKind.WAITING, reason="等序列号")
    await world.open(2)
    await world.open(3, tier="A")
    await freeze(world.database, MONDAY + 3 * HOUR)
    strict = {**ONE, "clocks": {**ONE["clocks"], "first_answer": {"target": {"elapsed_hours": 6}}}}
    await publisher.draft(strict)
    before = await domain_rows(world.database)
    preview = await publisher.preview(mode)
    assert await domain_rows(world.database) == before
    listed = await publisher.moves(preview["id"], "?limit=200")
    body = {"mode": mode, "preview_id": preview["id"]}
    published = await publisher.told("POST", "/sla/policies/toolkit/publish", body, 202)
    await publisher.run()
    done = await publisher.operation(published["operation"]["id"])
    figures = {name: v for name, v in done["result"].items() if name != "preview"}
    assert figures == done["result"]["preview"] == preview["result"]
    assert figures["late"] >= 1
    assert sum(figures[name] for name in ("moved", "opened", "withdrawn")) == len(listed)
    assert await publisher.moves(done["id"], "?limit=200") == listed
    for one in listed:
        rows = await world.items("/deadlines", subject_id=one["subject_id"], clock=one["clock"])
        assert one["due_after"] in [row["due_at"] for row in rows]


async def test_what_reaches_open_matters_is_previewed_as_it_is(publisher: Publisher) -> None:
    path = "/sla/policies/toolkit/publish"

    async def refused(**body: Any) -> str:
        answer = await publisher.send("POST", path, body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["code"])

    assert await refused(mode="new") == "policy_has_no_draft"
    await publisher.draft(EIGHT)
    assert await refused(mode="open_from_now") == "preview_required"
    preview = (await publisher.preview("open_from_now"))["id"]
    assert await refused(mode="open_from_start", preview_id=preview) == "preview_outdated"
    await publisher.draft(ONE)
    assert await refused(mode="open_from_now", preview_id=preview) == "preview_outdated"
    waiting = await publisher.told(
        "POST", "/sla/policies/toolkit/preview", {"mode": "open_from_now"}, 202
    )
    assert await refused(mode="open_from_now", preview_id=waiting["id"]) == "preview_outdated"
    await publisher.run()
    body = {"mode": "open_from_now", "preview_id": waiting["id"]}
    await publisher.told("POST", path, body, 202)
    assert await refused(mode="open_from_now", preview_id=waiting["id"]) == "policy_has_no_draft"


# --- late at once: told once, digested


@pytest.mark.sop("TK-5", "TK-9")
async def test_what_is_late_at_once_climbs_one_by_one_and_is_told_in_one_line(
    publisher: Publisher,
) -> None:
    world = publisher.world
    for number in range(1, 8):
        await world.open(number, accepted=True)
    await freeze(world.database, MONDAY + 2 * HOUR)
    await sweep_deadlines(world.database)
    operation = await publisher.publish(ONE, "open_from_now")
    assert operation["result"]["late"] == 7
    for caller in (world.owner, world.boss):
        inbox = (await world.get("/notifications", caller)).json()["items"]
        assert [one["kind"] for one in inbox] == ["deadline.retargeted"]
        (line,) = inbox
        assert (line["data"]["count"], line["data"]["late_count"]) == (7, 7)
        assert len(line["data"]["items"]) == 7
        assert line["title"] == "时限规则变更:7 条提醒,其中 7 条已立即到期"
        assert "T000003" in line["body"]
        linked = (await world.http.get(line["data"]["link"], headers=caller)).json()["items"]
        assert {one["label"][:7] for one in linked} == {f"T00000{n}" for n in range(1, 8)}
    escalations = await world.items("/escalations", level=2)
    assert len(escalations) == 7
    proof = (await world.get(f"/escalations/{escalations[0]['id']}")).json()
    assert {one["name"] for one in proof["inbox"]} == {"韩梅梅", "李雷"}
    assert all(one["delivered_at"] for one in proof["inbox"])
    # Nothing more is told until the ladder, counted from the retarget, goes on an hour later.
    for at, count in ((MONDAY + 3 * HOUR - MICROSECOND, 0), (MONDAY + 3 * HOUR, 7)):
        await freeze(world.database, at)
        await sweep_deadlines(world.database)
        assert len(await world.items("/escalations", level=3)) == count
    await publisher.true()


@pytest.mark.sop("TK-9")
async def test_a_line_waits_for_the_morning_unless_a_tier_a_matter_is_in_it(
    publisher: Publisher,
) -> None:
    world = publisher.world
    night = MONDAY + 14 * HOUR  # 23:00
    await publisher.publish(AROUND)
    await freeze(world.database, night - 20 * MINUTE)
    await world.open(1, accepted=True)
    await freeze(world.database, night)
    await publisher.publish({**AROUND, "clocks": within(20)}, "open_from_now")
    await world.open(2, tier="A", accepted=True)
    assert await lines(publisher) == []
    await freeze(world.database, night + 10 * MINUTE)
    await publisher.publish({**AROUND, "clocks": within(10)}, "open_from_now")
    assert [one["data"]["count"] for one in await lines(publisher)] == [1]
    await freeze(world.database, MONDAY + 23 * HOUR)  # 08:00
    await relay_messages(world.database)
    assert len(await lines(publisher)) == 2


def within(minutes: int) -> dict[str, Any]:
    return {"resolve": {"target": {"minutes": minutes}}, "progress": {"target": {"hours": 4}}}


async def lines(publisher: Publisher) -> list[dict[str, Any]]:
    inbox = (await publisher.world.get("/notifications", publisher.world.owner)).json()["items"]
    return [one for one in inbox if one["kind"] == "deadline.retargeted"]


# --- killed, cancelled, two at once


class TwoByTwo(enforcement.Pace):
    """Batches of two, however long they take."""

    def learn(self, count: int, seconds: float) -> None:
        del count, seconds


async def start_and_stop(publisher: Publisher, count: int) -> str:
    """Publish over `count` open tickets and do one batch of two."""
    for number in range(1, count + 1):
        await publisher.world.open(number)
    operation = await publisher.publish(EIGHT, "open_from_now", run=False)
    publisher.world.database.memory["retarget_pace"] = TwoByTwo(0.1, most=2)
    taken = await runner._take(publisher.world.database, OPERATIONS)
    assert taken is not None
    await runner._work(publisher.world.database, *taken, until=0)
    return str(operation["id"])


async def facts(database: Database) -> int:
    rows = await database.all(FACTS)
    return sum(row["kind"] == "policy_assigned" for row in rows)


async def test_a_retarget_goes_on_where_it_was_stopped(publisher: Publisher) -> None:
    database = publisher.world.database
    operation_id = await start_and_stop(publisher, 5)
    assert await facts(database) == 2
    # A worker takes it up and dies with a batch in its hands.
    taken = await runner._take(database, OPERATIONS)
    assert taken is not None

    kind = OPERATIONS["sla.retarget"]
    prepared = await kind.prepare(database, taken[1])

    async def die() -> None:
        async with database.transaction() as tx:
            await kind.step(tx, taken[1], prepared)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await die()
    assert await facts(database) == 2
    assert await run_operations(database) == 0
    row = (await database.all(ALL))[-1]
    async with database.transaction() as tx:
        await writing.update_many(tx, OperationRow, [{"id": row["id"], "lease_until": real_now()}])
    await publisher.run()
    done = await publisher.operation(operation_id)
    assert (done["state"], done["progress"]) == ("done", {"done": 5, "total": 5})
    assert (await facts(database), done["result"]["moved"]) == (5, 5)
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 5
    rows = await database.all(FACTS)
    assert {row["actor_id"] for row in rows if row["kind"] == "policy_assigned"} == {
        publisher.admin.user["id"]
    }
    await publisher.true()


async def test_a_batch_is_written_part_by_part(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retargeting, "PART_SIZE", 2)
    for number in range(1, 6):
        await publisher.world.open(number)
    await freeze(publisher.world.database, MONDAY + 2 * HOUR)
    operation = await publisher.publish(ONE, "open_from_now")
    assert (operation["result"]["moved"], operation["result"]["late"]) == (5, 5)
    assert await publisher.due() == [told(MONDAY + 2 * HOUR)] * 5
    await publisher.true()


async def test_a_fault_in_a_later_part_takes_the_batch_back(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retargeting, "PART_SIZE", 1)
    taking, count = retargeting._take_over, 0

    def break_at_the_third(*arguments: Any, **named: Any) -> Any:
        nonlocal count
        count += named["with_levels"]
        if count == 3:
            raise OSError("broken")
        return taking(*arguments, **named)

    for number in range(1, 6):
        await publisher.world.open(number)
    operation = await publisher.publish(EIGHT, "open_from_now", run=False)
    monkeypatch.setattr(retargeting, "_take_over", break_at_the_third)
    await publisher.run()
    assert await facts(publisher.world.database) == 0
    row = (await publisher.world.database.all(ALL))[-1]
    assert (row["public_id"], row["failure_count"]) == (operation["id"], 1)
    async with publisher.world.database.transaction() as tx:
        await writing.update_many(tx, OperationRow, [{"id": row["id"], "lease_until": real_now()}])
    await publisher.run()
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 5
    await publisher.true()


async def test_what_happens_between_reading_and_locking_counts(publisher: Publisher) -> None:
    world = publisher.world
    operation_id = await start_and_stop(publisher, 5)
    taken = await runner._take(world.database, OPERATIONS)
    assert taken is not None
    kind = OPERATIONS["sla.retarget"]
    prepared = await kind.prepare(world.database, taken[1])
    await world.move(MONDAY + 20 * MINUTE, FactKind.ACCEPTED, 3)
    await world.move(MONDAY + 30 * MINUTE, FactKind.CLOSED, 4)
    async with world.database.transaction() as tx:
        step = await kind.step(tx, taken[1], prepared)
    assert step.result is not None
    assert (step.done, step.result["moved"]) == (3, 3)
    assert operation_id == taken[1].public_id
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 3 + [told(MONDAY + 4 * HOUR)] * 2
    await publisher.true()


async def test_a_cancelled_retarget_leaves_what_it_wrote_and_can_be_finished_later(
    publisher: Publisher,
) -> None:
    operation_id = await start_and_stop(publisher, 5)
    await publisher.told("POST", f"/operations/{operation_id}/cancel")
    await publisher.run()
    done = await publisher.operation(operation_id)
    assert (done["state"], done["progress"]["done"]) == ("cancelled", 2)
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 2 + [told(MONDAY + 4 * HOUR)] * 3
    await publisher.true()
    await publisher.retarget(mode="open_from_now", policy="toolkit")
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 5


async def test_two_publications_at_once_leave_the_later_one(publisher: Publisher) -> None:
    first = await start_and_stop(publisher, 5)
    second = await publisher.publish(ONE, "open_from_now")
    await publisher.run()
    assert (await publisher.operation(first))["state"] == second["state"] == "done"
    assert await publisher.due() == [told(MONDAY + HOUR)] * 5
    await publisher.true()


async def test_a_version_published_for_new_matters_is_not_dragged_in_by_a_running_retarget(
    publisher: Publisher,
) -> None:
    await start_and_stop(publisher, 5)
    await publisher.publish(ONE)
    await publisher.run()
    assert await publisher.due() == [told(MONDAY + 8 * HOUR)] * 5
    await publisher.true()


async def test_a_subject_whose_facts_are_spoilt_is_counted_and_left(publisher: Publisher) -> None:
    world = publisher.world
    for number in (1, 2, 3):
        await world.open(number)
    row = (await world.database.all(Statement(select(*FactRow.__table__.columns))))[1]
    async with world.database.transaction() as tx:
        spoilt = {"id": row["id"], "data": {**row["data"], "policy": ["nonesuch", 7]}}
        await writing.update_many(tx, FactRow, [spoilt])
    operation = await publisher.publish(EIGHT, "open_from_now")
    assert (operation["state"], operation["result"]["faults"]) == ("done", 1)
    assert sorted(await publisher.due()) == [
        told(MONDAY + 4 * HOUR),
        *[told(MONDAY + 8 * HOUR)] * 2,
    ]


async def test_somebody_elses_retarget_is_invisible(publisher: Publisher) -> None:
    operation = await publisher.publish(EIGHT, "open_from_now")
    for path in (f"/operations/{operation['id']}", f"/sla/retargets/{operation['id']}/moves"):
        assert (await publisher.send("GET", path, who=publisher.world.boss)).status_code == 404


# --- calendars


async def new_version(database: Database, name: str, **changes: Any) -> tuple[int, int]:
    """Store another version of a calendar; return both numbers."""
    by_name = Statement(
        select(
            *CalendarRow.__table__.columns, CalendarVersion.document, CalendarVersion.number
        ).join_from(CalendarRow, CalendarVersion, CalendarVersion.calendar_id == CalendarRow.id)
    )
    rows = [row for row in await database.all(by_name) if row["name"] == name]
    last = max(rows, key=lambda row: row["number"])
    number = last["number"] + 1
    async with database.transaction() as tx:
        await writing.insert(
            tx, CalendarVersion, calendar_id=last["id"], number=number,
            document={**last["document"], **changes}, created_at=await tx.now(),
        )  # fmt: skip
        await writing.update(tx, CalendarRow, last, current_version=number)
    return number - 1, number


LATE_DECEMBER = datetime.fromisoformat("2026-12-30T10:00:00+08:00")


@pytest.mark.sop("TK-7")
async def test_loading_a_year_pins_anew_what_was_provisional(publisher: Publisher) -> None:
    world = publisher.world
    await freeze(world.database, LATE_DECEMBER)
    await world.open(1)
    await world.open(2)
    await world.move(LATE_DECEMBER + MINUTE, FactKind.RESOLVED)
    before = await world.deadline("confirm")
    assert before["provisional"]
    document = shipped_document("office")
    closed = {"date": "2027-01-01", "kind": "closed", "name": "元旦"}
    exceptions = [*document["exceptions"], closed]
    years = [*document["exceptions_loaded"], 2027]
    old, new = await new_version(
        world.database, "office", exceptions=exceptions, exceptions_loaded=years
    )
    async with world.database.transaction() as tx:
        await publish_event(
            tx, "calendar.changed", at=await tx.now(), payload={
                "calendar": "office", "from_version": old, "to_version": new,
                "loaded_years": [2027], "is_working": True,
            },
        )  # fmt: skip
    await relay_messages(world.database)
    await publisher.run()
    after = await world.deadline("confirm")
    assert (after["provisional"], after["calendar_version"]) == (False, 2)
    assert (before["due_at"], after["due_at"]) == (
        "2027-01-01T10:00:00.000000Z", "2027-01-04T10:00:00.000000Z",
    )  # fmt: skip
    operation = (await publisher.told("GET", "/operations?kind=sla.retarget"))["items"][0]
    assert (operation["asked_by"], operation["progress"]["done"]) == (None, 1)
    (move,) = await publisher.moves(operation["id"])
    assert (move["clock"], move["due_before"], move["due_after"]) == (
        "confirm", before["due_at"], after["due_at"],
    )  # fmt: skip
    await publisher.true()


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("mode", "due"),
    [("open_from_now", MONDAY + 4 * HOUR), ("open_from_start", MONDAY + 5 * HOUR)],
)
async def test_another_version_of_a_calendar_reaches_open_matters_when_asked_to(
    publisher: Publisher, mode: str, due: datetime
) -> None:
    world = publisher.world
    await world.open()
    await freeze(world.database, MONDAY + 3 * HOUR)
    ten_to_six = {day: [["10:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    await new_version(world.database, "office", week=ten_to_six)
    assert await publisher.due() == [told(MONDAY + 4 * HOUR)]
    operation = await publisher.retarget(calendar="office", mode=mode)
    assert operation["state"] == "done"
    assert await publisher.due() == [told(due)]
    await publisher.true()


async def test_a_policy_may_run_in_a_calendar_of_its_own_name(publisher: Publisher) -> None:
    world = publisher.world
    await world.open(1)
    async with world.database.transaction() as tx:
        now = await tx.now()
        row = await writing.insert(
            tx, CalendarRow, name="nights", title={"zh": "夜班", "en": "Nights"}, created_at=now
        )
        document = {
            "name": "nights", "timezone": "Asia/Shanghai",
            "week": {day: [["22:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
        }  # fmt: skip
        await writing.insert(
            tx, CalendarVersion, calendar_id=row["id"], number=1, document=document, created_at=now
        )
    nights = toolkit(resolve={"target": {"hours": 4}, "calendar": "nights"})
    await publisher.publish(nights, "open_from_start")
    await world.open(2)
    assert await publisher.due() == [told(MONDAY + 17 * HOUR)] * 2  # 22:00 and four hours
    await publisher.true()


@pytest.mark.parametrize("name", PACK_NAMES)
async def test_a_policy_as_it_is_moves_nothing_by_itself(publisher: Publisher, name: str) -> None:
    await publisher.world.open()
    operation = await publisher.retarget(policy=name, mode="open_from_start")
    assert operation["result"]["changed"] == 0
