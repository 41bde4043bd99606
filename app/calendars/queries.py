"""What is asked of stored calendars. Compiled versions for computing come from `service`.

Statements named `..._LOCKED` hold their rows for writing.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select

from app.calendars.models import CalendarRow, CalendarVersion
from app.columns import table_columns
from app.reading import Listing, one_statement
from app.statements import Statement, any_of, json_list

VERSIONS_LISTED_MAX = 100

_calendar = CalendarRow.__table__.c
_version = CalendarVersion.__table__.c
_every = CalendarVersion.__table__.alias("every_version")

_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _calendar.public_id),
    ("name", _calendar.name),
    ("title", _calendar.title),
    ("is_working", _calendar.is_working),
    ("current_version", _calendar.current_version),
    ("created_at", _calendar.created_at),
    ("document", _version.document),
)
_EVERY_VERSION = CalendarRow.__table__.join(
    CalendarVersion.__table__, _version.calendar_id == _calendar.id
)
_CURRENT = _version.number == _calendar.current_version
_SOURCE = CalendarRow.__table__.join(
    CalendarVersion.__table__, and_(_version.calendar_id == _calendar.id, _CURRENT)
)
_VERSIONS = json_list(
    select(_every.c.id)
    .where(_every.c.calendar_id == _calendar.id)
    .order_by(_every.c.number.desc())
    .limit(VERSIONS_LISTED_MAX),
    [("number", _every.c.number), ("created_at", _every.c.created_at)],
    CalendarRow.__table__,
)
_WHOLE = (*_FIELDS, ("version", _calendar.version), ("versions", _VERSIONS))
# A calendar is asked for by its name or by its id.
_NAMED = or_(_calendar.name == bindparam("name"), _calendar.public_id == bindparam("public_id"))
_NUMBERED = _version.number == bindparam("number")

CALENDARS = Listing(
    name="calendars",
    source=_SOURCE,
    fields=_FIELDS,
    key=_calendar.id,
    sorts={"name": _calendar.name},
)
ONE = one_statement(_SOURCE, _WHOLE, _NAMED, version=_calendar.version)
VERSION = one_statement(
    _EVERY_VERSION,
    [
        ("number", _version.number),
        ("created_at", _version.created_at),
        ("document", _version.document),
    ],
    _NAMED,
    _NUMBERED,
)

NAMES = Statement(select(_calendar.name, _calendar.current_version, _calendar.is_working))
REFERENCE = Statement(select(_calendar.name, _calendar.current_version).where(_NAMED))
DOCUMENT = Statement(select(_version.document).select_from(_EVERY_VERSION).where(_NAMED, _NUMBERED))
REFERENCES = Statement(
    select(_version.id, _calendar.name, _version.number).select_from(_EVERY_VERSION)
)
DOCUMENTS = Statement(select(_version.id, _version.document).where(any_of(_version.id, "keys")))

TAKEN = Statement(select(_calendar.id).where(_calendar.name == bindparam("name")))
# The row alone: joined with its version, a row that waited for its lock would be gone with the version it had.
LOCKED = Statement(
    select(*table_columns(CalendarRow)).where(_NAMED).with_for_update(key_share=True)
)
WORKING_LOCKED = Statement(
    select(*table_columns(CalendarRow)).where(_calendar.is_working).with_for_update(key_share=True)
)
