"""Whether a customer meets a condition, said by plain Python over his row: what the SQL is held against."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.segments.condition import OPERATORS, Comparison, Group, Kind, Negation, Node, Operator
from app.time import FAR_END

MOMENT = datetime.fromisoformat("2026-03-02T01:00:00+00:00")
KINDS = {
    "name": Kind.TEXT,
    "industry": Kind.TEXT,
    "headcount": Kind.NUMBER,
    "revenue": Kind.AMOUNT,
    "tier": Kind.CODE,
    "tags": Kind.TAGS,
    "first_contact_at": Kind.INSTANT,
    "expected_cooperation_on": Kind.DATE,
    "ticket_count": Kind.NUMBER,
    "purchase_count_365d": Kind.NUMBER,
    "purchase_amount_365d": Kind.AMOUNT,
    "frequency_band": Kind.CODE,
    "amount_band": Kind.CODE,
}
NAMES = ["华东精密", "华南仪器", "北方重工", "A_b%c", "a_b%c", "O'Neil \\ 公司"]
TAGS = ["重点", "试用", "a,b", 'he said "x"']
DAYS = [0, 1, 9, 10, 11, 300]
VALUES: Mapping[str, list[Any]] = {
    "name": NAMES,
    "industry": ["仪器", "仪表", "化工"],
    "headcount": [0, 9, 10, 11, 100],
    "revenue": ["0.00", "9.99", "10.00", "100", "86000000.00"],
    "tier": ["A", "B", "C"],
    "tags": TAGS,
    "first_contact_at": [(MOMENT - timedelta(days=days)).isoformat() for days in (0, 9, 10)],
    "expected_cooperation_on": [f"{MOMENT.date() - timedelta(days=days)}" for days in (0, 9, 10)],
    "ticket_count": [0, 1, 2],
    "purchase_count_365d": [0, 3, 4, 5],
    "purchase_amount_365d": ["0.00", "9999.99", "10000.00"],
    "frequency_band": ["none", "low", "mid", "high"],
    "amount_band": ["none", "small", "mid", "large"],
}
_O = Operator


def holds(node: Node, row: Mapping[str, Any], now: datetime, today: date) -> bool:
    """Return whether a row meets a condition."""
    match node:
        case Group(holds_all, members):
            found = [holds(one, row, now, today) for one in members]
            return all(found) if holds_all else any(found)
        case Negation(member):
            return not holds(member, row, now, today)
        case Comparison():
            value = row[node.attribute]
            if isinstance(value, list):
                return _tagged(node, value)
            return _compared(node, value, now if isinstance(value, datetime) else today)


def _tagged(node: Comparison, tags: list[str]) -> bool:
    wanted = node.value
    match node.operator:
        case _O.HAS_ANY:
            return any(one in tags for one in wanted)
        case _O.HAS_ALL:
            return all(one in tags for one in wanted)
        case _O.HAS_NONE:
            return not any(one in tags for one in wanted)
        case _:
            return bool(tags) is wanted


def _compared(node: Comparison, value: Any, here: Any) -> bool:
    wanted = node.value
    is_set = value is not None and value != FAR_END
    if node.operator is _O.IS_SET:
        return is_set is wanted
    if node.operator in (_O.NE, _O.NOT_IN, _O.EQ, _O.IN):
        found = is_set and value in (wanted if isinstance(wanted, list) else [wanted])
        return found is (node.operator in (_O.EQ, _O.IN))
    asked: Mapping[Operator, Callable[[], bool]] = {
        _O.WITHIN_DAYS: lambda: value >= here - timedelta(days=wanted),
        _O.OLDER_THAN_DAYS: lambda: value < here - timedelta(days=wanted),
        _O.STARTS_WITH: lambda: value.startswith(wanted),
        _O.LT: lambda: value < wanted,
        _O.LTE: lambda: value <= wanted,
        _O.GT: lambda: value > wanted,
        _O.GTE: lambda: value >= wanted,
    }
    return is_set and asked[node.operator]()


# --- conditions and customers made up


def some_condition(chance: Random, depth: int = 3) -> dict[str, Any]:
    """Return a random document."""
    shape = chance.random()
    if depth > 1 and shape < 0.35:
        how = "all" if shape < 0.2 else "any"
        return {how: [some_condition(chance, depth - 1) for _ in range(chance.randint(1, 3))]}
    if depth > 1 and shape < 0.5:
        return {"not": some_condition(chance, depth - 1)}
    attribute = chance.choice(list(KINDS))
    operator = chance.choice(OPERATORS[KINDS[attribute]])
    value = _value(chance, attribute, operator)
    return {"attribute": attribute, "operator": operator.value, "value": value}


def _value(chance: Random, attribute: str, operator: Operator) -> Any:
    known = VALUES[attribute]
    match operator:
        case _O.IS_SET:
            return chance.random() < 0.5
        case _O.WITHIN_DAYS | _O.OLDER_THAN_DAYS:
            return chance.choice(DAYS)
        case _O.IN | _O.NOT_IN | _O.HAS_ANY | _O.HAS_ALL | _O.HAS_NONE:
            return [chance.choice(known) for _ in range(chance.randint(1, 3))]
        case _O.STARTS_WITH:
            text = chance.choice(known)
            return text[: chance.randint(1, len(text))]
        case _:
            return chance.choice(known)


def some_customer(chance: Random) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the columns of a customer and of his figures, None where he has none."""

    def perhaps(value: Any, otherwise: Any = None) -> Any:
        return value if chance.random() < 0.7 else otherwise

    days = timedelta(days=chance.choice(DAYS))
    customer = {
        "name": chance.choice(NAMES),
        "industry": perhaps(chance.choice(["仪器", "仪表"])),
        "headcount": perhaps(chance.choice([0, 9, 10, 11])),
        "revenue": perhaps(Decimal(chance.choice(["0.00", "9.99", "10.00", "86000000.00"]))),
        "tier": chance.choice("ABC"),
        "tags": perhaps(chance.sample(TAGS, chance.randint(0, 3)), []),
        "first_contact_at": perhaps(MOMENT - days, FAR_END),
        "expected_cooperation_on": perhaps((MOMENT - days).date()),
    }
    amounts = ["0.00", "0.01", "9999.99", "10000.00", "99999.99", "100000.00"]
    figures = {
        "ticket_count": chance.randint(0, 2),
        "purchase_count_365d": chance.choice([0, 3, 4, 11, 12]),
        "purchase_amount_365d": Decimal(chance.choice(amounts)),
    }
    return customer, perhaps(figures)


def bands(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the bands of figures under the shipped bounds."""
    count, amount = figures["purchase_count_365d"], figures["purchase_amount_365d"]
    frequency = [name for least, name in ((12, "high"), (4, "mid"), (1, "low")) if count >= least]
    sizes = ((100_000, "large"), (10_000, "mid"), (Decimal("0.01"), "small"))
    size = [name for least, name in sizes if amount >= least]
    return {"frequency_band": [*frequency, "none"][0], "amount_band": [*size, "none"][0]}
