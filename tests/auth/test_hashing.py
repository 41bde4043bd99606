"""Hashing off the event loop: at most a few at once, a bounded queue, nothing lost by who leaves."""

import asyncio
from collections.abc import Iterator
from threading import Event, Lock

import pytest

from app.auth import hashing, passwords
from app.errors import Unavailable


class Gate:
    """Stands for the hash: every call waits until it is let through, and is counted."""

    def __init__(self) -> None:
        self.opened = Event()
        self._lock = Lock()
        self.running_count = 0
        self.most_running = 0
        self.passed_count = 0

    def verify(self, stored_hash: str | None, password: str) -> bool:
        with self._lock:
            self.running_count += 1
            self.most_running = max(self.most_running, self.running_count)
        self.opened.wait(10)
        with self._lock:
            self.running_count -= 1
            self.passed_count += 1
        return password == stored_hash


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(passwords, "verify_password", gate.verify)
    yield gate
    gate.opened.set()


async def test_a_password_is_hashed_and_verified_off_the_loop() -> None:
    stored = await hashing.hash_password("correct horse battery")
    assert await hashing.verify_password(stored, "correct horse battery")
    assert not await hashing.verify_password(stored, "wrong")
    assert not await hashing.verify_password(None, "correct horse battery")


async def test_only_a_few_are_hashed_at_once(gate: Gate) -> None:
    callers = [asyncio.create_task(hashing.verify_password("a", "a")) for _ in range(20)]
    await asyncio.sleep(0)
    gate.opened.set()
    assert await asyncio.gather(*callers) == [True] * 20
    assert 1 <= gate.most_running <= hashing.RUNNING_LIMIT


async def test_the_loop_goes_on_while_passwords_are_hashed(gate: Gate) -> None:
    caller = asyncio.create_task(hashing.verify_password("a", "b"))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not caller.done()
    gate.opened.set()
    assert not await caller


async def test_one_caller_too_many_is_told_to_come_back(gate: Gate) -> None:
    places = hashing.RUNNING_LIMIT + hashing.WAITING_LIMIT
    callers = [asyncio.create_task(hashing.verify_password("a", "a")) for _ in range(places)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await hashing.verify_password("a", "a")
    assert refused.value.headers == {"Retry-After": "1"}
    gate.opened.set()
    assert await asyncio.gather(*callers) == [True] * places
    assert await hashing.verify_password("a", "a")


async def test_callers_who_leave_give_their_places_back(gate: Gate) -> None:
    places = hashing.RUNNING_LIMIT + hashing.WAITING_LIMIT
    callers = [asyncio.create_task(hashing.verify_password("a", "a")) for _ in range(places)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    gate.opened.set()
    again = [asyncio.create_task(hashing.verify_password("a", "a")) for _ in range(places - 2)]
    assert await asyncio.gather(*again) == [True] * (places - 2)
    assert gate.passed_count <= places  # those who left while waiting were never hashed


async def test_a_failure_inside_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(password: str) -> str:
        raise MemoryError

    monkeypatch.setattr(passwords, "hash_password", fail)
    for _ in range(hashing.RUNNING_LIMIT + hashing.WAITING_LIMIT + 1):
        with pytest.raises(MemoryError):
            await hashing.hash_password("x")
