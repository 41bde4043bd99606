"""`explain` through the API: any past instant from facts alone, in bounded data and either language."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import writing
from app.columns import new_public_id
from app.database import Database
from app.sla import book, enforcement, service
from app.sla.engine.facts import FactKind
from app.sla.explanation_schemas import ExplanationRead
from app.sla.models import PolicyRow, PolicyVersion
from app.sla.service import NewFact
from tests.conftest import Caller, LoginAs
from tests.factories import freeze, make_rules, make_subject

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MICROSECOND = timedelta(microseconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STAFF = {"by": "staff", "public": True, "automatic": False, "vague": False}


class Desk:
    """One open ticket, a reader, and the routes."""

    def __init__(self, database: Database, http: httpx.AsyncClient, reader: Caller) -> None:
        self.database = database
        self.http = http
        self.reader = reader

    async def open(self, at: datetime = MONDAY, **inputs: Any) -> None:
        await freeze(self.database, at)
        async with self.database.transaction() as tx:
            await make_subject(tx, **inputs)

    async def move(self, at: datetime, *facts: NewFact) -> None:
        await freeze(self.database, at)
        async with self.database.transaction() as tx:
            await service.append(tx, await service.lock(tx, "ticket", 1), *facts)

    async def rows(self) -> list[dict[str, Any]]:
        answer = await self.http.get("/api/v1/deadlines", headers=self.reader)
        return answer.json()["items"]  # type: ignore[no-any-return]

    async def ask(
        self, clock: str, at: datetime | None = None, language: str = "zh-CN"
    ) -> httpx.Response:
        row = next(row for row in await self.rows() if row["clock"] == clock)
        return await self.http.get(
            f"/api/v1/deadlines/{row['id']}/explain",
            headers={**self.reader, "Accept-Language": language},
            params={} if at is None else {"at": at.isoformat()},
        )

    async def explained(
        self, clock: str, at: datetime | None = None, language: str = "zh-CN"
    ) -> ExplanationRead:
        answer = await self.ask(clock, at, language)
        assert answer.status_code == 200, answer.text
        return ExplanationRead.model_validate_json(answer.content)


@pytest.fixture
async def desk(database: Database, client: httpx.AsyncClient, login_as: LoginAs) -> Desk:
    await make_rules(database, MONDAY)
    return Desk(database, client, await login_as("analyst"))


async def test_an_explanation_tells_policy_start_intervals_and_what_would_satisfy(
    desk: Desk,
) -> None:
    await desk.open(MONDAY + 6 * HOUR)
    await freeze(desk.database, MONDAY + 7 * HOUR)
    why = await desk.explained("resolve")
    assert why.policy is not None
    assert (why.policy.name, why.policy.version) == ("toolkit", 1)
    assert why.target is not None
    assert (why.target.amount, why.target.unit) == (4, "hours")
    assert (why.inputs.type, why.inputs.tier) == ("technical", "B")
    assert (why.calendar.name, why.calendar.timezone) == ("office", "Asia/Shanghai")
    assert (why.state, why.used_seconds, why.remaining_seconds) == ("running", 3600, 3 * 3600)
    assert [one.seconds for one in why.intervals.items] == [3 * 3600, 3600]
    assert why.intervals.open_seconds == 4 * 3600
    assert why.satisfied_by is not None
    assert why.satisfied_by.zh.startswith("解决")
    assert [one.fire_at for one in why.levels][:2] == [MONDAY + DAY, MONDAY + 25 * HOUR]
    assert [one.tells for one in why.levels][:2] == [["owner"], ["owner", "next"]]


async def test_the_sentence_is_in_the_callers_language(desk: Desk) -> None:
    await desk.open()
    assert "按策略 toolkit 第 1 版" in (await desk.explained("accept")).sentence
    english = await desk.explained("accept", language="en")
    assert "by policy toolkit version 1" in english.sentence


async def test_a_past_instant_is_told_as_it_was_known_then(desk: Desk) -> None:
    await desk.open()
    await desk.move(MONDAY + HOUR, NewFact(FactKind.TIER_CHANGED, {"tier": "A"}))
    await desk.move(MONDAY + 2 * HOUR, NewFact(FactKind.RESOLVED))
    now = await desk.explained("resolve")
    assert (now.state, now.answered_at, now.calendar.name) == ("met", MONDAY + 2 * HOUR, "24x7")
    assert (now.satisfied_by, now.remaining_seconds) == (None, 0)
    assert [one.at for one in now.retargets] == [MONDAY + HOUR]
    then = await desk.explained("resolve", MONDAY + 30 * MINUTE)
    assert (then.state, then.answered_at, then.calendar.name) == ("running", None, "office")
    assert (then.retargets, then.inputs.tier) == ([], "B")
    assert [one.kind for one in then.facts.items] == ["opened"]
    assert then.at == MONDAY + 30 * MINUTE
    exactly = await desk.explained("resolve", MONDAY + HOUR)
    assert (exactly.calendar.name, exactly.facts.fact_count) == ("24x7", 2)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (MONDAY - MICROSECOND, "before_start"),
        (MONDAY, None),
        (MONDAY + HOUR, None),
        (MONDAY + HOUR + MICROSECOND, "in_the_future"),
    ],
)
async def test_an_instant_lies_between_the_start_and_the_domains_now(
    desk: Desk, at: datetime, code: str | None
) -> None:
    await desk.open()
    await freeze(desk.database, MONDAY + HOUR)
    answer = await desk.ask("accept", at)
    if code is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/query/at", code)]


async def test_a_later_revision_is_explained_only_from_when_it_began(desk: Desk) -> None:
    await desk.open()
    await desk.move(MONDAY + HOUR, NewFact(FactKind.RECLASSIFIED, {"complexity": "complex"}))
    rows = [row for row in await desk.rows() if row["clock"] == "resolve"]
    second = next(row for row in rows if row["revision"] == 2)
    path = f"/api/v1/deadlines/{second['id']}/explain"
    early = await desk.http.get(
        path, headers=desk.reader, params={"at": (MONDAY + 59 * MINUTE).isoformat()}
    )
    assert early.status_code == 422
    assert (await desk.http.get(path, headers=desk.reader)).status_code == 200


async def test_a_wait_is_credited_up_to_its_limit_while_it_lasts(desk: Desk) -> None:
    await desk.open()
    wait = NewFact(FactKind.WAITING, {"reason": "需要截图"})
    await desk.move(MONDAY + HOUR, NewFact(FactKind.MESSAGE, STAFF), wait)
    await freeze(desk.database, MONDAY + 3 * HOUR)
    why = await desk.explained("resolve")
    (pause,) = why.pauses
    assert (why.state, why.pause_ends_at) == ("paused", pause.ends_at)
    assert pause.ends_at == MONDAY + 3 * DAY + 9 * HOUR
    assert pause.credited_seconds == (8 + 9 + 9 + 9) * 3600
    await desk.move(MONDAY + 4 * HOUR, NewFact(FactKind.RESUMED))
    resumed = await desk.explained("resolve")
    assert [one.credited_seconds for one in resumed.pauses] == [3 * 3600]
    assert resumed.due_at == MONDAY + 7 * HOUR


async def test_holidays_and_make_up_days_on_the_way_are_named(desk: Desk) -> None:
    friday = datetime(2026, 4, 3, 9, 0, tzinfo=UTC)  # 17:00, before 清明节
    await desk.open(friday)
    why = await desk.explained("resolve")
    assert why.due_at == datetime(2026, 4, 7, 4, 0, tzinfo=UTC)
    named = [(one.on.isoformat(), one.kind, one.name) for one in why.exceptions.items]
    assert [on for on, _, _ in named] == ["2026-04-04", "2026-04-05", "2026-04-06"]
    assert {kind for _, kind, _ in named} == {"closed"}


async def test_levels_are_fired_from_when_they_were_noticed(desk: Desk) -> None:
    await desk.open()
    await freeze(desk.database, MONDAY + 40 * MINUTE)
    await enforcement.sweep(desk.database)
    now = await desk.explained("accept")
    assert [one.fired_at for one in now.levels] == [MONDAY + 40 * MINUTE] * 2 + [None] * 2
    assert now.levels[0].escalation_id is not None
    assert (now.state, now.late_seconds, now.late_elapsed_seconds) == ("missed", 600, 600)
    before = await desk.explained("accept", MONDAY + 39 * MINUTE)
    assert [one.fired_at for one in before.levels] == [None] * 4


async def test_a_correction_shows_what_stood_before_it(desk: Desk) -> None:
    await desk.open()
    await desk.move(MONDAY + HOUR, NewFact(FactKind.ACCEPTED))
    data = {"clock": "accept", "cycle": 1, "revision": 1, "claimed_at": MONDAY.isoformat()}
    await desk.move(MONDAY + 2 * HOUR, NewFact(FactKind.CORRECTED, {**data, "reason": "录音"}))
    why = await desk.explained("accept")
    assert why.adjustment is not None
    assert (why.state, why.adjustment.state_before) == ("met", "late")
    assert why.adjustment.answered_before_at == MONDAY + HOUR
    then = await desk.explained("accept", MONDAY + 90 * MINUTE)
    assert (then.state, then.adjustment) == ("late", None)


async def test_an_agreed_instant_is_explained_without_target_or_policy(desk: Desk) -> None:
    async with desk.database.transaction() as tx:
        await service.use_pack(tx, "none")
        none = next(row for row in await tx.all(book.POLICY_NAMES) if row["name"] == "none")
        await writing.update(tx, PolicyRow, none, is_active=False)
    await desk.open()
    assert await desk.rows() == []
    due_at = (MONDAY + DAY).isoformat()
    await desk.move(MONDAY + HOUR, NewFact(FactKind.AGREED, {"due_at": due_at}))
    why = await desk.explained("agreed")
    assert (why.policy, why.target, why.due_at) == (None, None, MONDAY + DAY)
    assert [one.level for one in why.levels] == [1, 2, 3, 4]


async def test_long_lists_are_bounded_and_what_is_left_out_is_counted(desk: Desk) -> None:
    opening = {"clock": "cadence", "rule": "FU-4"}
    async with desk.database.transaction() as tx:
        subject = await service.open_subject(
            tx, subject_type="follow_up", subject_id=1, public_id=new_public_id(), label="回访",
            customer_id=None, owner_id=None, department_id=None, inputs={"tier": "C"},
            at=MONDAY, data=opening,
        )  # fmt: skip
        notes = [NewFact(FactKind.MESSAGE, {"by": "staff", "public": False})] * 150
        await service.append(tx, subject, *notes)
    why = await desk.explained("cadence")
    assert why.rule == "FU-4"
    assert why.intervals.interval_count > 60
    assert len(why.intervals.items) == 60
    assert why.intervals.omitted_count == why.intervals.interval_count - 60
    assert why.intervals.items[0].start_at == MONDAY
    assert why.intervals.open_seconds == why.length_seconds
    assert (why.facts.fact_count, why.facts.omitted_count) == (151, 51)
    assert why.facts.items[-1].sequence == 151


async def test_the_list_and_the_explanation_agree(desk: Desk) -> None:
    await desk.open(complexity="super")
    await desk.move(MONDAY + HOUR, NewFact(FactKind.ACCEPTED))
    await desk.move(MONDAY + 90 * MINUTE, NewFact(FactKind.TIER_CHANGED, {"tier": "A"}))
    await desk.move(MONDAY + 2 * HOUR, NewFact(FactKind.WAITING, {"reason": "需要截图"}))
    await freeze(desk.database, MONDAY + 3 * HOUR)
    shared = ("rule", "state", "started_at", "due_at", "pause_ends_at", "answered_at", "missed_at")
    for row in await desk.rows():
        why = (await desk.ask(row["clock"])).json()
        assert {name: why[name] for name in shared} == {name: row[name] for name in shared}


async def test_a_version_published_elsewhere_a_moment_ago_is_asked_for(desk: Desk) -> None:
    await desk.open()
    stale = desk.database.copies["book"]
    known: book.Book = stale.value
    async with desk.database.transaction() as tx:
        toolkit = (await tx.all(book.POLICY_BY_NAME, name="toolkit"))[0]
        document = known.rulebook.policies["toolkit", 1].document
        await writing.insert(
            tx, PolicyVersion, policy_id=toolkit["id"], number=2, document=dict(document),
            created_at=MONDAY,
        )  # fmt: skip
    assign = NewFact(FactKind.POLICY_ASSIGNED, {"policy": ["toolkit", 2]})
    await desk.move(MONDAY + MINUTE, assign)
    desk.database.copies["book"] = stale
    why = await desk.explained("resolve")
    assert why.policy is not None
    assert why.policy.version == 2
