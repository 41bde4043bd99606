"""A supervisor's correction of a missed or late deadline (deadlines 1.7 and 1.8): who may, of what, and since when.

The correction itself is a fact like any other; what it does to the verdict is the engine's.
"""

from app.audit import service as audit
from app.auth.permissions import Permission
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotFound, NotPermitted, invalid_field
from app.outbox import service as outbox
from app.sla import service
from app.sla.engine.deadline import Deadline, State
from app.sla.schemas import DeadlineCorrect
from app.sla.service import LockedSubject
from app.sla.views import DEADLINE_ROW
from app.statements import Row
from app.time import format_instant

CORRECTABLE = frozenset({State.MISSED, State.LATE})


async def lock_subject(tx: Transaction, public_id: str) -> LockedSubject:
    """Lock the subject of a deadline; raises `NotFound`."""
    rows = await tx.peek(DEADLINE_ROW, public_id=public_id)
    if not rows:
        raise NotFound
    return await service.lock(tx, rows[0]["subject_type"], rows[0]["subject_id"])


async def correct_deadline(
    tx: Transaction,
    principal: Principal,
    subject: LockedSubject,
    public_id: str,
    command: DeadlineCorrect,
) -> None:
    """Append the correction to the locked subject; audited, publishes `deadline.corrected`.

    Raises `NotPermitted` outside the supervisor's scope or for a deadline of his own, `Invalid` for a claimed
    instant outside [start, now], `Conflict` where no miss stands.
    """
    row = (await tx.peek(DEADLINE_ROW, public_id=public_id))[0]
    _check_permitted(principal, row)
    state = _standing(subject, row).state_at(subject.now)
    if state not in CORRECTABLE:
        raise Conflict("nothing_to_correct", state=state.value)
    if not row["started_at"] <= command.claimed_at <= subject.now:
        raise invalid_field(
            "/claimed_at", "outside_deadline", started_at=format_instant(row["started_at"])
        )
    await service.correct(tx, subject, row, claimed_at=command.claimed_at, reason=command.reason)
    await _tell(tx, subject, row, command, before=state)


def _check_permitted(principal: Principal, row: Row) -> None:
    permission = Permission.DEADLINES_CORRECT
    if row["owner_id"] == principal.user_id:
        raise NotPermitted("own_deadline")
    if not principal.reaches(permission, owners=(), department_id=row["department_id"]):
        raise NotPermitted(permission=permission.value)


def _standing(subject: LockedSubject, row: Row) -> Deadline:
    """The row as the facts say it, whatever the cache says."""
    key = (row["clock"], row["cycle"], row["revision"])
    return next(one for one in subject.deadlines if one.key == key)


async def _tell(
    tx: Transaction, subject: LockedSubject, row: Row, command: DeadlineCorrect, *, before: State
) -> None:
    after = _standing(subject, row).state
    await audit.write_entry(
        tx,
        "deadline.correct",
        entity="deadline",
        entity_key=row["id"],
        entity_id=row["public_id"],
        customer_id=row["customer_id"],
        changes={
            "state": [before.value, after.value],
            "claimed_at": [None, format_instant(command.claimed_at)],
            "reason": [None, command.reason],
        },
    )
    await outbox.publish(
        tx,
        "deadline.corrected",
        at=subject.now,
        subject_type=row["subject_type"],
        subject_id=row["subject_public_id"],
        payload={
            "deadline_id": row["public_id"],
            "clock": row["clock"],
            "rule": row["rule"],
            "state": after.value,
        },
    )
