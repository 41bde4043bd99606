"""The only place that wires features together: hooks of the plumbing, event name -> handlers, kinds of long work."""

from collections.abc import Mapping
from functools import partial

from app import tables
from app.audit import service as audit
from app.calendars.events import CALENDAR_CHANGED
from app.customers import first_refreshes, key_contacts, manager_notices, tier_computing
from app.database import Database
from app.duplicates import service as duplicates
from app.heartbeats import alarm
from app.idempotency import service as idempotency
from app.imports import applying
from app.notifications import mail, release
from app.notifications.service import READY
from app.operations.runner import Kind
from app.outbox.relay import Handler, Subscriptions
from app.segments import counting
from app.service_plans import turning
from app.sla import backtesting, notices, retargeting
from app.timeline import service as timeline

# Who looks again at a notice of a kind, and puts it into words: by the first part of the kind.
FAMILIES = {
    "deadline": notices.release,
    "customer": key_contacts.release,
    "account_manager": manager_notices.release,
}


def _together(*tables: Mapping[str, tuple[Handler, ...]]) -> dict[str, tuple[Handler, ...]]:
    """Return who takes each event, in the order of the tables."""
    events = {event for table in tables for event in table}
    return {one: tuple(h for table in tables for h in table.get(one, ())) for one in events}


SUBSCRIPTIONS = Subscriptions(
    handlers=_together(
        {
            READY: (partial(release.release, families=FAMILIES),),
            CALENDAR_CHANGED: (retargeting.repin,),
        },
        timeline.HANDLERS,
        counting.HANDLERS,
        turning.HANDLERS,
        tier_computing.HANDLERS,
    ),
    senders={mail.READY: mail.send_mail, **alarm.SENDERS.senders},
)

OPERATIONS: dict[str, Kind] = {
    **retargeting.KINDS,
    **backtesting.KINDS,
    **first_refreshes.KINDS,
    **applying.KINDS,
    **tier_computing.KINDS,
    **duplicates.KINDS,
}


def compose(database: Database) -> Database:
    """Plug what lives high into what lives low; every process that writes does this once.

    All tables are known from then on, whatever the process itself imports: `writing` sorts them by their references.
    """
    assert tables.Base.metadata.sorted_tables
    database.hooks.audit = audit.record_changes
    database.hooks.claim = idempotency.claim
    database.hooks.keep = idempotency.keep
    return database
