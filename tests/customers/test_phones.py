"""Telephone numbers: every spelling of a number is one text, and what cannot be dialled is refused."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.customers.phones import LENGTH_MAX, PhoneInvalid, to_e164
from tests.conftest import SHARED

EXAMPLES = SHARED / "data" / "leads" / "phone-examples.csv"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("(+86)13800138000", "+8613800138000"),
        ("0086 138 0013 8000", "+8613800138000"),
        ("＋８６ １３８－００１３－８０００", "+8613800138000"),
        ("010-12345678", "+861012345678"),
        ("(010) 1234 5678", "+861012345678"),
        ("+86 010 12345678", "+861012345678"),
        ("010—12345678", "+861012345678"),
        ("0755-88888888", "+8675588888888"),
        ("0755-88888888转8001", "+8675588888888;ext=8001"),
        ("0755-88888888 分机：801", "+8675588888888;ext=801"),
        ("0755-88888888 ext. 801", "+8675588888888;ext=801"),
        ("tel:+86-10-1234-5678;ext=12", "+861012345678;ext=12"),
        ("400-810-8888", "+864008108888"),
        ("4008108888", "+864008108888"),
        ("800-810-8888", "+868008108888"),
        ("+852 5123 4567", "+85251234567"),
        ("00852 2123 4567", "+85221234567"),
        ("+853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
        ("852-2123 4567", "+85221234567"),
        ("(852) 5123 4567", "+85251234567"),
        ("85251234567", "+85251234567"),
        ("853 6612 3456", "+85366123456"),
        ("886-2-2345-6789", "+886223456789"),
        ("+886 0912 345 678", "+886912345678"),
        ("+886 (0)2 2345 6789", "+886223456789"),
        ("0755-88888888-801", "+8675588888888;ext=801"),
        ("(010) 12345678-12", "+861012345678;ext=12"),
        ("800 810 8888 转 2", "+868008108888;ext=2"),
        ("+44 (0)20 7031 3000", "+442070313000"),
        ("+1 650 253 0000", "+16502530000"),
    ],
)
def test_a_number_has_one_spelling(text: str, kept: str) -> None:
    assert to_e164(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "88888888",  # a landline without its area code
        "1380013800",  # a digit short
        "138001380001",  # a digit too many
        "13800138000 张先生",
        "13800138000abc",
        "1-800-FLOWERS",
        "13800138000/13900139000",
        "转8001",
        "+852 1234",
        "852-1234",
        "886-0000-0000",
        "13800138000-801-2",
        "110",
        "+8610 12345678 ext.1234567",
        "٠١٣٨٠٠١٣٨٠٠٠",
        "+999 12345678",
        "1" * (LENGTH_MAX + 1),
    ],
)
def test_what_cannot_be_dialled_is_refused(text: str) -> None:
    with pytest.raises(PhoneInvalid):
        to_e164(text)


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the shared data are not here")
def test_all_spellings_of_the_worlds_numbers_are_one() -> None:
    with EXAMPLES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1364
    for row in rows:
        for spelling in ("e164", "international", "national", "rfc3966"):
            if row["expected"] == "valid":
                assert to_e164(row[spelling], row["region"]) == row["e164"]
            else:
                with pytest.raises(PhoneInvalid):
                    to_e164(row[spelling], row["region"])


@given(st.text(alphabet="+0123456789 -()转x.#/１２３張", max_size=40) | st.text(max_size=70))
def test_what_is_kept_is_kept_again_the_same_and_fits_its_column(text: str) -> None:
    try:
        kept = to_e164(text)
    except PhoneInvalid:
        return
    assert to_e164(kept) == kept
    assert len(kept) <= 32
    assert kept.startswith("+")


@given(st.integers(13000000000, 19999999999))
def test_spacing_changes_nothing(number: int) -> None:
    digits = str(number)
    try:
        kept = to_e164(digits)
    except PhoneInvalid:
        kept = None
    for spelling in (
        f"{digits[:3]} {digits[3:7]} {digits[7:]}",
        f"+86{digits}",
        f"0086-{digits[:3]}-{digits[3:]}",
    ):
        if kept is None:
            with pytest.raises(PhoneInvalid):
                to_e164(spelling)
        else:
            assert to_e164(spelling) == kept
