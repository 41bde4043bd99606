"""Records who was refused: 401, 403 and wrong passwords, in transactions of their own.

The refusal rolled the request's transaction back, so its entry cannot leave with it. Refusals are summed per caller
(user, API key or address), code and minute: the first is written at once, the others of its minute are counted here
and leave as one entry when the minute is over. Nothing here delays or breaks an answer.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from app.audit.service import write_entry
from app.auth.login_limit import WrongPassword
from app.auth.principal import Principal
from app.database import Actor, Database, Transaction
from app.errors import Refusal
from app.time import format_instant, real_now

Scope = Mapping[str, Any]

RECORDED: Final = frozenset({401, 403})
# Wrong passwords, also those that nobody even looked at.
LOGIN_CODES: Final = frozenset({"login_failed", "login_limited", "password_wrong"})
LOGIN_FAILED: Final = "login.failed"
REQUEST_REFUSED: Final = "request.refused"
CALLERS_MAX: Final = 5_000  # a minute; refusals of further ones are summed without their address
FLUSH_SECONDS: Final = 5.0
ANYBODY: Final = "anonymous"
log = structlog.get_logger("huiying")


@dataclass(frozen=True, slots=True)
class _Key:
    """What refusals are summed by; `account` is the (key, public id) whose password was tried."""

    user_id: int | None
    api_key_id: int | None
    address: str | None
    code: str
    account: tuple[int, str] | None
    minute: datetime


@dataclass(slots=True)
class _Sum:
    """The refusals of one key that wait to be written; the rest is what the latest of them looked like."""

    count: int
    name: str
    address: str | None
    request_id: str | None
    method: str
    route: str


@dataclass(slots=True)
class Refusals:
    """A process's refusals of the running minute. `now` is real time."""

    database: Database
    now: Callable[[], datetime] = real_now
    _minute: datetime | None = None
    _known: set[_Key] = field(default_factory=set)
    _waiting: dict[_Key, _Sum] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def record(self, scope: Scope, refusal: Refusal) -> None:
        """Take note of a refusal if it is one to be kept, from the request's ASGI scope; at once, never raising."""
        if refusal.status not in RECORDED and refusal.code not in LOGIN_CODES:
            return
        try:
            self._take(scope, refusal)
        except Exception:
            # Whatever is wrong here, the caller gets his answer.
            log.exception("refusal_not_recorded", code=refusal.code)

    def _take(self, scope: Scope, refusal: Refusal) -> None:
        key, one = _describe(scope, refusal, _minute_of(self.now()))
        if key.minute != self._minute:
            self._minute = key.minute
            self._known.clear()
        if key not in self._known and len(self._known) < CALLERS_MAX:
            self._known.add(key)
            self._start({key: one})
            return
        if key not in self._known:
            key = _Key(None, None, None, key.code, None, key.minute)
        self._add(key, one)

    def _add(self, key: _Key, more: _Sum) -> None:
        known = self._waiting.get(key)
        if known is not None:
            more.count += known.count
        self._waiting[key] = more

    def _start(self, sums: dict[_Key, _Sum]) -> None:
        task = asyncio.get_running_loop().create_task(self._write(sums))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, sums: dict[_Key, _Sum]) -> None:
        """Write entries in a transaction of their own; what cannot be written waits for the next turn."""
        try:
            async with self.database.transaction() as tx:
                for key, one in sums.items():
                    await _write_one(tx, key, one)
        except Exception:
            # A database that is away must not end the recording.
            log.exception("refusals_wait", count=sum(one.count for one in sums.values()))
            if len(self._waiting) < 2 * CALLERS_MAX:
                for key, one in sums.items():
                    self._add(key, one)

    async def flush(self, *, everything: bool = False) -> None:
        """Write the sums of minutes that are over, or all of them; and wait for what is being written."""
        minute = _minute_of(self.now())
        due = {k: one for k, one in self._waiting.items() if everything or k.minute < minute}
        for key in due:
            del self._waiting[key]
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        if due:
            await self._write(due)

    async def watch(self) -> None:
        """Flush for ever; who stops it flushes everything once more."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def _minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _describe(scope: Scope, refusal: Refusal, minute: datetime) -> tuple[_Key, _Sum]:
    principal: Principal | None = scope.get("huiying.principal")
    address = scope["client"][0] if scope.get("client") else None
    key = _Key(
        user_id=None if principal is None else principal.user_id,
        api_key_id=None if principal is None else principal.api_key_id,
        # A caller who is known is one, from wherever he calls.
        address=address if principal is None else None,
        code=refusal.code,
        account=refusal.about if isinstance(refusal, WrongPassword) else None,
        minute=minute,
    )
    return key, _Sum(
        count=1,
        name=ANYBODY if principal is None else principal.name,
        address=address,
        request_id=scope.get("huiying.request_id"),
        method=scope["method"],
        # The pattern, not the path: what somebody types into an address is his own affair.
        route=getattr(scope.get("route"), "path", "unmatched"),
    )


async def _write_one(tx: Transaction, key: _Key, one: _Sum) -> None:
    account_key, account_id = key.account or (None, None)
    summed = {} if one.count == 1 else {"minute": format_instant(key.minute)}
    await write_entry(
        tx,
        LOGIN_FAILED if key.code in LOGIN_CODES else REQUEST_REFUSED,
        entity="request" if key.account is None else "user",
        entity_key=account_key,
        entity_id=account_id,
        changes={"code": key.code, "method": one.method, "route": one.route} | summed,
        count=one.count,
        actor=Actor(
            user_id=key.user_id,
            name=one.name,
            api_key_id=key.api_key_id,
            request_id=one.request_id if one.count == 1 else None,
            address=one.address,
        ),
    )
