"""What every move of a ticket shares: holding it, who may, which move is possible, and leaving it changed.

`hold` locks the ticket's facts, takes the instant, and refuses what is refused; `leave` appends facts, changes the
row, keeps the loads true and publishes. The moves themselves are in opening, assigning, messages, agreements,
teams, solving, linking, editing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app import writing
from app.auth.permissions import Permission, Role, RowScope, permissions_of, row_scope
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import Conflict, FieldError, Invalid, NotFound, NotPermitted, invalid_field
from app.interactions.vagueness import Verdict, judge
from app.outbox import service as outbox
from app.sla import service as sla
from app.sla.engine.waiting import closes_at
from app.sla.service import LockedSubject, NewFact
from app.statements import Row
from app.tickets import dispatching, rows
from app.tickets.dispatching import Decision
from app.tickets.lifecycle import OPEN, Move, MoveImpossible, TicketStatus, apply, may_move
from app.tickets.loads import shift_loads
from app.tickets.models import Ticket
from app.time import FAR_END

SUBJECT = "ticket"
APPROVERS_SHOWN = 3
Check = Callable[[Row], None]


def unchecked(row: Row) -> None:
    """Compare no version: for callers that are no HTTP request."""
    del row


class Names(list[str]):
    """Names written one after the other in a sentence: of moves that are possible, of people who may."""

    def __str__(self) -> str:
        return ", ".join(self) or "-"


@dataclass(slots=True)
class Held:
    """A ticket whose facts this transaction has locked; `status` is where the checked move leads."""

    principal: Principal
    row: Row
    subject: LockedSubject
    status: TicketStatus

    @property
    def key(self) -> int:
        """The ticket's own key."""
        return int(self.row["id"])

    @property
    def public_id(self) -> str:
        """The ticket's id as the API shows it."""
        return str(self.row["public_id"])

    @property
    def now(self) -> datetime:
        """The instant of the move, read after the lock (deadlines 1.5)."""
        return self.subject.now

    @property
    def counts(self) -> bool:
        """Whether the ticket, as it stands before the move, is work for its owner."""
        return TicketStatus(self.row["status"]) in OPEN


async def find(tx: Transaction, ticket_id: str) -> Row:
    """Return the keys of a ticket; raises `NotFound`."""
    found = await tx.one(rows.FOUND, public_id=ticket_id)
    if found is None:
        raise NotFound
    return found


async def hold(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    *,
    move: Move | None = None,
    check: Check = unchecked,
) -> Held:
    """Lock a ticket for a move. Raises, in this order: `NotFound`, `NotPermitted`, a stale version, `Conflict`."""
    found = await find(tx, ticket_id)
    return await hold_found(tx, principal, found, move=move, check=check)


async def hold_found(
    tx: Transaction,
    principal: Principal,
    found: Row,
    *,
    move: Move | None = None,
    check: Check = unchecked,
) -> Held:
    """The same for a ticket whose keys are known."""
    subject = await sla.lock(tx, SUBJECT, found["id"])
    row = await tx.one(rows.HELD, ticket_key=found["id"], caller=principal.user_id)
    assert row is not None
    row = dict(row)
    if not reaches(principal, Permission.TICKETS_READ, row):
        raise NotFound
    if not reaches(principal, Permission.TICKETS_WRITE, row):
        raise NotPermitted
    check(row)
    status = TicketStatus(row["status"])
    held = Held(principal, row, subject, status)
    if move is not None:
        held.status = _possible(row, status, move)
        _check_mover(held, move)
    return held


def reaches(principal: Principal, permission: Permission, row: Row) -> bool:
    """Return whether a held ticket is in a permission's scope: own, of the account team, of the department."""
    mine = principal.user_id if row["in_task_force"] or row["in_account_team"] else None
    owners = (
        row["owner_id"],
        row["created_by"],
        row["customer_owner_id"],
        row["account_manager_id"],
        mine,
    )
    return principal.reaches(permission, owners=owners, department_id=row["department_id"])


def _possible(row: Row, status: TicketStatus, move: Move) -> TicketStatus:
    try:
        return apply(status, move)
    except MoveImpossible as refused:
        values: dict[str, Any] = {
            "state": status.value,
            "move": move.value,
            "possible": Names(one.value for one in refused.possible),
        }
        if row["survivor_public_id"] is not None:
            values["merged_into_id"] = row["survivor_public_id"]
        raise Conflict("move_impossible", **values) from refused


def _check_mover(held: Held, move: Move) -> None:
    row, principal = held.row, held.principal
    allowed = may_move(
        move,
        can_write=True,
        can_approve=may_approve(held) or (move is Move.TAKE_BACK and _leads(held)),
        is_owner=row["owner_id"] == principal.user_id,
        has_owner=row["owner_id"] is not None,
    )
    if not allowed:
        raise NotPermitted


def may_approve(held: Held) -> bool:
    """Return whether the caller is a supervisor of this very ticket."""
    return reaches(held.principal, Permission.TICKETS_APPROVE, held.row)


async def approvers(tx: Transaction, held: Held) -> Names:
    """Return the names of supervisors of this very ticket, the nearest first, three at most."""
    reach = {
        scope: [role.value for role in Role if row_scope(role, Permission.TICKETS_APPROVE) is scope]
        for scope in RowScope
    }
    found = await tx.all(
        rows.APPROVERS,
        department_key=held.row["department_id"],
        within=reach[RowScope.DEPARTMENT],
        everywhere=reach[RowScope.ALL],
        most=APPROVERS_SHOWN,
    )
    return Names(row["name"] for row in found)


def _leads(held: Held) -> bool:
    """Whether the caller himself (no API key in his name) heads the ticket's department or one above it."""
    return bool(held.row["leads_department"]) and held.principal.api_key_id is None


def may_own(role: str) -> bool:
    """Return whether people of a role handle tickets at all."""
    return Permission.TICKETS_WRITE in permissions_of(Role(role))


def check_owner(pointer: str, *, role: str | None, is_active: bool | None) -> None:
    """Refuse an owner who does not exist (no role), has left, or does not handle tickets."""
    if role is None:
        raise invalid_field(pointer, "unknown_reference")
    if not is_active:
        raise invalid_field(pointer, "user_inactive")
    if not may_own(role):
        raise invalid_field(pointer, "cannot_own_tickets")


def judge_note(text: str, pointer: str, *, refuse: bool) -> Verdict:
    """Return what the judge of vague notes says (SOP IN-2); with `refuse` a vague one is refused with its reasons."""
    verdict = judge(text)
    if verdict.vague and refuse:
        errors = [FieldError(pointer, f"vague_{reason.value}") for reason in verdict.reasons]
        raise Invalid("note_vague", errors=errors)
    return verdict


async def contact_key(
    tx: Transaction, held: Held, contact_id: Any, pointer: str = "/contact_id"
) -> int | None:
    """Return the key of one of the customer's contacts, None for None; refuses any other id."""
    if contact_id is None:
        return None
    key = await tx.value(
        rows.CONTACT_OF_CUSTOMER, public_id=str(contact_id), customer_key=held.row["customer_id"]
    )
    if key is None:
        raise invalid_field(pointer, "unknown_reference")
    return int(key)


async def leave(
    tx: Transaction,
    held: Held,
    event: str | None,
    *facts: NewFact,
    payload: Mapping[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Append facts, change the row to `held.status` and `changes`, keep the loads true, publish `event`."""
    if facts:
        held.subject = await sla.append(tx, held.subject, *facts)
    counted = held.counts
    held.row = await writing.update(
        tx,
        Ticket,
        held.row,
        status=held.status.value,
        close_due_at=closes_at(held.subject.folded) or FAR_END,
        agreement_pending=held.subject.folded.pending is not None,
        updated_at=held.now,
        **changes,
    )
    if counted != held.counts:
        await shift_loads(
            tx,
            taken_from=held.row["owner_id"] if counted else None,
            given_to=held.row["owner_id"] if held.counts else None,
            at=held.now,
        )
    if event is not None:
        await publish(tx, held, event, payload)


async def publish(
    tx: Transaction, held: Held, event: str, payload: Mapping[str, Any] | None = None
) -> None:
    """Hold back an event about the ticket; its customer is always named."""
    await outbox.publish(
        tx,
        event,
        at=held.now,
        subject_type=SUBJECT,
        subject_id=held.public_id,
        payload={"customer_id": str(held.row["customer_public_id"]), **(payload or {})},
    )


async def give(
    tx: Transaction, held: Held, decision: Decision, *, counted: bool, prefix: str = ""
) -> None:
    """Give the ticket to the owner decided on and record how; `counted`: the winner's load has it already."""
    before = held.row["owner_id"]
    await sla.move_owner(
        tx, held.subject, owner_id=decision.owner_id, department_id=decision.department_id
    )
    if held.counts:
        given_to = None if counted else decision.owner_id
        await shift_loads(tx, taken_from=before, given_to=given_to, at=held.now)
    held.row = await writing.update(
        tx,
        Ticket,
        held.row,
        owner_id=decision.owner_id,
        department_id=decision.department_id,
        dispatched_at=FAR_END if decision.owner_id is None else held.now,
        updated_at=held.now,
    )
    await dispatching.record(tx, held.key, decision, at=held.now, prefix=prefix)
