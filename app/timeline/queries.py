"""What is asked of the timeline: one customer's entries, newest first."""

from sqlalchemy import bindparam

from app.auth.models import User
from app.columns import UtcDateTime
from app.customers.merged_ids import key_of_customer
from app.customers.models import Customer
from app.reading import Listing
from app.statements import any_of, json_row
from app.tickets.queries import named
from app.timeline.models import TimelineEntry

_ENTRIES, _CUSTOMERS = TimelineEntry.__table__, Customer.__table__
_ACTORS = User.__table__.alias("actor")
_entry = _ENTRIES.c

# The customer's key is looked up once, and the order is that of an index that begins with it: a page costs the same
# however long the timeline is. `kind` has an index of its own; several `kinds` are picked out on the way.
LISTING = Listing(
    name="customer_timeline",
    source=_ENTRIES.outerjoin(_ACTORS, _ACTORS.c.id == _entry.actor_id),
    fields=(
        ("id", _entry.public_id),
        ("at", _entry.at),
        ("kind", _entry.kind),
        ("subject", json_row((("type", _entry.subject_type), ("id", _entry.subject_id)))),
        ("actor", named(_ACTORS)),
        ("data", _entry.data),
    ),
    key=_entry.id,
    sorts={"at": _entry.at},
    filters={
        "customer_id": _entry.customer_id == key_of_customer("customer_id"),
        "kind": _entry.kind == bindparam("kind"),
        "kinds": any_of(_entry.kind, "kinds"),
        "since": _entry.at >= bindparam("since", type_=UtcDateTime()),
        "before": _entry.at < bindparam("before", type_=UtcDateTime()),
    },
)
