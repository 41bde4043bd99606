"""The report of pauses with exact numbers: how waits end, whom they count for, which period holds them, who sees them.

Monday 2 March 2026, office hours 09:00-18:00 in Shanghai; a wait ends by itself at the end of its third working day.
"""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy import select

from app import writing
from app.columns import table_columns
from app.database import Database
from app.reports import pause_queries, pauses
from app.sla import service as sla
from app.sla.models import FactRow
from app.statements import Statement
from tests.query_plans import steps_of
from tests.tickets.conftest import House, code_of, errors_of, house, local

__all__ = ["house"]
API = "/api/v1/sop/pauses"
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
QUESTION = "请把铭牌上的序列号和固件版本发给我,好吗?"
HOUR = 3600
ENDS = ("customer", "resumed", "limit", "ended", "running")


async def ask(house: House, path: str = "", by: str = "admin", **query: Any) -> httpx.Response:
    return await house.client.get(API + path, params=query, headers=house.callers[by])


async def report(house: House, by: str = "admin", **query: Any) -> dict[str, Any]:
    answer = await ask(house, by=by, **{**MARCH, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rows(house: House, link: str, by: str = "admin") -> list[dict[str, Any]]:
    """What a link of the report lists, two at a time."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {**dict(parse_qsl(urlsplit(link).query)), "limit": 2}
    while True:
        answer = await house.client.get(
            urlsplit(link).path, params=query, headers=house.callers[by]
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if not answer.json()["has_more"]:
            return found
        query["cursor"] = answer.json()["next_cursor"]


async def wait(house: House, ticket: Any, by: str = "li", reason: str = "等序列号") -> None:
    await house.do(ticket, "wait", by, question=QUESTION, reason=reason)


async def hear(house: House, ticket: Any, by: str = "li") -> None:
    await house.do(ticket, "messages", by, author="customer", body="序列号是 SN-2041,请查。")


async def change_tier(house: House, tier: str) -> None:
    answer = await house.client.post(
        f"/api/v1/customers/{house.customer['public_id']}/tier",
        json={"tier": tier, "reason": "年度合作额"},
        headers=house.callers["admin"],
    )
    assert answer.status_code == 200, answer.text


def ends(figures: Mapping[str, Any]) -> dict[str, int]:
    return {end: figures[f"{end}_count"] for end in ENDS if figures[f"{end}_count"]}


def measured(figures: Mapping[str, Any]) -> tuple[int, int, int, int]:
    return (
        figures["wait_count"], figures["paused_seconds"], figures["mean_seconds"], figures["longest_seconds"],
    )  # fmt: skip


# --- how a wait ends


@pytest.mark.sop("TK-5", "TK-6")
@pytest.mark.parametrize(
    ("begun", "ended", "how", "now", "end", "seconds"),
    [
        ("10:00", "11:30", "hear", "2026-03-20 09:00", "customer", 90 * 60),
        ("10:00", "11:30", "resume", "2026-03-20 09:00", "resumed", 90 * 60),
        ("10:00", "11:30", "resolve", "2026-03-20 09:00", "ended", 90 * 60),
        ("10:00", "11:30", "cancel", "2026-03-20 09:00", "ended", 90 * 60),
        # over the night, and over the weekend from Friday to Monday
        ("17:00", "2026-03-03 10:00", "hear", "2026-03-20 09:00", "customer", 2 * HOUR),
        ("2026-03-06 17:00", "2026-03-09 10:00", "resume", "2026-03-20 09:00", "resumed", 2 * HOUR),
        # wholly in closed time
        ("2026-03-07 10:00", "2026-03-08 10:00", "hear", "2026-03-20 09:00", "customer", 0),
        # nobody ends it, and no worker runs: just before, at and after the limit
        ("10:00", None, "", "2026-03-05 17:59:59", "running", (8 + 9 + 9 + 9) * HOUR - 1),
        ("10:00", None, "", "2026-03-05 18:00", "limit", (8 + 9 + 9 + 9) * HOUR),
        ("10:00", None, "", "2026-03-20 09:00", "limit", (8 + 9 + 9 + 9) * HOUR),
        # the customer's word at the limit itself comes too late to end it, a second before it does
        ("10:00", "2026-03-05 17:59:59", "hear", "2026-03-20 09:00", "customer", 35 * HOUR - 1),
        ("10:00", "2026-03-05 18:00", "hear", "2026-03-20 09:00", "limit", 35 * HOUR),
        ("10:00", "2026-03-09 09:00", "resume", "2026-03-20 09:00", "limit", 35 * HOUR),
    ],
)
async def test_a_wait_is_counted_to_its_real_end(
    house: House, *, begun: str, ended: str | None, how: str, now: str, end: str, seconds: int
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await house.at(begun)
    await wait(house, ticket)
    if ended is not None:
        await house.at(ended)
    if how == "hear":
        await hear(house, ticket)
    elif how == "resolve":
        solution = {"steps": "更换温度探头 PT-100 并在三点比对校准。", "result": "偏差小于 0.1 ℃"}
        await house.do(ticket, "resolve", "li", solution=solution)
    elif how == "cancel":
        await house.do(ticket, "cancel", "li", reason="客户撤回")
    elif how:
        await house.do(ticket, how, "li")
    await house.at(now)
    total = (await report(house))["total"]
    assert ends(total) == {end: 1}
    assert measured(total) == (1, seconds, seconds, seconds)
    (row,) = await rows(house, total["rows"])
    assert (row["end"], row["seconds"], row["ticket_id"]) == (end, seconds, ticket["id"])
    limit = local("2026-03-05 18:00")
    stopped = limit if end in ("limit", "running") else local(ended or "")
    assert row["ends_at"] == stopped.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    shown = await house.get(f"/{ticket['id']}/waiting")
    assert [(one["end"], one["seconds"]) for one in shown["waits"]] == [(end, seconds)]
    assert shown["used_seconds"] == seconds


@pytest.mark.sop("TK-5")
async def test_a_tier_whose_clocks_never_stop_pauses_around_the_clock(house: House) -> None:
    await change_tier(house, "A")
    ticket = await house.open(by="li", for_myself=True)
    await house.at("17:00")
    await wait(house, ticket)
    await house.at("2026-03-03 10:00")
    await house.do(ticket, "resume", "li")
    assert (await report(house))["total"]["paused_seconds"] == 17 * HOUR
    shown = await house.get(f"/{ticket['id']}/waiting")
    assert (shown["waits"][0]["seconds"], shown["used_seconds"]) == (17 * HOUR, 2 * HOUR)


# --- the budget: 45 hours of working time


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("resumed", "used", "refused"),
    [
        ("2026-03-06 17:59:59", 45 * HOUR - 1, False),
        ("2026-03-06 18:00", 45 * HOUR, True),
        ("2026-03-09 09:00:01", 45 * HOUR + 1, True),
    ],
)
async def test_beyond_the_budget_a_supervisor_approves_and_is_shown(
    house: House, resumed: str, used: int, refused: bool
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await wait(house, ticket)
    await house.at("2026-03-05 18:00")  # the limit: 36 hours
    await house.do(ticket, "resume", "li")
    await wait(house, ticket)
    await house.at(resumed)
    await house.do(ticket, "resume", "li")
    shown = await house.get(f"/{ticket['id']}/waiting")
    assert (shown["used_seconds"], shown["budget_seconds"]) == (used, 45 * HOUR)
    assert shown["needs_approval"] is refused
    assert shown["limit"] == {"amount": 3, "unit": "working_days"}
    answer = await house.attempt(ticket, "wait", "li", question=QUESTION, reason="等客户")
    approved = (await report(house))["total"]["approved_count"]
    assert approved == 0
    if not refused:
        assert answer.status_code == 200, answer.text
        return
    assert code_of(answer) == (403, "pause_budget_used")
    # The nearest first: the department's own manager, the one above it, then who may approve everywhere.
    assert answer.json()["values"]["approvers"] == ["support_head", "boss", "admin"]
    assert "support_head, boss, admin" in answer.json()["detail"]
    assert (
        code_of(
            await house.attempt(ticket, "wait", "service_head", question=QUESTION, reason="等客户")
        )[0]
        == 403
    )
    await wait(house, ticket, "support_head", "等客户")
    figures = await report(house, group_by=["person"])
    by_person = {one["person"]["name"]: one for one in figures["groups"]}
    assert {name: one["approved_count"] for name, one in by_person.items()} == {
        "li": 0, "support_head": 1,
    }  # fmt: skip
    listed = await rows(house, figures["total"]["rows"])
    supervisor = {"id": house.id_of("support_head"), "name": "support_head"}
    assert [one["approved_by"] for one in listed] == [supervisor, None, None]
    waits = (await house.get(f"/{ticket['id']}/waiting"))["waits"]
    assert [one["approved_by"] for one in waits] == [None, None, supervisor]
    assert [one["person"]["name"] for one in waits] == ["li", "li", "support_head"]


async def spend_budget(house: House) -> Any:
    """Return a ticket of li's that has used 45 of 45 hours; it is Friday, 18:00."""
    ticket = await house.open(by="li", for_myself=True)
    for until in ("2026-03-05 18:00", "2026-03-06 18:00"):
        await wait(house, ticket)
        await house.at(until)
        await house.do(ticket, "resume", "li")
    return ticket


@pytest.mark.sop("TK-5")
@pytest.mark.parametrize(
    ("resumed", "left"),
    [("2026-03-09 09:59:59", 1), ("2026-03-09 10:00", 0), ("2026-03-09 10:00:01", 0)],
)
async def test_the_owner_waits_again_until_what_a_supervisor_granted_is_used(
    house: House, resumed: str, left: int
) -> None:
    ticket = await spend_budget(house)
    grant = {"working_minutes": 60, "reason": "客户的备件在海关"}
    for by in ("li", "zhang", "service_head"):
        assert code_of(await house.attempt(ticket, "approve-pause", by, **grant))[0] == 403
    await house.do(ticket, "approve-pause", "support_head", **grant)
    await wait(house, ticket)
    await house.at(resumed)
    await house.do(ticket, "resume", "li")
    shown = await house.get(f"/{ticket['id']}/waiting")
    assert (shown["budget_seconds"], shown["granted_seconds"]) == (45 * HOUR, HOUR)
    assert (shown["left_seconds"], shown["needs_approval"]) == (left, left == 0)
    assert [one["approved_by"] and one["approved_by"]["name"] for one in shown["waits"]] == [
        None, None, "support_head",
    ]  # fmt: skip
    total = (await report(house))["total"]
    assert (total["approved_count"], total["wait_count"]) == (1, 3)
    answer = await house.attempt(ticket, "wait", "li", question=QUESTION, reason="等客户")
    assert answer.status_code == (200 if left else 403)
    if not left:
        assert answer.json()["values"]["budget_seconds"] == 46 * HOUR
        await house.do(ticket, "approve-pause", "boss", **grant)  # grants add up
        assert (await house.get(f"/{ticket['id']}/waiting"))["granted_seconds"] == 2 * HOUR
        await wait(house, ticket)


async def test_where_no_policy_limits_waiting_there_is_nothing_to_grant(house: House) -> None:
    async with house.database.transaction() as tx:
        await sla.use_pack(tx, "none")
    ticket = await house.open(by="li", for_myself=True)
    grant = {"working_minutes": 60, "reason": "备件在海关"}
    answer = await house.attempt(ticket, "approve-pause", "support_head", **grant)
    assert code_of(answer) == (409, "no_pause_budget")
    shown = await house.get(f"/{ticket['id']}/waiting")
    assert (shown["budget_seconds"], shown["left_seconds"], shown["waits"]) == (None, None, [])


@pytest.mark.parametrize("minutes", [0, -1, 27_001, "60", 1.5, None])
async def test_a_grant_is_a_bounded_number_of_minutes_with_a_reason(
    house: House, minutes: Any
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    body = {"working_minutes": minutes, "reason": "备件在海关"}
    found = errors_of(await house.attempt(ticket, "approve-pause", "support_head", **body))
    assert set(found) == {"/working_minutes"}
    body = {"working_minutes": 27_000, "reason": " "}
    found = errors_of(await house.attempt(ticket, "approve-pause", "support_head", **body))
    assert set(found) == {"/reason"}


# --- groups


@pytest.mark.sop("TK-5", "TK-6")
async def test_waits_are_told_apart_by_person_reason_team_and_month(house: House) -> None:
    mine = await house.open(by="li", for_myself=True)
    other = await house.open(by="agent", for_myself=True)
    for begun, ended, ticket, by, reason in (
        ("2026-03-02 10:00", "2026-03-02 11:00", mine, "li", "Waiting for Serial"),
        ("2026-03-02 13:00", "2026-03-02 16:00", mine, "li", "waiting for serial  "),
        ("2026-03-30 09:00", "2026-03-30 09:30", other, "agent", "等合同"),
        ("2026-04-01 09:00", "2026-04-01 09:01", other, "agent", "等合同"),
    ):
        await house.at(begun)
        await wait(house, ticket, by, reason)
        await house.at(ended)
        await house.do(ticket, "resume", by)
    both = {"from": "2026-03-01", "to": "2026-04-30"}
    found = await report(house, **both, group_by=["person", "reason"])
    assert [(one["person"]["name"], one["reason"], measured(one)) for one in found["groups"]] == [
        ("li", "Waiting for Serial", (2, 4 * HOUR, 2 * HOUR, 3 * HOUR)),
        ("agent", "等合同", (2, 31 * 60, 930, 30 * 60)),
    ]
    assert measured(found["total"]) == (4, 4 * HOUR + 31 * 60, 4065, 3 * HOUR)
    found = await report(house, **both, group_by=["team", "month"])
    assert [(one["team"]["name"], one["month"], one["wait_count"]) for one in found["groups"]] == [
        ("技术支持部", "2026-03", 2), ("客户服务部", "2026-03", 1), ("客户服务部", "2026-04", 1),
    ]  # fmt: skip
    for by in ("person", "reason", "team", "month"):
        for one in (await report(house, **both, group_by=[by]))["groups"]:
            listed = await rows(house, one["rows"])
            assert len(listed) == one["wait_count"], (by, one)
            assert sum(row["seconds"] for row in listed) == one["paused_seconds"]


async def test_the_rarer_reasons_stand_together(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "REASONS_SHOWN", 1)
    ticket = await house.open(by="li", for_myself=True)
    for reason in ("等序列号", "等合同", "等序列号 ", "等附件"):
        await wait(house, ticket, reason=reason)
        await hear(house, ticket)
    groups = (await report(house, group_by="reason"))["groups"]
    told = {one["reason"]: (one["wait_count"], one["other_reason_count"]) for one in groups}
    assert told == {"等序列号": (2, 0), None: (2, 2)}
    assert [one["rows"] is None for one in groups if one["reason"] is None] == [True]


async def test_a_wait_counts_for_the_department_that_had_the_ticket_when_it_began(
    house: House,
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await wait(house, ticket)
    await house.at("11:00")
    await hear(house, ticket)
    service = house.departments["service"]
    await house.do(ticket, "assign", "admin", department_id=str(service["public_id"]))
    (group,) = (await report(house, group_by="team"))["groups"]
    assert group["team"]["name"] == house.departments["support"]["name"]
    assert (await report(house, by="service_head"))["total"]["wait_count"] == 0
    assert (await report(house, by="support_head"))["total"]["wait_count"] == 1


# --- the period


@pytest.mark.parametrize(
    ("begun", "days", "counted"),
    [
        ("2026-03-02 23:59:59", ("2026-03-03", "2026-03-03"), 0),
        ("2026-03-03 00:00", ("2026-03-03", "2026-03-03"), 1),
        ("2026-03-03 23:59:59", ("2026-03-03", "2026-03-03"), 1),
        ("2026-03-04 00:00", ("2026-03-03", "2026-03-03"), 0),
        ("2026-02-28 23:59:59", ("2026-02-01", "2026-02-28"), 1),
    ],
)
async def test_a_wait_belongs_whole_to_the_local_day_on_which_it_began(
    house: House, begun: str, days: tuple[str, str], counted: int
) -> None:
    await house.at("2026-02-27 09:00")
    ticket = await house.open(by="li", for_myself=True)
    await house.at(begun)
    await wait(house, ticket)
    await house.at("2026-03-20 09:00")
    found = await report(house, **{"from": days[0], "to": days[1]})
    assert ends(found["total"]) == ({"limit": 1} if counted else {})
    assert len(await rows(house, found["total"]["rows"])) == counted
    if not counted:
        assert measured(found["total"])[:2] == (0, 0)
        assert (found["total"]["mean_seconds"], found["total"]["longest_seconds"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "/query/to", "period_backwards"),
        ({"from": "2025-01-01", "to": "2026-02-05"}, "/query/to", "period_too_long"),
        ({"from": "2026-13-01"}, "/query/from", "date_parsing"),
        ({"person_id": "me"}, "/query/person_id", "uuid_parsing"),
        ({"colour": "red"}, "/query/colour", "extra_forbidden"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    house: House, query: dict[str, str], pointer: str, code: str
) -> None:
    for path in ("", ".csv", "/rows"):
        assert errors_of(await ask(house, path, **query)) == {pointer: code}
    assert errors_of(await ask(house, group_by="colour")) == {"/query/group_by/0": "enum"}
    assert (await ask(house, **{"from": "2025-01-01", "to": "2026-02-04"})).status_code == 200


async def test_too_many_waits_are_refused_with_words_and_exactly_as_many_are_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await house.open(by="li", for_myself=True)
    for _ in range(3):
        await wait(house, ticket)
        await hear(house, ticket)
    monkeypatch.setattr(pauses, "WAITS_MAX", 3)
    assert (await report(house))["total"]["wait_count"] == 3
    monkeypatch.setattr(pauses, "WAITS_MAX", 2)
    for path in ("", ".csv"):
        answer = await ask(house, path, **MARCH)
        assert errors_of(answer) == {"/query/to": "too_many_waits"}
        assert "2" in answer.json()["errors"][0]["detail"]
    assert (await ask(house, **MARCH, person_id=house.id_of("wu"))).status_code == 200


def test_the_waits_of_a_period_are_found_by_an_index_of_their_own(database_url: str) -> None:
    steps = steps_of(pause_queries.waits(("begins_at", "ends_at")).core, database_url)
    assert any("ix_sla_facts_waiting" in step for step in steps), steps


# --- who sees whose


@pytest.mark.sop("SE-1")
async def test_everybody_sees_the_pauses_that_he_answers_for(house: House) -> None:
    for by, count in (("li", 1), ("wu", 2), ("agent", 4)):
        ticket = await house.open(by=by, for_myself=True)
        for _ in range(count):
            await wait(house, ticket, by)
            await hear(house, ticket, by)
    seen = {}
    for by in ("admin", "analyst", "boss", "support_head", "service_head", "li", "wu", "seller"):
        found = await report(house, by=by, group_by="person")
        seen[by] = found["total"]["wait_count"]
        assert len(await rows(house, found["total"]["rows"], by)) == seen[by]
    assert seen == {
        "admin": 7, "analyst": 7, "boss": 7, "support_head": 3, "service_head": 4, "li": 1, "wu": 2, "seller": 0,
    }  # fmt: skip
    for path in ("", ".csv", "/rows"):
        assert (await ask(house, path, "auditor", **MARCH)).status_code == 403
        for by, query in (
            ("li", {"person_id": house.id_of("wu")}),
            ("support_head", {"department_id": str(house.departments["service"]["public_id"])}),
        ):
            assert (await ask(house, path, by, **MARCH, **query)).status_code == 403
    field = str(house.departments["field"]["public_id"])
    assert (await report(house, by="support_head", department_id=field))["total"]["wait_count"] == 2
    support = str(house.departments["support"]["public_id"])
    listed = (await ask(house, "/rows", **MARCH, team_id=support, total="true")).json()
    assert (len(listed["items"]), listed["total"]) == (1, 1)
    elsewhere = await ask(house, "/rows", "support_head", **MARCH, team_id=house.id_of("li"))
    assert elsewhere.json()["items"] == []


# --- facts that are no longer whole, CSV


async def test_what_cannot_be_evaluated_is_left_out_and_said(house: House) -> None:
    house.is_sound = False
    for _ in range(2):
        await wait(house, await house.open(by="li", for_myself=True))
    await damage(house.database)
    found = await report(house)
    assert (found["left_out_count"], found["total"]["wait_count"]) == (1, 1)
    listed = await rows(house, found["total"]["rows"])
    assert sorted((one["end"] or "", one["seconds"]) for one in listed) == [
        ("", None),
        ("running", 0),
    ]


async def damage(database: Database) -> None:
    """Let the opening of the newest ticket name a policy that is not there."""
    async with database.transaction() as tx:
        facts = await tx.all(Statement(select(*table_columns(FactRow)).order_by(FactRow.id.desc())))
        opened = next(one for one in facts if one["kind"] == "opened")
        data = {**opened["data"], "policy": ["gone", 1]}
        await writing.update_many(tx, FactRow, [{"id": opened["id"], "data": data}])


async def test_the_csv_holds_the_same_figures_and_no_formula(house: House) -> None:
    ticket = await house.open(by="li", for_myself=True)
    await wait(house, ticket, reason="=HYPERLINK(1)")
    await house.at("10:30")
    await hear(house, ticket)
    answer = await ask(house, ".csv", **MARCH, group_by=["person", "reason"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "pauses_2026-03-01_2026-03-31.csv" in answer.headers["content-disposition"]
    assert answer.text.startswith("\ufeff人员,原因,其他原因数,等待次数,客户回复结束")
    head, line = csv.reader(StringIO(answer.text.removeprefix("\ufeff")))
    told = dict(zip(head, line, strict=True))
    assert (told["人员"], told["原因"], told["等待次数"]) == ("li", "'=HYPERLINK(1)", "1")
    assert told["暂停(工作秒,合计)"] == str(90 * 60)
    alone = await house.client.get(
        f"{API}.csv", params={**MARCH, "group_by": "month"},
        headers={**house.callers["admin"], "Accept-Language": "en"},
    )  # fmt: skip
    assert alone.text.startswith("\ufeffMonth,Waits,Ended by the customer")
