"""A condition's tree as SQL: one select on either engine, every value bound, every answer yes or no.

What is absent equals nothing: `ne` and `not_in` hold for it, every other comparison does not, so that `not` is always
the other half.
"""

import operator as python
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, func, literal, not_, or_, select
from sqlalchemy.types import BigInteger, Date, Float, Integer, Text

from app.columns import Money, UtcDateTime
from app.customers.queries import HasTag
from app.fields.queries import CustomNumber, CustomText
from app.fields.service import FieldBook
from app.fields.typed_values import FieldType
from app.segments.attributes import (
    ATTRIBUTES,
    CUSTOM,
    KEY,
    SOURCE,
    STANDS,
    Attribute,
    custom_attribute,
)
from app.segments.condition import Comparison, Group, Kind, Negation, Node, Operator, Term, parse
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
    Kind.FIGURE: Float(),
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

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    days_back: dict[str, tuple[Kind, int, bool]] = field(default_factory=dict)

    def term_of(self, name: str) -> Term | None:
        """Return what an attribute takes; which choices are in use now does not matter."""
        known = self.attributes.get(name)
        return None if known is None else Term(known.term.kind)

    def name(self) -> str:
        return f"value_{len(self.fixed) + len(self.days_back)}"

    def bind(self, attribute: Attribute, value: Any) -> Any:
        name, as_text = self.name(), _is_text(attribute)
        self.fixed[name] = _TEXTS[type(value)](value) if as_text else value
        return bindparam(name, type_=Text() if as_text else _TYPES[attribute.term.kind])

    def bind_days_back(self, attribute: Attribute, days: int) -> Any:
        name, kind, as_text = self.name(), attribute.term.kind, _is_text(attribute)
        self.days_back[name] = (kind, days, as_text)
        return bindparam(name, type_=Text() if as_text else _TYPES[kind])

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
        given = dict(self.parameters.fixed)
        for name, (kind, days, as_text) in self.parameters.days_back.items():
            here = clock.now if kind is Kind.INSTANT else clock.today
            at = here - timedelta(days=days)
            given[name] = at.isoformat() if as_text else at
        return given


def _is_text(attribute: Attribute) -> bool:
    """Whether an attribute's values are compared as the text in which custom values are kept."""
    return isinstance(attribute.column, CustomText) and not isinstance(
        attribute.column, CustomNumber
    )


_TEXTS: Mapping[type, Callable[[Any], str]] = {
    str: str,
    date: date.isoformat,
    bool: lambda value: "true" if value else "false",
}


def compile_document(document: Any, book: FieldBook) -> Compiled:
    """Return the questions about a condition document; raises `ConditionInvalid`.

    Custom fields and choices that are no longer in use are still asked for.
    """
    types = tuple(sorted((key, field["type"]) for key, field in book.fields.items()))
    return _compiled(orjson.dumps(document), types)


@lru_cache(maxsize=512)
def _compiled(document: bytes, types: tuple[tuple[str, str], ...]) -> Compiled:
    parameters = _Parameters(_known(types))
    condition = _condition(parse(orjson.loads(document), parameters.term_of), parameters)
    holds = and_(STANDS, condition)  # who was merged is in no segment
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


@cache
def _known(types: tuple[tuple[str, str], ...]) -> Mapping[str, Attribute]:
    """Return every attribute that a stored condition may be about."""
    words = {"zh": "", "en": ""}
    custom = {f"{CUSTOM}{key}": custom_attribute(key, FieldType(of), words) for key, of in types}
    return {**ATTRIBUTES, **custom}


def _condition(node: Node, parameters: _Parameters) -> ColumnElement[bool]:
    match node:
        case Group(holds_all, members):
            parts = [_condition(one, parameters) for one in members]
            return and_(*parts) if holds_all else or_(*parts)
        case Negation(member):
            return not_(_condition(member, parameters))
        case Comparison():
            return _comparison(parameters.attributes[node.attribute], node, parameters)


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
    if kind in (Kind.AMOUNT, Kind.DATE, Kind.FIGURE, Kind.BOOLEAN):
        return or_(*(column == parameters.bind(attribute, one) for one in values))
    return parameters.any_of(column, values)


def _ordered(
    attribute: Attribute, node: Comparison, parameters: _Parameters
) -> ColumnElement[bool]:
    column = attribute.column
    match node.operator:
        case _O.STARTS_WITH:
            start = parameters.bind(attribute, node.value)
            found: ColumnElement[bool] = func.substr(column, 1, func.length(start)) == start
        case _O.WITHIN_DAYS:
            found = column >= parameters.bind_days_back(attribute, node.value)
        case _O.OLDER_THAN_DAYS:
            found = column < parameters.bind_days_back(attribute, node.value)
        case _:
            found = _ORDER[node.operator](column, parameters.bind(attribute, node.value))
    return found


def _tags(attribute: Attribute, node: Comparison, parameters: _Parameters) -> ColumnElement[bool]:
    if node.operator is _O.IS_SET:
        text = func.coalesce(
            attribute.column.cast(Text()), "[]"
        )  # an emptied custom list is taken out
        return func.length(text) > len("[]") if node.value else func.length(text) <= len("[]")
    holds = attribute.holds or partial(HasTag, attribute.column)
    each: Iterator[ColumnElement[bool]] = (
        holds(parameters.bind(attribute, one)) for one in node.value
    )
    if node.operator is _O.HAS_ALL:
        return and_(*each)
    found = or_(*each)
    return found if node.operator is _O.HAS_ANY else not_(found)
