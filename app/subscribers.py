"""The only place that wires features together: hooks of the plumbing, and event name -> handlers."""

from app.audit import service as audit
from app.database import Database
from app.idempotency import service as idempotency
from app.outbox.relay import Subscriptions

SUBSCRIPTIONS = Subscriptions(handlers={}, senders={})


def compose(database: Database) -> Database:
    """Plug what lives high into what lives low; every process that writes does this once."""
    database.hooks.audit = audit.record_changes
    database.hooks.claim = idempotency.claim
    database.hooks.keep = idempotency.keep
    return database
