"""Opens the turns of what is promised, one after the other, and keeps them with whoever has the role.

A turn opens at the instant that its series says, whether or not a worker ran just then. What a lost customer was
promised passes by unopened, and goes on when he is won back.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog

from app import writing
from app.customers import queries as customer_queries
from app.customers.freshness import is_kept_fresh
from app.database import SYSTEM, Database, Transaction
from app.outbox.relay import Message
from app.service_plans import queries
from app.service_plans.cadence import Cadence, EveryUnit
from app.service_plans.models import ServiceOccurrence, ServiceSeries
from app.service_plans.queries import SUBJECT
from app.service_plans.turns import Turn, turn_after
from app.sla import service as sla
from app.sla.book import Book
from app.statements import Row
from app.time import FAR_END, format_instant

CLOCK, RULE = "service_plan_item", "CU-17"
BATCH_SIZE = 200
PUT_OFF = timedelta(hours=1)
_LABEL_MAX = 300
log = structlog.get_logger("huiying.service_plans")


async def open_due_turns(database: Database) -> int:
    """Open every turn whose instant has come, each in its own transaction; returns how many series moved on.

    A series that cannot go on is reported, put off for an hour, and holds up no other.
    """
    count = 0
    while rows := await database.all(queries.SERIES_DUE, batch_size=BATCH_SIZE):
        for row in rows:
            try:
                async with database.transaction(SYSTEM) as tx:
                    count += await _move_on(tx, row["id"])
            except Exception:
                log.exception("service_turn_not_opened", series=row["id"])
                async with database.transaction(SYSTEM) as tx:
                    put_off = {"id": row["id"], "opens_at": await tx.now() + PUT_OFF}
                    await writing.update_many(tx, ServiceSeries, [put_off])
    return count


async def _move_on(tx: Transaction, key: int) -> bool:
    """Open the next turn of a series if it is still due under its lock."""
    series = await tx.one(queries.SERIES_LOCKED, key=key)
    if series is None or series["opens_at"] > await tx.now():
        return False
    await open_turn(tx, await sla.read_book(tx), series)
    return True


async def begin(tx: Transaction, series: Sequence[Row]) -> None:
    """Begin series at this moment: the first turn is the next one that is not yet due."""
    book, at = await sla.read_book(tx), await tx.now()
    for row in series:
        turn = turn_after(cadence_of(row), book.working, 1, since=at, due_after=at)
        await _set_next(tx, row, turn)
        if turn is not None and turn.opens_at <= at:
            await open_turn(tx, book, {**row, "next_number": turn.number, "opens_at": at})


async def open_turn(tx: Transaction, book: Book, series: Row) -> None:
    """Open the next turn of a held series at its instant, and say when the one after it opens."""
    cadence, at = cadence_of(series), series["opens_at"]
    is_promised = series["plan_status"] == "active" and series["item_status"] == "active"
    turn = turn_after(cadence, book.working, series["next_number"], since=at, due_after=at)
    if turn is None or not is_promised:
        await _set_next(tx, series, None)
        return
    if await is_kept_fresh(tx, series):
        await _open(tx, series, turn, at)
    following = turn_after(
        cadence, book.working, turn.number + 1, since=turn.due_at, due_after=turn.due_at
    )
    await _set_next(tx, series, following)


async def go_on(tx: Transaction, series: Row, done: Row, due_at: datetime, at: datetime) -> None:
    """Let the turn after one that was just done open now, at most 35 days ahead; nothing where it is open already."""
    if series["opens_at"] <= at or series["opens_at"] == FAR_END:
        return
    book = await sla.read_book(tx)
    following = turn_after(
        cadence_of(series), book.working, done["number"] + 1, since=at, due_after=max(due_at, at)
    )
    if following is None or following.number != series["next_number"]:
        return
    await _set_next(tx, series, following)
    if following.opens_at <= at:
        await open_turn(tx, book, {**series, "opens_at": at})


async def stop(tx: Transaction, series: Sequence[Row]) -> None:
    """Let no further turn of held series open."""
    for row in series:
        await _set_next(tx, row, None)


async def _set_next(tx: Transaction, series: Row, turn: Turn | None) -> None:
    number = series["next_number"] if turn is None else turn.number
    opens_at = FAR_END if turn is None else turn.opens_at
    row = {"id": series["id"], "next_number": number, "opens_at": opens_at}
    await writing.update_many(tx, ServiceSeries, [row])


def cadence_of(row: Row) -> Cadence:
    """Return when the turns of an item fall."""
    return Cadence(
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        amount=row["every_amount"] or 1,
        unit=EveryUnit(row["every_unit"] or EveryUnit.MONTHS),
        dates=[date.fromisoformat(one) for one in row["dates"]],
    )


async def _open(tx: Transaction, series: Row, turn: Turn, at: datetime) -> None:
    row = await writing.insert(
        tx,
        ServiceOccurrence,
        series_id=series["id"],
        item_id=series["item_id"],
        customer_id=series["customer_id"],
        number=turn.number,
        promised_on=turn.on,
        opened_at=at,
    )
    await sla.open_subject(
        tx,
        subject_type=SUBJECT,
        subject_id=row["id"],
        public_id=row["public_id"],
        label=f"{series['number']} {series['title']}"[:_LABEL_MAX],
        customer_id=series["customer_id"],
        owner_id=await _assigned(tx, series),
        department_id=series["department_id"],
        dedicated_manager_id=series["account_manager_id"],
        inputs={"type": CLOCK, "tier": series["tier"]},
        at=at,
        data={"clock": CLOCK, "rule": RULE, "due_at": format_instant(turn.due_at)},
    )


# --- who keeps it


async def _assigned(tx: Transaction, row: Row) -> int | None:
    """Return who keeps a promise at the moment; where nobody has the role, the customer's owner does."""
    owner_id: int | None = row["owner_id"]
    found: int | None = None
    if row["assignee"] == "user":
        found = row["user_id"]
    elif row["assignee"] == "account_manager":
        found = row["account_manager_id"]
    elif row["assignee"] == "team_role":
        team = await tx.peek(customer_queries.TEAM, customer_key=row["customer_id"])
        found = next((one["user_id"] for one in team if one["role"] == row["team_role"]), None)
    return found if found is not None else owner_id


async def follow_customers(tx: Transaction, messages: Sequence[Message]) -> None:
    """Give open turns to whoever has the role now that owner, manager, department or team have changed."""
    customers = sorted({one.subject_id for one in messages if one.subject_id is not None})
    for row in await tx.all(queries.OPEN_TURNS_OF_CUSTOMERS, customers=customers):
        subject = await sla.lock(tx, SUBJECT, row["id"])
        whose = {"owner_id": await _assigned(tx, row), "department_id": row["department_id"]}
        if any(subject.row[name] != value for name, value in whose.items()):
            await sla.move_owner(
                tx, subject, owner_id=whose["owner_id"], department_id=whose["department_id"]
            )


HANDLERS = {
    "customer.updated": (follow_customers,),
    "customer.team_changed": (follow_customers,),
}
