"""What is asked of refreshes: a customer's list of them, each with its deadline as it stands."""

from sqlalchemy import bindparam, exists, func, select

from app.auth.models import User
from app.customers.merged_ids import key_of_customer
from app.customers.models import Customer, CustomerRefresh
from app.reading import Listing
from app.sla.models import DeadlineRow, Subject
from app.sla.views import STATE
from app.statements import Statement

SUBJECT = "customer_refresh"

_REFRESHES, _CUSTOMERS, _USERS = CustomerRefresh.__table__, Customer.__table__, User.__table__
_SUBJECTS, _DEADLINES = Subject.__table__, DeadlineRow.__table__
_refresh = _REFRESHES.c

LISTING = Listing(
    name="customer_refreshes",
    source=_REFRESHES.join(_CUSTOMERS, _CUSTOMERS.c.id == _refresh.customer_id)
    .join(
        _SUBJECTS,
        (_SUBJECTS.c.subject_type == SUBJECT) & (_SUBJECTS.c.subject_id == _refresh.id),
    )
    .join(_DEADLINES, _DEADLINES.c.subject_key == _SUBJECTS.c.id)
    .outerjoin(_USERS, _USERS.c.id == _refresh.ended_by),
    fields=(
        ("id", _refresh.public_id),
        ("status", _refresh.status),
        ("state", STATE),
        ("opened_at", _refresh.opened_at),
        ("due_at", _DEADLINES.c.due_at),
        ("ended_at", _refresh.ended_at),
        ("ended_by", _USERS.c.public_id),
        ("how", _refresh.how),
        ("progress", _refresh.progress),
        ("key_contacts_changed", _refresh.key_contacts_changed),
    ),
    key=_refresh.id,
    sorts={"opened_at": _refresh.opened_at},
    filters={"customer_id": _refresh.customer_id == key_of_customer("customer_id")},
)

# Files that nobody has promised to refresh yet, by a page of keys, so that a batch costs the same in any base.
_columns = Customer.__table__.columns
_after = bindparam("after", type_=_columns.id.type)
_page = (
    select(_columns.id)
    .where(_columns.id > _after)
    .order_by(_columns.id)
    .limit(bindparam("page_size", type_=_columns.id.type))
    .subquery()
)
PAGE_END = Statement(select(func.max(_page.c.id)))
WITHOUT = Statement(
    select(*_columns)
    .where(
        _columns.id > _after,
        _columns.id <= bindparam("page_end", type_=_columns.id.type),
        _columns.merged_into_id.is_(None),
        ~exists().where(_refresh.customer_id == _columns.id, _refresh.status == "open"),
    )
    .order_by(_columns.id)
    .with_for_update(of=_CUSTOMERS)
)
