"""What the API shows of policies and of the clock register. Choosing and reading documents is in `policy`."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select

from app.auth.models import Department, User
from app.operations.models import OperationRow
from app.reading import Listing, one_statement
from app.sla.engine.clock_row import ClockRow
from app.sla.engine.register import REGISTER
from app.sla.models import Move, OwnRule, PolicyRow, PolicyVersion
from app.sla.texts import answered_by, opens_on
from app.statements import json_list, json_row

_policy = PolicyRow.__table__.c
_policy_version = PolicyVersion.__table__.c

_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("id", _policy.public_id),
    ("name", _policy.name),
    ("title", _policy.title),
    ("position", _policy.position),
    ("is_active", _policy.is_active),
    ("current_version", _policy.current_version),
    ("created_at", _policy.created_at),
    ("document", _policy_version.document),
)
_SOURCE = PolicyRow.__table__.outerjoin(
    PolicyVersion.__table__,
    and_(
        _policy_version.policy_id == _policy.id, _policy_version.number == _policy.current_version
    ),
)
_every = PolicyVersion.__table__.alias("every_version")
_publisher = User.__table__.alias("publisher")
_VERSION_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("number", _every.c.number),
    ("created_at", _every.c.created_at),
    ("document", _every.c.document),
    ("mode", _every.c.mode),
    ("published_by", _publisher.c.public_id),
)
_EVERY_SOURCE = _every.outerjoin(_publisher, _publisher.c.id == _every.c.published_by)
_VERSIONS = json_list(
    select(_every.c.id)
    .select_from(_EVERY_SOURCE)
    .where(_every.c.policy_id == _policy.id)
    .order_by(_every.c.number.desc()),
    _VERSION_FIELDS,
    PolicyRow.__table__,
)
POLICIES = Listing(
    name="policies",
    source=_SOURCE,
    fields=_FIELDS,
    key=_policy.id,
    sorts={"position": _policy.position},
)
POLICY = one_statement(
    _SOURCE,
    (*_FIELDS, ("version", _policy.version), ("draft", _policy.draft), ("versions", _VERSIONS)),
    _policy.name == bindparam("name"),
    version=_policy.version,
)
VERSION = one_statement(
    _EVERY_SOURCE.join(PolicyRow.__table__, _policy.id == _every.c.policy_id),
    _VERSION_FIELDS,
    _policy.name == bindparam("name"),
    _every.c.number == bindparam("number"),
)

_move = Move.__table__.c
MOVES = Listing(
    name="moves",
    source=Move.__table__.join(OperationRow.__table__, OperationRow.id == _move.operation_id),
    fields=(
        ("subject_type", _move.subject_type),
        ("subject_id", _move.subject_public_id),
        ("label", _move.label),
        ("clock", _move.clock),
        ("rule", _move.rule),
        ("change", _move.change),
        ("state_before", _move.state_before),
        ("due_before", _move.due_before),
        ("due_after", _move.due_after),
        ("late", _move.late),
    ),
    key=_move.id,
    sorts={"id": _move.id, "due_after": _move.due_after},
    filters={
        "change": _move.change == bindparam("change"),
        "clock": _move.clock == bindparam("clock"),
        "late": _move.late == bindparam("late"),
        "in_time": _move.late != bindparam("in_time"),
    },
    always=(OperationRow.__table__.c.public_id == bindparam("operation_id"),),
)


_own = OwnRule.__table__.c
_ANSWERING = Department.__table__
OWN_RULE = one_statement(
    OwnRule.__table__.outerjoin(_ANSWERING, _ANSWERING.c.id == _own.answers_department_id),
    (
        ("id", _own.public_id),
        ("clock", _own.clock),
        ("rule", _own.rule),
        ("title", _own.title),
        ("opens_on", _own.opens_on),
        ("answered_by", _own.answered_by),
        ("target", json_row((("amount", _own.target_amount), ("unit", _own.target_unit)))),
        ("calendar", _own.calendar),
        ("answers_department_id", _ANSWERING.c.public_id),
        ("is_active", _own.is_active),
        ("version", _own.version),
    ),
    _own.clock == bindparam("clock"),
    version=_own.version,
)


def rules(
    added: Iterable[ClockRow], rule: str | None = None, subject: str | None = None
) -> list[dict[str, Any]]:
    """Return the register's rows and those `added` as `RuleRead`, in order, of one rule or kind of subject if asked."""
    return [
        _rule(row)
        for row in (*REGISTER, *added)
        if rule in (None, row.rule) and subject in (None, row.subject)
    ]


def _rule(row: ClockRow) -> dict[str, Any]:
    target = row.target
    return {
        "rule": row.rule,
        "clock": row.clock,
        "subject": row.subject,
        "title": {"zh": row.title_zh, "en": row.title_en},
        "opens_on": opens_on(row),
        "answered_by": answered_by(row),
        "target": None if target is None else {"amount": target.amount, "unit": target.unit.value},
        "calendar": row.calendar,
        "pauses": row.pausable,
        "repeats": row.repeats,
        "source": row.source,
        "house": row.house,
        "shipped_in": list(row.shipped_in),
    }
