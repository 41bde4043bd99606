"""Long work: batches written exactly once whatever dies, progress, results, failures, cancelling, leases."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import writing
from app.database import Actor, Database, Transaction
from app.errors import Conflict, NotFound, Unavailable
from app.operations import runner, service
from app.operations.models import OperationRow
from app.operations.runner import Kind, Operation, Step, run
from app.outbox.models import OutboxMessage
from app.outbox.service import publish
from app.statements import Statement
from app.time import FAR_END, real_now
from tests.factories import make_principal, make_user

OPERATIONS = Statement(select(*OperationRow.__table__.columns).order_by(OperationRow.id))
MESSAGES = Statement(select(OutboxMessage.payload).order_by(OutboxMessage.id))
TOTAL = 5


@dataclass
class Counting:
    """A kind of work that writes one message a batch; `faults` are raised before a batch is done, once each."""

    faults: dict[int, list[BaseException]] = field(default_factory=dict)
    prepared: list[int] = field(default_factory=list)
    ended: int = 0
    reads_ahead: bool = False

    @property
    def kinds(self) -> Mapping[str, Kind]:
        ahead = self.ahead if self.reads_ahead else None
        return {"test.count": Kind(self.step, self.prepare, self.end, ahead)}

    def ahead(self, operation: Operation, prepared: Any) -> Operation | None:
        number = int(prepared) // 10 + 1
        return replace(operation, cursor=number) if number < TOTAL else None

    async def prepare(self, database: Database, operation: Operation) -> int:
        del database
        self.prepared.append(operation.cursor or 0)
        return 10 * (operation.cursor or 0)

    async def step(self, tx: Transaction, operation: Operation, prepared: Any) -> Step:
        number = operation.cursor or 0
        await publish(tx, "batch.written", at=real_now(), payload={"number": number})
        if self.faults.get(number):
            await tx.flush()
            raise self.faults[number].pop()
        return Step(
            done=number + 1,
            cursor=number + 1,
            total=TOTAL,
            result={"last": prepared, "by": operation.user_id},
            finished=number + 1 == TOTAL,
        )

    async def end(self, tx: Transaction, operation: Operation) -> None:
        del tx, operation
        self.ended += 1


async def begin(database: Database, **values: Any) -> None:
    async with database.transaction() as tx:
        await service.start(tx, "test.count", {"asked": 1}, **values)


async def only(database: Database) -> Any:
    rows = await database.all(OPERATIONS)
    assert len(rows) == 1
    return rows[0]


async def written(database: Database) -> list[int]:
    return [row["payload"]["number"] for row in await database.all(MESSAGES)]


async def change(database: Database, **values: Any) -> None:
    row = await only(database)
    async with database.transaction() as tx:
        await writing.update_many(tx, OperationRow, [{"id": row["id"], **values}])


async def test_every_batch_is_written_once_and_the_result_is_kept(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="admin")
    async with database.transaction(Actor(user_id=user["id"], name=user["name"])) as tx:
        await service.start(tx, "test.count", {"asked": 1})
    work = Counting()
    assert await run(database, work.kinds) == TOTAL
    row = await only(database)
    assert (row["state"], row["done_count"], row["total_count"]) == ("done", TOTAL, TOTAL)
    assert row["result"] == {"last": 40, "by": user["id"]}
    assert row["created_at"] <= row["started_at"] <= row["finished_at"] < FAR_END
    assert (await written(database), work.prepared, work.ended) == ([0, 1, 2, 3, 4],) * 2 + (1,)
    assert await run(database, work.kinds) == 0


async def test_what_is_prepared_ahead_is_each_batch_s_own(database: Database) -> None:
    await begin(database)
    work = Counting(reads_ahead=True)
    assert await run(database, work.kinds) == TOTAL
    row = await only(database)
    assert (row["state"], row["result"]["last"]) == ("done", 40)
    assert (await written(database), work.prepared) == ([0, 1, 2, 3, 4],) * 2


async def test_what_was_prepared_ahead_of_a_fault_is_prepared_anew(database: Database) -> None:
    await begin(database)
    work = Counting({1: [OSError("disk")]}, reads_ahead=True)
    await run(database, work.kinds)
    assert await written(database) == [0]
    await change(database, lease_until=real_now())
    await run(database, work.kinds)
    assert (await only(database))["state"] == "done"
    assert await written(database) == list(range(TOTAL))
    assert work.prepared[-4:] == [1, 2, 3, 4]


async def test_a_fault_in_preparing_ahead_leaves_the_batch_before_it(database: Database) -> None:
    await begin(database)
    work = Counting(reads_ahead=True)
    kind = work.kinds["test.count"]

    async def prepare(database: Database, operation: Operation) -> int:
        if operation.cursor == 2:
            raise OSError("network")
        return await work.prepare(database, operation)

    await run(database, {"test.count": replace(kind, prepare=prepare)})
    row = await only(database)
    assert (row["state"], row["failure_count"], row["done_count"]) == ("running", 1, 2)
    assert await written(database) == [0, 1]


async def test_a_batch_belongs_to_whoever_asked(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="admin", name="李雷")
    seen = []

    async def step(tx: Transaction, operation: Operation, prepared: Any) -> Step:
        del operation, prepared
        seen.append(tx.actor)
        return Step(1, finished=True)

    async with database.transaction(Actor(user_id=user["id"], name=user["name"])) as tx:
        await service.start(tx, "test.count", {})
    await run(database, {"test.count": Kind(step)})
    assert seen == [Actor(user_id=user["id"], name="李雷")]


async def test_a_slice_ends_when_its_time_is_over_and_the_next_goes_on(database: Database) -> None:
    await begin(database)
    work = Counting()
    assert await run(database, work.kinds, seconds=0) == 0
    for _ in range(TOTAL):
        taken = await runner._take(database, work.kinds)
        assert taken is not None
        assert await runner._work(database, *taken, until=0) == 1
    assert (await only(database))["state"] == "done"
    assert await written(database) == list(range(TOTAL))


async def test_who_waits_longest_comes_first(database: Database) -> None:
    await begin(database)
    await begin(database)
    first, second = await database.all(OPERATIONS)
    work = Counting()
    taken = await runner._take(database, work.kinds)
    assert taken is not None
    assert taken[1].id == first["id"]
    await runner._work(database, *taken, until=0)
    following = await runner._take(database, work.kinds)
    assert following is not None
    assert following[1].id == second["id"]


async def test_a_dead_worker_s_batch_is_done_again_from_the_last_one_written(
    database: Database,
) -> None:
    await begin(database)
    work = Counting({2: [KeyboardInterrupt()]})
    with pytest.raises(KeyboardInterrupt):
        await run(database, work.kinds)
    assert await written(database) == [0, 1]
    assert await run(database, work.kinds) == 0  # its lease has not run out
    await change(database, lease_until=real_now() - timedelta(microseconds=1))
    assert await run(database, work.kinds) == TOTAL - 2
    assert await written(database) == list(range(TOTAL))


async def test_whoever_lost_the_lease_writes_nothing(database: Database) -> None:
    await begin(database)
    work = Counting()
    slow = await runner._take(database, work.kinds)
    assert slow is not None
    await change(database, lease_until=real_now())
    assert await run(database, work.kinds) == TOTAL
    with pytest.raises(runner._Lost):
        await runner._work(database, *slow, until=0)
    assert await written(database) == list(range(TOTAL))


async def test_a_fault_is_tried_again_later_and_counts_only_until_the_next_batch(
    database: Database,
) -> None:
    await begin(database)
    work = Counting({1: [OSError("disk"), OSError("disk")]})
    for count in (1, 2):
        await run(database, work.kinds)
        row = await only(database)
        assert (row["state"], row["failure_count"]) == ("running", count)
        assert row["lease_until"] > real_now()
        await change(database, lease_until=real_now())
    await run(database, work.kinds)
    row = await only(database)
    assert (row["state"], row["failure_count"]) == ("done", 0)
    assert await written(database) == list(range(TOTAL))


async def test_a_fault_that_stays_fails_without_telling_our_inside(database: Database) -> None:
    await begin(database)
    work = Counting({1: [OSError("/secret/path")] * 9})
    for _ in range(runner.FAILURES_MAX):
        await run(database, work.kinds)
        await change(database, lease_until=real_now())
    row = await only(database)
    assert (row["state"], row["done_count"], work.ended) == ("failed", 1, 1)
    assert row["error"]["code"] == "internal_error"
    assert "secret" not in str(row)
    assert await written(database) == [0]
    assert await run(database, work.kinds) == 0


async def test_a_refusal_fails_at_once(database: Database) -> None:
    await begin(database)
    work = Counting({1: [NotFound()]})
    await run(database, work.kinds)
    row = await only(database)
    assert (row["state"], row["error"]["code"]) == ("failed", "not_found")
    assert row["finished_at"] < FAR_END


@pytest.mark.parametrize("fault", [Unavailable, lambda: Conflict("busy_try_again")])
async def test_what_passes_by_itself_never_fails(database: Database, fault: Any) -> None:
    await begin(database)
    work = Counting({0: [fault() for _ in range(runner.FAILURES_MAX + 2)]})
    for _ in range(runner.FAILURES_MAX + 2):
        await run(database, work.kinds)
        await change(database, lease_until=real_now())
    assert (await only(database))["state"] == "running"
    assert await run(database, work.kinds) == TOTAL


async def test_an_end_that_fails_itself_does_not_keep_the_operation_open(
    database: Database,
) -> None:
    async def refuse(*_: Any) -> Any:
        raise NotFound

    await begin(database)
    await run(database, {"test.count": Kind(refuse, ended=refuse)})
    assert (await only(database))["state"] == "failed"


async def test_cancelling_ends_it_between_two_batches(database: Database) -> None:
    async with database.transaction() as tx:
        user = await make_user(tx, role="admin")
    await begin(database)
    work = Counting()
    taken = await runner._take(database, work.kinds)
    assert taken is not None
    await runner._work(database, *taken, until=0)
    public_id = (await only(database))["public_id"]
    async with database.transaction() as tx:
        await service.cancel(tx, make_principal(user), public_id)
    assert (await only(database))["state"] == "running"
    await run(database, work.kinds)
    row = await only(database)
    assert (row["state"], row["done_count"], work.ended) == ("cancelled", 1, 1)
    assert row["finished_at"] < FAR_END
    assert await written(database) == [0]


async def test_nothing_begins_before_its_delay(database: Database) -> None:
    await begin(database, delay=timedelta(hours=1))
    assert await run(database, Counting().kinds) == 0


async def test_a_kind_that_this_worker_does_not_know_is_left_to_others(database: Database) -> None:
    await begin(database)
    assert await run(database, {"test.other": Kind(Counting().step)}) == 0
    assert await run(database, {}) == 0


async def test_a_result_without_bounds_is_a_fault(database: Database) -> None:
    async def boast(tx: Transaction, operation: Operation, prepared: Any) -> Step:
        del tx, operation, prepared
        return Step(1, result={"rows": ["x" * 100] * 1000})

    await begin(database)
    await run(database, {"test.count": Kind(boast)})
    row = await only(database)
    assert (row["failure_count"], row["result"]) == (1, None)
