"""Every job of the worker: nothing due, three due, run twice, two at once, one poisoned; and a job that breaks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, exists, func, literal, select, true

from app import worker, writing
from app.auth.models import RefreshToken
from app.customers.models import CustomerTier
from app.database import Database, Transaction
from app.heartbeats.models import Heartbeat
from app.idempotency.models import IdempotentAnswer
from app.imports.models import Import
from app.jobs import JOBS, Job, purge_operations
from app.notifications import mail
from app.notifications.models import Mail, Notification
from app.operations import purging
from app.operations import service as operations
from app.operations.models import OperationRow
from app.operations.runner import Kind, Operation, Step
from app.outbox import purging as outbox_purging
from app.outbox.models import OutboxMessage
from app.outbox.relay import relay
from app.rehearsal import service as rehearsal
from app.rehearsal.models import VirtualClock
from app.reports.models import ScorecardPeriod
from app.segments.models import CustomerFigures, Segment, SegmentEvaluation
from app.segments.schemas import SegmentCreate
from app.segments.service import create_segment
from app.service_plans.models import (
    ServiceOccurrence,
    ServicePlan,
    ServicePlanItem,
    ServiceSeries,
)
from app.sla.enforcement import Pace, sweep
from app.sla.models import (
    DeadlineChange,
    DeadlineLevel,
    DeadlineRow,
    Escalation,
    Move,
    Subject,
)
from app.statements import Row, Statement
from app.subscribers import OPERATIONS, SUBSCRIPTIONS
from app.tickets import loads, solving
from app.tickets.models import DispatchLoad, Ticket
from app.tickets.move_schemas import Resolve
from app.time import FAR_END, real_now
from tests.factories import (
    freeze,
    make_customer,
    make_department,
    make_line,
    make_principal,
    make_rules,
    make_session,
    make_subject,
    make_ticket,
    make_ticket_types,
    make_user,
)

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
WARNED = MONDAY + timedelta(minutes=23)
COUNT = 3
STEPS = "更换温控探头 PT100 并按规程重新校准,三点比对偏差小于 0.1 ℃"


def rows_of(table: Any) -> Statement:
    return Statement(select(*table.__table__.columns).order_by(table.id))


def count_of(table: Any, *conditions: ColumnElement[bool]) -> Statement:
    return Statement(select(func.count()).select_from(table.__table__).where(*conditions))


Prepare = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """Three things that a job is to do; `left` counts those not done, `poison` spoils one (None: a set-based delete)."""

    prepare: Prepare
    left: Statement
    poison: Prepare | None = None


# --- three deadlines to warn of, three notices to release, three mails to send


async def three_warnings(database: Database) -> None:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        line = await make_line(tx)
        for number in range(1, COUNT + 1):
            await make_subject(
                tx, number=number, owner=line["owner"], department=line["department"]
            )
    await freeze(database, WARNED)


async def poison_warning(database: Database) -> None:
    """The first level is recorded already, as no crash could leave it."""
    row = (await database.all(rows_of(DeadlineRow)))[0]
    async with database.transaction() as tx:
        await writing.insert(
            tx, Escalation, deadline_id=row["id"], level=1, subject_type="ticket", subject_id=1,
            subject_public_id="p1", rule="TK-2", due_at=MONDAY, fire_at=MONDAY, detected_at=MONDAY,
        )  # fmt: skip


async def three_notices(database: Database) -> None:
    await three_warnings(database)
    for _ in range(COUNT):  # swept apart: notices of one batch are announced together
        database.memory["pace"] = Pace(1, most=1)
        await sweep(database, until_quiet=False)


async def poison_notice(database: Database) -> None:
    await spoil(database, Notification, kind="weather.changed")


async def three_mails(database: Database) -> None:
    database.settings = database.settings.model_copy(update={"smtp_host": "127.0.0.1"})
    await three_notices(database)
    await relay(database, SUBSCRIPTIONS)


async def poison_mail(database: Database) -> None:
    await spoil(database, Mail, recipient="nobody")


async def spoil(database: Database, table: Any, **values: Any) -> None:
    row = (await database.all(rows_of(table)))[0]
    async with database.transaction() as tx:
        await writing.update(tx, table, row, **values)


# --- three tickets that nobody confirms


async def three_resolved(database: Database) -> None:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        department = await make_department(tx)
        admin = await make_user(tx, role="admin", department=department)
        codes = ("consult", "technical", "complaint", "after_sales")
        await make_ticket_types(tx, dict.fromkeys(codes, department))
        customer = await make_customer(tx)
    async with database.transaction() as tx:
        tickets = [await make_ticket(tx, admin, customer, for_myself=True) for _ in range(COUNT)]
    for ticket in tickets:
        await resolve(database, admin, str(ticket["public_id"]))
    await freeze(database, MONDAY + timedelta(days=30))


async def resolve(database: Database, by: Row, ticket_id: str) -> None:
    command = Resolve.model_validate({"solution": {"steps": STEPS, "result": "已恢复"}})
    async with database.transaction() as tx:
        await solving.resolve(tx, make_principal(by), ticket_id, command)


async def poison_resolved(database: Database) -> None:
    """The ticket's subject is gone, as no move could leave it."""
    await spoil(database, Subject, subject_id=10_000_000)


# --- three pieces of long work, of one batch each


async def three_operations(database: Database) -> None:
    async with database.transaction() as tx:
        for number in range(COUNT):
            await operations.start(tx, "test.one_batch", {"number": number})


async def one_batch(tx: Transaction, operation: Operation, prepared: Any) -> Step:
    del tx, prepared
    if "number" not in operation.parameters:
        raise OSError("poisoned")
    return Step(1, finished=True)


async def poison_operation(database: Database) -> None:
    await spoil(database, OperationRow, parameters={})


# --- three old answers, three tokens of an ended session


async def three_answers(database: Database) -> None:
    async with database.transaction() as tx:
        for number in range(COUNT):
            at = real_now() - timedelta(hours=49)
            await writing.insert(
                tx, IdempotentAnswer, scope_hash=f"{number}", request_hash="r", status=201,
                headers={}, body=b"{}", stored_at=at,
            )  # fmt: skip


async def three_tokens(database: Database) -> None:
    long_ago = real_now() - timedelta(days=3)
    async with database.transaction() as tx:
        session = await make_session(tx, await make_user(tx), ended_at=long_ago)
        for number in range(COUNT):
            token = {"token_hash": f"{number}", "issued_at": long_ago}
            await writing.insert(tx, RefreshToken, session_id=session["id"], **token)


async def three_dead_workers(database: Database) -> None:
    """And one that beat a moment ago: the last sign of anybody is never forgotten."""
    now = real_now()
    async with database.transaction() as tx:
        for hours in (25, 30, 500, 0):
            at = now - timedelta(hours=hours)
            await writing.insert(tx, Heartbeat, name="worker-1", started_at=at, beat_at=at)


# --- three old operations with a move each, three old messages


async def three_old_operations(database: Database) -> None:
    """And what stays: one that ended yesterday with its move, one that runs, an old one that an inbox line is of."""
    now = real_now()
    ended = [now - purging.KEPT - timedelta(days=1)] * (COUNT + 1) + [now - timedelta(days=1)]
    async with database.transaction() as tx:
        user = await make_user(tx)
        for at in (*ended, FAR_END):
            row = await writing.insert(
                tx, OperationRow, kind="sla.preview", lease_until=now, finished_at=at,
                created_at=min(at, now - timedelta(days=200)),
            )  # fmt: skip
            await writing.insert(
                tx, Move, operation_id=row["id"], subject_type="ticket", subject_public_id="p1",
                label="T1", clock="accept", rule="TK-2", change="moved",
            )  # fmt: skip
            if at == ended[0] and not tx.notes.setdefault("proof", False):
                tx.notes["proof"] = True
                await writing.insert(
                    tx, Notification, user_id=user["id"], operation_id=row["id"], data={},
                    kind="deadline.retargeted", created_at=now, deliver_at=now, delivered_at=now,
                )  # fmt: skip


async def three_old_messages(database: Database) -> None:
    """And what stays: one settled yesterday, an old one that waits, an old one that is dead."""
    await freeze(database, MONDAY)
    old, late = MONDAY - timedelta(days=31), MONDAY - timedelta(days=1)
    ones = [("done", old)] * COUNT + [("done", late), ("pending", FAR_END), ("dead", FAR_END)]
    async with database.transaction() as tx:
        for state, settled_at in ones:
            await writing.insert(
                tx, OutboxMessage, event="ticket.opened", state=state, occurred_at=old,
                attempt_at=FAR_END, settled_at=settled_at,
            )  # fmt: skip


# --- three counters that a crash left too high


async def three_untrue_loads(database: Database) -> None:
    await freeze(database, MONDAY)
    async with database.transaction() as tx:
        for number in range(COUNT):
            user = await make_user(tx, role="support", name=f"u{number}")
            await writing.insert(
                tx, DispatchLoad, user_id=user["id"], open_count=number + 1,
                assigned_at=MONDAY - loads.SETTLED_AFTER,
            )  # fmt: skip


# --- three segments to look at, three customers whose tickets nobody counted


async def three_segments(database: Database) -> None:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        admin = make_principal(await make_user(tx, role="admin"))
        for number in range(COUNT):
            condition = {"attribute": "tier", "operator": "eq", "value": "A"}
            command = SegmentCreate.model_validate({"name": f"s{number}", "condition": condition})
            await create_segment(tx, admin, command)


async def poison_segment(database: Database) -> None:
    """Its condition is none, as no route could leave it."""
    await spoil(database, Segment, condition={})


async def three_untold_tickets(database: Database) -> None:
    await three_resolved(database)
    async with database.transaction() as tx:
        opener = await make_user(tx, role="admin", name="opener")
        for number in range(COUNT - 1):
            await make_ticket(tx, opener, await make_customer(tx, name=f"客户 {number}"))


_told = select(func.count()).select_from(CustomerFigures.__table__).scalar_subquery()
FIGURES_LEFT = Statement(select((literal(COUNT) - _told).label("left")))


# --- three customers whose tiers are to be computed


TIERS_DUE = count_of(CustomerTier, CustomerTier.compute_at <= MONDAY)


async def three_tiers(database: Database) -> None:
    await freeze(database, MONDAY)
    async with database.transaction() as tx:
        for number in range(COUNT):
            customer = await make_customer(tx, name=f"客户{number}", revenue="1000000000.00")
            await writing.insert(tx, CustomerTier, customer_id=customer["id"], compute_at=MONDAY)


# --- three days to count again, three months to close


# Each day has one acceptance that falls due in it; three months are over.
DAYS_LEFT = count_of(
    DeadlineChange,
    DeadlineChange.due_at.in_(select(DeadlineRow.due_at).where(DeadlineRow.clock == "accept")),
)
_closed = select(func.count()).where(ScorecardPeriod.is_closed == true()).scalar_subquery()
MONTHS_LEFT = Statement(select((literal(COUNT) - _closed).label("left")))


async def three_days(database: Database) -> None:
    await make_rules(database, MONDAY)
    for number in range(1, COUNT + 1):
        await freeze(database, MONDAY + timedelta(days=number))
        async with database.transaction() as tx:
            await make_subject(tx, number=number)
    await freeze(database, MONDAY + timedelta(days=30))


async def three_months(database: Database) -> None:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        await make_subject(tx)
    await freeze(database, MONDAY + timedelta(days=100))  # March, April and May are over


# --- three promised services whose first turn is to open


async def three_series(database: Database) -> None:
    await make_rules(database, MONDAY)
    async with database.transaction() as tx:
        customer = await make_customer(tx)
        plan = await writing.insert(
            tx, ServicePlan, customer_id=customer["id"], title="p", status="active",
            created_at=MONDAY, updated_at=MONDAY,
        )  # fmt: skip
        for _ in range(COUNT):
            item = await writing.insert(
                tx, ServicePlanItem, plan_id=plan["id"], title="i", assignee="owner", every_amount=1,
                every_unit="months", starts_on=MONDAY.date(), created_at=MONDAY,
            )  # fmt: skip
            await writing.insert(
                tx, ServiceSeries, item_id=item["id"], customer_id=customer["id"], opens_at=MONDAY
            )


async def poison_series(database: Database) -> None:
    """A unit that nobody knows."""
    row = (await database.all(rows_of(ServicePlanItem)))[0]
    async with database.transaction() as tx:
        await writing.update(tx, ServicePlanItem, row, every_unit="aeons")


async def three_imports(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx)
        for _ in range(COUNT):
            await writing.insert(
                tx,
                Import,
                user_id=user["id"],
                file_name="客户.csv",
                file_size=1,
                row_count=1,
                about={},
                created_at=real_now(),
                purge_at=real_now() - timedelta(seconds=1),
            )


SCENARIOS: Mapping[str, Scenario] = {
    "sweep_deadlines": Scenario(
        three_warnings,
        count_of(DeadlineLevel, DeadlineLevel.fired_at == FAR_END, DeadlineLevel.fire_at <= WARNED),
        poison_warning,
    ),
    "close_unconfirmed": Scenario(
        three_resolved, count_of(Ticket, Ticket.status == "resolved"), poison_resolved
    ),
    "open_service_turns": Scenario(
        three_series,
        count_of(ServiceSeries, ~exists().where(ServiceOccurrence.series_id == ServiceSeries.id)),
        poison_series,
    ),
    "relay_messages": Scenario(
        three_notices, count_of(Notification, Notification.delivered_at == FAR_END), poison_notice
    ),
    "send_messages": Scenario(three_mails, count_of(Mail, Mail.sent_at == FAR_END), poison_mail),
    "run_operations": Scenario(
        three_operations,
        count_of(OperationRow, OperationRow.finished_at == FAR_END),
        poison_operation,
    ),
    "recount_loads": Scenario(
        three_untrue_loads, count_of(DispatchLoad, DispatchLoad.open_count > 0)
    ),
    "compute_tiers": Scenario(three_tiers, TIERS_DUE),
    "close_months": Scenario(three_months, MONTHS_LEFT),
    "refresh_scorecard": Scenario(three_days, DAYS_LEFT),
    "evaluate_segments": Scenario(
        three_segments,
        count_of(SegmentEvaluation, SegmentEvaluation.evaluated_at == FAR_END),
        poison_segment,
    ),
    "recount_figures": Scenario(three_untold_tickets, FIGURES_LEFT),
    "purge_answers": Scenario(three_answers, count_of(IdempotentAnswer)),
    "purge_refresh_tokens": Scenario(three_tokens, count_of(RefreshToken)),
    "purge_operations": Scenario(
        three_old_operations,
        count_of(
            OperationRow,
            OperationRow.finished_at < real_now() - purging.KEPT,
            ~exists().where(Notification.operation_id == OperationRow.id),
        ),
    ),
    "purge_messages": Scenario(
        three_old_messages,
        count_of(OutboxMessage, OutboxMessage.settled_at < MONDAY - timedelta(days=30)),
    ),
    "purge_imports": Scenario(three_imports, count_of(Import, Import.purged_at == FAR_END)),
    "purge_heartbeats": Scenario(
        three_dead_workers, count_of(Heartbeat, Heartbeat.beat_at < real_now() - timedelta(hours=1))
    ),
}
EVERY_JOB = pytest.mark.parametrize("job", JOBS, ids=[job.name for job in JOBS])
POISONED = [job for job in JOBS if SCENARIOS[job.name].poison is not None]


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mails go nowhere here; `notifications/test_mail.py` has the server."""
    monkeypatch.setattr(mail, "_transmit", lambda email, settings: None)


@pytest.fixture(autouse=True)
def short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of long work that is over after one batch; the kinds themselves have tests of their own."""
    monkeypatch.setitem(OPERATIONS, "test.one_batch", Kind(one_batch))


def test_every_job_has_its_scenario() -> None:
    assert set(SCENARIOS) == {job.name for job in JOBS}


@EVERY_JOB
async def test_nothing_due_does_nothing(database: Database, job: Job) -> None:
    await freeze(database, MONDAY)
    assert await job.run(database) == 0


@EVERY_JOB
async def test_what_is_due_is_done_and_a_second_run_does_nothing(
    database: Database, job: Job
) -> None:
    scenario = SCENARIOS[job.name]
    await scenario.prepare(database)
    assert await database.value(scenario.left) == COUNT
    assert await job.run(database) >= COUNT
    assert await database.value(scenario.left) == 0
    assert await job.run(database) == 0


@EVERY_JOB
async def test_two_at_once_do_together_what_one_does(database: Database, job: Job) -> None:
    scenario = SCENARIOS[job.name]
    await scenario.prepare(database)
    one = await asyncio.gather(*(job.run(database) for _ in range(2)))
    assert sum(one) >= COUNT
    assert await database.value(scenario.left) == 0


@pytest.mark.parametrize("job", POISONED, ids=[job.name for job in POISONED])
async def test_one_poisoned_is_isolated_put_off_and_the_rest_is_done(
    database: Database, job: Job
) -> None:
    scenario = SCENARIOS[job.name]
    await scenario.prepare(database)
    assert scenario.poison is not None
    await scenario.poison(database)
    await job.run(database)
    assert await database.value(scenario.left) == 1
    assert await job.run(database) == 0


@EVERY_JOB
async def test_a_job_that_breaks_stops_neither_the_worker_nor_itself(
    database: Database, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def broken(database: Database) -> int:
        calls.append(job.name)
        raise RuntimeError("broken")

    monkeypatch.setattr(worker, "JOBS", (replace(job, run=broken),))
    scheduled = worker.build_scheduler(database).get_job(job.name)
    await scheduled.func()
    await scheduled.func()
    assert calls == [job.name] * 2


@EVERY_JOB
async def test_jobs_on_domain_time_wait_while_a_rehearsal_runs(
    database: Database, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def note(database: Database) -> int:
        calls.append(job.name)
        return 0

    monkeypatch.setattr(worker, "JOBS", (replace(job, run=note),))
    scheduled = worker.build_scheduler(database).get_job(job.name)
    async with database.transaction() as tx:
        until = real_now() + rehearsal.LEASE
        await writing.upsert(tx, VirtualClock, ("id",), id=1, held_until=until)
    await scheduled.func()
    assert calls == ([] if job.on_domain_time else [job.name])


async def test_what_is_asked_about_is_not_purged(database: Database) -> None:
    await three_old_operations(database)
    await three_old_messages(database)
    await purge_operations(database)
    await outbox_purging.purge_messages(database)
    assert [row["state"] for row in await database.all(rows_of(OutboxMessage))] == [
        "done", "pending", "dead",
    ]  # fmt: skip
    kept = await database.all(rows_of(OperationRow))
    assert len(kept) == 3  # the proof of an inbox line, yesterday's, and the one that runs
    moves = await database.all(rows_of(Move))
    assert [row["operation_id"] for row in moves] == [row["id"] for row in kept[1:]]


async def test_a_purge_goes_on_batch_by_batch(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (purging, outbox_purging):
        monkeypatch.setattr(module, "BATCH_SIZE", 2)
        monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    await three_old_operations(database)
    await three_old_messages(database)
    assert await purge_operations(database) == 2 * COUNT + 1
    assert await outbox_purging.purge_messages(database) == COUNT


def test_the_scheduler_runs_one_of_a_kind_in_memory_and_misses_nothing(
    database: Database,
) -> None:
    scheduler = worker.build_scheduler(database)
    for job in JOBS:
        scheduled = scheduler.get_job(job.name)
        assert scheduled.trigger.interval == timedelta(seconds=job.every_seconds)
    defaults = scheduler._job_defaults
    assert defaults == {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    assert str(scheduler.timezone) == "UTC"


async def test_a_whole_day_of_jobs_leaves_no_message_behind(database: Database) -> None:
    await three_warnings(database)
    await rehearsal.advance(database, MONDAY + timedelta(days=1))
    states = {row["state"] for row in await database.all(rows_of(OutboxMessage))}
    assert states == {"done"}
