"""What the tests of policies and retargets do: draft, preview, publish, run the operation, look at what stands.

The office is `world`'s; the caller is its admin. What a test expects is in the tests.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from sqlalchemy import select

from app.database import Database
from app.jobs import relay_messages, run_operations
from app.sla.rebuild import check_deadlines
from app.sla.shipped import pack_document
from app.statements import Statement
from app.tables import Base
from tests.conftest import Caller
from tests.sla.world import API, World

# Rows of the machinery: what asks for a preview and lists it is not the domain's.
MACHINERY = {"operations", "sla_moves", "audit_entries", "idempotent_answers", "sessions"}
TABLES = {
    table.name: Statement(select(*table.columns).order_by(table.c.id))
    for table in Base.metadata.sorted_tables
}


def toolkit(**changes: Any) -> dict[str, Any]:
    """Return the toolkit's document with clocks (`resolve=...`, None leaves one out) and parts replaced."""
    document: dict[str, Any] = copy.deepcopy(dict(pack_document("toolkit")))
    for name, value in changes.items():
        if name not in document["clocks"]:
            document[name] = value
        elif value is None:
            del document["clocks"][name]
        else:
            document["clocks"][name] = value
    return document


async def domain_rows(database: Database) -> dict[str, list[Any]]:
    """Return every row of every table of the domain."""
    return {
        name: [dict(row) for row in await database.all(statement)]
        for name, statement in TABLES.items()
        if name not in MACHINERY
    }


@dataclass
class Publisher:
    """An admin who changes the policies of a world."""

    world: World
    admin: Caller

    async def send(
        self, method: str, path: str, body: Any = None, who: Caller | None = None, **headers: str
    ) -> httpx.Response:
        """Send a request; headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.world.http.request(
            method, API + path, json=body, headers={**(who or self.admin), **named}
        )

    async def told(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a request, expect the status, and return what was answered."""
        answer = await self.send(method, path, body)
        assert answer.status_code == status, answer.text
        return orjson.loads(answer.content) if answer.content else None

    async def draft(self, document: Mapping[str, Any]) -> None:
        await self.told("PUT", f"/sla/policies/{document['name']}/draft", document)

    async def run(self) -> None:
        """Let the operations that wait run, and their notices out."""
        await run_operations(self.world.database)
        await relay_messages(self.world.database)

    async def operation(self, public_id: str) -> dict[str, Any]:
        return await self.told("GET", f"/operations/{public_id}")  # type: ignore[no-any-return]

    async def preview(self, mode: str, name: str = "toolkit") -> dict[str, Any]:
        """Preview the draft and return the operation when it is done."""
        begun = await self.told("POST", f"/sla/policies/{name}/preview", {"mode": mode}, 202)
        await self.run()
        done = await self.operation(begun["id"])
        assert done["state"] == "done", done
        return done

    async def publish(
        self, document: Mapping[str, Any], mode: str = "new", *, run: bool = True
    ) -> dict[str, Any]:
        """Draft, preview where the mode wants it, publish, run; return the retarget's operation as it then is."""
        name = document["name"]
        await self.draft(document)
        body: dict[str, Any] = {"mode": mode}
        if mode != "new":
            body["preview_id"] = (await self.preview(mode, name))["id"]
        told = await self.told("POST", f"/sla/policies/{name}/publish", body, 202)
        if told["operation"] is None:
            return {}
        if not run:
            return told["operation"]  # type: ignore[no-any-return]
        await self.run()
        return await self.operation(told["operation"]["id"])

    async def retarget(self, run: bool = True, **body: Any) -> dict[str, Any]:
        """Preview and start a retarget to what is in force."""
        begun = await self.told("POST", "/sla/retargets/preview", body, 202)
        await self.run()
        body = {**body, "preview_id": begun["id"]}
        started = await self.told("POST", "/sla/retargets", body, 202)
        if run:
            await self.run()
        return await self.operation(started["id"])

    async def moves(self, operation_id: str, query: str = "") -> list[dict[str, Any]]:
        told = await self.told("GET", f"/sla/retargets/{operation_id}/moves{query}")
        return told["items"]  # type: ignore[no-any-return]

    async def due(self, clock: str = "resolve") -> list[str]:
        """Return when the deadlines of a clock are due, in the order of their opening."""
        rows = await self.world.items("/deadlines", clock=clock, sort="started_at")
        return [one["due_at"] for one in rows]

    async def true(self) -> None:
        """Hold the stored deadlines against their facts."""
        assert await check_deadlines(self.world.database) == []
