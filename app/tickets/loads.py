"""How many open tickets everybody has: the counters behind dispatch (SOP TK-3).

A turn is taken as a number is taken from a sequence: in one step that locks the counters of those who are asked, in the
order of users, and is over at once, so that no opening waits for another's commit. A process killed between a turn and
its ticket leaves a counter too high: `recount_loads` mends it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, case, func, or_, select, true
from sqlalchemy import update as core_update

from app import writing
from app.database import Database, Transaction
from app.statements import Row, Statement, any_of
from app.tickets.lifecycle import OPEN
from app.tickets.models import DispatchLoad, Ticket
from app.time import FAR_END

_load, _ticket = DispatchLoad.__table__.c, Ticket.__table__.c
_MADE = "loads_made"  # users whose counter this process knows to exist
SETTLED_AFTER = timedelta(minutes=5)  # no opening takes as long between its turn and its commit

_some = (
    select(_load.id, _load.user_id, _load.open_count, _load.assigned_at)
    .where(any_of(_load.user_id, "user_keys"))
    .order_by(_load.user_id)
)
LOADS = Statement(_some)
LOCKED = Statement(_some.with_for_update())


def _next(loads: Any) -> Select[Any]:
    """Return the key of whose turn it is: least loaded, longest idle (never had one: longest of all), lowest key."""
    return (
        select(loads.id)
        .where(any_of(loads.user_id, "present_keys"))
        .order_by(
            loads.open_count,
            case((loads.assigned_at == FAR_END, 0), else_=1),
            loads.assigned_at,
            loads.user_id,
        )
        .limit(1)
    )


_given_at = bindparam("given_at", type_=_load.assigned_at.type)
_give = core_update(DispatchLoad).values(open_count=_load.open_count + 1, assigned_at=_given_at)

_others = DispatchLoad.__table__.alias("others").c
TAKE_TURN_SQLITE = Statement(
    _give.where(_load.id == _next(_others).scalar_subquery()).returning(_load.user_id)
)
_locked = _some.with_for_update().cte("locked")
_winner = _next(_locked.c).cte("winner")
_given = _give.where(_load.id == _winner.c.id).returning(_load.user_id).cte("given")
TAKE_TURN_POSTGRESQL = Statement(
    select(
        _locked.c.user_id,
        _locked.c.open_count,
        _locked.c.assigned_at,
        (_given.c.user_id == _locked.c.user_id).label("won"),
    ).select_from(_locked.outerjoin(_given, true()))
)

_count = _load.open_count + bindparam("change", type_=_load.open_count.type)
_shift = core_update(DispatchLoad).values(open_count=case((_count < 0, 0), else_=_count))
_whose = _load.user_id == bindparam("user_key")
SHIFT = Statement(_shift.where(_whose).returning(_load.id))
GIVE = Statement(_shift.values(assigned_at=_given_at).where(_whose).returning(_load.id))

_OWNED = (
    select(_ticket.owner_id, func.count().label("owned"))
    .where(
        or_(*(_ticket.status == one.value for one in sorted(OPEN))), _ticket.owner_id.is_not(None)
    )
    .group_by(_ticket.owner_id)
    .subquery()
)
_true_count = func.coalesce(_OWNED.c.owned, 0)
UNTRUE = Statement(
    select(_load.id, _load.user_id, _load.open_count, _load.assigned_at, _true_count.label("owned"))
    .select_from(DispatchLoad.__table__.outerjoin(_OWNED, _OWNED.c.owner_id == _load.user_id))
    .where(_load.open_count != _true_count)
    .order_by(_load.user_id)
)


async def take_turn(
    tx: Transaction, user_keys: Iterable[int], present_keys: Iterable[int], *, at: datetime
) -> tuple[Mapping[int, Row], int]:
    """Count a ticket for whoever of the present is next; returns everybody's counter before that, and the winner."""
    keys, present = sorted(set(user_keys)), sorted(set(present_keys))
    if tx.database.kind == "postgresql":
        await _make(tx, keys)
        return await _take_at_once(tx, keys, present, at)
    loads = await read_loads(tx, keys)
    rows = await writing.count(
        tx, DispatchLoad, TAKE_TURN_SQLITE, present_keys=present, given_at=at
    )
    return loads, rows[0]["user_id"]


async def _take_at_once(
    tx: Transaction, keys: list[int], present: list[int], at: datetime
) -> tuple[Mapping[int, Row], int]:
    """Lock, choose and count in one statement beside the transaction."""
    rows = await writing.count(
        tx,
        DispatchLoad,
        TAKE_TURN_POSTGRESQL,
        user_keys=keys,
        present_keys=present,
        given_at=at,
    )
    winner: int = next(row["user_id"] for row in rows if row["won"])
    writing.count_on_failure(tx, DispatchLoad, SHIFT, user_key=winner, change=-1)
    return {row["user_id"]: row for row in rows}, winner


async def read_loads(tx: Transaction, user_keys: Iterable[int]) -> Mapping[int, Row]:
    """Return the counters of these users as they are at the moment."""
    keys = sorted(set(user_keys))
    await _make(tx, keys)
    return {row["user_id"]: row for row in await tx.peek(LOADS, user_keys=keys)}


async def shift_loads(
    tx: Transaction, *, taken_from: int | None, given_to: int | None, at: datetime
) -> None:
    """Take one open ticket off a user's counter and put it on another's, with the commit."""
    if taken_from == given_to:
        return
    await _make(tx, [one for one in (taken_from, given_to) if one is not None])
    if taken_from is not None:
        await writing.count_after(tx, DispatchLoad, SHIFT, user_key=taken_from, change=-1)
    if given_to is not None:
        await writing.count_after(tx, DispatchLoad, GIVE, user_key=given_to, change=1, given_at=at)


async def _make(tx: Transaction, user_keys: Iterable[int]) -> None:
    """Make the counters that are missing; they are known to exist once this transaction is committed."""
    made: set[int] = tx.database.memory.setdefault(_MADE, set())
    missing = [key for key in user_keys if key not in made]
    for key in missing:
        await writing.upsert(tx, DispatchLoad, ("user_id",), beside=True, user_id=key)
    if missing:
        tx.after_commit.append(lambda: made.update(missing))


async def recount_loads(database: Database) -> int:
    """Set right what is not what people own, unless a ticket may be on its way to them; returns how many.

    A ticket that ends between its commit and its count (`count_after`) may be taken off twice; the next run finds it.
    """
    suspects = await database.all(UNTRUE)
    if not suspects:
        return 0
    async with database.transaction() as tx:
        keys = {row["user_id"] for row in suspects}
        await tx.all(LOCKED, user_keys=sorted(keys))
        settled = await tx.now() - SETTLED_AFTER
        wrong = [
            {"id": row["id"], "open_count": row["owned"]}
            for row in await tx.all(UNTRUE)  # asked again: nobody counts while they are locked
            if row["user_id"] in keys and _idle_since(row, settled)
        ]
        await writing.update_many(tx, DispatchLoad, wrong)
        return len(wrong)


def _idle_since(row: Row, at: datetime) -> bool:
    assigned_at: datetime = row["assigned_at"]
    return assigned_at == FAR_END or assigned_at <= at
