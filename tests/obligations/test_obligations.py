"""Promises about matters of other systems: put on the clock, kept, late, told afterwards, cancelled, given away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.database import Database
from app.notifications.models import Notification
from app.obligations.models import Obligation
from app.outbox.relay import relay
from app.sla.enforcement import sweep
from app.sla.models import DeadlineRow, Escalation
from app.sla.rebuild import check_deadlines
from app.statements import Statement
from app.subscribers import SUBSCRIPTIONS
from tests.conftest import Caller, LoginAs
from tests.factories import freeze, make_customer, make_department, make_rules, make_user
from tests.routes.targets import own_rule

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
DUE = MONDAY + timedelta(hours=4)
MICROSECOND = timedelta(microseconds=1)
OBLIGATIONS = Statement(select(*Obligation.__table__.columns))
DEADLINES = Statement(select(*DeadlineRow.__table__.columns).order_by(DeadlineRow.id))
ESCALATIONS = Statement(select(*Escalation.__table__.columns).order_by(Escalation.id))
NOTES = Statement(select(*Notification.__table__.columns).order_by(Notification.id))
Ask = Callable[..., Any]


@pytest.fixture
async def admin(database: Database, login_as: LoginAs) -> Caller:
    await make_rules(database, MONDAY)
    return await login_as("admin")


class Desk:
    """An integration at work: a rule of its own, and matters under it."""

    def __init__(self, client: httpx.AsyncClient, caller: Caller) -> None:
        self.client, self.caller = client, caller

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        url = f"/api/v1{path}"
        return await self.client.request(method, url, json=body, headers={**self.caller, **headers})

    async def add_rule(self, **values: Any) -> dict[str, Any]:
        answer = await self.ask("POST", "/sop/rules", {**own_rule(1), **values})
        assert answer.status_code == 201, answer.text
        rule: dict[str, Any] = answer.json()
        return rule

    async def open(self, ref: str = "R1", **values: Any) -> httpx.Response:
        subject = {"type": "invoice", "ref": ref, "label": f"开票申请 {ref}"}
        return await self.ask(
            "POST", "/obligations", {"clock": "invoice_1", "subject": subject, **values}
        )

    async def opened(self, ref: str = "R1", **values: Any) -> dict[str, Any]:
        answer = await self.open(ref, **values)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def state(self, obligation: dict[str, Any]) -> str:
        answer = await self.ask("GET", f"/obligations/{obligation['id']}")
        return str(answer.json()["deadlines"][0]["state"])


@pytest.fixture
async def desk(client: httpx.AsyncClient, admin: Caller) -> Desk:
    made = Desk(client, admin)
    await made.add_rule()
    return made


@pytest.fixture(autouse=True)
async def sound(database: Database) -> Any:
    yield
    assert await check_deadlines(database) == []


def shown(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


# --- rules of the deployment's own


async def test_a_rule_of_ones_own_stands_in_the_register(desk: Desk) -> None:
    items = (await desk.ask("GET", "/sop/rules")).json()["items"]
    assert items[-1] == {
        "rule": "FIN-1", "clock": "invoice_1", "subject": "obligation",
        "title": {"zh": "开具发票", "en": "Invoice sent"},
        "opens_on": {"zh": "收到开票申请", "en": "the request arrives"},
        "answered_by": {"zh": "发票已寄出", "en": "the invoice is sent"},
        "target": {"amount": 4, "unit": "hours"}, "calendar": "working", "pauses": False,
        "repeats": False, "source": "deployment", "house": False, "shipped_in": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "taken", [{"clock": "invoice_1"}, {"rule": "FIN-1"}, {"clock": "accept"}, {"rule": "TK-2"}]
)
async def test_neither_a_clock_nor_a_rule_is_taken_twice(desk: Desk, taken: dict[str, str]) -> None:
    answer = await desk.ask("POST", "/sop/rules", {**own_rule(2), **taken})
    assert (answer.status_code, answer.json()["code"]) == (409, "rule_exists")


@pytest.mark.parametrize(
    ("amount", "unit", "status"),
    [
        (0, "hours", 422), (1, "hours", 201), (87_600, "hours", 201), (87_601, "hours", 422),
        (120, "months", 201), (121, "months", 422), (1.5, "days", 422), ("3", "days", 422), (3, "weeks", 422),
    ],
)  # fmt: skip
async def test_a_target_is_a_whole_number_of_a_unit_within_reason(
    desk: Desk, amount: Any, unit: str, status: int
) -> None:
    target = {"amount": amount, "unit": unit}
    answer = await desk.ask("POST", "/sop/rules", {**own_rule(2), "target": target})
    assert answer.status_code == status, answer.text


async def test_a_changed_target_holds_for_what_begins_afterwards(desk: Desk) -> None:
    before = await desk.opened("R1")
    rule = await desk.ask(
        "PATCH", "/sop/rules/invoice_1", {"target": {"amount": 1, "unit": "hours"}}
    )
    assert rule.json()["target"] == {"amount": 1, "unit": "hours"}
    after = await desk.opened("R2")
    assert before["deadlines"][0]["due_at"] == shown(DUE)
    assert after["deadlines"][0]["due_at"] == shown(MONDAY + timedelta(hours=1))
    again = await desk.ask("GET", f"/obligations/{before['id']}")
    assert again.json()["deadlines"][0]["due_at"] == shown(DUE)


async def test_an_inactive_rule_takes_nothing_new(desk: Desk) -> None:
    assert (await desk.ask("PATCH", "/sop/rules/invoice_1", {"is_active": False})).is_success
    answer = await desk.open()
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/clock")


async def test_a_rule_changes_under_its_version_only(desk: Desk) -> None:
    stale = await desk.ask(
        "PATCH", "/sop/rules/invoice_1", {"is_active": False}, **{"If-Match": '"7"'}
    )
    assert stale.status_code == 412


# --- the clock


@pytest.mark.parametrize(
    ("at", "state"), [(DUE - MICROSECOND, "met"), (DUE, "met"), (DUE + MICROSECOND, "late")]
)
async def test_what_is_answered_by_due_is_kept(
    database: Database, desk: Desk, at: datetime, state: str
) -> None:
    made = await desk.opened()
    assert (made["status"], made["deadlines"][0]["due_at"]) == ("open", shown(DUE))
    await freeze(database, at)
    answer = await desk.ask("POST", f"/obligations/{made['id']}/answer", {"note": "已寄出"})
    assert answer.json()["status"] == "answered"
    assert answer.json()["deadlines"][0]["state"] == state


async def test_an_instant_of_its_own_counts_instead_of_the_target(desk: Desk) -> None:
    made = await desk.opened(due_at=shown(MONDAY + timedelta(minutes=10)))
    assert made["deadlines"][0]["due_at"] == shown(MONDAY + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("told_at", "state"), [(DUE - MICROSECOND, "met"), (DUE, "met"), (DUE + MICROSECOND, "late")]
)
async def test_what_is_told_by_due_counts_when_it_happened(
    database: Database, desk: Desk, told_at: datetime, state: str
) -> None:
    made = await desk.opened()
    await freeze(database, told_at)
    happened = MONDAY + timedelta(hours=1)
    answer = await desk.ask(
        "POST", f"/obligations/{made['id']}/answer", {"occurred_at": shown(happened)}
    )
    (clock,) = answer.json()["deadlines"]
    assert clock["state"] == state
    if state == "met":
        assert clock["answered_at"] == shown(happened)


async def test_a_matter_answered_already_is_met_at_once(desk: Desk) -> None:
    opened_at = MONDAY - timedelta(hours=2)
    made = await desk.opened(
        opened_at=shown(opened_at), answer={"occurred_at": shown(MONDAY), "note": "补录"}
    )
    assert (made["status"], made["deadlines"][0]["state"]) == ("answered", "met")


@pytest.mark.parametrize(
    ("field", "at", "code"),
    [
        ("opened_at", MONDAY + timedelta(minutes=5, microseconds=1), "in_the_future"),
        ("opened_at", MONDAY - timedelta(hours=24, microseconds=1), "too_long_ago"),
        ("due_at", MONDAY, "not_ahead"),
    ],
)
async def test_instants_out_of_reach_are_refused(
    desk: Desk, field: str, at: datetime, code: str
) -> None:
    answer = await desk.open(**{field: shown(at)})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": f"/{field}", "code": code, "detail": answer.json()["errors"][0]["detail"]}
    ]


async def test_unanswered_it_climbs_and_says_in_words_what_would_satisfy_it(
    database: Database, desk: Desk, login_as: LoginAs
) -> None:
    async with database.transaction() as tx:
        department = await make_department(tx, name="财务部")
        chief = await make_user(tx, role="manager", name="chief", department=department)
        owner = await make_user(
            tx, role="service", name="owner", department=department, manager_id=chief["id"]
        )
    await desk.opened(owner_id=owner["public_id"])
    await freeze(database, DUE + MICROSECOND)
    await sweep(database)
    await relay(database, SUBSCRIPTIONS)
    assert [row["level"] for row in await database.all(ESCALATIONS)] == [1, 2]
    bodies = [row["body_zh"] for row in await database.all(NOTES) if row["user_id"] == chief["id"]]
    assert len(bodies) == 1
    assert "承诺:开具发票(SOP FIN-1)" in bodies[0]
    assert "怎样才算了结:发票已寄出" in bodies[0]
    (row,) = await database.all(DEADLINES)
    explained = (await desk.ask("GET", f"/deadlines/{row['public_id']}/explain")).json()
    assert explained["title"] == {"zh": "开具发票", "en": "Invoice sent"}
    assert explained["satisfied_by"]["en"] == "the invoice is sent"
    assert "开具发票" in explained["sentence"]


async def test_cancelling_gives_no_verdict_but_takes_none_away(
    database: Database, desk: Desk
) -> None:
    early, late = await desk.opened("R1"), await desk.opened("R2")
    answer = await desk.ask("POST", f"/obligations/{early['id']}/cancel", {"reason": "客户撤回"})
    assert (answer.json()["status"], answer.json()["deadlines"][0]["state"]) == (
        "cancelled", "cancelled",
    )  # fmt: skip
    await freeze(database, DUE + MICROSECOND)
    answer = await desk.ask("POST", f"/obligations/{late['id']}/cancel", {"reason": "客户撤回"})
    assert answer.json()["deadlines"][0]["state"] == "missed"


# --- whose it is, and one at a time


async def test_without_an_owner_the_department_that_answers_the_rule_has_it(
    database: Database, desk: Desk
) -> None:
    async with database.transaction() as tx:
        finance = await make_department(tx, name="财务部")
    body = {"answers_department_id": finance["public_id"]}
    assert (await desk.ask("PATCH", "/sop/rules/invoice_1", body)).is_success
    made = await desk.opened()
    assert (made["owner_id"], made["department_id"]) == (None, finance["public_id"])


async def test_given_away_its_open_clock_goes_with_it(database: Database, desk: Desk) -> None:
    async with database.transaction() as tx:
        finance = await make_department(tx, name="财务部")
        owner = await make_user(tx, role="service", department=finance)
    made = await desk.opened()
    answer = await desk.ask("PATCH", f"/obligations/{made['id']}", {"owner_id": owner["public_id"]})
    assert answer.json()["owner_id"] == owner["public_id"]
    assert answer.json()["department_id"] == finance["public_id"]
    (row,) = await database.all(DEADLINES)
    assert (row["owner_id"], row["department_id"]) == (owner["id"], finance["id"])


async def test_a_rule_has_one_open_obligation_for_a_matter(desk: Desk) -> None:
    made = await desk.opened()
    twin = await desk.open()
    assert (twin.status_code, twin.json()["code"]) == (409, "obligation_open")
    assert made["id"] in twin.json()["detail"]
    await desk.ask("POST", f"/obligations/{made['id']}/answer", {})
    assert (await desk.open()).status_code == 201


async def test_what_has_ended_stays_as_it_is(desk: Desk) -> None:
    made = await desk.opened()
    path = f"/obligations/{made['id']}"
    await desk.ask("POST", f"{path}/answer", {})
    for method, tail, body in (
        ("POST", "/answer", {}), ("POST", "/cancel", {"reason": "撤回"}), ("PATCH", "", {"label": "x"}),
    ):  # fmt: skip
        answer = await desk.ask(method, path + tail, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "obligation_ended")


async def test_the_tier_is_the_customers_unless_it_is_given(database: Database, desk: Desk) -> None:
    async with database.transaction() as tx:
        vip = await make_customer(tx, tier="A")
    made = await desk.opened(customer_id=vip["public_id"])
    assert made["customer_id"] == vip["public_id"]
    facts = (await desk.ask("GET", f"/deadlines/{made['deadlines'][0]['id']}/explain")).json()
    assert facts["inputs"]["tier"] == "A"


async def test_they_are_found_by_the_matter_they_are_about(desk: Desk) -> None:
    await desk.opened("R1")
    await desk.opened("R2")
    page = (await desk.ask("GET", "/obligations?subject_type=invoice&subject_ref=R2")).json()
    assert [one["subject"]["ref"] for one in page["items"]] == ["R2"]


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"clock": "accept"}, "/clock"),
        ({"clock": "nothing_like_it"}, "/clock"),
        ({"owner_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"}, "/owner_id"),
        ({"customer_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"}, "/customer_id"),
        ({"department_id": "01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e"}, "/department_id"),
        ({"data": {"x": "字" * 6000}}, "/data"),
        (
            {
                "subject": {
                    "type": "invoice",
                    "ref": "R",
                    "label": "l",
                    "link": "javascript:alert(1)",
                }
            },
            "/subject/link",
        ),
    ],
)
async def test_what_names_nothing_is_refused_where_it_stands(
    database: Database, desk: Desk, values: dict[str, Any], pointer: str
) -> None:
    answer = await desk.open(**values)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert await database.all(OBLIGATIONS) == []


async def test_the_scorecard_calls_a_rule_of_ones_own_by_its_title(
    database: Database, desk: Desk
) -> None:
    made = await desk.opened()
    await freeze(database, DUE)
    await desk.ask("POST", f"/obligations/{made['id']}/answer", {})
    query = "from=2026-03-01&to=2026-03-31&group_by=rule"
    (group,) = (await desk.ask("GET", f"/sop/scorecard?{query}")).json()["groups"]
    assert (group["rule"], group["kept"]) == ("FIN-1", 1)
    assert group["title"] == {"zh": "开具发票", "en": "Invoice sent"}
