"""Asks for long work and calls it off; whoever runs it is `runner`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app import writing
from app.audit import service as audit
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotFound
from app.operations import queries
from app.operations.models import OperationRow
from app.statements import Row
from app.time import FAR_END, real_now


async def start(
    tx: Transaction,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    total: int | None = None,
    result: Mapping[str, Any] | None = None,
    delay: timedelta = timedelta(),
) -> dict[str, Any]:
    """Hold back a new operation that the transaction's actor asks for, and return its row.

    It begins after the commit, not before `delay` of real time has passed. `total` is how much there is to do,
    `result` what is known of it from the beginning.
    """
    now = real_now()
    row = await writing.insert(
        tx,
        OperationRow,
        kind=kind,
        parameters=dict(parameters),
        user_id=tx.actor.user_id,
        total_count=total,
        result=None if result is None else dict(result),
        lease_until=now + delay,
        created_at=now,
    )
    await audit.write_entry(
        tx,
        "operation.start",
        entity="operation",
        entity_key=row["id"],
        entity_id=row["public_id"],
        changes={"kind": [None, kind]},
    )
    return row


async def find(tx: Transaction, public_id: str) -> Row | None:
    """Return an operation's row, whoever asked for it, or None."""
    return await tx.one(queries.BY_PUBLIC_ID, public_id=public_id)


async def cancel(tx: Transaction, principal: Principal, public_id: str) -> None:
    """Ask that an operation end after the batch it is in; asking twice changes nothing.

    Raises `NotFound` for one that the caller does not see, `Conflict` for one that has ended.
    """
    rows = await tx.run(
        queries.VISIBLE_ROW, {"public_id": public_id, **queries.visible_to(principal)}
    )
    if not rows:
        raise NotFound
    if rows[0]["finished_at"] != FAR_END:
        raise Conflict("operation_ended")
    if rows[0]["cancel_requested"]:
        return
    key = rows[0]["id"]
    await writing.update_many(tx, OperationRow, [{"id": key, "cancel_requested": True}])
    await audit.write_entry(
        tx,
        "operation.cancel",
        entity="operation",
        entity_key=key,
        entity_id=public_id,
        changes={"cancel_requested": [False, True]},
    )
