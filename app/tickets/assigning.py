"""Whose ticket it is: accepting it, giving it away, taking back what was not accepted in time, dispatching anew.

The choice of an owner is in `dispatching`.
"""

from uuid import UUID

from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, invalid_field
from app.sla.engine.deadline import State
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.tickets import dispatching, rows, staffing
from app.tickets.desks import Desk, read_desks
from app.tickets.dispatching import Decision, Matter, Rule
from app.tickets.lifecycle import Move, missing_fields
from app.tickets.messages import note_reason
from app.tickets.move_schemas import Assign, TakeBack
from app.tickets.service import Check, Held, check_owner, give, hold, leave, unchecked

TAKEN_BACK = "taken_back:"


async def accept(
    tx: Transaction, principal: Principal, ticket_id: str, *, check: Check = unchecked
) -> None:
    """Accept a ticket (SOP TK-2); one without an owner becomes the caller's. Publishes `ticket.accepted`."""
    held = await hold(tx, principal, ticket_id, move=Move.ACCEPT, check=check)
    if held.row["owner_id"] is None:
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
    desk = await _desk(tx, command.department_id)
    if command.owner_id is None:
        assert desk is not None
        decision = await dispatch_anew(tx, held, desk, held.row["type"])
        await give(tx, held, decision, counted=True)
    else:
        decision = await _wanted(tx, held, command.owner_id, desk)
        if (decision.owner_id, decision.department_id) == _whose(held.row):
            return
        await give(tx, held, decision, counted=False)
    facts = await note_reason(tx, held, command.reason)
    await leave(tx, held, "ticket.assigned", *facts, payload={"owner_id": decision.owner_public_id})


def _whose(row: Row) -> tuple[int | None, int | None]:
    return row["owner_id"], row["department_id"]


async def _desk(tx: Transaction, department_id: UUID | None) -> Desk | None:
    if department_id is None:
        return None
    known = (await read_desks(tx)).by_public_id(str(department_id))
    desk = known or (await read_desks(tx, at_once=True)).by_public_id(str(department_id))
    if desk is None:
        raise invalid_field("/department_id", "unknown_reference")
    return desk


async def _wanted(tx: Transaction, held: Held, owner_id: UUID, desk: Desk | None) -> Decision:
    found = await tx.all(rows.USERS, public_ids=[str(owner_id)])
    user = found[0] if found else {"role": None, "is_active": None}
    check_owner("/owner_id", role=user["role"], is_active=user["is_active"])
    own = user["department_id"] or held.row["department_id"]
    home = own if desk is None else desk.id
    return Decision(Rule.ASSIGNED, user["id"], home, owner_public_id=str(user["public_id"]))


async def dispatch_anew(
    tx: Transaction, held: Held, desk: Desk, type_code: str, *, excludes_former: bool = False
) -> Decision:
    """Choose an owner for a held ticket among a department's people; the winner's load counts it already."""
    desks = await read_desks(tx)
    staff = await staffing.read_staff(tx, desks, desk, at=held.now)
    matter = Matter(
        type_code,
        desks.types[type_code]["dispatch_to"],
        held.row["tier"],
        held.now,
        account_manager_id=held.row["account_manager_id"],
        former_id=held.row["owner_id"],
        excludes_former=excludes_former,
        counts=held.counts,
    )
    return await dispatching.decide(tx, desks, staff, matter)


async def handling_desk(tx: Transaction, held: Held, type_code: str) -> Desk:
    """Return the department that handles a type, else the one that has the ticket; `Conflict` where there is none."""
    desks = await read_desks(tx)
    for key in (desks.types[type_code]["department_id"], held.row["department_id"]):
        if key in desks.departments:
            return desks.departments[key]
    raise Conflict("type_without_department")


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
    desk = await handling_desk(tx, held, held.row["type"])
    decision = await dispatch_anew(tx, held, desk, held.row["type"], excludes_former=True)
    await give(tx, held, decision, counted=True, prefix=TAKEN_BACK)
    facts = await note_reason(tx, held, command.reason)
    await leave(
        tx, held, "ticket.taken_back", *facts, payload={"owner_id": decision.owner_public_id}
    )
