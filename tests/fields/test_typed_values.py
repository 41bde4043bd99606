"""What values a custom field takes: every type's form, and that a kept value is kept again the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fields.typed_values import FieldType, ValueInvalid, read_asked, to_value

T = FieldType
CHOICES = frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (T.TEXT, "  三甲 ", "三甲"),
        (T.NUMBER, 3.0, 3),
        (T.NUMBER, -2.5, -2.5),
        (T.NUMBER, 10**15 - 1, 10**15 - 1),
        (T.DATE, "2024-02-29", "2024-02-29"),
        (T.CHOICE, "a", "a"),
        (T.MULTI_CHOICE, ["b", "a", "b"], ["b", "a"]),
        (T.BOOLEAN, False, False),
    ],
)
def test_a_value_has_one_form(kind: FieldType, value: Any, kept: Any) -> None:
    found = to_value(kind, value, CHOICES)
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (T.TEXT, 1, "string_type"),
        (T.TEXT, " ", "string_too_short"),
        (T.TEXT, "长" * 1001, "string_too_long"),
        (T.TEXT, "a\x00", "not_text"),
        (T.NUMBER, True, "number_invalid"),
        (T.NUMBER, "3", "number_invalid"),
        (T.NUMBER, float("inf"), "number_invalid"),
        (T.NUMBER, 10**15, "number_invalid"),
        (T.DATE, "2023-02-29", "date_invalid"),
        (T.DATE, "2023-2-9", "date_invalid"),
        (T.DATE, 20230209, "date_invalid"),
        (T.CHOICE, "c", "not_in_list"),
        (T.CHOICE, ["a"], "string_type"),
        (T.MULTI_CHOICE, "a", "list_type"),
        (T.MULTI_CHOICE, ["a", "c"], "not_in_list"),
        (T.MULTI_CHOICE, ["a"] * 101, "too_long"),
        (T.BOOLEAN, 1, "bool_type"),
        (T.BOOLEAN, "true", "bool_type"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused(kind: FieldType, value: Any, code: str) -> None:
    with pytest.raises(ValueInvalid) as refused:
        to_value(kind, value, CHOICES)
    assert refused.value.code == code


def test_an_open_list_takes_any_text() -> None:
    assert to_value(T.CHOICE, " 别的 ", None) == "别的"


@given(
    st.sampled_from(FieldType), st.none() | st.booleans() | st.integers() | st.floats() | st.text()
)
def test_a_kept_value_is_kept_again_the_same(kind: FieldType, value: Any) -> None:
    try:
        kept = to_value(kind, value, None)
    except ValueInvalid:
        return
    assert to_value(kind, kept, None) == kept


@given(st.sampled_from(FieldType), st.text())
def test_any_text_can_be_asked_for_or_is_refused(kind: FieldType, text: str) -> None:
    try:
        read_asked(kind, text)
    except ValueInvalid:
        return
