"""Whose ticket it is: accepting it, giving it away, taking back what was not accepted in time, dispatching anew.

The choice of an owner is in `dispatching`.
"""

from uuid import UUID

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, NotPermitted, invalid_field
from app.sla.deadline import State
from app.sla.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.tickets import dispatching, rows, staffing
from app.tickets.dispatching import Decision, Matter, Rule
from app.tickets.lifecycle import Move, missing_fields
from app.tickets.messages import note_reason
from app.tickets.move_schemas import Assign, TakeBack
from app.tickets.service import Check, Held, check_owner, give, hold, leave, may_own, unchecked

TAKEN_BACK = "taken_back:"


async def accept(
    tx: Transaction, principal: Principal, ticket_id: str, *, check: Check = unchecked
) -> None:
    """Accept a ticket (SOP TK-2); one without an owner becomes the caller's. Publishes `ticket.accepted`."""
    held = await hold(tx, principal, ticket_id, move=Move.ACCEPT, check=check)
    if held.row["owner_id"] is None:
        if not may_own(principal.role):
            raise NotPermitted
        department = held.row["department_id"] or principal.department_id
        decision = Decision(
            Rule.ACCEPTED, principal.user_id, department, owner_public_id=principal.public_id
        )
        await give(tx, held, decision, counted=False)
    await leave(tx, held, "ticket.accepted", NewFact(FactKind.ACCEPTED), accepted_at=held.now)


async def assign(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Assign,
    *,
    check: Check = unchecked,
) -> None:
    """Give a ticket to an owner, or to whom a department dispatches it. Publishes `ticket.assigned`."""
    given = {name for name in ("owner_id", "department_id") if getattr(command, name) is not None}
    if missing_fields(Move.ASSIGN, frozenset(given)):
        raise invalid_field("/owner_id", "missing")
    held = await hold(tx, principal, ticket_id, move=Move.ASSIGN, check=check)
    department = await _department_key(tx, command.department_id)
    if command.owner_id is None:
        assert department is not None
        decision = await dispatch_anew(tx, held, held.row["type"], department)
        await give(tx, held, decision, counted=True)
    else:
        decision = await _wanted(tx, held, command.owner_id, department)
        if (decision.owner_id, decision.department_id) == _whose(held.row):
            return
        await give(tx, held, decision, counted=False)
    facts = await note_reason(tx, held, command.reason)
    await leave(tx, held, "ticket.assigned", *facts, payload={"owner_id": decision.owner_public_id})


def _whose(row: Row) -> tuple[int | None, int | None]:
    return row["owner_id"], row["department_id"]


async def _department_key(tx: Transaction, department_id: UUID | None) -> int | None:
    if department_id is None:
        return None
    key = await tx.value(rows.DEPARTMENT, public_id=str(department_id))
    if key is None:
        raise invalid_field("/department_id", "unknown_reference")
    return int(key)


async def _wanted(tx: Transaction, held: Held, owner_id: UUID, department: int | None) -> Decision:
    found = await tx.all(rows.USERS, public_ids=[str(owner_id)])
    user = found[0] if found else {"role": None, "is_active": None}
    check_owner("/owner_id", role=user["role"], is_active=user["is_active"])
    home = department or user["department_id"] or held.row["department_id"]
    return Decision(Rule.ASSIGNED, user["id"], home, owner_public_id=str(user["public_id"]))


async def dispatch_anew(
    tx: Transaction,
    held: Held,
    type_code: str,
    department: int | None,
    *,
    excludes_former: bool = False,
) -> Decision:
    """Choose an owner for a held ticket among a department's people; the winner's load counts it already."""
    kind = await tx.one(rows.TYPE, code=type_code)
    staff = await tx.one(
        staffing.STAFF,
        customer_key=held.row["customer_id"],
        department_key=department,
        dispatching=True,
    )
    assert kind is not None
    assert staff is not None
    matter = Matter(
        type_code,
        kind["dispatch_to"],
        held.row["tier"],
        held.now,
        former_id=held.row["owner_id"],
        excludes_former=excludes_former,
        counts=held.counts,
    )
    return await dispatching.decide(tx, staff, matter)


async def take_back(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: TakeBack,
    *,
    check: Check = unchecked,
) -> None:
    """Take a ticket from whoever did not accept it in time and dispatch it to others (SOP TK-2, TK-3).

    Raises `Conflict` unless the acceptance is overdue. Publishes `ticket.taken_back`.
    """
    held = await hold(tx, principal, ticket_id, move=Move.TAKE_BACK, check=check)
    deadline = held.subject.open_deadline("accept")
    if deadline is None or deadline.state_at(held.now) is not State.MISSED:
        raise Conflict("accept_not_missed")
    kind = await tx.one(rows.TYPE, code=held.row["type"])
    assert kind is not None
    decision = await dispatch_anew(
        tx,
        held,
        held.row["type"],
        kind["department_id"] or held.row["department_id"],
        excludes_former=True,
    )
    await give(tx, held, decision, counted=True, prefix=TAKEN_BACK)
    facts = await note_reason(tx, held, command.reason)
    await leave(
        tx, held, "ticket.taken_back", *facts, payload={"owner_id": decision.owner_public_id}
    )
