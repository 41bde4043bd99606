"""Backtests: closed history under another policy or calendar, by hand; what is refused; that nothing else is written.

World opens on Monday 2 March 2026 at 09:00 in Shanghai; acceptance is due in 30 minutes, the solution in 4 hours.
"""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from app.calendars.shipped import shipped_document
from app.database import Database
from app.jobs import run_operations
from app.operations import runner
from app.sla import backtesting
from app.sla.engine.facts import FactKind
from app.sla.shipped import pack_document
from app.subscribers import OPERATIONS
from app.time import format_instant
from tests.conftest import AsUser
from tests.factories import freeze, make_user
from tests.routes.targets import own_rule
from tests.sla.retargets import MACHINERY, Publisher, domain_rows, toolkit
from tests.sla.world import HOUR, MICROSECOND, MINUTE, MONDAY, World

PATH = "/sla/backtests"
DAY = timedelta(days=1)
APRIL = datetime.fromisoformat("2026-04-01T00:00:00+08:00")
NINETY = toolkit(resolve={"target": {"minutes": 90}})
SOON = toolkit(accept={"target": {"minutes": 15}})


def asked(document: Any = None, **values: Any) -> dict[str, Any]:
    """Return a question about a policy's document, over the whole of March unless told otherwise."""
    policy = {} if document is None else {"policy": {"document": document}}
    span = {"from": "2026-03-01T00:00:00+08:00", "to": "2026-04-01T00:00:00+08:00"}
    return {**policy, **span, **values}


async def matter(
    world: World,
    number: int,
    *,
    accepted: timedelta = 10 * MINUTE,
    resolved: timedelta = HOUR,
    opened: datetime = MONDAY,
    **inputs: Any,
) -> str:
    """Live through a ticket: opened, accepted, resolved, closed a day later; returns its public id."""
    await freeze(world.database, opened)
    subject = await world.open(number, **inputs)
    await world.move(opened + accepted, FactKind.ACCEPTED, number)
    await world.move(opened + resolved, FactKind.RESOLVED, number)
    await world.move(opened + resolved + DAY, FactKind.CLOSED, number)
    return str(subject.row["subject_public_id"])


async def live(world: World) -> list[str]:
    """Three tickets: quick; in good time; accepted late, solved within the four hours."""
    return [
        await matter(world, 1),
        await matter(world, 2, accepted=20 * MINUTE, resolved=2 * HOUR),
        await matter(world, 3, accepted=35 * MINUTE, resolved=3 * HOUR),
    ]


async def run_to_the_end(database: Database) -> None:
    """Let operations run; a slice of the runner ends after two seconds."""
    while await run_operations(database):
        pass


async def backtest(publisher: Publisher, body: dict[str, Any]) -> dict[str, Any]:
    """Ask, let it run, and return the operation."""
    begun = await publisher.told("POST", PATH, body, 202)
    await run_to_the_end(publisher.world.database)
    done = await publisher.operation(begun["id"])
    assert done["state"] == "done", done
    return done


async def result(publisher: Publisher, body: dict[str, Any]) -> dict[str, Any]:
    return (await backtest(publisher, body))["result"]  # type: ignore[no-any-return]


def rule(told: dict[str, Any], clock: str) -> dict[str, Any]:
    return next(one for one in told["rules"] if one["clock"] == clock)


def ends(side: dict[str, Any]) -> tuple[int, int, int, float | None]:
    return side["met"], side["late"], side["missed"], side["kept_share"]


# --- by hand


async def test_a_shorter_target_makes_these_two_late(publisher: Publisher) -> None:
    ids = await live(publisher.world)
    told = await result(publisher, asked(NINETY))
    assert (told["subjects"], told["changed_subjects"], told["faults"]) == (3, 3, 0)
    resolve = rule(told, "resolve")
    assert ends(resolve["before"]) == (3, 0, 0, 1.0)
    assert ends(resolve["after"]) == (1, 2, 0, 0.3333)
    assert (resolve["newly_kept"], resolve["newly_broken"]) == (0, 2)
    assert rule(told, "accept")["before"] == rule(told, "accept")["after"]
    # To spare of four hours: 3 h, 2 h, 1 h; of ninety minutes: 30 min, -30 min, -90 min (to within one percent).
    assert resolve["before"]["margin_median_seconds"] == 7200
    assert resolve["before"]["margin_p90_seconds"] == 3600
    assert resolve["after"]["margin_median_seconds"] == -1800
    assert resolve["after"]["margin_p90_seconds"] == -5376
    most = told["most_changed"]
    assert [one["subject_id"] for one in most] == [ids[1], ids[2], ids[0]]
    assert [one["verdicts_changed"] for one in most] == [1, 1, 0]
    assert most[0]["before"] == {
        "state": "met", "due_at": format_instant(MONDAY + 4 * HOUR), "margin_seconds": 7200,
    }  # fmt: skip
    assert most[0]["after"] == {
        "state": "late", "due_at": format_instant(MONDAY + 90 * MINUTE), "margin_seconds": -1800,
    }  # fmt: skip
    assert (most[0]["rule"], most[0]["clock"]) == ("TK-5", "resolve")


@pytest.mark.parametrize(
    ("resolved", "kept"),
    [(90 * MINUTE - MICROSECOND, 1), (90 * MINUTE, 1), (90 * MINUTE + MICROSECOND, 0)],
)
async def test_exactly_at_the_new_due_is_kept(
    publisher: Publisher, resolved: timedelta, kept: int
) -> None:
    await matter(publisher.world, 1, resolved=resolved)
    told = await result(publisher, asked(NINETY))
    assert ends(rule(told, "resolve")["after"])[:2] == (kept, 1 - kept)


async def test_a_longer_target_keeps_what_was_late(publisher: Publisher) -> None:
    await live(publisher.world)
    told = await result(publisher, asked(toolkit(accept={"target": {"minutes": 45}})))
    accept = rule(told, "accept")
    assert (ends(accept["before"])[:2], ends(accept["after"])[:2]) == ((2, 1), (3, 0))
    assert (accept["newly_kept"], accept["newly_broken"]) == (1, 0)


async def test_a_holiday_moves_due_and_makes_the_late_one_kept(publisher: Publisher) -> None:
    opened = MONDAY + 8 * HOUR  # 17:00; due on Tuesday at 12:00
    await matter(publisher.world, 1, opened=opened, resolved=20 * HOUR)  # Tuesday 13:00
    await matter(publisher.world, 2)
    office = shipped_document("office")
    closed = {"date": "2026-03-03", "kind": "closed", "name": "盘点"}
    office["exceptions"] = [*office["exceptions"], closed]
    told = await result(publisher, asked(calendar={"document": office}))
    resolve = rule(told, "resolve")
    assert (ends(resolve["before"])[:2], ends(resolve["after"])[:2]) == ((1, 1), (2, 0))
    assert [one["label"][:7] for one in told["most_changed"]] == ["T000001", "T000002"]
    one = told["most_changed"][0]
    assert one["before"]["due_at"] == format_instant(MONDAY + 27 * HOUR)
    assert one["after"]["due_at"] == format_instant(MONDAY + 51 * HOUR)
    assert one["after"]["margin_seconds"] == 3 * 3600


async def test_a_calendar_that_is_not_stored_stands_for_the_working_one(
    publisher: Publisher,
) -> None:
    await matter(publisher.world, 1, opened=MONDAY + 8 * HOUR, resolved=20 * HOUR)
    always = {"name": "always", "timezone": "Asia/Shanghai", "always_open": True}
    told = await result(publisher, asked(calendar={"document": always}))
    assert told["most_changed"][0]["after"]["due_at"] == format_instant(MONDAY + 12 * HOUR)


async def test_figures_are_told_by_team_tier_and_month(publisher: Publisher) -> None:
    world = publisher.world
    await matter(world, 1, resolved=2 * HOUR)
    await matter(world, 2, resolved=2 * HOUR, tier="A")
    # The last instant of March in Shanghai belongs to March.
    late_march = APRIL - MICROSECOND
    await matter(world, 3, opened=late_march, accepted=MINUTE, resolved=2 * MINUTE)
    await matter(world, 4, opened=APRIL, accepted=MINUTE, resolved=2 * MINUTE)
    body = asked(NINETY, to="2026-05-01T00:00:00+08:00")
    told = await result(publisher, body)
    assert [(one["month"], one["newly_broken"]) for one in told["months"]] == [
        ("2026-03", 2), ("2026-04", 0),
    ]  # fmt: skip
    assert [(one["tier"], one["newly_broken"]) for one in told["tiers"]] == [("A", 1), ("B", 1)]
    department = world.department
    assert [one["team"] for one in told["teams"]] == [
        {"id": department["public_id"], "name": department["name"]}
    ]
    assert told["total"]["newly_broken"] == 2
    sums = told["total"]["after"]["met"]
    for group in ("rules", "teams", "tiers", "months"):
        assert sum(one["after"]["met"] for one in told[group]) == sums


async def test_only_closed_matters_opened_within_the_period_are_judged(
    publisher: Publisher,
) -> None:
    world = publisher.world
    march = datetime.fromisoformat("2026-03-01T00:00:00+08:00")
    for number, opened in enumerate((march - MICROSECOND, march, APRIL - MICROSECOND, APRIL), 1):
        await matter(world, number, opened=opened, accepted=MINUTE, resolved=2 * MINUTE)
    await freeze(world.database, MONDAY)
    await world.open(9)  # and stays open
    done = await backtest(publisher, asked(NINETY))
    assert done["result"]["subjects"] == 2
    assert done["progress"] == {"done": 4, "total": 4}


async def test_a_type_of_subject_can_be_asked_for(publisher: Publisher) -> None:
    await live(publisher.world)
    assert (await result(publisher, asked(NINETY, subject_type="ticket")))["subjects"] == 3
    assert (await result(publisher, asked(NINETY, subject_type="survey")))["subjects"] == 0


async def test_an_empty_period_has_an_empty_answer(publisher: Publisher) -> None:
    done = await backtest(publisher, asked(NINETY))
    told = done["result"]
    assert (told["subjects"], told["rules"], told["most_changed"]) == (0, [], [])
    assert told["total"]["before"]["kept_share"] is None


async def test_a_promise_of_the_companys_own_is_judged_too(publisher: Publisher) -> None:
    world = publisher.world
    await publisher.told("POST", "/sop/rules", own_rule(1), 201)
    await freeze(world.database, MONDAY + 8 * HOUR)  # 17:00
    await world.open(data={"clock": "invoice_1", "rule": "FIN-1"})
    await world.move(MONDAY + 13 * HOUR, FactKind.ANSWERED)
    await world.move(MONDAY + 13 * HOUR, FactKind.CLOSED)
    told = await result(publisher, asked(calendar={"name": "24x7", "in_place_of": "office"}))
    (one,) = told["most_changed"]
    assert (told["faults"], one["rule"], one["clock"]) == (0, "FIN-1", "invoice_1")
    assert one["before"]["due_at"] == format_instant(MONDAY + 27 * HOUR)
    assert one["after"]["due_at"] == format_instant(MONDAY + 12 * HOUR)
    assert (one["before"]["state"], one["after"]["state"]) == ("met", "late")


# --- which policy


async def test_the_policy_in_force_changes_nothing(publisher: Publisher) -> None:
    await live(publisher.world)
    told = await result(publisher, asked(policy={"name": "toolkit"}))
    assert (told["subjects"], told["changed_subjects"], told["most_changed"]) == (3, 0, [])
    assert told["total"]["before"] == told["total"]["after"]


async def test_a_draft_and_a_version_are_named_as_such(publisher: Publisher) -> None:
    await live(publisher.world)
    refused = await publisher.send(
        "POST", PATH, asked(policy={"name": "toolkit", "version": "draft"})
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "policy_has_no_draft")
    await publisher.draft(NINETY)
    draft = await result(publisher, asked(policy={"name": "toolkit", "version": "draft"}))
    assert rule(draft, "resolve")["newly_broken"] == 2
    await publisher.publish(NINETY)
    for version, broken in (("2", 2), ("1", 0), ("current", 2)):
        told = await result(publisher, asked(policy={"name": "toolkit", "version": version}))
        assert rule(told, "resolve")["newly_broken"] == broken, version


async def test_whom_the_draft_does_not_concern_keeps_his_version(publisher: Publisher) -> None:
    await live(publisher.world)
    await publisher.publish(NINETY)  # for new ones
    vip = {
        **toolkit(accept={"target": {"minutes": 5}}),
        "name": "vip",
        "conditions": {"tier": ["A"]},
    }
    told = await result(publisher, asked(vip))
    assert told["changed_subjects"] == 0
    await matter(publisher.world, 4, tier="A", resolved=80 * MINUTE)
    told = await result(publisher, asked(vip))
    assert (told["subjects"], told["changed_subjects"]) == (4, 1)
    assert rule(told, "accept")["newly_broken"] == 1


async def test_a_history_of_retargets_is_told_as_if_the_draft_had_always_applied(
    publisher: Publisher,
) -> None:
    world = publisher.world
    await world.open(1)
    await freeze(world.database, MONDAY + HOUR)
    await publisher.publish(toolkit(resolve={"target": {"hours": 8}}), "open_from_now")
    await world.move(MONDAY + 2 * HOUR, FactKind.RESOLVED)
    await world.move(MONDAY + DAY, FactKind.CLOSED)
    told = await result(publisher, asked(NINETY))
    one = told["most_changed"][0]
    assert one["before"]["due_at"] == format_instant(MONDAY + 8 * HOUR)
    assert (one["after"]["state"], one["after"]["due_at"]) == (
        "late", format_instant(MONDAY + 90 * MINUTE),
    )  # fmt: skip


async def test_promises_that_only_one_policy_makes_are_told_as_absent(publisher: Publisher) -> None:
    await matter(publisher.world, 1)
    document = {**pack_document("tiered-cases"), "name": "cases"}
    told = await result(publisher, asked(document))
    accept, answer = rule(told, "accept"), rule(told, "first_answer")
    assert (accept["before"]["met"], answer["after"]["met"]) == (1, 0)
    nothing = {"met": 0, "late": 0, "missed": 0, "cancelled": 0, "superseded": 0, "open": 0}
    for side in (accept["after"], answer["before"]):
        assert {name: side[name] for name in nothing} == nothing
        assert side["kept_share"] is None


async def test_a_policy_that_would_never_be_asked_is_refused(publisher: Publisher) -> None:
    vip = {**NINETY, "name": "vip"}
    answer = await publisher.send("POST", PATH, asked(policy={"document": vip, "position": 1}))
    assert (answer.status_code, answer.json()["code"]) == (409, "policy_shadowed")
    await publisher.told("POST", PATH, asked(policy={"document": vip, "position": 0}), 202)


# --- the operation


async def test_nothing_of_the_domain_is_written(publisher: Publisher) -> None:
    await live(publisher.world)
    before = await domain_rows(publisher.world.database)
    assert before.keys() & MACHINERY == set()
    await backtest(publisher, asked(NINETY, calendar={"name": "24x7", "in_place_of": "office"}))
    assert await domain_rows(publisher.world.database) == before


async def test_the_same_question_has_the_same_answer_whatever_the_pages(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(publisher.world)
    whole = await result(publisher, asked(NINETY))
    again = await result(publisher, asked(NINETY))
    monkeypatch.setattr(backtesting, "PAGE_SIZE", 1)
    monkeypatch.setattr(backtesting, "BATCH_SECONDS", 0)
    single = await backtest(publisher, asked(NINETY))
    assert orjson.dumps(whole) == orjson.dumps(again) == orjson.dumps(single["result"])
    assert single["progress"] == {"done": 3, "total": 3}


async def test_it_ends_between_batches_when_it_is_cancelled(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtesting, "PAGE_SIZE", 1)
    monkeypatch.setattr(backtesting, "BATCH_SECONDS", 0)
    await live(publisher.world)
    begun = await publisher.told("POST", PATH, asked(NINETY), 202)
    database = publisher.world.database
    await runner.run(database, OPERATIONS, seconds=0.001)  # one batch
    assert (await publisher.operation(begun["id"]))["progress"]["done"] == 1
    await publisher.told("POST", f"/operations/{begun['id']}/cancel", {})
    await run_to_the_end(database)
    ended = await publisher.operation(begun["id"])
    assert (ended["state"], ended["result"], ended["progress"]["done"]) == ("cancelled", None, 1)
    assert "judges" not in database.memory


async def test_what_changes_while_it_runs_does_not_reach_it(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtesting, "PAGE_SIZE", 1)
    monkeypatch.setattr(backtesting, "BATCH_SECONDS", 0)
    await live(publisher.world)
    await publisher.draft(NINETY)
    body = asked(policy={"name": "toolkit", "version": "draft"})
    begun = await publisher.told("POST", PATH, body, 202)
    await runner.run(publisher.world.database, OPERATIONS, seconds=0.001)
    await publisher.publish(SOON)
    await run_to_the_end(publisher.world.database)
    told = (await publisher.operation(begun["id"]))["result"]
    assert rule(told, "resolve")["newly_broken"] == 2
    assert rule(told, "accept")["newly_broken"] == 0


async def test_facts_that_cannot_be_judged_are_counted(
    publisher: Publisher, database: Database
) -> None:
    await live(publisher.world)
    far = toolkit(confirm={"target": {"months": 100_000}})
    told = await result(publisher, asked(far))
    assert (told["subjects"], told["faults"]) == (0, 3)


# --- who may, and what is refused


@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 202), ("manager", 202), ("analyst", 202), ("support", 403), ("auditor", 403)],
)
async def test_who_may_ask(publisher: Publisher, as_user: AsUser, role: str, status: int) -> None:
    async with publisher.world.database.transaction() as tx:
        user = await make_user(tx, role=role, name="韩梅梅")
    answer = await publisher.send("POST", PATH, asked(NINETY), await as_user(user))
    assert answer.status_code == status
    if status == 202:
        assert answer.headers["location"] == f"/api/v1/operations/{answer.json()['id']}"
        assert (
            await publisher.send("GET", f"/operations/{answer.json()['id']}")
        ).status_code == 200


async def test_a_manager_has_the_matters_of_his_department_judged(publisher: Publisher) -> None:
    world = publisher.world
    await live(world)
    for who, subjects in ((world.boss, 3), (world.stranger, 0)):
        answer = await publisher.send("POST", PATH, asked(NINETY), who)
        await run_to_the_end(world.database)
        done = await publisher.operation(answer.json()["id"])
        assert (done["result"]["subjects"], done["progress"]["total"]) == (subjects, subjects)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (asked(), "/policy", "backtest_of_nothing"),
        (asked(policy={}), "/policy", "backtest_name_or_document"),
        (asked(NINETY, calendar={}), "/calendar", "backtest_name_or_document"),
        (asked(policy={"name": "nobodys"}), "/policy/name", "unknown_reference"),
        (
            asked(policy={"name": "toolkit", "version": "99"}),
            "/policy/version", "policy_version_unknown",
        ),
        (
            asked(toolkit(resolve={"target": {"fortnights": 1}})),
            "/policy/document/clocks/resolve/target", "policy_unit_unknown",
        ),
        (
            asked(toolkit(calendars={"otherwise": "moon"})),
            "/policy/document/calendars/otherwise", "policy_calendar_unknown",
        ),
        (asked(calendar={"name": "moon"}), "/calendar/name", "unknown_reference"),
        (
            asked(calendar={"name": "office", "version": 99}),
            "/calendar/version", "unknown_reference",
        ),
        (
            asked(calendar={"name": "office", "in_place_of": "moon"}),
            "/calendar/in_place_of", "unknown_reference",
        ),
        (
            asked(calendar={"document": {"name": "x", "timezone": "Mars/Base"}}),
            "/calendar/document/timezone", "zone_unknown",
        ),
        (asked(NINETY, to="2026-03-01T00:00:00+08:00"), "/to", "range_reversed"),
        (asked(NINETY, to="2031-03-06T00:00:00+08:00"), "/to", "backtest_too_long"),
    ],
)  # fmt: skip
async def test_bad_questions_are_refused_at_the_place(
    publisher: Publisher, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await publisher.send("POST", PATH, body)
    assert answer.status_code == 422, answer.text
    found = [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    assert found == [(pointer, code)]


async def test_five_years_may_be_asked_for(publisher: Publisher) -> None:
    await publisher.told("POST", PATH, asked(NINETY, to="2031-03-01T00:00:00+08:00"), 202)
