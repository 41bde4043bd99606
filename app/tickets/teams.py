"""The cross-department task force of a super-complex ticket, and its first plan (SOP TK-4)."""

from collections.abc import Sequence

from app import writing
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, invalid_field
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.tickets import rows
from app.tickets.lifecycle import Move
from app.tickets.models import TaskForceMember
from app.tickets.move_schemas import Plan, TaskForce
from app.tickets.schemas import Complexity
from app.tickets.service import Check, Held, hold, leave, unchecked

DEPARTMENTS_MIN = 2


async def form_task_force(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: TaskForce,
    *,
    check: Check = unchecked,
) -> None:
    """Put a task force in the place of the one before. Publishes `ticket.task_force_formed`.

    That of a super-complex ticket spans, with the owner, at least two departments.
    """
    held = await hold(tx, principal, ticket_id, move=Move.TASK_FORCE, check=check)
    members = await _members(tx, command)
    if held.row["complexity"] == Complexity.SUPER:
        await _check_departments(tx, held, members)
    duties = {user["id"]: one.duty for user, one in zip(members, command.members, strict=True)}
    await _replace(tx, held, duties)
    names = [str(user["public_id"]) for user in members]
    fact = NewFact(FactKind.TASK_FORCE_FORMED, {"members": names})
    await leave(tx, held, "ticket.task_force_formed", fact, payload={"members": names})


async def _members(tx: Transaction, command: TaskForce) -> list[Row]:
    """Return the users in the order of the command; refuses the unknown, the inactive and the doubled."""
    asked = [str(one.user_id) for one in command.members]
    found = {str(row["public_id"]): row for row in await tx.all(rows.USERS, public_ids=asked)}
    for place, public_id in enumerate(asked):
        pointer = f"/members/{place}/user_id"
        if public_id not in found:
            raise invalid_field(pointer, "unknown_reference")
        if not found[public_id]["is_active"]:
            raise invalid_field(pointer, "user_inactive")
        if public_id in asked[:place]:
            raise invalid_field(pointer, "duplicate_member")
    return [found[public_id] for public_id in asked]


async def _check_departments(tx: Transaction, held: Held, members: Sequence[Row]) -> None:
    owner = await tx.one(rows.USER_BY_KEY, key=held.row["owner_id"])
    everybody = [*members, *([owner] if owner is not None else [])]
    if len({one["department_id"] for one in everybody} - {None}) < DEPARTMENTS_MIN:
        raise invalid_field("/members", "one_department")


async def _replace(tx: Transaction, held: Held, duties: dict[int, str]) -> None:
    present = {row["user_id"]: row for row in await tx.all(rows.TASK_FORCE, ticket_key=held.key)}
    for user_id, row in present.items():
        if user_id not in duties:
            await writing.delete(tx, TaskForceMember, row)
        else:
            await writing.update(tx, TaskForceMember, row, duty=duties[user_id])
    for user_id, duty in duties.items():
        if user_id not in present:
            await writing.insert(
                tx, TaskForceMember, ticket_id=held.key, user_id=user_id, duty=duty
            )


async def state_plan(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Plan,
    *,
    check: Check = unchecked,
) -> None:
    """State the plan; a super-complex ticket needs its task force first. Publishes `ticket.plan_stated`."""
    held = await hold(tx, principal, ticket_id, move=Move.PLAN, check=check)
    if held.row["complexity"] == Complexity.SUPER and not await tx.all(
        rows.TASK_FORCE, ticket_key=held.key
    ):
        raise Conflict("task_force_needed")
    await leave(tx, held, "ticket.plan_stated", NewFact(FactKind.PLAN_STATED), plan=command.plan)
