"""What an opening must know, and who could take a ticket.

Which people are asked about is known of the department (`desks`); the choice among them is in `dispatching`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from app.auth.models import Department, OnCall, User
from app.customers.merged_ids import key_of_customer
from app.customers.models import Contact, Customer
from app.database import Transaction
from app.statements import DomainNow, NextNumber, Row, Statement, any_of
from app.tickets.desks import Desk, Desks
from app.tickets.models import Ticket

FRONT_ROLES = frozenset({"sales", "support", "service"})
Person = Mapping[str, Any]

_CUSTOMERS, _CONTACTS = Customer.__table__, Contact.__table__
_STAFF, _HEADS = User.__table__, User.__table__.alias("head")
_WANTED = User.__table__.alias("wanted_owner")
_one = _STAFF.c

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
        NextNumber(Ticket).label("number"),
        DomainNow().label("now"),
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
    .where(_CUSTOMERS.c.id == key_of_customer("customer"))
    .with_for_update(read=True, of=_CUSTOMERS)
)

_PEOPLE = select(
    _one.id, _one.public_id, _one.name, _one.role, _one.department_id, _one.absent_from, _one.absent_until
).where(_one.is_active)  # fmt: skip
PEOPLE = Statement(_PEOPLE.where(any_of(_one.id, "user_keys")))
_deputy = select(_HEADS.c.delegate_id).where(_HEADS.c.id == bindparam("head"))
STAFF = Statement(
    _PEOPLE.add_columns((_one.id == _deputy.scalar_subquery()).label("is_deputy")).where(
        or_(
            any_of(_one.department_id, "below"),
            any_of(_one.id, "named"),
            _one.id == _deputy.scalar_subquery(),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Staff:
    """A department's people at an instant: its members in any order, the others nearest first."""

    desk: Desk
    members: Sequence[Person]
    on_call: Sequence[Person]
    heads: Sequence[Person]
    deputies: Sequence[Person]


async def read_staff(tx: Transaction, desks: Desks, desk: Desk, *, at: datetime) -> Staff:
    """Return the people around a department as of `at`; what is known of them is at most two seconds old."""
    key = f"staff:{desk.id}"
    known: list[Row] | None = tx.database.recall(key)
    heads, on_call = desks.heads(desk), desks.on_call(desk)
    below = [one.id for one in desks.below(desk)]
    if known is None:
        known = await tx.peek(
            STAFF,
            below=below,
            named=sorted({*heads, *on_call}),
            head=heads[0] if heads else None,
        )
        tx.database.remember(key, known, of=(User, Department, OnCall))
    people = {row["id"]: _person(row, at) for row in known}
    return Staff(
        desk,
        [
            one
            for one in people.values()
            if one["role"] in FRONT_ROLES and one["department_id"] in below
        ],
        [people[one] for one in on_call if one in people],
        [people[one] for one in heads if one in people],
        [one for one in people.values() if one["is_deputy"]],
    )


async def read_people(tx: Transaction, user_keys: Iterable[int], *, at: datetime) -> list[Person]:
    """Return the active ones of these users as of `at`."""
    return [_person(row, at) for row in await tx.peek(PEOPLE, user_keys=list(user_keys))]


def _person(row: Row, at: datetime) -> Person:
    """Say whether somebody is present: an absence lasts [absent_from, absent_until)."""
    since, until = row["absent_from"], row["absent_until"]
    away = since is not None and since <= at and not (until is not None and until <= at)
    return {**row, "present": not away}
