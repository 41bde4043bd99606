"""Passwords: the rules at their boundaries, equal cost for the unknown user, hashes that age."""

import time
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth import passwords
from app.auth.passwords import (
    PasswordFault,
    check_password,
    dummy_verify,
    generate_password,
    hash_password,
    needs_rehash,
    verify_password,
)

EMAIL = "Lin.Yue@chengxi.example"
GOOD = "correct horse battery"


def test_the_right_password_is_verified_and_a_wrong_one_is_not() -> None:
    stored = hash_password(GOOD)
    assert verify_password(stored, GOOD)
    assert not verify_password(stored, GOOD + " ")
    assert not verify_password(stored, "")


def test_the_hash_is_argon2id_at_todays_cost_and_salted() -> None:
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first != second
    parameters = extract_parameters(first)
    assert first.startswith("$argon2id$v=19$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert GOOD not in first


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$v=19$broken"])
def test_no_readable_hash_is_never_a_right_password(stored: str | None) -> None:
    assert not verify_password(stored, GOOD)
    assert not verify_password(stored, "the password of nobody")


@pytest.mark.parametrize("stored", [None, "", "$argon2id$v=19$broken"])
def test_an_unknown_user_costs_one_hash_like_a_wrong_password(stored: str | None) -> None:
    with patch.object(passwords, "dummy_verify", wraps=dummy_verify) as dummy:
        verify_password(stored, GOOD)
    assert dummy.call_count == 1


def test_an_unknown_user_costs_about_the_time_of_a_wrong_password() -> None:
    stored = hash_password(GOOD)
    dummy_verify()
    # The quickest of several is what the work costs; the rest is the machine's noise.
    pairs = [(_seconds_of(stored), _seconds_of(None)) for _ in range(7)]
    wrong, unknown = (min(column) for column in zip(*pairs, strict=True))
    assert 0.5 < unknown / wrong < 2


def _seconds_of(stored: str | None) -> float:
    start = time.perf_counter()
    assert not verify_password(stored, "wrong password")
    return time.perf_counter() - start


def test_an_endless_password_is_wrong_at_the_cost_of_a_short_one() -> None:
    with patch.object(passwords, "dummy_verify", wraps=dummy_verify) as dummy:
        assert not verify_password(hash_password(GOOD), "x" * 1_000_000)
    assert dummy.call_count == 1


def test_the_longest_password_that_the_rules_allow_can_log_in() -> None:
    longest = "0123456789abcdef" * 8
    assert check_password(longest, email=EMAIL) == ()
    assert verify_password(hash_password(longest), longest)


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=40))
def test_any_text_can_be_hashed_and_verified(text: str) -> None:
    assert verify_password(hash_password(text), text)


def test_a_lone_surrogate_and_a_nul_are_wrong_and_raise_nothing() -> None:
    stored = hash_password("0123456789")
    assert not verify_password(stored, "\ud800123456789")
    assert not verify_password(stored, "0123456789\x00")
    assert not verify_password(hash_password("abc\x00def"), "abc")


def test_full_width_letters_are_the_same_password() -> None:
    assert verify_password(hash_password("ＡＢＣ１２３你好世界"), "ABC123你好世界")


def test_a_hash_of_other_parameters_is_to_be_renewed_and_still_verifies() -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    assert verify_password(old, GOOD)
    assert needs_rehash(old)
    assert not needs_rehash(hash_password(GOOD))
    assert needs_rehash("no hash at all")


@pytest.mark.parametrize(
    ("password", "faults"),
    [
        ("k7#mQ2!xw", (PasswordFault.TOO_SHORT,)),
        ("k7#mQ2!xwZ", ()),
        ("一二三四五六七八九", (PasswordFault.TOO_SHORT,)),
        ("一二三四五六七八九十", ()),
        ("k7#mQ2!x" * 16, ()),
        ("k7#mQ2!x" * 16 + "k", (PasswordFault.TOO_LONG,)),
        ("", (PasswordFault.TOO_SHORT, PasswordFault.TOO_UNIFORM)),
        ("1111111111", (PasswordFault.TOO_UNIFORM,)),
        ("abcdabcdabcd", (PasswordFault.TOO_UNIFORM,)),
        ("abcdeabcde12", ()),
        ("Aaaaaaaaaaaa", (PasswordFault.TOO_UNIFORM,)),
        ("1234567890", (PasswordFault.TOO_COMMON,)),
        ("PassWord123", (PasswordFault.TOO_COMMON,)),
        ("１２３４５６７８９０", (PasswordFault.TOO_COMMON,)),
        ("woaini1314", (PasswordFault.TOO_COMMON,)),
        ("lin.yue@chengxi.example", (PasswordFault.IS_EMAIL,)),
        ("LIN.YUE@CHENGXI.EXAMPLE", (PasswordFault.IS_EMAIL,)),
        ("lin.yue@chengxi.example1", ()),
    ],
)
def test_a_new_password_is_held_to_the_rules(
    password: str, faults: tuple[PasswordFault, ...]
) -> None:
    assert check_password(password, email=EMAIL) == faults


def test_the_part_before_the_at_sign_is_no_password() -> None:
    faults = check_password("Alexander.Wang", email="alexander.wang@chengxi.example")
    assert faults == (PasswordFault.IS_EMAIL,)


def test_every_common_password_listed_would_pass_the_other_rules() -> None:
    # A shorter entry could never be reached: the list would look longer than it is.
    for common in passwords._COMMON:
        assert check_password(common, email=EMAIL) == (PasswordFault.TOO_COMMON,)


def test_a_generated_password_passes_the_rules_and_never_repeats() -> None:
    generated = {generate_password() for _ in range(100)}
    assert len(generated) == 100
    for password in generated:
        assert check_password(password, email=EMAIL) == ()
        assert [len(group) for group in password.split("-")] == [5, 5, 5, 5]
        assert not set(password) & set("0oO1lIi")
