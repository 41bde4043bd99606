"""Every list in every order: pages of any size add up to the whole, each row once, and back to front is the reverse."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from app.auth.permissions import Role
from app.customers.consent_schemas import ConsentCreate
from app.customers.consents import record_consent
from app.database import Database
from app.outbox.relay import relay
from app.segments.evaluation import evaluate_due
from app.subscribers import SUBSCRIPTIONS
from tests.conftest import AsUser
from tests.factories import make_contact
from tests.routes.office import Office, Relation, make_office
from tests.routes.probes import Asked, operations
from tests.routes.targets import make_target

ROWS_MIN = {
    "calendars_list": 2,
    "policies_list": 2,
    "customers_list_contacts": 4,
    "tickets_dispatch": 3,
}


CONSENT = ConsentCreate.model_validate(
    {"channel": "sms", "is_given": True, "text_version": "1", "method": "paper"}
)


@pytest.fixture
async def office(app: FastAPI, database: Database, as_user: AsUser) -> Office:
    return await make_office(app, database, as_user)


async def fill(client: httpx.AsyncClient, office: Office) -> Mapping[str, str]:
    """Make a few rows of every kind, many of them alike; return what paths name."""
    admin = office.callers[Role.ADMIN]
    path: dict[str, str] = {}
    for kind, state in (
        ("customer", "new"), ("ticket", "confirmed"), ("escalation", "overdue"), ("api_key", "new"),
        ("notification", "new"), ("operation", "new"), ("lifecycle_version", "new"), ("tier_policy", "new"), ("choice_list", "new"), ("custom_field", "new"), ("segment", "new"), ("saved_view", "new"), ("obligation", "new"), ("need", "new"), ("service_occurrence", "new"), ("department", "new"), ("ticket", "waiting"), ("ticket", "accepted"),
        ("import", "new"), ("import_mapping", "new"), ("review", "new"), ("merge", "new"),
    ):  # fmt: skip
        for _ in range(3):
            target = await make_target(office, admin, kind, Relation.OWN, state)
            path |= target.path
    customer, contact = await office.customer(admin, Relation.OWN)
    async with office.database.transaction() as tx:
        for _ in range(3):
            await make_contact(tx, customer)
            await record_consent(tx, customer, contact, CONSENT)
    for number in range(3):
        body = {"progress": f"第 {number} 条产线已验收", "key_contacts_changed": False}
        url = f"/api/v1/customers/{customer['public_id']}/confirm-fresh"
        assert (await client.post(url, json=body, headers=admin)).is_success
    url = f"/api/v1/tickets/{path['ticket_id']}"
    for number in range(4):
        body = {"body": f"{number}. 备件已从苏州总仓发出,明早送到现场。"}
        answer = await client.post(f"{url}/messages", json=body, headers=admin)
        assert answer.status_code == 201
    await move_about(client, f"/api/v1/customers/{customer['public_id']}", admin)
    for name in ("colleague", "stranger"):
        body = {"owner_id": office.people[name]["public_id"]}
        assert (await client.post(f"{url}/assign", json=body, headers=admin)).is_success
    for industry in ("仪器", "仪表", "仪器仪表"):
        url = f"/api/v1/customers/{customer['public_id']}"
        answer = await client.patch(url, json={"industry": industry}, headers=admin)
        assert answer.is_success
    await relay(office.database, SUBSCRIPTIONS)
    await evaluate_due(office.database)
    ids = {"customer_id": customer["public_id"], "contact_id": contact["public_id"]}
    return path | ids


async def move_about(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> None:
    """Give a customer stages and tiers, one after the other; he ends where he began."""
    for number, stage in enumerate(("interested", "potential") * 2):
        body = {"stage": stage, "reason": f"客户第 {number} 次来电确认"}
        assert (await client.post(f"{url}/stage", json=body, headers=headers)).is_success
    for tier in ("A", "B", "C"):
        body = {"tier": tier, "reason": "年度合作额"}
        assert (await client.post(f"{url}/tier", json=body, headers=headers)).is_success


async def walk(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], **query: Any
) -> list[bytes]:
    """Return the items of every page, as JSON."""
    items: list[bytes] = []
    cursor: str | None = None
    for _ in range(400):
        asked = {**query, **({} if cursor is None else {"cursor": cursor})}
        answer = await client.get(url, params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["has_more"] == (page["next_cursor"] is not None)
        assert len(page["items"]) <= query["limit"]
        assert page["items"] or not page["has_more"]
        items += [orjson.dumps(one) for one in page["items"]]
        if not page["has_more"]:
            return items
        cursor = page["next_cursor"]
    raise AssertionError(f"{url} never ends")


def sorts_of(document: Mapping[str, Any], asked: Asked) -> list[str | None]:
    """Return the orders that a list can be asked for."""
    for one in document["paths"][asked.path]["get"]["parameters"]:
        if one["name"] == "sort":
            schema = one["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            return list(document["components"]["schemas"].get(name, schema)["enum"])
    return [None]


async def test_pages_of_every_list_in_every_order_add_up(
    app: FastAPI, client: httpx.AsyncClient, office: Office
) -> None:
    headers, document, tried = office.callers[Role.ADMIN], app.openapi(), 0
    path = await fill(client, office)
    for asked in operations(app):
        parameters = document["paths"][asked.path][asked.method.lower()].get("parameters", ())
        if "cursor" not in {one["name"] for one in parameters}:
            continue
        url, wholes = asked.path.format(**path), dict[str | None, list[bytes]]()
        for sort in sorts_of(document, asked):
            query = {} if sort is None else {"sort": sort}
            whole = wholes[sort] = await walk(client, url, headers, limit=200, **query)
            where = f"{asked.operation} {sort}"
            assert len(whole) == len(set(whole)) >= ROWS_MIN.get(asked.operation, 3), where
            for limit in (1, 2, 7):
                assert await walk(client, url, headers, limit=limit, **query) == whole, where
            params: dict[str, Any] = {"limit": 1, "total": "true", **query}
            counted = (await client.get(url, params=params, headers=headers)).json()
            assert counted["total"] == len(whole), where
            tried += 1
        for sort, whole in wholes.items():
            if sort is not None and f"-{sort}" in wholes:
                assert wholes[f"-{sort}"] == whole[::-1], f"{asked.operation} {sort}"
    assert tried > 35
