"""What the API asks of stored calendars. Compiled versions for computing come from `service`."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select

from app.calendars.models import CalendarRow, CalendarVersion
from app.reading import Listing, one_statement
from app.statements import json_list

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
_SOURCE = CalendarRow.__table__.join(
    CalendarVersion.__table__,
    and_(_version.calendar_id == _calendar.id, _version.number == _calendar.current_version),
)
_VERSIONS = json_list(
    select(_every.c.id)
    .where(_every.c.calendar_id == _calendar.id)
    .order_by(_every.c.number.desc()),
    [
        ("number", _every.c.number),
        ("created_at", _every.c.created_at),
        ("document", _every.c.document),
    ],
    CalendarRow.__table__,
)
_WHOLE = (*_FIELDS, ("version", _calendar.version), ("versions", _VERSIONS))

CALENDARS = Listing(
    name="calendars",
    source=_SOURCE,
    fields=_FIELDS,
    key=_calendar.id,
    sorts={"name": _calendar.name},
)
BY_NAME = one_statement(
    _SOURCE, _WHOLE, _calendar.name == bindparam("name"), version=_calendar.version
)
BY_ID = one_statement(
    _SOURCE, _WHOLE, _calendar.public_id == bindparam("public_id"), version=_calendar.version
)
