"""How many wrong passwords are taken: per account, per address, at once, and when it is over."""

from types import SimpleNamespace
from typing import Any

import pytest
from limits.storage import memory

from app.auth import login_limit
from app.auth.login_limit import LoginFailed, LoginLimit
from app.errors import TooManyRequests, Unavailable
from app.time import from_micros

FAILURES = 3
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Wall:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def time(self) -> float:
        return self.seconds


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    clock = Wall()
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=clock.time))
    monkeypatch.setattr(
        login_limit, "real_now", lambda: from_micros(int(clock.seconds * 1_000_000))
    )
    return clock


@pytest.fixture
def limit(wall: Wall) -> LoginLimit:
    del wall
    return LoginLimit(FAILURES)


def fail(limit: LoginLimit, email: str = "a@example.com", address: str | None = HERE) -> None:
    with pytest.raises(LoginFailed), limit.attempt(email, address):
        raise LoginFailed


def succeed(limit: LoginLimit, email: str = "a@example.com", address: str | None = HERE) -> None:
    with limit.attempt(email, address):
        pass


def refused(limit: LoginLimit, email: str, address: str | None) -> int:
    """Return the seconds that a refused attempt is told to wait."""
    with pytest.raises(TooManyRequests) as caught, limit.attempt(email, address):
        raise AssertionError("was let try")
    assert caught.value.code == "login_limited"
    return int(caught.value.headers["Retry-After"])


def test_the_last_failure_allowed_is_let_try_and_the_next_is_not(limit: LoginLimit) -> None:
    for _ in range(FAILURES):
        fail(limit)
    assert refused(limit, "a@example.com", HERE) == 900


def test_an_account_is_limited_from_wherever_it_is_tried(limit: LoginLimit) -> None:
    for number in range(FAILURES):
        fail(limit, "A@Example.com ", f"192.0.2.{number + 10}")
    refused(limit, "a@example.com", THERE)
    succeed(limit, "b@example.com", THERE)


def test_an_address_is_limited_whomever_it_tries(limit: LoginLimit) -> None:
    for number in range(FAILURES):
        fail(limit, f"{number}@example.com", HERE)
    refused(limit, "z@example.com", HERE)
    succeed(limit, "z@example.com", THERE)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, None, True),
        ("a unix socket", "another", False),
    ],
)
def test_which_addresses_count_as_one(
    limit: LoginLimit, one: str | None, other: str | None, is_same: bool
) -> None:
    for number in range(FAILURES):
        fail(limit, f"{number}@example.com", one)
    if is_same:
        refused(limit, "z@example.com", other)
    else:
        succeed(limit, "z@example.com", other)


def test_a_right_password_forgets_the_accounts_failures_not_the_addresss(
    limit: LoginLimit,
) -> None:
    for _ in range(FAILURES - 1):
        fail(limit)
    succeed(limit)
    fail(limit)
    refused(limit, "z@example.com", HERE)
    succeed(limit, "a@example.com", THERE)


def test_a_quarter_of_an_hour_after_the_first_failure_it_is_over(
    limit: LoginLimit, wall: Wall
) -> None:
    fail(limit)
    wall.seconds += 600
    fail(limit)
    fail(limit)
    assert refused(limit, "a@example.com", HERE) == 300
    wall.seconds += 299.5
    assert refused(limit, "a@example.com", HERE) == 1
    wall.seconds += 0.5
    succeed(limit)


def test_many_at_once_are_no_way_round(limit: LoginLimit) -> None:
    running: list[Any] = [limit.attempt("a@example.com", HERE) for _ in range(FAILURES)]
    for attempt in running:
        attempt.__enter__()
    assert refused(limit, "a@example.com", HERE) == 1
    for attempt in running:
        attempt.__exit__(None, None, None)
    succeed(limit)


def test_what_is_no_wrong_password_is_no_failure(limit: LoginLimit) -> None:
    for _ in range(FAILURES):
        with pytest.raises(Unavailable), limit.attempt("a@example.com", HERE):
            raise Unavailable
    succeed(limit)
    assert not limit._in_flight


def test_a_refusal_says_the_limit_in_its_headers(limit: LoginLimit) -> None:
    for _ in range(FAILURES):
        fail(limit)
    with pytest.raises(TooManyRequests) as caught, limit.attempt("a@example.com", HERE):
        pass
    assert caught.value.headers == {
        "Retry-After": "900",
        "RateLimit-Policy": '"login";q=3;w=900',
        "RateLimit": '"login";r=0;t=900',
    }
