"""Routes of operations: one's own, everybody's for the admin, and cancelling."""

from typing import Any

import httpx
import pytest

from app.database import Actor, Database, Transaction
from app.errors import invalid_field
from app.operations import service
from app.operations.runner import Kind, Operation, Step, run
from app.statements import Row
from tests.conftest import Caller, LoginAs

API = "/api/v1/operations"


async def begin(database: Database, user: Row | None) -> str:
    actor = Actor() if user is None else Actor(user_id=user["id"], name=user["name"])
    async with database.transaction(actor) as tx:
        row = await service.start(tx, "test.count", {"mode": "fast"}, total=7)
    return str(row["public_id"])


async def finish(database: Database, fault: Exception | None = None) -> None:
    async def step(tx: Transaction, operation: Operation, prepared: Any) -> Step:
        del tx, operation, prepared
        if fault is not None:
            raise fault
        return Step(7, result={"rows": 7}, finished=True)

    await run(database, {"test.count": Kind(step)})


async def get(client: httpx.AsyncClient, path: str, who: Caller) -> httpx.Response:
    return await client.get(API + path, headers=who)


async def test_one_s_own_operation_is_read_while_it_waits_and_when_it_is_done(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    me = await login_as("support")
    public_id = await begin(database, me.user)
    told = (await get(client, f"/{public_id}", me)).json()
    assert (told["state"], told["done"], told["progress"]) == (
        "queued", False, {"done": 0, "total": 7},
    )  # fmt: skip
    assert (told["asked_by"], told["parameters"]) == (me.user["public_id"], {"mode": "fast"})
    assert (told["started_at"], told["finished_at"], told["result"]) == (None, None, None)
    await finish(database)
    told = (await get(client, f"/{public_id}", me)).json()
    assert (told["state"], told["done"], told["result"]) == ("done", True, {"rows": 7})
    assert told["progress"] == {"done": 7, "total": 7}


async def test_somebody_else_s_operation_is_invisible_but_to_the_admin(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    me, other, admin = await login_as("manager"), await login_as("manager"), await login_as("admin")
    mine, of_system = await begin(database, me.user), await begin(database, None)
    for public_id in (mine, of_system):
        assert (await get(client, f"/{public_id}", other)).status_code == 404
        cancelled = await client.post(f"{API}/{public_id}/cancel", headers=other)
        assert cancelled.status_code == 404
        assert (await get(client, f"/{public_id}", admin)).status_code == 200
    listed = {
        name: [one["id"] for one in (await get(client, "", who)).json()["items"]]
        for name, who in {"me": me, "other": other, "admin": admin}.items()
    }
    assert listed == {"me": [mine], "other": [], "admin": [of_system, mine]}


async def test_the_list_is_filtered_by_state_and_kind(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    me = await login_as("support")
    done = await begin(database, me.user)
    await finish(database)
    waiting = await begin(database, me.user)
    for query, ids in {
        "?state=done": [done],
        "?state=queued&kind=test.count": [waiting],
        "?kind=test.other": [],
        "?sort=created_at": [done, waiting],
    }.items():
        assert [one["id"] for one in (await get(client, query, me)).json()["items"]] == ids
    assert (await get(client, "?state=lost", me)).status_code == 422


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "不存在"), ("en", "does not exist")])
async def test_what_ended_it_is_told_as_a_problem_in_the_reader_s_language(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs, language: str, said: str
) -> None:
    me = await login_as("support")
    public_id = await begin(database, me.user)
    await finish(database, invalid_field("/rows/3/owner_id", "unknown_reference"))
    answer = await client.get(f"{API}/{public_id}", headers={**me, "Accept-Language": language})
    error = answer.json()["error"]
    assert (answer.json()["state"], error["status"], error["code"]) == (
        "failed", 422, "validation_failed",
    )  # fmt: skip
    assert error["errors"][0]["pointer"] == "/rows/3/owner_id"
    assert said in error["errors"][0]["detail"]


async def test_cancelling_is_asked_once_and_not_of_what_has_ended(
    database: Database, client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    me = await login_as("support")
    public_id = await begin(database, me.user)
    for _ in range(2):
        answer = await client.post(f"{API}/{public_id}/cancel", headers=me)
        assert (answer.status_code, answer.json()["cancel_requested"]) == (200, True)
    await finish(database)
    told = (await get(client, f"/{public_id}", me)).json()
    assert (told["state"], told["progress"]["done"]) == ("cancelled", 0)
    again = await client.post(f"{API}/{public_id}/cancel", headers=me)
    assert (again.status_code, again.json()["code"]) == (409, "operation_ended")
    admin = await login_as("admin")
    log = (await client.get("/api/v1/audit?entity=operation", headers=admin)).json()["items"]
    assert [one["action"] for one in log] == ["operation.cancel", "operation.start"]
