"""Ids that bodies and queries name: each must be of a row that is there and fits, or nothing is applied.

The places are read off the contract; one that the table below does not know fails here.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.database import Database
from tests.conftest import AsUser
from tests.routes.office import NOBODY, Office, Relation, fingerprint, make_office
from tests.routes.probes import Asked, operations, request_of
from tests.routes.targets import Target, make_target, open_in_state

# (operation, pointer) -> what the id names.
# An id to filter by refers to nothing: an unknown one finds nobody (tests/exports).
FILTER_IDS = {
    ("exports_customers", "/filter/owner_id"),
    ("exports_customers", "/filter/department_id"),
}
BODY_IDS: Mapping[tuple[str, str], str] = {
    ("users_create", "/department_id"): "department",
    ("users_create", "/manager_id"): "user",
    ("users_create", "/delegate_id"): "user",
    ("users_patch", "/department_id"): "department",
    ("users_patch", "/manager_id"): "user",
    ("users_patch", "/delegate_id"): "user",
    ("departments_create", "/parent_id"): "department",
    ("departments_create", "/head_id"): "user",
    ("departments_patch", "/parent_id"): "department",
    ("departments_patch", "/head_id"): "user",
    ("departments_put_on_call", "/user_ids/0"): "user",
    ("notifications_read_all", "/up_to_id"): "notification",
    ("customers_create", "/owner_id"): "user",
    ("customers_create", "/account_manager_id"): "user",
    ("customers_create", "/department_id"): "department",
    ("customers_create", "/duplicates_checked/0"): "customer",
    ("customers_patch", "/owner_id"): "user",
    ("customers_patch", "/account_manager_id"): "user",
    ("customers_patch", "/department_id"): "department",
    ("customers_put_account_team", "/members/0/user_id"): "user",
    ("ticket_types_create", "/department_id"): "department",
    ("ticket_types_change", "/department_id"): "department",
    ("policies_publish", "/preview_id"): "operation",
    ("tier_policies_publish", "/preview_id"): "operation",
    ("retargets_start", "/preview_id"): "operation",
    ("sop_rules_create", "/answers_department_id"): "department",
    ("sop_rules_change", "/answers_department_id"): "department",
    ("obligations_create", "/customer_id"): "customer",
    ("obligations_create", "/owner_id"): "user",
    ("obligations_create", "/department_id"): "department",
    ("obligations_change", "/owner_id"): "user",
    ("obligations_change", "/department_id"): "department",
    ("service_plans_create", "/customer_id"): "customer",
    ("service_plans_create", "/items/0/user_id"): "user",
    ("service_plans_add_item", "/user_id"): "user",
    ("merges_create", "/winner_id"): "customer",
    ("merges_create", "/loser_id"): "customer",
    ("needs_create", "/customer_id"): "customer",
    ("needs_create", "/first_owner_id"): "user",
    ("needs_change", "/first_owner_id"): "user",
    ("needs_put_plan", "/attendee_ids/0"): "user",
    ("needs_give_responsibility", "/owner_id"): "user",
    ("tickets_create", "/customer_id"): "customer",
    ("tickets_create", "/contact_id"): "contact",
    ("tickets_create", "/owner_id"): "user",
    ("tickets_create", "/department_id"): "department",
    ("tickets_change", "/contact_id"): "contact",
    ("tickets_messages_create", "/contact_id"): "contact",
    ("tickets_split", "/owner_id"): "user",
    ("tickets_assign", "/owner_id"): "user",
    ("tickets_assign", "/department_id"): "department",
    ("tickets_task_force", "/members/0/user_id"): "user",
    ("tickets_confirm", "/contact_id"): "contact",
    ("tickets_merge", "/into_id"): "ticket",
}
# What a body may not hold beside the id.
IN_PLACE_OF = {"notifications_read_all"}


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


# --- reading the contract


def resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that a reference stands for."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def id_places(
    document: Mapping[str, Any], schema: Mapping[str, Any], pointer: str = ""
) -> Iterator[str]:
    """Yield the pointers of ids within a schema; a list's first item stands for all."""
    schema = resolve(document, schema)
    if schema.get("format") == "uuid":
        yield pointer
    for other in schema.get("anyOf", ()):
        yield from id_places(document, other, pointer)
    for name, field in schema.get("properties", {}).items():
        yield from id_places(document, field, f"{pointer}/{name}")
    if "items" in schema:
        yield from id_places(document, schema["items"], f"{pointer}/0")


def body_places(app: FastAPI) -> set[tuple[str, str]]:
    """Return every id that a body of the application can name."""
    document, found = app.openapi(), set()
    for asked in operations(app):
        operation = document["paths"][asked.path][asked.method.lower()]
        content = operation.get("requestBody", {}).get("content", {})
        for media in content.values():
            places = set(id_places(document, media["schema"]))
            found |= {(asked.operation, place) for place in places}
    return found


def put(body: Any, pointer: str, value: Any) -> Any:
    """Return a copy of a body with a value at a pointer, making what lies on the way."""
    out = copy.deepcopy(body)
    place, *parts = None, *pointer.split("/")[1:]
    place = out
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        key: Any = int(part) if isinstance(place, list) else part
        if isinstance(place, list) and key == len(place):
            place.append({})
        if after is None:
            place[key] = value
        elif isinstance(place, dict):
            place = place.setdefault(key, [] if after.isdecimal() else {})
        else:
            place = place[key]
    return out


def test_every_id_that_a_body_can_name_is_known(app: FastAPI) -> None:
    assert body_places(app) - FILTER_IDS == BODY_IDS.keys()


# --- ids in bodies


async def attack(
    client: httpx.AsyncClient, asked: Asked, target: Target, place: str, value: str
) -> httpx.Response:
    """Send a route's own body with one id in the place of what is right there."""
    request = request_of(asked, target)
    body = {} if asked.operation in IN_PLACE_OF else request["json"]
    request["json"] = put(body, place, value)
    return await client.request(**request, headers=target.caller)


def errors_of(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in answer.json().get("errors", ())]


async def target_of(app: FastAPI, office: Office, operation: str) -> tuple[Asked, Target]:
    asked = next(one for one in operations(app) if one.operation == operation)
    assert asked.probe is not None
    admin, relation = office.callers[Role.ADMIN], Relation.DEPARTMENT
    return asked, await make_target(office, admin, asked.probe.kind, relation, asked.probe.state)


async def test_an_id_of_nothing_or_of_another_kind_of_row_is_refused_and_nothing_applied(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    for (operation, place), kind in BODY_IDS.items():
        asked, target = await target_of(app, office, operation)
        other_kind = office.south if kind == "user" else office.people["colleague"]
        attacks = {NOBODY: "unknown_reference", other_kind["public_id"]: "unknown_reference"}
        if kind == "user":
            attacks[office.people["inactive"]["public_id"]] = "user_inactive"
        before = await fingerprint(office.database)
        for value, code in attacks.items():
            answer = await attack(client, asked, target, place, value)
            where = f"{operation} {place}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code == 422, where
            assert errors_of(answer) == [(place, code)], where
            assert await fingerprint(office.database) == before, where


async def test_a_contact_of_another_customer_is_refused(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    for (operation, place), kind in BODY_IDS.items():
        if kind != "contact":
            continue
        asked, target = await target_of(app, office, operation)
        _, stranger = await office.customer(target.caller, Relation.DEPARTMENT)
        before = await fingerprint(office.database)
        answer = await attack(client, asked, target, place, stranger["public_id"])
        assert errors_of(answer) == [(place, "unknown_reference")], f"{operation} {answer.text}"
        assert await fingerprint(office.database) == before, operation


async def test_a_ticket_is_merged_only_within_its_customer_and_only_by_who_may_write_both(
    client: httpx.AsyncClient, office: Office
) -> None:
    caller = office.callers[Role.SUPPORT]
    mine = await make_target(office, caller, "ticket", Relation.OWN)
    foreign = await make_target(office, caller, "ticket", Relation.OWN)
    customer, contact = await office.customer(caller, Relation.OTHER)
    async with office.database.transaction() as tx:
        pair = (customer, contact)
        one = await open_in_state(tx, office, pair, Relation.DEPARTMENT, "new")
        another = await open_in_state(tx, office, pair, Relation.OTHER, "new")
    before = await fingerprint(office.database)

    async def merge(ticket: str, into: str) -> httpx.Response:
        url = f"/api/v1/tickets/{ticket}/merge"
        return await client.post(url, json={"into_id": into}, headers=caller)

    answer = await merge(mine.ids["ticket"], foreign.ids["ticket"])
    assert errors_of(answer) == [("/into_id", "another_customer")]
    for ticket, into in ((one, another), (another, one)):
        answer = await merge(ticket["public_id"], into["public_id"])
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert errors_of(await merge(one["public_id"], one["public_id"])) == [
        ("/into_id", "same_ticket")
    ]
    assert await fingerprint(office.database) == before


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_a_contact_is_reached_through_its_own_customer_only(
    client: httpx.AsyncClient, office: Office, method: str
) -> None:
    admin = office.callers[Role.ADMIN]
    customer, _ = await office.customer(admin, Relation.OWN)
    _, stranger = await office.customer(admin, Relation.OTHER)
    url = f"/api/v1/customers/{customer['public_id']}/contacts/{stranger['public_id']}"
    before = await fingerprint(office.database)
    bodies: dict[str, Any] = {"PATCH": {"name": "王芳"}, "POST": {"reason": "客户来电要求回拨"}}
    answer = await client.request(
        method,
        url + ("/reveal" if method == "POST" else ""),
        json=bodies.get(method),
        headers=admin,
    )
    assert answer.status_code == 404
    assert await fingerprint(office.database) == before


# --- ids in queries


async def test_a_filter_by_an_id_of_nothing_finds_nothing(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    admin, document, tried = office.callers[Role.ADMIN], app.openapi(), 0
    for kind in ("ticket", "escalation", "api_key", "notification"):
        await make_target(office, admin, kind, Relation.OWN, "overdue")
    for asked in operations(app):
        if asked.method != "GET":
            continue
        parameters = document["paths"][asked.path]["get"].get("parameters", ())
        for one in parameters:
            if one["in"] != "query" or not list(id_places(document, one["schema"])):
                continue
            answer = await client.get(asked.path, params={one["name"]: NOBODY}, headers=admin)
            where = f"{asked.path}?{one['name']}: {answer.text[:200]}"
            assert answer.status_code == 200, where
            if answer.headers["content-type"] != "application/json":
                continue  # the same figures as their JSON's
            found = answer.json()
            assert found.get("items", found.get("groups")) == [], where
            tried += 1
    assert tried >= 15
