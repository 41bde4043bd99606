"""Job: forgets what previews and retargets of long ago moved; their figures stay with the operation."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select

from app import writing
from app.database import Database, Transaction
from app.operations import purging
from app.operations.models import OperationRow
from app.sla.models import Move
from app.statements import Statement

_moves = Move.__table__
_old = (
    select(_moves.c.id)
    .join(OperationRow.__table__, OperationRow.id == _moves.c.operation_id)
    .where(purging.ended_long_ago())
    .limit(bindparam("batch_size", type_=_moves.c.id.type))
    .with_for_update(of=_moves, skip_locked=True)
)
PURGE = Statement(delete(Move).where(_moves.c.id.in_(_old)).returning(_moves.c.id))


async def purge_moves(database: Database) -> int:
    """Forget the moves of operations that ended 90 days ago, batch by batch; returns how many."""

    async def forget(tx: Transaction, ended_before: datetime) -> int:
        values = {"ended_before": ended_before, "batch_size": purging.BATCH_SIZE}
        return len(await writing.change_set(tx, Move, PURGE, **values))

    return await purging.in_batches(database, forget)
