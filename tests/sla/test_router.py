"""Routes of deadlines, escalations, policies and rules: what is read, who may correct, what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.audit.models import AuditEntry
from app.columns import new_public_id
from app.database import Database
from app.notifications.models import Mail, Notification
from app.outbox.models import OutboxMessage
from app.reading import PageRequest, _page_statement
from app.settings import ClockMode
from app.sla import enforcement, service, views
from app.sla.deadline import State
from app.sla.facts import FactKind
from app.sla.register import REGISTER
from app.sla.schemas import (
    DeadlinePage,
    DeadlineRead,
    EscalationPage,
    EscalationProof,
    PolicyPage,
    PolicyRead,
    RulePage,
)
from app.sla.service import NewFact
from app.sla.texts import ANSWERED_BY, OPENS_ON
from app.statements import Row, Statement, postgresql_dialect, sqlite_dialect
from tests.conftest import AsUser, Caller
from tests.factories import (
    freeze,
    make_customer,
    make_department,
    make_rules,
    make_subject,
    make_user,
)

API = "/api/v1"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MICROSECOND = timedelta(microseconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOTICES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
MESSAGES = Statement(select(*OutboxMessage.__table__.columns).order_by(OutboxMessage.id))
AUDIT = Statement(select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))


@dataclass
class World:
    """A department with its supervisor and a member, a stranger's department, a customer, and a client."""

    database: Database
    http: httpx.AsyncClient
    department: Row
    customer: Row
    boss: Caller
    owner: Caller
    stranger: Caller

    async def get(self, path: str, who: Caller | None = None, **query: Any) -> httpx.Response:
        params = {name.replace("__", "[", 1) + "]" * ("__" in name): v for name, v in query.items()}
        return await self.http.get(API + path, headers=who or self.boss, params=params)

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]  # type: ignore[no-any-return]

    async def open(self, number: int = 1, **values: Any) -> service.LockedSubject:
        given = {"owner": self.owner.user, "department": self.department, "customer": self.customer}
        async with self.database.transaction() as tx:
            return await make_subject(tx, number=number, **(given | values))

    async def append(self, *facts: NewFact, number: int = 1) -> None:
        async with self.database.transaction() as tx:
            subject = await service.lock(tx, "ticket", number)
            await service.append(tx, subject, *facts)

    async def move(self, at: datetime, kind: FactKind, number: int = 1, **data: Any) -> None:
        await freeze(self.database, at)
        await self.append(NewFact(kind, data), number=number)

    async def deadline(self, clock: str, **query: Any) -> dict[str, Any]:
        found = await self.items("/deadlines", clock=clock, **query)
        assert len(found) == 1
        return found[0]

    async def correct(
        self,
        deadline_id: str,
        at: datetime,
        who: Caller | None = None,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> httpx.Response:
        body = {"claimed_at": at.isoformat(), "reason": "通话录音证明当时已受理", **values}
        return await self.http.post(
            f"{API}/deadlines/{deadline_id}/correct",
            headers={**(who or self.boss), **(headers or {})},
            json=body,
        )


@pytest.fixture
async def world(database: Database, client: httpx.AsyncClient, as_user: AsUser) -> World:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        department = await make_department(tx)
        other = await make_department(tx, name="销售部")
        boss = await make_user(tx, role="manager", name="李雷", department=department)
        owner = await make_user(tx, department=department, manager=boss)
        stranger = await make_user(tx, role="manager", name="王强", department=other)
        customer = await make_customer(tx, owner=boss)
    return World(
        database, client, department, customer,
        await as_user(boss), await as_user(owner), await as_user(stranger),
    )  # fmt: skip


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


def pointers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


# --- reading deadlines


async def test_a_list_shows_promises_in_the_contract_form_with_public_ids(world: World) -> None:
    subject = await world.open()
    answer = await world.get("/deadlines")
    page = DeadlinePage.model_validate_json(answer.content)
    assert [one.clock for one in page.items] == ["accept", "resolve"]
    accept = page.items[0]
    assert str(accept.subject_id) == subject.row["subject_public_id"]
    assert str(accept.owner_id) == world.owner.user["public_id"]
    assert str(accept.customer_id) == world.customer["public_id"]
    assert str(accept.department_id) == world.department["public_id"]
    assert accept.due_at == MONDAY + 30 * MINUTE
    assert (accept.used_seconds, accept.intervals_skipped, accept.late_seconds) == (None,) * 3
    assert [one.level for one in accept.levels] == [1, 2, 3, 4]
    assert '"started_at":"2026-03-02T01:00:00.000000Z"' in answer.text


async def test_an_empty_list_is_an_empty_page(world: World) -> None:
    answer = await world.get("/deadlines", total="true")
    assert answer.json() == {"items": [], "next_cursor": None, "has_more": False, "total": 0}


@pytest.mark.sop("TK-2")
@pytest.mark.parametrize(
    ("passed", "state"),
    [
        (30 * MINUTE - MICROSECOND, "running"),
        (30 * MINUTE, "running"),
        (30 * MINUTE + MICROSECOND, "missed"),
    ],
)
async def test_a_running_deadline_reads_as_missed_from_just_after_due(
    world: World, passed: timedelta, state: str
) -> None:
    await world.open()
    await freeze(world.database, MONDAY + passed)
    row = await world.deadline("accept")
    assert row["state"] == state
    assert row["missed_at"] == (None if state == "running" else row["due_at"])
    assert (await world.items("/deadlines", clock="accept", state=state)) == [row]
    others = [one for one in State if one != state]
    assert await world.items("/deadlines", clock="accept", state=[*others]) == []
    one = await world.get(f"/deadlines/{row['id']}")
    assert one.json() == row


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-03-05T09:59:59.999999Z", "paused"),
        ("2026-03-05T10:00:00Z", "running"),
        ("2026-03-06T03:00:00Z", "running"),
        ("2026-03-06T03:00:00.000001Z", "missed"),
    ],
)
async def test_a_paused_deadline_reads_as_running_and_missed_once_its_limit_has_passed(
    world: World, at: str, state: str
) -> None:
    await world.open(accepted=True)
    question = {"by": "staff", "public": True, "automatic": False, "vague": False}
    await freeze(world.database, MONDAY + 2 * HOUR)
    await world.append(
        NewFact(FactKind.MESSAGE, question), NewFact(FactKind.WAITING, {"reason": "需要截图"})
    )
    await freeze(world.database, datetime.fromisoformat(at))
    row = await world.deadline("resolve")
    assert row["state"] == state
    assert row["pause_ends_at"] == ("2026-03-05T10:00:00.000000Z" if state == "paused" else None)
    assert [row] == await world.items("/deadlines", clock="resolve", state=state)


async def test_one_state_and_several_states_ask_for_the_same_rows(world: World) -> None:
    await world.open(1)
    await world.open(2, accepted=True)
    await world.open(3)
    await world.move(MONDAY + 10 * MINUTE, FactKind.ACCEPTED, 1)
    await world.move(MONDAY + 40 * MINUTE, FactKind.ACCEPTED, 3)
    await world.move(MONDAY + 50 * MINUTE, FactKind.WAITING, 2, reason="需要截图")
    await world.move(MONDAY + HOUR, FactKind.RECLASSIFIED, 1, complexity="complex")
    await world.move(MONDAY + 2 * HOUR, FactKind.CANCELLED, 3, reason="客户撤回")
    await freeze(world.database, MONDAY + 4 * HOUR + 30 * MINUTE)
    rows = await world.items("/deadlines")
    found = {state: await world.items("/deadlines", state=state.value) for state in State}
    for state in State:
        assert found[state] == [row for row in rows if row["state"] == state.value]
    assert {state.value for state, some in found.items() if some} == set(State)
    two = await world.items("/deadlines", state=["met", "late"])
    assert two == [row for row in rows if row["state"] in ("met", "late")]


async def test_the_sweeps_mark_changes_nothing_that_is_read_but_when_it_was_detected(
    world: World,
) -> None:
    await world.open()
    await freeze(world.database, MONDAY + HOUR)
    before = await world.deadline("accept")
    await enforcement.sweep(world.database)
    after = await world.deadline("accept")
    assert after["detected_at"] == "2026-03-02T02:00:00.000000Z"
    assert [one["fired_at"] for one in after["levels"]] == ["2026-03-02T02:00:00.000000Z"] * 2 + [
        None
    ] * 2
    del before["detected_at"], before["levels"], after["detected_at"], after["levels"]
    assert before == after


async def test_filters_leave_what_they_name(world: World) -> None:
    await world.open(1)
    await world.open(2, owner=None, department=None, customer=None)
    mine = await world.items("/deadlines", owner_id=world.owner.user["public_id"])
    assert len(mine) == 2
    assert mine == await world.items("/deadlines", customer_id=world.customer["public_id"])
    assert mine == await world.items("/deadlines", department_id=world.department["public_id"])
    assert mine == await world.items(
        "/deadlines", subject_type="ticket", subject_id=mine[0]["subject_id"]
    )
    assert len(await world.items("/deadlines", rule="TK-5")) == 2
    assert await world.items("/deadlines", rule="TK-9") == []
    assert await world.items("/deadlines", subject_type="survey") == []
    assert await world.items("/deadlines", owner_id=new_public_id()) == []
    due = MONDAY + 30 * MINUTE
    assert len(await world.items("/deadlines", due_at__gte=due.isoformat())) == 4
    assert len(await world.items("/deadlines", due_at__lt=due.isoformat())) == 0
    just_after = (due + MICROSECOND).isoformat()
    assert len(await world.items("/deadlines", due_at__lt=just_after)) == 2


@pytest.mark.parametrize("sort", ["due_at", "-due_at", "started_at", "-started_at"])
async def test_pages_go_through_every_row_once_in_order(world: World, sort: str) -> None:
    for number in range(1, 4):
        await world.open(number)
    whole = await world.items("/deadlines", sort=sort)
    seen: list[dict[str, Any]] = []
    page: dict[str, Any] = {"has_more": True}
    query: dict[str, Any] = {"sort": sort, "limit": 2}
    while page["has_more"]:
        page = (await world.get("/deadlines", **query)).json()
        seen += page["items"]
        query["cursor"] = page["next_cursor"]
    assert seen == whole
    key = sort.lstrip("-")
    values = [row[key] for row in whole]
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_a_cursor_of_another_state_is_refused(world: World) -> None:
    await world.open()
    page = (await world.get("/deadlines", limit=1, state="running")).json()
    refused = await world.get("/deadlines", limit=1, state="missed", cursor=page["next_cursor"])
    assert (refused.status_code, code_of(refused)) == (400, "cursor_of_another_list")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"limit": 0}, "/query/limit"),
        ({"sort": "owner"}, "/query/sort"),
        ({"state": "overdue"}, "/query/state/0"),
        ({"owner_id": "7"}, "/query/owner_id"),
        ({"due_at__gte": "2026-03-02T09:00:00"}, "/query/due_at[gte]"),
        ({"due_at__lt": "9999-12-31T23:59:59Z"}, "/query/due_at[lt]"),
        ({"due_at__lt": "0001-01-01T00:00:00+14:00"}, "/query/due_at[lt]"),
        ({"due_at__lt": "1772413200"}, "/query/due_at[lt]"),
        ({"rule": "TK\x005"}, "/query/rule"),
        ({"unknown": "1"}, "/query/unknown"),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(
    world: World, query: dict[str, Any], pointer: str
) -> None:
    refused = await world.get("/deadlines", **query)
    assert refused.status_code == 422
    assert [where for where, _ in pointers(refused)] == [pointer]


async def test_one_deadline_carries_the_number_of_its_subjects_facts_as_etag(world: World) -> None:
    await world.open()
    row = await world.deadline("resolve")
    first = await world.get(f"/deadlines/{row['id']}")
    DeadlineRead.model_validate_json(first.content)
    assert first.headers["etag"] == '"1"'
    await world.move(MONDAY + MINUTE, FactKind.ACCEPTED)
    assert (await world.get(f"/deadlines/{row['id']}")).headers["etag"] == '"2"'


async def test_a_deadline_that_is_not_there_is_not_found(world: World) -> None:
    assert (await world.get(f"/deadlines/{new_public_id()}")).status_code == 404
    assert (await world.get(f"/deadlines/{new_public_id()}/explain")).status_code == 404
    assert (await world.correct(new_public_id(), MONDAY)).status_code == 404
    assert (await world.get("/deadlines/7")).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["/deadlines", "/escalations", "/sla/policies", "/sop/rules", "/calendars"],
)
async def test_nobody_reads_without_logging_in(world: World, path: str) -> None:
    assert (await world.http.get(API + path)).status_code == 401


async def test_the_auditor_reads_rules_but_no_deadlines(world: World, as_user: AsUser) -> None:
    async with world.database.transaction() as tx:
        auditor = await make_user(tx, role="auditor")
    who = await as_user(auditor)
    for path in ("/deadlines", f"/deadlines/{new_public_id()}", "/escalations"):
        assert (await world.get(path, who)).status_code == 403
    for path in ("/sla/policies", "/sop/rules", "/calendars"):
        assert (await world.get(path, who)).status_code == 200


async def test_the_deadlines_of_one_subject_are_one_call(world: World) -> None:
    await world.open(1)
    await world.open(2)
    await world.move(MONDAY + MINUTE, FactKind.ACCEPTED, 2)
    body = await views.deadlines_of(world.database, "ticket", 2, secret=b"s")
    page = DeadlinePage.model_validate_json(body)
    assert [one.clock for one in page.items] == ["accept", "resolve", "progress"]
    short = PageRequest(sort="-due_at", limit=1)
    body = await views.deadlines_of(world.database, "ticket", 1, short, secret=b"s")
    page = DeadlinePage.model_validate_json(body)
    assert [one.clock for one in page.items] == ["resolve"]
    assert page.has_more


# --- correcting


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


# --- escalations


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


# --- policies and rules


async def test_policies_are_listed_in_the_order_in_which_they_are_asked(world: World) -> None:
    answer = await world.get("/sla/policies")
    page = PolicyPage.model_validate_json(answer.content)
    assert [(one.name, one.is_active) for one in page.items] == [
        ("toolkit", True), ("tiered-cases", False), ("none", False),
    ]  # fmt: skip
    assert page.items[0].document["clocks"]["accept"] == {"target": {"minutes": 30}}


async def test_a_policy_is_read_by_name_with_its_versions(world: World) -> None:
    answer = await world.get("/sla/policies/tiered-cases")
    policy = PolicyRead.model_validate_json(answer.content)
    assert [one.number for one in policy.versions] == [1]
    assert policy.versions[0].document == policy.document
    assert answer.headers["etag"] == '"1"'
    for name in ("nonesuch", "%00", "tool%00kit", "😀", "a" * 500):
        assert (await world.get(f"/sla/policies/{name}")).status_code == 404


async def test_the_register_is_told_whole_in_both_languages(world: World) -> None:
    answer = await world.get("/sop/rules")
    page = RulePage.model_validate_json(answer.content)
    assert [one.clock for one in page.items] == [row.clock for row in REGISTER]
    resolve = next(one for one in page.items if one.clock == "resolve")
    assert (resolve.rule, resolve.pauses, resolve.house) == ("TK-5", True, False)
    assert (resolve.title.zh, resolve.opens_on.zh) == ("解决", "工单创建")
    tickets = await world.items("/sop/rules", subject="ticket", rule="TK-5")
    assert [one["clock"] for one in tickets] == ["resolve", "first_answer"]
    assert (await world.get("/sop/rules", limit=1)).status_code == 422


def test_every_clock_of_the_register_has_its_chinese_words() -> None:
    clocks = {row.clock for row in REGISTER}
    assert set(OPENS_ON) == clocks
    assert set(ANSWERED_BY) == clocks


@pytest.mark.parametrize(
    "statement",
    [
        views.DEADLINE,
        views.EXPLANATION,
        _page_statement(views.DEADLINES, "due_at", ("state_missed", "states"), False),
    ],
)
def test_a_statement_reads_the_instant_once(statement: Statement) -> None:
    on_postgres = statement.plan(postgresql_dialect(ClockMode.real)).sql
    assert on_postgres.count("clock_timestamp") == 1
    on_sqlite = statement.plan(sqlite_dialect(ClockMode.real)).sql
    assert on_sqlite.count("real_now") == 1
