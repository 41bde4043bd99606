"""A condition's tree as SQL: one select on either engine, every value bound, every answer yes or no.

What is absent equals nothing: `ne` and `not_in` hold for it, every other comparison does not, so that `not` is always
the other half.
"""

import operator as python
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, func, literal, not_, or_, select
from sqlalchemy.types import BigInteger, Date, Integer, Text

from app.columns import Money, UtcDateTime
from app.customers.queries import HasTag
from app.segments.attributes import ATTRIBUTES, KEY, SOURCE, Attribute, term_of
from app.segments.condition import Comparison, Group, Kind, Negation, Node, Operator, parse
from app.segments.models import SegmentMember
from app.statements import Statement, any_of
from app.time import FAR_END

_member = SegmentMember.__table__.c
_INSIDE = _member.left_at == literal(FAR_END, UtcDateTime())
_O = Operator
_ORDER: Mapping[Operator, Callable[[Any, Any], Any]] = {
    _O.LT: python.lt, _O.LTE: python.le, _O.GT: python.gt, _O.GTE: python.ge,
}  # fmt: skip
_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: Text(),
    Kind.CODE: Text(),
    Kind.NUMBER: BigInteger(),
    Kind.AMOUNT: Money(),
    Kind.INSTANT: UtcDateTime(),
    Kind.DATE: Date(),
    Kind.TAGS: Text(),
}


@dataclass(frozen=True, slots=True)
class Clock:
    """The instant of an evaluation, and the date it has where the deployment works."""

    now: datetime
    today: date


@dataclass(slots=True)
class _Parameters:
    """Values by the names of their parameters; those that lie so many days back are known when the clock is."""

    fixed: dict[str, Any] = field(default_factory=dict)
    days_back: dict[str, tuple[Kind, int]] = field(default_factory=dict)

    def name(self) -> str:
        return f"value_{len(self.fixed) + len(self.days_back)}"

    def bind(self, value: Any, kind: Kind) -> Any:
        name = self.name()
        self.fixed[name] = value
        return bindparam(name, type_=_TYPES[kind])

    def bind_days_back(self, days: int, kind: Kind) -> Any:
        name = self.name()
        self.days_back[name] = (kind, days)
        return bindparam(name, type_=_TYPES[kind])

    def any_of(self, column: Any, values: Any) -> ColumnElement[bool]:
        name = self.name()
        self.fixed[name] = list(values)
        return any_of(column, name)


@dataclass(frozen=True, eq=False, slots=True)
class Compiled:
    """The questions about one condition. `entering` and `leaving` are pages by the customer's key; `_of` name `keys`."""

    count: Statement
    entering: Statement
    leaving: Statement
    entering_of: Statement
    leaving_of: Statement
    parameters: _Parameters

    def given(self, clock: Clock) -> dict[str, Any]:
        """Return the condition's parameters as of an instant."""
        back = {
            name: clock.now - timedelta(days=days)
            if kind is Kind.INSTANT
            else clock.today - timedelta(days=days)
            for name, (kind, days) in self.parameters.days_back.items()
        }
        return {**self.parameters.fixed, **back}


def compile_document(document: Any) -> Compiled:
    """Return the questions about a condition document; raises `ConditionInvalid`."""
    return _compiled(orjson.dumps(document))


@lru_cache(maxsize=512)
def _compiled(document: bytes) -> Compiled:
    parameters = _Parameters()
    holds = _condition(parse(orjson.loads(document), term_of), parameters)
    segment = bindparam("segment_key", type_=BigInteger())
    after = bindparam("after", type_=BigInteger())
    size = bindparam("page_size", type_=Integer())
    inside = select(_member.id).where(
        _member.segment_id == segment, _member.customer_id == KEY, _INSIDE
    )
    entering = select(KEY.label("customer_id")).select_from(SOURCE)
    entering = entering.where(holds, ~inside.exists()).order_by(KEY)
    leaving = (
        select(_member.id, _member.customer_id)
        .select_from(SegmentMember.__table__.join(SOURCE, _member.customer_id == KEY))
        .where(_member.segment_id == segment, _INSIDE, not_(holds))
        .order_by(_member.customer_id)
    )
    return Compiled(
        Statement(select(func.count()).select_from(SOURCE).where(holds)),
        Statement(entering.where(after < KEY).limit(size)),
        Statement(leaving.where(_member.customer_id > after).limit(size)),
        Statement(entering.where(any_of(KEY, "keys"))),
        Statement(leaving.where(any_of(_member.customer_id, "keys"))),
        parameters,
    )


def _condition(node: Node, parameters: _Parameters) -> ColumnElement[bool]:
    match node:
        case Group(holds_all, members):
            parts = [_condition(one, parameters) for one in members]
            return and_(*parts) if holds_all else or_(*parts)
        case Negation(member):
            return not_(_condition(member, parameters))
        case Comparison():
            return _comparison(ATTRIBUTES[node.attribute], node, parameters)


def _comparison(
    attribute: Attribute, node: Comparison, parameters: _Parameters
) -> ColumnElement[bool]:
    kind = attribute.term.kind
    if kind is Kind.TAGS:
        return _tags(attribute, node, parameters)
    is_set = _is_set(attribute)
    if node.operator is _O.IS_SET:
        return is_set if node.value else not_(is_set)
    if node.operator in (_O.EQ, _O.IN, _O.NE, _O.NOT_IN):
        found = and_(is_set, _equals(attribute, node, parameters))
        return found if node.operator in (_O.EQ, _O.IN) else not_(found)
    return and_(is_set, _ordered(attribute, node, parameters))


def _is_set(attribute: Attribute) -> ColumnElement[bool]:
    if attribute.term.kind is Kind.INSTANT:
        return attribute.column < literal(FAR_END, UtcDateTime())
    return attribute.column.is_not(None)


def _equals(attribute: Attribute, node: Comparison, parameters: _Parameters) -> ColumnElement[bool]:
    kind, column = attribute.term.kind, attribute.column
    values = node.value if isinstance(node.value, list) else [node.value]
    if attribute.refers_to is not None:
        table = attribute.refers_to.__table__.alias()
        asked = select(table.c.id).where(parameters.any_of(table.c.public_id, values))
        return column.in_(asked)
    if kind in (Kind.AMOUNT, Kind.DATE):
        return or_(*(column == parameters.bind(one, kind) for one in values))
    return parameters.any_of(column, values)


def _ordered(
    attribute: Attribute, node: Comparison, parameters: _Parameters
) -> ColumnElement[bool]:
    kind, column = attribute.term.kind, attribute.column
    match node.operator:
        case _O.STARTS_WITH:
            start = parameters.bind(node.value, kind)
            found: ColumnElement[bool] = func.substr(column, 1, func.length(start)) == start
        case _O.WITHIN_DAYS:
            found = column >= parameters.bind_days_back(node.value, kind)
        case _O.OLDER_THAN_DAYS:
            found = column < parameters.bind_days_back(node.value, kind)
        case _:
            found = _ORDER[node.operator](column, parameters.bind(node.value, kind))
    return found


def _tags(attribute: Attribute, node: Comparison, parameters: _Parameters) -> ColumnElement[bool]:
    if node.operator is _O.IS_SET:
        is_empty = func.length(attribute.column.cast(Text())) <= len("[]")
        return not_(is_empty) if node.value else is_empty
    each: Iterator[ColumnElement[bool]] = (
        HasTag(attribute.column, parameters.bind(one, Kind.TAGS)) for one in node.value
    )
    if node.operator is _O.HAS_ALL:
        return and_(*each)
    found = or_(*each)
    return found if node.operator is _O.HAS_ANY else not_(found)
