"""What is said on a ticket: messages of staff and customer, questions that wait for an answer, replies not needed.

What a text is worth is judged by `vagueness` and `courtesy` (pure); what it does to clocks is the heart's.
"""

from dataclasses import dataclass
from typing import Any

from app import writing
from app.auth.principal import Principal
from app.database import Transaction
from app.errors import invalid_field
from app.interactions.vagueness import Verdict
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from app.tickets.courtesy import is_courtesy
from app.tickets.lifecycle import Move, TicketStatus, after_closed
from app.tickets.models import TicketMessage
from app.tickets.move_schemas import Author, MessageCreate, Reason, Wait
from app.tickets.opening import Links, open_ticket
from app.tickets.schemas import Channel, Priority, TicketCreate
from app.tickets.service import (
    Check,
    Held,
    contact_key,
    hold,
    judge_note,
    leave,
    publish,
    unchecked,
)
from app.tickets.waiting import approval
from app.time import FAR_END

SUBJECT_MAX = 200
_PLAIN = Verdict(vague=False, reasons=())


@dataclass(frozen=True, slots=True)
class Posted:
    """A message just written, and the ticket that it opened, if it did."""

    message: Row
    opened: Row | None = None


async def post(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: MessageCreate,
    *,
    check: Check = unchecked,
    refuse_vague: bool = True,
) -> Posted:
    """Write a message. A vague public one by staff is refused (`Invalid`) unless only to be recorded.

    Publishes `ticket.message_posted`, and `ticket.reopened` or `ticket.opened` where the customer's word does that.
    """
    if command.author is Author.CUSTOMER:
        return await _hear(tx, principal, ticket_id, command, check)
    move = Move.MESSAGE if command.public else Move.NOTE
    held = await hold(tx, principal, ticket_id, move=move, check=check)
    verdict = _PLAIN
    if command.public and not command.automatic:
        verdict = judge_note(command.body, "/body", refuse=refuse_vague)
    message = await _write(tx, held, command, verdict=verdict)
    changes: dict[str, Any] = {}
    if command.progress is not None:
        changes = {"progress": command.progress, "progress_at": held.now}
    await leave(tx, held, "ticket.message_posted", _fact(message), payload=_ids(message), **changes)
    return Posted(message)


async def _hear(
    tx: Transaction, principal: Principal, ticket_id: str, command: MessageCreate, check: Check
) -> Posted:
    """Write down what the customer said, and do what it asks for: end a wait, reopen, open a new ticket."""
    if not command.public:
        raise invalid_field("/public", "public_only")
    if command.progress is not None:
        raise invalid_field("/progress", "staff_only")
    held = await hold(tx, principal, ticket_id, move=Move.CUSTOMER_MESSAGE, check=check)
    before = TicketStatus(held.row["status"])
    if command.automatic:  # a machine's answer is nobody's word
        held.status = before
    courtesy = is_courtesy(command.body)
    message = await _write(tx, held, command, courtesy=courtesy)
    wants_more = not courtesy and not command.automatic
    reopens, opens = _after_the_end(held, before) if wants_more else (False, False)
    facts, changes = [_fact(message)], dict[str, Any]()
    if before is TicketStatus.WAITING_CUSTOMER and held.status is not before:
        changes = {"wait_reason": None}
    if reopens:
        held.status = TicketStatus.ACCEPTED
        facts.append(NewFact(FactKind.REOPENED, {"reason": "customer message"}))
        changes = reopened_fields()
    await leave(tx, held, "ticket.message_posted", *facts, payload=_ids(message), **changes)
    if reopens:
        await publish(tx, held, "ticket.reopened")
    opened = await _follow(tx, principal, held, command) if opens else None
    return Posted(message, opened)


def _after_the_end(held: Held, status: TicketStatus) -> tuple[bool, bool]:
    """Return whether the customer's word reopens an ended ticket, and whether it opens a new one.

    Nobody is left unheard: what comes after the window, or on a cancelled ticket, is a new matter.
    """
    if status is TicketStatus.CLOSED:
        reopens = after_closed(held.row["closed_at"], held.now) == "reopen"
        return reopens, not reopens
    return False, status is TicketStatus.CANCELLED


def reopened_fields() -> dict[str, Any]:
    """Return the columns that a reopening empties."""
    return {
        "resolved_at": FAR_END,
        "closed_at": FAR_END,
        "confirmation": None,
        "rating": None,
        "confirmed_contact_id": None,
        "confirmed_channel": None,
        "customer_feedback": None,
    }


async def _follow(tx: Transaction, principal: Principal, held: Held, command: MessageCreate) -> Row:
    """Open a ticket for a customer who comes back to one that stays closed: same type, said in his words."""
    row = held.row
    contact = command.contact_id or row["contact_public_id"]
    intake = TicketCreate(
        customer_id=row["customer_public_id"],
        type=row["type"],
        channel=command.channel or Channel(row["channel"]),
        subject=row["subject"][:SUBJECT_MAX],
        description=command.body,
        contact_id=contact,
        priority=Priority(row["priority"]),
        tags=row["tags"],
    )
    return await open_ticket(tx, principal, intake, Links(follows_id=held.key))


async def _write(
    tx: Transaction,
    held: Held,
    command: MessageCreate,
    *,
    verdict: Verdict = _PLAIN,
    courtesy: bool = False,
    question: bool = False,
) -> Row:
    """Hold back the message with what the judges said of it (deadlines 1.9)."""
    return await writing.insert(
        tx,
        TicketMessage,
        ticket_id=held.key,
        author=command.author.value,
        user_id=held.principal.user_id,
        contact_id=await contact_key(tx, held, command.contact_id),
        is_public=command.public,
        channel=None if command.channel is None else command.channel.value,
        body=command.body,
        progress=command.progress,
        judged={
            "vague": verdict.vague,
            "vague_reasons": [reason.value for reason in verdict.reasons],
            "courtesy": courtesy,
            "question": question,
            "automatic": command.automatic,
        },
        sent_at=held.now,
    )


def _fact(message: Row) -> NewFact:
    judged = message["judged"]
    return NewFact(
        FactKind.MESSAGE,
        {
            "by": message["author"],
            "public": message["is_public"],
            "automatic": judged["automatic"],
            "vague": judged["vague"],
            "courtesy": judged["courtesy"],
            "question": judged["question"],
            "message": message["public_id"],
        },
    )


def _ids(message: Row) -> dict[str, str]:
    return {"message_id": str(message["public_id"])}


async def note_reason(tx: Transaction, held: Held, reason: str | None) -> list[NewFact]:
    """Leave the reason of a handing over as an internal message, where whoever takes over reads it.

    Returns its fact, to be appended.
    """
    if reason is None:
        return []
    return [_fact(await _write(tx, held, MessageCreate(body=reason, public=False)))]


async def wait(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Wait,
    *,
    check: Check = unchecked,
    refuse_vague: bool = True,
) -> None:
    """Ask the customer and wait for the answer: the question is told and stops the clocks that may stop.

    Refuses a vague question, and whoever is no supervisor once the ticket's time for waiting is used up; what
    goes beyond the budget says in its fact who approved it. Publishes `ticket.waiting`.
    """
    held = await hold(tx, principal, ticket_id, move=Move.WAIT, check=check)
    verdict = judge_note(command.question, "/question", refuse=refuse_vague)
    data = {"reason": command.reason, **await approval(tx, held)}
    said = MessageCreate(body=command.question, channel=command.channel)
    message = await _write(tx, held, said, verdict=verdict, question=True)
    waiting = NewFact(FactKind.WAITING, data)
    await leave(
        tx,
        held,
        "ticket.waiting",
        _fact(message),
        waiting,
        payload=_ids(message),
        wait_reason=command.reason,
    )


async def resume(
    tx: Transaction, principal: Principal, ticket_id: str, *, check: Check = unchecked
) -> None:
    """Go on without the customer's answer. Publishes `ticket.resumed`."""
    held = await hold(tx, principal, ticket_id, move=Move.RESUME, check=check)
    await leave(tx, held, "ticket.resumed", NewFact(FactKind.RESUMED), wait_reason=None)


async def need_no_reply(
    tx: Transaction,
    principal: Principal,
    ticket_id: str,
    command: Reason,
    *,
    check: Check = unchecked,
) -> None:
    """Say why the customer's message needs no reply (SOP TK-6b). Publishes `ticket.reply_waived`."""
    held = await hold(tx, principal, ticket_id, move=Move.NO_REPLY_NEEDED, check=check)
    fact = NewFact(FactKind.NO_REPLY_NEEDED, {"reason": command.reason})
    await leave(tx, held, "ticket.reply_waived", fact)
