"""What the API shows of policies and of the clock register. Choosing and reading documents is in `policy`."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select

from app.reading import Listing, one_statement
from app.sla.clock_row import ClockRow
from app.sla.models import PolicyRow, PolicyVersion
from app.sla.register import REGISTER
from app.sla.texts import ANSWERED_BY, OPENS_ON
from app.statements import json_list

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
_SOURCE = PolicyRow.__table__.join(
    PolicyVersion.__table__,
    and_(
        _policy_version.policy_id == _policy.id, _policy_version.number == _policy.current_version
    ),
)
_every = PolicyVersion.__table__.alias("every_version")
_VERSIONS = json_list(
    select(_every.c.id).where(_every.c.policy_id == _policy.id).order_by(_every.c.number.desc()),
    [
        ("number", _every.c.number),
        ("created_at", _every.c.created_at),
        ("document", _every.c.document),
    ],
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
    (*_FIELDS, ("version", _policy.version), ("versions", _VERSIONS)),
    _policy.name == bindparam("name"),
    version=_policy.version,
)


def rules(rule: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
    """Return the register's rows as `RuleRead`, in its order, of one rule or kind of subject if asked."""
    return [
        _rule(row)
        for row in REGISTER
        if rule in (None, row.rule) and subject in (None, row.subject)
    ]


def _rule(row: ClockRow) -> dict[str, Any]:
    target = row.target
    return {
        "rule": row.rule,
        "clock": row.clock,
        "subject": row.subject,
        "title": {"zh": row.title_zh, "en": row.title_en},
        "opens_on": {"zh": OPENS_ON[row.clock], "en": row.opens_on},
        "answered_by": {"zh": ANSWERED_BY[row.clock], "en": row.answered_by},
        "target": None if target is None else {"amount": target.amount, "unit": target.unit.value},
        "calendar": row.calendar,
        "pauses": row.pausable,
        "repeats": row.repeats,
        "source": row.source,
        "house": row.house,
        "shipped_in": list(row.shipped_in),
    }
