"""The rows that the moves of a ticket decide by and change.

What an opening asks, and who could take a ticket, is in `staffing`; what the API shows is in `queries`.
"""

from sqlalchemy import and_, bindparam, exists, func, or_, select, true

from app.auth.models import Department, User
from app.columns import table_columns
from app.customers.models import Contact, Customer
from app.sla.models import Subject
from app.statements import DomainNow, Statement, any_of
from app.tickets.models import TaskForceMember, Ticket, TicketType
from app.tickets.queries import in_account_team, in_task_force, public_id_of

_TICKETS, _CUSTOMERS, _SUBJECTS = Ticket.__table__, Customer.__table__, Subject.__table__
_DEPARTMENTS, _ABOVE = Department.__table__, Department.__table__.alias("above")
_CONTACTS, _USERS, _FORCE = Contact.__table__, User.__table__, TaskForceMember.__table__
_ticket, _customer, _subject = _TICKETS.c, _CUSTOMERS.c, _SUBJECTS.c
_WITH_CUSTOMER = _TICKETS.join(_CUSTOMERS, _customer.id == _ticket.customer_id)


# --- a ticket that is moved

FOUND = Statement(
    select(
        _ticket.id,
        _subject.id.label("subject_key"),
        _ticket.type,
        _ticket.channel,
        _ticket.customer_id,
        _customer.public_id.label("customer_public_id"),
        public_id_of(Contact, _ticket.contact_id, "contact").label("contact_public_id"),
    )
    .select_from(
        _WITH_CUSTOMER.join(
            _SUBJECTS,
            and_(_subject.subject_type == "ticket", _subject.subject_id == _ticket.id),
        )
    )
    .where(_ticket.public_id == bindparam("public_id"))
)

_LEADS = (
    exists(_ABOVE.c.id)
    .where(
        _ABOVE.c.head_id == bindparam("caller"),
        func.substr(_DEPARTMENTS.c.path, 1, func.length(_ABOVE.c.path)) == _ABOVE.c.path,
    )
    .correlate(_DEPARTMENTS)
)
HELD = Statement(
    select(
        *table_columns(Ticket),
        _customer.public_id.label("customer_public_id"),
        _customer.owner_id.label("customer_owner_id"),
        _customer.account_manager_id,
        _customer.tier,
        public_id_of(Contact, _ticket.contact_id, "contact").label("contact_public_id"),
        public_id_of(Ticket, _ticket.merged_into_id, "survivor").label("survivor_public_id"),
        in_task_force().label("in_task_force"),
        in_account_team().label("in_account_team"),
        _LEADS.label("leads_department"),
        _DEPARTMENTS.c.public_id.label("department_public_id"),
    )
    .select_from(_WITH_CUSTOMER.outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _ticket.department_id))
    .where(_ticket.id == bindparam("ticket_key"))
)
# Supervisors of a ticket: of its department first, then of those above it, then whoever may approve on every one.
APPROVERS = Statement(
    select(_USERS.c.name)
    .select_from(
        _USERS.outerjoin(_ABOVE, _ABOVE.c.id == _USERS.c.department_id).outerjoin(
            _DEPARTMENTS, _DEPARTMENTS.c.id == bindparam("department_key", type_=_ticket.id.type)
        )
    )
    .where(
        _USERS.c.is_active == true(),
        or_(
            any_of(_USERS.c.role, "everywhere"),
            and_(
                any_of(_USERS.c.role, "within"),
                func.substr(_DEPARTMENTS.c.path, 1, func.length(_ABOVE.c.path)) == _ABOVE.c.path,
            ),
        ),
    )
    .order_by(
        any_of(_USERS.c.role, "everywhere"),
        func.coalesce(func.length(_ABOVE.c.path), 0).desc(),
        _USERS.c.id,
    )
    .limit(bindparam("most", type_=_ticket.id.type))
)
CONTACT_OF_CUSTOMER = Statement(
    select(_CONTACTS.c.id).where(
        _CONTACTS.c.public_id == bindparam("public_id"),
        _CONTACTS.c.customer_id == bindparam("customer_key"),
    )
)
TASK_FORCE = Statement(
    select(*table_columns(TaskForceMember), _USERS.c.department_id.label("department_id"))
    .select_from(_FORCE.join(_USERS, _USERS.c.id == _FORCE.c.user_id))
    .where(_FORCE.c.ticket_id == bindparam("ticket_key"))
    .order_by(_FORCE.c.id)
)
_person = select(
    _USERS.c.id, _USERS.c.public_id, _USERS.c.role, _USERS.c.is_active, _USERS.c.department_id
)
USERS = Statement(_person.where(any_of(_USERS.c.public_id, "public_ids")))
USER_BY_KEY = Statement(_person.where(_USERS.c.id == bindparam("key")))
DEPARTMENT = Statement(
    select(_DEPARTMENTS.c.id).where(_DEPARTMENTS.c.public_id == bindparam("public_id"))
)
TYPE = Statement(select(*table_columns(TicketType)).where(TicketType.code == bindparam("code")))
TYPES = Statement(select(*table_columns(TicketType)).order_by(TicketType.id))

TICKET = Statement(
    select(*table_columns(Ticket)).where(_ticket.public_id == bindparam("public_id"))
)
# Whom the system closes, since nobody confirmed.
CLOSE_DUE = Statement(
    select(_ticket.public_id)
    .where(_ticket.close_due_at <= DomainNow())
    .order_by(_ticket.close_due_at, _ticket.id)
    .limit(bindparam("batch_size", type_=_ticket.id.type))
)
