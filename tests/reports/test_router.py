"""The scorecard's routes: who sees whose figures, links that give exactly the counted rows, CSV, refusals."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.database import Database
from app.reports.rollup import close_months, refresh_scorecard
from app.sla import service
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from tests.conftest import AsUser, Caller
from tests.factories import freeze, make_department, make_rules, make_subject, make_user

API = "/api/v1/sop/scorecard"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}
STATES = ("kept", "late", "missed", "running", "paused", "superseded", "cancelled")
WHO = ("admin", "analyst", "manager", "service", "lone_manager")


class Company:
    """Two teams under a head office; tickets of both, and of nobody."""

    def __init__(self, http: httpx.AsyncClient, database: Database) -> None:
        self.http = http
        self.database = database
        self.callers: dict[str, Caller] = {}
        self.ids: dict[str, Any] = {}

    async def get(self, who: str = "admin", path: str = API, **query: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.callers[who], params=query)

    async def card(self, who: str = "admin", **query: Any) -> dict[str, Any]:
        answer = await self.get(who, **{**MARCH, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def rows(self, link: str) -> list[dict[str, Any]]:
        """What a link of the scorecard answers, page by page."""
        found: list[dict[str, Any]] = []
        query: list[tuple[str, Any]] = [*parse_qsl(urlsplit(link).query), ("limit", "7")]
        cursor = None
        while True:
            asked = [*query, *([("cursor", cursor)] if cursor else [])]
            answer = await self.http.get(
                urlsplit(link).path, params=asked, headers=self.callers["admin"]
            )
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found


@pytest.fixture
async def company(client: httpx.AsyncClient, database: Database, as_user: AsUser) -> Company:
    await make_rules(database, MONDAY)
    made = Company(client, database)
    async with database.transaction() as tx:
        head = await make_department(tx, name="总部")
        east = await make_department(tx, name="东区", parent=head)
        group = await make_department(tx, name="=HYPERLINK(1)", parent=east)
        south = await make_department(tx, name="南区", parent=head)
        people = {
            "admin": await make_user(tx, role="admin", department=head),
            "analyst": await make_user(tx, role="analyst", department=south),
            "manager": await make_user(tx, role="manager", department=east),
            "lone_manager": await make_user(tx, role="manager"),
            "service": await make_user(tx, role="service", name="+86 李雷", department=group),
            "auditor": await make_user(tx, role="auditor"),
        }
        other = await make_user(tx, name="王强", department=south)
    made.ids = {"east": east, "group": group, "south": south, "other": other, **people}
    owners = [(people["service"], group), (other, south), (None, None), (people["service"], group)]
    for number, (owner, department) in enumerate(owners, 1):
        await freeze(database, MONDAY + timedelta(hours=number))
        async with database.transaction() as tx:
            await make_subject(
                tx, number=number, owner=owner, department=department, tier="ABCA"[number - 1]
            )
    await freeze(database, MONDAY + timedelta(hours=4, minutes=10))
    async with database.transaction() as tx:
        for number in (1, 4):
            subject = await service.lock(tx, "ticket", number)
            await service.append(tx, subject, NewFact(FactKind.ACCEPTED))
    for name, user in people.items():
        made.callers[name] = await as_user(user)
    return made


# --- figures and links


@pytest.mark.sop("AN-4")
@pytest.mark.parametrize("refreshed", [False, True])
async def test_every_figure_links_to_exactly_the_rows_it_counts(
    company: Company, refreshed: bool
) -> None:
    if refreshed:
        assert await refresh_scorecard(company.database) > 0
    for who in WHO:
        for by in (["rule"], ["owner", "team"], ["tier", "month"], ["clock", "policy"]):
            card = await company.card(who, group_by=by)
            for one in (card["total"], *card["groups"]):
                links = one["links"]
                assert len(await company.rows(links["rows"])) == sum(one[s] for s in STATES)
                for state in STATES:
                    assert len(await company.rows(links[state])) == one[state], (who, by, state)


@pytest.mark.sop("AN-4")
async def test_a_group_says_what_was_kept_how_early_and_how_late(company: Company) -> None:
    card = await company.card(group_by="clock")
    groups = {one["clock"]: one for one in card["groups"]}
    assert card["zone"] == "Asia/Shanghai"
    assert (card["from"], card["to"]) == ("2026-03-01", "2026-03-31")
    accept = groups["accept"]
    assert accept["title"] == {"zh": "受理", "en": "Acceptance"}
    assert {name: accept[name] for name in (*STATES, "judged")} == {
        "kept": 1, "late": 1, "missed": 2, "running": 0, "paused": 0, "superseded": 0, "cancelled": 0, "judged": 4,
    }  # fmt: skip
    assert accept["kept_rate"] == 0.25
    assert accept["early"] == {
        "count": 1, "mean_seconds": 1200, "median_seconds": 1350, "p90_seconds": 1710, "mean_elapsed_seconds": 1200,
    }  # fmt: skip
    assert accept["late_by"]["mean_elapsed_seconds"] == 9600
    assert groups["resolve"]["running"] == 4
    assert groups["resolve"]["kept_rate"] is None
    assert accept["adjustments"] is None


@pytest.mark.sop("AN-4")
async def test_figures_are_of_those_whom_the_caller_answers_for(company: Company) -> None:
    totals = {who: (await company.card(who, group_by="owner"))["total"] for who in WHO}
    seen = {who: sum(total[name] for name in STATES) for who, total in totals.items()}
    assert seen == {"admin": 10, "analyst": 10, "manager": 6, "service": 6, "lone_manager": 0}
    assert (await company.get("auditor", **MARCH)).status_code == 403


@pytest.mark.parametrize(
    ("who", "asked", "status"),
    [
        ("manager", {"department_id": "south"}, 403),
        ("manager", {"department_id": "group"}, 200),
        ("service", {"owner_id": "other"}, 403),
        ("service", {"owner_id": "service"}, 200),
        ("service", {"department_id": "south"}, 200),
        ("lone_manager", {"owner_id": "service"}, 403),
        ("analyst", {"owner_id": "service", "department_id": "south"}, 200),
    ],
)
async def test_others_figures_are_refused(
    company: Company, who: str, asked: dict[str, str], status: int
) -> None:
    query = {name: company.ids[value]["public_id"] for name, value in asked.items()}
    answer = await company.get(who, **MARCH, **query)
    assert answer.status_code == status, answer.text
    if status == 200 and "south" in asked.values():  # nothing of his is there
        assert answer.json()["groups"] == []


async def test_filters_narrow_what_is_counted(company: Company) -> None:
    async def counted(**query: Any) -> int:
        total = (await company.card(**query))["total"]
        return sum(total[name] for name in STATES)

    assert await counted(rule="TK-2") == 4
    assert await counted(clock="resolve") == 4
    assert await counted(tier="A") == 6
    assert await counted(policy="toolkit") == 10
    assert await counted(policy="none") == 0
    assert await counted(department_id=company.ids["east"]["public_id"]) == 6
    assert await counted(owner_id=company.ids["other"]["public_id"]) == 2
    assert await counted(owner_id="01981f6e-7c1a-7d52-9f3e-0a4f5b6c7d8e") == 0
    assert await counted(**{"from": "2026-03-03"}) < 10
    assert await counted(**{"from": "2026-04-01", "to": "2026-04-30"}) == 0


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "/query/to", "period_backwards"),
        ({"from": "2020-01-01", "to": "2026-03-01"}, "/query/to", "period_too_long"),
        ({"from": "1772000000"}, "/query/from", "date_parsing"),
        ({"from": "2026-13-01"}, "/query/from", "date_parsing"),
        ({"to": "9999-12-31"}, "/query/to", "date_parsing"),
        ({"group_by": "colour"}, "/query/group_by/0", "enum"),
        ({"tier": "D"}, "/query/tier", "string_pattern_mismatch"),
        ({"owner_id": "me"}, "/query/owner_id", "uuid_parsing"),
        ({"colour": "red"}, "/query/colour", "extra_forbidden"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    company: Company, query: dict[str, str], pointer: str, code: str
) -> None:
    for path in (API, f"{API}.csv"):
        answer = await company.get(path=path, **query)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == (pointer, code)


async def test_without_a_period_the_present_month_is_counted(company: Company) -> None:
    card = (await company.get()).json()
    assert (card["from"], card["to"]) == ("2026-03-01", "2026-03-31")
    assert card["group_by"] == ["rule"]
    card = (await company.get(**{"from": "2026-05-05"})).json()
    assert (card["from"], card["to"]) == ("2026-05-05", "2026-05-05")
    card = (await company.get(to="2026-02-10")).json()
    assert (card["from"], card["to"]) == ("2026-02-01", "2026-02-10")


# --- closed months


@pytest.mark.sop("AN-4")
async def test_a_closed_month_stays_and_later_changes_stand_beside_it(company: Company) -> None:
    database = company.database
    # March closes at the end of the third working day of April: Friday 3 April, 18:00.
    closing = datetime(2026, 4, 3, 10, 0, tzinfo=UTC)
    await freeze(database, closing - timedelta(microseconds=1))
    assert await close_months(database) == 0
    await freeze(database, closing)
    assert await close_months(database) == 1
    before = await company.card(group_by="clock")
    assert [one["month"] for one in before["closed_months"]] == ["2026-03"]
    async with database.transaction() as tx:
        subject = await service.lock(tx, "ticket", 1)
        data = {"clock": "resolve", "cycle": 1, "revision": 1}
        claimed = {"claimed_at": MONDAY + timedelta(hours=2), "reason": "客户当天已确认解决"}
        await service.append(tx, subject, NewFact(FactKind.CORRECTED, {**data, **claimed}))
    for _ in range(2):  # before the rollup has noticed, and after
        after = await company.card(group_by="clock")
        for old, new in zip(before["groups"], after["groups"], strict=True):
            assert {**old, "adjustments": None} == {**new, "adjustments": None}
        (adjusted,) = [one for one in after["groups"] if one["adjustments"]]
        assert adjusted["clock"] == "resolve"
        assert {n: v for n, v in adjusted["adjustments"].items() if v} == {"kept": 1, "missed": -1}
        assert after["total"]["adjustments"]["kept"] == 1
        await refresh_scorecard(database)
    # A part of the month is counted as it is now.
    part = await company.card(group_by="clock", **{"from": "2026-03-02"})
    resolve = next(one for one in part["groups"] if one["clock"] == "resolve")
    assert (resolve["kept"], resolve["adjustments"], part["closed_months"]) == (1, None, [])


# --- CSV


@pytest.mark.sop("AN-4")
async def test_the_csv_opens_in_a_spreadsheet_and_holds_no_formula(company: Company) -> None:
    path = f"{API}.csv"
    asked: list[tuple[str, str | int | float | bool | None]] = [
        ("from", "2026-03-01"),
        ("to", "2026-03-31"),
        *[("group_by", b) for b in ("team", "owner", "rule")],
    ]
    answer = await company.http.get(path, params=asked, headers=company.callers["admin"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "scorecard_2026-03-01_2026-03-31.csv" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "private, no-store"
    text = answer.content.decode()
    assert text.startswith("\ufeff团队,负责人,条款,承诺,按时率")
    rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
    card = await company.card(group_by=["team", "owner", "rule"])
    assert len(rows) == 1 + len(card["groups"])
    assert {len(row) for row in rows} == {len(rows[0])}
    cells = {cell for row in rows for cell in row}
    assert {"'=HYPERLINK(1)", "'+86 李雷"} <= cells
    assert not [cell for cell in cells if cell[:1] in "=+@\t" and cell]
    english = {**company.callers["admin"], "Accept-Language": "en"}
    answer = await company.http.get(path, params=asked, headers=english)
    assert answer.text.startswith("\ufeffTeam,Owner,Rule,Promise,Kept rate")
