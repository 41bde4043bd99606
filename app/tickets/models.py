"""Tables of tickets: types, tickets, messages, task force, dispatch records and load counters."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class TicketType(Base):
    """A configurable type (SOP TK-13): which department handles it and how it is dispatched (SOP TK-3).

    `dispatch_to`: `least_loaded` member, or the department's `head` (a complaint goes to the service supervisor).
    """

    __tablename__ = "ticket_types"
    __entity__ = "ticket_type"

    id: Mapped[int] = key_column()
    code: Mapped[str] = mapped_column(SortKey, unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Json)
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    dispatch_to: Mapped[str] = mapped_column(String(20), default="least_loaded")
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class Ticket(Base):
    """One matter of a customer (SOP TK-1, TK-11). Absent instants are the far end of time."""

    __tablename__ = "tickets"
    __entity__ = "ticket"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    number: Mapped[str] = mapped_column(SortKey, unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    type: Mapped[str] = mapped_column(String(40))
    complexity: Mapped[str] = mapped_column(String(10), default="normal")
    channel: Mapped[str] = mapped_column(String(20))
    priority: Mapped[str] = mapped_column(String(10), default="normal")
    subject: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    status: Mapped[str] = mapped_column(String(20))
    progress: Mapped[int] = mapped_column(default=0)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    wished_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    agreement_pending: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    progress_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    resolved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    close_due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)
    wait_reason: Mapped[str | None] = mapped_column(String(500))
    plan: Mapped[str | None] = mapped_column(Text)
    solution: Mapped[str | None] = mapped_column(Text)
    solution_result: Mapped[str | None] = mapped_column(Text)
    confirmation: Mapped[str | None] = mapped_column(String(10))
    rating: Mapped[str | None] = mapped_column(String(20))
    confirmed_contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    confirmed_channel: Mapped[str | None] = mapped_column(String(20))
    customer_feedback: Mapped[str | None] = mapped_column(Text)
    root_cause: Mapped[str | None] = mapped_column(Text)
    improvement_suggestion: Mapped[str | None] = mapped_column(Text)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    split_from_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketMessage(Base):
    """A message on a ticket, public or internal, from staff or from the customer; what the judges said stays."""

    __tablename__ = "ticket_messages"
    __entity__ = "ticket_message"

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    author: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    is_public: Mapped[bool]
    channel: Mapped[str | None] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(Text)
    progress: Mapped[int | None]
    judged: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TaskForceMember(Base):
    """A member of a super-complex ticket's cross-department task force (SOP TK-4)."""

    __tablename__ = "task_force_members"
    __entity__ = "task_force_member"
    __table_args__ = (UniqueConstraint("ticket_id", "user_id"),)

    id: Mapped[int] = key_column()
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    duty: Mapped[str] = mapped_column(String(200), default="")


class Dispatch(Base):
    """How an owner was chosen: candidates, their loads, the winner, the rule. One row a decision, newest last."""

    __tablename__ = "ticket_dispatches"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rule: Mapped[str] = mapped_column(String(40))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("departments.id"))
    winner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)


class DispatchLoad(Base):
    """How many open tickets a member of staff owns, and since when without a new one; locked in order of user."""

    __tablename__ = "dispatch_loads"
    __audited__ = False

    id: Mapped[int] = key_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), unique=True)
    open_count: Mapped[int] = mapped_column(default=0)
    assigned_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


Index("ix_tickets_opened", Ticket.opened_at, Ticket.id)
Index("ix_tickets_status", Ticket.status, Ticket.opened_at, Ticket.id)
Index("ix_tickets_owner", Ticket.owner_id, Ticket.opened_at, Ticket.id)
Index("ix_tickets_customer", Ticket.customer_id, Ticket.opened_at, Ticket.id)
Index("ix_tickets_close_due", Ticket.close_due_at)
Index("ix_ticket_messages_ticket", TicketMessage.ticket_id, TicketMessage.id)
