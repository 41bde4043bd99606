"""Feeds the timeline from events: each names whose history grew, and what the timeline lacks of it is added.

The history is read, not the event, so that an entry is the same whether an event or `rebuild` makes it, and an event
handed on twice, or handled by two relays at once, adds nothing.
"""

from collections.abc import Mapping, Sequence

from app import writing
from app.database import Transaction
from app.outbox.relay import Handler, Message
from app.timeline.kinds import TimelineKind
from app.timeline.models import TimelineEntry
from app.timeline.sources import ASKED, CHANGES, ESCALATIONS, FACTS, MISSES, Source, entries_of

SOURCE_KEY = ("source", "source_key")


async def feed_changes(tx: Transaction, messages: Sequence[Message]) -> None:
    """Add the changes of customers' files that these events are about."""
    await _feed(tx, (CHANGES,), [one.public_id for one in messages])


async def feed_subjects(tx: Transaction, messages: Sequence[Message]) -> None:
    """Add what happened to the tickets and obligations that these events are about, and to their deadlines."""
    subjects = {one.subject_id for one in messages if one.subject_id is not None}
    await _feed(tx, (FACTS, MISSES, ESCALATIONS), sorted(subjects))


async def _feed(tx: Transaction, sources: Sequence[Source], ids: Sequence[str]) -> None:
    for source in sources:
        rows = await tx.all(source.lacking, ids=ids, **ASKED)
        entries = await entries_of(tx, source, rows)
        await writing.insert_new(tx, TimelineEntry, SOURCE_KEY, entries)


_TICKET_EVENTS = (
    "opened", "assigned", "taken_back", "accepted", "message_posted", "agreed", "agreement_requested",
    "agreement_approved", "task_force_formed", "plan_stated", "waiting", "resumed", "reply_waived",
    "reclassified", "changed", "resolved", "confirmed", "reopened", "merged", "closed", "cancelled",
)  # fmt: skip
_SUBJECT_EVENTS = (
    *(f"ticket.{name}" for name in _TICKET_EVENTS),
    *(f"obligation.{name}" for name in ("opened", "changed", "answered", "cancelled")),
    "deadline.escalated",
    "deadline.corrected",
)
_OF_FILES = ("customer.", "contact.", "need.", "service_plan.")
_CHANGE_EVENTS = tuple(kind.value for kind in TimelineKind if kind.startswith(_OF_FILES))
HANDLERS: Mapping[str, tuple[Handler, ...]] = {
    **dict.fromkeys(_CHANGE_EVENTS, (feed_changes,)),
    **dict.fromkeys(_SUBJECT_EVENTS, (feed_subjects,)),
}
