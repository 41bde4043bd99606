"""Needs are analysed and turned to somebody; a complex one is promised a response plan (SOP CU-5, CU-6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.database import Database
from app.needs.suggestion import Candidate, FirstRole, NeedKind, Reason, suggest
from app.outbox.relay import relay
from app.sla.models import DeadlineRow
from app.sla.rebuild import check_deadlines
from app.statements import Statement
from app.subscribers import SUBSCRIPTIONS
from tests.conftest import AsUser, Caller
from tests.factories import (
    freeze,
    make_customer,
    make_department,
    make_rules,
    make_team_member,
    make_user,
)

MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)  # 09:00 in Shanghai
PLAN_DUE = datetime(2026, 3, 5, 10, tzinfo=UTC)  # Thursday, 18:00
DEADLINES = Statement(select(*DeadlineRow.__table__.columns).order_by(DeadlineRow.id))
NOTE = "样机已试制,三点温差 0.08 ℃,报告编号 BG-0325"
PLAN = {
    "meeting_at": "2026-03-04T06:00:00Z",
    "minutes": "确认采用双回路方案",
    "solution": "双回路恒温系统,分两批改造",
}


class Desk:
    """People around one customer: his owner sells, a member of his team supports, an outsider may only read."""

    def __init__(
        self, client: httpx.AsyncClient, callers: dict[str, Caller], customer: str
    ) -> None:
        self.client, self.callers, self.customer = client, callers, customer

    def id_of(self, name: str) -> str:
        return str(self.callers[name].user["public_id"])

    async def ask(self, method: str, path: str, body: Any = None, *, by: str = "owner") -> Any:
        url = f"/api/v1/needs{path}"
        return await self.client.request(method, url, json=body, headers=self.callers[by])

    async def record(self, **values: Any) -> dict[str, Any]:
        body = {
            "customer_id": self.customer, "kind": "custom_service", "title": "二期产线改造", "priority": "high",
            "priority_reasons": ["预算已批"], "is_complex": True, **values,
        }  # fmt: skip
        answer = await self.ask("POST", "", body)
        assert answer.status_code == 201, answer.text
        need: dict[str, Any] = answer.json()
        return need

    async def give(self, need: dict[str, Any], **values: Any) -> Any:
        body = {
            "task": "试制双回路样机", "owner_id": self.id_of("helper"), "due_on": "2026-03-25", **values,
        }  # fmt: skip
        return await self.ask("POST", f"/{need['id']}/responsibilities", body)


@pytest.fixture
async def desk(database: Database, client: httpx.AsyncClient, as_user: AsUser) -> Desk:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        sales = await make_department(tx, name="销售部")
        other = await make_department(tx, name="研发部")
        people = {
            "owner": await make_user(tx, role="sales", department=sales),
            "member": await make_user(tx, role="support", department=other),
            "helper": await make_user(tx, role="service", department=other),
        }
        customer = await make_customer(tx, owner=people["owner"])
        await make_team_member(tx, customer, people["member"])
    callers = {name: await as_user(user) for name, user in people.items()}
    return Desk(client, callers, customer["public_id"])


async def states(database: Database) -> list[tuple[str, str, datetime]]:
    rows = await database.all(DEADLINES)
    return [(row["clock"], row["state"], row["due_at"]) for row in rows]


# --- who turns to it first


SELLER, SUPPORTER = Candidate(1, "s", "sales"), Candidate(2, "t", "support")


@pytest.mark.sop("CU-5")
@pytest.mark.parametrize(
    ("kind", "is_complex", "role", "reason"),
    [
        (NeedKind.PRODUCT_PURCHASE, False, FirstRole.SALES, Reason.PURCHASE_IS_SOLD),
        (NeedKind.PRODUCT_PURCHASE, True, FirstRole.SALES, Reason.PURCHASE_IS_SOLD),
        (NeedKind.TECHNICAL_CONSULTING, False, FirstRole.SUPPORT, Reason.QUESTION_IS_TECHNICAL),
        (NeedKind.CUSTOM_SERVICE, False, FirstRole.SALES, Reason.TERMS_COME_FIRST),
        (NeedKind.CUSTOM_SERVICE, True, FirstRole.SUPPORT, Reason.FEASIBILITY_DECIDES),
    ],
)
def test_the_first_owner_follows_from_what_is_needed(
    kind: NeedKind, is_complex: bool, role: FirstRole, reason: Reason
) -> None:
    found = suggest(kind, [SELLER, SUPPORTER], is_complex=is_complex)
    assert (found.role, found.reason) == (role, reason)
    assert found.candidate is (SELLER if role is FirstRole.SALES else SUPPORTER)
    assert suggest(kind, [], is_complex=is_complex).candidate is None


@pytest.mark.sop("CU-5")
async def test_the_one_suggested_is_taken_and_another_one_needs_a_reason(desk: Desk) -> None:
    need = await desk.record()
    assert need["first_owner_id"] == desk.id_of("member") == need["suggestion"]["user_id"]
    body = {"first_owner_id": desk.id_of("owner")}
    answer = await desk.ask("PATCH", f"/{need['id']}", body)
    assert [one["code"] for one in answer.json()["errors"]] == ["override_reason_missing"]
    answer = await desk.ask("PATCH", f"/{need['id']}", body | {"override_reason": "客户点名"})
    changed = answer.json()
    assert (changed["first_owner_id"], changed["override_reason"]) == (
        body["first_owner_id"],
        "客户点名",
    )
    assert changed["suggestion"] == need["suggestion"]


# --- the promise of a plan


@pytest.mark.sop("CU-6")
async def test_a_complex_need_is_promised_a_plan_in_three_working_days(
    desk: Desk, database: Database
) -> None:
    need = await desk.record()
    await desk.record(is_complex=False)
    assert await states(database) == [("need_plan", "running", PLAN_DUE)]
    await relay(database, SUBSCRIPTIONS)
    url = f"/api/v1/customers/{desk.customer}/timeline"
    timeline = await desk.client.get(url, headers=desk.callers["owner"])
    assert [one["kind"] for one in timeline.json()["items"]] == ["need.recorded"] * 2
    (row,) = await database.all(DEADLINES)
    assert row["owner_id"] == desk.callers["member"].user["id"]
    assert need["deadlines"][0]["state"] == "running"


@pytest.mark.sop("CU-6")
@pytest.mark.parametrize(("after", "state"), [(0, "met"), (1, "late")])
async def test_an_agreed_plan_answers_it_to_the_microsecond(
    desk: Desk, database: Database, after: int, state: str
) -> None:
    need = await desk.record()
    url = f"/{need['id']}/plan"
    assert (await desk.ask("POST", f"{url}/agree")).json()["code"] == "need_plan_missing"
    await desk.ask("PUT", url, {"solution": "双回路恒温系统"})
    lacking = (await desk.ask("POST", f"{url}/agree")).json()
    assert lacking["code"] == "need_plan_incomplete"
    assert lacking["values"] == {"missing": "meeting_at, minutes, responsibilities"}
    body = PLAN | {"attendee_ids": [desk.id_of("member")]}
    assert (await desk.ask("PUT", url, body)).status_code == 200
    assert (await desk.give(need)).status_code == 201
    await freeze(database, PLAN_DUE + timedelta(microseconds=after))
    agreed = (await desk.ask("POST", f"{url}/agree")).json()
    assert agreed["plans"][0]["status"] == "agreed"
    assert [one for _, one, _ in await states(database)] == [state, "running"]
    assert (await desk.ask("PUT", url, PLAN)).json()["code"] == "need_plan_agreed"
    await check_deadlines(database)


@pytest.mark.sop("CU-6")
async def test_a_need_that_is_simple_after_all_is_owed_no_plan_until_it_is_complex_again(
    desk: Desk, database: Database
) -> None:
    need = await desk.record()
    for is_complex, expected in ((False, ["cancelled"]), (True, ["cancelled", "running"])):
        answer = await desk.ask("PATCH", f"/{need['id']}", {"is_complex": is_complex})
        assert [one["state"] for one in answer.json()["deadlines"]] == expected
    assert await desk.ask("POST", f"/{need['id']}/drop", {"reason": "项目取消"})
    assert [state for _, state, _ in await states(database)] == ["cancelled", "cancelled"]


@pytest.mark.sop("CU-6")
async def test_the_plans_promise_goes_with_its_first_owner(desk: Desk, database: Database) -> None:
    need = await desk.record()
    body = {"first_owner_id": desk.id_of("owner"), "override_reason": "客户点名"}
    await desk.ask("PATCH", f"/{need['id']}", body)
    (row,) = await database.all(DEADLINES)
    assert row["owner_id"] == desk.callers["owner"].user["id"]


# --- responsibilities


@pytest.mark.sop("CU-6")
async def test_whoever_is_responsible_tells_what_was_done(desk: Desk, database: Database) -> None:
    need = await desk.record()
    task = (await desk.give(need, due_on="2026-03-28")).json()["responsibilities"][0]
    # A Saturday: until Monday evening.
    assert task["deadlines"][0]["due_at"] == "2026-03-30T10:00:00.000000Z"
    url = f"/{need['id']}/responsibilities/{task['id']}/done"
    refused = await desk.ask("POST", url, {"note": "已处理"}, by="helper")
    assert (refused.status_code, refused.json()["code"]) == (422, "note_vague")
    open_yet = await desk.ask("POST", f"/{need['id']}/close", {"outcome": "已签合同"})
    assert (open_yet.status_code, open_yet.json()["code"]) == (409, "responsibilities_open")
    done = await desk.ask("POST", url, {"note": NOTE}, by="helper")
    assert done.json()["responsibilities"][0]["deadlines"][0]["state"] == "met"
    again = await desk.ask("POST", url, {"note": NOTE}, by="helper")
    assert again.json()["code"] == "responsibility_ended"
    closed = await desk.ask("POST", f"/{need['id']}/close", {"outcome": "已签合同"})
    assert (closed.json()["status"], closed.json()["outcome"]) == ("answered", "已签合同")


async def test_a_bystander_writes_nothing(desk: Desk) -> None:
    need = await desk.record()
    assert (await desk.ask("GET", f"/{need['id']}", by="helper")).status_code == 200
    for method, path, body in (
        ("PATCH", "", {"priority": "low"}),
        ("PUT", "/plan", PLAN),
        ("POST", "/drop", {"reason": "不做了"}),
    ):
        answer = await desk.ask(method, f"/{need['id']}{path}", body, by="helper")
        assert answer.status_code == 403


async def test_a_day_that_is_over_is_no_date_for_a_responsibility(desk: Desk) -> None:
    need = await desk.record()
    for due_on in ("2026-02-27", "1900-01-01"):
        answer = await desk.give(need, due_on=due_on)
        assert [one["code"] for one in answer.json()["errors"]] == ["due_on_passed"]


async def test_a_date_beyond_all_calendars_is_refused(desk: Desk) -> None:
    need = await desk.record()
    answer = await desk.give(need, due_on="9999-12-31")
    assert answer.status_code == 422


@pytest.mark.sop("CU-5")
async def test_needs_are_found_by_what_they_are(desk: Desk) -> None:
    first = await desk.record(priority="low")
    await desk.record(kind="product_purchase", is_complex=False)
    for query in ("priority=low", "is_complex=true", f"first_owner_id={desk.id_of('member')}"):
        answer = await desk.ask("GET", f"?customer_id={desk.customer}&{query}")
        assert [one["id"] for one in answer.json()["items"]] == [first["id"]]
