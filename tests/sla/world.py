"""What the tests of the heart's routes start from: a small company, a client, and how its tickets move.

The fixture that makes one is in `conftest`; what a test expects is in the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.database import Database
from app.sla import service
from app.sla.engine.facts import FactKind
from app.sla.service import NewFact
from app.statements import Row
from tests.conftest import Caller
from tests.factories import freeze, make_subject

API = "/api/v1"
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
MICROSECOND = timedelta(microseconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class World:
    """A department with its supervisor and a member, a stranger's department, a customer, and a client."""

    database: Database
    http: httpx.AsyncClient
    department: Row
    customer: Row
    boss: Caller
    owner: Caller
    stranger: Caller

    async def get(self, path: str, who: Caller | None = None, **query: Any) -> httpx.Response:
        params = {name.replace("__", "[", 1) + "]" * ("__" in name): v for name, v in query.items()}
        return await self.http.get(API + path, headers=who or self.boss, params=params)

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]  # type: ignore[no-any-return]

    async def open(self, number: int = 1, **values: Any) -> service.LockedSubject:
        given = {"owner": self.owner.user, "department": self.department, "customer": self.customer}
        async with self.database.transaction() as tx:
            return await make_subject(tx, number=number, **(given | values))

    async def append(self, *facts: NewFact, number: int = 1) -> None:
        async with self.database.transaction() as tx:
            subject = await service.lock(tx, "ticket", number)
            await service.append(tx, subject, *facts)

    async def move(self, at: datetime, kind: FactKind, number: int = 1, **data: Any) -> None:
        await freeze(self.database, at)
        await self.append(NewFact(kind, data), number=number)

    async def deadline(self, clock: str, **query: Any) -> dict[str, Any]:
        found = await self.items("/deadlines", clock=clock, **query)
        assert len(found) == 1
        return found[0]

    async def correct(
        self,
        deadline_id: str,
        at: datetime,
        who: Caller | None = None,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> httpx.Response:
        body = {"claimed_at": at.isoformat(), "reason": "通话录音证明当时已受理", **values}
        return await self.http.post(
            f"{API}/deadlines/{deadline_id}/correct",
            headers={**(who or self.boss), **(headers or {})},
            json=body,
        )


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


def pointers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
