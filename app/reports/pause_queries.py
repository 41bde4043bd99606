"""What the report of pauses asks of the facts: the waits that began in a period, and names for what they hold."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from app.auth.models import Department, User
from app.columns import UtcDateTime
from app.reading import Listing
from app.sla.models import FactRow, Subject
from app.statements import Statement, any_of

_fact, _subject = FactRow.__table__.c, Subject.__table__.c
_user, _department = User.__table__.c, Department.__table__.c


class JsonText(FunctionElement[str]):
    """A text out of a JSON object, by its name; null where there is none."""

    type = Text()
    inherit_cache = False
    name = "json_text"

    def __init__(self, document: Any, field: str) -> None:
        self.field = field
        super().__init__(document)


@compiles(JsonText, "postgresql")
def _postgresql_json_text(element: JsonText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} ->> '{element.field}')"


@compiles(JsonText, "sqlite")
def _sqlite_json_text(element: JsonText, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **kw)}, '$.{element.field}')"


# Spelled as the partial index is, so that it serves on both engines.
_IS_WAIT = _fact.kind == literal_column("'waiting'")
_SOURCE = FactRow.__table__.join(Subject.__table__, _subject.id == _fact.subject_key).outerjoin(
    Department.__table__, _department.id == _subject.department_id
)
# The department that had the ticket when the wait began; a fact that does not say it leaves the present one.
_TEAM: ColumnElement[Any] = func.coalesce(
    JsonText(_fact.data, "department_id"), cast(_department.public_id, Text)
)
_REASON = JsonText(_fact.data, "reason")
_FIELDS: tuple[tuple[str, ColumnElement[Any]], ...] = (
    ("subject_key", _fact.subject_key),
    ("sequence", _fact.sequence),
    ("started_at", _fact.occurred_at),
    ("actor_id", _fact.actor_id),
    ("team_id", _TEAM),
    ("reason", _REASON),
    ("approved_by", JsonText(_fact.data, "approved_by")),
)
_FILTERS: dict[str, ColumnElement[bool]] = {
    "begins_at": _fact.occurred_at >= bindparam("begins_at", type_=UtcDateTime()),
    "ends_at": _fact.occurred_at < bindparam("ends_at", type_=UtcDateTime()),
    "person": _fact.actor_id == bindparam("person", type_=BigInteger()),
    "departments": any_of(_TEAM, "departments"),
    "team": bindparam("team", type_=Text()) == _TEAM,
    "reason": any_of(_REASON, "spellings"),
}


@lru_cache(maxsize=64)
def waits(filters: tuple[str, ...]) -> Statement:
    """Return the statement of the waits that begin in a period, oldest first, `wait_limit` at most."""
    return Statement(
        select(*(column.label(name) for name, column in _FIELDS))
        .select_from(_SOURCE)
        .where(_IS_WAIT, *(_FILTERS[name] for name in filters))
        .order_by(_fact.occurred_at, _fact.id)
        .limit(bindparam("wait_limit", type_=BigInteger()))
    )


@lru_cache(maxsize=64)
def reasons(filters: tuple[str, ...]) -> Statement:
    """Return the statement of the reasons as they were written in a period, `wait_limit` at most."""
    return Statement(
        select(_REASON.label("reason"))
        .select_from(_SOURCE)
        .where(_IS_WAIT, *(_FILTERS[name] for name in filters))
        .distinct()
        .limit(bindparam("wait_limit", type_=BigInteger()))
    )


ROWS = Listing(
    name="pauses",
    source=_SOURCE,
    fields=(
        ("ticket_id", _subject.subject_public_id),
        ("ticket", _subject.label),
        *_FIELDS,
    ),
    key=_fact.id,
    sorts={"started_at": _fact.occurred_at},
    filters=_FILTERS,
    always=(_IS_WAIT,),
)

USERS_BY_ID = Statement(
    select(_user.public_id, _user.name).where(any_of(_user.public_id, "public_ids"))
)
DEPARTMENTS_BY_ID = Statement(
    select(_department.public_id, _department.name).where(
        any_of(_department.public_id, "public_ids")
    )
)
