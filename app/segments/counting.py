"""Behaviour figures of customers: filled by events, counted anew now and then; and who follows events for segments.

Tickets are counted. Interactions and purchases stay at zero until their features tell of them.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, bindparam, func, select

from app import writing
from app.customers.models import Customer
from app.database import Database, Transaction
from app.outbox.relay import Handler, Message
from app.segments.evaluation import evaluate_customers
from app.segments.models import CustomerFigures
from app.statements import Row, Statement, any_of
from app.tickets.models import Ticket

PAGE_SIZE = 2000
_CUSTOMERS, _FIGURES = Customer.__table__, CustomerFigures.__table__
_customer, _figure, _ticket = _CUSTOMERS.c, _FIGURES.c, Ticket.__table__.c

KEYS = Statement(select(_customer.id).where(any_of(_customer.public_id, "ids")))
_own = select(func.count()).where(_ticket.customer_id == _customer.id).scalar_subquery()
COUNTED = Statement(
    select(_customer.id.label("customer_id"), _own.label("ticket_count")).where(
        any_of(_customer.public_id, "ids")
    )
)
_all = (
    select(_ticket.customer_id, func.count().label("ticket_count"))
    .group_by(_ticket.customer_id)
    .subquery()
)
_counted = func.coalesce(_all.c.ticket_count, 0)
UNTRUE = Statement(
    select(_customer.id.label("customer_id"), _counted.label("ticket_count"))
    .select_from(
        _CUSTOMERS.outerjoin(_all, _all.c.customer_id == _customer.id).outerjoin(
            _FIGURES, _figure.customer_id == _customer.id
        )
    )
    .where(_counted != func.coalesce(_figure.ticket_count, 0))
    .order_by(_customer.id)
    .limit(bindparam("page_size", type_=BigInteger()))
)


async def follow_customers(tx: Transaction, messages: Sequence[Message]) -> None:
    """Look at the changed customers again."""
    ids = {one.subject_id for one in messages if one.subject_id is not None}
    rows = await tx.all(KEYS, ids=sorted(ids))
    await evaluate_customers(tx, [row["id"] for row in rows])


async def follow_tickets(tx: Transaction, messages: Sequence[Message]) -> None:
    """Count the tickets of the customers whose tickets these are, and look at them again."""
    ids = {str(one.payload["customer_id"]) for one in messages}
    await _take(tx, await tx.all(COUNTED, ids=sorted(ids)))


async def follow_merges(tx: Transaction, messages: Sequence[Message]) -> None:
    """Count the tickets of both files anew: they went from one to the other, and the merged one is nobody's member."""
    ids = {one.subject_id for one in messages if one.subject_id is not None}
    await _take(tx, await tx.all(COUNTED, ids=sorted(ids)))


async def recount_figures(database: Database) -> int:
    """Count what a crash or a merge may have left wrong; returns of how many customers."""
    count = 0
    while True:
        async with database.transaction() as tx:
            rows = await tx.all(UNTRUE, page_size=PAGE_SIZE)
            await _take(tx, rows)
        count += len(rows)
        if len(rows) < PAGE_SIZE:
            return count


async def _take(tx: Transaction, rows: Sequence[Row]) -> None:
    for row in rows:
        await writing.upsert(tx, CustomerFigures, ("customer_id",), **row)
    await evaluate_customers(tx, [row["customer_id"] for row in rows])


_CUSTOMER_EVENTS = ("created", "updated", "tier_changed", "stage_changed", "team_changed")
HANDLERS: Mapping[str, tuple[Handler, ...]] = {
    **{f"customer.{name}": (follow_customers,) for name in _CUSTOMER_EVENTS},
    "customer.merged": (follow_merges,),
    "customer.merge_undone": (follow_merges,),
    "ticket.opened": (follow_tickets,),
}
