"""How many wrong passwords are taken, for each account and from each address, before nobody is let try.

Counted in this process's memory and in real time. Attempts still being checked count as failures until they are
known to be none, so that many at once are no way round. Not here: who may log in (`service`).
"""

import hashlib
import ipaddress
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.auth.values import fold_email
from app.errors import NotAuthenticated, NotPermitted, Refusal, TooManyRequests
from app.time import real_now

WINDOW_MINUTES = 15


class WrongPassword(Refusal):
    """A password was tried and is wrong; `about` is the (key, public id) of the account if there is one."""

    def __init__(self, about: tuple[int, str] | None = None) -> None:
        super().__init__()
        self.about = about


class LoginFailed(WrongPassword, NotAuthenticated):
    """Nobody has this e-mail address and this password, or he may not log in; the answer never says which."""

    default_code = "login_failed"


class OldPasswordWrong(WrongPassword, NotPermitted):
    """Who wants a new password does not know the old one."""

    default_code = "password_wrong"


class LoginLimit:
    """The failures of the last quarter of an hour; a key's quarter begins with its first one."""

    def __init__(self, failures: int) -> None:
        self._item = RateLimitItemPerMinute(failures, WINDOW_MINUTES)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._in_flight: Counter[str] = Counter()

    @contextmanager
    def attempt(self, email: str, address: str | None) -> Iterator[None]:
        """Let one password be tried; `WrongPassword` raised inside counts as a failure.

        Raises `TooManyRequests` (`login_limited`) instead of letting it be tried. A right password forgets the
        account's failures, never the address's.
        """
        # Hashed: what is typed as an e-mail address is sometimes a password.
        account = "account:" + hashlib.sha256(fold_email(email).encode()).hexdigest()
        keys = (account, f"address:{_network(address)}")
        for key in keys:
            self._admit(key)
        self._in_flight.update(keys)
        try:
            yield
        except WrongPassword:
            for key in keys:
                self._limiter.hit(self._item, key)
            raise
        else:
            self._limiter.clear(self._item, account)
        finally:
            self._leave(keys)

    def _admit(self, key: str) -> None:
        stats = self._limiter.get_window_stats(self._item, key)
        if stats.remaining <= 0:
            seconds = max(1, math.ceil(stats.reset_time - real_now().timestamp()))
        elif stats.remaining <= self._in_flight[key]:
            seconds = 1
        else:
            return
        raise TooManyRequests("login_limited", headers=self._headers(seconds))

    def _headers(self, seconds: int) -> dict[str, str]:
        return {
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"login";q={self._item.amount};w={WINDOW_MINUTES * 60}',
            "RateLimit": f'"login";r=0;t={seconds}',
        }

    def _leave(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            self._in_flight[key] -= 1
            if self._in_flight[key] <= 0:
                del self._in_flight[key]


def _network(address: str | None) -> str:
    """The address, or the /64 network that one subscriber holds of IPv6."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or f"{int(parsed) >> 64:x}/64")
    return str(parsed)
