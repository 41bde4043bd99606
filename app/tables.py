"""Imports every module that has tables, for Alembic and the tests."""

from typing import Any

from app.audit import models as audit
from app.auth import models as auth
from app.calendars import models as calendars
from app.columns import Base
from app.customers import models as customers
from app.duplicates import models as duplicates
from app.fields import models as fields
from app.heartbeats import models as heartbeats
from app.idempotency import models as idempotency
from app.imports import models as imports
from app.lifecycle import models as lifecycle
from app.needs import models as needs
from app.notifications import models as notifications
from app.obligations import models as obligations
from app.operations import models as operations
from app.outbox import models as outbox
from app.rehearsal import models as rehearsal
from app.reports import models as reports
from app.saved_views import models as saved_views
from app.segments import models as segments
from app.service_plans import models as service_plans
from app.sla import models as sla
from app.tickets import models as tickets
from app.tiering import models as tiering
from app.timeline import models as timeline

__all__ = [
    "Base", "audit", "auth", "calendars", "customers", "duplicates", "fields", "heartbeats", "idempotency",
    "imports", "lifecycle", "needs", "notifications", "obligations", "operations", "outbox", "rehearsal", "reports", "saved_views", "segments", "service_plans", "sla",
    "tickets", "tiering", "timeline",
]  # fmt: skip

# Made by migrations for one engine alone: PostgreSQL's index and SQLite's copy of the words of `customer_search`.
ENGINE_OWN = "customer_search_"


def is_described(thing: Any, name: str | None, kind: str, reflected: bool, described: Any) -> bool:
    """Say whether Alembic should look for a table or index in the models (its `include_object`)."""
    del thing, kind
    return not (reflected and described is None and (name or "").startswith(ENGINE_OWN))
