"""The configurable list of ticket types (SOP TK-13)."""

from typing import Any

import httpx
import pytest

from app.tickets.defaults import ensure_ticket_types
from app.tickets.type_schemas import TicketTypeRead
from tests.tickets.conftest import NOBODY, House, code_of, conform, errors_of

pytestmark = pytest.mark.sop("TK-13")
TYPES = "/api/v1/ticket-types"
GIVEN: dict[str, Any] = {"code": "calibration", "title": {"zh": "校准", "en": "Calibration"}}


async def test_four_types_ship_in_both_languages(house: House) -> None:
    answer = await house.client.get(TYPES, headers=house.callers["agent"])
    items = answer.json()["items"]
    assert [(one["code"], one["dispatch_to"]) for one in items] == [
        ("after_sales", "least_loaded"), ("complaint", "head"), ("consult", "least_loaded"),
        ("technical", "least_loaded"),
    ]  # fmt: skip
    assert items[1]["title"] == {"zh": "投诉", "en": "Complaint"}
    assert items[1]["department_id"] == str(house.departments["service"]["public_id"])
    for one in items:
        conform(TicketTypeRead, one)


async def test_storing_the_shipped_types_again_changes_nothing(house: House) -> None:
    before = (await house.client.get(TYPES, headers=house.callers["agent"])).json()
    async with house.database.transaction() as tx:
        await ensure_ticket_types(tx)
    assert (await house.client.get(TYPES, headers=house.callers["agent"])).json() == before


async def test_a_new_type_is_dispatched_as_it_says(house: House) -> None:
    department = str(house.departments["service"]["public_id"])
    body = {**GIVEN, "department_id": department, "dispatch_to": "head"}
    answer = await house.client.post(TYPES, json=body, headers=house.callers["admin"])
    assert (answer.status_code, answer.headers["location"]) == (201, f"{TYPES}/calibration")
    conform(TicketTypeRead, answer.json())
    assert answer.json() == {**body, "is_active": True, "version": 1}
    assert (await house.open(type="calibration"))["owner"]["name"] == "service_head"


async def test_a_type_changes_where_it_is_named(house: House) -> None:
    change = {"title": {"zh": "技术", "en": "Tech"}, "is_active": False, "department_id": None}
    answer = await house.client.patch(
        f"{TYPES}/technical", json=change, headers={**house.callers["admin"], "If-Match": '"1"'}
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json() == {
        "code": "technical", "dispatch_to": "least_loaded", "version": 2, **change,
    }  # fmt: skip
    active = await house.client.get(
        TYPES, params={"is_active": "true"}, headers=house.callers["agent"]
    )
    assert "technical" not in [one["code"] for one in active.json()["items"]]
    stale = await house.client.patch(
        f"{TYPES}/technical", json={"is_active": True},
        headers={**house.callers["admin"], "If-Match": '"1"'},
    )  # fmt: skip
    assert code_of(stale) == (412, "stale_version")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"code": "Größe"}, "/code"),
        ({"code": "1st"}, "/code"),
        ({"code": "a" * 41}, "/code"),
        ({"title": {"zh": "校准"}}, "/title/en"),
        ({"department_id": NOBODY}, "/department_id"),
        ({"dispatch_to": "random"}, "/dispatch_to"),
        ({"is_active": False}, "/is_active"),
    ],
)
async def test_a_type_that_breaks_the_form_is_refused(
    house: House, given: dict[str, Any], wrong: str
) -> None:
    answer = await house.client.post(TYPES, json={**GIVEN, **given}, headers=house.callers["admin"])
    assert set(errors_of(answer)) == {wrong}


async def test_a_code_is_taken_once(house: House) -> None:
    body = {**GIVEN, "code": "technical"}
    answer = await house.client.post(TYPES, json=body, headers=house.callers["admin"])
    assert code_of(answer) == (409, "ticket_type_exists")


async def test_only_who_organises_changes_types(house: House, client: httpx.AsyncClient) -> None:
    for send, address, body in (
        (client.post, TYPES, GIVEN),
        (client.patch, f"{TYPES}/technical", {"is_active": False}),
    ):
        assert (await send(address, json=body)).status_code == 401
        for name in ("boss", "agent", "analyst"):
            assert (await send(address, json=body, headers=house.callers[name])).status_code == 403
    missing = await client.patch(f"{TYPES}/unheard", json={}, headers=house.callers["admin"])
    assert missing.status_code == 404
    assert (await client.get(TYPES)).status_code == 401
    assert (await client.get(TYPES, headers=house.callers["auditor"])).status_code == 403
