"""Opens tickets (SOP TK-1): one question for everything the input names, the choice of the owner, one write.

Not here: who is chosen (dispatching) and what an open ticket goes through (the moves).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import invalid_field
from app.outbox import service as outbox
from app.sla import service as sla
from app.statements import Row
from app.tickets import dispatching, staffing
from app.tickets.desks import Desk, Desks, read_desks
from app.tickets.dispatching import Decision, Matter, Rule
from app.tickets.lifecycle import TicketStatus
from app.tickets.loads import shift_loads
from app.tickets.models import Ticket
from app.tickets.schemas import TicketCreate
from app.tickets.service import SUBJECT, check_owner
from app.time import FAR_END

CLOCKS_APART = timedelta(minutes=5)  # a caller's clock may run ahead of ours by this much
LABEL_MAX = 300


@dataclass(frozen=True, slots=True)
class Links:
    """Where a ticket comes from, by key: split from another, or following one that stays closed."""

    split_from_id: int | None = None
    follows_id: int | None = None


UNLINKED = Links()


@dataclass(frozen=True, slots=True)
class Context:
    """What the input names: the answer to the one question, the type, and the department that handles it."""

    row: Row
    kind: Row
    desks: Desks
    desk: Desk | None
    requested: Desk | None

    @property
    def now(self) -> datetime:
        """The instant of the opening."""
        at: datetime = self.row["now"]
        return at


async def open_ticket(
    tx: Transaction, principal: Principal, command: TicketCreate, links: Links = UNLINKED
) -> Row:
    """Open a ticket and return its row; publishes `ticket.opened`.

    Its clocks start at the instant of the question, before the choice of the owner may have to wait.
    """
    context = await read_context(tx, principal, command, linked=links is not UNLINKED)
    return await open_in_context(tx, principal, command, context, links)


async def read_context(
    tx: Transaction, principal: Principal, command: TicketCreate, *, linked: bool = False
) -> Context:
    """Return what the input names, and who could take the ticket; refuses ids that name nothing.

    Holds the customer's tier until the commit. A linked ticket may be of a type that takes no others any more.
    """
    owner = command.owner_id
    if command.for_myself and owner is not None and str(owner) != principal.public_id:
        raise invalid_field("/owner_id", "owner_twice")
    desks = await _desks(tx, command)
    kind = desks.types.get(command.type)
    requested = desks.by_public_id(str(command.department_id)) if command.department_id else None
    if kind is None or not (kind["is_active"] or linked):
        raise invalid_field("/type", "unknown_reference")
    if command.department_id is not None and requested is None:
        raise invalid_field("/department_id", "unknown_reference")
    desk = requested or desks.departments.get(kind["department_id"])
    row = await tx.one(
        staffing.OPENING,
        customer=str(command.customer_id),
        contact=_text(command.contact_id),
        owner=principal.public_id if command.for_myself else _text(owner),
    )
    if row is None:
        raise invalid_field("/customer_id", "unknown_reference")
    _check_references(command, row)
    return Context(row, kind, desks, desk, requested)


async def _desks(tx: Transaction, command: TicketCreate) -> Desks:
    """Return the desks, asked anew where they do not hold what the input names."""
    desks = await read_desks(tx)
    department = command.department_id
    known = department is None or desks.by_public_id(str(department)) is not None
    if known and command.type in desks.types:
        return desks
    return await read_desks(tx, at_once=True)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _check_references(command: TicketCreate, row: Row) -> None:
    if command.contact_id is not None and row["contact_key"] is None:
        raise invalid_field("/contact_id", "unknown_reference")
    if command.owner_id is not None or command.for_myself:
        pointer = "/for_myself" if command.for_myself else "/owner_id"
        check_owner(pointer, role=row["owner_role"], is_active=row["owner_is_active"])
    if command.happened_at is not None and command.happened_at > row["now"] + CLOCKS_APART:
        raise invalid_field("/happened_at", "in_future")


async def open_in_context(
    tx: Transaction,
    principal: Principal,
    command: TicketCreate,
    context: Context,
    links: Links = UNLINKED,
) -> Row:
    """The same when the context has been read."""
    number = context.row["number"] or await tx.next_number(Ticket)
    decision = await _choose_owner(tx, principal, command, context)
    row = await _insert(tx, principal, command, context, number=number, owner=decision, links=links)
    await _open_clocks(tx, command, context, row)
    await dispatching.record(tx, row["id"], decision, at=context.now)
    await outbox.publish(
        tx,
        "ticket.opened",
        at=context.now,
        subject_type=SUBJECT,
        subject_id=row["public_id"],
        payload={
            "customer_id": str(context.row["customer_public_id"]),
            "owner_id": decision.owner_public_id,
        },
    )
    return row


async def _choose_owner(
    tx: Transaction, principal: Principal, command: TicketCreate, context: Context
) -> Decision:
    row, desk = context.row, context.desk
    if row["owner_id"] is not None:
        await shift_loads(tx, taken_from=None, given_to=row["owner_id"], at=context.now)
        home = context.desks.departments.get(row["owner_department_id"])
        own = context.requested or home or desk
        return Decision(
            Rule.FOR_ONESELF if command.for_myself else Rule.ASSIGNED,
            row["owner_id"],
            None if own is None else own.id,
            str(row["owner_public_id"]),
        )
    if desk is None:
        # Nobody handles the type: whoever took it in is near somebody who can be told.
        return Decision(Rule.UNASSIGNED, None, principal.department_id)
    staff = await staffing.read_staff(tx, context.desks, desk, at=context.now)
    matter = Matter(
        command.type,
        context.kind["dispatch_to"],
        row["tier"],
        context.now,
        account_manager_id=row["account_manager_id"],
    )
    return await dispatching.decide(tx, context.desks, staff, matter)


async def _insert(
    tx: Transaction,
    principal: Principal,
    command: TicketCreate,
    context: Context,
    *,
    number: int,
    owner: Decision,
    links: Links,
) -> Row:
    now = context.now
    return await writing.insert(
        tx,
        Ticket,
        number=f"T{number:06d}",
        customer_id=context.row["customer_key"],
        contact_id=context.row["contact_key"],
        type=command.type,
        complexity=command.complexity.value,
        channel=command.channel.value,
        priority=command.priority.value,
        subject=command.subject,
        description=command.description,
        tags=command.tags,
        status=(TicketStatus.ACCEPTED if command.for_myself else TicketStatus.NEW).value,
        owner_id=owner.owner_id,
        department_id=owner.department_id,
        created_by=principal.user_id,
        happened_at=command.happened_at or FAR_END,
        wished_at=command.wished_at or FAR_END,
        opened_at=now,
        dispatched_at=FAR_END if owner.owner_id is None else now,
        accepted_at=now if command.for_myself else FAR_END,
        split_from_id=links.split_from_id,
        follows_id=links.follows_id,
        updated_at=now,
    )


async def _open_clocks(tx: Transaction, command: TicketCreate, context: Context, row: Row) -> None:
    desk = context.desks.departments.get(row["department_id"])
    await sla.open_subject(
        tx,
        subject_type=SUBJECT,
        subject_id=row["id"],
        public_id=row["public_id"],
        label=f"{row['number']} {row['subject']}"[:LABEL_MAX],
        customer_id=context.row["customer_key"],
        owner_id=row["owner_id"],
        department_id=row["department_id"],
        dedicated_manager_id=context.row["account_manager_id"],
        inputs={
            "type": row["type"],
            "complexity": row["complexity"],
            "tier": context.row["tier"],
            "channel": row["channel"],
            "priority": row["priority"],
            "department": None if desk is None else desk.name,
            "tags": row["tags"],
        },
        at=context.now,
        accepted=command.for_myself,
    )
