"""What people write in cells, as the API takes it; what cannot be told is given on as it is."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.imports.conversions import (
    to_amount,
    to_birthday,
    to_count,
    to_day,
    to_flag,
    to_instant,
    to_list,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02", "2026/3/2", "2026.3.2", "2026年3月2日", "2026年03月02", "20260302", "2026-03-02 00:00:00", "2026/3/2 9:30",
        "２０２６－０３－０２", " 2026-3-2 ",
    ],
)  # fmt: skip
def test_a_date_is_known_however_it_is_written(text: str) -> None:
    assert to_day(text) == "2026-03-02"


@pytest.mark.parametrize("text", ["3/2/2026", "02.03.26", "明年", "46083", "2026-3", ""])
def test_a_date_that_could_mean_two_days_is_left_alone(text: str) -> None:
    assert to_day(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-03-02", "2026-03-02T00:00:00+08:00"),
        ("2026/3/2 9:30", "2026-03-02T09:30:00+08:00"),
        ("2026年3月2日 9时30分", "2026-03-02T09:30:00+08:00"),
        ("2026-03-02T09:30:00Z", "2026-03-02T09:30:00Z"),
        ("2026-13-02", "2026-13-02"),
        ("2026-03-02 25:00", "2026-03-02 25:00"),
    ],
)
def test_an_instant_is_in_the_deployment_s_zone(text: str, wanted: str) -> None:
    assert to_instant(text, SHANGHAI) == wanted


@pytest.mark.parametrize(
    ("text", "scale", "wanted"),
    [
        ("1200.50", 1, "1200.5"), ("1,200.50", 1, "1200.5"), ("¥1,200", 1, "1200"), ("￥ 1200元", 1, "1200"), ("RMB 12", 1, "12"),
        ("1.2万", 1, "12000"), ("3百万元", 1, "3000000"), ("860", 10_000, "8600000"), ("0.5", 10_000, "5000"), ("1e6", 1, "1000000"),
        ("约十万", 1, "约十万"), ("1,20", 1, "1,20"), ("-5", 1, "-5"), ("nan", 1, "nan"), ("1e999", 1, "1e999"), ("", 1, ""),
        ("0", 10_000, "0"), ("100", 1, "100"),
    ],
)  # fmt: skip
def test_an_amount_is_known_with_its_signs_and_units(text: str, scale: int, wanted: str) -> None:
    assert to_amount(text, scale) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("320", 320),
        ("320人", 320),
        ("1,200 employees", 1200),
        ("320.0", 320),
        ("1.2万", 12000),
        ("100-200", "100-200"),
        ("32.5", "32.5"),
        ("", ""),
    ],
)
def test_a_count_is_whole(text: str, wanted: int | str) -> None:
    assert to_count(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("是", True),
        ("Yes", True),
        ("√", True),
        ("TRUE", True),
        ("1", True),
        ("否", False),
        ("n", False),
        ("FALSE", False),
        ("×", False),
        ("也许", "也许"),
    ],
)
def test_yes_and_no(text: str, wanted: bool | str) -> None:
    assert to_flag(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1985-08-15", {"calendar": "solar", "year": 1985, "month": 8, "day": 15}),
        ("8月15日", {"calendar": "solar", "month": 8, "day": 15}),
        ("农历8月15", {"calendar": "lunar", "month": 8, "day": 15}),
        ("阴历 1985年8月15日", {"calendar": "lunar", "year": 1985, "month": 8, "day": 15}),
        ("中秋", "中秋"),
    ],
)
def test_a_birthday_may_lack_its_year(text: str, wanted: Any) -> None:
    assert to_birthday(text) == wanted


def test_a_list_is_parted_by_every_usual_sign() -> None:
    assert to_list("重点, 华东;老客户、VIP|  ,\n续约") == ["重点", "华东", "老客户", "VIP", "续约"]


@pytest.mark.parametrize("text", ["1" + "0" * 25, "9" * 26, "0." + "1" * 25])
def test_numbers_of_26_digits_are_kept_exactly(text: str) -> None:
    assert to_amount(text) == text


@pytest.mark.parametrize(
    "text", ["1" + "0" * 26, "1" + "0" * 28, "9" * 27, "0." + "1" * 27, "1e40", "1e-40"]
)
def test_longer_numbers_are_left_as_they_are_written(text: str) -> None:
    assert to_amount(text) in {text, f"{Decimal(text):f}"}


@example("1" + "0" * 28)
@given(st.text(alphabet="0123456789.,-+eE万亿千¥ ", max_size=60) | st.text(max_size=40))
def test_no_text_breaks_a_conversion(text: str) -> None:
    conversions: list[Callable[[str], Any]] = [
        to_day, to_amount, to_count, to_flag, to_list, to_birthday, lambda one: to_instant(one, SHANGHAI),
    ]  # fmt: skip
    for convert in conversions:
        convert(text)


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from([1, 1_000, 10_000]))
def test_an_amount_keeps_its_value(number: int, scale: int) -> None:
    assert to_amount(f"{number:,}", scale) == str(number * scale)
