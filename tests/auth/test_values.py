"""The kinds of values that identity takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.auth.values import Email, Instant, Zone, fold_email

EMAIL: TypeAdapter[str] = TypeAdapter(Email)
INSTANT: TypeAdapter[object] = TypeAdapter(Instant)
ZONE: TypeAdapter[str] = TypeAdapter(Zone)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("li.lei@example.com", "li.lei@example.com"),
        (" Li.Lei@Example.COM ", "li.lei@example.com"),
        ("Admin@Huiying.local", "admin@huiying.local"),
        ("a@b.test", "a@b.test"),
        ("李雷@例子.中国", "李雷@例子.中国"),
        ("a+b@example.com", "a+b@example.com"),
        ("a@intranet", "a@intranet"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert EMAIL.validate_python(typed) == kept
    assert EMAIL.validate_python(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "a", "@example.com", "a@", "a b@example.com", "a@b@c.com", "a@.local", "@huiying.local",
        "a@example..com", "a\r\nBcc: x@example.com", "a@localhost\x00",
        "a@-b.local", "<a@example.com>", "a@127.0.0.1]",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(typed)


@given(st.emails())
def test_an_address_that_is_kept_is_found_as_it_was_typed(address: str) -> None:
    try:
        kept = EMAIL.validate_python(address)
    except ValidationError:
        return
    assert EMAIL.validate_python(kept) == kept
    if address.isascii() and "xn--" not in address.lower():
        assert fold_email(address) == kept


@pytest.mark.parametrize(
    ("typed", "is_taken"),
    [
        ("1900-01-01T00:00:00Z", True),
        ("1899-12-31T23:59:59.999999Z", False),
        ("2199-12-31T23:59:59.999999Z", True),
        ("2200-01-01T00:00:00Z", False),
        ("2200-01-01T00:00:00+00:01", True),
        ("2026-03-02T09:00:00+08:00", True),
        ("2026-03-02T09:00:00", False),
        ("2026-03-02", False),
        ("1772400001", False),
        (1772400000, False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-14:00", False),
    ],
)
def test_which_instants_are_taken(typed: object, is_taken: bool) -> None:
    if is_taken:
        INSTANT.validate_python(typed)
        return
    with pytest.raises(ValidationError):
        INSTANT.validate_python(typed)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "UTC"])
def test_a_zone_is_one_of_ianas(zone: str) -> None:
    assert ZONE.validate_python(zone) == zone


@pytest.mark.parametrize("zone", ["", "asia/shanghai", "GMT+8", "/etc/passwd", "x" * 65])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError):
        ZONE.validate_python(zone)
