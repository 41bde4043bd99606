"""What is asked of segments: the list, one, who is in, where a customer is and was, figures and their bounds."""

from sqlalchemy import Boolean, Text, bindparam, cast, func, literal, select

from app.auth.models import User
from app.columns import UtcDateTime, table_columns
from app.customers import queries as customers
from app.customers.models import Customer
from app.reading import Listing, one_statement
from app.segments.attributes import AMOUNT_BAND, FREQUENCY_BAND, SOURCE
from app.segments.models import (
    CustomerFigures,
    FigureBands,
    Segment,
    SegmentEvaluation,
    SegmentMember,
)
from app.statements import Statement, json_row
from app.time import FAR_END

_SEGMENTS, _MEMBERS, _CUSTOMERS = Segment.__table__, SegmentMember.__table__, Customer.__table__
_EVALUATIONS, _CREATORS = SegmentEvaluation.__table__, User.__table__.alias("creator")
_segment, _member, _customer, _evaluation = _SEGMENTS.c, _MEMBERS.c, _CUSTOMERS.c, _EVALUATIONS.c
_figure = CustomerFigures.__table__.c

_SHOWN = (
    ("id", _segment.public_id),
    ("name", _segment.name),
    ("description", _segment.description),
    ("condition", _segment.condition),
    ("is_active", _segment.is_active),
    ("member_count", _evaluation.member_count),
    ("evaluated_at", _evaluation.evaluated_at),
    ("version", _segment.version),
    ("created_by", _CREATORS.c.public_id),
    ("created_at", _segment.created_at),
    ("updated_at", _segment.updated_at),
)
_WITH_CREATOR = _SEGMENTS.join(_EVALUATIONS, _evaluation.segment_id == _segment.id).outerjoin(
    _CREATORS, _CREATORS.c.id == _segment.created_by
)
ONE = one_statement(
    _WITH_CREATOR,
    _SHOWN,
    _segment.public_id == bindparam("public_id"),
    version=_segment.version,
)
LISTING = Listing(
    name="segments",
    source=_WITH_CREATOR,
    fields=_SHOWN,
    key=_segment.id,
    sorts={"name": _segment.name_key, "created_at": _segment.created_at},
    filters={"is_active": _segment.is_active == bindparam("is_active", type_=Boolean())},
)
EXISTS = Statement(select(_segment.id).where(_segment.public_id == bindparam("public_id")))

# --- memberships

_FAR = literal(FAR_END, UtcDateTime())


def _key_of(table: type[Segment | Customer], name: str) -> object:
    other = table.__table__.alias(f"asked_{name}")
    return select(other.c.id).where(other.c.public_id == bindparam(name)).scalar_subquery()


CUSTOMERS = Listing(
    name="segment_customers",
    source=customers.LISTING.source.join(_MEMBERS, _member.customer_id == _customer.id),
    fields=(("customer", json_row(customers.LISTING.fields)), ("entered_at", _member.entered_at)),
    key=_member.id,
    sorts={"entered_at": _member.entered_at},
    filters={"segment_id": _member.segment_id == _key_of(Segment, "segment_id")},
    always=(_member.left_at == _FAR,),
)
MEMBERSHIPS = Listing(
    name="customer_segments",
    source=_MEMBERS.join(_SEGMENTS, _segment.id == _member.segment_id),
    fields=(
        ("segment_id", _segment.public_id),
        ("name", _segment.name),
        ("entered_at", _member.entered_at),
        ("left_at", _member.left_at),
    ),
    key=_member.id,
    sorts={"entered_at": _member.entered_at},
    filters={
        "customer_id": _member.customer_id == _key_of(Customer, "customer_id"),
        "is_current": (_member.left_at == _FAR) == bindparam("is_current", type_=Boolean()),
    },
)

# --- figures

FIGURES = one_statement(
    SOURCE,
    (
        ("interaction_count", func.coalesce(_figure.interaction_count, 0)),
        ("last_seen_at", _figure.last_seen_at),
        ("ticket_count", func.coalesce(_figure.ticket_count, 0)),
        ("purchase_count_365d", func.coalesce(_figure.purchase_count_365d, 0)),
        ("purchase_amount_365d", func.coalesce(cast(_figure.purchase_amount_365d, Text), "0.00")),
        ("frequency_band", FREQUENCY_BAND),
        ("amount_band", AMOUNT_BAND),
    ),
    _customer.public_id == bindparam("public_id"),
)
_bands = FigureBands.__table__.c
BANDS = one_statement(
    FigureBands.__table__,
    tuple(
        (name, _bands[name])
        for name in ("frequency_mid", "frequency_high", "amount_mid", "amount_high", "version")
    ),
    _bands.id == 1,
    version=_bands.version,
)

# --- rows for services

_ROWS = select(*table_columns(Segment))
LOCKED = Statement(_ROWS.where(_segment.public_id == bindparam("public_id")).with_for_update())
NAMED = Statement(
    select(_segment.public_id).where(
        _segment.name_key == bindparam("name_key"), _segment.id != bindparam("key")
    )
)
EVALUATION = Statement(
    select(*table_columns(SegmentEvaluation)).where(_evaluation.segment_id == bindparam("key"))
)
EVALUATIONS = Statement(
    select(_evaluation.id).join_from(_EVALUATIONS, _SEGMENTS, _evaluation.segment_id == _segment.id).where(_segment.is_active)
)  # fmt: skip
BANDS_ROW = Statement(select(*table_columns(FigureBands)).where(_bands.id == 1).with_for_update())
