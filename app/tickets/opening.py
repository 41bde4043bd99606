"""Opens tickets (SOP TK-1): one question for everything the input names, the choice of the owner, one write.

Not here: who is chosen (dispatching) and what an open ticket goes through (the moves).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import invalid_field
from app.outbox import service as outbox
from app.sla import service as sla
from app.statements import Row
from app.tickets import dispatching, rows, staffing
from app.tickets.dispatching import Decision, Matter, Rule
from app.tickets.lifecycle import TicketStatus
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
) -> Row:
    """Return what the input names, and who could take the ticket; refuses ids that name nothing.

    Holds the customer's tier until the commit. A linked ticket may be of a type that takes no others any more.
    """
    owner = command.owner_id
    if command.for_myself and owner is not None and str(owner) != principal.public_id:
        raise invalid_field("/owner_id", "owner_twice")
    context = await tx.one(
        staffing.OPENING,
        customer=str(command.customer_id),
        contact=_text(command.contact_id),
        type=command.type,
        retired_too=linked,
        department=_text(command.department_id),
        owner=principal.public_id if command.for_myself else _text(owner),
        dispatching=owner is None and not command.for_myself,
    )
    if context is None:
        raise invalid_field("/customer_id", "unknown_reference")
    _check_references(command, context)
    return context


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _check_references(command: TicketCreate, context: Row) -> None:
    if context["type_key"] is None:
        raise invalid_field("/type", "unknown_reference")
    if command.contact_id is not None and context["contact_key"] is None:
        raise invalid_field("/contact_id", "unknown_reference")
    if command.department_id is not None and context["requested_department_id"] is None:
        raise invalid_field("/department_id", "unknown_reference")
    if command.owner_id is not None or command.for_myself:
        pointer = "/for_myself" if command.for_myself else "/owner_id"
        check_owner(pointer, role=context["owner_role"], is_active=context["owner_is_active"])
    if command.happened_at is not None and command.happened_at > context["now"] + CLOCKS_APART:
        raise invalid_field("/happened_at", "in_future")


async def open_in_context(
    tx: Transaction,
    principal: Principal,
    command: TicketCreate,
    context: Row,
    links: Links = UNLINKED,
) -> Row:
    """The same when the context has been read."""
    number = await tx.next_number(Ticket)
    decision = await _choose_owner(tx, principal, command, context)
    row = await _insert(tx, principal, command, context, number=number, owner=decision, links=links)
    await _open_clocks(tx, command, context, row, decision.department_name)
    await dispatching.record(tx, row["id"], decision, at=context["now"])
    await outbox.publish(
        tx,
        "ticket.opened",
        at=context["now"],
        subject_type=SUBJECT,
        subject_id=row["public_id"],
        payload={
            "customer_id": str(context["customer_public_id"]),
            "owner_id": decision.owner_public_id,
        },
    )
    return row


async def _choose_owner(
    tx: Transaction, principal: Principal, command: TicketCreate, context: Row
) -> Decision:
    now = context["now"]
    if context["owner_id"] is None:
        matter = Matter(context["type_code"], context["dispatch_to"], context["tier"], now)
        decision = await dispatching.decide(tx, context, matter)
        return decision if decision.department_id is not None else await _near(tx, principal)
    await dispatching.shift_loads(tx, taken_from=None, given_to=context["owner_id"], at=now)
    places = ("requested_department", "owner_department", "department")
    place = next((one for one in places if context[f"{one}_id"] is not None), "department")
    return Decision(
        Rule.FOR_ONESELF if command.for_myself else Rule.ASSIGNED,
        context["owner_id"],
        context[f"{place}_id"],
        str(context["owner_public_id"]),
        context[f"{place}_name"],
    )


async def _near(tx: Transaction, principal: Principal) -> Decision:
    """Nobody handles the type: whoever took it in is near somebody who can be told."""
    name = await tx.value(rows.DEPARTMENT_NAME, key=principal.department_id)
    return Decision(Rule.UNASSIGNED, None, principal.department_id, department_name=name)


async def _insert(
    tx: Transaction,
    principal: Principal,
    command: TicketCreate,
    context: Row,
    *,
    number: int,
    owner: Decision,
    links: Links,
) -> Row:
    now = context["now"]
    return await writing.insert(
        tx,
        Ticket,
        number=f"T{number:06d}",
        customer_id=context["customer_key"],
        contact_id=context["contact_key"],
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


async def _open_clocks(
    tx: Transaction, command: TicketCreate, context: Row, row: Row, department: str | None
) -> None:
    await sla.open_subject(
        tx,
        subject_type=SUBJECT,
        subject_id=row["id"],
        public_id=row["public_id"],
        label=f"{row['number']} {row['subject']}"[:LABEL_MAX],
        customer_id=context["customer_key"],
        owner_id=row["owner_id"],
        department_id=row["department_id"],
        dedicated_manager_id=context["account_manager_id"],
        inputs={
            "type": row["type"],
            "complexity": row["complexity"],
            "tier": context["tier"],
            "channel": row["channel"],
            "priority": row["priority"],
            "department": department,
            "tags": row["tags"],
        },
        at=context["now"],
        accepted=command.for_myself,
    )
