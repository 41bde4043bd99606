"""Condition documents: what is one, and where and why what is none is refused."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.segments.attributes import ATTRIBUTES
from app.segments.condition import (
    COMPARISONS_MAX,
    DEPTH_MAX,
    OPERATORS,
    Comparison,
    ConditionInvalid,
    Group,
    Kind,
    Negation,
    Operator,
    comparisons,
    parse,
)

TERMS = {name: one.term for name, one in ATTRIBUTES.items()}
TIER: dict[str, Any] = {"attribute": "tier", "operator": "eq", "value": "A"}


def compared(attribute: Any, operator: Any, value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value}


def nested(depth: int) -> dict[str, Any]:
    """Return a comparison within so many negations."""
    return TIER if depth == 0 else {"not": nested(depth - 1)}


def test_a_document_becomes_a_tree() -> None:
    document = {"all": [TIER, {"not": {"any": [compared("headcount", "gte", 100)]}}]}
    tier = Comparison("tier", Operator.EQ, "A")
    headcount = Comparison("headcount", Operator.GTE, 100)
    tree = parse(document, TERMS.get)
    assert tree == Group(True, (tier, Negation(Group(False, (headcount,)))))
    assert comparisons(tree) == (tier, headcount)


@pytest.mark.parametrize(
    ("comparison", "value"),
    [
        (compared("revenue", "lt", "1200.50"), Decimal("1200.50")),
        (
            compared("created_at", "lt", "2026-03-02T09:00:00+08:00"),
            datetime(2026, 3, 2, 1, tzinfo=UTC),
        ),
        (compared("last_seen_at", "within_days", 0), 0),
        (compared("tags", "has_any", ["重点"]), ["重点"]),
        (compared("industry", "is_set", False), False),
    ],
)
def test_values_are_read_by_their_kind(comparison: dict[str, Any], value: Any) -> None:
    node = parse(comparison, TERMS.get)
    assert isinstance(node, Comparison)
    assert node.value == value


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (None, "", "condition_malformed"),
        ([], "", "condition_malformed"),
        ({}, "", "condition_malformed"),
        ({"all": []}, "/all", "condition_malformed"),
        ({"all": TIER}, "/all", "condition_malformed"),
        ({"all": [TIER], "any": [TIER]}, "", "condition_malformed"),
        ({"all": [TIER, {"or": []}]}, "/all/1", "condition_malformed"),
        ({**TIER, "more": 1}, "", "condition_malformed"),
        ({"not": [TIER]}, "/not", "condition_malformed"),
        (nested(DEPTH_MAX), "/not" * DEPTH_MAX, "condition_too_deep"),
        ({"any": [{"all": [TIER] * COMPARISONS_MAX}, TIER]}, "", "condition_too_large"),
        (compared("phone", "eq", "1"), "/attribute", "attribute_unknown"),
        (compared([], "eq", "1"), "/attribute", "attribute_unknown"),
        (compared("tier", "gt", "A"), "/operator", "operator_unknown"),
        (compared("tier", [], "A"), "/operator", "operator_unknown"),
        (compared("tier", "eq", "D"), "/value", "choice_unknown"),
        (compared("tier", "in", "A"), "/value", "value_invalid"),
        (compared("tier", "in", []), "/value", "value_invalid"),
        (compared("tier", "in", ["A", 1]), "/value/1", "value_invalid"),
        (compared("headcount", "eq", True), "/value", "value_invalid"),
        (compared("headcount", "eq", 1.5), "/value", "value_invalid"),
        (compared("headcount", "eq", 10**30), "/value", "value_invalid"),
        (compared("revenue", "eq", "NaN"), "/value", "value_invalid"),
        (compared("revenue", "eq", "1.005"), "/value", "value_invalid"),
        (compared("revenue", "eq", 5), "/value", "value_invalid"),
        (compared("created_at", "lt", "2026-03-02T09:00:00"), "/value", "value_invalid"),
        (compared("created_at", "lt", "0001-01-01T00:00:00+14:00"), "/value", "value_invalid"),
        (compared("expected_cooperation_on", "lt", "20260302"), "/value", "value_invalid"),
        (compared("last_seen_at", "within_days", -1), "/value", "value_invalid"),
        (compared("last_seen_at", "within_days", 10**6), "/value", "value_invalid"),
        (compared("owner_id", "eq", "me"), "/value", "value_invalid"),
        (compared("industry", "is_set", "yes"), "/value", "value_invalid"),
        (compared("name", "eq", "a\x00"), "/value", "value_invalid"),
        (compared("name", "eq", "x" * 201), "/value", "value_invalid"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_wrong(
    document: Any, pointer: str, code: str
) -> None:
    with pytest.raises(ConditionInvalid) as refused:
        parse(document, TERMS.get)
    assert (refused.value.fault.pointer, refused.value.fault.code) == (pointer, code)


def test_as_deep_and_as_large_as_allowed_is_a_condition() -> None:
    parse(nested(DEPTH_MAX - 1), TERMS.get)
    parse({"all": [TIER] * COMPARISONS_MAX}, TERMS.get)


def test_every_kind_has_operators_and_every_attribute_words() -> None:
    assert set(OPERATORS) == set(Kind)
    for attribute in ATTRIBUTES.values():
        assert attribute.zh
        assert attribute.en
