"""What the API shows of escalations: the list, and the proof of one with every delivery.

Firing them is the sweep's business (`enforcement`), delivering the notices the relay's.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean, Text

from app.auth.models import Department, User
from app.columns import Json
from app.notifications.models import Mail, Notification
from app.reading import Listing, one_statement
from app.sla.models import DeadlineRow, Escalation
from app.sla.views import CUSTOMERS
from app.statements import json_list

_deadline = DeadlineRow.__table__.c
_escalation = Escalation.__table__.c
_user = User.__table__.c
_department = Department.__table__.c
_notification = Notification.__table__.c
_mail = Mail.__table__.c

_TOLD_FIELDS = ("user_id", "name", "why", "in_place_of")


class _ToldTo(FunctionElement[bool]):
    """Whether a list of told people holds a public id."""

    type = Boolean()
    inherit_cache = True
    name = "told_to"


class _Told(FunctionElement[Any]):
    """A list of told people as the contract shows it: without the keys that stay inside."""

    type = Json()
    inherit_cache = True
    name = "told"


@compiles(_ToldTo, "postgresql")
def _postgresql_told_to(element: _ToldTo, compiler: SQLCompiler, **kw: Any) -> str:
    told, user = (compiler.process(part, **kw) for part in element.clauses)
    return (
        f"EXISTS (SELECT 1 FROM json_array_elements({told}) t WHERE t->>'user_id' = {user}::text)"
    )


@compiles(_ToldTo, "sqlite")
def _sqlite_told_to(element: _ToldTo, compiler: SQLCompiler, **kw: Any) -> str:
    told, user = (compiler.process(part, **kw) for part in element.clauses)
    return (
        f"EXISTS (SELECT 1 FROM json_each({told}) WHERE json_extract(value, '$.user_id') = {user})"
    )


@compiles(_Told, "postgresql")
def _postgresql_told(element: _Told, compiler: SQLCompiler, **kw: Any) -> str:
    kw.pop("within_columns_clause", None)
    told = compiler.process(element.clauses, **kw)
    fields = ", ".join(f"e.value->>'{name}' AS {name}" for name in _TOLD_FIELDS)
    one = f"(SELECT row_to_json(r)::text FROM (SELECT {fields}) r)"
    return (
        f"(SELECT ('[' || coalesce(string_agg({one}, ',' ORDER BY e.n), '') || ']')::json"
        f" FROM json_array_elements({told}) WITH ORDINALITY AS e(value, n))"
    )


@compiles(_Told, "sqlite")
def _sqlite_told(element: _Told, compiler: SQLCompiler, **kw: Any) -> str:
    kw.pop("within_columns_clause", None)
    told = compiler.process(element.clauses, **kw)
    fields = ", ".join(f"'{name}', json_extract(value, '$.{name}')" for name in _TOLD_FIELDS)
    return f"(SELECT json_group_array(json_object({fields})) FROM json_each({told}))"


_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _escalation.public_id),
    ("deadline_id", _deadline.public_id),
    ("level", _escalation.level),
    ("subject_type", _escalation.subject_type),
    ("subject_id", _escalation.subject_public_id),
    ("label", _deadline.label),
    ("customer_id", CUSTOMERS.c.public_id),
    ("owner_id", _user.public_id),
    ("department_id", _department.public_id),
    ("rule", _escalation.rule),
    ("clock", _deadline.clock),
    ("due_at", _escalation.due_at),
    ("fire_at", _escalation.fire_at),
    ("detected_at", _escalation.detected_at),
    ("overtaken", _escalation.overtaken),
    ("told", _Told(_escalation.told)),
)
_SOURCE = (
    Escalation.__table__.join(DeadlineRow.__table__, _deadline.id == _escalation.deadline_id)
    .outerjoin(CUSTOMERS, CUSTOMERS.c.id == _escalation.customer_id)
    .outerjoin(User.__table__, _user.id == _escalation.owner_id)
    .outerjoin(Department.__table__, _department.id == _escalation.department_id)
)
_SORTS: Mapping[str, ColumnElement[Any]] = {"detected_at": _escalation.detected_at}

# The levels of a deadline that fired together are told in one message: their deliveries are one proof.
_together = Escalation.__table__.alias("together")
_told = User.__table__.alias("told_user")
# What a retarget brought about is told in its operation's line to each recipient.
_notified = _together.join(
    Notification.__table__,
    or_(
        _notification.escalation_id == _together.c.id,
        _notification.operation_id == _together.c.operation_id,
    ),
).join(_told, _told.c.id == _notification.user_id)
_SAME_FIRING = (
    _together.c.deadline_id == _escalation.deadline_id,
    _together.c.detected_at == _escalation.detected_at,
    or_(
        _notification.escalation_id == _together.c.id,
        and_(_together.c.overtaken == false(), _ToldTo(_together.c.told, _told.c.public_id)),
    ),
)
# An index leads from the caller to what was told to him; the list then says which of those levels it was.
_NOTIFIED = or_(
    _escalation.deadline_id.in_(
        select(_together.c.deadline_id)
        .join(Notification.__table__, _notification.escalation_id == _together.c.id)
        .where(_notification.user_id == bindparam("told_to"))
        .correlate(None)
    ),
    _escalation.operation_id.in_(
        select(_notification.operation_id)
        .where(
            _notification.user_id == bindparam("told_to"), _notification.operation_id.is_not(None)
        )
        .correlate(None)
    ),
)
_INBOX = json_list(
    select(_notification.id)
    .select_from(_notified)
    .where(*_SAME_FIRING)
    .order_by(_together.c.level, _notification.id),
    [
        ("notification_id", _notification.public_id),
        ("escalation_id", _together.c.public_id),
        ("user_id", _told.c.public_id),
        ("name", _told.c.name),
        ("written_at", _notification.created_at),
        ("deliver_at", _notification.deliver_at),
        ("delivered_at", _notification.delivered_at),
        ("read_at", _notification.read_at),
        ("settled", _notification.settled),
    ],
    Escalation.__table__,
)
_MAILS = json_list(
    select(_mail.id)
    .select_from(_notified.join(Mail.__table__, _mail.notification_id == _notification.id))
    .where(*_SAME_FIRING)
    .order_by(_mail.id),
    [
        ("mail_id", _mail.public_id),
        ("notification_id", _notification.public_id),
        ("user_id", _told.c.public_id),
        ("name", _told.c.name),
        ("written_at", _mail.created_at),
        ("sent_at", _mail.sent_at),
    ],
    Escalation.__table__,
)

ESCALATIONS = Listing(
    name="escalations",
    source=_SOURCE,
    fields=_FIELDS,
    key=_escalation.id,
    sorts=_SORTS,
    filters={
        "deadline_id": _deadline.public_id == bindparam("deadline_id"),
        "level": _escalation.level == bindparam("level"),
        "rule": _escalation.rule == bindparam("rule"),
        "subject_type": _escalation.subject_type == bindparam("subject_type"),
        "subject_id": _escalation.subject_public_id == bindparam("subject_id"),
        "told_to": _NOTIFIED,
        "told_to_id": _ToldTo(_escalation.told, bindparam("told_to_id", type_=Text())),
        "detected_from": _escalation.detected_at >= bindparam("detected_from"),
        "detected_before": _escalation.detected_at < bindparam("detected_before"),
    },
)
ESCALATION = one_statement(
    _SOURCE,
    (*_FIELDS, ("inbox", _INBOX), ("mails", _MAILS)),
    _escalation.public_id == bindparam("public_id"),
)
