"""Who could take a ticket, and what an opening must know, each in one question.

The choice among them is in `dispatching`.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, false, func, or_, select

from app.auth.models import Department, OnCall, User
from app.customers.models import Contact, Customer
from app.statements import DomainNow, JsonArray, Statement, json_row
from app.tickets.models import TicketType

FRONT_ROLES = ("sales", "support", "service")

_CUSTOMERS, _CONTACTS = Customer.__table__, Contact.__table__
_TYPES, _CALLS = TicketType.__table__, OnCall.__table__
_STAFF, _HEADS = User.__table__.alias("staff"), User.__table__.alias("head")
_WANTED = User.__table__.alias("wanted_owner")
_WANTED_HOMES = Department.__table__.alias("wanted_owners_home")
_HOMES, _ABOVE = Department.__table__.alias("home"), Department.__table__.alias("above")
_REQUESTED, _HANDLING = (
    Department.__table__.alias("requested"), Department.__table__.alias("handling"),
)  # fmt: skip
_one, _above, _handling = _STAFF.c, _ABOVE.c, _HANDLING.c
_DISPATCHING = bindparam("dispatching", type_=Boolean())


def _starts_with(path: ColumnElement[Any], beginning: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.substr(path, 1, func.length(beginning)) == beginning


def _surely(condition: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.coalesce(condition, false(), type_=Boolean())


_NOW = DomainNow()
_PERSON = (
    ("id", _one.id),
    ("public_id", _one.public_id),
    ("name", _one.name),
    ("role", _one.role),
    ("department_id", _one.department_id),
    ("department_name", _HOMES.c.name),
    # An absence lasts [absent_from, absent_until).
    (
        "present",
        or_(
            _one.absent_from.is_(None), _one.absent_from > _NOW, _surely(_one.absent_until <= _NOW)
        ),
    ),
    ("inside", _surely(_starts_with(_HOMES.c.path, _handling.path))),
)


def _people(source: Any, *conditions: Any, order: Any) -> ColumnElement[Any]:
    """Return a JSON list of active people around the handling department, in `order`.

    Empty unless the parameter `dispatching` is true. `inside`: of that department or one below it.
    """
    people = (
        select(json_row(_PERSON).label("item"))
        .select_from(source.outerjoin(_HOMES, _HOMES.c.id == _one.department_id))
        .where(_DISPATCHING, _one.is_active, *conditions)
        .order_by(*order)
        .correlate(_HANDLING, _CUSTOMERS)
        .subquery()
    )
    return select(JsonArray(people.c.item)).scalar_subquery()


_BELOW = and_(_above.path >= _handling.path, _above.path < _handling.path + "~")
_LEADING = _ABOVE.join(_STAFF, _one.id == _above.head_id)
_STANDING_IN = _ABOVE.join(_HEADS, _HEADS.c.id == _above.head_id).join(
    _STAFF, _one.id == _HEADS.c.delegate_id
)
_CALLED = _CALLS.join(_ABOVE, _above.id == _CALLS.c.department_id).join(
    _STAFF, _one.id == _CALLS.c.user_id
)

_STAFF_COLUMNS: tuple[ColumnElement[Any], ...] = (
    _handling.id.label("department_id"),
    _handling.name.label("department_name"),
    _people(
        _STAFF.join(_ABOVE, _above.id == _one.department_id),
        _BELOW,
        or_(*(_one.role == role for role in FRONT_ROLES)),
        order=(_one.id,),
    ).label("members"),
    # The department's own list first, then those of the departments below it.
    _people(_CALLED, _BELOW, order=(_above.path, _CALLS.c.position, _CALLS.c.id)).label("on_call"),
    # Nearest first: its own head, then those above.
    _people(
        _LEADING,
        _starts_with(_handling.path, _above.path),
        order=(func.length(_above.path).desc(),),
    ).label("heads"),
    _people(_STANDING_IN, _above.id == _handling.id, order=(_one.id,)).label("deputies"),
    _people(_STAFF, _one.id == _CUSTOMERS.c.account_manager_id, order=(_one.id,)).label("managers"),
)

# The lock on the customer is shared: whoever opens sees the tier that a change about to commit leaves, and that
# change sees his ticket.
OPENING = Statement(
    select(
        _CUSTOMERS.c.id.label("customer_key"),
        _CUSTOMERS.c.public_id.label("customer_public_id"),
        _CUSTOMERS.c.tier,
        _CUSTOMERS.c.account_manager_id,
        _CONTACTS.c.id.label("contact_key"),
        _TYPES.c.id.label("type_key"),
        _TYPES.c.code.label("type_code"),
        _TYPES.c.dispatch_to,
        _REQUESTED.c.id.label("requested_department_id"),
        _REQUESTED.c.name.label("requested_department_name"),
        _WANTED.c.id.label("owner_id"),
        _WANTED.c.public_id.label("owner_public_id"),
        _WANTED.c.role.label("owner_role"),
        _WANTED.c.is_active.label("owner_is_active"),
        _WANTED.c.department_id.label("owner_department_id"),
        _WANTED_HOMES.c.name.label("owner_department_name"),
        DomainNow().label("now"),
        *_STAFF_COLUMNS,
    )
    .select_from(
        _CUSTOMERS.outerjoin(
            _CONTACTS,
            and_(
                _CONTACTS.c.customer_id == _CUSTOMERS.c.id,
                _CONTACTS.c.public_id == bindparam("contact"),
            ),
        )
        .outerjoin(
            _TYPES,
            and_(
                _TYPES.c.code == bindparam("type"),
                or_(_TYPES.c.is_active, bindparam("retired_too", type_=Boolean())),
            ),
        )
        .outerjoin(_REQUESTED, _REQUESTED.c.public_id == bindparam("department"))
        .outerjoin(_WANTED, _WANTED.c.public_id == bindparam("owner"))
        .outerjoin(_WANTED_HOMES, _WANTED_HOMES.c.id == _WANTED.c.department_id)
        .outerjoin(
            _HANDLING, _handling.id == func.coalesce(_REQUESTED.c.id, _TYPES.c.department_id)
        )
    )
    .where(_CUSTOMERS.c.public_id == bindparam("customer"))
    .with_for_update(read=True, of=_CUSTOMERS)
)

# The same about a ticket that is there already, for a department by its key.
STAFF = Statement(
    select(*_STAFF_COLUMNS)
    .select_from(_CUSTOMERS.outerjoin(_HANDLING, _handling.id == bindparam("department_key")))
    .where(_CUSTOMERS.c.id == bindparam("customer_key"))
)
