"""What is asked of consents; what counts now of a contact's is shown with him (`queries`)."""

from sqlalchemy import bindparam, select

from app.auth.models import User
from app.customers.merged_ids import key_of_customer
from app.customers.models import Consent, Contact, Customer
from app.reading import Listing, one_statement
from app.statements import Statement

_CONSENTS, _CONTACTS = Consent.__table__, Contact.__table__
_CUSTOMERS, _RECORDERS = Customer.__table__, User.__table__.alias("recorder")
_consent = _CONSENTS.c
_OF_CUSTOMER = _CONTACTS.join(_CUSTOMERS, _CUSTOMERS.c.id == _CONTACTS.c.customer_id)
_WITH_RECORDER = _CONSENTS.outerjoin(_RECORDERS, _RECORDERS.c.id == _consent.recorded_by)
_SHOWN = (
    ("id", _consent.public_id),
    ("channel", _consent.channel),
    ("is_given", _consent.is_given),
    ("text_version", _consent.text_version),
    ("method", _consent.method),
    ("evidence", _consent.evidence),
    ("given_at", _consent.given_at),
    ("recorded_by", _RECORDERS.c.public_id),
    ("recorded_at", _consent.recorded_at),
)

LISTING = Listing(
    name="consents",
    source=_WITH_RECORDER,
    fields=_SHOWN,
    key=_consent.id,
    sorts={"given_at": _consent.given_at},
    filters={
        "contact_key": _consent.contact_id == bindparam("contact_key"),
        "channel": _consent.channel == bindparam("channel"),
    },
)
ONE = one_statement(
    _WITH_RECORDER.join(_CONTACTS, _CONTACTS.c.id == _consent.contact_id).join(
        _CUSTOMERS, _CUSTOMERS.c.id == _CONTACTS.c.customer_id
    ),
    _SHOWN,
    _consent.public_id == bindparam("consent_id"),
    _CONTACTS.c.public_id == bindparam("contact_id"),
    _CUSTOMERS.c.id == key_of_customer("customer_id"),
)

CONTACT = Statement(
    select(_CONTACTS.c.id)
    .select_from(_OF_CUSTOMER)
    .where(
        _CONTACTS.c.public_id == bindparam("contact_id"),
        _CUSTOMERS.c.id == key_of_customer("customer_id"),
    )
)
