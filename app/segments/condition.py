"""The condition document of a segment: parsed into a tree, or refused with the place and the reason.

`{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}`, or a comparison `{"attribute", "operator", "value"}`. Not here: which
attributes there are (they are given), and how a tree becomes SQL (`compiling`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from uuid import UUID

DEPTH_MAX = 6
COMPARISONS_MAX = 50
VALUES_MAX = 200
TEXT_MAX = 200
DAYS_MAX = 36_500
NUMBER_MAX = 10**15


class Kind(StrEnum):
    """What an attribute holds."""

    TEXT = "text"
    CODE = "code"
    NUMBER = "number"
    FIGURE = "figure"
    AMOUNT = "amount"
    INSTANT = "instant"
    DATE = "date"
    BOOLEAN = "boolean"
    TAGS = "tags"
    REFERENCE = "reference"


class Operator(StrEnum):
    """How an attribute is compared."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    STARTS_WITH = "starts_with"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    WITHIN_DAYS = "within_days"
    OLDER_THAN_DAYS = "older_than_days"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"
    IS_SET = "is_set"


_O = Operator
_ALIKE = (_O.EQ, _O.NE, _O.IN, _O.NOT_IN)
_ORDERED = (_O.LT, _O.LTE, _O.GT, _O.GTE)
_AGO = (_O.WITHIN_DAYS, _O.OLDER_THAN_DAYS)
LISTS = frozenset({_O.IN, _O.NOT_IN, _O.HAS_ANY, _O.HAS_ALL, _O.HAS_NONE})
OPERATORS: Mapping[Kind, Sequence[Operator]] = {
    Kind.TEXT: (*_ALIKE, _O.STARTS_WITH, _O.IS_SET),
    Kind.CODE: (*_ALIKE, _O.IS_SET),
    Kind.NUMBER: (*_ALIKE, *_ORDERED, _O.IS_SET),
    Kind.FIGURE: (_O.EQ, _O.NE, *_ORDERED, _O.IS_SET),
    Kind.AMOUNT: (_O.EQ, _O.NE, *_ORDERED, _O.IS_SET),
    Kind.INSTANT: (*_ORDERED, *_AGO, _O.IS_SET),
    Kind.DATE: (_O.EQ, _O.NE, *_ORDERED, *_AGO, _O.IS_SET),
    Kind.BOOLEAN: (_O.EQ, _O.IS_SET),
    Kind.TAGS: (_O.HAS_ANY, _O.HAS_ALL, _O.HAS_NONE, _O.IS_SET),
    Kind.REFERENCE: (*_ALIKE, _O.IS_SET),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against a value of its kind; a list for the operators of `LISTS`."""

    attribute: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Group:
    """Members that must hold all, or any of them."""

    holds_all: bool
    members: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """What must not hold."""

    member: "Node"


Node = Comparison | Group | Negation


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong place: JSON Pointer within the document, code, values of its words."""

    pointer: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


class ConditionInvalid(ValueError):
    """The document is no condition; `fault` says where and why."""

    def __init__(self, pointer: str, code: str, **values: Any) -> None:
        super().__init__(f"{pointer}: {code}")
        self.fault = Fault(pointer, code, values)


@dataclass(frozen=True, slots=True)
class Term:
    """What an attribute takes: its kind and, of a code, the choices (None: any text)."""

    kind: Kind
    choices: frozenset[str] | None = None


Terms = Callable[[str], Term | None]


def parse(document: Any, terms: Terms) -> Node:
    """Return the tree of a document; raises `ConditionInvalid` for the first wrong place."""
    node = _node(document, "", terms, DEPTH_MAX)
    if sum(1 for _ in comparisons(node)) > COMPARISONS_MAX:
        raise ConditionInvalid("", "condition_too_large", most=COMPARISONS_MAX)
    return node


def comparisons(node: Node) -> Sequence[Comparison]:
    """Return every comparison of a tree, in its order."""
    match node:
        case Comparison():
            return (node,)
        case Negation(member):
            return comparisons(member)
        case Group(_, members):
            return tuple(one for member in members for one in comparisons(member))


def _node(document: Any, at: str, terms: Terms, depth: int) -> Node:
    if depth == 0:
        raise ConditionInvalid(at, "condition_too_deep", most=DEPTH_MAX)
    if not isinstance(document, dict):
        raise ConditionInvalid(at, "condition_malformed")
    match list(document):
        case ["all" | "any" as how]:
            return _group(document[how], how, f"{at}/{how}", terms, depth)
        case ["not"]:
            return Negation(_node(document["not"], f"{at}/not", terms, depth - 1))
    if set(document) != {"attribute", "operator", "value"}:
        raise ConditionInvalid(at, "condition_malformed")
    return _comparison(document, at, terms)


def _group(members: Any, how: str, at: str, terms: Terms, depth: int) -> Group:
    if not isinstance(members, list) or not 1 <= len(members) <= COMPARISONS_MAX:
        raise ConditionInvalid(at, "condition_malformed")
    found = (_node(one, f"{at}/{place}", terms, depth - 1) for place, one in enumerate(members))
    return Group(how == "all", tuple(found))


def _comparison(document: Mapping[str, Any], at: str, terms: Terms) -> Comparison:
    name = document["attribute"]
    term = terms(name) if isinstance(name, str) else None
    if term is None:
        raise ConditionInvalid(f"{at}/attribute", "attribute_unknown")
    possible = OPERATORS[term.kind]
    if document["operator"] not in [one.value for one in possible]:
        names = ", ".join(one.value for one in possible)
        raise ConditionInvalid(f"{at}/operator", "operator_unknown", possible=names)
    operator = Operator(document["operator"])
    return Comparison(name, operator, _value(document["value"], operator, term, f"{at}/value"))


def _value(value: Any, operator: Operator, term: Term, at: str) -> Any:
    if operator is Operator.IS_SET:
        return _of_kind(value, Term(Kind.BOOLEAN), at)
    if operator in _AGO:
        days = _of_kind(value, Term(Kind.NUMBER), at)
        if not 0 <= days <= DAYS_MAX:
            raise ConditionInvalid(at, "value_invalid", kind="days")
        return days
    if operator not in LISTS:
        return _of_kind(value, term, at)
    if not isinstance(value, list) or not 1 <= len(value) <= VALUES_MAX:
        raise ConditionInvalid(at, "value_invalid", kind="list")
    return [_of_kind(one, term, f"{at}/{place}") for place, one in enumerate(value)]


def _of_kind(value: Any, term: Term, at: str) -> Any:
    try:
        read = _READERS[term.kind](value)
    except (TypeError, ValueError, InvalidOperation, OverflowError) as error:
        raise ConditionInvalid(at, "value_invalid", kind=term.kind.value) from error
    if term.choices is not None and read not in term.choices:
        raise ConditionInvalid(at, "choice_unknown", choices=", ".join(sorted(term.choices)))
    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_MAX or "\x00" in value:
        raise ValueError
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > NUMBER_MAX:
        raise ValueError
    return value


def _figure(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    figure = float(value)
    if not abs(figure) <= NUMBER_MAX:  # also of what is no number
        raise ValueError
    return figure


def _amount(value: Any) -> Decimal:
    amount = Decimal(_text(value))
    if not amount.is_finite() or abs(amount) > NUMBER_MAX or amount != round(amount, 2):
        raise ValueError
    return amount


def _instant(value: Any) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError
    return at.astimezone(UTC)


def _date(value: Any) -> date:
    text = _text(value)
    if len(text) != 10:
        raise ValueError
    return date.fromisoformat(text)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _reference(value: Any) -> str:
    return str(UUID(_text(value)))


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.CODE: _text,
    Kind.NUMBER: _number,
    Kind.FIGURE: _figure,
    Kind.AMOUNT: _amount,
    Kind.INSTANT: _instant,
    Kind.DATE: _date,
    Kind.BOOLEAN: _boolean,
    Kind.TAGS: _text,
    Kind.REFERENCE: _reference,
}
