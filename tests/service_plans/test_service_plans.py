"""What customers are promised by service plans, turn by turn, each with a verdict (SOP CU-17)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.calendars.document import parse_calendar
from app.calendars.shipped import shipped_document
from app.calendars.working_time import compile_calendar
from app.database import Database
from app.outbox.relay import relay
from app.service_plans.cadence import Cadence, EveryUnit
from app.service_plans.turning import open_due_turns
from app.service_plans.turns import HORIZON, turn_after
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
DAY = timedelta(days=1)
NOTE = "巡检 3 台恒温箱,更换 2 号机风扇,温差 0.1 ℃ 以内"
OFFICE = compile_calendar(parse_calendar(shipped_document("office")))
DEADLINES = Statement(select(*DeadlineRow.__table__.columns).order_by(DeadlineRow.id))


def due(month: int, day: int) -> datetime:
    """Return 18:00 in Shanghai of a day in 2026."""
    return datetime(2026, month, day, 10, tzinfo=UTC)


# --- when turns fall


@pytest.mark.sop("CU-17")
@pytest.mark.parametrize(
    ("amount", "unit", "dates"),
    [
        (1, EveryUnit.MONTHS, ["2026-01-31", "2026-02-28", "2026-03-31", None]),
        (2, EveryUnit.WEEKS, ["2026-01-31", "2026-02-14", "2026-02-28", "2026-03-14"]),
        (30, EveryUnit.DAYS, ["2026-01-31", "2026-03-02", "2026-04-01", None]),
    ],
)
def test_turns_are_counted_from_the_start_to_the_end(
    amount: int, unit: EveryUnit, dates: list[str | None]
) -> None:
    cadence = Cadence(date(2026, 1, 31), date(2026, 4, 1), amount, unit)
    found = [cadence.date_of(number) for number in (1, 2, 3, 4)]
    assert [None if one is None else one.isoformat() for one in found] == dates


def test_dates_of_its_own_are_taken_in_their_order() -> None:
    cadence = Cadence(dates=[date(2026, 5, 1), date(2026, 9, 1)])
    assert [cadence.date_of(n) for n in (1, 2, 3)] == [date(2026, 5, 1), date(2026, 9, 1), None]


@given(
    st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    st.integers(1, 40),
    st.sampled_from(EveryUnit),
    st.integers(0, 400),
)
def test_turns_follow_one_another_and_open_before_they_are_due(
    start: date, amount: int, unit: EveryUnit, days: int
) -> None:
    cadence = Cadence(start, None, amount, unit)
    at = MONDAY + days * DAY
    turn = turn_after(cadence, OFFICE, 1, since=at, due_after=at)
    for _ in range(5):
        assert turn is not None
        following = turn_after(
            cadence, OFFICE, turn.number + 1, since=turn.due_at, due_after=turn.due_at
        )
        assert following is not None
        assert turn.opens_at < turn.due_at < following.due_at
        assert following.opens_at >= turn.due_at
        assert turn.due_at - turn.opens_at < HORIZON + 12 * DAY  # and the longest holiday
        turn = following


# --- a plan in force


class Desk:
    """A customer with an owner who sells, a helper in his team, and a colleague elsewhere."""

    def __init__(
        self,
        database: Database,
        client: httpx.AsyncClient,
        callers: dict[str, Caller],
        customer: str,
    ) -> None:
        self.database, self.client, self.callers, self.customer = (
            database,
            client,
            callers,
            customer,
        )

    def id_of(self, name: str) -> str:
        return str(self.callers[name].user["public_id"])

    async def ask(self, method: str, path: str, body: Any = None, *, by: str = "owner") -> Any:
        url = f"/api/v1{path}"
        return await self.client.request(method, url, json=body, headers=self.callers[by])

    async def plan(self, *items: dict[str, Any], activate: bool = True) -> str:
        body = {"customer_id": self.customer, "title": "专属服务", "items": list(items)}
        answer = await self.ask("POST", "/service-plans", body)
        assert answer.status_code == 201, answer.text
        plan = f"/service-plans/{answer.json()['id']}"
        if activate:
            answer = await self.ask("POST", f"{plan}/activate")
            assert answer.status_code == 200, answer.text
        return plan

    async def turns(self) -> list[Any]:
        answer = await self.ask("GET", "/service-occurrences?sort=opened_at")
        items: list[Any] = answer.json()["items"]
        return items

    async def verdicts(self) -> list[tuple[int, str, str]]:
        return [(one["number"], one["status"], one["state"]) for one in await self.turns()]

    async def pass_to(self, at: datetime) -> None:
        await freeze(self.database, at)
        await open_due_turns(self.database)

    async def done(self, turn: Any, *, by: str = "owner", note: str = NOTE) -> Any:
        return await self.ask(
            "POST", f"/service-occurrences/{turn['id']}/done", {"note": note}, by=by
        )


@pytest.fixture
async def desk(database: Database, client: httpx.AsyncClient, as_user: AsUser) -> Desk:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        sales = await make_department(tx, name="销售部")
        other = await make_department(tx, name="研发部")
        people = {
            "owner": await make_user(tx, role="sales", department=sales),
            "helper": await make_user(tx, role="support", department=other),
            "colleague": await make_user(tx, role="service", department=other),
            "admin": await make_user(tx, role="admin"),
        }
        customer = await make_customer(tx, owner=people["owner"])
        await make_team_member(tx, customer, people["helper"], role="应用支持")
    callers = {name: await as_user(user) for name, user in people.items()}
    return Desk(database, client, callers, customer["public_id"])


def monthly(**values: Any) -> dict[str, Any]:
    every = {"amount": 1, "unit": "months"}
    return {
        "title": "上门巡检",
        "assignee": "owner",
        "every": every,
        "starts_on": "2026-03-16",
        **values,
    }


@pytest.mark.sop("CU-17")
async def test_the_first_turn_counts_from_the_plans_activation(desk: Desk) -> None:
    plan = await desk.plan(monthly(), activate=False)
    assert await desk.turns() == []
    await desk.ask("POST", f"{plan}/activate")
    (turn,) = await desk.turns()
    assert (turn["number"], turn["promised_on"], turn["state"]) == (1, "2026-03-16", "running")
    assert (turn["due_at"], turn["owner_id"]) == (
        "2026-03-16T10:00:00.000000Z",
        desk.id_of("owner"),
    )
    shown = (await desk.ask("GET", plan)).json()["items"][0]
    assert shown["next_opens_at"] == "2026-03-16T10:00:00.000000Z"


@pytest.mark.sop("CU-17")
async def test_a_turn_that_is_done_lets_the_next_one_open_at_most_35_days_ahead(desk: Desk) -> None:
    await desk.plan(monthly(every={"amount": 2, "unit": "months"}))
    (turn,) = await desk.turns()
    answer = await desk.done(turn)
    assert (answer.json()["status"], answer.json()["state"]) == ("done", "met")
    assert len(await desk.turns()) == 1
    opens_at = datetime(2026, 4, 10, 16, tzinfo=UTC)  # 35 days before 16 May, at its midnight
    await desk.pass_to(opens_at - timedelta(microseconds=1))
    assert len(await desk.turns()) == 1
    await desk.pass_to(opens_at)
    assert [one["promised_on"] for one in await desk.turns()] == ["2026-03-16", "2026-05-16"]
    await check_deadlines(desk.database)


@pytest.mark.sop("CU-17")
async def test_an_unanswered_turn_holds_up_nothing_and_is_missed_for_good_by_the_next_one(
    desk: Desk,
) -> None:
    await desk.plan(monthly(every={"amount": 1, "unit": "weeks"}))
    await desk.pass_to(due(3, 16) - timedelta(microseconds=1))
    assert await desk.verdicts() == [(1, "open", "running")]
    await desk.pass_to(due(3, 17))
    assert await desk.verdicts() == [(1, "open", "missed"), (2, "open", "running")]
    second = (await desk.turns())[1]
    assert (
        second["opened_at"] == "2026-03-16T10:00:00.000000Z"
    )  # when the first came due, not when we looked
    assert (await desk.done(second)).status_code == 200
    found = await desk.verdicts()
    assert found == [(1, "missed", "missed"), (2, "done", "met"), (3, "open", "running")]


@pytest.mark.sop("CU-17")
async def test_a_late_turn_is_late_and_the_next_one_stays(desk: Desk) -> None:
    await desk.plan(monthly(every={"amount": 1, "unit": "weeks"}))
    await desk.pass_to(due(3, 17))
    first = (await desk.turns())[0]
    await desk.done(first)
    assert await desk.verdicts() == [(1, "done", "late"), (2, "open", "running")]


@pytest.mark.sop("CU-17")
async def test_turns_that_nobody_looked_after_are_made_up_for(desk: Desk) -> None:
    await desk.plan(monthly(ends_on="2026-06-30"))
    await desk.pass_to(due(12, 1))
    found = [(one["promised_on"], one["state"]) for one in await desk.turns()]
    days = ("2026-03-16", "2026-04-16", "2026-05-16", "2026-06-16")
    assert found == [(day, "missed") for day in days]


@pytest.mark.sop("CU-17")
async def test_turns_due_at_the_same_instant_are_one(desk: Desk) -> None:
    await desk.plan(monthly(every={"amount": 1, "unit": "days"}, starts_on="2026-03-06"))
    await desk.pass_to(due(3, 10) - timedelta(microseconds=1))
    # Friday, the weekend with Monday, Tuesday.
    assert [one["promised_on"][-2:] for one in await desk.turns()] == ["06", "07", "10"]


@pytest.mark.sop("CU-17")
async def test_a_vague_note_answers_nothing(desk: Desk) -> None:
    await desk.plan(monthly())
    (turn,) = await desk.turns()
    answer = await desk.done(turn, note="已处理")
    assert (answer.status_code, answer.json()["code"]) == (422, "note_vague")
    assert await desk.verdicts() == [(1, "open", "running")]


@pytest.mark.sop("CU-17")
async def test_a_turn_is_kept_by_who_has_the_role_even_when_it_goes_to_another(desk: Desk) -> None:
    await desk.plan(
        monthly(assignee="team_role", team_role="应用支持"),
        monthly(assignee="user", user_id=desk.id_of("colleague")),
        monthly(assignee="account_manager"),
    )
    names = ("helper", "colleague", "owner")
    assert [one["owner_id"] for one in await desk.turns()] == [desk.id_of(one) for one in names]
    body = {"members": [{"user_id": desk.id_of("admin"), "role": "应用支持"}]}
    await desk.ask("PUT", f"/customers/{desk.customer}/account-team", body)
    await desk.ask(
        "PATCH", f"/customers/{desk.customer}", {"account_manager_id": desk.id_of("helper")}
    )
    await relay(desk.database, SUBSCRIPTIONS)
    names = ("admin", "colleague", "helper")
    turns = await desk.turns()
    assert [one["owner_id"] for one in turns] == [desk.id_of(one) for one in names]
    assert (await desk.done(turns[1], by="colleague")).status_code == 200
    assert (await desk.done(turns[0], by="colleague")).status_code == 403


@pytest.mark.sop("CU-17")
async def test_what_ends_is_promised_no_longer(desk: Desk) -> None:
    plan = await desk.plan(monthly(), monthly(title="季度汇报"))
    item = (await desk.ask("GET", plan)).json()["items"][0]["id"]
    reason = {"reason": "合同到期"}
    assert (await desk.ask("POST", f"{plan}/items/{item}/end", reason)).status_code == 200
    again = await desk.ask("POST", f"{plan}/items/{item}/end", reason)
    assert again.json()["code"] == "service_item_ended"
    assert await desk.verdicts() == [(1, "cancelled", "cancelled"), (1, "open", "running")]
    ended = (await desk.ask("POST", f"{plan}/end", reason)).json()
    assert (ended["status"], ended["end_reason"]) == ("ended", "合同到期")
    await desk.pass_to(due(9, 1))
    assert await desk.verdicts() == [(1, "cancelled", "cancelled")] * 2
    for path, body in (("items", monthly()), ("end", reason)):
        answer = await desk.ask("POST", f"{plan}/{path}", body)
        assert answer.json()["code"] == "service_plan_ended"


@pytest.mark.sop("CU-17")
async def test_a_turn_called_off_has_no_verdict_and_the_next_one_follows(desk: Desk) -> None:
    await desk.plan(monthly())
    (turn,) = await desk.turns()
    url = f"/service-occurrences/{turn['id']}"
    await desk.ask("POST", f"{url}/cancel", {"reason": "客户停产检修"})
    await desk.pass_to(due(3, 13))
    assert await desk.verdicts() == [(1, "cancelled", "cancelled"), (2, "open", "running")]
    assert (await desk.ask("GET", url)).json()["note"] == "客户停产检修"
    assert (await desk.done(turn)).json()["code"] == "service_turn_ended"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"assignee": "user"}, "assignee_incomplete"),
        ({"team_role": "应用支持"}, "assignee_incomplete"),
        ({"every": None}, "frequency_incomplete"),
        ({"dates": ["2026-05-01"]}, "frequency_incomplete"),
        ({"ends_on": "2026-03-01"}, "frequency_incomplete"),
    ],
)
async def test_half_a_promise_is_refused(desk: Desk, changes: dict[str, Any], code: str) -> None:
    body = {"customer_id": desk.customer, "title": "专属服务", "items": [monthly(**changes)]}
    answer = await desk.ask("POST", "/service-plans", body)
    assert [one["code"] for one in answer.json()["errors"]] == [code]


async def test_an_empty_plan_and_one_in_force_cannot_be_activated(desk: Desk) -> None:
    plan = await desk.plan(activate=False)
    assert (await desk.ask("POST", f"{plan}/activate")).json()["code"] == "service_plan_empty"
    plan = await desk.plan(monthly())
    assert (await desk.ask("POST", f"{plan}/activate")).json()["code"] == "service_plan_not_draft"


async def test_dates_beyond_what_calendars_serve_open_nothing(desk: Desk) -> None:
    await desk.plan(monthly(every=None, starts_on=None, dates=["2199-12-31"]))
    body = {"customer_id": desk.customer, "title": "p", "items": [monthly(starts_on="9999-12-31")]}
    answer = await desk.ask("POST", "/service-plans", body)
    assert [one["code"] for one in answer.json()["errors"]] == ["date_invalid"]
    await desk.plan(monthly(starts_on="1900-01-01"))
    # The first of March is a Sunday: due on Monday, which is today.
    assert [one["promised_on"] for one in await desk.turns()] == ["2026-03-01"]
