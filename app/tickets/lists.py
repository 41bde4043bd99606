"""The lists that belong to a ticket (messages, history, dispatch decisions), and the list of types.

Each takes the key of a ticket that the caller was found to see (`queries.VISIBLE_KEY`).
"""

from sqlalchemy import bindparam, select

from app.auth.models import Department, User
from app.customers.models import Contact
from app.reading import Listing, one_statement
from app.sla.models import FactRow, Subject
from app.statements import Statement, any_of
from app.tickets.models import Dispatch, Ticket, TicketMessage, TicketType
from app.tickets.queries import Fields, named, public_id_of

_TICKETS, _MESSAGES, _DISPATCHES = Ticket.__table__, TicketMessage.__table__, Dispatch.__table__
_FACTS, _SUBJECTS, _TYPES = FactRow.__table__, Subject.__table__, TicketType.__table__
_DEPARTMENTS, _OPENED = Department.__table__, Ticket.__table__.alias("opened")
_WRITERS, _ACTORS = User.__table__.alias("writer"), User.__table__.alias("actor")
_WINNERS = User.__table__.alias("winner")
_message, _fact, _dispatch, _type = _MESSAGES.c, _FACTS.c, _DISPATCHES.c, _TYPES.c


# --- messages

_WITH_WRITER = _MESSAGES.join(_TICKETS, _TICKETS.c.id == _message.ticket_id).outerjoin(
    _WRITERS, _WRITERS.c.id == _message.user_id
)
_MESSAGE: Fields = (
    ("id", _message.public_id),
    ("ticket_id", _TICKETS.c.public_id),
    ("author", _message.author),
    ("user_id", _WRITERS.c.public_id),
    ("user_name", _WRITERS.c.name),
    ("contact_id", public_id_of(Contact, _message.contact_id, "contact")),
    ("public", _message.is_public),
    ("channel", _message.channel),
    ("body", _message.body),
    ("progress", _message.progress),
    ("judged", _message.judged),
    ("sent_at", _message.sent_at),
)
MESSAGES = Listing(
    name="ticket_messages",
    source=_WITH_WRITER,
    fields=_MESSAGE,
    key=_message.id,
    sorts={"sent_at": _message.sent_at},
    always=(_message.ticket_id == bindparam("ticket_key"),),
)
POSTED = one_statement(
    _WITH_WRITER.outerjoin(_OPENED, _OPENED.c.public_id == bindparam("opened_ticket_id")),
    (*_MESSAGE, ("ticket_status", _TICKETS.c.status), ("opened_ticket_id", _OPENED.c.public_id)),
    _message.id == bindparam("message_key"),
)


# --- history

HISTORY = Listing(
    name="ticket_history",
    source=_FACTS.join(_SUBJECTS, _SUBJECTS.c.id == _fact.subject_key).outerjoin(
        _ACTORS, _ACTORS.c.id == _fact.actor_id
    ),
    fields=(
        ("sequence", _fact.sequence),
        ("kind", _fact.kind),
        ("occurred_at", _fact.occurred_at),
        ("recorded_at", _fact.recorded_at),
        ("actor", named(_ACTORS)),
        ("data", _fact.data),
    ),
    key=_fact.id,
    sorts={"sequence": _fact.sequence},
    always=(
        _SUBJECTS.c.subject_type == "ticket",
        _SUBJECTS.c.subject_id == bindparam("ticket_key"),
    ),
)
_names = select(User.id, User.public_id, User.name)
NAMES = Statement(_names.where(any_of(User.id, "keys")))
NAMES_BY_ID = Statement(_names.where(any_of(User.public_id, "public_ids")))


# --- dispatch decisions

DISPATCHES = Listing(
    name="ticket_dispatches",
    source=_DISPATCHES.outerjoin(_WINNERS, _WINNERS.c.id == _dispatch.winner_id).outerjoin(
        _DEPARTMENTS, _DEPARTMENTS.c.id == _dispatch.department_id
    ),
    fields=(
        ("id", _dispatch.public_id),
        ("decided_at", _dispatch.decided_at),
        ("rule", _dispatch.rule),
        ("department", named(_DEPARTMENTS)),
        ("winner", named(_WINNERS)),
        ("candidates", _dispatch.candidates),
    ),
    key=_dispatch.id,
    sorts={"decided_at": _dispatch.decided_at},
    always=(_dispatch.ticket_id == bindparam("ticket_key"),),
)


# --- types

_WITH_DEPARTMENT = _TYPES.outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _type.department_id)
_TYPE: Fields = (
    ("code", _type.code),
    ("title", _type.title),
    ("department_id", _DEPARTMENTS.c.public_id),
    ("dispatch_to", _type.dispatch_to),
    ("is_active", _type.is_active),
    ("version", _type.version),
)
TYPE_ONE = one_statement(
    _WITH_DEPARTMENT, _TYPE, _type.code == bindparam("code"), version=_type.version
)
TYPES = Listing(
    name="ticket_types",
    source=_WITH_DEPARTMENT,
    fields=_TYPE,
    key=_type.id,
    sorts={"code": _type.code},
    filters={"is_active": _type.is_active == bindparam("is_active")},
)
