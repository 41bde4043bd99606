"""Where a customer's id leads: to himself, or to whom he was merged into."""

from sqlalchemy import ColumnElement, bindparam, func, select

from app.customers.models import Customer


def key_of_customer(name: str) -> ColumnElement[int]:
    """Return the key that the public id in the parameter `name` leads to."""
    asked = Customer.__table__.alias(f"asked_{name}")
    key = func.coalesce(asked.c.merged_into_id, asked.c.id)
    return select(key).where(asked.c.public_id == bindparam(name)).scalar_subquery()
