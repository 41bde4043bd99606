"""Passwords hashed and verified from async code, a few at once.

`passwords` holds the rules and the cost; here is only the way off the event loop. argon2 frees the
interpreter lock while it works, so threads are enough.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, TypeVar

from app.auth import passwords
from app.errors import Unavailable

RUNNING_LIMIT: Final = 2
WAITING_LIMIT: Final = (
    40  # at some 50 ms each on two threads: a caller waits at most about a second
)

_T = TypeVar("_T")
_threads: Final = ThreadPoolExecutor(RUNNING_LIMIT, thread_name_prefix="argon2")
_places: Final = BoundedSemaphore(RUNNING_LIMIT + WAITING_LIMIT)


async def hash_password(password: str) -> str:
    """Return the hash of a new password; raises Unavailable when too many are waiting."""
    return await _run(lambda: passwords.hash_password(password))


async def verify_password(stored_hash: str | None, password: str) -> bool:
    """Return whether the password is right, at equal cost for None; raises Unavailable likewise."""
    return await _run(lambda: passwords.verify_password(stored_hash, password))


async def _run(work: Callable[[], _T]) -> _T:
    if not _places.acquire(blocking=False):
        raise Unavailable(headers={"Retry-After": "1"})
    future = _threads.submit(work)
    # The place is given back when the work ends, not when an impatient caller leaves it running.
    future.add_done_callback(lambda _: _places.release())
    return await asyncio.wrap_future(future)
