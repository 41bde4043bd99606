"""Departments: the tree, its paths, heads, and who is on call."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.auth.models import Department, OnCall
from app.auth.permissions import Role
from app.auth.schemas import DepartmentPage, DepartmentRead
from app.columns import table_columns
from app.database import Database
from app.statements import Statement
from tests.auth.answers import code_of, errors_of
from tests.conftest import LoginAs
from tests.factories import make_department, make_user

URL = "/api/v1/departments"
NOBODY = "0197b1c2-7d3e-7aaa-8000-000000000000"
DEPARTMENTS = Statement(select(*table_columns(Department)).order_by(Department.id))
ON_CALL = Statement(select(*table_columns(OnCall)).order_by(OnCall.position))
AUDIT = Statement(select(*table_columns(AuditEntry)).order_by(AuditEntry.id))
STAFF = [role.value for role in Role if role is not Role.ADMIN]


@pytest.fixture
async def tree(database: Database) -> dict[str, dict[str, Any]]:
    """总部 > (销售部 > 华东, 服务部), as rows by name."""
    async with database.transaction() as tx:
        root = await make_department(tx, name="总部")
        sales = await make_department(tx, name="销售部", parent=root)
        east = await make_department(tx, name="华东", parent=sales)
        service = await make_department(tx, name="服务部", parent=root)
    return {"总部": root, "销售部": sales, "华东": east, "服务部": service}


async def person(database: Database, **values: Any) -> dict[str, Any]:
    async with database.transaction() as tx:
        return await make_user(tx, **values)


async def paths(database: Database) -> dict[str, list[int]]:
    """Every department's path by name, as keys."""
    return {
        row["name"]: [int(key) for key in row["path"].strip("/").split("/")]
        for row in await database.all(DEPARTMENTS)
    }


def at(row: Any) -> str:
    return f"{URL}/{row['public_id']}"


# --- creating


async def test_a_department_hangs_below_its_parent(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    head = await person(database, role="manager")
    body = {
        "name": " 华南 ",
        "parent_id": tree["销售部"]["public_id"],
        "head_id": head["public_id"],
    }
    admin = await login_as("admin")
    answer = await client.post(URL, json=body, headers=admin)
    assert answer.status_code == 201
    made = DepartmentRead.model_validate(answer.json())
    assert made.name == "华南"
    assert (str(made.parent_id), str(made.head_id)) == (body["parent_id"], body["head_id"])
    assert made.on_call == []
    assert answer.headers["location"] == f"{URL}/{made.id}"
    read = await client.get(answer.headers["location"], headers=await login_as("auditor"))
    assert read.content == answer.content
    assert read.headers["etag"] == answer.headers["etag"] == '"1"'
    row = (await database.all(DEPARTMENTS))[-1]
    assert row["path"] == f"{tree['销售部']['path']}{row['id']}/"


async def test_a_department_without_parent_is_a_root(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    answer = await client.post(URL, json={"name": "总部"}, headers=await login_as("admin"))
    assert answer.json()["parent_id"] is None
    row = (await database.all(DEPARTMENTS))[0]
    assert row["path"] == f"/{row['id']}/"


async def test_a_creation_repeated_under_its_key_is_answered_again(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    headers = {**await login_as("admin"), "Idempotency-Key": "k-1"}
    first = await client.post(URL, json={"name": "总部"}, headers=headers)
    again = await client.post(URL, json={"name": "总部"}, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    other = await client.post(URL, json={"name": "分部"}, headers=headers)
    assert code_of(other) == (422, "idempotency_key_reused")
    assert len(await database.all(DEPARTMENTS)) == 1


async def test_the_same_place_has_a_name_once(
    client: httpx.AsyncClient, login_as: LoginAs, tree: dict[str, dict[str, Any]]
) -> None:
    admin = await login_as("admin")
    below = {"parent_id": tree["总部"]["public_id"]}
    taken = await client.post(URL, json={"name": "服务部", **below}, headers=admin)
    assert code_of(taken) == (409, "department_name_taken")
    assert code_of(await client.post(URL, json={"name": "总部"}, headers=admin)) == (
        409,
        "department_name_taken",
    )
    elsewhere = {"name": "服务部", "parent_id": tree["销售部"]["public_id"]}
    made = await client.post(URL, json=elsewhere, headers=admin)
    assert made.status_code == 201
    moved = await client.patch(made.headers["location"], json=below, headers=admin)
    assert code_of(moved) == (409, "department_name_taken")
    renamed = await client.patch(at(tree["销售部"]), json={"name": "服务部"}, headers=admin)
    assert code_of(renamed) == (409, "department_name_taken")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/name", "missing"),
        ({"name": ""}, "/name", "string_too_short"),
        ({"name": "x" * 101}, "/name", "string_too_long"),
        ({"name": 1}, "/name", "string_type"),
        ({"name": "a", "path": "/1/"}, "/path", "extra_forbidden"),
        ({"name": "a", "parent_id": 1}, "/parent_id", "uuid_type"),
        ({"name": "a", "parent_id": NOBODY}, "/parent_id", "unknown_reference"),
        ({"name": "a", "head_id": NOBODY}, "/head_id", "unknown_reference"),
    ],
)
async def test_a_department_that_will_not_do_is_refused_at_its_field(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    body: dict[str, Any],
    pointer: str,
    code: str,
) -> None:
    answer = await client.post(URL, json=body, headers=await login_as("admin"))
    assert errors_of(answer) == [(pointer, code)]


async def test_a_head_is_active(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    left = await person(database, is_active=False)
    body = {"name": "a", "head_id": left["public_id"]}
    answer = await client.post(URL, json=body, headers=await login_as("admin"))
    assert errors_of(answer) == [("/head_id", "user_inactive")]


# --- who may


@pytest.mark.parametrize("role", STAFF)
async def test_everybody_reads_the_tree_and_only_the_admin_writes_it(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    tree: dict[str, dict[str, Any]],
    role: str,
) -> None:
    caller = await login_as(role, department=tree["销售部"])
    url = at(tree["销售部"])
    assert (await client.get(URL, headers=caller)).status_code == 200
    assert (await client.get(url, headers=caller)).status_code == 200
    for answer in (
        await client.post(URL, json={"name": "x"}, headers=caller),
        await client.patch(url, json={"name": "x"}, headers=caller),
        await client.put(f"{url}/on-call", json={"user_ids": []}, headers=caller),
    ):
        assert code_of(answer) == (403, "not_permitted")


async def test_every_route_of_departments_wants_a_login(
    client: httpx.AsyncClient, tree: dict[str, dict[str, Any]]
) -> None:
    url = at(tree["总部"])
    for answer in (
        await client.get(URL),
        await client.post(URL, json={"name": "x"}),
        await client.get(url),
        await client.patch(url, json={}),
        await client.put(f"{url}/on-call", json={"user_ids": []}),
    ):
        assert code_of(answer) == (401, "not_authenticated")


async def test_a_department_that_does_not_exist_is_not_found(
    client: httpx.AsyncClient, login_as: LoginAs
) -> None:
    admin = await login_as("admin")
    url = f"{URL}/{uuid4()}"
    for answer in (
        await client.get(url, headers=admin),
        await client.patch(url, json={"name": "x"}, headers=admin),
        await client.put(f"{url}/on-call", json={"user_ids": []}, headers=admin),
    ):
        assert code_of(answer) == (404, "not_found")


# --- reading


async def test_the_list_shows_the_tree_by_parents(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    caller = await login_as("sales")
    head = await person(database)
    admin = await login_as("admin")
    await client.patch(at(tree["华东"]), json={"head_id": head["public_id"]}, headers=admin)

    async def names(**asked: Any) -> set[str]:
        answer = await client.get(URL, params=asked, headers=caller)
        return {one.name for one in DepartmentPage.model_validate(answer.json()).items}

    assert await names() == {"总部", "销售部", "华东", "服务部"}
    assert await names(parent_id=tree["总部"]["public_id"]) == {"销售部", "服务部"}
    assert await names(is_root="true") == {"总部"}
    assert await names(is_root="false") == {"销售部", "华东", "服务部"}
    assert await names(head_id=head["public_id"]) == {"华东"}
    assert await names(parent_id=NOBODY) == set()
    answer = await client.get(URL, params={"sort": "-created_at", "limit": 1}, headers=caller)
    assert answer.json()["has_more"] is True


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"limit": 201}, "/query/limit"),
        ({"sort": "path"}, "/query/sort"),
        ({"is_root": "perhaps"}, "/query/is_root"),
        ({"path": "/1/"}, "/query/path"),
    ],
)
async def test_a_question_that_the_list_does_not_know_is_refused(
    client: httpx.AsyncClient, login_as: LoginAs, asked: dict[str, Any], pointer: str
) -> None:
    answer = await client.get(URL, params=asked, headers=await login_as("sales"))
    assert [where for where, _ in errors_of(answer)] == [pointer]


# --- changing and moving


async def test_a_move_takes_everything_below_along(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    root, sales, east, service = (tree[n]["id"] for n in ("总部", "销售部", "华东", "服务部"))
    below_service = {"parent_id": tree["服务部"]["public_id"]}
    answer = await client.patch(at(tree["销售部"]), json=below_service, headers=admin)
    assert answer.json()["parent_id"] == tree["服务部"]["public_id"]
    assert await paths(database) == {
        "总部": [root],
        "销售部": [root, service, sales],
        "华东": [root, service, sales, east],
        "服务部": [root, service],
    }
    await client.patch(at(tree["销售部"]), json={"parent_id": None}, headers=admin)
    assert await paths(database) == {
        "总部": [root],
        "销售部": [sales],
        "华东": [sales, east],
        "服务部": [root, service],
    }


async def test_a_sibling_whose_key_begins_alike_does_not_move_along(
    client: httpx.AsyncClient, login_as: LoginAs, database: Database
) -> None:
    async with database.transaction() as tx:
        root = await make_department(tx, name="a", id=7001, path="/7001/")
        moved = await make_department(tx, name="b", id=71, path="/71/")
        alike = await make_department(tx, name="c", id=710, path="/710/")
        below = await make_department(tx, name="d", id=711, parent=moved, path="/71/711/")
    answer = await client.patch(
        at(moved), json={"parent_id": root["public_id"]}, headers=await login_as("admin")
    )
    assert answer.status_code == 200
    assert await paths(database) == {
        "a": [7001],
        "b": [7001, 71],
        "c": [alike["id"]],
        "d": [7001, 71, below["id"]],
    }


async def test_a_move_changes_what_people_of_the_department_reach(
    client: httpx.AsyncClient, login_as: LoginAs, app: Any, tree: dict[str, dict[str, Any]]
) -> None:
    admin, caller = await login_as("admin"), await login_as("sales", department=tree["服务部"])
    token = caller["Authorization"].removeprefix("Bearer ")
    before = await app.state.guard.identify(token)
    assert set(before.departments) == {tree["服务部"]["id"]}
    body = {"parent_id": tree["服务部"]["public_id"]}
    await client.patch(at(tree["销售部"]), json=body, headers=admin)
    after = await app.state.guard.identify(token)
    assert set(after.departments) == {tree[n]["id"] for n in ("服务部", "销售部", "华东")}


@pytest.mark.parametrize("target", ["总部", "销售部", "华东"])
async def test_a_department_never_moves_below_itself(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
    target: str,
) -> None:
    before = await paths(database)
    answer = await client.patch(
        at(tree["总部"]),
        json={"parent_id": tree[target]["public_id"]},
        headers=await login_as("admin"),
    )
    assert code_of(answer) == (409, "department_cycle")
    assert await paths(database) == before


async def test_two_moves_at_once_close_no_cycle(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    sales, service = tree["销售部"], tree["服务部"]
    answers = await asyncio.gather(
        client.patch(at(sales), json={"parent_id": service["public_id"]}, headers=admin),
        client.patch(at(service), json={"parent_id": sales["public_id"]}, headers=admin),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    for name, path in (await paths(database)).items():
        assert path[-1] == tree[name]["id"]
        assert len(set(path)) == len(path)


async def test_a_patch_changes_what_it_names_and_audits_it(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    url = at(tree["华东"])
    nothing = await client.patch(url, json={}, headers=admin)
    assert (nothing.status_code, nothing.headers["etag"]) == (200, '"1"')
    answer = await client.patch(url, json={"name": "华东区"}, headers=admin)
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["parent_id"] == tree["销售部"]["public_id"]
    entry = (await database.all(AUDIT))[-1]
    assert entry["action"] == "department.update"
    assert entry["changes"]["name"] == ["华东", "华东区"]


@pytest.mark.parametrize("body", [{"name": None}, {"id": NOBODY}, {"head_id": 3}])
async def test_a_patch_that_will_not_do_changes_nothing(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    tree: dict[str, dict[str, Any]],
    body: dict[str, Any],
) -> None:
    answer = await client.patch(at(tree["华东"]), json=body, headers=await login_as("admin"))
    assert [where for where, _ in errors_of(answer)] == [f"/{next(iter(body))}"]


async def test_a_stale_version_changes_nothing(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    url = at(tree["华东"])
    headers = {**await login_as("admin"), "If-Match": '"1"'}
    assert (await client.patch(url, json={"name": "a"}, headers=headers)).status_code == 200
    assert code_of(await client.patch(url, json={"name": "b"}, headers=headers)) == (
        412,
        "stale_version",
    )
    put = await client.put(f"{url}/on-call", json={"user_ids": []}, headers=headers)
    assert code_of(put) == (412, "stale_version")
    assert "a" in await paths(database)


# --- on call


async def test_the_on_call_list_keeps_its_order_and_is_replaced_as_a_whole(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    url = f"{at(tree['服务部'])}/on-call"
    a, b, c = [await person(database, name=name) for name in "abc"]

    async def put(*users: dict[str, Any]) -> httpx.Response:
        body = {"user_ids": [user["public_id"] for user in users]}
        return await client.put(url, json=body, headers=admin)

    answer = await put(c, a)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    shown = DepartmentRead.model_validate(answer.json())
    assert [one.name for one in shown.on_call] == ["c", "a"]
    assert [str(one.user_id) for one in shown.on_call] == [c["public_id"], a["public_id"]]
    same = await put(c, a)
    assert same.headers["etag"] == '"2"'
    changed = await put(a, b, c)
    assert [one["name"] for one in changed.json()["on_call"]] == ["a", "b", "c"]
    assert changed.headers["etag"] == '"3"'
    emptied = await put()
    assert emptied.json()["on_call"] == []
    assert await database.all(ON_CALL) == []
    actions = [e["action"] for e in await database.all(AUDIT) if e["entity"] == "on_call"]
    assert (
        sorted(actions) == ["on_call.create"] * 3 + ["on_call.delete"] * 3 + ["on_call.update"] * 2
    )


async def test_who_is_on_call_exists_is_active_and_stands_there_once(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    url = f"{at(tree['服务部'])}/on-call"
    here, left = await person(database), await person(database, is_active=False)

    async def refused(*ids: Any) -> list[tuple[str, str]]:
        return errors_of(await client.put(url, json={"user_ids": list(ids)}, headers=admin))

    assert await refused(here["public_id"], NOBODY) == [("/user_ids/1", "unknown_reference")]
    assert await refused(left["public_id"]) == [("/user_ids/0", "user_inactive")]
    assert await refused(here["public_id"], here["public_id"]) == [
        ("/user_ids", "duplicate_member")
    ]
    assert await refused(*[str(uuid4()) for _ in range(51)]) == [("/user_ids", "too_long")]
    assert await refused("x") == [("/user_ids/0", "uuid_parsing")]
    assert await database.all(ON_CALL) == []


async def test_two_lists_at_once_leave_one_of_them(
    client: httpx.AsyncClient,
    login_as: LoginAs,
    database: Database,
    tree: dict[str, dict[str, Any]],
) -> None:
    admin = await login_as("admin")
    url = f"{at(tree['服务部'])}/on-call"
    a, b = await person(database), await person(database)
    orders = [[a["id"], b["id"]], [b["id"], a["id"]]]
    by_key = {user["id"]: user["public_id"] for user in (a, b)}
    await asyncio.gather(
        *(
            client.put(url, json={"user_ids": [by_key[k] for k in order]}, headers=admin)
            for order in orders
        )
    )
    assert [row["user_id"] for row in await database.all(ON_CALL)] in orders
