"""What an opening must know and who could take a ticket, in one question each.

Which people are asked about is known of the department (`desks`); the choice among them is in `dispatching`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, false, func, or_, select

from app.auth.models import User
from app.customers.models import Contact, Customer
from app.database import Transaction
from app.statements import DomainNow, JsonArray, Row, Statement, any_of, json_row
from app.tickets.desks import Desk, Desks

FRONT_ROLES = ("sales", "support", "service")
Person = Mapping[str, Any]

_CUSTOMERS, _CONTACTS = Customer.__table__, Contact.__table__
_STAFF, _HEADS = User.__table__.alias("staff"), User.__table__.alias("head")
_WANTED = User.__table__.alias("wanted_owner")
_one = _STAFF.c
_NOW = DomainNow()
_BACK = func.coalesce(_one.absent_until <= _NOW, false(), type_=Boolean())
_PERSON = (
    ("id", _one.id),
    ("public_id", _one.public_id),
    ("name", _one.name),
    ("role", _one.role),
    ("department_id", _one.department_id),
    # An absence lasts [absent_from, absent_until).
    ("present", or_(_one.absent_from.is_(None), _one.absent_from > _NOW, _BACK)),
)


def _people(source: Any, *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return a JSON list of active people, in any order."""
    people = (
        select(json_row(_PERSON).label("item"))
        .select_from(source)
        .where(_one.is_active, *conditions)
        .correlate(_CUSTOMERS)
        .subquery()
    )
    return select(JsonArray(people.c.item)).scalar_subquery()


_PEOPLE: tuple[ColumnElement[Any], ...] = (
    _people(
        _STAFF,
        any_of(_one.department_id, "below"),
        or_(*(_one.role == role for role in FRONT_ROLES)),
    ).label("members"),
    _people(_STAFF, any_of(_one.id, "named")).label("named"),
    _people(
        _HEADS.join(_STAFF, _one.id == _HEADS.c.delegate_id), _HEADS.c.id == bindparam("head")
    ).label("deputies"),
    _people(_STAFF, _one.id == _CUSTOMERS.c.account_manager_id).label("managers"),
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
        _WANTED.c.id.label("owner_id"),
        _WANTED.c.public_id.label("owner_public_id"),
        _WANTED.c.role.label("owner_role"),
        _WANTED.c.is_active.label("owner_is_active"),
        _WANTED.c.department_id.label("owner_department_id"),
        DomainNow().label("now"),
        *_PEOPLE,
    )
    .select_from(
        _CUSTOMERS.outerjoin(
            _CONTACTS,
            and_(
                _CONTACTS.c.customer_id == _CUSTOMERS.c.id,
                _CONTACTS.c.public_id == bindparam("contact"),
            ),
        ).outerjoin(_WANTED, _WANTED.c.public_id == bindparam("owner"))
    )
    .where(_CUSTOMERS.c.public_id == bindparam("customer"))
    .with_for_update(read=True, of=_CUSTOMERS)
)

# The same people about a ticket that is there already.
STAFF = Statement(select(*_PEOPLE).where(_CUSTOMERS.c.id == bindparam("customer_key")))


@dataclass(frozen=True, slots=True)
class Staff:
    """A department's people as they are now: its members in any order, the others nearest first."""

    desk: Desk
    members: Sequence[Person]
    on_call: Sequence[Person]
    heads: Sequence[Person]
    deputies: Sequence[Person]
    managers: Sequence[Person]


def asks_about(desks: Desks, desk: Desk | None) -> dict[str, Any]:
    """Return the parameters that ask about a department's people; None asks about nobody."""
    if desk is None:
        return {"below": [], "named": [], "head": None}
    heads = desks.heads(desk)
    return {
        "below": [one.id for one in desks.below(desk)],
        "named": sorted({*heads, *desks.on_call(desk)}),
        "head": heads[0] if heads else None,
    }


def staff_of(desks: Desks, desk: Desk, row: Row) -> Staff:
    """Return the people that `row` (with the columns of `STAFF`) tells of."""
    named = {one["id"]: one for one in row["named"]}
    return Staff(
        desk,
        row["members"],
        _in_order(desks.on_call(desk), named),
        _in_order(desks.heads(desk), named),
        row["deputies"],
        row["managers"],
    )


def _in_order(keys: Iterable[int], people: Mapping[int, Person]) -> list[Person]:
    return [people[key] for key in keys if key in people]


async def read_staff(tx: Transaction, desks: Desks, desk: Desk, customer_key: int) -> Staff:
    """Return the people around a department, and the customer's own manager."""
    row = await tx.one(STAFF, customer_key=customer_key, **asks_about(desks, desk))
    assert row is not None
    return staff_of(desks, desk, row)
