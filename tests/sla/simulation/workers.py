"""Workers that crash, stall and overlap, in one process: each a task over the database's connections.

A crash is an exception that nothing handles, thrown where a real process would be killed: what was
not committed is rolled back, what the process knew is lost. `tests/crash` kills real processes.
"""

import asyncio
import random
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from app import postgresql, sqlite
from app.database import Database, Transaction
from app.sla import enforcement
from app.statements import Row

POINTS = ("claim.before", "claim.after", "commit.before", "commit.after")


class Crash(BaseException):
    """The worker is gone."""


class Life:
    """How long a worker lives: at the n-th passing of a point it dies, with all that it does beside."""

    def __init__(self, point: str, passings: int) -> None:
        self.point, self.left = point, passings

    def pass_by(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
        if self.left <= 0:
            raise Crash


_life: ContextVar[Life | None] = ContextVar("life", default=None)


class Workers:
    """Sweeps of the database, sound and unsound ones; counts what it did."""

    def __init__(self, database: Database, random: random.Random) -> None:
        self.database, self.random = database, random
        self.crash_count = self.sweep_count = 0

    def arm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let fault points kill workers, and claims take their time where others can run meanwhile."""
        for module in (enforcement, postgresql, sqlite):
            monkeypatch.setattr(module, "pass_by", _pass_by)
        if self.database.kind == "postgresql":
            monkeypatch.setattr(enforcement, "_claim", self._slow(enforcement._claim))

    def _slow(self, claim: Any) -> Any:
        async def stalling(tx: Transaction, size: int) -> Sequence[Row]:
            claimed: Sequence[Row] = await claim(tx, size)
            if _life.get() is not None:
                await asyncio.sleep(self.random.choice((0, 0.001, 0.01)))
            return claimed

        return stalling

    async def stumble(self) -> None:
        """One to three workers at once, each of which dies somewhere."""
        others = asyncio.all_tasks()
        ends = await asyncio.gather(
            *(self._mortal() for _ in range(self.random.randint(1, 3))), return_exceptions=True
        )
        left = asyncio.all_tasks() - others  # what a dead worker was doing beside
        if left:
            await asyncio.wait(left)
        for end in ends:
            if isinstance(end, Crash):
                self.crash_count += 1
            elif isinstance(end, BaseException):
                raise end

    async def _mortal(self) -> None:
        _life.set(Life(self.random.choice(POINTS), self.random.randint(1, 3)))
        await enforcement.sweep(self.database)

    async def sweep(self) -> None:
        """One sound worker, to the end."""
        self.sweep_count += 1
        result = await enforcement.sweep(self.database)
        assert result.fault_count == 0


def _pass_by(point: str) -> None:
    life = _life.get()
    if life is not None:
        life.pass_by(point)
