"""What is asked of reviews and merges: lists, one, and the rows that changes need."""

from typing import Any

from sqlalchemy import ColumnElement, bindparam, select

from app.auth.models import User
from app.customers.merged_ids import key_of_customer
from app.customers.models import Contact, Customer
from app.duplicates.models import CustomerMerge, DuplicateReview, MergeChange
from app.reading import Listing, one_statement
from app.statements import Statement, any_of, json_row

_REVIEWS, _MERGES = DuplicateReview.__table__, CustomerMerge.__table__
_CUSTOMERS, _USERS, _CHANGES = Customer.__table__, User.__table__, MergeChange.__table__
_ONE, _OTHER = _CUSTOMERS.alias("one"), _CUSTOMERS.alias("other")
_WINNER, _LOSER = _CUSTOMERS.alias("winner"), _CUSTOMERS.alias("loser")
_DECIDER, _MERGER, _UNDOER = (_USERS.alias(name) for name in ("decider", "merger", "undoer"))
_review, _merge, _contact = _REVIEWS.c, _MERGES.c, Contact.__table__.c


def _shown(customer: Any) -> ColumnElement[str]:
    names = ("number", "name")
    return json_row((("id", customer.c.public_id), *((one, customer.c[one]) for one in names)))


# --- reviews

_REVIEW_SOURCE = (
    _REVIEWS.join(_ONE, _ONE.c.id == _review.one_id)
    .join(_OTHER, _OTHER.c.id == _review.other_id)
    .outerjoin(_DECIDER, _DECIDER.c.id == _review.decided_by)
)
_REVIEW_FIELDS = (
    ("id", _review.public_id),
    ("state", _review.state),
    ("score", _review.score),
    ("reasons", _review.reasons),
    ("one", _shown(_ONE)),
    ("other", _shown(_OTHER)),
    ("note", _review.note),
    ("decided_by", _DECIDER.c.public_id),
    ("decided_at", _review.decided_at),
    ("version", _review.version),
    ("created_at", _review.created_at),
)
# A pair of which one was merged with a third is nothing to decide any more.
_BOTH_STAND = _ONE.c.merged_into_id.is_(None) & _OTHER.c.merged_into_id.is_(None)
REVIEWS = Listing(
    name="duplicates",
    source=_REVIEW_SOURCE,
    fields=_REVIEW_FIELDS,
    key=_review.id,
    sorts={"score": _review.score, "created_at": _review.created_at},
    filters={
        "state": _review.state == bindparam("state"),
        "standing": _BOTH_STAND,
    },
)
REVIEW = one_statement(
    _REVIEW_SOURCE,
    _REVIEW_FIELDS,
    _review.public_id == bindparam("public_id"),
    version=_review.version,
)
REVIEW_ROW = Statement(
    select(*_review).where(_review.public_id == bindparam("public_id")).with_for_update()
)
PAIR = Statement(
    select(*_review).where(
        _review.one_id == bindparam("one"), _review.other_id == bindparam("other")
    )
)
KNOWN_PAIRS = Statement(
    select(_review.one_id, _review.other_id).where(
        any_of(_review.one_id, "keys") | any_of(_review.other_id, "keys")
    )
)
NEXT_CUSTOMERS = Statement(
    select(_CUSTOMERS.c.id)
    .where(
        _CUSTOMERS.c.id > bindparam("after", type_=_CUSTOMERS.c.id.type),
        _CUSTOMERS.c.merged_into_id.is_(None),
    )
    .order_by(_CUSTOMERS.c.id)
    .limit(bindparam("batch_size", type_=_CUSTOMERS.c.id.type))
)

# --- merges

_MERGE_SOURCE = (
    _MERGES.join(_WINNER, _WINNER.c.id == _merge.winner_id)
    .join(_LOSER, _LOSER.c.id == _merge.loser_id)
    .outerjoin(_MERGER, _MERGER.c.id == _merge.merged_by)
    .outerjoin(_UNDOER, _UNDOER.c.id == _merge.undone_by)
)
_MERGE_FIELDS = (
    ("id", _merge.public_id),
    ("winner", _shown(_WINNER)),
    ("loser", _shown(_LOSER)),
    ("reason", _merge.reason),
    ("taken", _merge.taken),
    ("counts", _merge.counts),
    ("merged_by", _MERGER.c.public_id),
    ("merged_at", _merge.merged_at),
    ("undone_by", _UNDOER.c.public_id),
    ("undone_at", _merge.undone_at),
    ("undo_reason", _merge.undo_reason),
    ("version", _merge.version),
)
MERGES = Listing(
    name="merges",
    source=_MERGE_SOURCE,
    fields=_MERGE_FIELDS,
    key=_merge.id,
    sorts={"merged_at": _merge.merged_at},
    filters={"customer_id": _merge.winner_id == key_of_customer("customer_id")},
)
MERGE = one_statement(
    _MERGE_SOURCE,
    _MERGE_FIELDS,
    _merge.public_id == bindparam("public_id"),
    version=_merge.version,
)
MERGE_LOCKED = Statement(
    select(*_merge).where(_merge.public_id == bindparam("public_id")).with_for_update()
)
CHANGES = Statement(
    select(*_CHANGES.c).where(_CHANGES.c.merge_id == bindparam("merge")).order_by(_CHANGES.c.id)
)
BY_KEY = Statement(
    select(_CUSTOMERS.c.id, _CUSTOMERS.c.public_id)
    .where(any_of(_CUSTOMERS.c.id, "keys"))
    .order_by(_CUSTOMERS.c.public_id)
)
PRIMARY_CONTACTS = Statement(
    select(*_contact)
    .where(_contact.customer_id == bindparam("customer_key"), _contact.is_primary)
    .order_by(_contact.id)
)
